/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/handoff.h: a channel that hands mbufs from one core to another.
 *
 *	core 1: allocate, write, send --> [mbuf, data, length] --> core 2: receive, read, free
 *
 * What costs is how many cache lines change cores, and how far they travel. A ring of bare pointers
 * makes the receiver fetch the metadata line of every mbuf only to find the data and to see that it
 * may be freed; and when it is full, the line with its index goes to and fro for every call. Here
 *
 *	- the place of the data and the length go with the pointer: the metadata stays in the cache
 *	  of the core that allocates, where the next alloc will write it;
 *	- the receiver gives slots back 32 at a time, so a full channel then has room for as many;
 *	- the sender moves the first line of the data out to the cache that all cores share, and so
 *	  does the receiver when it frees: the other side need not ask this core for it.
 *
 * A packet can be received as soon as it is sent. What is not plain (chains, mbufs that several
 * hold) goes the same way and is handled as ever.
 *
 *	                    send     receive   destroy
 *	send                no       yes       no
 *	receive             yes      no        no
 *
 * One sender and one receiver at a time. What was received is used and freed as any mbuf is, by
 * whatever thread has it. The order is that of the ring inside (ring_spsc.h): what was written
 * before the send is seen after the receive.
 */
#ifndef WEIR_HANDOFF_H
#define WEIR_HANDOFF_H

#include "weir/base.h"
#include "weir/mbuf.h"
#include "weir/mempool.h"
#include "weir/ring.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An mbuf that was received. Who has it owns the mbuf, and may at any time forget the rest of this
 * and go on with .mbuf as with any other. */
struct weir_handed {
	struct weir_mbuf *mbuf;
	uint32_t length; /* of the packet */
	uint16_t data;   /* where its data starts, from mbuf on, when pool is not 0 */
	uint16_t pool;   /* the number of its pool; 0 when the mbuf itself must be asked */
};

static_assert(sizeof(struct weir_handed) == 16, "a ring's largest element");

/* Slots that the receiver gives back at a time: with 8 a prototype took 42 ns a packet at
 * burst 1, with 16 39, with 32 34, with 64 32 (docs/performance.md). */
#define WEIR_HANDOFF_RUN 32

struct weir_handoff {
	struct weir_ring *ring;
	uint32_t run; /* WEIR_HANDOFF_RUN, or less in a small channel */
	/* the receiver's: how many slots it has read and not given back yet */
	uint32_t kept __attribute__((aligned(WEIR_CACHE_LINE)));
};

/* A channel for count mbufs, rounded up to a power of two. Slots become free again 32 at a time, or
 * a quarter of all at a time in a channel of fewer than 128; and all of them when a receive finds
 * fewer mbufs than it asks for. NULL with errno and weir_last_error(): EINVAL for a count of 0 or
 * above 2^31, ENOMEM. */
WEIR_API struct weir_handoff *weir_handoff_create(uint32_t count);

/* Free the channel and the mbufs that are still in it. Neither side may be using it. NULL is
 * allowed. */
WEIR_API void weir_handoff_destroy(struct weir_handoff *handoff);

/* Send count mbufs: all, and 0, or none, and -ENOBUFS when there is no room. What is sent belongs
 * to the receiver; the caller keeps the rest. */
static inline int weir_handoff_send_bulk(
	struct weir_handoff *handoff, struct weir_mbuf *const *mbufs, uint32_t count);

/* Send up to count mbufs, the first ones. Returns how many. */
static inline uint32_t weir_handoff_send_burst(
	struct weir_handoff *handoff, struct weir_mbuf *const *mbufs, uint32_t count);

/* Receive up to count mbufs, which are the caller's then. Returns how many; fewer only when there
 * are no more. */
static inline uint32_t weir_handoff_receive_burst(
	struct weir_handoff *handoff, struct weir_handed *handed, uint32_t count);

/* The data of the packet's first segment; when pool is not 0, that is all of it. */
static inline uint8_t *weir_handed_data(const struct weir_handed *handed)
{
	if (weir_likely(handed->pool))
		return (uint8_t *)handed->mbuf + handed->data;
	return weir_mbuf_data(handed->mbuf);
}

/* Give up count packets, as by weir_mbuf_free_bulk(). Where pool is not 0, only of mbufs that
 * nobody took a reference of or linked another to since they were sent. */
