/* SPDX-License-Identifier: BSD-3-Clause */
/* test_arena.c: arenas with their scopes, pools of objects with their guard, and a heap's monitor:
 * a test for each promise. */
#include "unit.h"

#include "weir/arena.h"
#include "weir/objects.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static struct weir_heap *make_heap(void)
{
	struct weir_heap_conf conf = {.name = "arenas",
		.pages = WEIR_PAGES_4K,
		.lazy = true,
		.cache = WEIR_HEAP_CACHE_NONE};
	struct weir_heap *heap = weir_heap_create(&conf);

	CU_ASSERT_PTR_NOT_NULL_FATAL(heap);
	return heap;
}

static void test_alloc_and_reset(void)
{
	struct weir_heap *heap = make_heap();
	struct weir_arena *arena = weir_arena_create(heap, 1024);
	uint8_t *before = NULL;

	for (int round = 0; round < 3; round++) {
		for (size_t size = 0; size < 3000; size += 7) {
			uint8_t *bytes = weir_arena_alloc(arena, size);

			CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
			CU_ASSERT_EQUAL((uintptr_t)bytes % 16, 0);
			memset(bytes, round, size);
			if (size == 0)
				CU_ASSERT(round == 0 || bytes == before);
			before = size == 0 ? bytes : before;
		}
		CU_ASSERT(weir_arena_used(arena) > 600000);
		CU_ASSERT(weir_arena_size(arena) > weir_arena_used(arena));
		weir_arena_reset(arena);
		CU_ASSERT_EQUAL(weir_arena_used(arena), 0);
		CU_ASSERT(weir_arena_size(arena) <= 2048);
	}
	CU_ASSERT_PTR_NULL(weir_arena_alloc(arena, SIZE_MAX));
	CU_ASSERT_EQUAL(errno, ENOMEM);
	CU_ASSERT_EQUAL(weir_heap_validate(heap), 0);
	weir_arena_destroy(arena);
	weir_arena_destroy(NULL);
	CU_ASSERT(weir_heap_is_empty(heap));
	CU_ASSERT_PTR_NULL(weir_arena_create(heap, SIZE_MAX));
	CU_ASSERT_PTR_NULL(weir_arena_create(heap, 100));
	CU_ASSERT_EQUAL(errno, EINVAL);
	weir_heap_destroy(heap);
}

static void test_aligned_calloc_copy_strdup(void)
{
	struct weir_heap *heap = make_heap();
	struct weir_arena *arena = weir_arena_create(heap, 0);
	uint64_t *zeros;

	for (size_t alignment = 1; alignment <= 4096; alignment *= 2)
		CU_ASSERT_EQUAL(
			(uintptr_t)weir_arena_alloc_aligned(arena, 40, alignment) % alignment, 0);
	CU_ASSERT_PTR_NULL(weir_arena_alloc_aligned(arena, 8, 24));
	CU_ASSERT_EQUAL(errno, EINVAL);
	memset(weir_arena_alloc(arena, 8000), 0xff, 8000);
	weir_arena_reset(arena);
	zeros = weir_arena_calloc(arena, 1000, 8);
	for (size_t i = 0; i < 1000; i++)
		CU_ASSERT_EQUAL(zeros[i], 0);
	CU_ASSERT_PTR_NULL(weir_arena_calloc(arena, SIZE_MAX, 2));
	CU_ASSERT_STRING_EQUAL(weir_arena_strdup(arena, "rules"), "rules");
	CU_ASSERT_EQUAL(memcmp(weir_arena_copy(arena, "a\0b", 3), "a\0b", 3), 0);
	CU_ASSERT_PTR_NOT_NULL(weir_arena_alloc_type(arena, struct weir_heap_stats));
	weir_arena_destroy(arena);
	weir_heap_destroy(heap);
}

