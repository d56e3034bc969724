/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/cursor.h: a packet read and written like a stream, whatever segments it has.
 *
 *	segment        | ####### | -> | ############ | ->| ##########......... |
 *	                                     ^       ^
 *	                                     at      end, and limit of what may be written here
 *
 * A cursor stands at one place of one packet. Reading moves it towards the end and never past it.
 * Writing replaces the bytes that are there, and at the end makes the packet longer: into the
 * tailroom of the last segment first, then into new segments of the pool of the packet's first.
 * Nothing that is there already is moved or copied for that.
 *
 * Errors stick. The first one stays in the cursor, and everything after it does nothing and reads
 * zeros: so one writes or reads a whole header, and looks at weir_cursor_error() once, at the end.
 *
 *	-ENODATA	read or skipped past the end
 *	-EINVAL		a place that is not in the packet
 *	-EROFS		a write to bytes that others use, or with a cursor for reading
 *	-ENOBUFS	a pool was dry
 *	-EMSGSIZE	the packet would be longer than 2^32 - 1, or see weir_cursor_claim()
 *
 * A call that fails has written nothing: the packet is as it was before it, and the cursor where it
 * was.
 *
 * While a cursor is in use its packet is changed by nothing else, and neither cloned nor frozen. A
 * cursor needs no end: forget it. Threads: it belongs to whoever owns the packet.
 */
#ifndef WEIR_CURSOR_H
#define WEIR_CURSOR_H

#include "weir/base.h"
#include "weir/mbuf.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a write does about bytes that are there, but are shared or frozen (weir/clone.h). */
enum weir_cursor_shared {
	WEIR_CURSOR_REFUSE, /* it fails with -EROFS */
	WEIR_CURSOR_COPY,   /* it makes them the packet's own first: weir_mbuf_make_writable() */
};

/* The members are the library's. */
struct weir_cursor {
	uint8_t *at;    /* in this segment: the next byte, */
	uint8_t *end;   /* the end of its data, */
	uint8_t *limit; /* and of what can be written: its start when nothing can */
	struct weir_mbuf *segment;
	struct weir_mbuf **packet; /* NULL when for reading only */
	struct weir_mbuf *head;
	uint32_t before; /* bytes of the packet in the segments before */
	uint32_t copied; /* how often bytes were made the packet's own, which moves segments */
	int error;
	enum weir_cursor_shared shared;
};

/* Stand at the start of a packet, for reading only; or for both. A packet that is written may have
 * another mbuf in front afterwards: then *packet changes, so both must outlive the cursor. */
WEIR_API void weir_cursor_read_start(struct weir_cursor *cursor, const struct weir_mbuf *mbuf);
WEIR_API void weir_cursor_start(
	struct weir_cursor *cursor, struct weir_mbuf **packet, enum weir_cursor_shared shared);

/* 0, or the first error. */
static inline int weir_cursor_error(const struct weir_cursor *cursor)
{
	return cursor->error;
}

/* Where it stands: bytes from the start of the packet; and bytes from there to the end. */
static inline uint32_t weir_cursor_tell(const struct weir_cursor *cursor)
{
	return cursor->before + (uint32_t)(cursor->at - weir_mbuf_data(cursor->segment));
}
static inline uint32_t weir_cursor_left(const struct weir_cursor *cursor)
{
	return cursor->head->length - weir_cursor_tell(cursor);
}

/* Go to a place, which may be the end; and count bytes towards the end. */
WEIR_API void weir_cursor_seek(struct weir_cursor *cursor, uint32_t offset);
static inline void weir_cursor_skip(struct weir_cursor *cursor, uint32_t count);

/* Read count bytes and move behind them: all, or none, and zeros. */
static inline void weir_cursor_read(struct weir_cursor *cursor, void *bytes, uint32_t count);

/* Write count bytes and move behind them: all or none. */
static inline void weir_cursor_write(struct weir_cursor *cursor, const void *bytes, uint32_t count);

/* Numbers in network order. What is put after an error is lost, what is got is 0. */
static inline uint8_t weir_cursor_get_u8(struct weir_cursor *cursor);
static inline uint16_t weir_cursor_get_u16(struct weir_cursor *cursor);
static inline uint32_t weir_cursor_get_u32(struct weir_cursor *cursor);
static inline uint64_t weir_cursor_get_u64(struct weir_cursor *cursor);
static inline void weir_cursor_put_u8(struct weir_cursor *cursor, uint8_t value);
static inline void weir_cursor_put_u16(struct weir_cursor *cursor, uint16_t value);
static inline void weir_cursor_put_u32(struct weir_cursor *cursor, uint32_t value);
static inline void weir_cursor_put_u64(struct weir_cursor *cursor, uint64_t value);

/* Look at the next count bytes without moving: in place when they lie in one segment, else copied
 * to bounce, which has room for them. NULL, and -ENODATA, when there are fewer. */
WEIR_API const void *weir_cursor_peek(struct weir_cursor *cursor, uint32_t count, void *bounce);

/* Write count zeros for something known later only, such as a length. Their place, for patch. */
WEIR_API uint32_t weir_cursor_reserve(struct weir_cursor *cursor, uint32_t count);

/* Write over bytes at a place that the packet has, and stay. */
WEIR_API void weir_cursor_patch(
	struct weir_cursor *cursor, uint32_t offset, const void *bytes, uint32_t count);
