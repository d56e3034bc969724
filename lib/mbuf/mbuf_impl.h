/* SPDX-License-Identifier: BSD-3-Clause */
/* mbuf_impl.h: what the files of this room do for each other.
 *
 *	mbuf.c	alloc	free.c	and back
 *	clone.c	shared bytes
 *	chain.c	segments	bytes.c	the bytes in them
 *	cursor.c	a stream of them	field.c	more metadata, by name
 *	dump.c	a packet as text	layout.c	for debuggers
 *	check.c	invariants	sharing.c	what several hold
 *	writable.c	copies of what is written
 */
#ifndef WEIR_MBUF_IMPL_H
#define WEIR_MBUF_IMPL_H

#include "weir/chain.h"
#include "weir/clone.h"
#include "weir/dump.h"
#include "weir/mbuf.h"
#include "weir/offload.h"

#include "mempool/guard_impl.h"
#include "mempool/mempool_impl.h"

static inline struct weir__lender *weir__mbuf_lender(
	const struct weir_mempool *pool, const struct weir_mbuf *mbuf)
{
	return (struct weir__lender *)(void *)((uintptr_t)mbuf + pool->head.mbuf_first);
}

/* The word that counts who uses a lender's bytes. */
static inline WEIR_ATOMIC(uint32_t) * weir__lender_state(const struct weir__lender *lender)
{
	return lender->external ? &lender->external->state : &lender->owner->state;
}

/* weir_mbuf_segments() of a packet that is there. */
static inline uint32_t weir__mbuf_segments(const struct weir_mbuf *mbuf)
{
	uint32_t count = 1;

	while ((mbuf = mbuf->next) != NULL)
		count++;
	return count;
}

/* free.c: drop our reference to one segment, and leave the others of its chain alone. */
void weir__mbuf_drop(struct weir_mbuf *mbuf);

/* mbuf.c: count empty mbufs as a chain, for those who must not run dry halfway; NULL. */
struct weir_mbuf *weir__mbuf_reserve(struct weir_mempool *pool, uint32_t count);

/* Take the first mbuf off such a chain. */
static inline struct weir_mbuf *weir__mbuf_take(struct weir_mbuf **reserve)
{
	struct weir_mbuf *mbuf = *reserve;

	*reserve = mbuf->next;
	weir_mbuf_set_next(mbuf, NULL);
	return mbuf;
}

/* How many more segments of a pool length bytes take, behind room that is there. */
static inline uint32_t weir__segments_for(
	const struct weir_mempool *pool, uint32_t length, uint32_t room)
{
	uint32_t size = weir_mbuf_pool_size(pool);

	return length <= room ? 0 : (length - room - 1) / size + 1;
}

/* sharing.c, when weir__guards_anybody(): a reference to an mbuf is going to be taken, or its bytes
 * frozen; one to an mbuf with this state to be given up. */
void weir__sharing_begins(struct weir_mbuf *mbuf, enum weir__deed deed);
void weir__sharing_ends(struct weir_mbuf *mbuf, uint32_t state);

/* The former, of what lends its bytes: NULL for external memory. */
static inline void weir__sharing_note(struct weir_mbuf *mbuf, enum weir__deed deed)
{
	if (weir__guards_anybody() && mbuf)
		weir__sharing_begins(mbuf, deed);
}

/* sharing.c: were the bytes of a guarded mbuf written that several have? */
bool weir__sharing_broken(const struct weir_mempool *pool, const struct weir_mbuf *mbuf);

/* clone.c: let to, which is plain, use the bytes of from. Who keeps both asks first whether too
 * many do; who gives up from, of which to is a part, need not. */
bool weir__mbuf_may_share(struct weir_mbuf *from);
void weir__mbuf_share(struct weir_mbuf *to, struct weir_mbuf *from);

/* writable.c: may its holder write to the bytes of this segment? */
bool weir__segment_is_writable(const struct weir_mbuf *mbuf);

/* writable.c: weir_mbuf_make_writable() in two steps: how many mbufs it takes at most, where the
 * segments that others hold are to be replaced, too, or not; and doing it with that many of a
 * reserve, the rest of which stays. */
