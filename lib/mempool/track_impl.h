/* SPDX-License-Identifier: BSD-3-Clause */
/* track_impl.h: tracking, as far as its files and those of mempools need each other.
 *
 *	track.c	what happens to an object	site.c	places in the code, by number
 *	report.c	what people see	symbol.c	their names
 *	tally.c	figures
 *
 * The table has an entry for each object there may be. It is written by whoever has the object in
 * hand, and read by reports at any time: so its fields are atomic, and relaxed.
 */
#ifndef WEIR_TRACK_IMPL_H
#define WEIR_TRACK_IMPL_H

#include "weir/track.h"

#include "mempool/mempool_impl.h"

#include <assert.h>

#define WEIR_FRAMES_MAX 16 /* enough to find a caller outside of the library, and its callers */

struct weir__track_entry {
	WEIR_ATOMIC(uint64_t) time; /* of the last get, ns of the coarse monotonic clock */
	WEIR_ATOMIC(uint64_t) got;  /* bit 63: it is out; 32-39 whose; 0-31 its site */
	WEIR_ATOMIC(uint32_t) put;  /* site of the last put */
	uint32_t unused[3];         /* half a line */
};

static_assert(sizeof(struct weir__track_entry) == WEIR_CACHE_LINE / 2, "weir__entry_offset()");

#define WEIR__TRACK_OUT (1ull << 63)

/* Relaxed: see above. */
static inline uint64_t weir__entry_got(const struct weir__track_entry *entry)
{
	return atomic_load_explicit(&entry->got, memory_order_relaxed);
}

static inline uint32_t weir__got_owner(uint64_t got)
{
	return got >> 32 & 0xff;
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
	struct weir__track_entry *entries; /* by index */
	struct weir__tally *tallies;       /* a row of WEIR__TALLIES for each thread slot */
	struct weir__sums sums[WEIR__TALLIES];
	pthread_mutex_t lock; /* for the row of threads without a slot */
	uint64_t inverse;     /* of the stride in lines, an odd number, modulo 2^64 */
};

/* What marking an object needs, so that a loop has it in registers. */
struct weir__marker {
	uintptr_t objects;
	uint64_t inverse;
	uint64_t size; /* bytes of all entries */
	uint8_t *entries;
	uint64_t time;
	uint64_t got; /* what is to be written, or is expected to be there */
	uint32_t site;
};

/* Where in the table the entry of an object is, in bytes. A multiple of the stride, divided by it:
 * modulo 2^64 that is a product with its inverse, and for anything else the product is far too
 * large. An entry has half of the bytes of a line, which the stride is a multiple of. */
static inline uint64_t weir__entry_offset(const struct weir__marker *marker, const void *object)
{
	uint64_t offset = (uint64_t)((uintptr_t)object - marker->objects);

	return (offset >> 1 | offset << 63) * marker->inverse;
}

static inline struct weir__track_entry *weir__entry_at(
	const struct weir__marker *marker, uint64_t offset)
{
	return (struct weir__track_entry *)(void *)(marker->entries + offset);
}

/* Relaxed, here and below: see above. */
static inline void weir__mark_get(const struct weir__marker *marker, const void *object)
{
	struct weir__track_entry *entry =
		weir__entry_at(marker, weir__entry_offset(marker, object));

	atomic_store_explicit(&entry->time, marker->time, memory_order_relaxed);
	atomic_store_explicit(&entry->got, marker->got, memory_order_relaxed);
}

/* False when it is no object of the pool, or not out, or out to another owner. */
static inline bool weir__mark_put(const struct weir__marker *marker, const void *object)
{
	uint64_t offset = weir__entry_offset(marker, object), got;
	struct weir__track_entry *entry = weir__entry_at(marker, offset);

	if (weir_unlikely(offset >= marker->size))
		return false;
	got = weir__entry_got(entry);
	if (weir_unlikely((got ^ marker->got) >> 32))
		return false;
	atomic_store_explicit(&entry->put, marker->site, memory_order_relaxed);
	atomic_store_explicit(&entry->got, got & ~WEIR__TRACK_OUT, memory_order_relaxed);
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

/* Or in three parts, for who has a loop anyway: get a marker, mark each object, and end. */
void weir__marker_for_get(struct weir__marker *marker, struct weir_mempool *pool, void *address);
void weir__marked_get(struct weir_mempool *pool, uint32_t count);
void weir__marker_for_put(
	struct weir__marker *marker, struct weir_mempool *pool, const void *first, void *address);
uint32_t weir__marked_put(struct weir_mempool *pool, const struct weir__marker *marker,
	void *const *objects, uint32_t count);

/* report.c: the site and owner that have most of what is out: " (3 of them at ...)", or "". */
void weir__track_blame(struct weir_mempool *pool, char *text, size_t size);

/* tally.c: add what a thread has not told to the sums. */
#define WEIR__TELL_AT 128 /* objects: an atomic for each as many costs nothing much */
void weir__tally_tell(struct weir__sums *sums, struct weir__tally *tally);

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

/* Its frames, innermost first. */
uint32_t weir__site_frames(uint32_t site, void *frames[WEIR_FRAMES_MAX]);

/* Owner number of this thread, and the name of any. */
extern __thread uint8_t weir__track_owner_now __attribute__((tls_model("initial-exec")));
const char *weir__owner_name(uint32_t owner);

/* slots.c: call visit with each pool there is, while none can go. */
void weir__mempool_each(void (*visit)(struct weir_mempool *pool, void *context), void *context);

#endif
