/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/ring.h: bounded rings of elements of 4, 8 or 16 bytes, to pass things between threads.
 *
 * The name of a call says how many may use that end at the same time: _spsc one producer and one
 * consumer, _mpmc many of each. A ring is made for one of the two and used only so.
 *
 *	                    enqueue  dequeue   count   destroy
 *	enqueue _spsc       no       yes       yes     no
 *	dequeue _spsc       yes      no        yes     no
 *	enqueue _mpmc       yes      yes       yes     no
 *	dequeue _mpmc       yes      yes       yes     no
 *
 * _bulk moves all or nothing and returns 0 or -ENOBUFS (no room) or -ENOENT (not as many there);
 * _burst moves what fits and returns how many. Neither waits for the other side. An _mpmc call
 * waits for calls that claimed their slots before it on the same side.
 *
 * Every call says the size of an element, sizeof(*elements): the compiler then knows it, and a ring
 * of another size, or of the other kind, is refused with -EINVAL by _bulk and 0 by _burst.
 *
 * The cores, ring_spsc.h and ring_mpmc.h, hold the ordering; ring_slots.h has the elements.
 */
#ifndef WEIR_RING_H
#define WEIR_RING_H

#include "weir/base.h"
#include "weir/ring_slots.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum weir_ring_mode {
	WEIR_RING_SPSC,
	WEIR_RING_MPMC,
};

/* A ring for count elements, rounded up to a power of two, each of element_size bytes: 4, 8 (a
 * pointer) or 16. NULL with errno and weir_last_error(): EINVAL for a count of 0 or above 2^31 or
 * another element size, ENOMEM. From any thread. */
WEIR_API struct weir_ring *weir_ring_create(
	uint32_t count, uint32_t element_size, enum weir_ring_mode mode);

/* Free the ring; what is still in it is the caller's affair. NULL is allowed. */
WEIR_API void weir_ring_destroy(struct weir_ring *ring);

/* The same in memory of the caller: weir_ring_memory_size() bytes at a multiple of WEIR_CACHE_LINE.
 * It holds no pointers, so in a shared region (weir/mem.h) processes use it at whatever address it
 * has for each; the others need no init. It ends with its memory. weir_ring_memory_size() is 0,
 * with errno and weir_last_error(), for what weir_ring_create() refuses.
 *
 * Between processes take WEIR_RING_SPSC: an _mpmc call waits for those before it, and one of a
 * process that died never ends. Whoever can write there can put anything into the ring. */
WEIR_API size_t weir_ring_memory_size(uint32_t count, uint32_t element_size);
WEIR_API struct weir_ring *weir_ring_init(
	void *memory, uint32_t count, uint32_t element_size, enum weir_ring_mode mode);

/* How many elements it can hold, and how many are in it about now. */
static inline uint32_t weir_ring_size(const struct weir_ring *ring)
{
	return ring->mask + 1;
}
WEIR_API uint32_t weir_ring_count(const struct weir_ring *ring);

/* Give the processor to another thread for a moment: what a waiting _mpmc call does at last. */
WEIR_API void weir__ring_yield(void);

/* In place, without a copy: a producer reserves slots, fills them and commits; a consumer acquires
 * slots, reads them and releases. reserve and acquire take up to count and return how many; with 0
 * there is nothing to commit or release. Between the two calls the slots are the caller's, and it
 * makes no other call on that end of the ring.
 *
 * _spsc: nothing is moved before commit or release, so span->count may be lowered to what was
 * really filled or read. _mpmc: the slots are claimed; all of them must be filled, or read, and
 * soon, since those claimed later wait for them. */
static inline uint32_t weir_ring_reserve_spsc(
	struct weir_ring *ring, struct weir_ring_span *span, uint32_t size, uint32_t count);
static inline void weir_ring_commit_spsc(struct weir_ring *ring, const struct weir_ring_span *span);
static inline uint32_t weir_ring_acquire_spsc(
	struct weir_ring *ring, struct weir_ring_span *span, uint32_t size, uint32_t count);
static inline void weir_ring_release_spsc(
	struct weir_ring *ring, const struct weir_ring_span *span);
static inline uint32_t weir_ring_reserve_mpmc(
	struct weir_ring *ring, struct weir_ring_span *span, uint32_t size, uint32_t count);
static inline void weir_ring_commit_mpmc(struct weir_ring *ring, const struct weir_ring_span *span);
static inline uint32_t weir_ring_acquire_mpmc(
	struct weir_ring *ring, struct weir_ring_span *span, uint32_t size, uint32_t count);
static inline void weir_ring_release_mpmc(
	struct weir_ring *ring, const struct weir_ring_span *span);

