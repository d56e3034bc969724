/* SPDX-License-Identifier: BSD-3-Clause */
/* track.c: what happens to the objects of a tracked pool.
 *
 * The inline calls find no cache in such a pool, so every one comes to the slow path, and from
 * there here. The caches are in a table of the pool's own, where only the slow path looks.
 */
#include "track_impl.h"

#include "base/base_impl.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* The coarse clock has the time of the last tick of the kernel, 1 to 10 ms ago: half the price of
 * the processor's own counter here, and ages are in seconds. */
static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline uint32_t site_of(const struct weir_mempool *pool, void *address)
{
	if (weir_unlikely(pool->track->flags & WEIR_TRACK_STACKS))
		return weir__stack_site(address);
	return weir__site(address);
}

/* ---- counting ---- */

/* Relaxed, in all that follows: a row of tallies is one thread's, others read it for figures. */
static inline int32_t look(const WEIR_ATOMIC(int32_t) * value)
{
	return atomic_load_explicit(value, memory_order_relaxed);
}

static inline void add(WEIR_ATOMIC(uint64_t) * counter, uint32_t more)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + more,
		memory_order_relaxed);
}

static inline void count_get(struct weir__sums *sums, struct weir__tally *tally, uint32_t count)
{
	int32_t current = look(&tally->current) + (int32_t)count;

	add(&tally->gets, count);
	atomic_store_explicit(&tally->current, current, memory_order_relaxed);
	if (current > look(&tally->high))
		atomic_store_explicit(&tally->high, current, memory_order_relaxed);
	if (weir_unlikely(current >= WEIR__TELL_AT))
		weir__tally_tell(sums, tally);
}

static inline void count_put(struct weir__sums *sums, struct weir__tally *tally, uint32_t count)
{
	int32_t current = look(&tally->current) - (int32_t)count;

	add(&tally->puts, count);
	atomic_store_explicit(&tally->current, current, memory_order_relaxed);
	if (weir_unlikely(current <= -WEIR__TELL_AT))
		weir__tally_tell(sums, tally);
}

/* Count for an owner and for the whole, in the row of this thread. Those without a slot have one
 * together, under a lock. */
static inline void count_objects(struct weir__track *track, uint32_t owner, uint32_t count,
	void (*how)(struct weir__sums *sums, struct weir__tally *tally, uint32_t count))
{
	uint32_t slot = weir__thread.slot;
	struct weir__tally *row = track->tallies + (size_t)slot * WEIR__TALLIES;

	if (weir_unlikely(count == 0))
		return;
	if (weir_unlikely(slot == 0))
		pthread_mutex_lock(&track->lock);
	how(&track->sums[owner], &row[owner], count);
	how(&track->sums[WEIR_TRACK_OWNERS], &row[WEIR_TRACK_OWNERS], count);
	if (weir_unlikely(slot == 0))
		pthread_mutex_unlock(&track->lock);
}

/* ---- marking ---- */

/* Field by field: as a whole it would be copied in larger pieces than it was written in, for which
 * a processor has to wait. */
static inline void set_marker(struct weir__marker *marker, struct weir_mempool *pool, void *address)
{
	marker->objects = (uintptr_t)pool->objects;
	marker->inverse = pool->track->inverse;
	marker->size = pool->max_count * sizeof(struct weir__track_entry);
	marker->entries = (uint8_t *)pool->track->entries;
	marker->site = site_of(pool, address);
}

void weir__marker_for_get(struct weir__marker *marker, struct weir_mempool *pool, void *address)
{
	set_marker(marker, pool, address);
	marker->time = now_ns();
	marker->got = WEIR__TRACK_OUT | (uint64_t)weir__track_owner_now << 32 | marker->site;
}

void weir__marked_get(struct weir_mempool *pool, uint32_t count)
{
	count_objects(pool->track, weir__track_owner_now, count, count_get);
}

void weir__track_get(struct weir_mempool *pool, void *const *objects, uint32_t count, void *address)
{
	struct weir__marker made;

	weir__marker_for_get(&made, pool, address);
	/* one that nobody else has seen the address of can be in registers */
	const struct weir__marker marker = made;
	for (uint32_t i = 0; i < count; i++)
		weir__mark_get(&marker, objects[i]);
	weir__marked_get(pool, count);
}

