/* SPDX-License-Identifier: BSD-3-Clause */
/* chain.c: segments of a packet: more of them, fewer, cut and joined.
 *
 * What can fail comes first: mbufs are taken before anything is changed.
 */
#include "mbuf_impl.h"

#include <errno.h>

static void *fail(int error)
{
	errno = error;
	return NULL;
}

uint32_t weir_mbuf_segments(const struct weir_mbuf *mbuf)
{
	return mbuf ? weir__mbuf_segments(mbuf) : 0;
}

static uint32_t buffer_size(const struct weir_mbuf *mbuf)
{
	return weir_mbuf_pool(mbuf)->head.mbuf_buffer_size;
}

/* Put a new segment in front, which speaks for the packet from now on. */
static void put_in_front(struct weir_mbuf **packet, struct weir_mbuf *head)
{
	weir__mbuf_copy_metadata(head, *packet);
	head->length = (*packet)->length;
	weir_mbuf_set_next(head, *packet);
	*packet = head;
}

uint8_t *weir_mbuf_extend_head(struct weir_mbuf **packet, uint32_t count)
{
	uint8_t *bytes = weir_mbuf_prepend(*packet, count);
	uint32_t size = buffer_size(*packet);
	struct weir_mbuf *head;

	if (bytes)
		return bytes;
	if (count > size || count > UINT32_MAX - (*packet)->length)
		return fail(EMSGSIZE);
	head = weir_mbuf_alloc(weir_mbuf_pool(*packet));
	if (!head)
		return fail(ENOBUFS);
	put_in_front(packet, head);
	/* at the end of its buffer, so that more fits in front */
	head->offset = size;
	return weir_mbuf_prepend(head, count);
}

uint8_t *weir_mbuf_extend_tail(struct weir_mbuf *mbuf, uint32_t count)
{
	struct weir_mbuf *last = weir_mbuf_last(mbuf), *tail;

	if (count > UINT32_MAX - mbuf->length)
		return fail(EMSGSIZE);
	if (count > weir_mbuf_tailroom(last)) {
		if (count > buffer_size(mbuf))
			return fail(EMSGSIZE);
		tail = weir_mbuf_alloc(weir_mbuf_pool(mbuf));
		if (!tail)
			return fail(ENOBUFS);
		if (count > weir_mbuf_tailroom(tail))
			tail->offset = 0;
		weir_mbuf_set_next(last, tail);
	}
	return weir_mbuf_append(mbuf, count);
}

int weir_mbuf_adj(struct weir_mbuf *mbuf, uint32_t count)
{
	struct weir_mbuf *segment = mbuf;

	if (count > mbuf->length)
		return -EINVAL;
	mbuf->length -= count;
	while (count > segment->data_length) {
		count -= segment->data_length;
		segment->offset += segment->data_length;
		segment->data_length = 0;
		segment = segment->next;
	}
	segment->offset += count;
	segment->data_length -= count;
	return 0;
}

/* Free what follows a segment. */
static void cut_after(struct weir_mbuf *segment)
{
	struct weir_mbuf *rest = segment->next;

	if (rest) {
		weir_mbuf_set_next(segment, NULL);
		weir_mbuf_free(rest);
	}
}

int weir_mbuf_trim(struct weir_mbuf *mbuf, uint32_t count)
{
	struct weir_mbuf *segment = mbuf;
	uint32_t keep = mbuf->length - count;

	if (count > mbuf->length)
		return -EINVAL;
	mbuf->length = keep;
	while (keep > segment->data_length) {
		keep -= segment->data_length;
		segment = segment->next;
	}
	segment->data_length = keep;
	cut_after(segment);
	return 0;
}

/* Cut a segment before its byte at: the rest, a new segment on the same bytes with the chain that
 * followed. NULL when the pool is dry, or too many have those bytes. */
static struct weir_mbuf *cut_segment(
	struct weir_mempool *pool, struct weir_mbuf *segment, uint32_t at)
{
	bool shared = at < segment->data_length;
	struct weir_mbuf *rest =
		shared && !weir__mbuf_may_share(segment) ? NULL : weir_mbuf_alloc(pool);

