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

/* How many of the next count bytes, and of some more, to make the packet's own: of a segment too
 * long to be copied whole an mbuf full. It would be cut anew for each of many small writes else. */
static uint32_t ahead(const struct weir_cursor *cursor, uint32_t count)
{
	uint32_t here = (uint32_t)(cursor->end - cursor->at);
	uint32_t fits = weir_mbuf_pool_size(weir_mbuf_pool(cursor->head));

	here = here < fits ? here : fits;
	return count > here ? count : here;
}

/* Whoever else holds the packet must not see it grow: so the head is replaced first. A clone holds
 * its bytes only, but cannot be told from that: then it is replaced for nothing. */
static bool is_head_replaced(const struct weir_cursor *cursor)
{
	return cursor->shared == WEIR_CURSOR_COPY && weir_mbuf_refs(cursor->head) > 1;
}

/* All that a write will take, before anything is changed: to make count bytes from here on the
 * packet's own, the last more of which it does not have yet, on so many new segments. 0 or -errno.
 */
static int take_reserve(struct weir_cursor *cursor, uint32_t count, uint32_t more,
	uint32_t segments, struct weir_mbuf **reserve)
{
	uint32_t offset = weir_cursor_tell(cursor), needed = segments;
	bool first = more && is_head_replaced(cursor);

	if (more > UINT32_MAX - cursor->head->length)
		return -EMSGSIZE;
	if (first)
		needed += weir__mbuf_own_count(cursor->head, offset, 0, true);
	if (!is_writable(cursor, count - more)) {
		if (cursor->shared == WEIR_CURSOR_REFUSE)
			return -EROFS;
		needed += weir__mbuf_own_count(cursor->head, offset, ahead(cursor, count),
			!first && weir_mbuf_refs(cursor->head) > 1);
	}
	*reserve = needed ? weir__mbuf_reserve(weir_mbuf_pool(cursor->head), needed) : NULL;
	return needed && !*reserve ? -ENOBUFS : 0;
}

/* Make the next count bytes, which are there, the packet's own. */
static void make_own(struct weir_cursor *cursor, uint32_t count, struct weir_mbuf **reserve)
{
	uint32_t offset = weir_cursor_tell(cursor);

	weir__mbuf_own(cursor->packet, offset, count, reserve);
	cursor->copied++;
	cursor->head = *cursor->packet;
	go_to(cursor, offset);
}

/* Make the packet count bytes longer, with whatever they are. */
static void grow(struct weir_cursor *cursor, uint32_t count, struct weir_mbuf **reserve)
{
	struct weir_mbuf *last;

	if (is_head_replaced(cursor))
		make_own(cursor, 0, reserve);
	last = weir_mbuf_last(cursor->segment);
	cursor->head->length += count;
	for (;;) {
		uint32_t room = weir_mbuf_tailroom(last), part = count < room ? count : room;

		last->data_length += part;
		count -= part;
		if (!count)
			return;
		weir_mbuf_set_next(last, weir__mbuf_take(reserve));
		last = last->next;
	}
}

/* Look at this segment again: it has changed. */
static void look_again(struct weir_cursor *cursor)
{
	enter(cursor, cursor->segment, cursor->before,
		(uint32_t)(cursor->at - weir_mbuf_data(cursor->segment)));
	go_on(cursor);
}

/* Make the packet longer by more, and count bytes from here on writable. 0, or -errno and the
 * packet has not changed. */
static int prepare(struct weir_cursor *cursor, uint32_t count, uint32_t more)
{
	const struct weir_mbuf *last = weir_mbuf_last(cursor->segment);
	uint32_t segments =
		weir__segments_for(weir_mbuf_pool(cursor->head), more, weir_mbuf_tailroom(last));
	struct weir_mbuf *reserve;
	int error;

	look_again(cursor);
	error = take_reserve(cursor, count, more, segments, &reserve);
	if (error)
		return error;
	if (more)
		grow(cursor, more, &reserve);
	look_again(cursor);
	if (!is_writable(cursor, count))
		make_own(cursor, ahead(cursor, count), &reserve);
	/* some are left where others have let go meanwhile */
	weir_mbuf_free(reserve);
	return 0;
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

/* The same for count bytes at the end, in one segment. */
static int prepare_claim(struct weir_cursor *cursor, uint32_t count)
{
	struct weir_mbuf *last = weir_mbuf_last(cursor->segment), *reserve, *tail;
	bool fits = count <= weir_mbuf_tailroom(last);
	int error;

	if (!fits && count > weir_mbuf_pool(cursor->head)->head.mbuf_buffer_size)
		return -EMSGSIZE;
	error = take_reserve(cursor, count, count, !fits, &reserve);
	if (error)
		return error;
	if (is_head_replaced(cursor))
		make_own(cursor, 0, &reserve);
	if (!fits) {
		tail = weir__mbuf_take(&reserve);
		if (count > weir_mbuf_tailroom(tail))
			tail->offset = 0;
		weir_mbuf_set_next(weir_mbuf_last(cursor->segment), tail);
	}
	weir_mbuf_free(reserve);
	return 0;
}

uint8_t *weir_cursor_claim(struct weir_cursor *cursor, uint32_t count)
{
	struct weir_mbuf *last;
	uint8_t *bytes;
	int error = cursor->error;

	if (!error)
		error = cursor->packet ? 0 : -EROFS;
	if (!error && weir_cursor_left(cursor))
		error = -EINVAL;
	if (!error)
		error = prepare_claim(cursor, count);
	if (error) {
		fail(cursor, error);
		return NULL;
	}
	bytes = weir_mbuf_append(cursor->head, count);
	last = weir_mbuf_last(cursor->segment);
	enter(cursor, last, cursor->head->length - last->data_length, last->data_length);
	return bytes;
}
