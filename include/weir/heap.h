/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/heap.h: memory of varying size, on the same regions as everything else.
 *
 *	to 32 KiB	size classes, each a mempool: a cache for each thread, a depot for all;
 *			what the depot has too much of returns to its pages
 *	above		two-level segregated fit (Masmano, 2004) over pages of 4 KiB, constant time,
 *			neighbours merged at once
 *	very large	chunks straight from the region, and back to it when freed
 *
 * A heap is one range of addresses. What lies in it is known by a byte for each 4 KiB, so a free
 * finds its class with one load. Blocks are aligned to 16 bytes, or to what conf asks for. A block
 * may be freed by any thread.
 *
 * Which calls may be made when:
 *
 *	alloc ... free, questions	from any thread at any time
 *	extend, shrink, compact, warmup, add_class	the same; they take longer
 *	validate	the same, but of a tracked heap while nobody else uses it
 *	create, reset, destroy	while nobody else uses the heap
 *
 * A heap with conf.single is used by one thread at a time.
 */
#ifndef WEIR_HEAP_H
#define WEIR_HEAP_H

#include "weir/base.h"
#include "weir/heap_cache.h"
#include "weir/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* For weir_heap_conf.cache: threads keep nothing. */
#define WEIR_HEAP_CACHE_NONE SIZE_MAX

struct weir_heap_conf {
	const char *name;        /* for reports and errors; NULL: "heap". Copied. */
	size_t size;             /* bytes with pages at birth, and the fewest later; 0: a chunk */
	size_t max_size;         /* bytes of addresses; 0: size, but at least 64 GiB */
	size_t chunk;            /* the fewest bytes it grows by; 0: 2 MiB */
	bool fixed;              /* it grows by weir_heap_extend() only */
	bool zero;               /* blocks are zero */
	bool single;             /* one thread at a time: no lock, no atomic, no depot */
	bool stats;              /* count every call; without, some figures are 0 */
	bool lazy;               /* base and transparent pages come with their first touch */
	size_t alignment;        /* of every block, a power of two to 4096; 0: 16 */
	size_t cache;            /* bytes a thread keeps of a class; 0: 128 KiB */
	const uint32_t *classes; /* sizes that get a class of their own, */
	uint32_t class_count;    /* so many */
	enum weir_pages pages;   /* these as in weir_region_conf */
	int node;
	const char *nodes;
	enum weir_placement placement;
	bool locked;
	uint32_t track; /* WEIR_TRACK_* (weir/track.h); 0: no checks */
};

/* Bytes, unless said otherwise. */
struct weir_heap_stats {
	size_t size;          /* with pages */
	size_t max_size;      /* of addresses */
	size_t used;          /* in blocks that somebody has */
	size_t free;          /* size - used */
	size_t cached;        /* of it, in caches of threads and depots */
	size_t idle;          /* of it, in free runs of pages, */
	size_t largest;       /* the longest of which is this */
	uint64_t blocks;      /* that somebody has */
	uint64_t large;       /* of them, above WEIR_HEAP_SMALL */
	uint64_t growths;     /* chunks that came after create, */
	uint64_t shrinks;     /* and that went */
	uint64_t failures;    /* calls that got nothing */
	uint64_t allocs;      /* these six with conf.stats or tracking: calls, */
	uint64_t frees;       /* */
	uint64_t asked;       /* bytes that were asked for in all, */
	uint64_t given;       /* and that the blocks had */
	size_t peak;          /* the most that was used */
	uint64_t peak_blocks; /* and the most blocks */
};

/* A heap; NULL conf: all zero. NULL with errno and weir_last_error(): EINVAL for a conf out of
 * range, or as weir_region_create(). */
WEIR_API struct weir_heap *weir_heap_create(const struct weir_heap_conf *conf);

/* All of it goes, whatever blocks are out. NULL is allowed. */
WEIR_API void weir_heap_destroy(struct weir_heap *heap);

/* Free everything at once, in time for its chunks and not its blocks. What threads keep is
 * forgotten. The memory stays, down to conf.size. */