static void use_scope(struct weir_arena *arena, int depth)
{
	size_t used = weir_arena_used(arena);
	weir_arena_scope(scope, arena);

	for (size_t i = 0; i < 20; i++)
		memset(weir_arena_alloc(arena, 100 * i), depth, 100 * i);
	CU_ASSERT_EQUAL(scope.used, used);
	if (depth > 0)
		use_scope(arena, depth - 1);
}

/* A scope gives back what was taken in it, and leaves what was there. */
static void test_scopes(void)
{
	struct weir_heap *heap = make_heap();
	struct weir_arena *arena = weir_arena_create(heap, 1024);
	char *text = weir_arena_strdup(arena, "stays");
	uint8_t *large = weir_arena_alloc(arena, 5000), *next;
	size_t used = weir_arena_used(arena), size;

	memset(large, 7, 5000);
	use_scope(arena, 3);
	size = weir_arena_size(arena);
	for (int i = 0; i < 10; i++)
		use_scope(arena, 3);
	CU_ASSERT_EQUAL(weir_arena_used(arena), used);
	CU_ASSERT_EQUAL(weir_arena_size(arena), size);
	CU_ASSERT_STRING_EQUAL(text, "stays");
	CU_ASSERT(large[0] == 7 && large[4999] == 7);
	next = weir_arena_alloc(arena, 16);
	CU_ASSERT_PTR_EQUAL(next, text + 16);
	weir_arena_destroy(arena);
	CU_ASSERT(weir_heap_is_empty(heap));
	weir_heap_destroy(heap);
}

/* ---- objects ---- */

struct session {
	uint64_t packets;
	uint32_t number, resets;
};

static uint32_t constructed, destructed;

static void construct(void *object, void *context)
{
	struct session *session = object;

	CU_ASSERT_STRING_EQUAL(context, "context");
	CU_ASSERT_EQUAL(session->packets, 0);
	session->number = ++constructed;
}

static void reset(void *object, void *context)
{
	struct session *session = object;

	(void)context;
	session->packets = 0;
	session->resets++;
}

static void destruct(void *object, void *context)
{
	(void)object;
	(void)context;
	destructed++;
}

static struct weir_objects *make_objects(uint32_t count, uint32_t max_count)
{
	static char context[] = "context";
	struct weir_objects_conf conf = {.pool = {.name = "sessions",
						 .size = sizeof(struct session),
						 .count = count,
						 .max_count = max_count,
						 .pages = WEIR_PAGES_4K},
		.construct = construct,
		.reset = reset,
		.destruct = destruct,
		.context = context};
	struct weir_objects *objects;

	constructed = destructed = 0;
	objects = weir_objects_create(&conf);
	CU_ASSERT_PTR_NOT_NULL_FATAL(objects);
	return objects;
}

static void test_objects_are_constructed_once_and_reset(void)
{
	struct weir_objects *objects = make_objects(8, 0);
	struct session *session = weir_objects_get(objects), *again;
	uint32_t number = session->number;

	CU_ASSERT(number > 0 && constructed == 8);
	session->packets = 5;
	weir_objects_put(objects, session);
	again = weir_objects_get(objects);
	CU_ASSERT(again->number == number && again->packets == 0 && again->resets == 1);
	CU_ASSERT_EQUAL(weir_objects_destroy(objects), -EBUSY);
	CU_ASSERT_EQUAL(destructed, 0);
	weir_objects_put(objects, again);
	CU_ASSERT_EQUAL(weir_mempool_in_use(weir_objects_pool(objects)), 0);
	CU_ASSERT_EQUAL(weir_objects_destroy(objects), 0);
	CU_ASSERT_EQUAL(destructed, 8);
	CU_ASSERT_EQUAL(weir_objects_destroy(NULL), 0);
}

