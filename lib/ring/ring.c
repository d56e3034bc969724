/* SPDX-License-Identifier: BSD-3-Clause */
/* ring.c: making rings; the rest of a ring is inline. */
#include "weir/ring.h"

#include "base/base_impl.h"

#include <sched.h>
#include <stdlib.h>

#define COUNT_MAX (1u << 31) /* the indices tell a full ring from an empty one up to here */

static uint32_t power_of_two(uint32_t count)
{
	uint32_t size = 1;

	while (size < count)
		size *= 2;
	return size;
}

size_t weir_ring_memory_size(uint32_t count, uint32_t element_size)
{
	int error = 0;

	if (count == 0 || count > COUNT_MAX)
		error = weir__fail(EINVAL, "ring of %u elements: 1 to %u", count, COUNT_MAX);
	else if (element_size != 4 && element_size != 8 && element_size != 16)
		error = weir__fail(EINVAL, "ring elements of %u bytes: 4, 8 or 16", element_size);
	if (error)
		return 0;
	return sizeof(struct weir_ring) +
	       weir__round_up((size_t)power_of_two(count) * element_size, WEIR_CACHE_LINE);
}

struct weir_ring *weir_ring_init(
	void *memory, uint32_t count, uint32_t element_size, enum weir_ring_mode mode)
{
	struct weir_ring *ring = memory;

	if (weir_ring_memory_size(count, element_size) == 0)
		return NULL;
	if (mode != WEIR_RING_SPSC && mode != WEIR_RING_MPMC)
		return weir__fail_null(EINVAL, "ring mode %d: WEIR_RING_SPSC or _MPMC", (int)mode);
	if (!memory || (uintptr_t)memory % WEIR_CACHE_LINE)
		return weir__fail_null(EINVAL, "memory of a ring at %p: no multiple of %d", memory,
			WEIR_CACHE_LINE);
	count = power_of_two(count);
	memset(ring, 0, sizeof(*ring));
	ring->mask = count - 1;
	if (mode == WEIR_RING_SPSC) {
		ring->spsc_size = element_size;
		ring->index.spsc.size = count;
	} else {
		ring->mpmc_size = element_size;
	}
	return ring;
}

struct weir_ring *weir_ring_create(uint32_t count, uint32_t element_size, enum weir_ring_mode mode)
{
	size_t size = weir_ring_memory_size(count, element_size);
	struct weir_ring *ring;
	void *memory;

	if (size == 0)
		return NULL;
	memory = aligned_alloc(WEIR_CACHE_LINE, size);
	if (!memory)
		return weir__fail_null(ENOMEM, "no memory for a ring of %u elements", count);
	ring = weir_ring_init(memory, count, element_size, mode);
	if (!ring)
		free(memory);
	return ring;
}

void weir_ring_destroy(struct weir_ring *ring)
{
	free(ring);
}

uint32_t weir_ring_count(const struct weir_ring *ring)
{
	uint32_t head, tail;

	/* head first: read the other way round it could pass the tail we have */
	if (ring->spsc_size) {
		head = atomic_load_explicit(&ring->index.spsc.head, memory_order_acquire);
		tail = atomic_load_explicit(&ring->index.spsc.tail, memory_order_acquire);
	} else {
		head = atomic_load_explicit(&ring->index.mpmc.consumers.done, memory_order_acquire);
		tail = atomic_load_explicit(&ring->index.mpmc.producers.done, memory_order_acquire);
	}
	return tail - head <= ring->mask + 1 ? tail - head : ring->mask + 1;
}

void weir__ring_yield(void)
{
	sched_yield();
}
