/* SPDX-License-Identifier: BSD-3-Clause */
/* mbuf.c: what is not on the fast path of an mbuf: chains, shared mbufs, copies and checks.
 *
 * A free mbuf is clean: held once, no next, so that alloc need not look. free_segment() is the one
 * place that makes a used one clean again.
 */
#include "weir/mbuf.h"

#include "base/base_impl.h"
#include "mempool/mempool_impl.h"

int weir__mbuf_alloc_slow(struct weir_mempool *pool, struct weir_mbuf **mbufs, uint32_t count)
{
	const weir__mbuf_empty empty = {weir__mempool_head(pool)->mbuf_headroom, 0, 0, 0};
	int error = weir__mempool_get_slow(pool, (void **)(void *)mbufs, count);

	if (error)
		return error;
	for (uint32_t i = 0; i < count; i++)
		weir__mbuf_reset(mbufs[i], empty);
	return 0;
}

/* Give plain mbufs of one pool back, and let the fast path know the pool for the next time. */
static void free_plain(uint32_t plain, struct weir_mbuf **mbufs, uint32_t count)
{
	struct weir_mempool *pool = weir__mbuf_state_pool(plain);

	weir_mempool_put_bulk(pool, (void *const *)(void *)mbufs, count);
	weir__thread_remember(pool, plain);
}

/* Drop our reference to one segment; when it was the last, clean the mbuf and give it back. Returns
 * the segment behind it, which our reference to the chain covered too. */
static struct weir_mbuf *free_segment(struct weir_mbuf *mbuf)
{
	struct weir_mbuf *next = mbuf->next;
	uint32_t plain;

	if (!weir_ref_drop(&mbuf->state))
		return next;
	plain = atomic_load_explicit(&mbuf->state, memory_order_relaxed);
	plain = (plain & ~(WEIR_REF_MASK | WEIR__MBUF_CHAINED)) | 1;
	/* relaxed: it is ours alone */
	atomic_store_explicit(&mbuf->state, plain, memory_order_relaxed);
	mbuf->next = NULL;
	weir_mempool_put(weir__mbuf_state_pool(plain), mbuf);
	return next;
}

/* How many of mbufs, from the first on, are plain and of the first's pool. */
static uint32_t plain_run(struct weir_mbuf **mbufs, uint32_t count)
{
	uint32_t run = 0, first = weir_ref_look(&mbufs[0]->state);

	if ((first & (WEIR_REF_MASK | WEIR__MBUF_CHAINED)) != 1)
		return 0;
	while (run < count && weir_ref_look(&mbufs[run]->state) == first)
		run++;
	return run;
}

void weir__mbuf_free_slow(struct weir_mbuf **mbufs, uint32_t count)
{
	while (count) {
		uint32_t run = plain_run(mbufs, count);

		if (run) {
			free_plain(weir_ref_look(&mbufs[0]->state), mbufs, run);
		} else {
			for (struct weir_mbuf *segment = mbufs[0]; segment;)
				segment = free_segment(segment);
			run = 1;
		}
		mbufs += run;
		count -= run;
	}
}

