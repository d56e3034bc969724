/* SPDX-License-Identifier: BSD-3-Clause */
/* mempool.c: the slow half of get and put.
 *
 *	get:  cache  <- batch of the depot  <- loose  <- growth, or the source
 *	put:  cache  -> batch of the depot  -> loose
 */
#include "mempool_impl.h"
#include "track_impl.h"

static void copy(void **to, void *const *from, uint32_t count)
{
	memcpy(to, from, count * sizeof(*to));
}

WEIR_ATOMIC(uint32_t) weir__mempool_asks;

void weir__mempool_ask_others(struct weir_mempool *pool)
{
	/* relaxed: a request, it may be seen late */
	atomic_fetch_add_explicit(&weir__mempool_asks, 1, memory_order_relaxed);
	pthread_mutex_lock(&pool->lock);
	for (uint32_t slot = 1; slot < WEIR_THREAD_MAX; slot++) {
		struct weir__mempool_cache *cache = pool->caches[slot];

		if (cache != &weir__mempool_no_cache && slot != weir__thread.slot)
			atomic_store_explicit(&cache->limit, 0, memory_order_relaxed);
	}
	pthread_mutex_unlock(&pool->lock);
}

static void note_shortage(struct weir_mempool *pool, struct weir__mempool_cache *cache)
{
	weir__mempool_ask_others(pool);
	if (cache) {
		weir__count_up(&cache->failures, 1);
		return;
	}
	pthread_mutex_lock(&pool->lock);
	pool->failures++;
	pthread_mutex_unlock(&pool->lock);
}

/* Fill the empty cache up to half from the depot, and by a batch at least, so that a run of gets
 * visits it rarely. */
static void refill(struct weir_mempool *pool, struct weir__mempool_cache *cache)
{
	uint32_t batches = weir__batches_of(pool, cache->size / 2);

	weir__cache_set(
		cache, weir__fetch_batches(pool, cache, cache->objects, batches ? batches : 1));
}

/* Up to count objects through the cache. */
static uint32_t get_cached(struct weir_mempool *pool, struct weir__mempool_cache *cache,
	void **objects, uint32_t count)
{
	uint32_t got = weir__cache_count(cache) < count ? weir__cache_count(cache) : count;
	uint32_t more;

	copy(objects, cache->objects + weir__cache_count(cache) - got, got);
	weir__cache_set(cache, weir__cache_count(cache) - got);
	while (count - got >= pool->batch) {
		uint32_t fetched = weir__fetch_batches(
			pool, cache, objects + got, weir__batches_of(pool, count - got));

		if (!fetched)
			break;
		got += fetched;
	}
	if (got == count)
		return got;
	refill(pool, cache);
	more = weir__cache_count(cache) < count - got ? weir__cache_count(cache) : count - got;
	copy(objects + got, cache->objects + weir__cache_count(cache) - more, more);
	weir__cache_set(cache, weir__cache_count(cache) - more);
	return got + more;
}

static uint32_t get_some(struct weir_mempool *pool, void **objects, uint32_t count)
{
	struct weir__mempool_cache *cache = weir__own_cache(pool);
	uint32_t got = cache ? get_cached(pool, cache, objects, count) : 0;

	if (got < count) {
		pthread_mutex_lock(&pool->lock);
		got += weir__get_loose(pool, objects + got, count - got);
		pthread_mutex_unlock(&pool->lock);
	}
	if (got < count && pool->source)
		got += weir__source_take(pool, cache, objects + got, count - got);
	else if (got < count)
		got += weir__get_grown(pool, objects + got, count - got);
	if (got < count)
		note_shortage(pool, cache);
	weir__mempool_watch(pool);
	return got;
}

static __attribute__((noinline)) int take_slow(
	struct weir_mempool *pool, void **objects, uint32_t count)
{
	uint32_t got;

