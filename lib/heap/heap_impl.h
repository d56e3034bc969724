/* SPDX-License-Identifier: BSD-3-Clause */
/* heap_impl.h: what a heap is, and what the files of this room do for each other.
 *
 *	create.c	making one, and the end of it	figures.c	used, stats
 *	alloc.c		the slow half of the calls	report.c	reports and dumps
 *	realloc.c	another size for a block	validate.c	every invariant below
 *	class.c		size classes			check.c		tracked heaps
 *	blocks.c	their blocks, by pools
 *	span.c		runs of pages with one class	leaks.c		who has what
 *	pages.c		runs of pages, by size		trim.c		chunks given back
 *	chunk.c		chunks of the region		row.c		caches of threads
 *	bare.c		pages of free runs given back	large.c		blocks of pages of their own
 *
 * A heap is an array of units of 4 KiB. Units that belong together are a run:
 *
 *	| span of class 9 | large block | free | span of class 3 | (no pages) | free |
 *
 * Invariants. Every unit of a chunk with pages is in one run. struct weir__unit of the first one
 * says what the run is and how long; that of the last one, too, when it is free. Two free runs are
 * never neighbours. A free run is in the list for its size. Every other unit of a span has the
 * number of the first in size. map[] has the class for each unit of a span and 0 elsewhere.
 * Of a span, bits[] has a one for each block that is in it; the others are with the class's pool,
 * in its caches or its depot, or out. bare[] has a one for units of free runs that have no page.
 * What is said of a run outside of its units is nowhere in the
 * memory that is handed out, so no overrun can hurt it.
 *
 * One lock, but caches and depots, which are the mempool's. Lock order: the registry's of
 * lib/mempool, a pool's, the list of heaps, a heap's.
 */
#ifndef WEIR_HEAP_IMPL_H
#define WEIR_HEAP_IMPL_H

#include "weir/heap.h"

#include "mempool/mempool_impl.h"

#define WEIR__UNIT (1u << WEIR__UNIT_LOG2)
#define WEIR__NONE UINT32_MAX

/* Lists of free runs: for up to 15 units one each; above, 16 for each power of two. 2^31 units are
 * 8 TiB. */
#define WEIR__SL_LOG2   4
#define WEIR__SL        (1u << WEIR__SL_LOG2)
#define WEIR__FL        29
#define WEIR__UNITS_MAX (1u << 31)

/* Spans of a class that have room, by how full they are: the fullest are used first, so that others
 * run empty. */
#define WEIR__FILLS 4

/* Words of bits[] for a unit: of blocks of 16 bytes there are 256. */
#define WEIR__UNIT_WORDS 4

/* Chunks that a block takes at least to be very large. */
#define WEIR__HUGE_CHUNKS 8

enum weir__run {
	WEIR__RUN_NONE,
	WEIR__RUN_FREE,
	WEIR__RUN_LARGE,
	WEIR__RUN_SPAN,
	WEIR__RUN_INSIDE, /* a span, behind its first unit */
};

struct weir__unit {
	uint32_t size;           /* units of the run; RUN_INSIDE: its first one */
	uint32_t next, previous; /* in a list of free runs, or of spans with room */
	uint16_t used;           /* blocks of a span that are not in it */
	uint8_t run;             /* enum weir__run */
	uint8_t fill;            /* the list that a span is in; WEIR__FILLS: none */
};

struct weir__class {
	struct weir_heap *heap;
	uint32_t number;
	uint32_t size;    /* bytes of a block */
	uint32_t units;   /* of a span */
	uint32_t blocks;  /* in one */
	uint64_t inverse; /* 2^40 / size, rounded up */
	uint32_t cache;   /* blocks a thread keeps */
	/* under the heap's lock: */
	uint32_t lists[WEIR__FILLS];
	uint32_t spans, reserve; /* that there are, and that stay when they are empty */
	uint64_t taken;          /* blocks that are not in their spans */
	struct weir__mempool_source source;
	/* NULL: nobody wanted any yet, or the heap is for a single thread */
	WEIR_ATOMIC(struct weir_mempool *) pool;
	struct weir__mempool_cache *cache_of_single;
};