/* More come when there are none, constructed too. */
static void test_objects_grow(void)
{
	static struct session *sessions[40000];
	struct weir_objects *objects = make_objects(8, 40000);
	uint32_t count = 0;

	while (count < 40000 && (sessions[count] = weir_objects_get(objects))) {
		CU_ASSERT(sessions[count]->number > 0);
		count++;
	}
	CU_ASSERT(count == 40000 && constructed == 40000);
	while (count > 0)
		weir_objects_put(objects, sessions[--count]);
	CU_ASSERT_EQUAL(weir_objects_destroy(objects), 0);
	CU_ASSERT_EQUAL(destructed, 40000);
}

static struct session *use_guard(struct weir_objects *objects, bool keep)
{
	weir_object_guard(guard, objects);

	CU_ASSERT_PTR_NOT_NULL_FATAL(guard.object);
	CU_ASSERT_EQUAL(weir_mempool_in_use(weir_objects_pool(objects)), 1);
	return keep ? weir_object_keep(&guard) : NULL;
}

static void test_guard_gives_back_at_the_end_of_the_scope(void)
{
	struct weir_objects *objects = make_objects(1, 0);
	struct session *kept;

	use_guard(objects, false);
	CU_ASSERT_EQUAL(weir_mempool_in_use(weir_objects_pool(objects)), 0);
	kept = use_guard(objects, true);
	CU_ASSERT_EQUAL(weir_mempool_in_use(weir_objects_pool(objects)), 1);
	{
		weir_object_guard(none, objects);
		CU_ASSERT_PTR_NULL(none.object);
	}
	weir_objects_put(objects, kept);
	CU_ASSERT_EQUAL(weir_objects_destroy(objects), 0);
}

/* Layered pools of one size for each range: the smallest class that fits, by the heap itself. */
static void test_layers_of_sizes(void)
{
	static const uint32_t layers[] = {1024, 4096, 16384};
	struct weir_heap_conf conf = {
		.classes = layers, .class_count = 3, .pages = WEIR_PAGES_4K, .lazy = true};
	struct weir_heap *heap = weir_heap_create(&conf);

	for (uint32_t i = 0; i < 3; i++) {
		void *block = weir_heap_alloc(heap, layers[i] - 5);

		/* a tracked heap lets nobody use what is rounded up */
		CU_ASSERT_EQUAL(weir_heap_usable_size(heap, block),
			getenv("WEIR_TRACK") ? layers[i] - 5 : layers[i]);
		weir_heap_free(heap, block);
	}
	CU_ASSERT(weir_heap_usable_size(heap, weir_heap_alloc(heap, 65536)) == 65536);
	weir_heap_destroy(heap);
}

static void hear(const char *report, void *context)
{
	CU_ASSERT_PTR_NOT_NULL(strstr(report, "heap 'arenas': "));
	++*(int *)context;
}

static void test_monitor_tells_at_its_interval(void)
{
	int told = 0;
	struct weir_heap_monitor monitor = {
		.heap = make_heap(), .interval_ns = 3600000000000u, .tell = hear, .context = &told};

	CU_ASSERT(weir_heap_monitor_check(&monitor));
	CU_ASSERT(!weir_heap_monitor_check(&monitor));
	CU_ASSERT_EQUAL(told, 1);
	monitor.interval_ns = 0;
	CU_ASSERT(weir_heap_monitor_check(&monitor));
	CU_ASSERT_EQUAL(told, 2);
	weir_heap_destroy(monitor.heap);
}

int main(void)
{
	static CU_TestInfo tests[] = {{"alloc and reset", test_alloc_and_reset},
		{"aligned, calloc, copy, strdup", test_aligned_calloc_copy_strdup},
		{"scopes", test_scopes},
		{"objects are constructed once and reset",
			test_objects_are_constructed_once_and_reset},
		{"objects grow", test_objects_grow},
		{"guard gives back at the end of the scope",
			test_guard_gives_back_at_the_end_of_the_scope},
		{"layers of sizes", test_layers_of_sizes},
		{"monitor tells at its interval", test_monitor_tells_at_its_interval},
		CU_TEST_INFO_NULL};

	return unit_run("arena", tests);
}
