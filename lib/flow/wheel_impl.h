/* SPDX-License-Identifier: BSD-3-Clause */
/* wheel_impl.h: what a timing wheel is made of, and setting a timer, which the flow table has
 * inlined.
 *
 * Each slot is a circle of timers through a node of its own; so is the list of those at work. Nodes
 * have numbers: 0 is none, then the slots, then the list at work, then the timers.
 *
 * Invariant, between calls: a timer in slot s of level l has the bits above that level in common
 * with tick, and s is above those bits of tick. So the earliest slot is the first one of the lowest
 * level that has any, and tick may go on to any time before it without a look at the timers. When
 * the time of a slot comes, all of it goes to the list at work, in one step; from there each timer
 * is due or moves down. tick stands still until that list is empty.
 */
#ifndef WEIR_WHEEL_IMPL_H
#define WEIR_WHEEL_IMPL_H

#include "weir/wheel.h"

#define WEIR__WHEEL_BITS   6
#define WEIR__WHEEL_SLOTS  (1u << WEIR__WHEEL_BITS)
#define WEIR__WHEEL_LEVELS 11 /* 11 times 6 bits are 64 at least */

#define WEIR__WHEEL_SLOT(level, slot) (1 + (level)*WEIR__WHEEL_SLOTS + (slot))
#define WEIR__WHEEL_WORK              (1 + WEIR__WHEEL_LEVELS * WEIR__WHEEL_SLOTS)
#define WEIR__WHEEL_TIMER             (WEIR__WHEEL_WORK + 1)

struct weir__wheel_node {
	uint32_t next, previous; /* 0: a timer that is not set */
	uint64_t due;            /* ticks */
};

struct weir_wheel {
	uint64_t tick;
	uint32_t tick_bits; /* binary logarithm of a tick */
	uint32_t count;
	uint64_t taken[WEIR__WHEEL_LEVELS]; /* a bit for each slot with timers */
	struct weir__wheel_node nodes[];
};

/* Put a timer where it belongs; its time is behind tick. */
static inline void weir__wheel_place(struct weir_wheel *wheel, uint32_t node)
{
	struct weir__wheel_node *nodes = wheel->nodes;
	uint64_t due = nodes[node].due;
	uint32_t highest = 63 - (uint32_t)__builtin_clzll(due ^ wheel->tick);
	uint32_t level = highest / WEIR__WHEEL_BITS;
	uint32_t slot = (uint32_t)(due >> level * WEIR__WHEEL_BITS) % WEIR__WHEEL_SLOTS;
	uint32_t head = WEIR__WHEEL_SLOT(level, slot), last = nodes[head].previous;

	nodes[node].next = head;
	nodes[node].previous = last;
	nodes[last].next = node;
	nodes[head].previous = node;
	wheel->taken[level] |= (uint64_t)1 << slot;
}

static inline void weir__wheel_unlink(struct weir_wheel *wheel, uint32_t node)
{
	struct weir__wheel_node *nodes = wheel->nodes;
	uint32_t next = nodes[node].next, previous = nodes[node].previous;

	nodes[next].previous = previous;
	nodes[previous].next = next;
	nodes[node].next = 0;
	/* it was alone in its slot */
	if (next == previous && next < WEIR__WHEEL_WORK)
		wheel->taken[(next - 1) / WEIR__WHEEL_SLOTS] &=
			~((uint64_t)1 << (next - 1) % WEIR__WHEEL_SLOTS);
}

/* Set a timer that is not set. */
static inline void weir__wheel_start(struct weir_wheel *wheel, uint32_t timer, uint64_t due)
{
	uint32_t node = WEIR__WHEEL_TIMER + timer;
	uint64_t part = ((uint64_t)1 << wheel->tick_bits) - 1;
	uint64_t tick = (due >> wheel->tick_bits) + ((due & part) != 0);

	wheel->nodes[node].due = tick > wheel->tick ? tick : wheel->tick + 1;
	weir__wheel_place(wheel, node);
}

#endif