uint32_t weir__mbuf_own_count(
	const struct weir_mbuf *mbuf, uint32_t offset, uint32_t length, bool held);
void weir__mbuf_own(
	struct weir_mbuf **packet, uint32_t offset, uint32_t length, struct weir_mbuf **reserve);

/* field.c: room for named fields in the mbufs of a pool, 0 or -errno; copy those of a packet. */
int weir__mbuf_fields_init(struct weir_mempool *pool, uint32_t start, uint32_t size);
void weir__mbuf_copy_fields(struct weir_mbuf *to, const struct weir_mbuf *from);

/* layout.c; for debuggers, by these names (tools/gdb/weir.py) */
extern const struct weir_layout weir__mbuf_layout[], weir__mempool_layout[];

/* Everything that is said of a packet, but its length. */
static inline void weir__mbuf_copy_metadata(struct weir_mbuf *to, const struct weir_mbuf *from)
{
	to->flags = from->flags;
	to->link_type = from->link_type;
	to->port = from->port;
	to->timestamp_ns = from->timestamp_ns;
	to->wire_length = from->wire_length;
	to->hash = from->hash;
	to->vlan_tci = from->vlan_tci;
	to->packet_type = from->packet_type;
	to->l3_length = from->l3_length;
	to->l2_length = from->l2_length;
	to->l4_length = from->l4_length;
	if (weir_unlikely(from->flags & WEIR_MBUF_FIELDS))
		weir__mbuf_copy_fields(to, from);
}

/* The same for a part of a packet. */
static inline void weir__mbuf_copy_metadata_of_part(
	struct weir_mbuf *to, const struct weir_mbuf *from)
{
	weir__mbuf_copy_metadata(to, from);
	to->flags &= ~(WEIR_MBUF_WIRE_LENGTH | WEIR_MBUF_LAYERS | WEIR_OFFLOADS);
}

/* The segment that has the byte at *offset, which becomes its place there. The end belongs to the
 * last segment. */
static inline struct weir_mbuf *weir__mbuf_seek(struct weir_mbuf *mbuf, uint32_t *offset)
{
	while (*offset >= mbuf->data_length && mbuf->next) {
		*offset -= mbuf->data_length;
		mbuf = mbuf->next;
	}
	return mbuf;
}

typedef uint8_t weir__bytes16 __attribute__((vector_size(16), aligned(1), may_alias));

/* As memcpy(), of at most 64 bytes and without a call: both ends are read, then written, and may
 * overlap. */
static inline void weir__copy_short(uint8_t *to, const uint8_t *from, uint32_t count)
{
	weir__bytes16 *start = (weir__bytes16 *)to, *end = (weir__bytes16 *)(to + count);
	const weir__bytes16 *first = (const weir__bytes16 *)from;
	const weir__bytes16 *last = (const weir__bytes16 *)(from + count);

	if (count > 32) {
		weir__bytes16 a = first[0], b = first[1], c = last[-2], d = last[-1];

		start[0] = a;
		start[1] = b;
		end[-2] = c;
		end[-1] = d;
	} else if (count >= 16) {
		weir__bytes16 a = first[0], d = last[-1];

		start[0] = a;
		end[-1] = d;
	} else if (count >= 8) {
		uint64_t a, d;

		memcpy(&a, from, 8);
		memcpy(&d, from + count - 8, 8);
		memcpy(to, &a, 8);
		memcpy(to + count - 8, &d, 8);
	} else {
		while (count--)
			*to++ = *from++;
	}
}

/* As memcpy(), without a call for as few bytes as a header or a small segment has. */
static inline void weir__copy_bytes(uint8_t *to, const uint8_t *from, uint32_t count)
{
	if (weir_likely(count <= 64))
		weir__copy_short(to, from, count);
	else
		memcpy(to, from, count);
}

static inline bool weir__mbuf_has(const struct weir_mbuf *mbuf, uint32_t offset, uint32_t length)
{
	return offset <= mbuf->length && length <= mbuf->length - offset;
}

#endif