uint32_t weir_mbuf_segments(const struct weir_mbuf *mbuf)
{
	uint32_t count = 0;

	for (; mbuf; mbuf = mbuf->next)
		count++;
	return count;
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

int weir_mbuf_trim(struct weir_mbuf *mbuf, uint32_t count)
{
	struct weir_mbuf *segment = mbuf, *rest;
	uint32_t keep = mbuf->length - count;

	if (count > mbuf->length)
		return -EINVAL;
	mbuf->length = keep;
	while (keep > segment->data_length) {
		keep -= segment->data_length;
		segment = segment->next;
	}
	segment->data_length = keep;
	rest = segment->next;
	if (rest) {
		weir_mbuf_set_next(segment, NULL);
		weir_mbuf_free(rest);
	}
	return 0;
}

int weir_mbuf_concat(struct weir_mbuf *head, struct weir_mbuf *tail)
{
	if (tail->length > UINT32_MAX - head->length)
		return -EMSGSIZE;
	weir_mbuf_set_next(weir_mbuf_last(head), tail);
	head->length += tail->length;
	return 0;
}

/* An empty packet with room for length bytes behind the headroom of its segments. */
static struct weir_mbuf *alloc_room(struct weir_mempool *pool, uint32_t length)
{
	struct weir_mbuf *head = weir_mbuf_alloc(pool), *last = head;
	uint32_t room, segment = weir_mbuf_pool_size(pool);

	for (room = segment; head && room < length; room += segment) {
		struct weir_mbuf *next = weir_mbuf_alloc(pool);

		if (!next || room > UINT32_MAX - segment) {
			weir_mbuf_free(next);
			weir_mbuf_free(head);
			return NULL;
		}
		weir_mbuf_set_next(last, next);
		last = next;
	}
	return head;
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
	struct weir_mbuf *mbuf = alloc_room(pool, length), *segment = mbuf;

	if (!mbuf)
		return NULL;
	fill(&segment, bytes, length);
	mbuf->length = length;
	return mbuf;
}

static void copy_metadata(struct weir_mbuf *to, const struct weir_mbuf *from)
{
	to->length = from->length;
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
}

struct weir_mbuf *weir_mbuf_copy(const struct weir_mbuf *mbuf, struct weir_mempool *pool)
{
	struct weir_mbuf *copy = alloc_room(pool, mbuf->length), *segment = copy;

	if (!copy)
		return NULL;
	copy_metadata(copy, mbuf);
	for (; mbuf; mbuf = mbuf->next)
		fill(&segment, weir_mbuf_data(mbuf), mbuf->data_length);
	return copy;
}

int weir_mbuf_read(const struct weir_mbuf *mbuf, uint32_t offset, void *bytes, uint32_t length)
{
	uint8_t *to = bytes;

	if (offset > mbuf->length || length > mbuf->length - offset)
		return -EINVAL;
	for (; length; mbuf = mbuf->next) {
		uint32_t part;

		if (offset >= mbuf->data_length) {
			offset -= mbuf->data_length;
			continue;
		}
		part = mbuf->data_length - offset;
		if (part > length)
			part = length;
		memcpy(to, weir_mbuf_data_at(mbuf, offset), part);
		to += part;
		length -= part;
		offset = 0;
	}
	return 0;
}

const void *weir__mbuf_peek_slow(
	const struct weir_mbuf *mbuf, uint32_t offset, uint32_t length, void *bounce)
{
	const struct weir_mbuf *segment = mbuf;
	uint32_t skip = offset;

	if (offset > mbuf->length || length > mbuf->length - offset)
		return NULL;
	/* no bytes at the very end are in the last segment */
	while (skip >= segment->data_length && segment->next) {
		skip -= segment->data_length;
		segment = segment->next;
	}
	if (length <= segment->data_length - skip)
		return weir_mbuf_data_at(segment, skip);
	weir_mbuf_read(mbuf, offset, bounce, length);
	return bounce;
}

void weir_mbuf_ref(struct weir_mbuf *mbuf, uint32_t count)
{
	for (; mbuf; mbuf = mbuf->next)
		weir_ref_take(&mbuf->state, count);
}

static int check_segment(const struct weir_mbuf *mbuf)
{
	uint32_t state = weir_ref_look(&mbuf->state);
	uint32_t number = state >> WEIR__MBUF_POOL_SHIFT;
	struct weir_mempool *pool = number <= WEIR_MEMPOOL_MAX ? weir__mempools[number] : NULL;
	uint32_t size;

	if (!pool || weir_mempool_index(pool, mbuf) == UINT32_MAX)
		return weir__fail(EINVAL, "mbuf %p: not an object of pool number %u",
			(const void *)mbuf, number);
	size = weir__mempool_head(pool)->mbuf_buffer_size;
	if (weir_ref_count(state) == 0)
		return weir__fail(EINVAL, "mbuf %p: nobody holds it", (const void *)mbuf);
	if (!(state & WEIR__MBUF_CHAINED) != !mbuf->next)
		return weir__fail(
			EINVAL, "mbuf %p: next and its state disagree", (const void *)mbuf);
	if (mbuf->offset > size || mbuf->data_length > size - mbuf->offset)
		return weir__fail(
			EINVAL, "mbuf %p: data is outside its buffer", (const void *)mbuf);
	return 0;
}

int weir_mbuf_check(const struct weir_mbuf *mbuf)
{
	uint64_t sum = 0;
	uint32_t length = mbuf->length;

	for (; mbuf; mbuf = mbuf->next) {
		int error = check_segment(mbuf);

		if (error)
			return error;
		sum += mbuf->data_length;
	}
	if (sum != length)
		return weir__fail(EINVAL, "packet of length %u has segments of %llu bytes", length,
			(unsigned long long)sum);
	return 0;
}
