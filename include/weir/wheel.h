/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/wheel.h: many timers, each set, cancelled and expired at a cost that does not depend on how
 * many there are.
 *
 * A hierarchical timing wheel (G. Varghese and T. Lauck, "Hashed and hierarchical timing wheels",
 * SOSP 1987). A level has 64 slots, one for each value of 6 bits of the time; a timer lies in the
 * level of the highest 6 bits in which its time differs from the present:
 *
 *	level 0   | | |o| | ... |    slots of 1 tick: the next 63
 *	level 1   | |o| | | ... |    slots of 64 ticks
 *	level 2   | | | |o| ... |    of 4,096, and so on, 11 levels for all of 64 bits
 *
 * When the time of a slot comes, its timers move down, at most once for each level; those of level
 * 0 are due. Empty slots cost nothing, however far the time jumps.
 *
 * Timers are numbers from 0 on, as indices of what they are for. Times are of any unit and any
 * start. A timer is never early, and late by less than a tick, and by how rarely one looks.
 *
 * Threads: a wheel belongs to one thread at a time.
 */
#ifndef WEIR_WHEEL_H
#define WEIR_WHEEL_H

#include "weir/base.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Timers of a wheel at most. */
#define WEIR_WHEEL_MAX (1u << 30)

struct weir_wheel;

/* A wheel for the timers 0 to count - 1. tick: units of time that need not be told apart, rounded
 * down to a power of two; 0 is 1. A coarse one moves timers less often. NULL with errno and
 * weir_last_error(): EINVAL for a count of 0 or above WEIR_WHEEL_MAX, ENOMEM. */
WEIR_API struct weir_wheel *weir_wheel_create(uint32_t count, uint64_t tick);
WEIR_API void weir_wheel_destroy(struct weir_wheel *wheel);

/* The same in memory of the caller, of this size and at a multiple of 64; init empties it, also one
 * that is in use. 0 and NULL as for create. Not to be destroyed. */
WEIR_API size_t weir_wheel_memory_size(uint32_t count);
WEIR_API struct weir_wheel *weir_wheel_init(void *memory, uint32_t count, uint64_t tick);

/* Let a timer be due at a time; also one that is set already. A time that has come is the next
 * tick. */
WEIR_API void weir_wheel_set(struct weir_wheel *wheel, uint32_t timer, uint64_t due);

/* No more. Also when it is not set. */
WEIR_API void weir_wheel_cancel(struct weir_wheel *wheel, uint32_t timer);

WEIR_API bool weir_wheel_is_set(const struct weir_wheel *wheel, uint32_t timer);

/* It is now: give up to count timers that are due, which are no longer set then, the earliest tick
 * first. At most *budget timers are looked at, those that only move down included, and *budget is
 * lowered by them; with *budget at 0 there may be more. A now before an earlier one is that one. */
WEIR_API uint32_t weir_wheel_expire(
	struct weir_wheel *wheel, uint64_t now, uint32_t *timers, uint32_t count, uint32_t *budget);

#ifdef __cplusplus
}
#endif

#endif