/* One producer, one consumer. With all, count or nothing. */

static inline uint32_t weir__ring_reserve_spsc(struct weir_ring *ring, struct weir_ring_span *span,
	uint32_t size, uint32_t count, bool all)
{
	uint32_t index, room;

	if (weir_unlikely(size != ring->spsc_size))
		return weir__ring_span(ring, span, size, 0, 0);
	room = weir_spsc_room(&ring->index.spsc, count, &index);
	if (weir_unlikely(room < count))
		count = all ? 0 : room;
	return weir__ring_span(ring, span, size, index, count);
}

static inline uint32_t weir_ring_reserve_spsc(
	struct weir_ring *ring, struct weir_ring_span *span, uint32_t size, uint32_t count)
{
	return weir__ring_reserve_spsc(ring, span, size, count, false);
}

static inline void weir_ring_commit_spsc(struct weir_ring *ring, const struct weir_ring_span *span)
{
	weir_spsc_publish(&ring->index.spsc, span->index, span->count);
}

static inline uint32_t weir__ring_acquire_spsc(struct weir_ring *ring, struct weir_ring_span *span,
	uint32_t size, uint32_t count, bool all)
{
	uint32_t index, ready;

	if (weir_unlikely(size != ring->spsc_size))
		return weir__ring_span(ring, span, size, 0, 0);
	ready = weir_spsc_ready(&ring->index.spsc, count, &index);
	if (ready < count)
		count = all ? 0 : ready;
	return weir__ring_span(ring, span, size, index, count);
}

static inline uint32_t weir_ring_acquire_spsc(
	struct weir_ring *ring, struct weir_ring_span *span, uint32_t size, uint32_t count)
{
	return weir__ring_acquire_spsc(ring, span, size, count, false);
}

static inline void weir_ring_release_spsc(struct weir_ring *ring, const struct weir_ring_span *span)
{
	weir_spsc_take(&ring->index.spsc, span->index, span->count);
}

static inline uint32_t weir__ring_enqueue_spsc(
	struct weir_ring *ring, const void *elements, uint32_t size, uint32_t count, bool all)
{
	struct weir_ring_span span;

	if (!weir__ring_reserve_spsc(ring, &span, size, count, all))
		return 0;
	weir__ring_fill(&span, elements, size);
	weir_ring_commit_spsc(ring, &span);
	return span.count;
}

static inline uint32_t weir__ring_dequeue_spsc(
	struct weir_ring *ring, void *elements, uint32_t size, uint32_t count, bool all)
{
	struct weir_ring_span span;

	if (!weir__ring_acquire_spsc(ring, &span, size, count, all))
		return 0;
	weir__ring_read(&span, elements, size);
	weir_ring_release_spsc(ring, &span);
	return span.count;
}

static inline uint32_t weir_ring_enqueue_burst_spsc(
	struct weir_ring *ring, const void *elements, uint32_t size, uint32_t count)
{
	return weir__ring_enqueue_spsc(ring, elements, size, count, false);
}

static inline int weir_ring_enqueue_bulk_spsc(
	struct weir_ring *ring, const void *elements, uint32_t size, uint32_t count)
{
	if (weir_unlikely(size != ring->spsc_size))
		return -EINVAL;
	return weir__ring_enqueue_spsc(ring, elements, size, count, true) == count ? 0 : -ENOBUFS;
}

static inline uint32_t weir_ring_dequeue_burst_spsc(
	struct weir_ring *ring, void *elements, uint32_t size, uint32_t count)
{
	return weir__ring_dequeue_spsc(ring, elements, size, count, false);
}

static inline int weir_ring_dequeue_bulk_spsc(
	struct weir_ring *ring, void *elements, uint32_t size, uint32_t count)
{
	if (weir_unlikely(size != ring->spsc_size))
		return -EINVAL;
	return weir__ring_dequeue_spsc(ring, elements, size, count, true) == count ? 0 : -ENOENT;
}

/* Many producers, many consumers. */

/* Fetch the lines of the slots that the next claim will probably get. The compare-and-swap of a
 * claim waits for all stores before it, and nothing behind it starts before it is done: what is
 * fetched first comes in its shade. */
static inline void weir__ring_prefetch(const struct weir_ring *ring,
	const struct weir_mpmc_side *side, uint32_t size, uint32_t count, bool for_write)
{
	uint32_t index = atomic_load_explicit(&side->reserved, memory_order_relaxed);
	uint32_t per_line = WEIR_CACHE_LINE / size;

	for (uint32_t i = 0; i < count; i += per_line) {
		const void *line =
			weir__ring_slots(ring) + (size_t)((index + i) & ring->mask) * size;

		if (for_write)
			__builtin_prefetch(line, 1);
		else
			__builtin_prefetch(line, 0);
	}
}

