/* SPDX-License-Identifier: BSD-3-Clause */
/* depot.c: objects on their way between a cache and the depot, in batches, and those that fill
 * none.
 *
 * Only whole batches are in the depot. What does not fill one, at most batch - 1 objects, lies
 * loose under the lock: the remainder of the count, what ending threads leave, what threads without
 * a cache give back.
 *
 * Every cache owns WEIR_BATCHES_MAX empty nodes, its spares, a chain. To give batches away it fills
 * as many spares, pushes them, and takes as many others; to fetch some it pops full nodes and gives
 * up as many spares for them. There are max_count / batch nodes and the spares of each possible
 * cache. So an empty node is always there for whoever has a batch in hand: the others hold at most
 * their spares and nodes that are full or whose batch is in their hands, fewer than max_count /
 * batch.
 */
#include "mempool_impl.h"

void weir__count_up(WEIR_ATOMIC(uint64_t) * counter, uint32_t more)
{
	/* only this thread writes it; atomic for those who read the figures */
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + more,
		memory_order_relaxed);
}

/* Batches in the depot, known only where somebody asks for it: a count that all threads change. */
static void count_depot(struct weir_mempool *pool, uint32_t more, uint32_t fewer)
{
	/* relaxed: a hint for weir__mempool_watch(); added before a push, taken after a pop, so
	 * that it is never below 0 */
	if (pool->watermark || pool->source)
		atomic_fetch_add_explicit(&pool->depot_batches, more - fewer, memory_order_relaxed);
}

void **weir__node_batch(struct weir_mempool *pool, uint32_t node)
{
	return pool->batches + (size_t)node * pool->batch;
}

static void copy(void **to, void *const *from, uint32_t count)
{
	memcpy(to, from, count * sizeof(*to));
}

/* A node that was in no stack yet, or 0. */
static uint32_t take_fresh(struct weir_mempool *pool)
{
	uint32_t node = atomic_load_explicit(&pool->fresh, memory_order_relaxed);

	/* relaxed: nobody has written to it */
	while (node <= weir__node_count(pool) &&
		!atomic_compare_exchange_weak_explicit(
			&pool->fresh, &node, node + 1, memory_order_relaxed, memory_order_relaxed))
		;
	return node <= weir__node_count(pool) ? node : 0;
}

uint32_t weir__take_empty(struct weir_mempool *pool, uint32_t count, uint32_t *last)
{
	uint32_t chain = 0, have = 0;

	while (have < count) {
		uint32_t got, end, first;

		first = weir_depot_pop(&pool->depot, &pool->depot.empty, count - have, &got);
		if (!first) {
			first = take_fresh(pool);
			got = 1;
		}
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

void weir__put_loose(struct weir_mempool *pool, void *const *objects, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		pool->loose[pool->loose_count++] = objects[i];
		if (pool->loose_count < pool->batch)
			continue;
		if (weir__depot_is_full(pool)) {
			pool->loose_count = 0;
			weir__source_give(pool, pool->loose, pool->batch);
			continue;
		}
		uint32_t last, node = weir__take_empty(pool, 1, &last);

		copy(weir__node_batch(pool, node), pool->loose, pool->batch);
		pool->loose_count = 0;
		pool->flushes++;
		count_depot(pool, 1, 0);
		weir_depot_push(&pool->depot, &pool->depot.full, node, node);
	}
}

uint32_t weir__get_loose(struct weir_mempool *pool, void **objects, uint32_t count)
{
	uint32_t got = 0;

	while (got < count) {
		if (pool->loose_count == 0) {
			uint32_t one, node;

			node = weir_depot_pop(&pool->depot, &pool->depot.full, 1, &one);
			if (!node)
				break;
			copy(pool->loose, weir__node_batch(pool, node), pool->batch);
			pool->loose_count = pool->batch;
			pool->refills++;
			count_depot(pool, 0, 1);
			weir_depot_push(&pool->depot, &pool->depot.empty, node, node);
		}
		objects[got++] = pool->loose[--pool->loose_count];
	}
	return got;
}

/* Whole batches between a cache's thread and the depot. */

uint32_t weir__fetch_batches(
	struct weir_mempool *pool, struct weir__mempool_cache *cache, void **to, uint32_t most)
{
	struct weir_depot *depot = &pool->depot;
	uint32_t count, first = weir_depot_pop(depot, &depot->full, most, &count);
	uint32_t full = first, spare = cache->spare, last_spare = 0;

	if (!first)
		return 0;
	count_depot(pool, 0, count);
	for (uint32_t i = 0; i < count; i++) {
		last_spare = spare;
		spare = weir_depot_next(depot, spare);
		copy(to + i * pool->batch, weir__node_batch(pool, full), pool->batch);
		if (i + 1 < count)
			full = weir_depot_next(depot, full);
	}
	/* the emptied nodes are spares now, in front of those we keep */
	weir_depot_link(depot, full, spare);
	weir_depot_push(depot, &depot->empty, cache->spare, last_spare);
	cache->spare = first;
	weir__count_up(&cache->refills, count);
	return count * pool->batch;
}

void weir__bring_batches(struct weir_mempool *pool, struct weir__mempool_cache *cache,
	void *const *from, uint32_t count)
{
	struct weir_depot *depot = &pool->depot;
	uint32_t first = cache->spare, rest = first, last = 0;

	if (weir__depot_is_full(pool)) {
		weir__source_give(pool, from, count * pool->batch);
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		last = rest;
		copy(weir__node_batch(pool, last), from + i * pool->batch, pool->batch);
		rest = weir_depot_next(depot, last);
	}
	weir__count_up(&cache->flushes, count);
	count_depot(pool, count, 0);
	weir_depot_push(depot, &depot->full, first, last);
	cache->spare = weir__take_empty(pool, count, &last);
	weir_depot_link(depot, last, rest);
}

uint32_t weir__batches_of(const struct weir_mempool *pool, uint32_t count)
{
	uint32_t batches = count / pool->batch;

	return batches < WEIR_BATCHES_MAX ? batches : WEIR_BATCHES_MAX;
}
