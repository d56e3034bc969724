/* SPDX-License-Identifier: BSD-3-Clause */
/* mempool.c: the slow half of a mempool: caches are made, filled and emptied here.
 *
 *	get:  cache  <- batch of the depot  <- loose
 *	put:  cache  -> batch of the depot  -> loose
 *
 * Only whole batches are in the depot. What does not fill one, at most batch - 1 objects, lies
 * loose under the lock: the remainder of the count, what ending threads leave, what threads without
 * a cache give back.
 *
 * Every cache owns WEIR_BATCHES_MAX empty nodes, its spares, a chain. To give batches away it fills
 * as many spares, pushes them, and takes as many others; to fetch some it pops full nodes and gives
 * up as many spares for them. There are count / batch nodes and the spares of each possible cache.
 * So an empty node is always there for whoever has a batch in hand: the others hold at most their
 * spares and nodes that are full or whose batch is in their hands, fewer than count / batch.
 */
#include "mempool_impl.h"

#include "base/base_impl.h"

#include <stdlib.h>

struct weir__mempool_cache weir__mempool_no_cache;

static void count_up(WEIR_ATOMIC(uint64_t) * counter, uint32_t more)
{
	/* only this thread writes it; atomic for those who read the figures */
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + more,
		memory_order_relaxed);
}

/* Relaxed as in count_up(): a cache is its thread's, others read the count for figures. */
static uint32_t cache_count(const struct weir__mempool_cache *cache)
{
	return atomic_load_explicit(&cache->count, memory_order_relaxed);
}

static void set_count(struct weir__mempool_cache *cache, uint32_t count)
{
	atomic_store_explicit(&cache->count, count, memory_order_relaxed);
}

static void **node_batch(struct weir_mempool *pool, uint32_t node)
{
	return pool->batches + (size_t)node * pool->batch;
}

static void copy(void **to, void *const *from, uint32_t count)
{
	memcpy(to, from, count * sizeof(*to));
}

/* A chain of count empty nodes, for someone who has as many batches in hand, or none before: see
 * above why they are there. *last is the last one, whose link is open. */
static uint32_t take_empty(struct weir_mempool *pool, uint32_t count, uint32_t *last)
{
	uint32_t chain = 0, have = 0;

	while (have < count) {
		uint32_t got, end, first;

		first = weir_depot_pop(&pool->depot, &pool->depot.empty, count - have, &got);
		if (!first)
			continue; /* somebody is about to push one */
		for (end = first; got > 1; got--, have++)
			end = weir_depot_next(&pool->depot, end);
		have++;
		if (chain)
			weir_depot_link(&pool->depot, end, chain);
		else
			*last = end;
		chain = first;
	}
	return chain;
}

/* Loose objects. Under the lock. */

static void put_loose(struct weir_mempool *pool, void *const *objects, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		pool->loose[pool->loose_count++] = objects[i];
		if (pool->loose_count < pool->batch)
			continue;
		uint32_t last, node = take_empty(pool, 1, &last);

		copy(node_batch(pool, node), pool->loose, pool->batch);
		pool->loose_count = 0;
		pool->flushes++;
		weir_depot_push(&pool->depot, &pool->depot.full, node, node);
	}
}

static uint32_t get_loose(struct weir_mempool *pool, void **objects, uint32_t count)
{
	uint32_t got = 0;

	while (got < count) {
		if (pool->loose_count == 0) {
			uint32_t one, node;

			node = weir_depot_pop(&pool->depot, &pool->depot.full, 1, &one);
			if (!node)
				break;
			copy(pool->loose, node_batch(pool, node), pool->batch);
			pool->loose_count = pool->batch;
			pool->refills++;
			weir_depot_push(&pool->depot, &pool->depot.empty, node, node);
		}
		objects[got++] = pool->loose[--pool->loose_count];
	}
	return got;
}

/* Whole batches between a cache's thread and the depot. */

/* Up to most batches from the depot to where to points. Returns how many objects that are. */
static uint32_t fetch_batches(
	struct weir_mempool *pool, struct weir__mempool_cache *cache, void **to, uint32_t most)
{
	struct weir_depot *depot = &pool->depot;
	uint32_t count, first = weir_depot_pop(depot, &depot->full, most, &count);
	uint32_t full = first, spare = cache->spare, last_spare = 0;

	if (!first)
		return 0;
	for (uint32_t i = 0; i < count; i++) {
		last_spare = spare;
		spare = weir_depot_next(depot, spare);
		copy(to + i * pool->batch, node_batch(pool, full), pool->batch);
		if (i + 1 < count)
			full = weir_depot_next(depot, full);
	}
	/* the emptied nodes are spares now, in front of those we keep */
	weir_depot_link(depot, full, spare);
	weir_depot_push(depot, &depot->empty, cache->spare, last_spare);
	cache->spare = first;
	count_up(&cache->refills, count);
	return count * pool->batch;
}

