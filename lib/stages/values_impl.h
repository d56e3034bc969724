/* SPDX-License-Identifier: BSD-3-Clause */
/* values_impl.h: what several stages take as arguments: quantities with units, chances, and which
 * clock it is that they go by. */
#ifndef WEIR_VALUES_IMPL_H
#define WEIR_VALUES_IMPL_H

#include "weir/stage.h"

#include "base/cycles_impl.h"

#include <stdbool.h>
#include <stdint.h>

/* A kind of quantity: its units, the smallest first, and what it may be, in its own small unit. */
struct weir__quantity {
	const char *like; /* "500us, 10ms or 1.5s" */
	uint64_t min, max;
	struct {
		const char *name; /* NULL at the end */
		uint64_t factor;
	} units[9];
};

/* Nanoseconds, up to an hour, or to ten years; bytes, up to a GiB. */
extern const struct weir__quantity weir__duration, weir__long_duration, weir__size;

/* Bits or, from this unit on, packets a second, with the names of tc but for packets. */
extern const struct weir__quantity weir__rate;
#define WEIR__RATE_PPS 4

/* Take an argument as digits, perhaps with a decimal point, and a unit. Returns the index of the
 * unit; 0, with *value as it was, without the argument; -EINVAL with a sentence. */
int weir__arg_quantity(struct weir_stage_args *args, const char *key,
	const struct weir__quantity *quantity, uint64_t *value);

/* ---- chances ---- */

struct weir__random {
	uint64_t state;
};

/* Each worker has numbers of its own. */
static inline void weir__random_seed(struct weir__random *random, uint64_t seed, uint32_t worker)
{
	random->state = seed ^ (uint64_t)worker << 48;
}

/* 64 bits, by SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
 * OOPSLA 2014): a walk in steps of the golden ratio, its bits mixed. */
static inline uint64_t weir__random_next(struct weir__random *random)
{
	uint64_t bits = random->state += UINT64_C(0x9e3779b97f4a7c15);

	bits = (bits ^ bits >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	bits = (bits ^ bits >> 27) * UINT64_C(0x94d049bb133111eb);
	return bits ^ bits >> 31;
}

/* A chance of 2^32 is certain, one of 0 never. The lower half of the number is free for more. */
static inline bool weir__is_chosen(uint64_t number, uint64_t chance)
{
	return number >> 32 < chance;
}

/* As in "0.5%"; *chance, the default, stays without it. 0, or -EINVAL with a sentence. */
int weir__arg_chance(struct weir_stage_args *args, const char *key, uint64_t *chance);

/* seed=, 1 without. 0, or -EINVAL with a sentence. */
int weir__arg_seed(struct weir_stage_args *args, uint64_t *seed);

/* ---- time ---- */

/* What time it is for a stage: by the worker's core, looked at once in a burst, or what packets
 * say. It never goes back. */
struct weir__clock {
	uint64_t now_ns;
	uint64_t scale; /* nanoseconds in 2^32 ticks; 0: packets tell */
};

/* clock=worker or packet. 0, or -EINVAL with a sentence. */
int weir__arg_clock(struct weir_stage_args *args, struct weir__clock *clock);

__extension__ typedef unsigned __int128 weir__ticks_wide;

/* A burst begins, or nothing came. */
static inline void weir__clock_look(struct weir__clock *clock)
{
	uint64_t now = (uint64_t)((weir__ticks_wide)weir__cycles() * clock->scale >> 32);

	if (clock->scale && now > clock->now_ns)
		clock->now_ns = now;
}

/* This packet comes. Returns what time it is. */
static inline uint64_t weir__clock_tell(struct weir__clock *clock, const struct weir_mbuf *mbuf)
{
	if (!clock->scale && mbuf->flags & WEIR_MBUF_TIMESTAMP &&
		mbuf->timestamp_ns > clock->now_ns)
		clock->now_ns = mbuf->timestamp_ns;
	return clock->now_ns;
}

#endif