static inline void weir_cursor_patch_u8(struct weir_cursor *cursor, uint32_t offset, uint8_t value);
static inline void weir_cursor_patch_u16(
	struct weir_cursor *cursor, uint32_t offset, uint16_t value);
static inline void weir_cursor_patch_u32(
	struct weir_cursor *cursor, uint32_t offset, uint32_t value);
static inline void weir_cursor_patch_u64(
	struct weir_cursor *cursor, uint32_t offset, uint64_t value);

/* At the end of the packet only: make it count bytes longer, in one segment, for the caller to
 * fill in, such as by recv(); the cursor moves behind them. NULL when that fails; -EINVAL elsewhere
 * than at the end, -EMSGSIZE when no segment of the pool can hold so many. */
WEIR_API uint8_t *weir_cursor_claim(struct weir_cursor *cursor, uint32_t count);

/* ---- the fast path: what lies in this segment ---- */

WEIR_API void weir__cursor_read_slow(struct weir_cursor *cursor, void *bytes, uint32_t count);
WEIR_API void weir__cursor_write_slow(
	struct weir_cursor *cursor, const void *bytes, uint32_t count);
WEIR_API void weir__cursor_skip_slow(struct weir_cursor *cursor, uint32_t count);

static inline void weir_cursor_skip(struct weir_cursor *cursor, uint32_t count)
{
	if (weir_likely((ptrdiff_t)count <= cursor->end - cursor->at))
		cursor->at += count;
	else
		weir__cursor_skip_slow(cursor, count);
}

static inline void weir_cursor_read(struct weir_cursor *cursor, void *bytes, uint32_t count)
{
	if (weir_unlikely((ptrdiff_t)count > cursor->end - cursor->at)) {
		weir__cursor_read_slow(cursor, bytes, count);
		return;
	}
	memcpy(bytes, cursor->at, count);
	cursor->at += count;
}

static inline void weir_cursor_write(struct weir_cursor *cursor, const void *bytes, uint32_t count)
{
	if (weir_unlikely((ptrdiff_t)count > cursor->limit - cursor->at)) {
		weir__cursor_write_slow(cursor, bytes, count);
		return;
	}
	memcpy(cursor->at, bytes, count);
	cursor->at += count;
	if (cursor->at > cursor->end) { /* into the tailroom */
		uint32_t more = (uint32_t)(cursor->at - cursor->end);

		cursor->segment->data_length += more;
		cursor->head->length += more;
		cursor->end = cursor->at;
	}
}

/* To and from network order. */
static inline uint16_t weir__cursor_u16(uint16_t value)
{
	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? value : __builtin_bswap16(value);
}
static inline uint32_t weir__cursor_u32(uint32_t value)
{
	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? value : __builtin_bswap32(value);
}
static inline uint64_t weir__cursor_u64(uint64_t value)
{
	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? value : __builtin_bswap64(value);
}

static inline uint8_t weir_cursor_get_u8(struct weir_cursor *cursor)
{
	uint8_t value;

	weir_cursor_read(cursor, &value, sizeof(value));
	return value;
}

static inline uint16_t weir_cursor_get_u16(struct weir_cursor *cursor)
{
	uint16_t value;

	weir_cursor_read(cursor, &value, sizeof(value));
	return weir__cursor_u16(value);
}

static inline uint32_t weir_cursor_get_u32(struct weir_cursor *cursor)
{
	uint32_t value;

	weir_cursor_read(cursor, &value, sizeof(value));
	return weir__cursor_u32(value);
}

static inline uint64_t weir_cursor_get_u64(struct weir_cursor *cursor)
{
	uint64_t value;

	weir_cursor_read(cursor, &value, sizeof(value));
	return weir__cursor_u64(value);
}

static inline void weir_cursor_put_u8(struct weir_cursor *cursor, uint8_t value)
{
	weir_cursor_write(cursor, &value, sizeof(value));
}

static inline void weir_cursor_put_u16(struct weir_cursor *cursor, uint16_t value)
{
	value = weir__cursor_u16(value);
	weir_cursor_write(cursor, &value, sizeof(value));
}

static inline void weir_cursor_put_u32(struct weir_cursor *cursor, uint32_t value)
{
	value = weir__cursor_u32(value);
	weir_cursor_write(cursor, &value, sizeof(value));
}

static inline void weir_cursor_put_u64(struct weir_cursor *cursor, uint64_t value)
{
	value = weir__cursor_u64(value);
	weir_cursor_write(cursor, &value, sizeof(value));
}

static inline void weir_cursor_patch_u8(struct weir_cursor *cursor, uint32_t offset, uint8_t value)
{
	weir_cursor_patch(cursor, offset, &value, sizeof(value));
}

static inline void weir_cursor_patch_u16(
	struct weir_cursor *cursor, uint32_t offset, uint16_t value)
{
	value = weir__cursor_u16(value);
	weir_cursor_patch(cursor, offset, &value, sizeof(value));
}

static inline void weir_cursor_patch_u32(
	struct weir_cursor *cursor, uint32_t offset, uint32_t value)
{
	value = weir__cursor_u32(value);
	weir_cursor_patch(cursor, offset, &value, sizeof(value));
}

static inline void weir_cursor_patch_u64(
	struct weir_cursor *cursor, uint32_t offset, uint64_t value)
{
	value = weir__cursor_u64(value);
	weir_cursor_patch(cursor, offset, &value, sizeof(value));
}

#ifdef __cplusplus
}
#endif

#endif