/* count batches, at most WEIR_BATCHES_MAX, to the depot. */
static void bring_batches(struct weir_mempool *pool, struct weir__mempool_cache *cache,
	void *const *from, uint32_t count)
{
	struct weir_depot *depot = &pool->depot;
	uint32_t first = cache->spare, rest = first, last = 0;

	for (uint32_t i = 0; i < count; i++) {
		last = rest;
		copy(node_batch(pool, last), from + i * pool->batch, pool->batch);
		rest = weir_depot_next(depot, last);
	}
	count_up(&cache->flushes, count);
	weir_depot_push(depot, &depot->full, first, last);
	cache->spare = take_empty(pool, count, &last);
	weir_depot_link(depot, last, rest);
}

/* How many batches count objects make that may move at a time. */
static uint32_t batches_of(const struct weir_mempool *pool, uint32_t count)
{
	uint32_t batches = count / pool->batch;

	return batches < WEIR_BATCHES_MAX ? batches : WEIR_BATCHES_MAX;
}

/* Bring the coldest of the cache, its bottom, to the depot until at most keep are left or less than
 * a batch could go. */
static void flush_down_to(
	struct weir_mempool *pool, struct weir__mempool_cache *cache, uint32_t keep)
{
	uint32_t count = cache_count(cache), brought = 0;

	while (count - brought > keep && count - brought >= pool->batch) {
		/* rounded up: keep is the most that may stay */
		uint32_t over = count - brought - keep + pool->batch - 1;
		uint32_t all = count - brought;
		uint32_t batches = batches_of(pool, over < all ? over : all);

		bring_batches(pool, cache, cache->objects + brought, batches);
		brought += batches * pool->batch;
	}
	memmove(cache->objects, cache->objects + brought, (count - brought) * sizeof(void *));
	set_count(cache, count - brought);
}

static void flush_all(struct weir_mempool *pool, struct weir__mempool_cache *cache)
{
	flush_down_to(pool, cache, 0);
	if (cache_count(cache) == 0)
		return;
	pthread_mutex_lock(&pool->lock);
	put_loose(pool, cache->objects, cache_count(cache));
	pthread_mutex_unlock(&pool->lock);
	set_count(cache, 0);
}

/* Caches come and go with threads. */

static struct weir__mempool_cache *make_cache(struct weir_mempool *pool, uint32_t slot)
{
	struct weir__mempool_cache *cache = aligned_alloc(WEIR_CACHE_LINE, sizeof(*cache));
	uint32_t last;

	if (!cache)
		return &weir__mempool_no_cache;
	memset(cache, 0, offsetof(struct weir__mempool_cache, objects));
	cache->size = pool->cache_size;
	cache->owner = &weir__thread;
	atomic_store_explicit(&cache->limit, cache->size, memory_order_relaxed);
	cache->spare = take_empty(pool, WEIR_BATCHES_MAX, &last);
	pthread_mutex_lock(&pool->lock);
	pool->head.caches[slot] = cache;
	pthread_mutex_unlock(&pool->lock);
	return cache;
}

/* This thread's cache, made now if need be; NULL when it can have none. */
static struct weir__mempool_cache *own_cache(struct weir_mempool *pool)
{
	struct weir__mempool_cache *cache;

	if (pool->cache_size == 0)
		return NULL;
	if (!weir__thread.slot)
		weir__thread_join();
	if (!weir__thread.slot)
		return NULL;
	cache = weir__mempool_cache(pool);
	if (cache == &weir__mempool_no_cache)
		cache = make_cache(pool, weir__thread.slot);
	return cache == &weir__mempool_no_cache ? NULL : cache;
}

void weir__mempool_leave(struct weir_mempool *pool, uint32_t slot)
{
	struct weir__mempool_cache *cache = pool->head.caches[slot];
	uint32_t last;

	if (cache == &weir__mempool_no_cache)
		return;
	flush_all(pool, cache);
	last = cache->spare;
	for (uint32_t i = 1; i < WEIR_BATCHES_MAX; i++)
		last = weir_depot_next(&pool->depot, last);
	weir_depot_push(&pool->depot, &pool->depot.empty, cache->spare, last);
	pthread_mutex_lock(&pool->lock);
	pool->refills += atomic_load_explicit(&cache->refills, memory_order_relaxed);
	pool->flushes += atomic_load_explicit(&cache->flushes, memory_order_relaxed);
	pool->failures += atomic_load_explicit(&cache->failures, memory_order_relaxed);
	pool->head.caches[slot] = &weir__mempool_no_cache;
	pthread_mutex_unlock(&pool->lock);
	free(cache);
}

