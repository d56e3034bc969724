/* SPDX-License-Identifier: BSD-3-Clause */
/* track_impl.h: tracking, as far as its files and those of mempools need each other.
 *
 *	track.c	what happens to an object	site.c	places in the code, by number
 *	groups.c	who has the same	symbol.c	their names
 *	report.c	what people see
 *	tally.c	figures
 *
 * The table has a word for each object there may be. It is written by whoever has the object in
 * hand, and read by reports at any time: so it is atomic, and relaxed.
 */
#ifndef WEIR_TRACK_IMPL_H
#define WEIR_TRACK_IMPL_H

#include "weir/track.h"

#include "mempool/mempool_impl.h"

#include <stdio.h>

#define WEIR_FRAMES_MAX 16 /* enough to find a caller outside of the library, and its callers */

/* The word of an object:
 *	63	it is out
 *	57-62	whose it is or was
 *	32-56	when it was taken, in ticks of 67 ms, modulo 26 days
 *	16-31	site of the last put; 0 while it is out
 *	0-15	site of the last get
 * One word: a second one to write would make a get half as dear again. */
#define WEIR__TRACK_OUT       (1ull << 63)
#define WEIR__TRACK_OWNER     57
#define WEIR__TRACK_TIME      32
#define WEIR__TRACK_PUT       16
#define WEIR__TRACK_SITES     (1u << 16)
#define WEIR__TRACK_TIME_MASK ((1u << 25) - 1)
#define WEIR__TRACK_TICK      26 /* log2 of ns */

static inline uint32_t weir__word_owner(uint64_t word)
{
	return word >> WEIR__TRACK_OWNER & (WEIR_TRACK_OWNERS - 1);
}

static inline uint32_t weir__word_get(uint64_t word)
{
	return (uint16_t)word;
}

static inline uint32_t weir__word_put(uint64_t word)
{
	return (uint16_t)(word >> WEIR__TRACK_PUT);
}

/* How long it was out at this time, ns. */
static inline uint64_t weir__word_age(uint64_t word, uint64_t now)
{
	uint64_t ticks = (now >> WEIR__TRACK_TICK) - (word >> WEIR__TRACK_TIME);

	return (ticks & WEIR__TRACK_TIME_MASK) << WEIR__TRACK_TICK;
}

/* What one thread counts of one owner. current is what others have not been told yet, high the most
 * it was since. */
struct weir__tally {
	WEIR_ATOMIC(uint64_t) gets, puts;
	WEIR_ATOMIC(int32_t) current, high;
};

/* Row WEIR_TRACK_OWNERS is of the pool as a whole. */
#define WEIR__TALLIES (WEIR_TRACK_OWNERS + 1)

struct weir__sums {
	WEIR_ATOMIC(int64_t) current, peak; /* of what threads have told */
};

struct weir__track {
	uint32_t flags;
	struct weir__mempool_cache *caches[WEIR_THREAD_MAX]; /* instead of the pool's public ones */
	struct weir_region *region;
	WEIR_ATOMIC(uint64_t) * words; /* by index */
	struct weir__guard *guards;    /* by index; NULL: it is not guarded (guard_impl.h) */
	struct weir__tally *tallies;   /* a row of WEIR__TALLIES for each thread slot */
	struct weir__sums sums[WEIR__TALLIES];
	pthread_mutex_t lock; /* for the row of threads without a slot */
	uint64_t inverse;     /* of the stride in lines, an odd number, modulo 2^64 */
};

/* What marking objects needs, so that a loop has it in registers. */
struct weir__marker {
	uintptr_t objects;
	uint64_t inverse;
	WEIR_ATOMIC(uint64_t) * words;
	uint64_t word;  /* that a get writes, or the bits that a put changes */
	uint32_t owner; /* that a put expects, */
	uint32_t site;  /* and its own */
	uint64_t count; /* objects there may be */
};

/* The index of an object. A multiple of the stride, divided by it: modulo 2^64 that is a product
 * with its inverse, and for anything else the product is far too large. Both are counted in lines;
 * what is not whole lines becomes a large number. */
static inline uint64_t weir__mark_index(const struct weir__marker *marker, const void *object)
{
	uint64_t offset = (uint64_t)((uintptr_t)object - marker->objects);

	return (offset >> 6 | offset << 58) * marker->inverse;
}