/* Wait until the claims before ours are finished. They are copying a few elements, or their thread
 * is not running: hence first look again, then yield. */
static inline void weir__ring_wait_turn(struct weir_mpmc_side *side, uint32_t index)
{
	for (uint32_t looks = 0; !weir_mpmc_turn(side, index); looks++)
		if (looks >= 64)
			weir__ring_yield();
}

/* Claim for producers or consumers, as the arguments of weir_mpmc_claim() say. */
static inline uint32_t weir__ring_claim(struct weir_ring *ring, struct weir_ring_span *span,
	uint32_t size, uint32_t count, bool all, bool producer)
{
	struct weir_mpmc *mpmc = &ring->index.mpmc;
	struct weir_mpmc_side *mine = producer ? &mpmc->producers : &mpmc->consumers;
	struct weir_mpmc_side *other = producer ? &mpmc->consumers : &mpmc->producers;
	uint32_t index = 0, slack = producer ? ring->mask + 1 : 0;

	if (weir_unlikely(size != ring->mpmc_size))
		return weir__ring_span(ring, span, size, 0, 0);
	weir__ring_prefetch(ring, mine, size, count, producer);
	count = weir_mpmc_claim(mine, other, slack, count, all, &index);
	return weir__ring_span(ring, span, size, index, count);
}

static inline uint32_t weir_ring_reserve_mpmc(
	struct weir_ring *ring, struct weir_ring_span *span, uint32_t size, uint32_t count)
{
	return weir__ring_claim(ring, span, size, count, false, true);
}

static inline void weir_ring_commit_mpmc(struct weir_ring *ring, const struct weir_ring_span *span)
{
	weir__ring_wait_turn(&ring->index.mpmc.producers, span->index);
	weir_mpmc_finish(&ring->index.mpmc.producers, span->index, span->count);
}

static inline uint32_t weir_ring_acquire_mpmc(
	struct weir_ring *ring, struct weir_ring_span *span, uint32_t size, uint32_t count)
{
	return weir__ring_claim(ring, span, size, count, false, false);
}

static inline void weir_ring_release_mpmc(struct weir_ring *ring, const struct weir_ring_span *span)
{
	weir__ring_wait_turn(&ring->index.mpmc.consumers, span->index);
	weir_mpmc_finish(&ring->index.mpmc.consumers, span->index, span->count);
}

static inline uint32_t weir__ring_enqueue_mpmc(
	struct weir_ring *ring, const void *elements, uint32_t size, uint32_t count, bool all)
{
	struct weir_ring_span span;

	if (!weir__ring_claim(ring, &span, size, count, all, true))
		return 0;
	weir__ring_fill(&span, elements, size);
	weir_ring_commit_mpmc(ring, &span);
	return span.count;
}

static inline uint32_t weir__ring_dequeue_mpmc(
	struct weir_ring *ring, void *elements, uint32_t size, uint32_t count, bool all)
{
	struct weir_ring_span span;

	if (!weir__ring_claim(ring, &span, size, count, all, false))
		return 0;
	weir__ring_read(&span, elements, size);
	weir_ring_release_mpmc(ring, &span);
	return span.count;
}

static inline uint32_t weir_ring_enqueue_burst_mpmc(
	struct weir_ring *ring, const void *elements, uint32_t size, uint32_t count)
{
	return weir__ring_enqueue_mpmc(ring, elements, size, count, false);
}

static inline int weir_ring_enqueue_bulk_mpmc(
	struct weir_ring *ring, const void *elements, uint32_t size, uint32_t count)
{
	if (weir_unlikely(size != ring->mpmc_size))
		return -EINVAL;
	return weir__ring_enqueue_mpmc(ring, elements, size, count, true) == count ? 0 : -ENOBUFS;
}

static inline uint32_t weir_ring_dequeue_burst_mpmc(
	struct weir_ring *ring, void *elements, uint32_t size, uint32_t count)
{
	return weir__ring_dequeue_mpmc(ring, elements, size, count, false);
}

static inline int weir_ring_dequeue_bulk_mpmc(
	struct weir_ring *ring, void *elements, uint32_t size, uint32_t count)
{
	if (weir_unlikely(size != ring->mpmc_size))
		return -EINVAL;
	return weir__ring_dequeue_mpmc(ring, elements, size, count, true) == count ? 0 : -ENOENT;
}

#ifdef __cplusplus
}
#endif

#endif
