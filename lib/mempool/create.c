/* SPDX-License-Identifier: BSD-3-Clause */
/* create.c: making and destroying a mempool. */
#include "guard_impl.h"
#include "mempool_impl.h"
#include "track_impl.h"

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

static uint32_t max_count(const struct weir_mempool_conf *conf)
{
	return conf->max_count ? conf->max_count : conf->count;
}

static uint32_t choose_cache(const struct weir_mempool_conf *conf)
{
	uint32_t eighth = max_count(conf) / 8;

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
	if (max_count(conf) < conf->count || max_count(conf) > COUNT_MAX)
		return weir__fail(EINVAL, "pool '%s': max_count %u is not in count %u to %u", name,
			conf->max_count, conf->count, COUNT_MAX);
	if ((unsigned int)conf->grow > WEIR_GROW_NEVER)
		return weir__fail(EINVAL, "pool '%s': grow %d: say one of WEIR_GROW_*", name,
			(int)conf->grow);
	if (conf->size == 0 || conf->size > UINT32_MAX / 2)
		return weir__fail(EINVAL, "pool '%s': object size %u is not in 1 to %u", name,
			conf->size, UINT32_MAX / 2);
	if (conf->cache != WEIR_MEMPOOL_CACHE_NONE && conf->cache > WEIR_MEMPOOL_CACHE_MAX)
		return weir__fail(EINVAL, "pool '%s': cache %u is above %u", name, conf->cache,
			WEIR_MEMPOOL_CACHE_MAX);
	return 0;
}

static uint32_t choose_stride(const struct weir_mempool_conf *conf, uint32_t track)
{
	return odd_stride(conf->size + (track & WEIR_TRACK_GUARDS ? WEIR__FENCE_SIZE : 0));
}

size_t weir_mempool_memory(const struct weir_mempool_conf *conf)
{
	uint32_t stride = choose_stride(conf, weir__track_flags(conf->track));

	return check_conf(conf) ? 0 : (size_t)conf->count * stride;
}

uint32_t weir__node_count(const struct weir_mempool *pool)
{
	uint32_t spares = WEIR_THREAD_MAX * WEIR_BATCHES_MAX;

	/* of a source, every thread may find that there is room in the depot at the same time */
	return pool->max_count / pool->batch + (pool->source ? 2 * spares : spares);
}

/* A chunk holds an object at least, so that an object lies in two at most. */
static size_t choose_chunk(const struct weir_mempool *pool, const struct weir_mempool_conf *conf)
{
	if (pool->max_count == pool->min_count)
		return 0; /* a single one */
	return conf->chunk > pool->stride ? conf->chunk : pool->stride;
}

static int get_objects(struct weir_mempool *pool, const struct weir_mempool_conf *conf)
{
	struct weir_region_conf region = {
		.name = pool->name,
		.size = (size_t)pool->min_count * pool->stride,
		.max_size = (size_t)pool->max_count * pool->stride,
		.chunk = choose_chunk(pool, conf),
		.pages = conf->pages,
		.node = conf->node,
		.nodes = conf->nodes,
		.placement = conf->placement,
		.locked = conf->locked,
		.shared = conf->shared,
	};

	pool->region = weir_region_create(&region);
	if (!pool->region)
		return -errno;
	pool->objects = weir_region_base(pool->region);
	return weir__grow_init(pool, conf);
}

/* The depot's two arrays. The batches lie in a region of their own, so that shrinking can give back
 * what they no longer need. */
static int get_depot(struct weir_mempool *pool, const struct weir_mempool_conf *conf)
{
	size_t rows = (size_t)weir__node_count(pool) + 1;
	char name[sizeof(pool->name) + 8];
	bool elastic = pool->max_count > pool->min_count;
	struct weir_region_conf batches = {
		.name = name,
		.size = rows * pool->batch * sizeof(*pool->batches),
		/* What is to be given back again must come in small pieces; and who insists on
		 * hugepages has counted those for the objects. */
		.pages = elastic || conf->pages != WEIR_PAGES_ANY ? WEIR_PAGES_4K : WEIR_PAGES_ANY,
		.lazy = elastic,
	};

	snprintf(name, sizeof(name), "%s depot", pool->name);
	pool->depot.next = calloc(rows, sizeof(*pool->depot.next));
	if (!pool->depot.next)
		return weir__fail(ENOMEM, "no memory for the depot of pool '%s'", pool->name);
	pool->batch_region = weir_region_create(&batches);
	if (!pool->batch_region)
		return -errno;
	pool->batches = weir_region_base(pool->batch_region);
	return 0;
}