/* The pool is dry: ask every other thread to give back what it keeps, with its next put. */
static void ask_others(struct weir_mempool *pool)
{
	pthread_mutex_lock(&pool->lock);
	for (uint32_t slot = 1; slot < WEIR_THREAD_MAX; slot++) {
		struct weir__mempool_cache *cache = pool->head.caches[slot];

		if (cache != &weir__mempool_no_cache && slot != weir__thread.slot)
			/* relaxed: a request, it may be seen late */
			atomic_store_explicit(&cache->limit, 0, memory_order_relaxed);
	}
	pthread_mutex_unlock(&pool->lock);
}

static void note_shortage(struct weir_mempool *pool, struct weir__mempool_cache *cache)
{
	ask_others(pool);
	if (cache) {
		count_up(&cache->failures, 1);
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
	uint32_t batches = batches_of(pool, cache->size / 2);

	set_count(cache, fetch_batches(pool, cache, cache->objects, batches ? batches : 1));
}

/* Up to count objects through the cache. */
static uint32_t get_cached(struct weir_mempool *pool, struct weir__mempool_cache *cache,
	void **objects, uint32_t count)
{
	uint32_t got = cache_count(cache) < count ? cache_count(cache) : count;
	uint32_t more;

	copy(objects, cache->objects + cache_count(cache) - got, got);
	set_count(cache, cache_count(cache) - got);
	while (count - got >= pool->batch) {
		uint32_t fetched =
			fetch_batches(pool, cache, objects + got, batches_of(pool, count - got));

		if (!fetched)
			break;
		got += fetched;
	}
	if (got == count)
		return got;
	refill(pool, cache);
	more = cache_count(cache) < count - got ? cache_count(cache) : count - got;
	copy(objects + got, cache->objects + cache_count(cache) - more, more);
	set_count(cache, cache_count(cache) - more);
	return got + more;
}

static uint32_t get_some(struct weir_mempool *pool, void **objects, uint32_t count)
{
	struct weir__mempool_cache *cache = own_cache(pool);
	uint32_t got = cache ? get_cached(pool, cache, objects, count) : 0;

	if (got < count) {
		pthread_mutex_lock(&pool->lock);
		got += get_loose(pool, objects + got, count - got);
		pthread_mutex_unlock(&pool->lock);
	}
	if (got < count)
		note_shortage(pool, cache);
	return got;
}

int weir__mempool_get_slow(struct weir_mempool *pool, void **objects, uint32_t count)
{
	uint32_t got = get_some(pool, objects, count);

	if (got == count)
		return 0;
	weir__mempool_put_slow(pool, objects, got);
	return -ENOBUFS;
}

uint32_t weir_mempool_get_burst(struct weir_mempool *pool, void **objects, uint32_t count)
{
	void **top = weir__mempool_pop(weir__mempool_cache(pool), count);

	if (!top)
		return get_some(pool, objects, count);
	copy(objects, top, count);
	return count;
}

void weir__mempool_put_slow(struct weir_mempool *pool, void *const *objects, uint32_t count)
{
	struct weir__mempool_cache *cache = own_cache(pool);

	if (!cache) {
		pthread_mutex_lock(&pool->lock);
		put_loose(pool, objects, count);
		pthread_mutex_unlock(&pool->lock);
		return;
	}
	/* Another thread has found the pool dry: all goes back, these too. */
	if (atomic_load_explicit(&cache->limit, memory_order_relaxed) < cache->size) {
		atomic_store_explicit(&cache->limit, cache->size, memory_order_relaxed);
		flush_all(pool, cache);
		pthread_mutex_lock(&pool->lock);
		put_loose(pool, objects, count);
		pthread_mutex_unlock(&pool->lock);
		return;
	}
	while (count > cache->size / 2 && count >= pool->batch) {
		uint32_t batches = batches_of(pool, count);

		bring_batches(pool, cache, objects, batches);
		objects += batches * pool->batch;
		count -= batches * pool->batch;
	}
	if (cache_count(cache) + count > cache->size)
		flush_down_to(pool, cache, cache->size / 2);
	copy(cache->objects + cache_count(cache), objects, count);
	set_count(cache, cache_count(cache) + count);
}

void weir_mempool_flush(struct weir_mempool *pool)
{
	struct weir__mempool_cache *cache = weir__mempool_cache(pool);

	if (cache != &weir__mempool_no_cache)
		flush_all(pool, cache);
}
