/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/ring_slots.h: what a ring is made of, and its elements: runs of slots, copied in and out. */
#ifndef WEIR_RING_SLOTS_H
#define WEIR_RING_SLOTS_H

#include "weir/base.h"
#include "weir/ring_mpmc.h"
#include "weir/ring_spsc.h"

#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weir_ring {
	union {
		struct weir_spsc spsc;
		struct weir_mpmc mpmc;
	} index;
	uint32_t mask;      /* slots - 1 */
	uint32_t spsc_size; /* of an element, or 0 when it is not an _spsc ring */
	uint32_t mpmc_size; /* likewise */
};

/* The slots lie behind the ring: no pointer, so that it works in shared memory at any address. */
static inline uint8_t *weir__ring_slots(const struct weir_ring *ring)
{
	return (uint8_t *)(uintptr_t)(ring + 1);
}

/* A run of slots: what lies before the end of the array, and the rest from its start. */
struct weir_ring_span {
	void *first;
	void *second; /* used when count > first_count */
	uint32_t first_count;
	uint32_t count; /* of both parts */
	uint32_t index; /* for the commit or release */
};

/* The run of count slots from index on. Returns count. */
static inline uint32_t weir__ring_span(const struct weir_ring *ring, struct weir_ring_span *span,
	uint32_t size, uint32_t index, uint32_t count)
{
	uint32_t at = index & ring->mask;
	uint32_t to_end = ring->mask + 1 - at;

	span->first = weir__ring_slots(ring) + (size_t)at * size;
	span->second = weir__ring_slots(ring);
	span->first_count = count < to_end ? count : to_end;
	span->count = count;
	span->index = index;
	return count;
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
	const struct weir_ring_span *span, const void *elements, uint32_t size)
{
	const uint8_t *rest = (const uint8_t *)elements + (size_t)span->first_count * size;

	weir__ring_copy(span->first, elements, span->first_count, size);
	if (weir_unlikely(span->first_count < span->count))
		weir__ring_copy(span->second, rest, span->count - span->first_count, size);
}

static inline void weir__ring_read(const struct weir_ring_span *span, void *elements, uint32_t size)
{
	uint8_t *rest = (uint8_t *)elements + (size_t)span->first_count * size;

	weir__ring_copy(elements, span->first, span->first_count, size);
	if (weir_unlikely(span->first_count < span->count))
		weir__ring_copy(rest, span->second, span->count - span->first_count, size);
}

#ifdef __cplusplus
}
#endif

#endif
