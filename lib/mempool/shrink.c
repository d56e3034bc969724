/* SPDX-License-Identifier: BSD-3-Clause */
/* shrink.c: a mempool gives back chunks whose objects are all home.
 *
 * Under the pool's lock everything is taken out of the depot, which is then as good as dry: who
 * needs objects waits for the lock. Chunks whose objects are all in our hands go, but those of
 * birth: so the pool always comes back to what it was. The others' objects return, those of low
 * chunks on top: they are used first, so that high chunks become idle in time. The kernel is called
 * after the lock. While somebody has pinned the pool's pages nothing goes.
 */
#include "mempool_impl.h"

#include "base/base_impl.h"
#include "os/os_impl.h"

#include <stdlib.h>

/* All in one temporary region, for count objects. */
struct plan {
	struct weir_region *region;
	void **home;     /* objects in our hands */
	void **sorted;   /* by chunk */
	uint32_t *nodes; /* of the depot: those they came from, and empty ones */
	uint32_t *in;    /* by chunk: objects at home that lie in it */
	uint8_t *goes;   /* by chunk */
	uint32_t count, full_count, node_count;
};

static bool make_plan(struct weir_mempool *pool, struct plan *plan)
{
	uint32_t most = weir_mempool_count(pool);
	size_t pointers = most * sizeof(void *),
	       nodes = (weir__node_count(pool) + 1) * sizeof(uint32_t);
	size_t in = (pool->chunk_count + 1) * sizeof(uint32_t);
	struct weir_region_conf conf = {
		.name = "shrinking",
		.size = 2 * pointers + nodes + in + pool->chunk_count,
		.pages = WEIR_PAGES_4K, /* touched now, not under the lock */
	};
	uint8_t *base;

	*plan = (struct plan){.region = weir_region_create(&conf)};
	if (!plan->region)
		return false;
	base = weir_region_base(plan->region);
	plan->home = (void **)(void *)base;
	plan->sorted = (void **)(void *)(base + pointers);
	plan->nodes = (uint32_t *)(void *)(base + 2 * pointers);
	plan->in = (uint32_t *)(void *)(base + 2 * pointers + nodes);
	plan->goes = base + 2 * pointers + nodes + in;
	return true;
}

static uint32_t index_of(const struct weir_mempool *pool, const void *object)
{
	return (uint32_t)((size_t)((const uint8_t *)object - pool->objects) / pool->stride);
}

/* The chunks that an object lies in: one or two. */
static uint32_t chunk_of(const struct weir_mempool *pool, const void *object, uint32_t *last)
{
	size_t offset = (size_t)((const uint8_t *)object - pool->objects);

	*last = (uint32_t)((offset + pool->stride - 1) / pool->chunk);
	return (uint32_t)(offset / pool->chunk);
}

/* Empty nodes left for others while we have the rest: for 16,384 objects that they put meanwhile.
 * Who finds none waits for us. */
#define NODES_LEFT 256

/* Take empty nodes, too, so that the pages of their batches can be given back. */
static void take_empty_nodes(struct weir_mempool *pool, struct plan *plan)
{
	uint32_t first = weir_depot_pop_all(&pool->depot.empty), last = first, rest;

	for (uint32_t left = 1; last && left < NODES_LEFT; left++) {
		rest = weir_depot_next(&pool->depot, last);
		if (!rest)
			break;
		last = rest;
	}
	if (!first)
		return;
	rest = weir_depot_next(&pool->depot, last);
	weir_depot_push(&pool->depot, &pool->depot.empty, first, last);
	for (; rest; rest = weir_depot_next(&pool->depot, rest))
		plan->nodes[plan->node_count++] = rest;
}

