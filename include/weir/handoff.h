/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/handoff.h: mbufs on their way to another core, with what their receiver needs to know.
 *
 *	core 1: allocate, write --> [mbuf, data, length] --> core 2: read, free
 *	                             an element of a ring
 *
 * A line that one core has written takes some 80 ns to another. A receiver that gets bare pointers
 * fetches the metadata line of each mbuf only to find the data and to see that it may be freed; one
 * that gets these fetches the data alone, and the metadata stays where the next alloc will write
 * it.
 *
 * A handoff stands for its mbuf: who has it owns the mbuf, and may at any time go on with
 * handoff.mbuf as with any other. Pass them through a ring of sizeof(struct weir_handoff) elements.
 */
#ifndef WEIR_HANDOFF_H
#define WEIR_HANDOFF_H

#include "weir/base.h"
#include "weir/mbuf.h"
#include "weir/mempool.h"

#include <assert.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weir_handoff {
	struct weir_mbuf *mbuf;
	uint32_t data;   /* where the data starts, from mbuf on; 0: the mbuf must be asked */
	uint32_t length; /* of the packet */
};

static_assert(sizeof(struct weir_handoff) == 16, "a ring's largest element");

/* Describe count mbufs of the caller's. What is plain (one reference, one segment) and of pool can
 * then be read and freed without its metadata; anything else works, too. After this the mbufs are
 * changed no more until they are taken out of the handoffs again. */
static inline void weir_handoff_pack(struct weir_mempool *pool, struct weir_mbuf *const *mbufs,
	struct weir_handoff *handoffs, uint32_t count)
{
	uint32_t plain = weir__mempool_head(pool)->mbuf_plain;

	for (uint32_t i = 0; i < count; i++) {
		struct weir_mbuf *mbuf = mbufs[i];
		uint64_t data = (uint64_t)(weir_mbuf_data(mbuf) - (uint8_t *)mbuf);

		handoffs[i].mbuf = mbuf;
		handoffs[i].data = weir_ref_look(&mbuf->state) == plain ? (uint32_t)data : 0;
		handoffs[i].length = mbuf->length;
	}
}

/* The data of the packet's first segment, which is all of it when handoff->data is not 0. */
static inline uint8_t *weir_handoff_data(const struct weir_handoff *handoff)
{
	if (weir_likely(handoff->data))
		return (uint8_t *)handoff->mbuf + handoff->data;
	return weir_mbuf_data(handoff->mbuf);
}

/* Free count packets; pool is the one they were packed for. */
static inline void weir_handoff_free_bulk(
	struct weir_mempool *pool, const struct weir_handoff *handoffs, uint32_t count)
{
	void **top = weir__mempool_push(weir__mempool_cache(pool), count);
	uint32_t i = 0;

	for (; top && i < count && weir_likely(handoffs[i].data); i++)
		top[i] = handoffs[i].mbuf;
	if (weir_likely(i == count))
		return;
	/* the cache has no room, or this one needs a look: give its places back */
	if (top)
		weir__mempool_pop(weir__mempool_cache(pool), count - i);
	for (; i < count; i++) {
		if (handoffs[i].data)
			weir_mempool_put(pool, handoffs[i].mbuf);
		else
			weir_mbuf_free(handoffs[i].mbuf);
	}
}

#ifdef __cplusplus
}
#endif

#endif
