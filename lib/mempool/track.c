/* SPDX-License-Identifier: BSD-3-Clause */
/* track.c: what happens to the objects of a tracked pool.
 *
 * The inline calls find no cache in such a pool, so every one comes to the slow path, and from
 * there here. The caches are in a table of the pool's own, where only the slow path looks.
 */
#include "track_impl.h"

#include "guard_impl.h"

#include "base/base_impl.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* The coarse clock has the time of the last tick of the kernel, 1 to 10 ms ago: half the price of
 * the processor's own counter here, and ages are in seconds. */
uint64_t weir__track_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void weir__marked_get(struct weir_mempool *pool, uint32_t count)
{
	weir__count_get(pool->track, weir__track_owner_now, count);
}

void weir__track_get(struct weir_mempool *pool, void *const *objects, uint32_t count, void *address)
{
	const struct weir__marker marker = weir__marker_for_get(pool, address);

	if (weir_unlikely(pool->track->guards != NULL))
		weir__guard_get(pool, objects, count, weir__word_get(marker.word));
	for (uint32_t i = 0; i < count; i++)
		weir__mark_get(&marker, objects[i]);
	weir__marked_get(pool, count);
}

uint32_t weir__marked_put(struct weir_mempool *pool, uint32_t owner, uint32_t site,
	void *const *objects, uint32_t count)
{
	if (weir_unlikely(count == 0)) {
		weir__misput(pool, objects[0], site);
		return 1;
	}
	weir__count_put(pool->track, owner, count);
	if (weir_unlikely(pool->track->guards != NULL))
		weir__guard_put(pool, objects, count, site);
	weir__mempool_put_some(pool, objects, count);
	return count;
}

uint32_t weir__track_put(
	struct weir_mempool *pool, void *const *objects, uint32_t count, void *address)
{
	const struct weir__marker marker = weir__marker_for_put(pool, objects[0], address);
	uint32_t done = 0;

	while (done < count && weir__mark_put(&marker, objects[done]))
		done++;
	return weir__marked_put(pool, marker.owner, marker.site, objects, done);
}

/* ---- setting up ---- */

static pthread_once_t environment_once = PTHREAD_ONCE_INIT;
static uint32_t environment_flags;

static void read_environment(void)
{
	static const struct {
		const char *name;
		uint32_t flags;
	} words[] = {{"sites", WEIR_TRACK_SITES}, {"stacks", WEIR_TRACK_STACKS},
		{"guards", WEIR_TRACK_GUARDS}};
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

/* All tables in one region: pages come as objects are used. */
static int get_tables(struct weir_mempool *pool, struct weir__track *track)
{
	size_t words =
		weir__round_up((size_t)pool->max_count * sizeof(*track->words), WEIR_CACHE_LINE);
	size_t tallies = WEIR_THREAD_MAX * WEIR__TALLIES * sizeof(*track->tallies);
	bool guarded = track->flags & WEIR_TRACK_GUARDS;
	struct weir_region_conf conf = {
		.name = "tracking",
		.size = words + tallies +
			(guarded ? (size_t)pool->max_count * sizeof(*track->guards) : 0),
		.pages = WEIR_PAGES_4K,
		.lazy = true,
	};
	uint8_t *base;

	track->region = weir_region_create(&conf);
	if (!track->region)
		return -errno;
	base = weir_region_base(track->region);
	track->words = (WEIR_ATOMIC(uint64_t) *)(void *)base;
	track->tallies = (struct weir__tally *)(void *)(base + words);
	if (guarded)
		weir__guards_begin(pool, base + words + tallies);
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
	if (pool->track->guards)
		weir__poison_end(pool);
	pthread_mutex_destroy(&pool->track->lock);
	weir_region_destroy(pool->track->region);
	free(pool->track);
}
