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
 * The cores, ring_spsc.h and ring_mpmc.h, hold the ordering; this file adds the elements.
 */
#ifndef WEIR_RING_H
#define WEIR_RING_H

#include "weir/base.h"
#include "weir/ring_mpmc.h"
#include "weir/ring_spsc.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

enum weir_ring_mode {
	WEIR_RING_SPSC,
	WEIR_RING_MPMC,
};

struct weir_ring {
	union {
		struct weir_spsc spsc;
		struct weir_mpmc mpmc;
	} index;
	uint8_t *slots;
	uint32_t mask;      /* slots - 1 */
	uint32_t spsc_size; /* of an element, or 0 when it is not an _spsc ring */
	uint32_t mpmc_size; /* likewise */
};

/* A ring for count elements, rounded up to a power of two, each of element_size bytes: 4, 8 (a
 * pointer) or 16. NULL with errno and weir_last_error(): EINVAL for a count of 0 or above 2^31 or
 * another element size, ENOMEM. From any thread. */
WEIR_API struct weir_ring *weir_ring_create(
	uint32_t count, uint32_t element_size, enum weir_ring_mode mode);

/* Free the ring; what is still in it is the caller's affair. NULL is allowed. */
WEIR_API void weir_ring_destroy(struct weir_ring *ring);

/* How many elements it can hold, and how many are in it about now. */
static inline uint32_t weir_ring_size(const struct weir_ring *ring)
{
	return ring->mask + 1;
}
WEIR_API uint32_t weir_ring_count(const struct weir_ring *ring);

/* Give the processor to another thread for a moment: what a waiting _mpmc call does at last. */
WEIR_API void weir__ring_yield(void);

/* A run of slots: what lies before the end of the array, and the rest from its start. Filled or
 * read in place by the caller between a reserve and its commit. */
struct weir_ring_span {
	void *first;
	void *second; /* used when count > first_count */
	uint32_t first_count;
	uint32_t count; /* of both parts */
	uint32_t index; /* for the commit */
};

static inline struct weir_ring_span weir__ring_span(
	const struct weir_ring *ring, uint32_t index, uint32_t size, uint32_t count)
{
	uint32_t at = index & ring->mask;
	uint32_t to_end = ring->mask + 1 - at;
	struct weir_ring_span span;

	span.first = ring->slots + (size_t)at * size;
	span.second = ring->slots;
	span.first_count = count < to_end ? count : to_end;
	span.count = count;
	span.index = index;
	return span;
}

/* Copy elements; size is a constant once inlined, so that bursts become vectors. */
static inline void weir__ring_copy(void *to, const void *from, uint32_t count, uint32_t size)
{
	uint8_t *out = (uint8_t *)to;
	const uint8_t *in = (const uint8_t *)from;

	for (uint32_t i = 0; i < count; i++)
		memcpy(out + (size_t)i * size, in + (size_t)i * size, size);
}

static inline void weir__ring_fill(
	struct weir_ring *ring, uint32_t index, const void *elements, uint32_t size, uint32_t count)
{
	struct weir_ring_span span = weir__ring_span(ring, index, size, count);
	const uint8_t *rest = (const uint8_t *)elements + (size_t)span.first_count * size;

	weir__ring_copy(span.first, elements, span.first_count, size);
	if (weir_unlikely(span.first_count < count))
		weir__ring_copy(span.second, rest, count - span.first_count, size);
}

static inline void weir__ring_read(
	struct weir_ring *ring, uint32_t index, void *elements, uint32_t size, uint32_t count)
{
	struct weir_ring_span span = weir__ring_span(ring, index, size, count);
	uint8_t *rest = (uint8_t *)elements + (size_t)span.first_count * size;

	weir__ring_copy(elements, span.first, span.first_count, size);
	if (weir_unlikely(span.first_count < count))
		weir__ring_copy(rest, span.second, count - span.first_count, size);
}

/* One producer, one consumer. */

static inline uint32_t weir_ring_enqueue_burst_spsc(
	struct weir_ring *ring, const void *elements, uint32_t size, uint32_t count)
{
	uint32_t index, room;

	if (weir_unlikely(size != ring->spsc_size))
		return 0;
	room = weir_spsc_room(&ring->index.spsc, count, &index);
	if (count > room)
		count = room;
	weir__ring_fill(ring, index, elements, size, count);
	weir_spsc_publish(&ring->index.spsc, index, count);
	return count;
}

static inline int weir_ring_enqueue_bulk_spsc(
	struct weir_ring *ring, const void *elements, uint32_t size, uint32_t count)
{
	uint32_t index;

	if (weir_unlikely(size != ring->spsc_size))
		return -EINVAL;
	if (weir_spsc_room(&ring->index.spsc, count, &index) < count)
		return -ENOBUFS;
	weir__ring_fill(ring, index, elements, size, count);
	weir_spsc_publish(&ring->index.spsc, index, count);
	return 0;
}

static inline uint32_t weir_ring_dequeue_burst_spsc(
	struct weir_ring *ring, void *elements, uint32_t size, uint32_t count)
{
	uint32_t index, ready;

	if (weir_unlikely(size != ring->spsc_size))
		return 0;
	ready = weir_spsc_ready(&ring->index.spsc, count, &index);
	if (count > ready)
		count = ready;
	weir__ring_read(ring, index, elements, size, count);
	weir_spsc_take(&ring->index.spsc, index, count);
	return count;
}

static inline int weir_ring_dequeue_bulk_spsc(
	struct weir_ring *ring, void *elements, uint32_t size, uint32_t count)
{
	uint32_t index;

	if (weir_unlikely(size != ring->spsc_size))
		return -EINVAL;
	if (weir_spsc_ready(&ring->index.spsc, count, &index) < count)
		return -ENOENT;
	weir__ring_read(ring, index, elements, size, count);
	weir_spsc_take(&ring->index.spsc, index, count);
	return 0;
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
		const void *line = ring->slots + (size_t)((index + i) & ring->mask) * size;

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

static inline uint32_t weir__ring_enqueue_mpmc(
	struct weir_ring *ring, const void *elements, uint32_t size, uint32_t count, bool all)
{
	struct weir_mpmc *mpmc = &ring->index.mpmc;
	uint32_t index;

	if (weir_unlikely(size != ring->mpmc_size))
		return 0;
	weir__ring_prefetch(ring, &mpmc->producers, size, count, true);
	count = weir_mpmc_claim(
		&mpmc->producers, &mpmc->consumers, ring->mask + 1, count, all, &index);
	if (count == 0)
		return 0;
	weir__ring_fill(ring, index, elements, size, count);
	weir__ring_wait_turn(&mpmc->producers, index);
	weir_mpmc_finish(&mpmc->producers, index, count);
	return count;
}

static inline uint32_t weir__ring_dequeue_mpmc(
	struct weir_ring *ring, void *elements, uint32_t size, uint32_t count, bool all)
{
	struct weir_mpmc *mpmc = &ring->index.mpmc;
	uint32_t index;

	if (weir_unlikely(size != ring->mpmc_size))
		return 0;
	weir__ring_prefetch(ring, &mpmc->consumers, size, count, false);
	count = weir_mpmc_claim(&mpmc->consumers, &mpmc->producers, 0, count, all, &index);
	if (count == 0)
		return 0;
	weir__ring_read(ring, index, elements, size, count);
	weir__ring_wait_turn(&mpmc->consumers, index);
	weir_mpmc_finish(&mpmc->consumers, index, count);
	return count;
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