WEIR_API void weir_heap_reset(struct weir_heap *heap);

/* size bytes, or one for 0. NULL with errno ENOMEM; weir_heap_why() says what stood in the way. */
static inline void *weir_heap_alloc(struct weir_heap *heap, size_t size);

/* The same, zero; NULL also when count * size is too large. */
WEIR_API void *weir_heap_calloc(struct weir_heap *heap, size_t count, size_t size);

/* Another size for a block, which moves when it must; its bytes stay, up to the smaller size. A
 * NULL block is an alloc. NULL with errno ENOMEM: the old one is as it was. */
WEIR_API void *weir_heap_realloc(struct weir_heap *heap, void *block, size_t size);

/* At a multiple of alignment, a power of two to half of max_size. NULL also with EINVAL. */
WEIR_API void *weir_heap_alloc_aligned(struct weir_heap *heap, size_t size, size_t alignment);

/* Give a block back; NULL is allowed. What is no block of the heap is refused and told to
 * weir_guard_handler(): what lies outside always, the rest in a tracked heap. */
static inline void weir_heap_free(struct weir_heap *heap, void *block);

/* The same when the size is known: a tracked heap compares it with what was asked for. */
WEIR_API void weir_heap_free_sized(struct weir_heap *heap, void *block, size_t size);

/* Room for one of a type, and for count. */
#define weir_heap_alloc_type(heap, type) \
	((type *)weir__heap_alloc_array(heap, 1, sizeof(type), __alignof__(type)))
#define weir_heap_alloc_array(heap, type, count) \
	((type *)weir__heap_alloc_array(heap, count, sizeof(type), __alignof__(type)))

/* ---- classes of one size ---- */

/* A class for blocks of exactly this size (rounded up to the heap's alignment), and count of them
 * put aside. Blocks of that size come from it from now on, by whatever call. Its number, that of a
 * class there is for this size, or -errno with weir_last_error(): EINVAL for a size of 0 or above
 * WEIR_HEAP_SMALL, ENOSPC when there are WEIR_HEAP_CLASSES, ENOMEM. */
WEIR_API int weir_heap_add_class(struct weir_heap *heap, size_t size, uint32_t count);

/* The class that a size comes from, or -EINVAL above WEIR_HEAP_SMALL. */
WEIR_API int weir_heap_class(struct weir_heap *heap, size_t size);

/* A block of this class, and back: without a look at a table. */
static inline void *weir_heap_alloc_fixed(struct weir_heap *heap, int number);
static inline void weir_heap_free_fixed(struct weir_heap *heap, int number, void *block);

/* ---- the whole ---- */

/* Bring size more bytes, in whole chunks. 0; -ENOSPC, with nothing done, beyond max_size; or -errno
 * as weir_region_commit(): what came before, in another gap between chunks, stays. */
WEIR_API int weir_heap_extend(struct weir_heap *heap, size_t size);

/* Give chunks with nothing in them back to the kernel, about size bytes, 0: all; but not below
 * conf.size. Returns the bytes. Free base pages of a lazy heap go by themselves, when there are
 * more than 1/64 of all and 1 MiB. */
WEIR_API size_t weir_heap_shrink(struct weir_heap *heap, size_t size);

/* The same with all free pages that may go, after the free blocks in this thread's caches and in
 * the depots have gone back to their pages; the other threads are asked to bring theirs with their
 * next free. */
WEIR_API size_t weir_heap_compact(struct weir_heap *heap);

/* Touch every page there is. 0, or -ENOMEM with weir_last_error(). */
WEIR_API int weir_heap_warmup(struct weir_heap *heap);

/* ---- questions ---- */

WEIR_API size_t weir_heap_size(struct weir_heap *heap); /* bytes with pages */
WEIR_API size_t weir_heap_used(struct weir_heap *heap); /* in blocks that are out */
WEIR_API size_t weir_heap_free_bytes(struct weir_heap *heap);
WEIR_API bool weir_heap_is_empty(struct weir_heap *heap); /* no block is out */
WEIR_API bool weir_heap_is_full(struct weir_heap *heap);  /* no page is left, and none can come */

