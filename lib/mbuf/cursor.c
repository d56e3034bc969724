/* SPDX-License-Identifier: BSD-3-Clause */
/* cursor.c: a cursor at the border of segments, and what it cannot do in place.
 *
 * An error closes the window of the fast path, at = end = limit, so that only the slow path, here,
 * has to look at it. A write makes room first, then what is shared its own, and only then changes
 * bytes: what fails before that is undone.
 */
#include "mbuf_impl.h"

#include "weir/cursor.h"

#include <errno.h>

static void fail(struct weir_cursor *cursor, int error)
{
	cursor->error = error;
	cursor->end = cursor->limit = cursor->at;
}

/* How much of this segment can be written, from its start. */
static uint32_t writable_bytes(const struct weir_cursor *cursor)
{
	const struct weir_mbuf *segment = cursor->segment;
	uint32_t grow = UINT32_MAX - cursor->head->length;

	if (!cursor->packet || !weir__segment_is_writable(segment))
		return 0;
	if (segment->next)
		return segment->data_length;
	if (weir_mbuf_tailroom(segment) < grow)
		grow = weir_mbuf_tailroom(segment);
	return segment->data_length + grow;
}

/* Stand offset bytes into a segment. */
static void enter(
	struct weir_cursor *cursor, struct weir_mbuf *segment, uint32_t before, uint32_t offset)
{
	uint8_t *data = weir_mbuf_data(segment);

	cursor->segment = segment;
	cursor->before = before;
	cursor->at = data + offset;
	cursor->end = data + segment->data_length;
	cursor->limit = data + writable_bytes(cursor);
}

/* Stand at a place that the packet has. */
static void go_to(struct weir_cursor *cursor, uint32_t offset)
{
	uint32_t inside = offset;
	struct weir_mbuf *segment = weir__mbuf_seek(cursor->head, &inside);

	enter(cursor, segment, offset - inside, inside);
}

/* Having come to the end of this segment, go on to the next that has a byte, or to the last. */
static void go_on(struct weir_cursor *cursor)
{
	while (cursor->at == cursor->end && cursor->segment->next)
		enter(cursor, cursor->segment->next, cursor->before + cursor->segment->data_length,
			0);
}

/* How many of count bytes lie here, after going on. */
static uint32_t piece(struct weir_cursor *cursor, uint32_t count)
{
	ptrdiff_t here;

	go_on(cursor);
	here = cursor->end - cursor->at;
	return here < (ptrdiff_t)count ? (uint32_t)here : count;
}

void weir_cursor_read_start(struct weir_cursor *cursor, const struct weir_mbuf *mbuf)
{
	*cursor = (struct weir_cursor){.head = (struct weir_mbuf *)(uintptr_t)mbuf};
	enter(cursor, cursor->head, 0, 0);
}

void weir_cursor_start(
	struct weir_cursor *cursor, struct weir_mbuf **packet, enum weir_cursor_shared shared)
{
	*cursor = (struct weir_cursor){.packet = packet, .head = *packet, .shared = shared};
	enter(cursor, cursor->head, 0, 0);
}

void weir_cursor_seek(struct weir_cursor *cursor, uint32_t offset)
{
	if (cursor->error)
		return;
	if (offset > cursor->head->length)
		fail(cursor, -EINVAL);
	else
		go_to(cursor, offset);
}

/* Can so many be read? Else the error is there. */
static bool can_read(struct weir_cursor *cursor, uint32_t count)
{
	if (!cursor->error && count > weir_cursor_left(cursor))
		fail(cursor, -ENODATA);
	return !cursor->error;
}

void weir__cursor_skip_slow(struct weir_cursor *cursor, uint32_t count)
{
	if (!can_read(cursor, count))
		return;
	while (count) {
		uint32_t here = piece(cursor, count);

		cursor->at += here;
		count -= here;
	}
}

void weir__cursor_read_slow(struct weir_cursor *cursor, void *bytes, uint32_t count)
{
	uint8_t *to = bytes;

	if (!can_read(cursor, count)) {
		memset(bytes, 0, count);
		return;
	}
	while (count) {
		uint32_t here = piece(cursor, count);

		memcpy(to, cursor->at, here);
		cursor->at += here;
		to += here;
		count -= here;
	}
}

const void *weir_cursor_peek(struct weir_cursor *cursor, uint32_t count, void *bounce)
{
	struct weir_cursor ahead;

	if (!can_read(cursor, count))
		return NULL;
	if (piece(cursor, count) == count)
		return cursor->at;
	ahead = *cursor;
	weir_cursor_read(&ahead, bounce, count);
	return bounce;
}

/* ---- writing ---- */

/* Make the packet count bytes longer, with whatever they are. 0 or -errno. */
static int grow(struct weir_cursor *cursor, uint32_t count)
{
	struct weir_mempool *pool = weir_mbuf_pool(cursor->head);
	struct weir_mbuf *last = weir_mbuf_last(cursor->segment), *more;
	uint32_t segments = weir__segments_for(pool, count, weir_mbuf_tailroom(last));

	if (count > UINT32_MAX - cursor->head->length)
		return -EMSGSIZE;
	if (segments) {
		more = weir__mbuf_reserve(pool, segments);
		if (!more)
			return -ENOBUFS;
		weir_mbuf_set_next(last, more);
	}
	cursor->head->length += count;
	for (; count; last = last->next) {
		uint32_t room = weir_mbuf_tailroom(last), part = count < room ? count : room;

		last->data_length += part;
		count -= part;
	}
	return 0;
}

