/* SPDX-License-Identifier: BSD-3-Clause */
/* test_heap_check.c: what is done wrong to a heap is caught, counted and told, and it goes on. */
#include "unit.h"

#include "weir/guard.h"
#include "weir/heap.h"
#include "weir/track.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static char told[4096];
static uint64_t caught;

static void hear(const char *sentence, void *context)
{
	(void)context;
	snprintf(told, sizeof(told), "%s", sentence);
}

static struct weir_heap *make(uint32_t track)
{
	struct weir_heap_conf conf = {
		.name = "checked", .pages = WEIR_PAGES_4K, .lazy = true, .track = track};
	struct weir_heap *heap = weir_heap_create(&conf);

	CU_ASSERT_PTR_NOT_NULL_FATAL(heap);
	weir_guard_handler(hear, NULL);
	told[0] = '\0';
	caught = weir_guard_count();
	return heap;
}

/* Caught once since the last look, with these words. */
static void check_caught(const char *words)
{
	if (weir_guard_count() != caught + 1 || !strstr(told, words))
		fprintf(stderr, "caught %llu, told '%s', not '%s'\n",
			(unsigned long long)(weir_guard_count() - caught), told, words);
	CU_ASSERT_EQUAL(weir_guard_count(), caught + 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(told, words));
	caught = weir_guard_count();
	told[0] = '\0';
}

/* Always, without tracking. */
static void test_foreign_and_large_twice(void)
{
	struct weir_heap *heap = make(0);
	uint8_t *large = weir_heap_alloc(heap, 100000);
	int mine;

	weir_heap_free(heap, &mine);
	check_caught("no block begins");
	weir_heap_free(heap, large + 4096);
	check_caught("no block begins");
	weir_heap_free(heap, large);
	weir_heap_free(heap, large);
	check_caught("no block begins");
	CU_ASSERT_EQUAL(weir_heap_validate(heap), 0);
	weir_heap_destroy(heap);
}

/* Without tracking a small block is looked at when it comes to its span. */
static void test_small_twice_is_seen_late(void)
{
	struct weir_heap_conf conf = {.name = "late",
		.pages = WEIR_PAGES_4K,
		.cache = WEIR_HEAP_CACHE_NONE,
		.single = true};
	struct weir_heap *heap = weir_heap_create(&conf);
	uint8_t *kept = weir_heap_alloc(heap, 100), *block = weir_heap_alloc(heap, 100);

	weir_guard_handler(hear, NULL);
	caught = weir_guard_count();
	weir_heap_free(heap, block);
	weir_heap_free(heap, block);
	check_caught("was freed twice");
	weir_heap_free(heap, kept + 16);
	check_caught("inside of a block");
	CU_ASSERT_EQUAL(weir_heap_validate(heap), 0);
	weir_heap_destroy(heap);
}

static void test_double_free(void)
{
	struct weir_heap *heap = make(WEIR_TRACK_SITES);
	uint8_t *block = weir_heap_alloc(heap, 100);

	weir_heap_free(heap, block);
	weir_heap_free(heap, block);
	check_caught("which is free, is freed or resized again");
	CU_ASSERT_PTR_NULL(weir_heap_realloc(heap, block, 200));
	check_caught("which is free");
	CU_ASSERT_EQUAL(errno, EINVAL);
	weir_heap_destroy(heap);
}

static void test_foreign_pointer(void)
{
	struct weir_heap *heap = make(WEIR_TRACK_SITES), *other = make(WEIR_TRACK_SITES);
	uint8_t *block = weir_heap_alloc(heap, 100);

	weir_heap_free(other, block);
	check_caught("no block begins");
	weir_heap_free(heap, block + 16);
	check_caught("no block begins");
	weir_heap_free(heap, &heap);
	check_caught("no block begins");
	CU_ASSERT_EQUAL(weir_heap_usable_size(heap, block), 100);
	weir_heap_free(heap, block);
	CU_ASSERT(weir_heap_is_empty(heap));
	weir_heap_destroy(heap);
	weir_heap_destroy(other);
}

static void overrun(struct weir_heap *heap, size_t size, size_t alignment)
{
	uint8_t *block = weir_heap_alloc_aligned(heap, size, alignment), kept;

	CU_ASSERT_EQUAL(weir_heap_validate(heap), 0);
	block[size] = 1;
	CU_ASSERT_EQUAL(weir_heap_validate(heap), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), "behind its end was written"));
	weir_heap_free(heap, block);
	check_caught("behind its end was written");
	block = weir_heap_alloc_aligned(heap, size, alignment);
	kept = block[-1];
	block[-1] = (uint8_t)~kept;
	CU_ASSERT_EQUAL(weir_heap_validate(heap), -EINVAL);
	weir_heap_free(heap, block);
	check_caught("in front of it was written");
	block[-1] = kept;
	weir_heap_free(heap, block);
	CU_ASSERT_EQUAL(weir_heap_validate(heap), 0);
}

static void test_overrun_and_underrun(void)
{
	struct weir_heap *heap = make(WEIR_TRACK_SITES);

	overrun(heap, 1, 16);
	overrun(heap, 100, 16);
	overrun(heap, 100, 1024);
	overrun(heap, 50000, 16);
	overrun(heap, 50000, 65536);
	CU_ASSERT(weir_heap_is_empty(heap));
	weir_heap_destroy(heap);
}

static void test_use_after_free(void)
{
	struct weir_heap *heap = make(WEIR_TRACK_SITES | WEIR_TRACK_GUARDS);
	uint8_t *block = weir_heap_alloc(heap, 100);

	weir_heap_free(heap, block);
	CU_ASSERT_EQUAL(block[50], 0xdf);
	block[50] = 1;
	CU_ASSERT_EQUAL(weir_heap_validate(heap), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), "after it was freed"));
	CU_ASSERT_PTR_EQUAL(weir_heap_alloc(heap, 100), block);
	check_caught("after it was freed");
	weir_heap_destroy(heap);
}

