/* SPDX-License-Identifier: BSD-3-Clause */
/* mbufs.c: packets of a trace as mbufs: on its memory, or copies. */
#include "trace_impl.h"

#include "mbuf/part_impl.h"
#include "weir/chain.h"

/* Packets whose bytes are asked for ahead of their copy: their sum must fit the first cache, and
 * the wait for memory lie between. */
#define AHEAD 6

static inline void add_hash(
	bool hashed, struct weir_mbuf *mbuf, const struct weir_trace_packet *packet)
{
	if (!hashed)
		return;
	mbuf->hash = packet->hash;
	mbuf->flags |= WEIR_MBUF_HASH;
}

/* Do two come from the same kind of link, in the same way? */
static inline bool is_alike(const struct weir_trace_packet *a, const struct weir_trace_packet *b)
{
	return a->link_type == b->link_type && a->interface == b->interface &&
	       a->direction == b->direction;
}

/* No more than there are. */
static uint32_t within(const struct weir_trace *trace, uint64_t first, uint32_t count)
{
	if (first >= trace->count)
		return 0;
	if (count > trace->count - first)
		count = (uint32_t)(trace->count - first);
	return trace->mapping ? weir__trace_still_there(trace, first, count) : count;
}

uint32_t weir_trace_attach(struct weir_trace *trace, uint64_t first, struct weir_mbuf **mbufs,
	uint32_t count, struct weir_mempool *pool)
{
	struct weir__parts parts = weir__parts_of(pool, &trace->block, true);
	const struct weir_trace_packet *packet = trace->packets + first, *kind = NULL;
	const bool hashed = trace->hashed;

	count = weir__parts_take(pool, mbufs, within(trace, first, count));
	for (uint32_t i = 0; i < count; i++, packet++) {
		uint8_t *data = trace->block.bytes + packet->offset;

		__builtin_prefetch(data);
		if (!kind || !is_alike(kind, packet)) {
			kind = packet;
			weir__parts_are(
				&parts, 0, kind->link_type, kind->interface, kind->direction);
		}
		weir__mbuf_on_part(&parts, mbufs[i], data, packet->length, packet->wire_length,
			packet->timestamp_ns);
		add_hash(hashed, mbufs[i], packet);
	}
	if (count)
		weir__block_take(&trace->block, count);
	return count;
}

static inline void prefetch_packet(
	const struct weir_trace *trace, const struct weir_trace_packet *packet)
{
	const uint8_t *data = trace->block.bytes + packet->offset;

	for (uint32_t at = 0; at < packet->length; at += WEIR_CACHE_LINE)
		__builtin_prefetch(data + at);
}

/* Longer than an mbuf of the pool: in segments. A pool that is dry gets back those of the packets
 * behind it, *count with this one, which could be all that it needs. False when it stays dry. */
static bool copy_long(struct weir_mbuf **mbufs, uint32_t *count, struct weir_mempool *pool,
	const uint8_t *data, uint32_t length)
{
	weir_mbuf_free(mbufs[0]);
	mbufs[0] = weir_mbuf_from_bytes(pool, data, length);
	if (mbufs[0])
		return true;
	weir_mbuf_free_bulk(mbufs + 1, *count - 1);
	*count = 1;
	mbufs[0] = weir_mbuf_from_bytes(pool, data, length);
	return mbufs[0];
}

uint32_t weir_trace_copy(struct weir_trace *trace, uint64_t first, struct weir_mbuf **mbufs,
	uint32_t count, struct weir_mempool *pool)
{
	const struct weir_trace_packet *packet = trace->packets + first;
	const struct weir_trace_packet *end = trace->packets + trace->count;
	uint32_t fits = weir_mbuf_pool_size(pool), left;

	count = within(trace, first, count);
	while (count && weir_mbuf_alloc_bulk(pool, mbufs, count))
		count /= 2;
	for (uint32_t i = 0; i < count; i++, packet++) {
		const uint8_t *data = trace->block.bytes + packet->offset;

		if (packet + AHEAD < end)
			prefetch_packet(trace, packet + AHEAD);
		if (weir_likely(packet->length <= fits)) {
			memcpy(weir_mbuf_data(mbufs[i]), data, packet->length);
			mbufs[i]->data_length = mbufs[i]->length = packet->length;
		} else {
			left = count - i;
			if (!copy_long(mbufs + i, &left, pool, data, packet->length))
				return i;
			count = i + left;
		}
		weir__mbuf_captured(mbufs[i], packet->timestamp_ns, packet->wire_length,
			packet->link_type, packet->interface, packet->direction);
		add_hash(trace->hashed, mbufs[i], packet);
	}
	return count;
}
