/* SPDX-License-Identifier: BSD-3-Clause */
/* class.c: size classes: 16 to 128 bytes by 16, then eight for each power of two, so that at most
 * an eighth of a block is more than was asked for; and those that are added.
 *
 * The blocks of a class go through a mempool of their own, which has them from the class's spans
 * (lib/mempool/source.c): its caches, its depot, its threads that end. A heap for a single thread
 * has one cache for each class instead, and nothing behind it but the spans. Both are made when the
 * class is first used.
 */
#include "heap_impl.h"

#include "base/base_impl.h"

#include <errno.h>

/* Of the blocks that a thread keeps of a class. 504 and their head fill a page. */
#define CACHE_MAX     504
#define CACHE_DEFAULT (128u << 10)
/* Blocks that the depot keeps: so many caches full. */
#define DEPOT_CACHES 4

/* A span is the shortest run of which at most 1/64 is left over, or of which least is: so that
 * short runs between others are of use. Of spans of 16 KiB and more a tenth of the memory stayed
 * idle (docs/performance.md). */
#define SPAN_TRIES 16
#define WASTE      64

/* ---- which class ---- */

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

static void choose_span(struct weir__class *class)
{
	uint32_t units = weir__units_for(class->size);
	uint32_t best = units, waste = UINT32_MAX;

	for (uint32_t i = 0; i < SPAN_TRIES && waste > (best << WEIR__UNIT_LOG2) / WASTE; i++) {
		uint32_t bytes = (units + i) << WEIR__UNIT_LOG2, left = bytes % class->size;

		/* left / bytes < waste / best bytes */
		if (waste == UINT32_MAX || (uint64_t)left * best < (uint64_t)waste * (units + i)) {
			best = units + i;
			waste = left;
		}
	}
	class->units = best;
	class->blocks = (best << WEIR__UNIT_LOG2) / class->size;
}

static struct weir__mempool_cache *open_cache(void *context, uint32_t slot)
{
	return weir__row_open(context, slot);
}

static void close_cache(void *context, struct weir__mempool_cache *cache)
{
	(void)context;
	weir__row_close(cache);
}

static struct weir__class *add(struct weir_heap *heap, uint32_t size)
{
	struct weir__class *class = &heap->classes[heap->class_count];

	*class = (struct weir__class){.heap = heap,
		.number = heap->class_count,
		.size = size,
		.inverse = ((1ull << 40) + size - 1) / size,
		.source = {take, give, open_cache, close_cache, class}};
	choose_span(class);
	class->cache = (uint32_t)(heap->cache_bytes / size < CACHE_MAX ? heap->cache_bytes / size
								       : CACHE_MAX);
	/* two at least, or every call would come to the slow path */
	if (class->cache < 2 && heap->cache_bytes > 0)
		class->cache = 2;
	for (uint32_t i = 0; i < WEIR__FILLS; i++)
		class->lists[i] = WEIR__NONE;
	heap->class_count++;
	return class;
}

struct weir__class *weir__class_for(struct weir_heap *heap, size_t size, size_t alignment)
{
	struct weir__class *best = NULL;

	for (uint32_t i = 1; i < heap->class_count; i++) {
		struct weir__class *class = &heap->classes[i];

		if (class->size >= size && class->size % alignment == 0 &&
			(!best || class->size < best->size))
			best = class;
	}
	return best;
}

static uint32_t look_up(const struct weir_heap *heap, size_t size)
{
	return atomic_load_explicit(&heap->head.lines[(size + 15) / 16], memory_order_relaxed) /
	       WEIR__HEAP_LINES;
}

/* The sizes that are a class's, from its own down to the next smaller one's. Relaxed: whoever sees
 * it late takes from the class there was. */
static void enter(struct weir_heap *heap, const struct weir__class *class)
{
	if (class->size % heap->alignment)
		return;
	for (uint32_t i = class->size / 16 + 1; i-- > 0;) {
		if (heap->classes[look_up(heap, i * 16)].size <= class->size)
			break;
		atomic_store_explicit(&heap->head.lines[i],
			(uint16_t)(class->number * WEIR__HEAP_LINES), memory_order_relaxed);
	}
}

static struct weir__class *find_exactly(struct weir_heap *heap, uint32_t size)
{
	for (uint32_t i = 1; i < heap->class_count; i++)
		if (heap->classes[i].size == size)
			return &heap->classes[i];
	return NULL;
}

static int check_size(const struct weir_heap *heap, size_t size)
{
	if (size == 0 || size > WEIR_HEAP_SMALL)
		return weir__fail(EINVAL, "heap '%s': a class of %zu bytes is not in 1 to %u",
			heap->name, size, WEIR_HEAP_SMALL);
	return 0;
}

/* 0 or -errno; the lock is held, or not needed yet. */
static int add_class(struct weir_heap *heap, size_t size)
{
	uint32_t rounded = (uint32_t)weir__round_up(size, heap->alignment);
	struct weir__class *class;

	if (check_size(heap, size))
		return -EINVAL;
	class = find_exactly(heap, rounded);
	if (!class && heap->class_count == WEIR_HEAP_CLASSES)
		return weir__fail(ENOSPC, "heap '%s' has %u size classes already", heap->name,
			WEIR_HEAP_CLASSES - 1);
	if (!class)
		class = add(heap, rounded);
	return (int)class->number;
}

int weir__classes_init(struct weir_heap *heap, const struct weir_heap_conf *conf)
{
	uint32_t largest;

	heap->cache_bytes = conf->cache == WEIR_HEAP_CACHE_NONE ? 0
			    : conf->cache                       ? conf->cache
								: CACHE_DEFAULT;
	weir__large_init(heap);
	heap->class_count = 1;
	for (uint32_t size = 16; size <= 128; size += 16)
		add(heap, size);
	for (uint32_t power = 128; power < WEIR_HEAP_SMALL; power *= 2)
		for (uint32_t size = power + power / 8; size <= 2 * power; size += power / 8)
			add(heap, size);
	largest = heap->class_count - 1;
	for (uint32_t i = 0; i < conf->class_count; i++)
		if (add_class(heap, conf->classes[i]) < 0)
			return -errno;
	/* the last of those that every heap has is large enough for all */
	for (uint32_t i = 0; i <= WEIR_HEAP_SMALL / 16; i++)
		atomic_init(&heap->head.lines[i], (uint16_t)(largest * WEIR__HEAP_LINES));
	for (uint32_t i = 1; i < heap->class_count; i++)
		enter(heap, &heap->classes[i]);
	return 0;
}

void weir__classes_end(struct weir_heap *heap)
{
	for (uint32_t i = 0; i < heap->class_count; i++) {
		struct weir__class *class = &heap->classes[i];

		if (class->pool)
			weir__mempool_destroy_for(class->pool);
	}
}

int weir_heap_class(struct weir_heap *heap, size_t size)
{
	if (size > WEIR_HEAP_SMALL)
		return weir__fail(EINVAL, "heap '%s': %zu bytes are above %u, of no class",
			heap->name, size, WEIR_HEAP_SMALL);
	return (int)look_up(heap, size);
}

/* ---- blocks ---- */

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

int weir_heap_add_class(struct weir_heap *heap, size_t size, uint32_t count)
{
	int number, error = 0;

	weir__heap_lock(heap);
	number = add_class(heap, size);
	if (number > 0) {
		enter(heap, &heap->classes[number]);
		error = weir__span_reserve(&heap->classes[number], count);
	}
	weir__heap_unlock(heap);
	return error ? error : number;
}
