/* SPDX-License-Identifier: BSD-3-Clause */
/* grow.c: a mempool gets more objects.
 *
 *	chunks   |   0   |   1   |   2   |   3   |	pages come and go by the chunk
 *	objects  |  0  |  1  |  2  |  3  |  4  |	base + index * stride, across their borders
 *
 * An object exists when its index is below bound and the chunks it lies in are present. So an
 * object across a border comes with the later of its chunks and goes with the first. bound is
 * max_count, but min_count, the count at birth, until the first growth, and again when shrinking
 * has brought the pool back to it.
 *
 * grow_lock is held while pages come and go. The pool's own lock is taken only to put what has come
 * into the depot, so that nobody waits for the kernel who need not.
 */
#include "guard_impl.h"
#include "mempool_impl.h"

#include "base/base_impl.h"
#include "os/os_impl.h"

#include <signal.h>
#include <stdlib.h>

/* Rows touched beyond those of the objects: the spares of 16 caches. */
#define SPARES (16 * WEIR_BATCHES_MAX)

static uint32_t first_chunk(const struct weir_mempool *pool, uint32_t index)
{
	return (uint32_t)((size_t)index * pool->stride / pool->chunk);
}

static uint32_t last_chunk(const struct weir_mempool *pool, uint32_t index)
{
	return (uint32_t)(((size_t)index * pool->stride + pool->stride - 1) / pool->chunk);
}

static bool is_present(const struct weir_mempool *pool, uint32_t chunk)
{
	/* relaxed, as bound: whoever has an object has it by way of the depot, which orders */
	return atomic_load_explicit(&pool->present[chunk], memory_order_relaxed);
}

bool weir__mempool_exists(const struct weir_mempool *pool, uint32_t index)
{
	return index < atomic_load_explicit(&pool->bound, memory_order_relaxed) &&
	       is_present(pool, first_chunk(pool, index)) &&
	       is_present(pool, last_chunk(pool, index));
}

void weir__chunk_objects(
	const struct weir_mempool *pool, uint32_t chunk, uint32_t *first, uint32_t *end)
{
	size_t start = chunk * pool->chunk, behind = start + pool->chunk;
	size_t last = (behind + pool->stride - 1) / pool->stride;

	*first = (uint32_t)(start / pool->stride);
	*end = last < pool->max_count ? (uint32_t)last : pool->max_count;
}

/* Put those objects from first to before end that exist into the depot; none did before. */
static uint32_t add_objects(struct weir_mempool *pool, uint32_t first, uint32_t end)
{
	void *objects[WEIR_BATCH_MAX];
	uint32_t added = 0;

	for (uint32_t i = first; i < end;) {
		uint32_t count = 0;

		for (; i < end && count < WEIR_BATCH_MAX; i++) {
			if (!weir__mempool_exists(pool, i))
				continue;
			objects[count] = pool->objects + (size_t)i * pool->stride;
			if (weir__is_guarded(pool))
				weir__guard_forget(pool, i, i + 1);
			if (pool->init)
				pool->init(pool, objects[count]);
			count++;
		}
		pthread_mutex_lock(&pool->lock);
		/* relaxed: changed under the lock, and a figure to those without */
		atomic_fetch_add_explicit(&pool->count, count, memory_order_relaxed);
		weir__put_loose(pool, objects, count);
		pthread_mutex_unlock(&pool->lock);
		added += count;
	}
	return added;
}

void weir__grow_adopt(struct weir_mempool *pool, uint32_t chunk)
{
	uint32_t first, end;

	/* relaxed: see is_present() */
	atomic_store_explicit(&pool->present[chunk], true, memory_order_relaxed);
	weir__chunk_objects(pool, chunk, &first, &end);
	add_objects(pool, first, end);
}

/* Touch the rows that the batches of more objects need, so that no put has to. The nodes in use are
 * those with the lowest numbers, for the batches and the spares of caches: a stack of empty ones is
 * taken from in their order, and shrinking puts them back in it. */
