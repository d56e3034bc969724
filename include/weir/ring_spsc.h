/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/ring_spsc.h: the core of the ring with one producer and one consumer.
 *
 *	 slots   [ . . a b c d . . ]      head: next to take, moved by the consumer
 *	               ^       ^          tail: next to fill, moved by the producer
 *	             head     tail
 *
 * Both run freely over 2^32; their difference is the number of elements and never exceeds the size.
 * A side reads the other's index only when its own copy of it says that there is not enough: so in
 * steady flow a line moves between the cores once for many elements (Lamport 1983; the cached
 * copies after Giacomoni et al., FastForward, 2008, and Torquati, 2010).
 *
 * Who pairs with whom: the producer's release store of tail with the consumer's acquire load (the
 * elements are there before the index says so), the consumer's release store of head with the
 * producer's acquire load (the elements are read before their slots are filled again).
 */
#ifndef WEIR_RING_SPSC_H
#define WEIR_RING_SPSC_H

#include "weir/atomic.h"

#include <stdint.h>

struct weir_spsc {
	/* the producer's line */
	WEIR_ATOMIC(uint32_t) tail __attribute__((aligned(64)));
	uint32_t head_seen; /* the last head the producer read */
	/* the consumer's line */
	WEIR_ATOMIC(uint32_t) head __attribute__((aligned(64)));
	uint32_t tail_seen; /* the last tail the consumer read */
	/* set once */
	uint32_t size __attribute__((aligned(64))); /* elements, a power of two */
};

/* Producer: how many elements may be filled from *index on, at least want if there is room for
 * them. */
static inline uint32_t weir_spsc_room(struct weir_spsc *ring, uint32_t want, uint32_t *index)
{
	uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	uint32_t room = ring->size - (tail - ring->head_seen);

	if (room < want) {
		/* acquire: pairs with weir_spsc_take() */
		ring->head_seen = atomic_load_explicit(&ring->head, memory_order_acquire);
		room = ring->size - (tail - ring->head_seen);
	}
	*index = tail;
	return room;
}

/* Producer: the count elements from *index on are filled. */
static inline void weir_spsc_publish(struct weir_spsc *ring, uint32_t index, uint32_t count)
{
	/* release: pairs with weir_spsc_ready() */
	atomic_store_explicit(&ring->tail, index + count, memory_order_release);
}

/* Consumer: how many elements may be read from *index on, at least want if there are as many. */
static inline uint32_t weir_spsc_ready(struct weir_spsc *ring, uint32_t want, uint32_t *index)
{
	uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	uint32_t ready = ring->tail_seen - head;

	if (ready < want) {
		/* acquire: pairs with weir_spsc_publish() */
		ring->tail_seen = atomic_load_explicit(&ring->tail, memory_order_acquire);
		ready = ring->tail_seen - head;
	}
	*index = head;
	return ready;
}

/* Consumer: the count elements from index on are read, their slots free. */
static inline void weir_spsc_take(struct weir_spsc *ring, uint32_t index, uint32_t count)
{
	/* release: pairs with weir_spsc_room() */
	atomic_store_explicit(&ring->head, index + count, memory_order_release);
}

#endif
