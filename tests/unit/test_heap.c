/* SPDX-License-Identifier: BSD-3-Clause */
/* test_heap.c: one test for each promise of weir/heap.h. What happens to what is misused is in
 * test_heap_check.c, and of its pages in test_heap_pages.c. */
#include "unit.h"

#include "heap_unit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static void test_create_with_conf(void)
{
	struct weir_heap *heap = make((struct weir_heap_conf){
		.name = "conf", .size = 3 * MIB, .max_size = 16 * MIB, .chunk = 4 * MIB});

	CU_ASSERT_STRING_EQUAL(weir_heap_name(heap), "conf");
	CU_ASSERT_EQUAL(weir_heap_size(heap), 4 * MIB);
	CU_ASSERT_EQUAL(weir_region_max_size(weir_heap_region(heap)), 16 * MIB);
	CU_ASSERT_EQUAL(weir_region_chunk(weir_heap_region(heap)), 4 * MIB);
	check_valid(heap);
	weir_heap_destroy(heap);
	weir_heap_destroy(NULL);
}

static void test_create_default(void)
{
	struct weir_heap *heap = weir_heap_create(NULL);

	CU_ASSERT_PTR_NOT_NULL_FATAL(heap);
	CU_ASSERT_STRING_EQUAL(weir_heap_name(heap), "heap");
	CU_ASSERT_PTR_NOT_NULL(weir_heap_alloc(heap, 100));
	weir_heap_destroy(heap);
}

static void test_create_refuses(void)
{
	static const uint32_t classes[] = {100, 40000};
	static const struct weir_heap_conf confs[] = {
		{.size = 2 * MIB, .max_size = MIB},
		{.max_size = (size_t)1 << 60},
		{.alignment = 24},
		{.alignment = 8192},
		{.class_count = 2},
		{.classes = classes, .class_count = 2},
		{.pages = 99},
	};

	for (size_t i = 0; i < sizeof(confs) / sizeof(confs[0]); i++) {
		CU_ASSERT_PTR_NULL(weir_heap_create(&confs[i]));
		CU_ASSERT_EQUAL(errno, EINVAL);
		CU_ASSERT(strlen(weir_last_error()) > 10);
	}
}

static void alloc_every_size(struct weir_heap *heap)
{
	for (size_t size = 0; size < 70000; size = size < 600 ? size + 1 : size * 9 / 8) {
		uint8_t *block = weir_heap_alloc(heap, size);

		CU_ASSERT_PTR_NOT_NULL_FATAL(block);
		CU_ASSERT_EQUAL((uintptr_t)block % 16, 0);
		CU_ASSERT(weir_heap_usable_size(heap, block) >= (size ? size : 1));
		/* an eighth more than what was asked for, or less than a page */
		CU_ASSERT(weir_heap_usable_size(heap, block) <=
				  (size < 128 ? size + 16 : size + size / 8 + 16) ||
			  size > WEIR_HEAP_SMALL);
		memset(block, 1, weir_heap_usable_size(heap, block));
		weir_heap_free(heap, block);
	}
	weir_heap_free(heap, NULL);
	check_valid(heap);
	CU_ASSERT(weir_heap_is_empty(heap));
}

static void test_alloc_and_free(void)
{
	struct weir_heap *heap = make((struct weir_heap_conf){.name = "sizes"});

	alloc_every_size(heap);
	weir_heap_destroy(heap);
}

static void test_single_thread(void)
{
	struct weir_heap *heap = make((struct weir_heap_conf){.single = true});

	alloc_every_size(heap);
	weir_heap_destroy(heap);
}

static void test_without_caches(void)
{
	struct weir_heap *heap = make((struct weir_heap_conf){.cache = WEIR_HEAP_CACHE_NONE});
	struct weir_heap *single =
		make((struct weir_heap_conf){.cache = WEIR_HEAP_CACHE_NONE, .single = true});

	alloc_every_size(heap);
	alloc_every_size(single);
	weir_heap_destroy(heap);
	weir_heap_destroy(single);
}

static void test_calloc(void)
{
	struct weir_heap *heap = make((struct weir_heap_conf){.name = "calloc"});

	for (size_t size = 1; size < 100000; size *= 3) {
		uint8_t *dirty = weir_heap_alloc(heap, size), *block;

		memset(dirty, 0xff, size);
		weir_heap_free(heap, dirty);
		block = weir_heap_calloc(heap, 1, size);
		CU_ASSERT(is_filled(block, size, 0));
		weir_heap_free(heap, block);
	}
	CU_ASSERT_PTR_NULL(weir_heap_calloc(heap, SIZE_MAX / 2, 3));
	CU_ASSERT_EQUAL(errno, ENOMEM);
	weir_heap_destroy(heap);
}

