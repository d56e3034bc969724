/* SPDX-License-Identifier: BSD-3-Clause */
/* large.c: blocks above the size classes: runs of pages of their own.
 *
 * Of those up to 1 MiB a thread keeps the last few it has freed, for the next call that wants as
 * many pages, which needs no lock then. They are class 0's, whose mempool has caches and no depot:
 * so they go back when a thread ends, with a flush, or when others ask. Elsewhere they are large
 * blocks that are out, but for a mark in bits[] of the first unit.
 */
#include "heap_impl.h"

/* Blocks that a thread keeps, and units of all of them. */
#define KEPT_BLOCKS 3
#define KEPT_UNITS  256

/* Where in the space of class 0 in a row its cache lies, and what is said of it. */
#define CACHE_AT 2048
#define UNITS_AT 1024

static uint64_t *mark_of(const struct weir_heap *heap, uint32_t first)
{
	return &heap->bits[(size_t)first * WEIR__UNIT_WORDS];
}

static WEIR_ATOMIC(size_t) * units_kept(struct weir__mempool_cache *cache)
{
	return (WEIR_ATOMIC(size_t) *)(void *)((uint8_t *)cache - CACHE_AT + UNITS_AT);
}

static uint32_t size_of(const struct weir_heap *heap, const void *block)
{
	return heap->units[weir__unit_of(heap, block)].size;
}

/* ---- class 0 ---- */

static void give(void *context, void *const *blocks, uint32_t count)
{
	struct weir__class *class = context;
	struct weir_heap *heap = class->heap;

	weir__heap_lock(heap);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t first = weir__unit_of(heap, blocks[i]), size = heap->units[first].size;

		heap->large_units -= size;
		heap->large_blocks--;
		weir__trim_after(heap, weir__pages_free(heap, first, size),
			size / heap->chunk_units >= WEIR__HUGE_CHUNKS);
	}
	weir__heap_unlock(heap);
}

static struct weir__mempool_cache *open_cache(void *context, uint32_t slot)
{
	uint8_t *none = (uint8_t *)weir__row_open(context, slot);

	return none ? (struct weir__mempool_cache *)(void *)(none + CACHE_AT) : NULL;
}

void weir__large_init(struct weir_heap *heap)
{
	heap->classes[0] = (struct weir__class){.heap = heap,
		.size = WEIR__UNIT,
		.source = {NULL, give, open_cache, weir__row_close, &heap->classes[0]}};
	/* a tracked block is freed when it is freed */
	if (heap->shared && heap->cache_bytes && !heap->track)
		heap->classes[0].cache = KEPT_BLOCKS;
}

/* The cache of this thread, or NULL. */
static struct weir__mempool_cache *own_cache(struct weir__class *class)
{
	struct weir_mempool *pool = class->cache ? weir__class_pool(class) : NULL;

	return pool ? weir__own_cache(pool) : NULL;
}

/* Relaxed, both: this thread's, others read it for figures. Of an empty cache it says nothing. */
static size_t units_in(struct weir__mempool_cache *cache)
{
	return weir__cache_count(cache)
		       ? atomic_load_explicit(units_kept(cache), memory_order_relaxed)
		       : 0;
}

static void set_units(struct weir__mempool_cache *cache, size_t units)
{
	atomic_store_explicit(units_kept(cache), units, memory_order_relaxed);
}

/* Room for one more of this size: the others go when there is none, or when they are asked for. */
static bool make_room(struct weir__class *class, struct weir__mempool_cache *cache, uint32_t size)
{
	/* relaxed: a request */
	uint32_t limit = atomic_load_explicit(&cache->limit, memory_order_relaxed);

	if (weir__cache_count(cache) < limit && units_in(cache) + size <= KEPT_UNITS)
		return true;
	atomic_store_explicit(&cache->limit, cache->size, memory_order_relaxed);
	weir__cache_flush(weir__class_pool(class), cache);
	return limit > 0;
}

static void *take_kept(struct weir_heap *heap, uint32_t count)
{
	struct weir__mempool_cache *cache = own_cache(&heap->classes[0]);
	uint32_t have = cache ? weir__cache_count(cache) : 0;

	for (uint32_t i = have; i-- > 0;) {
		void *block = cache->objects[i];

		if (size_of(heap, block) != count)
			continue;
		set_units(cache, units_in(cache) - count);
		for (; i + 1 < have; i++)
			cache->objects[i] = cache->objects[i + 1];
		weir__cache_set(cache, have - 1);
		*mark_of(heap, weir__unit_of(heap, block)) = 0;
		return block;
	}
	return NULL;
}

static bool keep(struct weir_heap *heap, void *block)
{
	struct weir__mempool_cache *cache;
	uint32_t size = size_of(heap, block);
	size_t units;

	if (size > KEPT_UNITS)
		return false;
	cache = own_cache(&heap->classes[0]);
	if (!cache || !make_room(&heap->classes[0], cache, size))
		return false;
	units = units_in(cache) + size;
	if (!weir__heap_keep(cache, block))
		return false;
	set_units(cache, units);
	*mark_of(heap, weir__unit_of(heap, block)) = 1;
	return true;
}

uint64_t weir__large_kept(struct weir_heap *heap, size_t *units)
{
	struct weir_mempool *pool =
		atomic_load_explicit(&heap->classes[0].pool, memory_order_acquire);
	uint64_t blocks = 0;

	*units = 0;
	if (!pool)
		return 0;
	pthread_mutex_lock(&pool->lock);
	for (uint32_t slot = 1; slot < WEIR_THREAD_MAX; slot++) {
		struct weir__mempool_cache *cache = pool->caches[slot];

		blocks += weir__cache_count(cache);
		*units += cache == &weir__mempool_no_cache ? 0 : units_in(cache);
	}
	pthread_mutex_unlock(&pool->lock);
	return blocks;
}

/* ---- blocks ---- */

void *weir__large_take(struct weir_heap *heap, uint32_t count, uint32_t align)
{
	uint32_t first;
	void *block = align == 1 && count <= KEPT_UNITS ? take_kept(heap, count) : NULL;

	if (block)
		return block;
	weir__heap_lock(heap);
	first = weir__pages_take(heap, count, align);
	if (first != WEIR__NONE) {
		heap->large_units += count;
		heap->large_blocks++;
		*mark_of(heap, first) = 0;
	}
	weir__heap_unlock(heap);
	return first == WEIR__NONE ? NULL : weir__unit_address(heap, first);
}

/* A large block of the heap begins here, and is out. */
static bool is_large(const struct weir_heap *heap, const void *block)
{
	uint32_t unit = weir__unit_of(heap, block);

	return weir__is_inside(heap, block) && (uintptr_t)block % WEIR__UNIT == 0 &&
	       heap->units[unit].run == WEIR__RUN_LARGE && *mark_of(heap, unit) == 0;
}

bool weir__large_give(struct weir_heap *heap, void *block)
{
	if (!is_large(heap, block))
		return false;
	if (!keep(heap, block))
		give(&heap->classes[0], &block, 1);
	return true;
}