struct weir_heap {
	struct weir__heap_head head; /* first: the inline calls see only this */
	char name[32];
	bool shared, fixed, zero, counts, hooked, discards;
	uint32_t track;     /* WEIR_TRACK_* */
	uint32_t alignment; /* 16 to 4096 */
	size_t cache_bytes;
	struct weir_region *region, *tables;
	struct weir__unit *units; /* in tables, as map */
	uint64_t *bits, *bare;
	/* bytes from the start of tables */
	size_t units_at, bits_at;
	size_t chunk;                            /* bytes */
	uint32_t chunk_units, chunk_count, born; /* chunks */
	uint8_t *present;                        /* by chunk */
	struct weir__class classes[WEIR_HEAP_CLASSES];
	uint32_t class_count;        /* 0 is what is kept of large blocks (large.c) */
	struct weir__heap_row *none; /* what head.rows shows of those that nobody may see */
	struct weir__heap_row *rows[WEIR_THREAD_MAX]; /* row.c */

	pthread_mutex_t lock __attribute__((aligned(WEIR_CACHE_LINE)));
	uint32_t fl_bits;
	uint16_t sl_bits[WEIR__FL];
	uint32_t lists[WEIR__FL][WEIR__SL];
	size_t present_units, free_units, large_units, bare_units, bare_next;
	uint64_t large_blocks, growths, shrinks;
	char why[192];

	/* what conf.stats counts, atomics of all threads */
	WEIR_ATOMIC(uint64_t) failures, allocs, frees, asked, given, held, peak, out, peak_blocks;
	struct weir_heap *previous, *next;
};

static inline void weir__heap_lock(struct weir_heap *heap)
{
	if (heap->shared)
		pthread_mutex_lock(&heap->lock);
}

static inline void weir__heap_unlock(struct weir_heap *heap)
{
	if (heap->shared)
		pthread_mutex_unlock(&heap->lock);
}

static inline uint32_t weir__unit_of(const struct weir_heap *heap, const void *address)
{
	return (uint32_t)(((uintptr_t)address - heap->head.base) >> WEIR__UNIT_LOG2);
}

static inline void *weir__unit_address(const struct weir_heap *heap, uint32_t unit)
{
	return (uint8_t *)heap->head.base + ((size_t)unit << WEIR__UNIT_LOG2);
}

/* Is it an address of the heap, with pages under it? */
static inline bool weir__is_inside(const struct weir_heap *heap, const void *address)
{
	size_t unit = ((uintptr_t)address - heap->head.base) >> WEIR__UNIT_LOG2;

	return unit < heap->head.units && heap->present[unit / heap->chunk_units];
}

static inline uint32_t weir__units_for(size_t size)
{
	return (uint32_t)((size + WEIR__UNIT - 1) >> WEIR__UNIT_LOG2);
}

/* ---- pages.c, under the lock ---- */

/* Units from first on are free: join them with what is free on either side, and list the whole. Its
 * first unit. */
uint32_t weir__pages_free(struct weir_heap *heap, uint32_t first, uint32_t count);

/* count units at a multiple of align units, growing the heap when it may; or WEIR__NONE. The run
 * is the caller's to name. */
uint32_t weir__pages_take(struct weir_heap *heap, uint32_t count, uint32_t align);

/* Give back the units behind the first keep of a run of size. */
void weir__pages_cut(struct weir_heap *heap, uint32_t first, uint32_t size, uint32_t keep);

/* Add more units to a run when they are free behind it. */
bool weir__pages_extend(struct weir_heap *heap, uint32_t first, uint32_t size, uint32_t more);

/* Take a free run out of its list. */
void weir__pages_unlist(struct weir_heap *heap, uint32_t first);
void weir__pages_list(struct weir_heap *heap, uint32_t first, uint32_t count);

/* The list for runs of that size. */
void weir__pages_place(uint32_t count, uint32_t *fl, uint32_t *sl);

/* The longest free run, units. */
uint32_t weir__pages_longest(const struct weir_heap *heap);

/* ---- chunk.c, under the lock ---- */

/* Chunks with count units in a row, and a word why there are none: 0 or -errno. */
int weir__chunks_add(struct weir_heap *heap, uint32_t count);

/* Pages under chunks from first to before end, tables included, which become free. 0 or -errno. */
int weir__chunks_commit(struct weir_heap *heap, uint32_t first, uint32_t end);

/* Units of a chunk: the last may be shorter. */
uint32_t weir__chunk_units(const struct weir_heap *heap, uint32_t chunk);

/* ---- trim.c, under the lock ---- */

/* Give back the chunks that lie in a free run, at most so many bytes. Returns the bytes. */
size_t weir__trim_run(struct weir_heap *heap, uint32_t first, size_t most);

/* The same of all runs. */
size_t weir__trim_all(struct weir_heap *heap, size_t most);

/* A run has become free: should chunks or pages go at once? */
void weir__trim_after(struct weir_heap *heap, uint32_t first, bool huge);

/* Units with pages above those it was born with. */
size_t weir__spare_units(const struct weir_heap *heap);