static void test_zero(void)
{
	struct weir_heap *heap = make((struct weir_heap_conf){.zero = true});
	uint8_t *block = weir_heap_alloc(heap, 200);

	memset(block, 0xff, 200);
	weir_heap_free(heap, block);
	block = weir_heap_alloc(heap, 200);
	CU_ASSERT(is_filled(block, 200, 0));
	block = weir_heap_realloc(heap, block, 100000);
	CU_ASSERT(is_filled(block, 100000, 0));
	weir_heap_destroy(heap);
}

static void test_realloc(void)
{
	static const size_t sizes[] = {
		1, 16, 17, 100, 40000, 41000, 200000, 5 * MIB, 300000, 33000, 500, 1};
	struct weir_heap *heap = make((struct weir_heap_conf){.name = "realloc"});
	uint8_t *block = NULL;
	size_t before = 0;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		block = weir_heap_realloc(heap, block, sizes[i]);
		CU_ASSERT_PTR_NOT_NULL_FATAL(block);
		CU_ASSERT(
			is_filled(block, before < sizes[i] ? before : sizes[i], (uint8_t)(i - 1)));
		memset(block, (int)i, sizes[i]);
		before = sizes[i];
		check_valid(heap);
	}
	CU_ASSERT_PTR_NULL(weir_heap_realloc(heap, block, SIZE_MAX));
	CU_ASSERT_EQUAL(errno, ENOMEM);
	CU_ASSERT_EQUAL(*block, sizeof(sizes) / sizeof(sizes[0]) - 1);
	weir_heap_free(heap, block);
	CU_ASSERT(weir_heap_is_empty(heap));
	weir_heap_destroy(heap);
}

static void test_realloc_refuses_what_is_not_its_own(void)
{
	struct weir_heap *heap = make((struct weir_heap_conf){.name = "realloc"});

	CU_ASSERT_PTR_NULL(weir_heap_realloc(heap, &heap, 10));
	CU_ASSERT_EQUAL(errno, EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_heap_why(heap), "not of this heap"));
	weir_heap_destroy(heap);
}

/* A large block grows where it is when there is room behind it. */
static void test_realloc_in_place(void)
{
	struct weir_heap *heap = make((struct weir_heap_conf){.size = 4 * MIB});
	uint8_t *block = weir_heap_alloc(heap, 100000);

	CU_ASSERT_PTR_EQUAL(weir_heap_realloc(heap, block, 200000), block);
	CU_ASSERT_PTR_EQUAL(weir_heap_realloc(heap, block, 50000), block);
	check_valid(heap);
	weir_heap_destroy(heap);
}

static void test_alloc_aligned(void)
{
	struct weir_heap *heap = make((struct weir_heap_conf){.name = "aligned"});

	for (size_t alignment = 1; alignment <= 4 * MIB; alignment *= 2)
		for (size_t size = 0; size < 10 * MIB; size = size ? size * 7 : 1) {
			uint8_t *block = weir_heap_alloc_aligned(heap, size, alignment);

			CU_ASSERT_PTR_NOT_NULL_FATAL(block);
			CU_ASSERT_EQUAL((uintptr_t)block % alignment, 0);
			CU_ASSERT(weir_heap_usable_size(heap, block) >= (size ? size : 1));
			block[size ? size - 1 : 0] = 1;
			weir_heap_free(heap, block);
		}
	check_valid(heap);
	CU_ASSERT(weir_heap_is_empty(heap));
	CU_ASSERT_PTR_NULL(weir_heap_alloc_aligned(heap, 8, 24));
	CU_ASSERT_EQUAL(errno, EINVAL);
	CU_ASSERT_PTR_NULL(weir_heap_alloc_aligned(heap, 8, 0));
	CU_ASSERT_PTR_NULL(weir_heap_alloc_aligned(heap, 8, (size_t)1 << 62));
	CU_ASSERT_EQUAL(errno, ENOMEM);
	weir_heap_destroy(heap);
}