/* The first object says whose they are. */
void weir__marker_for_put(
	struct weir__marker *marker, struct weir_mempool *pool, const void *first, void *address)
{
	uint64_t offset;

	set_marker(marker, pool, address);
	marker->got = WEIR__TRACK_OUT;
	offset = weir__entry_offset(marker, first);
	if (weir_likely(offset < marker->size))
		marker->got |= weir__entry_got(weir__entry_at(marker, offset));
}

uint32_t weir__marked_put(struct weir_mempool *pool, const struct weir__marker *marker,
	void *const *objects, uint32_t count)
{
	if (weir_unlikely(count == 0)) {
		weir__fail(EINVAL, "pool '%s': %p is not an object that is out", pool->name,
			objects[0]);
		return 1;
	}
	count_objects(pool->track, weir__got_owner(marker->got), count, count_put);
	weir__mempool_put_some(pool, objects, count);
	return count;
}

uint32_t weir__track_put(
	struct weir_mempool *pool, void *const *objects, uint32_t count, void *address)
{
	struct weir__marker made;
	uint32_t done = 0;

	weir__marker_for_put(&made, pool, objects[0], address);
	const struct weir__marker marker = made;
	while (done < count && weir__mark_put(&marker, objects[done]))
		done++;
	return weir__marked_put(pool, &marker, objects, done);
}

/* ---- setting up ---- */

static pthread_once_t environment_once = PTHREAD_ONCE_INIT;
static uint32_t environment_flags;

static void read_environment(void)
{
	static const struct {
		const char *name;
		uint32_t flags;
	} words[] = {{"sites", WEIR_TRACK_SITES}, {"stacks", WEIR_TRACK_STACKS}};
	const char *list = getenv("WEIR_TRACK");

	for (size_t i = 0; list && i < sizeof(words) / sizeof(*words); i++)
		if (strstr(list, words[i].name))
			environment_flags |= words[i].flags;
	if (environment_flags)
		weir_track_at_exit(STDERR_FILENO);
}

uint32_t weir__track_flags(uint32_t conf)
{
	pthread_once(&environment_once, read_environment);
	return conf | environment_flags;
}

/* Of an odd number, modulo 2^64, by Newton's iteration: each doubles the bits that are right, from
 * the 3 of the number itself. */
static uint64_t inverse_of(uint64_t odd)
{
	uint64_t inverse = odd;

	for (uint32_t right = 3; right < 64; right *= 2)
		inverse *= 2 - odd * inverse;
	return inverse;
}

/* Both tables in one region: pages come as objects are used. */
static int get_tables(struct weir_mempool *pool, struct weir__track *track)
{
	size_t entries =
		weir__round_up((size_t)pool->max_count * sizeof(*track->entries), WEIR_CACHE_LINE);
	struct weir_region_conf conf = {
		.name = "tracking",
		.size = entries + WEIR_THREAD_MAX * WEIR__TALLIES * sizeof(*track->tallies),
		.pages = WEIR_PAGES_4K,
		.lazy = true,
	};
	uint8_t *base;

	track->region = weir_region_create(&conf);
	if (!track->region)
		return -errno;
	base = weir_region_base(track->region);
	track->entries = (struct weir__track_entry *)(void *)base;
	track->tallies = (struct weir__tally *)(void *)(base + entries);
	return 0;
}

int weir__track_create(struct weir_mempool *pool, uint32_t flags)
{
	struct weir__track *track = calloc(1, sizeof(*track));

	if (!track)
		return weir__fail(ENOMEM, "no memory for tracking pool '%s'", pool->name);
	pool->track = track;
	pool->caches = track->caches;
	pthread_mutex_init(&track->lock, NULL);
	track->flags = flags;
	track->inverse = inverse_of(pool->stride / WEIR_CACHE_LINE);
	return get_tables(pool, track);
}

void weir__track_destroy(struct weir_mempool *pool)
{
	if (!pool->track)
		return;
	pthread_mutex_destroy(&pool->track->lock);
	weir_region_destroy(pool->track->region);
	free(pool->track);
}
