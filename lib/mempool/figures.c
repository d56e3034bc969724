/* SPDX-License-Identifier: BSD-3-Clause */
/* figures.c: what may be asked of a mempool: how many objects, where, and what became of them. */
#include "mempool_impl.h"

#include <string.h>

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
	stats->max_count = pool->max_count;
	pthread_mutex_lock(&pool->lock);
	stats->count = weir_mempool_count(pool);
	stats->refills = pool->refills;
	stats->flushes = pool->flushes;
	stats->failures = pool->failures;
	/* relaxed: figures */
	stats->growths = atomic_load_explicit(&pool->growths, memory_order_relaxed);
	stats->shrinks = atomic_load_explicit(&pool->shrinks, memory_order_relaxed);
	for (uint32_t slot = 1; slot < WEIR_THREAD_MAX; slot++)
		if (pool->caches[slot] != &weir__mempool_no_cache)
			add_cache(stats, pool->caches[slot]);
	/* each refill and flush moved one batch */
	free_now = ((uint64_t)pool->batches_born + stats->flushes - stats->refills) * pool->batch +
		   pool->loose_count + stats->cached;
	stats->in_use = free_now < stats->count ? (uint32_t)(stats->count - free_now) : 0;
	pthread_mutex_unlock(&pool->lock);
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
	/* relaxed: a figure */
	return atomic_load_explicit(&pool->count, memory_order_relaxed);
}

uint32_t weir_mempool_max_count(const struct weir_mempool *pool)
{
	return pool->max_count;
}

void *weir_mempool_object(const struct weir_mempool *pool, uint32_t index)
{
	if (index >= pool->max_count || !weir__mempool_exists(pool, index))
		return NULL;
	return pool->objects + (size_t)index * pool->stride;
}

uint32_t weir_mempool_index(const struct weir_mempool *pool, const void *object)
{
	uintptr_t offset = (uintptr_t)object - (uintptr_t)pool->objects;
	uint32_t index = (uint32_t)(offset / pool->stride);

	/* a pointer below the pool wraps to a large offset */
	if (offset >= (size_t)pool->max_count * pool->stride || offset % pool->stride)
		return UINT32_MAX;
	return weir__mempool_exists(pool, index) ? index : UINT32_MAX;
}

struct weir_region *weir_mempool_region(const struct weir_mempool *pool)
{
	return pool->region;
}