/* May the next count bytes, which are there, be written? */
static bool is_writable(const struct weir_cursor *cursor, uint32_t count)
{
	const struct weir_mbuf *segment = cursor->segment;
	uint32_t here = (uint32_t)(cursor->end - cursor->at);

	for (;;) {
		if (count && here && !weir__segment_is_writable(segment))
			return false;
		if (count <= here)
			return true;
		count -= here;
		segment = segment->next;
		here = segment->data_length;
	}
}

/* Make the next count bytes, which are there, the packet's own. 0 or -errno. */
static int make_own(struct weir_cursor *cursor, uint32_t count)
{
	uint32_t offset = weir_cursor_tell(cursor);
	int error = weir_mbuf_make_writable(cursor->packet, offset, count);

	if (error)
		return error;
	cursor->copied++;
	cursor->head = *cursor->packet;
	go_to(cursor, offset);
	return 0;
}

/* The same, if it is wanted, and some more: of a segment too long to be copied whole an mbuf full.
 * It would be cut anew for each of many small writes else. */
static int make_own_ahead(struct weir_cursor *cursor, uint32_t count)
{
	uint32_t ahead = (uint32_t)(cursor->end - cursor->at);
	uint32_t fits = weir_mbuf_pool_size(weir_mbuf_pool(cursor->head));

	if (cursor->shared == WEIR_CURSOR_REFUSE)
		return -EROFS;
	ahead = ahead < fits ? ahead : fits;
	return make_own(cursor, count > ahead ? count : ahead);
}

/* Look at this segment again: it has changed. */
static void look_again(struct weir_cursor *cursor)
{
	enter(cursor, cursor->segment, cursor->before,
		(uint32_t)(cursor->at - weir_mbuf_data(cursor->segment)));
	go_on(cursor);
}

/* Whoever else holds the packet must not see it grow. A clone holds its bytes only, but cannot be
 * told from that: then the head is replaced for nothing. 0 or -errno. */
static int own_head(struct weir_cursor *cursor)
{
	if (cursor->shared == WEIR_CURSOR_REFUSE || weir_mbuf_refs(cursor->head) == 1)
		return 0;
	return make_own(cursor, 0);
}

/* Make the packet longer by more, and count bytes from here on writable. 0, or -errno and the
 * packet has not changed. */
static int prepare(struct weir_cursor *cursor, uint32_t count, uint32_t more)
{
	uint32_t offset = weir_cursor_tell(cursor);
	int error = 0;

	if (more) {
		error = own_head(cursor);
		error = error ? error : grow(cursor, more);
		if (error)
			return error;
	}
	look_again(cursor);
	if (is_writable(cursor, count))
		return 0;
	error = make_own_ahead(cursor, count);
	if (error && more) {
		weir_mbuf_trim(cursor->head, more);
		go_to(cursor, offset);
	}
	return error;
}

/* Write count bytes, or as many zeros. */
static void put(struct weir_cursor *cursor, const uint8_t *bytes, uint32_t count)
{
	uint32_t there = weir_cursor_left(cursor);
	int error = cursor->error;

	if (!error)
		error = cursor->packet ? prepare(cursor, count, count > there ? count - there : 0)
				       : -EROFS;
	if (error) {
		fail(cursor, error);
		return;
	}
	while (count) {
		uint32_t here = piece(cursor, count);

		if (bytes) {
			memcpy(cursor->at, bytes, here);
			bytes += here;
		} else {
			memset(cursor->at, 0, here);
		}
		cursor->at += here;
		count -= here;
	}
}

void weir__cursor_write_slow(struct weir_cursor *cursor, const void *bytes, uint32_t count)
{
	if (count)
		put(cursor, bytes, count);
}

uint32_t weir_cursor_reserve(struct weir_cursor *cursor, uint32_t count)
{
	uint32_t offset = weir_cursor_tell(cursor);

	if (count)
		put(cursor, NULL, count);
	return offset;
}

void weir_cursor_patch(
	struct weir_cursor *cursor, uint32_t offset, const void *bytes, uint32_t count)
{
	struct weir_cursor there = *cursor;
	uint32_t here = weir_cursor_tell(cursor);

	if (cursor->error || count == 0)
		return;
	if (!weir__mbuf_has(cursor->head, offset, count)) {
		fail(cursor, -EINVAL);
		return;
	}
	go_to(&there, offset);
	weir_cursor_write(&there, bytes, count);
	if (there.error) {
		fail(cursor, there.error);
	} else if (there.head != cursor->head || there.copied != cursor->copied) {
		cursor->head = there.head;
		cursor->copied = there.copied;
		go_to(cursor, here);
	}
}

uint8_t *weir_cursor_claim(struct weir_cursor *cursor, uint32_t count)
{
	struct weir_mbuf *last;
	uint8_t *bytes = NULL;
	int error = cursor->error;

	if (!error)
		error = cursor->packet ? 0 : -EROFS;
	if (!error && weir_cursor_left(cursor))
		error = -EINVAL;
	if (!error)
		error = own_head(cursor);
	if (!error) {
		bytes = weir_mbuf_extend_tail(cursor->head, count);
		error = bytes ? 0 : -errno;
	}
	if (error) {
		fail(cursor, error);
		return NULL;
	}
	last = weir_mbuf_last(cursor->segment);
	enter(cursor, last, cursor->head->length - last->data_length, last->data_length);
	return bytes;
}
