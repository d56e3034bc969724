/* SPDX-License-Identifier: BSD-3-Clause */
/* poison.c: what AddressSanitizer and valgrind are told of the objects of a guarded pool, so that
 * they stop at the very instruction that touches what it may not.
 *
 * The first line of a free mbuf, its metadata, stays open to AddressSanitizer: a second free reads
 * it, and is to come as far as the sentence that says who freed it before. What is written there is
 * seen by its sum. Valgrind only warns, and goes on.
 */
#include "guard_impl.h"

#ifdef WEIR_HAVE_VALGRIND
#include <valgrind/memcheck.h>
#endif

/* Theirs, in whatever program the library runs; NULL where it is none of AddressSanitizer's. */
void __asan_poison_memory_region(const void *address, size_t size) __attribute__((weak));
void __asan_unpoison_memory_region(const void *address, size_t size) __attribute__((weak));

static void forbid(const void *address, size_t size)
{
	if (__asan_poison_memory_region)
		__asan_poison_memory_region(address, size);
}

static void allow(const void *address, size_t size)
{
	if (__asan_unpoison_memory_region)
		__asan_unpoison_memory_region(address, size);
}

void weir__poison_pool(struct weir_mempool *pool)
{
#ifdef WEIR_HAVE_VALGRIND
	VALGRIND_CREATE_MEMPOOL(pool, 0, 0);
#else
	(void)pool;
#endif
}

void weir__poison_end(struct weir_mempool *pool)
{
#ifdef WEIR_HAVE_VALGRIND
	VALGRIND_DESTROY_MEMPOOL(pool);
#endif
	allow(pool->objects, (size_t)pool->max_count * pool->stride);
}

void weir__poison_none(struct weir_mempool *pool, void *object)
{
#ifdef WEIR_HAVE_VALGRIND
	VALGRIND_MAKE_MEM_DEFINED(object, pool->stride);
#endif
	allow(object, pool->stride);
}

void weir__poison_free(struct weir_mempool *pool, void *object)
{
#ifdef WEIR_HAVE_VALGRIND
	VALGRIND_MEMPOOL_FREE(pool, object);
#endif
	weir__poison_all(pool, object);
}

void weir__poison_all(struct weir_mempool *pool, void *object)
{
	uint32_t open = pool->head.mbuf_plain ? WEIR_CACHE_LINE : 0;

#ifdef WEIR_HAVE_VALGRIND
	VALGRIND_MAKE_MEM_NOACCESS(object, pool->stride);
#endif
	forbid((uint8_t *)object + open, pool->stride - open);
}

void weir__poison_out(struct weir_mempool *pool, void *object)
{
#ifdef WEIR_HAVE_VALGRIND
	VALGRIND_MEMPOOL_ALLOC(pool, object, pool->size);
	VALGRIND_MAKE_MEM_DEFINED(object, weir__kept_size(pool));
#endif
	weir__poison_fence(pool, object, true);
}

void weir__poison_fence(const struct weir_mempool *pool, const uint8_t *object, bool closed)
{
	const uint8_t *fence = object + pool->size;
	size_t size = pool->stride - pool->size;

#ifdef WEIR_HAVE_VALGRIND
	if (closed)
		VALGRIND_MAKE_MEM_NOACCESS(fence, size);
	else
		VALGRIND_MAKE_MEM_DEFINED(fence, size);
#endif
	(closed ? forbid : allow)(fence, size);
}

uint64_t weir__poison_defined(uint64_t value)
{
#ifdef WEIR_HAVE_VALGRIND
	VALGRIND_MAKE_MEM_DEFINED(&value, sizeof(value));
#endif
	return value;
}