static void test_alignment_of_all(void)
{
	struct weir_heap *heap = make((struct weir_heap_conf){.alignment = 256});

	for (size_t size = 1; size < 50000; size = size * 3 / 2 + 1)
		CU_ASSERT_EQUAL((uintptr_t)weir_heap_alloc(heap, size) % 256, 0);
	weir_heap_destroy(heap);
}

static void test_free_sized(void)
{
	struct weir_heap *heap = make((struct weir_heap_conf){.name = "sized"});

	weir_heap_free_sized(heap, weir_heap_alloc(heap, 77), 77);
	weir_heap_free_sized(heap, weir_heap_alloc(heap, 77777), 77777);
	weir_heap_free_sized(heap, NULL, 0);
	CU_ASSERT(weir_heap_is_empty(heap));
	weir_heap_destroy(heap);
}

struct wide {
	uint8_t bytes[200];
} __attribute__((aligned(128)));

static void test_typed_and_array_macros(void)
{
	struct weir_heap *heap = make((struct weir_heap_conf){.name = "macros"});
	struct wide *one = weir_heap_alloc_type(heap, struct wide);
	struct wide *many = weir_heap_alloc_array(heap, struct wide, 10);
	uint64_t *numbers = weir_heap_alloc_array(heap, uint64_t, 1000);

	CU_ASSERT_EQUAL((uintptr_t)one % 128, 0);
	CU_ASSERT_EQUAL((uintptr_t)many % 128, 0);
	CU_ASSERT(weir_heap_usable_size(heap, many) >= 10 * sizeof(*many));
	CU_ASSERT(weir_heap_usable_size(heap, numbers) >= 8000);
	CU_ASSERT_PTR_NULL(weir_heap_alloc_array(heap, uint64_t, SIZE_MAX / 4));
	CU_ASSERT_PTR_NULL(weir_heap_alloc_array(heap, struct wide, SIZE_MAX / 4));
	weir_heap_destroy(heap);
}

static void test_fixed_classes(void)
{
	static const uint32_t sizes[] = {1520};
	struct weir_heap *heap = make((struct weir_heap_conf){.classes = sizes, .class_count = 1});
	int given = weir_heap_class(heap, 1520), added;
	uint8_t *block;

	CU_ASSERT(given > 0);
	block = weir_heap_alloc(heap, 1519);
	CU_ASSERT_EQUAL(weir_heap_usable_size(heap, block), 1520);
	weir_heap_free_fixed(heap, given, block);
	added = weir_heap_add_class(heap, 1000, 5000);
	CU_ASSERT(added > given);
	CU_ASSERT_EQUAL(weir_heap_add_class(heap, 1000, 0), added);
	CU_ASSERT(weir_heap_size(heap) >= 5000 * 1000);
	for (int i = 0; i < 1000; i++) {
		block = weir_heap_alloc_fixed(heap, added);
		CU_ASSERT_PTR_NOT_NULL_FATAL(block);
		memset(block, i, 1000);
		weir_heap_free_fixed(heap, added, block);
	}
	CU_ASSERT_EQUAL(weir_heap_add_class(heap, 0, 1), -EINVAL);
	CU_ASSERT_EQUAL(weir_heap_add_class(heap, WEIR_HEAP_SMALL + 1, 1), -EINVAL);
	CU_ASSERT_EQUAL(weir_heap_class(heap, WEIR_HEAP_SMALL + 1), -EINVAL);
	for (size_t size = 129; size < 4096 && added > 0; size += 16)
		added = weir_heap_add_class(heap, size, 0);
	CU_ASSERT_EQUAL(added, -ENOSPC);
	check_valid(heap);
	weir_heap_destroy(heap);
}

/* What was put aside is there when nothing else is. */
static void test_fixed_classes_are_put_aside(void)
{
	struct weir_heap *heap = make((struct weir_heap_conf){.size = 8 * MIB, .fixed = true});
	int number = weir_heap_add_class(heap, 4000, 1000);
	uint32_t count = 0;

	while (weir_heap_alloc(heap, 33000))
		count++;
	CU_ASSERT(count > 10);
	weir_heap_compact(heap);
	for (count = 0; weir_heap_alloc_fixed(heap, number);)
		count++;
	CU_ASSERT(count >= 1000);
	weir_heap_reset(heap);
	for (count = 0; weir_heap_alloc_fixed(heap, number) && count < 1000;)
		count++;
	CU_ASSERT_EQUAL(count, 1000);
	weir_heap_destroy(heap);
}