/* Relaxed, here and below: see above. */
static inline uint64_t weir__track_word(const WEIR_ATOMIC(uint64_t) * word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static inline void weir__mark_get(const struct weir__marker *marker, const void *object)
{
	atomic_store_explicit(&marker->words[weir__mark_index(marker, object)], marker->word,
		memory_order_relaxed);
}

/* False when it is no object of the pool, or not out, or out to another owner. */
static inline bool weir__mark_put(const struct weir__marker *marker, const void *object)
{
	uint64_t index = weir__mark_index(marker, object), word;

	if (weir_unlikely(index >= marker->count))
		return false;
	word = weir__track_word(&marker->words[index]) ^ marker->word;
	if (weir_unlikely(word >> WEIR__TRACK_OWNER != marker->owner))
		return false;
	atomic_store_explicit(&marker->words[index], word, memory_order_relaxed);
	return true;
}

/* track.c */

/* What a conf and the environment ask for. */
uint32_t weir__track_flags(uint32_t conf);

/* Set up tracking by the flags, once max_count, stride and name are there; and end it. 0 or -errno.
 */
int weir__track_create(struct weir_mempool *pool, uint32_t flags);
void weir__track_destroy(struct weir_mempool *pool);

/* Objects that have been taken, by a call that returns to this address. */
void weir__track_get(
	struct weir_mempool *pool, void *const *objects, uint32_t count, void *address);

/* Put objects back by a call that returns to this address: how many, from the first on, have been.
 * At least one: when it may not be put it stays where it is. */
uint32_t weir__track_put(
	struct weir_mempool *pool, void *const *objects, uint32_t count, void *address);

/* The same for who has a loop anyway and marks them in it (weir__marker_for_get(), _put()): after,
 * or before that. */
void weir__marked_get(struct weir_mempool *pool, uint32_t count);
uint32_t weir__marked_put(struct weir_mempool *pool, uint32_t owner, uint32_t site,
	void *const *objects, uint32_t count);

/* ns of the coarse monotonic clock */
uint64_t weir__track_now(void);

/* groups.c: what one place and owner have out; and all there are: how many are different is not
 * known before. */
struct weir__group {
	uint32_t site, owner, count;
	uint64_t bytes;
	uint64_t oldest, youngest; /* ages, ns */
};

struct weir__groups {
	struct weir__group *list; /* free() it */
	size_t count, room;
	uint64_t out, bytes; /* objects in them, and what these have */
};

/* groups.c: something more is out, with such a word; false without memory. Then sort, most first,
 * and print a line for each group, or JSON objects with commas between them; false as before. */
bool weir__groups_add(struct weir__groups *groups, uint64_t word, uint64_t age, uint64_t bytes);
void weir__groups_sort(struct weir__groups *groups);
bool weir__groups_print(FILE *out, const struct weir__groups *groups, uint32_t track, bool json);

/* groups.c: the frames of a site that people want to see; with all, as far as main(). At least one
 * name, which may say that it is not known. */
struct weir__symbols;
struct weir__symbol;
uint32_t weir__site_names(
	struct weir__symbols *symbols, uint32_t site, bool all, struct weir__symbol *names);

/* report.c: the site and owner that have most of what is out: " (3 of them at ...)", or "". */
void weir__track_blame(struct weir_mempool *pool, char *text, size_t size);

/* tally.c: so many are out, or home, that an owner took. */
void weir__count_get(struct weir__track *track, uint32_t owner, uint32_t count);
void weir__count_put(struct weir__track *track, uint32_t owner, uint32_t count);

/* site.c: numbers for places and names, the same ones until the process ends. */

/* A few addresses that this thread came from last, and their numbers. */
struct weir__memo {
	void *address;
	uint32_t site; /* WEIR__INSIDE: the library's own, look further out */
};
#define WEIR__MEMO   16
#define WEIR__INSIDE UINT32_MAX

extern __thread struct weir__memo weir__memo[WEIR__MEMO] __attribute__((tls_model("initial-exec")));

/* The site of a call that returns to address, with its callers or without. */
uint32_t weir__stack_site(void *address);
uint32_t weir__site_slow(void *address, struct weir__memo *memo);

static inline uint32_t weir__site(void *address)
{
	struct weir__memo *memo =
		&weir__memo[((uintptr_t)address >> 2 ^ (uintptr_t)address >> 7) % WEIR__MEMO];

	if (weir_likely(memo->address == address && memo->site != WEIR__INSIDE))
		return memo->site;
	return weir__site_slow(address, memo);
}

static inline uint32_t weir__site_of(const struct weir_mempool *pool, void *address)
{
	if (weir_unlikely(pool->track->flags & WEIR_TRACK_STACKS))
		return weir__stack_site(address);
	return weir__site(address);
}

/* Its frames, innermost first. */
uint32_t weir__site_frames(uint32_t site, void *frames[WEIR_FRAMES_MAX]);

/* Owner number of this thread, and the name of any. */
extern __thread uint8_t weir__track_owner_now __attribute__((tls_model("initial-exec")));
const char *weir__owner_name(uint32_t owner);

/* ---- markers: inline, and their address is not passed on, so that they are in registers ---- */

static inline struct weir__marker weir__marker(const struct weir_mempool *pool)
{
	return (struct weir__marker){.objects = (uintptr_t)pool->objects,
		.inverse = pool->track->inverse,
		.words = pool->track->words,
		.count = pool->max_count};
}

static inline struct weir__marker weir__marker_for_get(
	const struct weir_mempool *pool, void *address)
{
	uint64_t ticks = weir__track_now() >> WEIR__TRACK_TICK & WEIR__TRACK_TIME_MASK;
	struct weir__marker marker = weir__marker(pool);

	marker.word = WEIR__TRACK_OUT | (uint64_t)weir__track_owner_now << WEIR__TRACK_OWNER |
		      ticks << WEIR__TRACK_TIME | weir__site_of(pool, address);
	return marker;
}

/* The first object says whose they are. */
static inline struct weir__marker weir__marker_for_put(
	const struct weir_mempool *pool, const void *first, void *address)
{
	struct weir__marker marker = weir__marker(pool);
	uint64_t index = weir__mark_index(&marker, first);

	if (weir_likely(index < marker.count))
		marker.owner = weir__word_owner(weir__track_word(&marker.words[index]));
	marker.site = weir__site_of(pool, address);
	marker.word = WEIR__TRACK_OUT | (uint64_t)marker.site << WEIR__TRACK_PUT;
	return marker;
}

/* slots.c: call visit with each pool there is, while none can go. */
void weir__mempool_each(void (*visit)(struct weir_mempool *pool, void *context), void *context);

#endif
