/* SPDX-License-Identifier: BSD-3-Clause */
/* cache.c: the caches of a mempool's threads: made with a thread's first visit, emptied into the
 * depot, gone with the thread.
 */
#include "mempool_impl.h"

#include "base/base_impl.h"
#include "os/os_impl.h"

struct weir__mempool_cache weir__mempool_no_cache;

void weir__cache_flush_to(
	struct weir_mempool *pool, struct weir__mempool_cache *cache, uint32_t keep)
{
	uint32_t count = weir__cache_count(cache), brought = 0;

	while (count - brought > keep && count - brought >= pool->batch) {
		/* rounded up: keep is the most that may stay */
		uint32_t over = count - brought - keep + pool->batch - 1;
		uint32_t all = count - brought;
		uint32_t batches = weir__batches_of(pool, over < all ? over : all);

		weir__bring_batches(pool, cache, cache->objects + brought, batches);
		brought += batches * pool->batch;
	}
	memmove(cache->objects, cache->objects + brought, (count - brought) * sizeof(void *));
	weir__cache_set(cache, count - brought);
}

void weir__cache_flush(struct weir_mempool *pool, struct weir__mempool_cache *cache)
{
	weir__cache_flush_to(pool, cache, 0);
	if (weir__cache_count(cache) == 0)
		return;
	pthread_mutex_lock(&pool->lock);
	weir__put_loose(pool, cache->objects, weir__cache_count(cache));
	pthread_mutex_unlock(&pool->lock);
	weir__cache_set(cache, 0);
}

/* Bytes that the pages of a cache take. */
static size_t cache_bytes(uint32_t objects)
{
	return weir__round_up(
		offsetof(struct weir__mempool_cache, objects) + objects * sizeof(void *),
		weir__os_page_size());
}

/* Pages of its own, touched by the thread that will use them: so they lie on its node. */
static struct weir__mempool_cache *map_cache(uint32_t objects)
{
	size_t size = cache_bytes(objects);
	void *address = NULL;

	if (weir__os_reserve(size, weir__os_page_size(), &address))
		return NULL;
	if (weir__os_map(address, size, 0) == 0) {
		weir__os_local(address, size);
		if (weir__os_populate(address, size, weir__os_page_size()) == 0)
			return address;
	}
	weir__os_unreserve(address, size);
	return NULL;
}

void weir__cache_free(struct weir__mempool_cache *cache)
{
	weir__os_unreserve(cache, cache_bytes(cache->size));
}

void weir__cache_begin(struct weir__mempool_cache *cache, uint32_t size)
{
	cache->size = size;
	cache->owner = &weir__thread;
	atomic_store_explicit(&cache->limit, size, memory_order_relaxed);
}

static struct weir__mempool_cache *get_memory(struct weir_mempool *pool, uint32_t slot)
{
	return pool->source ? pool->source->open_cache(pool->source->context, slot)
			    : map_cache(pool->cache_size);
}

static struct weir__mempool_cache *make_cache(struct weir_mempool *pool, uint32_t slot)
{
	struct weir__mempool_cache *cache = get_memory(pool, slot);
	uint32_t last;

	if (!cache)
		return &weir__mempool_no_cache;
	weir__cache_begin(cache, pool->cache_size);
	cache->spare = weir__take_empty(pool, WEIR_BATCHES_MAX, &last);
	pthread_mutex_lock(&pool->lock);
	pool->caches[slot] = cache;
	pthread_mutex_unlock(&pool->lock);
	return cache;
}

struct weir__mempool_cache *weir__own_cache(struct weir_mempool *pool)
{
	struct weir__mempool_cache *cache;

	if (pool->cache_size == 0)
		return NULL;
	if (!weir__thread.slot)
		weir__thread_join();
	if (!weir__thread.slot)
		return NULL;
	cache = pool->caches[weir__thread.slot];
	if (cache == &weir__mempool_no_cache)
		cache = make_cache(pool, weir__thread.slot);
	return cache == &weir__mempool_no_cache ? NULL : cache;
}

void weir__mempool_leave(struct weir_mempool *pool, uint32_t slot)
{
	struct weir__mempool_cache *cache = pool->caches[slot];
	uint32_t last;

	if (cache == &weir__mempool_no_cache)
		return;
	weir__cache_flush(pool, cache);
	last = cache->spare;
	for (uint32_t i = 1; i < WEIR_BATCHES_MAX; i++)
		last = weir_depot_next(&pool->depot, last);
	weir_depot_push(&pool->depot, &pool->depot.empty, cache->spare, last);
	pthread_mutex_lock(&pool->lock);
	pool->refills += atomic_load_explicit(&cache->refills, memory_order_relaxed);
	pool->flushes += atomic_load_explicit(&cache->flushes, memory_order_relaxed);
	pool->failures += atomic_load_explicit(&cache->failures, memory_order_relaxed);
	pool->caches[slot] = &weir__mempool_no_cache;
	pthread_mutex_unlock(&pool->lock);
	if (pool->source)
		pool->source->close_cache(pool->source->context, cache);
	else
		weir__cache_free(cache);
}