/* Take all there is out of the depot and the loose ones. */
static void drain(struct weir_mempool *pool, struct plan *plan)
{
	uint32_t node = weir_depot_pop_all(&pool->depot.full);

	for (; node; node = weir_depot_next(&pool->depot, node)) {
		memcpy(plan->home + plan->count, weir__node_batch(pool, node),
			pool->batch * sizeof(void *));
		plan->count += pool->batch;
		plan->nodes[plan->node_count++] = node;
	}
	plan->full_count = plan->node_count;
	take_empty_nodes(pool, plan);
	memcpy(plan->home + plan->count, pool->loose, pool->loose_count * sizeof(void *));
	plan->count += pool->loose_count;
	pool->loose_count = 0;
	for (uint32_t i = 0; i < plan->count; i++) {
		uint32_t last, first = chunk_of(pool, plan->home[i], &last);

		plan->in[first]++;
		if (last != first)
			plan->in[last]++;
	}
}

/* Objects that exist and lie in a chunk. Only those across its borders may be missing. */
static uint32_t count_existing(const struct weir_mempool *pool, uint32_t chunk)
{
	uint32_t bound = atomic_load_explicit(&pool->bound, memory_order_relaxed);
	uint32_t first, end, count;

	weir__chunk_objects(pool, chunk, &first, &end);
	if (end > bound)
		end = bound;
	if (end <= first)
		return 0;
	count = end - first;
	if (!weir__mempool_exists(pool, first))
		count--;
	if (end - 1 > first && !weir__mempool_exists(pool, end - 1))
		count--;
	return count;
}

/* An object across the border to a chunk that stays is no longer counted there. */
static void leave_neighbour(
	struct weir_mempool *pool, struct plan *plan, uint32_t chunk, uint32_t index)
{
	uint32_t last, first = chunk_of(pool, pool->objects + (size_t)index * pool->stride, &last);

	if (first != last && weir__mempool_exists(pool, index))
		plan->in[first == chunk ? last : first]--;
}

static void choose_chunks(struct weir_mempool *pool, struct plan *plan)
{
	const uint8_t *last_born = pool->objects + (size_t)(pool->min_count - 1) * pool->stride;
	uint32_t count = weir_mempool_count(pool), born;

	chunk_of(pool, last_born, &born);
	for (uint32_t chunk = born + 1; chunk < pool->chunk_count; chunk++) {
		uint32_t existing = count_existing(pool, chunk), first, end;

		/* relaxed, all under grow_lock: see weir__mempool_exists() */
		if (!atomic_load_explicit(&pool->present[chunk], memory_order_relaxed) ||
			plan->in[chunk] != existing)
			continue;
		weir__chunk_objects(pool, chunk, &first, &end);
		leave_neighbour(pool, plan, chunk, first);
		if (end - 1 > first)
			leave_neighbour(pool, plan, chunk, end - 1);
		atomic_store_explicit(&pool->present[chunk], false, memory_order_relaxed);
		plan->goes[chunk] = true;
		count -= existing;
	}
	atomic_store_explicit(&pool->count, count, memory_order_relaxed);
}

/* Are all objects at home that were not there at birth? Then they go, too, though their pages stay.
 * */
static void trim(struct weir_mempool *pool, struct plan *plan)
{
	uint32_t above = 0, count = weir_mempool_count(pool);

	for (uint32_t i = 0; i < plan->count; i++) {
		uint32_t index = index_of(pool, plan->home[i]);

		above += index >= pool->min_count && weir__mempool_exists(pool, index);
	}
	if (above != count - pool->min_count)
		return;
	/* relaxed: see weir__mempool_exists() */
	atomic_store_explicit(&pool->bound, pool->min_count, memory_order_relaxed);
	atomic_store_explicit(&pool->count, pool->min_count, memory_order_relaxed);
}

/* Keep what exists still, in the order of chunks (counting sort: Seward, 1954). */
static void sort(struct weir_mempool *pool, struct plan *plan)
{
	uint32_t kept = 0, last, sum = 0;

	memset(plan->in, 0, (pool->chunk_count + 1) * sizeof(*plan->in));
	for (uint32_t i = 0; i < plan->count; i++) {
		if (!weir__mempool_exists(pool, index_of(pool, plan->home[i])))
			continue;
		plan->home[kept++] = plan->home[i];
		plan->in[chunk_of(pool, plan->home[i], &last)]++;
	}
	plan->count = kept;
	for (uint32_t chunk = 0; chunk < pool->chunk_count; chunk++) {
		uint32_t here = plan->in[chunk];

		plan->in[chunk] = sum;
		sum += here;
	}
	for (uint32_t i = 0; i < kept; i++)
		plan->sorted[plan->in[chunk_of(pool, plan->home[i], &last)]++] = plan->home[i];
}