	if (!rest)
		return NULL;
	if (shared) {
		weir__mbuf_share(rest, segment);
		rest->offset += at;
		rest->data_length -= at;
		segment->data_length = at;
	}
	if (segment->next) {
		weir_mbuf_set_next(rest, segment->next);
		weir_mbuf_set_next(segment, NULL);
	}
	return rest;
}

struct weir_mbuf *weir_mbuf_split(struct weir_mbuf *mbuf, uint32_t offset)
{
	uint32_t at = offset;
	struct weir_mbuf *segment = mbuf, *tail;

	if (offset > mbuf->length)
		return fail(EINVAL);
	while (at > segment->data_length) {
		at -= segment->data_length;
		segment = segment->next;
	}
	if (at == segment->data_length && segment->next) {
		tail = segment->next;
		weir_mbuf_set_next(segment, NULL);
	} else {
		tail = cut_segment(weir_mbuf_pool(mbuf), segment, at);
		if (!tail)
			return fail(ENOBUFS);
	}
	tail->length = mbuf->length - offset;
	mbuf->length = offset;
	weir__mbuf_copy_metadata_of_part(tail, mbuf);
	mbuf->flags = tail->flags;
	return tail;
}

/* Make room inside the first segment, by moving what is in front of it into the headroom. */
static uint8_t *insert_in_head(struct weir_mbuf *mbuf, uint32_t offset, uint32_t count)
{
	uint8_t *data = weir_mbuf_data(mbuf);

	if (offset > mbuf->data_length || count > weir_mbuf_headroom(mbuf) ||
		count > UINT32_MAX - mbuf->length)
		return NULL;
	memmove(data - count, data, offset);
	return weir_mbuf_prepend(mbuf, count) + offset;
}

uint8_t *weir_mbuf_insert(struct weir_mbuf **packet, uint32_t offset, uint32_t count)
{
	struct weir_mbuf *mbuf = *packet, *middle, *tail;
	uint32_t flags = mbuf->flags;
	uint8_t *bytes;

	if (offset > mbuf->length)
		return fail(EINVAL);
	if (offset == 0)
		return weir_mbuf_extend_head(packet, count);
	if (offset == mbuf->length)
		return weir_mbuf_extend_tail(mbuf, count);
	bytes = insert_in_head(mbuf, offset, count);
	if (bytes)
		return bytes;
	if (count > buffer_size(mbuf) || count > UINT32_MAX - mbuf->length)
		return fail(EMSGSIZE);
	middle = weir_mbuf_alloc(weir_mbuf_pool(mbuf));
	tail = middle ? weir_mbuf_split(mbuf, offset) : NULL;
	if (!tail) {
		weir_mbuf_free(middle);
		return fail(ENOBUFS);
	}
	if (count > weir_mbuf_tailroom(middle))
		middle->offset = 0;
	bytes = weir_mbuf_append(middle, count);
	weir_mbuf_concat(mbuf, middle);
	weir_mbuf_concat(mbuf, tail);
	mbuf->flags = flags;
	return bytes;
}

/* Take bytes out of the middle of a segment whose bytes are ours, moving the shorter side. */
static void close_gap(struct weir_mbuf *segment, uint32_t at, uint32_t count)
{
	uint8_t *data = weir_mbuf_data(segment);
	uint32_t behind = segment->data_length - at - count;

	if (at < behind) {
		memmove(data + count, data, at);
		segment->offset += count;
	} else {
		memmove(data + at, data + at + count, behind);
	}
	segment->data_length -= count;
}

/* Take count bytes out of one segment. 0 or -ENOBUFS. */
static int remove_inside(
	struct weir_mempool *pool, struct weir_mbuf *segment, uint32_t at, uint32_t count)
{
	struct weir_mbuf *rest;

	if (at == 0)
		segment->offset += count;
	if (at == 0 || at + count == segment->data_length) {
		segment->data_length -= count;
		return 0;
	}
	if (weir__segment_is_writable(segment)) {
		close_gap(segment, at, count);
		return 0;
	}
	rest = cut_segment(pool, segment, at + count);
	if (!rest)
		return -ENOBUFS;
	segment->data_length = at;
	weir_mbuf_set_next(segment, rest);
	return 0;
}