	/* not even all of them would do: do not grow in vain */
	if (count > pool->max_count) {
		note_shortage(pool, weir__own_cache(pool));
		errno = ENOBUFS;
		return -ENOBUFS;
	}
	got = get_some(pool, objects, count);
	if (weir_likely(got == count))
		return 0;
	weir__mempool_put_some(pool, objects, got);
	errno = ENOBUFS; /* for those who return NULL */
	return -ENOBUFS;
}

int weir__mempool_take(struct weir_mempool *pool, void **objects, uint32_t count)
{
	void **top = weir__mempool_pop(pool->caches[weir__thread.slot], count);

	if (!top)
		return take_slow(pool, objects, count);
	weir__copy_pointers(objects, top, count); /* so it is in a tracked pool */
	return 0;
}

int weir__mempool_get_slow(struct weir_mempool *pool, void **objects, uint32_t count)
{
	int error = weir__mempool_take(pool, objects, count);

	if (weir_unlikely(pool->track && !error))
		weir__track_get(pool, objects, count, __builtin_return_address(0));
	return error;
}

uint32_t weir_mempool_get_burst(struct weir_mempool *pool, void **objects, uint32_t count)
{
	void **top = weir__mempool_pop(weir__mempool_cache(pool), count);

	if (!top) {
		uint32_t got = get_some(pool, objects, count);

		if (pool->track)
			weir__track_get(pool, objects, got, __builtin_return_address(0));
		return got;
	}
	copy(objects, top, count);
	return count;
}

static __attribute__((noinline)) void put_some_slow(
	struct weir_mempool *pool, void *const *objects, uint32_t count)
{
	struct weir__mempool_cache *cache = weir__own_cache(pool);

	if (!cache) {
		pthread_mutex_lock(&pool->lock);
		weir__put_loose(pool, objects, count);
		pthread_mutex_unlock(&pool->lock);
		return;
	}
	/* Another thread has found the pool dry: all goes back, these too. */
	if (atomic_load_explicit(&cache->limit, memory_order_relaxed) < cache->size) {
		atomic_store_explicit(&cache->limit, cache->size, memory_order_relaxed);
		weir__cache_flush(pool, cache);
		pthread_mutex_lock(&pool->lock);
		weir__put_loose(pool, objects, count);
		pthread_mutex_unlock(&pool->lock);
		return;
	}
	while (count > cache->size / 2 && count >= pool->batch) {
		uint32_t batches = weir__batches_of(pool, count);

		weir__bring_batches(pool, cache, objects, batches);
		objects += batches * pool->batch;
		count -= batches * pool->batch;
	}
	if (weir__cache_count(cache) + count > cache->size)
		weir__cache_flush_to(pool, cache, cache->size / 2);
	copy(cache->objects + weir__cache_count(cache), objects, count);
	weir__cache_set(cache, weir__cache_count(cache) + count);
}

void weir__mempool_put_some(struct weir_mempool *pool, void *const *objects, uint32_t count)
{
	void **top = weir__mempool_push(pool->caches[weir__thread.slot], count);

	if (top)
		weir__copy_pointers(top, objects, count); /* so it is in a tracked pool */
	else
		put_some_slow(pool, objects, count);
}

void weir__mempool_give(
	struct weir_mempool *pool, void *const *objects, uint32_t count, void *address)
{
	if (weir_likely(!pool->track))
		weir__mempool_put_some(pool, objects, count);
	for (uint32_t done = 0; pool->track && done < count;)
		done += weir__track_put(pool, objects + done, count - done, address);
}

void weir__mempool_put_slow(struct weir_mempool *pool, void *const *objects, uint32_t count)
{
	weir__mempool_give(pool, objects, count, __builtin_return_address(0));
}

void weir_mempool_flush(struct weir_mempool *pool)
{
	struct weir__mempool_cache *cache = pool->caches[weir__thread.slot];

	if (cache != &weir__mempool_no_cache)
		weir__cache_flush(pool, cache);
}
