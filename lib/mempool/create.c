/* SPDX-License-Identifier: BSD-3-Clause */
/* create.c: making and destroying a mempool, and its figures. */
#include "mempool_impl.h"

#include "base/base_impl.h"

#include <stdio.h>
#include <stdlib.h>

/* 2^30 objects: depot nodes, batches included, stay far below 32 bits. */
#define COUNT_MAX (1u << 30)

/* Header lines spread over all cache sets when objects lie an odd number of lines apart; an even
 * number leaves some sets unused (docs/performance.md). */
static uint32_t odd_stride(uint32_t size)
{
	uint32_t lines = (size + WEIR_CACHE_LINE - 1) / WEIR_CACHE_LINE;

	return (lines | 1) * WEIR_CACHE_LINE;
}

static uint32_t choose_cache(const struct weir_mempool_conf *conf)
{
	uint32_t eighth = conf->count / 8;

	if (conf->cache == WEIR_MEMPOOL_CACHE_NONE)
		return 0;
	if (conf->cache)
		return conf->cache;
	/* one thread must not starve the others of a small pool */
	return eighth < WEIR_MEMPOOL_CACHE_DEFAULT ? eighth : WEIR_MEMPOOL_CACHE_DEFAULT;
}

static uint32_t choose_batch(uint32_t cache_size)
{
	uint32_t half = cache_size / 2;

	if (cache_size == 0 || half > WEIR_BATCH_MAX)
		return WEIR_BATCH_MAX;
	return half ? half : 1;
}

static int check_conf(const struct weir_mempool_conf *conf)
{
	const char *name = conf->name ? conf->name : "pool";

	if (conf->count == 0 || conf->count > COUNT_MAX)
		return weir__fail(EINVAL, "pool '%s': count %u is not in 1 to %u", name,
			conf->count, COUNT_MAX);
	if (conf->size == 0 || conf->size > UINT32_MAX / 2)
		return weir__fail(EINVAL, "pool '%s': object size %u is not in 1 to %u", name,
			conf->size, UINT32_MAX / 2);
	if (conf->cache != WEIR_MEMPOOL_CACHE_NONE && conf->cache > WEIR_MEMPOOL_CACHE_MAX)
		return weir__fail(EINVAL, "pool '%s': cache %u is above %u", name, conf->cache,
			WEIR_MEMPOOL_CACHE_MAX);
	return 0;
}

size_t weir_mempool_memory(const struct weir_mempool_conf *conf)
{
	return check_conf(conf) ? 0 : (size_t)conf->count * odd_stride(conf->size);
}

static uint32_t node_count(const struct weir_mempool *pool)
{
	return pool->count / pool->batch + WEIR_THREAD_MAX * WEIR_BATCHES_MAX;
}

/* The depot's two arrays and the objects' region: all or nothing. */
static int get_memory(struct weir_mempool *pool, const struct weir_mempool_conf *conf)
{
	struct weir_region_conf region = {
		.name = pool->name,
		.size = weir_mempool_memory(conf),
		.pages = conf->pages,
		.node = conf->node,
	};
	size_t rows = (size_t)node_count(pool) + 1;

	pool->depot.next = calloc(rows, sizeof(*pool->depot.next));
	pool->batches = calloc(rows * pool->batch, sizeof(*pool->batches));
	if (!pool->depot.next || !pool->batches)
		return weir__fail(ENOMEM, "no memory for the depot of %u objects", pool->count);
	pool->region = weir_region_create(&region);
	if (!pool->region)
		return -errno;
	pool->objects = weir_region_base(pool->region);
	return 0;
}

/* Every object into the depot, so that the first ones are on top. */
static void fill_depot(struct weir_mempool *pool)
{
	uint32_t full = pool->count / pool->batch, object = pool->count;

	while (object > full * pool->batch)
		pool->loose[pool->loose_count++] = weir_mempool_object(pool, --object);
	for (uint32_t node = node_count(pool); node > full; node--)
		weir_depot_push(&pool->depot, &pool->depot.empty, node, node);
	for (uint32_t node = full; node > 0; node--) {
		for (uint32_t i = 0; i < pool->batch; i++)
			pool->batches[(size_t)node * pool->batch + i] =
				weir_mempool_object(pool, --object);
		weir_depot_push(&pool->depot, &pool->depot.full, node, node);
	}
}

static void free_pool(struct weir_mempool *pool)
{
	weir_region_destroy(pool->region);
	pthread_mutex_destroy(&pool->lock);
	free(pool->batches);
	free(pool->depot.next);
	free(pool);
}