/* All of them or none: what could be had is free again. */
static void test_fixed_classes_that_do_not_fit(void)
{
	struct weir_heap *heap =
		make((struct weir_heap_conf){.size = 8 * MIB, .max_size = 64 * MIB, .fixed = true});
	struct weir_heap_stats stats;

	CU_ASSERT_EQUAL(weir_heap_add_class(heap, 30000, UINT32_MAX), -ENOMEM);
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), "bytes of addresses"));
	CU_ASSERT_EQUAL(weir_heap_add_class(heap, 30000, 1000), -ENOMEM);
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), "no memory for 1000 blocks"));
	weir_heap_stats(heap, &stats);
	CU_ASSERT_EQUAL(stats.largest, 8 * MIB);
	check_valid(heap);
	weir_heap_destroy(heap);
}

static void test_reset(void)
{
	struct weir_heap *heap = make((struct weir_heap_conf){.name = "reset"});

	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < 2000; i++)
			CU_ASSERT_PTR_NOT_NULL(weir_heap_alloc(heap, i * 37 % 40000));
		CU_ASSERT(weir_heap_used(heap) > 10 * MIB);
		weir_heap_reset(heap);
		CU_ASSERT(weir_heap_is_empty(heap));
		CU_ASSERT_EQUAL(weir_heap_used(heap), 0);
		CU_ASSERT_EQUAL(weir_heap_size(heap), 2 * MIB);
		check_valid(heap);
	}
	weir_heap_destroy(heap);
}

static void test_size_used_free(void)
{
	struct weir_heap *heap = make((struct weir_heap_conf){.size = 4 * MIB});
	void *small = weir_heap_alloc(heap, 100), *large = weir_heap_alloc(heap, MIB);

	CU_ASSERT_EQUAL(weir_heap_used(heap), 112 + MIB);
	CU_ASSERT_EQUAL(weir_heap_free_bytes(heap), 4 * MIB - 112 - MIB);
	CU_ASSERT(!weir_heap_is_empty(heap));
	weir_heap_free(heap, small);
	weir_heap_free(heap, large);
	CU_ASSERT(weir_heap_is_empty(heap));
	CU_ASSERT_EQUAL(weir_heap_used(heap), 0);
	weir_heap_destroy(heap);
}

static void test_is_full(void)
{
	struct weir_heap *heap = make((struct weir_heap_conf){.size = 4 * MIB, .fixed = true});

	CU_ASSERT(!weir_heap_is_full(heap));
	CU_ASSERT_PTR_NOT_NULL(weir_heap_alloc(heap, 4 * MIB));
	CU_ASSERT(weir_heap_is_full(heap));
	CU_ASSERT_PTR_NULL(weir_heap_alloc(heap, 1));
	CU_ASSERT_EQUAL(errno, ENOMEM);
	weir_heap_destroy(heap);
}

static void test_contains(void)
{
	struct weir_heap *heap = make((struct weir_heap_conf){.cache = WEIR_HEAP_CACHE_NONE});
	uint8_t *small = weir_heap_alloc(heap, 100), *large = weir_heap_alloc(heap, MIB);

	CU_ASSERT(weir_heap_contains(heap, small) && weir_heap_contains(heap, small + 99));
	CU_ASSERT(weir_heap_contains(heap, large) && weir_heap_contains(heap, large + MIB - 1));
	CU_ASSERT(!weir_heap_contains(heap, small + 200));
	CU_ASSERT(!weir_heap_contains(heap, &heap) && !weir_heap_contains(heap, NULL));
	CU_ASSERT(!weir_heap_usable_size(heap, &heap) && !weir_heap_usable_size(heap, NULL));
	weir_heap_free(heap, small);
	weir_heap_free(heap, large);
	weir_heap_compact(heap);
	CU_ASSERT(!weir_heap_contains(heap, small) && !weir_heap_contains(heap, large));
	weir_heap_destroy(heap);
}