/* Take count bytes away behind a segment; those that it empties are freed. */
static void remove_behind(struct weir_mbuf *segment, uint32_t count)
{
	struct weir_mbuf *gone = segment->next, *last = NULL, *rest = gone;

	while (rest && count >= rest->data_length) {
		count -= rest->data_length;
		last = rest;
		rest = rest->next;
		if (!count)
			break;
	}
	if (count) {
		rest->offset += count;
		rest->data_length -= count;
	}
	if (!last)
		return;
	weir_mbuf_set_next(segment, rest);
	weir_mbuf_set_next(last, NULL);
	weir_mbuf_free(gone);
}

int weir_mbuf_remove(struct weir_mbuf *mbuf, uint32_t offset, uint32_t count)
{
	struct weir_mbuf *segment;
	uint32_t at = offset;

	if (!weir__mbuf_has(mbuf, offset, count))
		return -EINVAL;
	segment = weir__mbuf_seek(mbuf, &at);
	if (count <= segment->data_length - at) {
		int error = remove_inside(weir_mbuf_pool(mbuf), segment, at, count);

		if (error)
			return error;
	} else {
		uint32_t here = segment->data_length - at;

		segment->data_length = at;
		remove_behind(segment, count - here);
	}
	mbuf->length -= count;
	return 0;
}

/* Append the first count bytes of what follows a segment to it, where there is room. */
static void draw_in(struct weir_mbuf *segment, uint32_t count)
{
	uint8_t *to = weir_mbuf_data_at(segment, segment->data_length);

	segment->data_length += count;
	for (struct weir_mbuf *from = segment->next; count; from = from->next) {
		uint32_t part = from->data_length < count ? from->data_length : count;

		weir__copy_bytes(to, weir_mbuf_data(from), part);
		to += part;
		count -= part;
	}
}

/* Room for more bytes behind the data of the head, moving the data if need be. */
static bool make_tailroom(struct weir_mbuf *mbuf, uint32_t more)
{
	uint32_t tail = weir_mbuf_tailroom(mbuf), head = weir_mbuf_headroom(mbuf);
	uint8_t *data = weir_mbuf_data(mbuf);

	if (!weir_mbuf_is_private(mbuf) || more > tail + head)
		return false;
	if (more > tail) {
		memmove(data - (more - tail), data, mbuf->data_length);
		mbuf->offset -= more - tail;
	}
	return true;
}

int weir_mbuf_pull_up(struct weir_mbuf **packet, uint32_t count)
{
	struct weir_mbuf *mbuf = *packet, *head;
	uint32_t have = mbuf->data_length, size = buffer_size(mbuf);

	if (count > mbuf->length)
		return -EINVAL;
	if (count <= have)
		return 0;
	if (make_tailroom(mbuf, count - have)) {
		draw_in(mbuf, count - have);
		remove_behind(mbuf, count - have);
		return 0;
	}
	if (count > size)
		return -EMSGSIZE;
	head = weir_mbuf_alloc(weir_mbuf_pool(mbuf));
	if (!head)
		return -ENOBUFS;
	put_in_front(packet, head);
	if (count > weir_mbuf_tailroom(head))
		head->offset = size - count;
	draw_in(head, count);
	remove_behind(head, count);
	return 0;
}

int weir_mbuf_linearize(struct weir_mbuf **packet)
{
	struct weir_mbuf *mbuf = *packet;
	uint32_t more = mbuf->length - mbuf->data_length;
	int error = 0;

	if (more <= weir_mbuf_tailroom(mbuf))
		draw_in(mbuf, more);
	else
		error = weir_mbuf_pull_up(packet, mbuf->length);
	/* segments may follow: those drawn in, or some without a byte */
	if (!error)
		cut_after(*packet);
	return error;
}

/* To a chain, or to bytes that are shared. */
uint8_t *weir__mbuf_append_slow(struct weir_mbuf *mbuf, uint32_t count)
{
	uint32_t state;
	struct weir_mbuf *last = weir__mbuf_last(mbuf, &state);
	uint8_t *end;

	if (weir_unlikely(count > weir__mbuf_tailroom(last, state)))
		return NULL;
	end = weir_mbuf_data_at(last, last->data_length);
	last->data_length += count;
	mbuf->length += count;
	return end;
}