struct weir_mempool *weir_mempool_create(const struct weir_mempool_conf *conf)
{
	struct weir_mempool *pool;

	if (check_conf(conf))
		return NULL;
	pool = aligned_alloc(WEIR_CACHE_LINE, weir__round_up(sizeof(*pool), WEIR_CACHE_LINE));
	if (!pool)
		return weir__fail_null(ENOMEM, "no memory for a mempool");
	memset(pool, 0, sizeof(*pool));
	snprintf(pool->name, sizeof(pool->name), "%s", conf->name ? conf->name : "pool");
	pool->count = conf->count;
	pool->stride = odd_stride(conf->size);
	pool->cache_size = choose_cache(conf);
	pool->batch = choose_batch(pool->cache_size);
	pthread_mutex_init(&pool->lock, NULL);
	for (uint32_t slot = 0; slot < WEIR_THREAD_MAX; slot++)
		pool->head.caches[slot] = &weir__mempool_no_cache;
	if (get_memory(pool, conf)) {
		free_pool(pool);
		return NULL;
	}
	fill_depot(pool);
	if (weir__mempool_register(pool)) {
		free_pool(pool);
		return weir__fail_null(
			ENFILE, "there are %u mempools already; destroy one", WEIR_MEMPOOL_MAX);
	}
	return pool;
}

int weir_mempool_destroy(struct weir_mempool *pool)
{
	uint32_t out;

	if (!pool)
		return 0;
	out = weir__mempool_unregister(pool);
	if (out)
		return weir__fail(EBUSY,
			"pool '%s': %u of %u objects are out; put them back before destroying it",
			pool->name, out, pool->count);
	for (uint32_t slot = 1; slot < WEIR_THREAD_MAX; slot++)
		if (pool->head.caches[slot] != &weir__mempool_no_cache)
			free(pool->head.caches[slot]);
	free_pool(pool);
	return 0;
}

/* ---- figures ---- */

static void add_cache(struct weir_mempool_stats *stats, const struct weir__mempool_cache *cache)
{
	stats->threads++;
	stats->cached += atomic_load_explicit(&cache->count, memory_order_relaxed);
	stats->refills += atomic_load_explicit(&cache->refills, memory_order_relaxed);
	stats->flushes += atomic_load_explicit(&cache->flushes, memory_order_relaxed);
	stats->failures += atomic_load_explicit(&cache->failures, memory_order_relaxed);
}

void weir_mempool_stats(struct weir_mempool *pool, struct weir_mempool_stats *stats)
{
	uint64_t free_now;

	memset(stats, 0, sizeof(*stats));
	stats->count = pool->count;
	pthread_mutex_lock(&pool->lock);
	stats->refills = pool->refills;
	stats->flushes = pool->flushes;
	stats->failures = pool->failures;
	for (uint32_t slot = 1; slot < WEIR_THREAD_MAX; slot++)
		if (pool->head.caches[slot] != &weir__mempool_no_cache)
			add_cache(stats, pool->head.caches[slot]);
	/* the depot began with count / batch full nodes and changed with each refill and flush */
	free_now = (pool->count / pool->batch + stats->flushes - stats->refills) * pool->batch +
		   pool->loose_count + stats->cached;
	pthread_mutex_unlock(&pool->lock);
	stats->in_use = free_now < pool->count ? (uint32_t)(pool->count - free_now) : 0;
}

uint32_t weir_mempool_in_use(struct weir_mempool *pool)
{
	struct weir_mempool_stats stats;

	weir_mempool_stats(pool, &stats);
	return stats.in_use;
}

const char *weir_mempool_name(const struct weir_mempool *pool)
{
	return pool->name;
}

uint32_t weir_mempool_count(const struct weir_mempool *pool)
{
	return pool->count;
}

void *weir_mempool_object(const struct weir_mempool *pool, uint32_t index)
{
	return pool->objects + (size_t)index * pool->stride;
}

uint32_t weir_mempool_index(const struct weir_mempool *pool, const void *object)
{
	uintptr_t offset = (uintptr_t)object - (uintptr_t)pool->objects;

	/* a pointer below the pool wraps to a large offset */
	if (offset >= (size_t)pool->count * pool->stride || offset % pool->stride)
		return UINT32_MAX;
	return (uint32_t)(offset / pool->stride);
}

struct weir_region *weir_mempool_region(const struct weir_mempool *pool)
{
	return pool->region;
}