static void test_stats_and_reset_stats(void)
{
	struct weir_heap *heap = make((struct weir_heap_conf){.stats = true});
	struct weir_heap_stats stats;
	void *a = weir_heap_alloc(heap, 100), *b = weir_heap_alloc(heap, 100000);

	CU_ASSERT_PTR_NULL(weir_heap_alloc(heap, SIZE_MAX));
	weir_heap_free(heap, a);
	weir_heap_stats(heap, &stats);
	CU_ASSERT(stats.allocs == 2 && stats.frees == 1 && stats.failures == 1);
	CU_ASSERT(stats.asked == 100100 && stats.given == 112 + 102400);
	CU_ASSERT(stats.peak == 112 + 102400 && stats.peak_blocks == 2);
	CU_ASSERT(stats.blocks == 1 && stats.large == 1 && stats.used == 102400);
	CU_ASSERT(stats.size == stats.used + stats.free && stats.cached > 0);
	weir_heap_reset_stats(heap);
	weir_heap_stats(heap, &stats);
	CU_ASSERT(stats.allocs == 0 && stats.failures == 0 && stats.peak == 102400);
	CU_ASSERT(stats.blocks == 1);
	weir_heap_free(heap, b);
	weir_heap_destroy(heap);
}

static void test_report_and_dump(void)
{
	struct weir_heap *heap = make((struct weir_heap_conf){.name = "words", .stats = true});
	char *texts[4];

	weir_heap_alloc(heap, 100);
	weir_heap_alloc(heap, 100000);
	texts[0] = weir_heap_report(heap, false);
	texts[1] = weir_heap_report(heap, true);
	texts[2] = weir_heap_dump(heap, false);
	texts[3] = weir_heap_dump(heap, true);
	CU_ASSERT(strstr(texts[0], "102512 used by 2 blocks (1 large)") != NULL);
	CU_ASSERT(strstr(texts[1], "\"used\":102512") &&
		  strstr(texts[1], "{\"size\":112,\"blocks\":1,"));
	CU_ASSERT(strstr(texts[2], "span of blocks of 112 bytes") && strstr(texts[2], "large"));
	CU_ASSERT(strstr(texts[3], "\"kind\":\"span\",\"block\":112,") != NULL);
	for (int i = 0; i < 4; i++)
		free(texts[i]);
	weir_heap_destroy(heap);
}

/* What threads keep comes back when they end, and any may free what another took. */
static void *free_all(void *argument)
{
	void **blocks = argument;

	for (size_t i = 0; i < 1000; i++)
		weir_heap_free(blocks[1000], blocks[i]);
	return NULL;
}

static void test_foreign_frees_and_thread_exit(void)
{
	static void *blocks[1001];
	struct weir_heap *heap = make((struct weir_heap_conf){.name = "threads"});
	struct weir_heap_stats stats;
	pthread_t thread;

	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < 1000; i++)
			blocks[i] = weir_heap_alloc(heap, 300);
		blocks[1000] = heap;
		pthread_create(&thread, NULL, free_all, blocks);
		pthread_join(thread, NULL);
	}
	CU_ASSERT(weir_heap_is_empty(heap));
	weir_heap_compact(heap);
	weir_heap_stats(heap, &stats);
	CU_ASSERT(stats.cached == 0 && stats.size == 2 * MIB);
	check_valid(heap);
	weir_heap_destroy(heap);
}

int main(void)
{
	static CU_TestInfo tests[] = {{"create with conf", test_create_with_conf},
		{"create default", test_create_default}, {"create refuses", test_create_refuses},
		{"alloc and free", test_alloc_and_free}, {"single thread", test_single_thread},
		{"without caches", test_without_caches}, {"calloc", test_calloc},
		{"zero", test_zero}, {"realloc", test_realloc},
		{"alloc aligned", test_alloc_aligned}, {"alignment of all", test_alignment_of_all},
		{"free sized", test_free_sized},
		{"typed and array macros", test_typed_and_array_macros}, {"reset", test_reset},
		{"contains", test_contains},
		{"foreign frees and thread exit", test_foreign_frees_and_thread_exit},
		/* of untracked heaps: a tracked one has more in front of a block and behind it, and
		 * lets nobody use what is rounded up */
		{"realloc in place", test_realloc_in_place},
		{"realloc refuses what is not its own", test_realloc_refuses_what_is_not_its_own},
		{"fixed classes", test_fixed_classes},
		{"fixed classes are put aside", test_fixed_classes_are_put_aside},
		{"fixed classes that do not fit", test_fixed_classes_that_do_not_fit},
		{"size, used, free", test_size_used_free}, {"is full", test_is_full},
		{"stats and reset stats", test_stats_and_reset_stats},
		{"report and dump", test_report_and_dump}, CU_TEST_INFO_NULL};

	for (CU_TestInfo *test = tests; test->pName && getenv("WEIR_TRACK"); test++)
		if (test->pTestFunc == test_realloc_in_place)
			test->pName = NULL;
	return unit_run("heap", tests);
}