static int touch_rows(struct weir_mempool *pool, size_t more)
{
	size_t page = weir__os_page_size(), row = pool->batch * sizeof(void *);
	size_t first = weir_mempool_count(pool) / pool->batch;
	size_t end = first + more / pool->batch + 1 + SPARES;
	size_t most = weir__node_count(pool);
	size_t from = first * row & ~(page - 1);

	end = end < most ? end : most;
	return weir__os_populate(
		(uint8_t *)pool->batches + from, weir__round_up(end * row, page) - from, page);
}

/* More objects: those that lie on pages already, or those of one more chunk. 0, -ENOSPC when there
 * are max_count, or what keeps the kernel from giving pages. */
static int grow(struct weir_mempool *pool)
{
	uint32_t before = atomic_load_explicit(&pool->bound, memory_order_relaxed);

	if (weir_mempool_count(pool) == pool->max_count)
		return weir__fail(ENOSPC, "pool '%s' has its max_count of %u objects", pool->name,
			pool->max_count);
	if (before < pool->max_count) {
		/* relaxed: see is_present() */
		atomic_store_explicit(&pool->bound, pool->max_count, memory_order_relaxed);
		if (add_objects(pool, before, pool->max_count))
			return 0;
	}
	for (uint32_t chunk = 0; chunk < pool->chunk_count; chunk++) {
		int error;

		if (is_present(pool, chunk))
			continue;
		error = weir_region_commit(pool->region, chunk * pool->chunk, 1);
		if (!error && touch_rows(pool, pool->chunk / pool->stride + 1))
			error = weir__fail(
				ENOMEM, "no memory for the depot of pool '%s'", pool->name);
		if (error)
			return error;
		weir__grow_adopt(pool, chunk);
		weir__count_up(&pool->growths, 1);
		return 0;
	}
	return weir__fail(ENOSPC, "pool '%s' has pages everywhere", pool->name);
}

/* A get tries to grow its pool, but not every get when there is no memory: finding that out takes a
 * thousand times as long as a get. */
#define RETRY_NS 10000000

static bool grow_by_itself(struct weir_mempool *pool)
{
	int error;

	if (pool->failed_at && weir__monotonic_ns() - pool->failed_at < RETRY_NS)
		return false;
	error = grow(pool);
	/* having all there can be is found out at once */
	pool->failed_at = error && error != -ENOSPC ? weir__monotonic_ns() : 0;
	return error == 0;
}

int weir_mempool_grow(struct weir_mempool *pool, uint32_t count)
{
	int error = 0;

	if (count > pool->max_count)
		return weir__fail(ENOSPC, "pool '%s': %u objects are more than its max_count of %u",
			pool->name, count, pool->max_count);
	pthread_mutex_lock(&pool->grow_lock);
	while (!error && weir_mempool_count(pool) < count)
		error = grow(pool);
	pthread_mutex_unlock(&pool->grow_lock);
	return error;
}

static void change_pins(struct weir_mempool *pool, uint32_t by)
{
	pthread_mutex_lock(&pool->grow_lock);
	pool->pins += by;
	pthread_mutex_unlock(&pool->grow_lock);
}

void weir__mempool_unpin(struct weir_mempool *pool)
{
	change_pins(pool, UINT32_MAX);
}

int weir__mempool_pin(struct weir_mempool *pool)
{
	int error;

	change_pins(pool, 1);
	error = weir_mempool_grow(pool, pool->max_count);
	if (error)
		weir__mempool_unpin(pool);
	return error;
}

uint32_t weir__get_grown(struct weir_mempool *pool, void **objects, uint32_t count)
{
	uint32_t got = 0;

	if (pool->policy != WEIR_GROW_ON_DEMAND && pool->policy != WEIR_GROW_AHEAD)
		return 0;
	pthread_mutex_lock(&pool->grow_lock);
	do {
		pthread_mutex_lock(&pool->lock);
		got += weir__get_loose(pool, objects + got, count - got);
		pthread_mutex_unlock(&pool->lock);
	} while (got < count && grow_by_itself(pool));
	pthread_mutex_unlock(&pool->grow_lock);
	return got;
}