/* The first object of the batch that is taken as the n-th. Batches that lie side by side are half
 * of the pool apart, since threads that start together take one after another: what a processor
 * prefetches beyond the end of a batch, by the stride of its objects, would be what another one is
 * writing to. */
static uint32_t batch_object(const struct weir_mempool *pool, uint32_t n, uint32_t batches)
{
	uint32_t even = (batches + 1) / 2;

	return (n < even ? 2 * n : 2 * (n - even) + 1) * pool->batch;
}

/* Every object into the depot. */
static void fill_depot(struct weir_mempool *pool)
{
	uint32_t full = pool->min_count / pool->batch, last = weir__node_count(pool);
	uint32_t rest = full * pool->batch;

	for (uint32_t node = 1; node <= last; node++)
		weir_depot_link(&pool->depot, node, node + 1);
	for (uint32_t node = 1; node <= full; node++) {
		uint32_t first = batch_object(pool, node - 1, full);

		for (uint32_t i = 0; i < pool->batch; i++)
			weir__node_batch(pool, node)[i] = weir_mempool_object(pool, first + i);
	}
	while (rest < pool->min_count)
		pool->loose[pool->loose_count++] = weir_mempool_object(pool, rest++);
	weir_depot_push(&pool->depot, &pool->depot.empty, full + 1, last);
	atomic_init(&pool->fresh, last + 1);
	if (full)
		weir_depot_push(&pool->depot, &pool->depot.full, 1, full);
	pool->batches_born = full;
	atomic_init(&pool->depot_batches, full);
}

static void free_pool(struct weir_mempool *pool)
{
	weir__grow_end(pool);
	weir__track_destroy(pool);
	weir_region_destroy(pool->region);
	weir_region_destroy(pool->batch_region);
	pthread_mutex_destroy(&pool->lock);
	pthread_mutex_destroy(&pool->grow_lock);
	free(pool->depot.next);
	free(pool->mbuf_fields);
	free(pool);
}

static int get_tracking(struct weir_mempool *pool, uint32_t flags)
{
	return flags ? weir__track_create(pool, flags) : 0;
}

struct weir_mempool *weir_mempool_create(const struct weir_mempool_conf *conf)
{
	uint32_t track = weir__track_flags(conf->track);
	struct weir_mempool *pool;

	if (check_conf(conf))
		return NULL;
	pool = aligned_alloc(WEIR_CACHE_LINE, weir__round_up(sizeof(*pool), WEIR_CACHE_LINE));
	if (!pool)
		return weir__fail_null(ENOMEM, "no memory for a mempool");
	memset(pool, 0, sizeof(*pool));
	snprintf(pool->name, sizeof(pool->name), "%s", conf->name ? conf->name : "pool");
	pool->min_count = conf->count;
	pool->max_count = max_count(conf);
	atomic_init(&pool->count, conf->count);
	pool->size = conf->size;
	pool->stride = choose_stride(conf, track);
	pool->cache_size = choose_cache(conf);
	pool->batch = choose_batch(pool->cache_size);
	pthread_mutex_init(&pool->lock, NULL);
	pthread_mutex_init(&pool->grow_lock, NULL);
	pool->policy = WEIR_GROW_NEVER;
	pool->caches = pool->head.caches;
	if (get_objects(pool, conf) || get_depot(pool, conf) || get_tracking(pool, track)) {
		free_pool(pool);
		return NULL;
	}
	for (uint32_t slot = 0; slot < WEIR_THREAD_MAX; slot++)
		pool->head.caches[slot] = pool->caches[slot] = &weir__mempool_no_cache;
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
	char blame[320];
	uint32_t out;

	if (!pool)
		return 0;
	if (weir__is_guarded(pool))
		weir__guard_look_at_free(pool);
	out = weir__mempool_unregister(pool);
	if (out) {
		weir__track_blame(pool, blame, sizeof(blame));
		return weir__fail(EBUSY,
			"pool '%s': %u of %u objects are out%s; put them back before destroying it",
			pool->name, out, weir_mempool_count(pool), blame);
	}
	for (uint32_t slot = 1; slot < WEIR_THREAD_MAX; slot++)
		if (pool->caches[slot] != &weir__mempool_no_cache)
			weir__cache_free(pool->caches[slot]);
	free_pool(pool);
	return 0;
}