static inline void weir_handed_free_bulk(const struct weir_handed *handed, uint32_t count);

/* ---- the fast path ---- */

/* Move a line out of this core's own caches into the one that cores share. A hint: x86-64
 * processors without the instruction do nothing at this one. */
static inline void weir__demote(const uint8_t *line)
{
#if defined(__x86_64__)
	__asm__ __volatile__("cldemote %0" : : "m"(*line));
#else
	(void)line;
#endif
}

/* What the receiver must know of an mbuf. */
static inline struct weir_handed weir__handed_of(struct weir_mbuf *mbuf)
{
	uint32_t state = weir_ref_look(&mbuf->state);
	uint64_t data = (uint64_t)(weir_mbuf_data(mbuf) - (uint8_t *)mbuf);
	struct weir_handed handed = {mbuf, mbuf->length, 0, 0};

	/* one reference, no other segment, bytes of its own: plain */
	if (weir_likely((state & WEIR__MBUF_SHAPE) == 1 && data <= UINT16_MAX)) {
		handed.data = (uint16_t)data;
		handed.pool = (uint16_t)(state >> WEIR__MBUF_POOL_SHIFT);
		weir__demote((uint8_t *)mbuf + data);
	}
	return handed;
}

static inline uint32_t weir__handoff_send(
	struct weir_handoff *handoff, struct weir_mbuf *const *mbufs, uint32_t count, bool all)
{
	struct weir_ring_span span;
	struct weir_handed *slot;

	count = weir__ring_reserve_spsc(handoff->ring, &span, sizeof(*slot), count, all);
	if (!count)
		return 0;
	slot = (struct weir_handed *)span.first;
	for (uint32_t i = 0; i < span.first_count; i++)
		slot[i] = weir__handed_of(mbufs[i]);
	slot = (struct weir_handed *)span.second;
	for (uint32_t i = span.first_count; weir_unlikely(i < count); i++)
		slot[i - span.first_count] = weir__handed_of(mbufs[i]);
	weir_ring_commit_spsc(handoff->ring, &span);
	return count;
}

static inline int weir_handoff_send_bulk(
	struct weir_handoff *handoff, struct weir_mbuf *const *mbufs, uint32_t count)
{
	return weir__handoff_send(handoff, mbufs, count, true) == count ? 0 : -ENOBUFS;
}

static inline uint32_t weir_handoff_send_burst(
	struct weir_handoff *handoff, struct weir_mbuf *const *mbufs, uint32_t count)
{
	return weir__handoff_send(handoff, mbufs, count, false);
}

static inline uint32_t weir_handoff_receive_burst(
	struct weir_handoff *handoff, struct weir_handed *handed, uint32_t count)
{
	struct weir_spsc *spsc = &handoff->ring->index.spsc;
	uint32_t kept = handoff->kept, index, ready;
	struct weir_ring_span span;

	ready = weir_spsc_ready(spsc, kept + count, &index) - kept;
	weir__ring_span(
		handoff->ring, &span, sizeof(*handed), index + kept, ready < count ? ready : count);
	weir__ring_read(&span, handed, sizeof(*handed));
	kept += span.count;
	if (kept >= handoff->run || span.count < count) {
		weir_spsc_take(spsc, index, kept);
		kept = 0;
	}
	handoff->kept = kept;
	return span.count;
}

static inline void weir_handed_free_bulk(const struct weir_handed *handed, uint32_t count)
{
	uint16_t pool = count ? handed[0].pool : 0;
	struct weir__mempool_cache *cache = NULL;
	void **top = NULL;
	uint32_t i = 0;

	if (weir_likely(pool)) {
		cache = weir__mempool_cache(weir__mempools[pool]);
		top = weir__mempool_push(cache, count);
	}
	for (; top && i < count && weir_likely(handed[i].pool == pool); i++) {
		weir__demote(weir_handed_data(&handed[i]));
		top[i] = handed[i].mbuf;
	}
	if (weir_likely(i == count))
		return;
	/* the cache has no room, or this one is of another pool or not plain: give its places back
	 * */
	if (top)
		weir__mempool_pop(cache, count - i);
	for (; i < count; i++) {
		if (handed[i].pool)
			weir_mempool_put(weir__mempools[handed[i].pool], handed[i].mbuf);
		else
			weir_mbuf_free(handed[i].mbuf);
	}
}

#ifdef __cplusplus
}
#endif

#endif