/* Small blocks at large alignments are pages of their own, where another block was in between. */
static void test_another_block_is_no_use_after_free(void)
{
	struct weir_heap *heap = make(WEIR_TRACK_SITES | WEIR_TRACK_GUARDS);
	uint8_t *block = weir_heap_alloc_aligned(heap, 12000, 8192), *other;

	weir_heap_free(heap, block);
	other = weir_heap_alloc_aligned(heap, 4000, 8192);
	CU_ASSERT_PTR_EQUAL(other, block);
	weir_heap_free(heap, other);
	CU_ASSERT_PTR_EQUAL(weir_heap_alloc_aligned(heap, 12000, 8192), block);
	CU_ASSERT_EQUAL(weir_guard_count(), caught);
	weir_heap_destroy(heap);
}

/* In a cache, and so not out; nor is what stands around a block in it. */
static void test_contains_knows_what_is_out(void)
{
	struct weir_heap *heap = make(WEIR_TRACK_SITES);

	for (size_t size = 100; size <= 100000; size *= 1000) {
		uint8_t *block = weir_heap_alloc(heap, size);

		CU_ASSERT(weir_heap_contains(heap, block));
		CU_ASSERT(weir_heap_contains(heap, block + size - 1));
		CU_ASSERT(!weir_heap_contains(heap, block - 1));
		CU_ASSERT(!weir_heap_contains(heap, block + size));
		CU_ASSERT_EQUAL(weir_heap_usable_size(heap, block), size);
		CU_ASSERT_EQUAL(weir_heap_usable_size(heap, block + 16), 0);
		weir_heap_free(heap, block);
		CU_ASSERT(!weir_heap_contains(heap, block));
		CU_ASSERT_EQUAL(weir_heap_usable_size(heap, block), 0);
	}
	weir_heap_destroy(heap);
}

static void test_wrong_size(void)
{
	struct weir_heap *heap = make(WEIR_TRACK_SITES);

	weir_heap_free_sized(heap, weir_heap_alloc(heap, 100), 99);
	check_caught("has 100 bytes, and is freed as one of 99");
	CU_ASSERT(weir_heap_is_empty(heap));
	weir_heap_destroy(heap);
}

/* One site, also for a compiler that unrolls loops; and no jump for a call, since work is left. */
static __attribute__((noinline)) void lose(struct weir_heap *heap)
{
	CU_ASSERT_PTR_NOT_NULL(weir_heap_alloc(heap, 1000));
}

static void test_leaks_by_site_and_owner(void)
{
	struct weir_heap *heap = make(WEIR_TRACK_SITES);
	char *text;

	weir_track_owner("rules");
	for (int i = 0; i < 5; i++)
		lose(heap);
	weir_track_owner(NULL);
	weir_heap_free(heap, weir_heap_alloc(heap, 10));
	weir_heap_alloc(heap, 100000);
	text = weir_heap_leaks(heap, false, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "6 blocks are out, 105000 bytes"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "5, 5000 bytes, owner rules"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "1, 100000 bytes, owner -"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "test_heap_check"));
	free(text);
	text = weir_heap_leaks(heap, true, 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "{\"heap\":\"checked\",\"out\":6,\"bytes\":105000,"));
	free(text);
	text = weir_heap_leaks(heap, false, 3600000000000u);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "0 blocks are out"));
	free(text);
	weir_heap_destroy(heap);
	heap = weir_heap_create(NULL);
	CU_ASSERT_PTR_NULL(weir_heap_leaks(heap, false, 0));
	weir_heap_destroy(heap);
}

/* Each table that validate() reads, damaged. */
static void test_validate_sees_damage(void)
{
	struct weir_heap *heap = make(0);
	struct weir__heap_head *head = (struct weir__heap_head *)(void *)heap;
	uint8_t *block = weir_heap_alloc(heap, 100), *large = weir_heap_alloc(heap, 100000);
	size_t unit = ((uintptr_t)block - head->base) >> WEIR__UNIT_LOG2;
	size_t other = ((uintptr_t)large - head->base) >> WEIR__UNIT_LOG2;

	CU_ASSERT_EQUAL(weir_heap_validate(heap), 0);
	head->map[unit]++;
	CU_ASSERT_EQUAL(weir_heap_validate(heap), -EINVAL);
	head->map[unit]--;
	head->map[other + 3] = 1;
	CU_ASSERT_EQUAL(weir_heap_validate(heap), -EINVAL);
	head->map[other + 3] = 0;
	CU_ASSERT_EQUAL(weir_heap_validate(heap), 0);
	weir_heap_destroy(heap);
}

int main(void)
{
	static CU_TestInfo tests[] = {{"foreign, and large twice", test_foreign_and_large_twice},
		{"small twice is seen late", test_small_twice_is_seen_late},
		{"double free", test_double_free}, {"foreign pointer", test_foreign_pointer},
		{"overrun and underrun", test_overrun_and_underrun},
		{"use after free", test_use_after_free},
		{"another block is no use after free", test_another_block_is_no_use_after_free},
		{"contains knows what is out", test_contains_knows_what_is_out},
		{"wrong size", test_wrong_size},
		{"leaks by site and owner", test_leaks_by_site_and_owner},
		{"validate sees damage", test_validate_sees_damage}, CU_TEST_INFO_NULL};

	unsetenv("WEIR_TRACK"); /* each heap here says itself how it is tracked */
	return unit_run("heap check", tests);
}
