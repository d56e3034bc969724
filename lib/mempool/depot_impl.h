/* SPDX-License-Identifier: BSD-3-Clause */
/* depot_impl.h: the core of what threads share of a mempool: two stacks of nodes, the full ones,
 * each with a batch of objects, and the empty ones.
 *
 *	full:   [tag|7] -> 7 -> 2 -> 0        a node is a number; its batch is a row of an array
 *	empty:  [tag|4] -> 4 -> 9 -> 0        of pointers; 0 ends a stack
 *
 * A stack is Treiber's (1986): its head holds the number of the top node and a tag that every
 * change counts up. A thread that reads next[] of a node which another has popped meanwhile may
 * read anything, but then the tag has moved and its compare-and-swap fails (the ABA problem; it
 * would take 2^32 changes while one thread sleeps between two instructions).
 *
 * Invariant: a node is in one stack or in the hands of one thread; only that thread touches its
 * batch. Both heads lie in one line: a visit that moves a node to one stack and takes one from the
 * other fetches that line once.
 *
 * Who pairs with whom: the release of a push with the acquire of the pop that gets the node, over
 * any number of pushes and pops between, since each is a read-modify-write and continues the
 * release sequence.
 */
#ifndef WEIR_DEPOT_IMPL_H
#define WEIR_DEPOT_IMPL_H

#include "weir/atomic.h"

#include <stdint.h>

struct weir_depot {
	WEIR_ATOMIC(uint64_t) full __attribute__((aligned(64)));
	WEIR_ATOMIC(uint64_t) empty;
	WEIR_ATOMIC(uint32_t) * next __attribute__((aligned(64))); /* by node; entry 0 unused */
};

static inline uint64_t weir__depot_head(uint64_t old, uint32_t node)
{
	return ((old >> 32) + 1) << 32 | node;
}

/* The node behind one. A late reader may get anything that was ever there, a node or 0. */
static inline uint32_t weir_depot_next(struct weir_depot *depot, uint32_t node)
{
	/* relaxed: for our own nodes nothing to order; else the tag decides, see above */
	return atomic_load_explicit(&depot->next[node], memory_order_relaxed);
}

/* Put next behind a node that only we have. */
static inline void weir_depot_link(struct weir_depot *depot, uint32_t node, uint32_t next)
{
	/* relaxed: the release of the push publishes it; a late reader fails by the tag */
	atomic_store_explicit(&depot->next[node], next, memory_order_relaxed);
}

/* Put a chain of nodes that only we have on a stack; its links are in next[] from first to last. */
static inline void weir_depot_push(
	struct weir_depot *depot, WEIR_ATOMIC(uint64_t) * stack, uint32_t first, uint32_t last)
{
	uint64_t head = atomic_load_explicit(stack, memory_order_relaxed);

	do {
		weir_depot_link(depot, last, (uint32_t)head);
		/* release: pairs with the acquire in weir_depot_pop() */
	} while (!atomic_compare_exchange_weak_explicit(stack, &head, weir__depot_head(head, first),
		memory_order_release, memory_order_relaxed));
}

/* Take up to most nodes off the top of a stack. Returns the first of them, linked by next[], or 0
 * when there is none; *count says how many. */
static inline uint32_t weir_depot_pop(
	struct weir_depot *depot, WEIR_ATOMIC(uint64_t) * stack, uint32_t most, uint32_t *count)
{
	/* acquire: next[] of the top was written before it was pushed; pairs with weir_depot_push()
	 * */
	uint64_t head = atomic_load_explicit(stack, memory_order_acquire);
	uint32_t rest;

	do {
		*count = 0;
		for (rest = (uint32_t)head; rest && *count < most; ++*count)
			rest = weir_depot_next(depot, rest);
		if (*count == 0)
			return 0;
		/* acquire on both outcomes: for the batches, or for next[] of the new top */
	} while (!atomic_compare_exchange_weak_explicit(stack, &head, weir__depot_head(head, rest),
		memory_order_acquire, memory_order_acquire));
	return (uint32_t)head;
}

/* Take all of a stack. Returns the first node, or 0. */
static inline uint32_t weir_depot_pop_all(WEIR_ATOMIC(uint64_t) * stack)
{
	uint64_t head = atomic_load_explicit(stack, memory_order_relaxed);

	/* acquire: for the batches and next[] of every node; pairs with weir_depot_push() */
	while ((uint32_t)head &&
		!atomic_compare_exchange_weak_explicit(stack, &head, weir__depot_head(head, 0),
			memory_order_acquire, memory_order_relaxed))
		;
	return (uint32_t)head;
}

#endif
