/* SPDX-License-Identifier: BSD-3-Clause */
/* source.c: mempools whose objects lie in somebody else's memory: the size classes of a heap.
 *
 *	get:  cache  <- depot  <- source	the depot is bounded: what is above its limit
 *	put:  cache  -> depot  -> source	returns to the source, so that pages become free
 *
 * count is what the pool has from its source and has not given back.
 */
#include "mempool_impl.h"

#include "base/base_impl.h"
#include "os/os_impl.h"

#include <stdio.h>

bool weir__depot_is_full(const struct weir_mempool *pool)
{
	/* relaxed: a bound that may be passed by what other threads bring at this moment */
	return weir_unlikely(pool->source != NULL) &&
	       atomic_load_explicit(&pool->depot_batches, memory_order_relaxed) * pool->batch >=
		       pool->max_count;
}

uint32_t weir__source_take(struct weir_mempool *pool, struct weir__mempool_cache *cache,
	void **objects, uint32_t count)
{
	const struct weir__mempool_source *source = pool->source;
	uint32_t got = source->take(source->context, objects, count), more = 0;

	if (cache && got == count && weir__cache_count(cache) == 0) {
		more = source->take(source->context, cache->objects, pool->batch);
		weir__cache_set(cache, more);
	}
	/* relaxed: a figure */
	atomic_fetch_add_explicit(&pool->count, got + more, memory_order_relaxed);
	return got;
}

void weir__source_give(struct weir_mempool *pool, void *const *objects, uint32_t count)
{
	pool->source->give(pool->source->context, objects, count);
	atomic_fetch_sub_explicit(&pool->count, count, memory_order_relaxed);
}

/* Take all batches out of the depot; give their objects back, or forget them. Under the lock. */
static void empty_depot(struct weir_mempool *pool, bool give)
{
	uint32_t first = weir_depot_pop_all(&pool->depot.full), last = first, count = 0;

	for (uint32_t node = first; node; node = weir_depot_next(&pool->depot, node)) {
		if (give)
			weir__source_give(pool, weir__node_batch(pool, node), pool->batch);
		last = node;
		count++;
	}
	/* relaxed: a bound */
	atomic_fetch_sub_explicit(&pool->depot_batches, count, memory_order_relaxed);
	if (first)
		weir_depot_push(&pool->depot, &pool->depot.empty, first, last);
	pool->refills += count;
}

void weir__mempool_drain(struct weir_mempool *pool)
{
	pthread_mutex_lock(&pool->lock);
	empty_depot(pool, true);
	if (pool->loose_count)
		weir__source_give(pool, pool->loose, pool->loose_count);
	pool->loose_count = 0;
	pthread_mutex_unlock(&pool->lock);
}

void weir__mempool_forget(struct weir_mempool *pool)
{
	pthread_mutex_lock(&pool->lock);
	for (uint32_t slot = 1; slot < WEIR_THREAD_MAX; slot++)
		if (pool->caches[slot] != &weir__mempool_no_cache)
			weir__cache_set(pool->caches[slot], 0);
	empty_depot(pool, false);
	pool->loose_count = 0;
	atomic_store_explicit(&pool->count, 0, memory_order_relaxed);
	pthread_mutex_unlock(&pool->lock);
}

/* ---- making one ---- */

static size_t next_bytes(const struct weir_mempool *pool)
{
	return weir__round_up(
		(weir__node_count(pool) + 1) * sizeof(*pool->depot.next), weir__os_page_size());
}

static size_t depot_bytes(const struct weir_mempool *pool)
{
	size_t batches = ((size_t)weir__node_count(pool) + 1) * pool->batch * sizeof(void *);

	return next_bytes(pool) + weir__round_up(batches, weir__os_page_size());
}

/* Pages that come as they are used. By os calls: the heap may be what malloc() is. */
static void *map_lazily(size_t size)
{
	void *address = NULL;

	if (weir__os_reserve(size, weir__os_page_size(), &address))
		return NULL;
	if (weir__os_map(address, size, 0) == 0)
		return address;
	weir__os_unreserve(address, size);
	return NULL;
}

static size_t pool_bytes(void)
{
	return weir__round_up(sizeof(struct weir_mempool), weir__os_page_size());
}

static bool map_depot(struct weir_mempool *pool)
{
	void *address = map_lazily(depot_bytes(pool));

	if (!address)
		return false;
	pool->depot.next = address;
	pool->batches = (void **)(void *)((uint8_t *)address + next_bytes(pool));
	return true;
}

struct weir_mempool *weir__mempool_create_for(const struct weir__mempool_source *source,
	const char *name, uint32_t size, uint32_t cache, uint32_t depot)
{
	struct weir_mempool *pool = map_lazily(pool_bytes());

	if (!pool)
		return weir__fail_null(
			ENOMEM, "no memory for the size class %u of heap '%s'", size, name);
	snprintf(pool->name, sizeof(pool->name), "%s", name);
	pool->source = source;
	pool->size = pool->stride = size;
	pool->cache_size = cache;
	pool->batch = cache / 2 < WEIR_BATCH_MAX ? cache / 2 : WEIR_BATCH_MAX;
	pool->batch = pool->batch ? pool->batch : 1;
	pool->max_count = depot && depot < pool->batch ? pool->batch : depot;
	pool->policy = WEIR_GROW_NEVER;
	pool->caches = pool->head.caches;
	if (!map_depot(pool)) {
		weir__os_unreserve(pool, pool_bytes());
		return weir__fail_null(
			ENOMEM, "no memory for the depot of size class %u of '%s'", size, name);
	}
	atomic_init(&pool->fresh, 1);
	pthread_mutex_init(&pool->lock, NULL);
	pthread_mutex_init(&pool->grow_lock, NULL);
	for (uint32_t slot = 0; slot < WEIR_THREAD_MAX; slot++)
		pool->head.caches[slot] = &weir__mempool_no_cache;
	weir__mempool_enter(pool);
	return pool;
}

void weir__mempool_destroy_for(struct weir_mempool *pool)
{
	weir__mempool_remove(pool);
	pthread_mutex_destroy(&pool->lock);
	pthread_mutex_destroy(&pool->grow_lock);
	weir__os_unreserve(pool->depot.next, depot_bytes(pool));
	weir__os_unreserve(pool, pool_bytes());
}
