/* SPDX-License-Identifier: BSD-3-Clause */
/* malloc.c: a weir heap in the place of malloc, for whatever program it is loaded into:
 *
 *	LD_PRELOAD=libweir-malloc.so program
 *
 * The library itself calls malloc on its slow paths, and libc does before there is a heap: a thread
 * that is inside gets early memory (early.c), so nothing here waits for itself. What such a call
 * frees of the heap waits in a list until no call is inside. Locks are free in the child of a fork
 * (lib/mempool/slots.c). Nothing is passed on to the malloc of libc, so nothing is looked up.
 *
 * WEIR_MALLOC_PAGES in the environment is the kind of pages, 4K unless it is set; WEIR_TRACK checks
 * every block.
 */
#include "early.h"

#include <weir/heap.h>

#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

/* Addresses: what memory there is, many times; less where less can be had (ulimit -v). */
#define SIZE_MOST  ((size_t)1 << 40)
#define SIZE_LEAST ((size_t)1 << 28)

static _Atomic(struct weir_heap *) the_heap;
static atomic_flag started = ATOMIC_FLAG_INIT;
static __thread bool inside __attribute__((tls_model("initial-exec")));

/* Blocks freed by a call that was inside; the first word of each points to the next. */
static _Atomic(void **) waiting;

static void start(void)
{
	struct weir_heap_conf conf = {.name = "malloc", .pages = WEIR_PAGES_4K, .lazy = true};
	const char *pages = getenv("WEIR_MALLOC_PAGES");
	struct weir_heap *heap = NULL;

	if (inside || atomic_flag_test_and_set(&started))
		return;
	inside = true;
	if (pages)
		weir_pages_parse(pages, &conf.pages);
	for (conf.max_size = SIZE_MOST; !heap && conf.max_size >= SIZE_LEAST; conf.max_size /= 4)
		heap = weir_heap_create(&conf);
	/* release: for what is in the heap; pairs with the acquire in heap_now() */
	atomic_store_explicit(&the_heap, heap, memory_order_release);
	inside = false;
}

/* NULL while it cannot be used by this call. */
static inline struct weir_heap *heap_now(void)
{
	struct weir_heap *heap = atomic_load_explicit(&the_heap, memory_order_acquire);

	if (weir_likely(heap && !inside))
		return heap;
	if (!heap) {
		start();
		heap = atomic_load_explicit(&the_heap, memory_order_acquire);
	}
	return inside ? NULL : heap;
}

static void free_waiting(struct weir_heap *heap)
{
	/* acquire: for their links */
	void **block = atomic_exchange_explicit(&waiting, NULL, memory_order_acquire);

	while (block) {
		void **next = *block;

		weir_heap_free(heap, block);
		block = next;
	}
}

static void wait_to_free(void **block)
{
	void **first = atomic_load_explicit(&waiting, memory_order_relaxed);

	do
		*block = (void *)first;
	/* release: for the link */
	while (!atomic_compare_exchange_weak_explicit(
		&waiting, &first, block, memory_order_release, memory_order_relaxed));
}

/* A call that may go into the library and to the kernel, which change errno. */
static __attribute__((noinline)) void *take_slow(
	struct weir_heap *heap, size_t size, size_t alignment)
{
	int before = errno;
	void *block;

	if (!heap)
		return early_alloc(size, alignment);
	inside = true;
	if (atomic_load_explicit(&waiting, memory_order_relaxed))
		free_waiting(heap);
	block = alignment > 16 ? weir_heap_alloc_aligned(heap, size, alignment)
			       : weir_heap_alloc(heap, size);
	inside = false;
	errno = block ? before : ENOMEM;
	return block;
}

/* As the inline calls of weir/heap.h, but the slow path is ours. */
static inline void *take(size_t size)
{
	struct weir_heap *heap = heap_now();
	void *block;

	if (weir_likely(heap && weir__heap_pop_size(weir__heap_head(heap), size, &block)))
		return block;
	return take_slow(heap, size, 16);
}

static __attribute__((noinline)) void give_slow(struct weir_heap *heap, void *block)
{
	int before = errno;

	if (early_has(block)) {
		early_free(block);
	} else if (!heap) {
		wait_to_free(block);
	} else {
		inside = true;
		weir_heap_free(heap, block);
		inside = false;
	}
	errno = before;
}

EXPORT void *malloc(size_t size)
{
	return take(size);
}

EXPORT void free(void *block)
{
	struct weir_heap *heap;

	if (!block)
		return;
	heap = heap_now();
	if (weir_unlikely(!heap || !weir__heap_push(weir__heap_head(heap), block)))
		give_slow(heap, block);
}

EXPORT void *calloc(size_t count, size_t size)
{
	size_t bytes;
	void *block;

	if (__builtin_mul_overflow(count, size, &bytes))
		bytes = SIZE_MAX; /* which there is not */
	block = take(bytes);
	return block ? memset(block, 0, bytes) : NULL;
}

EXPORT size_t malloc_usable_size(void *block)
{
	struct weir_heap *heap = atomic_load_explicit(&the_heap, memory_order_acquire);

	if (!block)
		return 0;
	return early_has(block) ? early_size(block) : weir_heap_usable_size(heap, block);
}

static void *move(void *block, size_t size)
{
	size_t before = malloc_usable_size(block);
	void *moved = take(size);

	if (!moved)
		return NULL;
	memcpy(moved, block, size < before ? size : before);
	free(block);
	return moved;
}

EXPORT void *realloc(void *block, size_t size)
{
	struct weir_heap *heap = heap_now();
	int before = errno;
	void *moved;

	if (!block)
		return take(size);
	if (size == 0) {
		free(block);
		return NULL;
	}
	if (!heap || early_has(block))
		return move(block, size);
	inside = true;
	moved = weir_heap_realloc(heap, block, size);
	inside = false;
	errno = moved ? before : ENOMEM;
	return moved;
}

EXPORT void *reallocarray(void *block, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(block, bytes);
}

static void *take_aligned(size_t alignment, size_t size)
{
	if (alignment == 0 || (alignment & (alignment - 1))) {
		errno = EINVAL;
		return NULL;
	}
	return alignment <= 16 ? take(size) : take_slow(heap_now(), size, alignment);
}

EXPORT void *memalign(size_t alignment, size_t size)
{
	return take_aligned(alignment, size);
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
	return take_aligned(alignment, size);
}

EXPORT int posix_memalign(void **block, size_t alignment, size_t size)
{
	int before = errno;
	void *taken;

	if (alignment % sizeof(void *))
		return EINVAL;
	taken = take_aligned(alignment, size);
	if (!taken) {
		int error = errno;

		errno = before; /* it is told by the result */
		return error;
	}
	*block = taken;
	return 0;
}

EXPORT void *valloc(size_t size)
{
	return take_aligned((size_t)sysconf(_SC_PAGESIZE), size);
}

EXPORT void *pvalloc(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), rounded = (size + page - 1) & ~(page - 1);

	/* what wraps is as much as there is not */
	return take_aligned(page, rounded < size ? SIZE_MAX : rounded);
}

EXPORT int malloc_trim(size_t pad)
{
	struct weir_heap *heap = heap_now();
	size_t bytes = 0;

	(void)pad;
	if (heap) {
		inside = true;
		bytes = weir_heap_compact(heap);
		inside = false;
	}
	return bytes > 0;
}
