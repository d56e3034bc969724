/* SPDX-License-Identifier: BSD-3-Clause */
/* urcu_circle.h: the bound that makes a list without one do the work of a ring.
 *
 * The lists of liburcu link nodes that are the caller's. Here they come from a circle, in turn, and
 * a count of what was taken tells the producer how many are under way; it looks there only when its
 * last look does not do. That holds for one producer, whose nodes are taken in the order of the
 * circle.
 */
#ifndef URCU_CIRCLE_H
#define URCU_CIRCLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct circle {
	uint32_t filled __attribute__((aligned(64)));   /* nodes, by the producer */
	uint32_t taken_seen;                            /* its last look */
	uint32_t size;                                  /* under way at most */
	atomic_uint taken __attribute__((aligned(64))); /* nodes emptied */
};

/* Producer: may count more be under way? */
static inline bool circle_has_room(struct circle *circle, uint32_t count)
{
	if (circle->filled + count - circle->taken_seen > circle->size)
		/* acquire: pairs with the release in circle_taken() */
		circle->taken_seen = atomic_load_explicit(&circle->taken, memory_order_acquire);
	return circle->filled + count - circle->taken_seen <= circle->size;
}

/* Consumers: count nodes are empty. */
static inline void circle_taken(struct circle *circle, uint32_t count)
{
	if (count > 0)
		/* release: pairs with the acquire in circle_has_room() */
		atomic_fetch_add_explicit(&circle->taken, count, memory_order_release);
}

#endif