static int compare_nodes(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Push nodes from first to before end, in this order from the top. */
static void push_nodes(struct weir_mempool *pool, const struct plan *plan,
	WEIR_ATOMIC(uint64_t) * stack, uint32_t first, uint32_t end)
{
	if (first == end)
		return;
	for (uint32_t i = first; i + 1 < end; i++)
		weir_depot_link(&pool->depot, plan->nodes[i], plan->nodes[i + 1]);
	weir_depot_push(&pool->depot, stack, plan->nodes[first], plan->nodes[end - 1]);
}

/* Give the pages back that hold nothing but batches of nodes from first to before end. */
static void discard_batches(
	struct weir_mempool *pool, const struct plan *plan, uint32_t first, uint32_t end)
{
	size_t page = weir__os_page_size();

	for (uint32_t run, i = first; i < end; i = run) {
		uintptr_t from = (uintptr_t)weir__node_batch(pool, plan->nodes[i]), to;

		for (run = i + 1; run < end && plan->nodes[run] == plan->nodes[run - 1] + 1;)
			run++;
		to = (uintptr_t)weir__node_batch(pool, plan->nodes[run - 1] + 1);
		from = weir__round_up(from, page);
		to &= ~(page - 1);
		if (from < to)
			weir__os_discard((void *)from, to - from);
	}
}

/* What stays goes back into the depot, in its nodes with the lowest numbers. */
static void put_back(struct weir_mempool *pool, struct plan *plan)
{
	uint32_t full = plan->count / pool->batch, rest = plan->count % pool->batch;

	qsort(plan->nodes, plan->node_count, sizeof(*plan->nodes), compare_nodes);
	for (uint32_t i = 0; i < full; i++)
		memcpy(weir__node_batch(pool, plan->nodes[i]), plan->sorted + i * pool->batch,
			pool->batch * sizeof(void *));
	memcpy(pool->loose, plan->sorted + full * pool->batch, rest * sizeof(void *));
	pool->loose_count = rest;
	pool->batches_born -= plan->full_count - full;
	if (pool->watermark)
		/* relaxed: a hint */
		atomic_fetch_sub_explicit(
			&pool->depot_batches, plan->full_count - full, memory_order_relaxed);
	discard_batches(pool, plan, full, plan->node_count);
	push_nodes(pool, plan, &pool->depot.full, 0, full);
	push_nodes(pool, plan, &pool->depot.empty, full, plan->node_count);
}

static size_t release(struct weir_mempool *pool, const struct plan *plan)
{
	size_t before = weir_region_size(pool->region);

	for (uint32_t chunk = 0; chunk < pool->chunk_count; chunk++) {
		if (!plan->goes[chunk])
			continue;
		if (weir_region_release(pool->region, chunk * pool->chunk, pool->chunk))
			weir__grow_adopt(pool, chunk); /* its pages are as they were */
		else
			weir__count_up(&pool->shrinks, 1);
	}
	return before - weir_region_size(pool->region);
}

size_t weir_mempool_shrink(struct weir_mempool *pool)
{
	struct plan plan;
	size_t bytes = 0;

	if (pool->min_count == pool->max_count)
		return 0;
	weir_mempool_flush(pool);
	weir__mempool_ask_others(pool);
	pthread_mutex_lock(&pool->grow_lock);
	if (!pool->pins && make_plan(pool, &plan)) {
		pthread_mutex_lock(&pool->lock);
		drain(pool, &plan);
		choose_chunks(pool, &plan);
		trim(pool, &plan);
		sort(pool, &plan);
		put_back(pool, &plan);
		pthread_mutex_unlock(&pool->lock);
		bytes = release(pool, &plan);
		weir_region_destroy(plan.region);
	}
	pthread_mutex_unlock(&pool->grow_lock);
	return bytes;
}