static bool is_low(const struct weir_mempool *pool)
{
	/* relaxed: a hint, looked at again under grow_lock */
	uint64_t batches = atomic_load_explicit(&pool->depot_batches, memory_order_relaxed);

	return batches * pool->batch < pool->watermark &&
	       weir_mempool_count(pool) < pool->max_count;
}

void weir__mempool_watch(struct weir_mempool *pool)
{
	if (!is_low(pool))
		return;
	if (pool->policy == WEIR_GROW_HELPER) {
		int asked;

		if (sem_getvalue(&pool->helper_wake, &asked) == 0 && asked == 0)
			sem_post(&pool->helper_wake);
		return;
	}
	/* who finds it taken need not wait: another one is at it */
	if (pthread_mutex_trylock(&pool->grow_lock))
		return;
	while (is_low(pool) && grow_by_itself(pool))
		;
	pthread_mutex_unlock(&pool->grow_lock);
}

/* The helper: maps memory so that no thread that handles packets has to. */
static void *help(void *argument)
{
	struct weir_mempool *pool = argument;

	for (;;) {
		while (sem_wait(&pool->helper_wake))
			; /* a signal */
		/* acquire: pairs with the release in weir__grow_end() */
		if (atomic_load_explicit(&pool->helper_stops, memory_order_acquire))
			return NULL;
		pthread_mutex_lock(&pool->grow_lock);
		while (is_low(pool) && grow_by_itself(pool))
			;
		pthread_mutex_unlock(&pool->grow_lock);
	}
}

static int start_helper(struct weir_mempool *pool)
{
	sigset_t all, before;
	int error;

	/* the application's signals are for its own threads */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	sem_init(&pool->helper_wake, 0, 0);
	error = pthread_create(&pool->helper, NULL, help, pool);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!error) {
		pthread_setname_np(pool->helper, "weir-grow");
		return 0;
	}
	sem_destroy(&pool->helper_wake);
	pool->policy = WEIR_GROW_NEVER;
	return weir__fail(error, "pool '%s': no thread for growing: %s (ulimit -u)", pool->name,
		strerror(error));
}

/* What a thread may take at a time, twice, and what a growth brings. */
static uint32_t default_watermark(const struct weir_mempool *pool)
{
	uint32_t growth = (uint32_t)(pool->chunk / pool->stride);

	return growth > 2 * pool->cache_size ? growth : 2 * pool->cache_size;
}

int weir__grow_init(struct weir_mempool *pool, const struct weir_mempool_conf *conf)
{
	pool->chunk = weir_region_chunk(pool->region);
	pool->chunk_count = last_chunk(pool, pool->max_count - 1) + 1;
	pool->present = calloc(pool->chunk_count, sizeof(*pool->present));
	if (!pool->present)
		return weir__fail(ENOMEM, "no memory for pool '%s'", pool->name);
	for (uint32_t i = 0; i < pool->chunk_count; i++)
		if (weir_region_pages_at(pool->region, i * pool->chunk) != WEIR_PAGES_ANY)
			atomic_init(&pool->present[i], true);
	atomic_init(&pool->bound, pool->min_count);
	pool->policy = pool->max_count > pool->min_count ? conf->grow : WEIR_GROW_NEVER;
	if (pool->policy == WEIR_GROW_AHEAD || pool->policy == WEIR_GROW_HELPER)
		pool->watermark = conf->watermark ? conf->watermark : default_watermark(pool);
	return pool->policy == WEIR_GROW_HELPER ? start_helper(pool) : 0;
}

void weir__grow_end(struct weir_mempool *pool)
{
	if (pool->policy == WEIR_GROW_HELPER) {
		/* release: pairs with the acquire in help() */
		atomic_store_explicit(&pool->helper_stops, true, memory_order_release);
		sem_post(&pool->helper_wake);
		pthread_join(pool->helper, NULL);
		sem_destroy(&pool->helper_wake);
	}
	free(pool->present);
}

void weir__mempool_init_objects(
	struct weir_mempool *pool, void (*init)(struct weir_mempool *pool, void *object))
{
	pool->init = init;
	for (uint32_t i = 0; i < pool->min_count; i++)
		init(pool, pool->objects + (size_t)i * pool->stride);
}
