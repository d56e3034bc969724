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
#include "weir/capture.h"

/* What is the same for all mbufs of a burst, and until weir__parts_are() is called again. */
struct weir__parts {
	struct weir__block *block;
	uint32_t first; /* from an mbuf to its own buffer */
	uint32_t state;
	uint32_t headroom;      /* bytes in front of each that are its own, too */
	uint16_t origin[2];     /* link type and interface, as they lie in an mbuf */
	weir__mbuf_empty shape; /* of one without bytes */
};

static_assert(offsetof(struct weir_mbuf, port) ==
		      offsetof(struct weir_mbuf, link_type) + sizeof(uint16_t),
	"both are stored together");

/* The two bits of an mbuf's flags are enum weir_capture_direction. */
#define WEIR__MBUF_DIRECTION_SHIFT 11

static_assert(WEIR_MBUF_INBOUND == WEIR_CAPTURE_INBOUND << WEIR__MBUF_DIRECTION_SHIFT &&
		      WEIR_MBUF_OUTBOUND == WEIR_CAPTURE_OUTBOUND << WEIR__MBUF_DIRECTION_SHIFT,
	"shifted as it is");

static inline uint8_t weir__mbuf_direction(const struct weir_mbuf *mbuf)
{
	return mbuf->flags >> WEIR__MBUF_DIRECTION_SHIFT & 3;
}

/* Which fields are set in a packet of this link type that was captured at a known time. */
static inline uint32_t weir__captured_flags(uint16_t link_type, uint32_t direction)
{
	return WEIR_MBUF_TIMESTAMP | (link_type != WEIR_LINK_ETHERNET ? WEIR_MBUF_LINK_TYPE : 0) |
	       direction << WEIR__MBUF_DIRECTION_SHIFT;
}

/* Those from now on have so much headroom, and are of this kind. */
static inline void weir__parts_are(struct weir__parts *parts, uint32_t headroom, uint16_t link_type,
	uint16_t interface, uint32_t direction)
{
	parts->headroom = headroom;
	parts->origin[0] = link_type;
	parts->origin[1] = interface;
	parts->shape =
		(weir__mbuf_empty){headroom, 0, 0, weir__captured_flags(link_type, direction)};
}

static inline struct weir__parts weir__parts_of(
	struct weir_mempool *pool, struct weir__block *block, bool frozen)
{
	const struct weir__mempool_head *head = weir__mempool_head(pool);
	struct weir__parts parts = {.block = block,
		.first = head->mbuf_first,
		.state = head->mbuf_plain | WEIR__MBUF_PART | (frozen ? WEIR__MBUF_FROZEN : 0)};

	weir__parts_are(&parts, 0, WEIR_LINK_ETHERNET, 0, WEIR_CAPTURE_UNKNOWN);
	return parts;
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

/* Put mbuf, which was just taken from the pool of parts, on length bytes at data, which were
 * captured then. It has a reference to the block from then on, which the caller has taken. */
static inline void weir__mbuf_on_part(const struct weir__parts *parts, struct weir_mbuf *mbuf,
	uint8_t *data, uint32_t length, uint32_t wire_length, uint64_t timestamp_ns)
{
	struct weir__lender *lender =
		(struct weir__lender *)(void *)((uint8_t *)mbuf + parts->first);

	lender->block = parts->block;
	mbuf->buffer = data - parts->headroom;
	weir__mbuf_reset(mbuf, parts->shape);
	mbuf->data_length = mbuf->length = length;
	if (weir_unlikely(wire_length != length))
		mbuf->flags |= WEIR_MBUF_WIRE_LENGTH;
	mbuf->timestamp_ns = timestamp_ns;
	mbuf->wire_length = wire_length;
	memcpy((uint8_t *)mbuf + offsetof(struct weir_mbuf, link_type), parts->origin,
		sizeof(parts->origin));
	/* relaxed: it is ours alone */
	atomic_store_explicit(&mbuf->state, parts->state, memory_order_relaxed);
}

/* Is it a packet of one segment that has a part of a block, whose bytes are its holder's alone? */
static inline bool weir__mbuf_is_part(const struct weir_mbuf *mbuf)
{
	return (weir_ref_look(&mbuf->state) & WEIR__MBUF_SHAPE) == (1 | WEIR__MBUF_PART);
}

/* The block of such a one. */
static inline struct weir__block *weir__mbuf_block(const struct weir_mbuf *mbuf)
{
	return weir__mbuf_lender(weir_mbuf_pool(mbuf), mbuf)->block;
}

/* What a capture file says of a packet of one segment or more, whose bytes are there. */
static inline void weir__mbuf_captured(struct weir_mbuf *mbuf, uint64_t timestamp_ns,
	uint32_t wire_length, uint16_t link_type, uint32_t interface, uint32_t direction)
{
	mbuf->timestamp_ns = timestamp_ns;
	mbuf->wire_length = wire_length;
	mbuf->link_type = link_type;
	mbuf->port = (uint16_t)interface;
	mbuf->flags = weir__captured_flags(link_type, direction) |
		      (wire_length != mbuf->length ? WEIR_MBUF_WIRE_LENGTH : 0);
}

#endif
