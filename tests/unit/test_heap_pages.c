/* SPDX-License-Identifier: BSD-3-Clause */
/* test_heap_pages.c: pages come to a heap when it is told to and when it must, and go back. */
#include "unit.h"

#include "heap_unit.h"

#include "os/os_impl.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void test_extend(void)
{
	struct weir_heap *heap = make((struct weir_heap_conf){.max_size = 16 * MIB, .fixed = true});

	CU_ASSERT_PTR_NULL(weir_heap_alloc(heap, 3 * MIB));
	CU_ASSERT(strstr(weir_heap_why(heap), "does not grow") != NULL);
	CU_ASSERT_EQUAL(weir_heap_extend(heap, 3 * MIB), 0);
	CU_ASSERT_EQUAL(weir_heap_size(heap), 6 * MIB);
	CU_ASSERT_PTR_NOT_NULL(weir_heap_alloc(heap, 5 * MIB));
	CU_ASSERT_EQUAL(weir_heap_extend(heap, 100 * MIB), -ENOSPC);
	CU_ASSERT_EQUAL(weir_heap_extend(heap, SIZE_MAX), -ENOSPC);
	CU_ASSERT_EQUAL(weir_heap_size(heap), 6 * MIB);
	CU_ASSERT_EQUAL(weir_heap_extend(heap, 9 * MIB), 0);
	CU_ASSERT_EQUAL(weir_heap_size(heap), 16 * MIB);
	check_valid(heap);
	weir_heap_destroy(heap);
}

static void test_shrink(void)
{
	struct weir_heap *heap =
		make((struct weir_heap_conf){.size = 4 * MIB, .fixed = true, .max_size = 64 * MIB});

	CU_ASSERT_EQUAL(weir_heap_shrink(heap, 0), 0);
	CU_ASSERT_EQUAL(weir_heap_extend(heap, 20 * MIB), 0);
	CU_ASSERT_EQUAL(weir_heap_shrink(heap, 3 * MIB), 4 * MIB);
	CU_ASSERT_EQUAL(weir_heap_size(heap), 20 * MIB);
	CU_ASSERT_EQUAL(weir_heap_shrink(heap, SIZE_MAX), 16 * MIB);
	CU_ASSERT_EQUAL(weir_heap_size(heap), 4 * MIB);
	check_valid(heap);
	weir_heap_destroy(heap);
}

static void test_compact(void)
{
	static void *blocks[20000];
	struct weir_heap *heap = make((struct weir_heap_conf){.name = "compact"});
	struct weir_heap_stats stats;
	size_t size;

	for (size_t i = 0; i < 20000; i++)
		blocks[i] = weir_heap_alloc(heap, 500);
	CU_ASSERT(weir_heap_size(heap) > 9 * MIB);
	for (size_t i = 0; i < 20000; i++)
		weir_heap_free(heap, blocks[i]);
	weir_heap_stats(heap, &stats);
	CU_ASSERT(stats.cached > 0 && stats.used == 0);
	size = weir_heap_size(heap);
	CU_ASSERT_EQUAL(weir_heap_compact(heap), size - 2 * MIB);
	CU_ASSERT_EQUAL(weir_heap_size(heap), 2 * MIB);
	weir_heap_stats(heap, &stats);
	CU_ASSERT_EQUAL(stats.cached, 0);
	check_valid(heap);
	weir_heap_destroy(heap);
}

/* A very large block goes back to the kernel as it is freed. */
static void test_very_large_goes_at_once(void)
{
	struct weir_heap *heap = make((struct weir_heap_conf){.name = "huge"});
	void *block = weir_heap_alloc(heap, 40 * MIB);

	CU_ASSERT(weir_heap_size(heap) >= 40 * MIB);
	weir_heap_free(heap, block);
	CU_ASSERT_EQUAL(weir_heap_size(heap), 2 * MIB);
	check_valid(heap);
	weir_heap_destroy(heap);
}

#define MANY 800

/* Take every step-th block, write all of it, or free it. */
static void take_many(struct weir_heap *heap, uint8_t **blocks, size_t step)
{
	for (size_t i = 0; i < MANY; i += step) {
		blocks[i] = weir_heap_alloc(heap, 40000);
		CU_ASSERT_PTR_NOT_NULL_FATAL(blocks[i]);
		memset(blocks[i], (int)i, 40000);
	}
}