/* ---- bare.c, under the lock ---- */

/* Bare units among count. */
uint32_t weir__bare_count(const struct weir_heap *heap, uint32_t first, uint32_t count);

/* Units are taken, or their chunk has gone. */
void weir__bare_end(struct weir_heap *heap, uint32_t first, uint32_t count);

/* Give pages of free runs back when there are too many; or all that may go. */
void weir__bare_trim(struct weir_heap *heap);
void weir__bare_all(struct weir_heap *heap);

/* ---- span.c, under the lock ---- */

uint32_t weir__span_take(struct weir__class *class, void **blocks, uint32_t count);
void weir__span_give(struct weir__class *class, void *const *blocks, uint32_t count);

/* Give back the spans that have all their blocks. */
void weir__span_sweep(struct weir__class *class);

/* Spans for count blocks, which stay. 0, or -ENOMEM with a sentence. */
int weir__span_reserve(struct weir__class *class, uint32_t count);

/* The span of an address of one, and the number of the block there. */
uint32_t weir__span_of(const struct weir_heap *heap, const void *address);
uint32_t weir__span_index(const struct weir__class *class, uint32_t first, const void *address);

/* Is this block in its span, so that nobody has it? */
bool weir__span_has(const struct weir_heap *heap, uint32_t first, uint32_t index);

/* ---- class.c ---- */

/* The classes every heap has, and those of the conf. 0 or -errno. */
int weir__classes_init(struct weir_heap *heap, const struct weir_heap_conf *conf);
void weir__classes_end(struct weir_heap *heap);

/* The smallest class for a size that is a multiple of alignment. */
struct weir__class *weir__class_for(struct weir_heap *heap, size_t size, size_t alignment);

/* ---- blocks.c ---- */

/* Where the pool of a class has its blocks from. */
struct weir__mempool_source weir__class_source(struct weir__class *class);

/* Its pool, made with the first call; NULL without memory. */
struct weir_mempool *weir__class_pool(struct weir__class *class);

/* A block of a class, or NULL; and back. */
void *weir__class_get(struct weir__class *class);
void weir__class_put(struct weir__class *class, void *block);

/* Blocks in caches and the depot. Not under the lock. */
uint64_t weir__class_kept(struct weir__class *class);

/* What this thread and the depot keep goes back to the spans. Not under the lock. */
void weir__class_flush(struct weir__class *class);

/* All its blocks are gone, with their spans. */
void weir__class_forget(struct weir__class *class);

/* ---- figures.c ---- */

/* Call visit for each run of a chunk with pages, free ones included, until it returns false. Under
 * the lock. */
void weir__heap_walk(struct weir_heap *heap,
	bool (*visit)(struct weir_heap *heap, uint32_t first, void *context), void *context);

/* A call gave, or took back, a block of this room. */
void weir__heap_count(struct weir_heap *heap, size_t asked, size_t room);
void weir__heap_uncount(struct weir_heap *heap, size_t room);

/* ---- row.c: the caches of threads ---- */

/* The one that shows nothing. 0 or -errno. */
int weir__rows_init(struct weir_heap *heap);
void weir__rows_end(struct weir_heap *heap);

/* Memory for the cache of a class, the context, and of the calling thread, which has this slot;
 * NULL without. As struct weir__mempool_source wants them. */
struct weir__mempool_cache *weir__row_open(void *context, uint32_t slot);
void weir__row_close(void *context, struct weir__mempool_cache *cache);

/* ---- large.c ---- */

void weir__large_init(struct weir_heap *heap);

/* A block of count units at a multiple of align units, or NULL with a sentence. */
void *weir__large_take(struct weir_heap *heap, uint32_t count, uint32_t align);
bool weir__large_give(struct weir_heap *heap, void *block); /* false: it is none */

/* Blocks that threads keep, and their units. Not under the lock. */
uint64_t weir__large_kept(struct weir_heap *heap, size_t *units);

/* ---- alloc.c: raw blocks, without counting and checks ---- */

void *weir__heap_take(struct weir_heap *heap, size_t size, size_t alignment);
bool weir__heap_give(struct weir_heap *heap, void *block); /* false: it is none */
size_t weir__heap_room(const struct weir_heap *heap, const void *block);

/* A block for the caller, with all that this heap does to one: the call returns to site. */
void *weir__heap_hand_out(struct weir_heap *heap, size_t size, size_t alignment, void *site);
void weir__heap_take_back(struct weir_heap *heap, void *block, void *site);

/* Say why there is nothing, and count it; returns NULL with errno. */
void *weir__heap_fail(struct weir_heap *heap, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
