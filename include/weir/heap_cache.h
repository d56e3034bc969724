/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/heap_cache.h: what a thread keeps of a heap, and how the inline calls of weir/heap.h find
 * it.
 *
 *	alloc	size -> lines[] -> cache of this thread and class -> its top block
 *	free	block -> map[] -> class -> cache -> on top
 *
 * A cache that has nothing, or no room, leaves the call to the slow half (lib/heap/alloc.c).
 */
#ifndef WEIR_HEAP_CACHE_H
#define WEIR_HEAP_CACHE_H

#include "weir/base.h"
#include "weir/mempool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The largest block that comes from a size class, and classes there may be, those of conf included.
 */
#define WEIR_HEAP_SMALL   32768u
#define WEIR_HEAP_CLASSES 112

struct weir_heap;

/* Caches of a thread lie so far apart: a page and a line. By whole pages the counts of all would
 * meet in one set of a processor's cache, and blocks of mixed sizes take twice as long. */
#define WEIR__HEAP_LINES 65u

/* What a thread keeps of a heap: a cache for each class, by number. What was not used yet is zero:
 * an empty cache that takes nothing. That of class 0 always is one, and has this in it: */
struct weir__heap_row {
	uint64_t none[8];
	uint64_t last;                          /* the class that was freed to last, */
	struct weir__mempool_cache *last_cache; /* and its cache */
};

/* The start of every heap; the rest is private (lib/heap/heap_impl.h). */
struct weir__heap_head {
	uintptr_t base;
	size_t units; /* of 4 KiB, that there are addresses for */
	uint8_t *map; /* the class of each; 0: none */
	/* by size, in 16 bytes: lines from a row to the cache of the class */
	WEIR_ATOMIC(uint16_t) lines[WEIR_HEAP_SMALL / 16 + 1];
	/* by thread slot, of a heap for a single thread all the same; one of nothing for a thread
	 * that has none yet, and for all in a heap that counts or checks: so each call comes to the
	 * slow path */
	struct weir__heap_row *rows[WEIR_THREAD_MAX];
};

#define WEIR__UNIT_LOG2 12

WEIR_API void *weir__heap_alloc_slow(struct weir_heap *heap, size_t size);
WEIR_API void *weir__heap_fixed_slow(struct weir_heap *heap, int number);
WEIR_API void weir__heap_free_slow(struct weir_heap *heap, void *block);

static inline const struct weir__heap_head *weir__heap_head(const struct weir_heap *heap)
{
	return (const struct weir__heap_head *)(const void *)heap;
}

static inline struct weir__mempool_cache *weir__heap_cache_at(
	struct weir__heap_row *row, size_t lines)
{
	return (struct weir__mempool_cache *)(void *)((uint8_t *)row + lines * 64);
}

static inline struct weir__mempool_cache *weir__heap_cache(
	const struct weir__heap_head *head, uint32_t number)
{
	return weir__heap_cache_at(
		head->rows[weir__thread.slot], (size_t)number * WEIR__HEAP_LINES);
}

/* Where the index-th block of a cache is kept, as a sum in a register. Else the compiler adds in
 * the load and in the store, and of such a load the processor does not know ahead that it gets what
 * was stored just before, as when the next call takes a block that was freed: it waits 5 cycles
 * (docs/performance.md). */
static inline void **weir__heap_at(struct weir__mempool_cache *cache, uint32_t index)
{
	void **at = cache->objects + index;

	__asm__("" : "+r"(at));
	return at;
}

/* Take a block off the top of the cache, when there is one. */
static inline bool weir__heap_pop(struct weir__mempool_cache *cache, void **block)
{
	/* relaxed: the count is this thread's */
	uint32_t have = atomic_load_explicit(&cache->count, memory_order_relaxed);

	if (weir_unlikely(have == 0))
		return false;
	atomic_store_explicit(&cache->count, have - 1, memory_order_relaxed);
	*block = *weir__heap_at(cache, have - 1);
	return true;
}

/* Take a block of this size that this thread keeps. */
static inline bool weir__heap_pop_size(
	const struct weir__heap_head *head, size_t size, void **block)
{
	struct weir__heap_row *row = head->rows[weir__thread.slot];

	if (weir_unlikely(size > WEIR_HEAP_SMALL))
		return false;
	/* relaxed: a class that is added later may be seen late */
	return weir__heap_pop(
		weir__heap_cache_at(row,
			atomic_load_explicit(&head->lines[(size + 15) / 16], memory_order_relaxed)),
		block);
}

/* Put a block on top of the cache, when there is room: a push of one in fewer instructions. */
static inline bool weir__heap_keep(struct weir__mempool_cache *cache, void *block)
{
	/* relaxed: the count is this thread's, and limit only a request */
	uint32_t have = atomic_load_explicit(&cache->count, memory_order_relaxed);

	if (weir_unlikely(have >= atomic_load_explicit(&cache->limit, memory_order_relaxed)))
		return false;
	*weir__heap_at(cache, have) = block;
	atomic_store_explicit(&cache->count, have + 1, memory_order_relaxed);
	return true;
}

/* Keep a block in this thread's cache for it, if it is a small one and there is room.
 *
 * Mostly it is of the class of the last free. The processor believes so by the branch, and need not
 * wait for the block's address to know the cache's: alloc and free in turn take a third of the time
 * (docs/performance.md). */
static inline bool weir__heap_push(const struct weir__heap_head *head, void *block)
{
	size_t unit = ((uintptr_t)block - head->base) >> WEIR__UNIT_LOG2;
	struct weir__heap_row *row = head->rows[weir__thread.slot];
	struct weir__mempool_cache *cache = row->last_cache;
	uint32_t number;

	/* what lies below wraps to a large number */
	if (weir_unlikely(unit >= head->units))
		return false;
	number = head->map[unit];
	if (weir_likely(number == row->last))
		return weir__heap_keep(cache, block);
	cache = weir__heap_cache_at(row, (size_t)number * WEIR__HEAP_LINES);
	if (!weir__heap_keep(cache, block))
		return false;
	row->last = number;
	row->last_cache = cache;
	return true;
}

#ifdef __cplusplus
}
#endif

#endif