static void free_many(struct weir_heap *heap, uint8_t **blocks, size_t step)
{
	for (size_t i = 0; i < MANY; i += step)
		weir_heap_free(heap, blocks[i]);
}

/* Of a lazy heap, also where each chunk has a block that stays. The heap says so itself; what the
 * kernel says is beside it. */
static void test_free_pages_go_back(void)
{
	static uint8_t *blocks[MANY];
	struct weir_heap *heap = make((struct weir_heap_conf){.name = "bare"});
	struct weir_region *region = weir_heap_region(heap);
	size_t full, before, most = weir_region_max_size(region);

	take_many(heap, blocks, 1);
	full = weir_heap_size(heap);
	before = weir__os_present(weir_region_base(region), full);
	free_many(heap, blocks, 2);
	check_valid(heap);
	if (sysconf(_SC_PAGESIZE) == 4096) {
		CU_ASSERT(weir_heap_size(heap) < full - 12 * MIB);
		CU_ASSERT(weir__os_present(weir_region_base(region), full) < before - 12 * MIB);
	}
	CU_ASSERT_EQUAL(weir_region_max_size(region), most);
	for (size_t i = 1; i < MANY; i += 2)
		CU_ASSERT(is_filled(blocks[i], 40000, (uint8_t)i));
	take_many(heap, blocks, 2);
	check_valid(heap);
	CU_ASSERT(weir_heap_size(heap) <= full && weir_heap_size(heap) >= MANY * 40960ul);
	free_many(heap, blocks, 1);
	CU_ASSERT(weir_heap_is_empty(heap));
	CU_ASSERT(weir_heap_size(heap) >= 2 * MIB);
	weir_heap_compact(heap);
	CU_ASSERT_EQUAL(weir_heap_size(heap), 2 * MIB);
	check_valid(heap);
	weir_heap_destroy(heap);
}

static void *free_one(void *argument)
{
	void **blocks = argument;

	weir_heap_free(blocks[1], blocks[0]);
	return NULL;
}

/* The last few large blocks that a thread has freed are its own: it gets them again, they count as
 * free, and go when it ends. */
static void test_large_blocks_are_kept(void)
{
	struct weir_heap *heap = make((struct weir_heap_conf){.name = "large", .size = 16 * MIB});
	void *block = weir_heap_alloc(heap, 100000), *others[8], *pair[2];
	struct weir_heap_stats stats;
	pthread_t thread;

	weir_heap_free(heap, block);
	weir_heap_stats(heap, &stats);
	CU_ASSERT(stats.used == 0 && stats.blocks == 0 && stats.large == 0);
	CU_ASSERT_EQUAL(stats.cached, getenv("WEIR_TRACK") ? 0 : 102400);
	CU_ASSERT_PTR_EQUAL(weir_heap_alloc(heap, 99000), block);
	for (size_t i = 0; i < 8; i++)
		others[i] = weir_heap_alloc(heap, 300000 + i * 5000);
	for (size_t i = 0; i < 8; i++)
		weir_heap_free(heap, others[i]);
	weir_heap_stats(heap, &stats);
	CU_ASSERT(stats.large == 1 && stats.cached <= MIB);
	check_valid(heap);
	pair[0] = block;
	pair[1] = heap;
	weir_heap_compact(heap);
	pthread_create(&thread, NULL, free_one, pair);
	pthread_join(thread, NULL);
	weir_heap_stats(heap, &stats);
	CU_ASSERT(stats.large == 0 && stats.cached == 0 && stats.idle == 16 * MIB);
	check_valid(heap);
	weir_heap_destroy(heap);
}

static void test_warmup(void)
{
	struct weir_heap *heap = make((struct weir_heap_conf){.size = 8 * MIB});

	CU_ASSERT_EQUAL(weir_heap_warmup(heap), 0);
	weir_heap_destroy(heap);
}

int main(void)
{
	static CU_TestInfo tests[] = {{"extend", test_extend}, {"shrink", test_shrink},
		{"compact", test_compact},
		{"very large goes at once", test_very_large_goes_at_once},
		{"free pages go back", test_free_pages_go_back},
		{"large blocks are kept", test_large_blocks_are_kept}, {"warmup", test_warmup},
		CU_TEST_INFO_NULL};

	return unit_run("heap pages", tests);
}
