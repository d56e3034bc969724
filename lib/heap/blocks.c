/* SPDX-License-Identifier: BSD-3-Clause */
/* blocks.c: the blocks of a class go through a mempool of their own, which has them from the
 * class's spans (lib/mempool/source.c): its caches, its depot, its threads that end. A heap for a
 * single thread has one cache for each class instead, and nothing behind it but the spans. Both are
 * made when the class is first used.
 */
#include "heap_impl.h"

/* Blocks that the depot keeps: so many caches full. */
#define DEPOT_CACHES 4

/* ---- where the mempool has them from ---- */

static uint32_t take(void *context, void **blocks, uint32_t count)
{
	struct weir__class *class = context;
	uint32_t got;

	weir__heap_lock(class->heap);
	got = weir__span_take(class, blocks, count);
	weir__heap_unlock(class->heap);
	return got;
}

static void give(void *context, void *const *blocks, uint32_t count)
{
	struct weir__class *class = context;

	weir__heap_lock(class->heap);
	weir__span_give(class, blocks, count);
	weir__heap_unlock(class->heap);
}

struct weir__mempool_source weir__class_source(struct weir__class *class)
{
	return (struct weir__mempool_source){take, give, weir__row_open, weir__row_close, class};
}

/* ---- one block ---- */

static bool make_single(struct weir__class *class)
{
	if (class->cache)
		class->cache_of_single = weir__row_open(class, 0);
	if (class->cache_of_single)
		weir__cache_begin(class->cache_of_single, class->cache);
	return class->cache_of_single != NULL;
}

/* Not under the lock: a thread that ends has the registry's, and comes to ours. Of two that make
 * one at the same time the second throws its own away. */
static struct weir_mempool *make_pool(struct weir__class *class)
{
	struct weir_heap *heap = class->heap;
	struct weir_mempool *pool, *other = NULL;

	pool = weir__mempool_create_for(&class->source, heap->name, class->size, class->cache,
		class->number == 0 ? 0
		: class->cache     ? class->cache * DEPOT_CACHES
				   : 1);
	/* acq_rel: for what is in the pool */
	if (!pool || atomic_compare_exchange_strong_explicit(&class->pool, &other, pool,
			     memory_order_acq_rel, memory_order_acquire))
		return pool;
	weir__mempool_destroy_for(pool);
	return other;
}

struct weir_mempool *weir__class_pool(struct weir__class *class)
{
	struct weir_mempool *pool = atomic_load_explicit(&class->pool, memory_order_acquire);

	return pool ? pool : make_pool(class);
}

static void *get_single(struct weir__class *class)
{
	struct weir__mempool_cache *cache = class->cache_of_single;
	void **top, *block;

	if (!cache && make_single(class))
		cache = class->cache_of_single;
	if (!cache)
		return weir__span_take(class, &block, 1) ? block : NULL;
	top = weir__mempool_pop(cache, 1);
	if (top)
		return *top;
	weir__cache_set(cache, weir__span_take(class, cache->objects, (cache->size + 1) / 2));
	top = weir__mempool_pop(cache, 1);
	return top ? *top : NULL;
}

static void put_single(struct weir__class *class, void *block)
{
	struct weir__mempool_cache *cache = class->cache_of_single;
	uint32_t half;
	void **top;

	if (!cache) {
		weir__span_give(class, &block, 1);
		return;
	}
	top = weir__mempool_push(cache, 1);
	if (!top) {
		half = (weir__cache_count(cache) + 1) / 2; /* the coldest go */
		weir__span_give(class, cache->objects, half);
		memmove(cache->objects, cache->objects + half,
			(weir__cache_count(cache) - half) * sizeof(void *));
		weir__cache_set(cache, weir__cache_count(cache) - half);
		top = weir__mempool_push(cache, 1);
	}
	*top = block;
}

void *weir__class_get(struct weir__class *class)
{
	struct weir_mempool *pool;
	void *block = NULL;

	if (!class->heap->shared)
		return get_single(class);
	pool = weir__class_pool(class);
	if (!pool)
		return take(class, &block, 1) ? block : NULL;
	return weir__mempool_take(pool, &block, 1) == 0 ? block : NULL;
}

void weir__class_put(struct weir__class *class, void *block)
{
	struct weir_mempool *pool;

	if (!class->heap->shared) {
		put_single(class, block);
		return;
	}
	pool = weir__class_pool(class);
	if (pool)
		weir__mempool_put_some(pool, &block, 1);
	else
		give(class, &block, 1);
}

/* ---- what is kept ---- */

uint64_t weir__class_kept(struct weir__class *class)
{
	struct weir_mempool *pool = atomic_load_explicit(&class->pool, memory_order_acquire);
	uint64_t kept;

	if (class->cache_of_single)
		return weir__cache_count(class->cache_of_single);
	if (!pool)
		return 0;
	pthread_mutex_lock(&pool->lock);
	/* relaxed: figures */
	kept = pool->loose_count +
	       (uint64_t)atomic_load_explicit(&pool->depot_batches, memory_order_relaxed) *
		       pool->batch;
	for (uint32_t slot = 1; slot < WEIR_THREAD_MAX; slot++)
		kept += weir__cache_count(pool->caches[slot]);
	pthread_mutex_unlock(&pool->lock);
	return kept;
}

void weir__class_flush(struct weir__class *class)
{
	struct weir_mempool *pool = atomic_load_explicit(&class->pool, memory_order_acquire);
	struct weir__mempool_cache *cache = class->cache_of_single;

	if (cache) {
		weir__span_give(class, cache->objects, weir__cache_count(cache));
		weir__cache_set(cache, 0);
	}
	if (!pool)
		return;
	weir_mempool_flush(pool);
	weir__mempool_ask_others(pool);
	weir__mempool_drain(pool);
}

void weir__class_forget(struct weir__class *class)
{
	struct weir_mempool *pool = atomic_load_explicit(&class->pool, memory_order_relaxed);

	if (class->cache_of_single)
		weir__cache_set(class->cache_of_single, 0);
	if (pool)
		weir__mempool_forget(pool);
	for (uint32_t i = 0; i < WEIR__FILLS; i++)
		class->lists[i] = WEIR__NONE;
	class->spans = 0;
	class->taken = 0;
}
