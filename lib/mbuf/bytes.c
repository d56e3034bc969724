/* SPDX-License-Identifier: BSD-3-Clause */
/* bytes.c: the bytes of a packet, whatever segments they lie in. */
#include "mbuf_impl.h"

int weir_mbuf_walk(const struct weir_mbuf *mbuf, uint32_t offset, uint32_t length,
	int (*visit)(void *context, const uint8_t *bytes, uint32_t length), void *context)
{
	int result = 0;

	if (!weir__mbuf_has(mbuf, offset, length))
		return -EINVAL;
	mbuf = weir__mbuf_seek((struct weir_mbuf *)(uintptr_t)mbuf, &offset);
	for (; length && !result; mbuf = mbuf->next) {
		uint32_t here = mbuf->data_length - offset;

		here = here < length ? here : length;
		if (here)
			result = visit(context, weir_mbuf_data_at(mbuf, offset), here);
		length -= here;
		offset = 0;
	}
	return result;
}

int weir_mbuf_read(const struct weir_mbuf *mbuf, uint32_t offset, void *bytes, uint32_t length)
{
	const void *seen = weir_mbuf_peek(mbuf, offset, length, bytes);

	if (!seen)
		return -EINVAL;
	if (seen != bytes)
		memcpy(bytes, seen, length);
	return 0;
}

static int copy_piece(void *context, const uint8_t *bytes, uint32_t length)
{
	uint8_t **to = context;

	memcpy(*to, bytes, length);
	*to += length;
	return 0;
}

static __attribute__((noinline)) const void *peek_long(
	const struct weir_mbuf *mbuf, uint32_t offset, uint32_t length, void *bounce)
{
	uint8_t *to = bounce;

	weir_mbuf_walk(mbuf, offset, length, copy_piece, &to);
	return bounce;
}

/* What is as short as a header is put together without a call, which would cost as much. */
const void *weir__mbuf_peek_slow(
	const struct weir_mbuf *packet, uint32_t offset, uint32_t length, void *bounce)
{
	const struct weir_mbuf *mbuf = packet;
	uint32_t at = offset;
	uint8_t *to = bounce;

	if (!weir__mbuf_has(mbuf, offset, length))
		return NULL;
	mbuf = weir__mbuf_seek((struct weir_mbuf *)(uintptr_t)mbuf, &at);
	if (length <= mbuf->data_length - at)
		return weir_mbuf_data_at(mbuf, at);
	if (length > 64)
		return peek_long(packet, offset, length, bounce);
	for (; length; mbuf = mbuf->next) {
		uint32_t here = mbuf->data_length - at;

		here = here < length ? here : length;
		weir__copy_short(to, weir_mbuf_data_at(mbuf, at), here);
		to += here;
		length -= here;
		at = 0;
	}
	return bounce;
}

int weir_mbuf_write(struct weir_mbuf *mbuf, uint32_t offset, const void *bytes, uint32_t length)
{
	const uint8_t *from = bytes;

	if (!weir__mbuf_has(mbuf, offset, length))
		return -EINVAL;
	if (!weir_mbuf_is_writable(mbuf, offset, length))
		return -EROFS;
	mbuf = weir__mbuf_seek(mbuf, &offset);
	for (; length; mbuf = mbuf->next) {
		uint32_t here = mbuf->data_length - offset;

		here = here < length ? here : length;
		memcpy(weir_mbuf_data_at(mbuf, offset), from, here);
		from += here;
		length -= here;
		offset = 0;
	}
	return 0;
}

int weir_mbuf_compare(const struct weir_mbuf *a, const struct weir_mbuf *b)
{
	uint32_t left = a->length < b->length ? a->length : b->length;
	int shorter = (a->length > b->length) - (a->length < b->length);
	uint32_t in_a = 0, in_b = 0;

	while (left) {
		uint32_t here = a->data_length - in_a, there = b->data_length - in_b;
		uint32_t part = here < there ? here : there;
		int result;

		part = part < left ? part : left;
		result = memcmp(weir_mbuf_data_at(a, in_a), weir_mbuf_data_at(b, in_b), part);
		if (result)
			return result;
		left -= part;
		in_a += part;
		in_b += part;
		if (in_a == a->data_length) {
			a = a->next;
			in_a = 0;
		}
		if (in_b == b->data_length) {
			b = b->next;
			in_b = 0;
		}
	}
	return shorter;
}

struct pieces {
	struct iovec *pieces;
	uint32_t count, max;
};

static int add_piece(void *context, const uint8_t *bytes, uint32_t length)
{
	struct pieces *pieces = context;

	if (pieces->count < pieces->max) {
		pieces->pieces[pieces->count].iov_base = (void *)(uintptr_t)bytes;
		pieces->pieces[pieces->count].iov_len = length;
	}
	pieces->count++;
	return 0;
}

uint32_t weir_mbuf_iovec(const struct weir_mbuf *mbuf, uint32_t offset, uint32_t length,
	struct iovec *pieces, uint32_t max)
{
	struct pieces found = {.pieces = pieces, .max = max};

	weir_mbuf_walk(mbuf, offset, length, add_piece, &found);
	return found.count;
}

/* Put bytes behind the data of *segment and, as it fills, its followers; *segment moves along. */
static void fill(struct weir_mbuf **segment, const uint8_t *bytes, uint32_t length)
{
	while (length) {
		struct weir_mbuf *at = *segment;
		uint32_t room = weir_mbuf_tailroom(at);
		uint32_t part = length < room ? length : room;

		memcpy(weir_mbuf_data_at(at, at->data_length), bytes, part);
		at->data_length += part;
		bytes += part;
		length -= part;
		if (length)
			*segment = at->next;
	}
}

struct weir_mbuf *weir_mbuf_from_bytes(
	struct weir_mempool *pool, const void *bytes, uint32_t length)
{
	uint32_t room = weir_mbuf_pool_size(pool);
	struct weir_mbuf *mbuf =
		weir__mbuf_reserve(pool, 1 + weir__segments_for(pool, length, room));
	struct weir_mbuf *segment = mbuf;

	if (!mbuf)
		return NULL;
	fill(&segment, bytes, length);
	mbuf->length = length;
	return mbuf;
}

struct weir_mbuf *weir_mbuf_copy(const struct weir_mbuf *mbuf, struct weir_mempool *pool)
{
	uint32_t room = weir_mbuf_pool_size(pool);
	struct weir_mbuf *copy =
		weir__mbuf_reserve(pool, 1 + weir__segments_for(pool, mbuf->length, room));
	struct weir_mbuf *segment = copy;

	if (!copy)
		return NULL;
	weir__mbuf_copy_metadata(copy, mbuf);
	copy->length = mbuf->length;
	for (; mbuf; mbuf = mbuf->next)
		fill(&segment, weir_mbuf_data(mbuf), mbuf->data_length);
	return copy;
}

int weir_mbuf_append_bytes(struct weir_mbuf *mbuf, const void *bytes, uint32_t length)
{
	struct weir_mempool *pool = weir_mbuf_pool(mbuf);
	struct weir_mbuf *last = weir_mbuf_last(mbuf), *more = NULL;
	uint32_t room = weir_mbuf_tailroom(last), count = weir__segments_for(pool, length, room);

	if (length > UINT32_MAX - mbuf->length)
		return -EMSGSIZE;
	if (count) {
		more = weir__mbuf_reserve(pool, count);
		if (!more)
			return -ENOBUFS;
		weir_mbuf_set_next(last, more);
	}
	fill(&last, bytes, length);
	mbuf->length += length;
	return 0;
}
