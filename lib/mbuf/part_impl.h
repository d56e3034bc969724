/* SPDX-License-Identifier: BSD-3-Clause */
/* part_impl.h: packets that lie in a block of many (base/block_impl.h), without a copy.
 *
 *	mbuf --> | metadata | block |          its own buffer lies idle, but for whose part it has
 *	block    | ... [ headroom | data ] [ headroom | data ] ... |
 *
 * The part is the packet's alone: private and writable, with the headroom that the block has in
 * front of it, and without tailroom. A clone of it borrows from the mbuf, as from any other. Where
 * the same bytes may be several packets' at once the mbuf is frozen from the start.
 */
#ifndef WEIR_PART_IMPL_H
#define WEIR_PART_IMPL_H

#include "mbuf_impl.h"

#include "base/block_impl.h"

/* What is the same for all mbufs of a burst. */
struct weir__parts {
	struct weir__block *block;
	uint32_t first; /* from an mbuf to its own buffer */
	uint32_t state;
};

static inline struct weir__parts weir__parts_of(
	struct weir_mempool *pool, struct weir__block *block, bool frozen)
{
	const struct weir__mempool_head *head = weir__mempool_head(pool);

	return (struct weir__parts){block, head->mbuf_first,
		head->mbuf_plain | WEIR__MBUF_PART | (frozen ? WEIR__MBUF_FROZEN : 0)};
}

/* Take up to count mbufs that need not be empty: all of them are going to be put on parts. */
static inline uint32_t weir__parts_take(
	struct weir_mempool *pool, struct weir_mbuf **mbufs, uint32_t count)
{
	/* a pool that has not as many may still have some */
	while (count && weir_mempool_get_bulk(pool, (void **)(void *)mbufs, count))
		count /= 2;
	return count;
}

/* Put mbuf, which was just taken from the pool of parts, on length bytes at data, with headroom
 * bytes in front that are its own, too. It has a reference to the block from then on, which the
 * caller has taken. */
static inline void weir__mbuf_on_part(const struct weir__parts *parts, struct weir_mbuf *mbuf,
	uint8_t *data, uint32_t headroom, uint32_t length)
{
	struct weir__lender *lender =
		(struct weir__lender *)(void *)((uint8_t *)mbuf + parts->first);
	const weir__mbuf_empty shape = {headroom, length, length, 0};

	lender->block = parts->block;
	mbuf->buffer = data - headroom;
	weir__mbuf_reset(mbuf, shape);
	/* relaxed: it is ours alone */
	atomic_store_explicit(&mbuf->state, parts->state, memory_order_relaxed);
}

/* What a capture file says of a packet of one segment or more, whose bytes are there. */
static inline void weir__mbuf_captured(struct weir_mbuf *mbuf, uint64_t timestamp_ns,
	uint32_t wire_length, uint16_t link_type, uint32_t interface)
{
	mbuf->timestamp_ns = timestamp_ns;
	mbuf->wire_length = wire_length;
	mbuf->link_type = link_type;
	mbuf->port = (uint16_t)interface;
	mbuf->flags = WEIR_MBUF_TIMESTAMP |
		      (wire_length != mbuf->length ? WEIR_MBUF_WIRE_LENGTH : 0) |
		      (link_type != WEIR_LINK_ETHERNET ? WEIR_MBUF_LINK_TYPE : 0);
}

#endif