/* Is it an address in a block that is out? In a cache counts as out unless tracked. */
WEIR_API bool weir_heap_contains(struct weir_heap *heap, const void *address);

/* Bytes that may be used, at least those asked for; 0 of NULL and of what lies outside. */
WEIR_API size_t weir_heap_usable_size(struct weir_heap *heap, const void *block);

WEIR_API const char *weir_heap_name(const struct weir_heap *heap);

/* Why an alloc of this heap got nothing last; "" when none did. Valid until the next call in this
 * thread. */
WEIR_API const char *weir_heap_why(struct weir_heap *heap);

/* The region it lies in, for weir_region_describe(). */
WEIR_API struct weir_region *weir_heap_region(const struct weir_heap *heap);

WEIR_API void weir_heap_stats(struct weir_heap *heap, struct weir_heap_stats *stats);
WEIR_API void weir_heap_reset_stats(struct weir_heap *heap);

/* What people want to know: the figures and each class; and a line for each run of pages. Text or,
 * with json, one line of JSON. The caller frees it with free(). NULL with errno ENOMEM. */
WEIR_API char *weir_heap_report(struct weir_heap *heap, bool json);
WEIR_API char *weir_heap_dump(struct weir_heap *heap, bool json);

/* Blocks of a tracked heap that are out for older_than_ns at least, by site and owner, as
 * weir_mempool_report(). NULL also with EINVAL when it is not tracked. */
WEIR_API char *weir_heap_leaks(struct weir_heap *heap, bool json, uint64_t older_than_ns);

/* Tell the report now and then: who calls check in a loop hears it every interval_ns. */
struct weir_heap_monitor {
	struct weir_heap *heap;
	uint64_t interval_ns;
	void (*tell)(const char *report, void *context);
	void *context;
	uint64_t told_ns; /* CLOCK_MONOTONIC; 0 at first */
};

/* Was it time, and told? From one thread for each monitor. */
WEIR_API bool weir_heap_monitor_check(struct weir_heap_monitor *monitor);

/* Walk every page, every class and, when tracked, every block. 0, or -EINVAL with a sentence about
 * the first thing that is wrong. */
WEIR_API int weir_heap_validate(struct weir_heap *heap);

/* ---- the fast path ---- */

WEIR__INLINE void *weir_heap_alloc(struct weir_heap *heap, size_t size)
{
	void *block;

	return weir_likely(weir__heap_pop_size(weir__heap_head(heap), size, &block))
		       ? block
		       : weir__heap_alloc_slow(heap, size);
}

WEIR__INLINE void weir_heap_free(struct weir_heap *heap, void *block)
{
	if (weir_unlikely(!weir__heap_push(weir__heap_head(heap), block)))
		weir__heap_free_slow(heap, block);
}

WEIR__INLINE void *weir_heap_alloc_fixed(struct weir_heap *heap, int number)
{
	void *block;

	return weir_likely(weir__heap_pop(
		       weir__heap_cache(weir__heap_head(heap), (uint32_t)number), &block))
		       ? block
		       : weir__heap_fixed_slow(heap, number);
}

WEIR__INLINE void weir_heap_free_fixed(struct weir_heap *heap, int number, void *block)
{
	struct weir__mempool_cache *cache =
		weir__heap_cache(weir__heap_head(heap), (uint32_t)number);

	if (weir_unlikely(!weir__heap_keep(cache, block)))
		weir__heap_free_slow(heap, block);
}

WEIR__INLINE void *weir__heap_alloc_array(
	struct weir_heap *heap, size_t count, size_t size, size_t alignment)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		bytes = SIZE_MAX; /* too large for any heap, which says so */
	return alignment <= 16 ? weir_heap_alloc(heap, bytes)
			       : weir_heap_alloc_aligned(heap, bytes, alignment);
}

#ifdef __cplusplus
}
#endif

#endif
