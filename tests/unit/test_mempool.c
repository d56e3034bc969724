/* SPDX-License-Identifier: BSD-3-Clause */
/* test_mempool.c: mempools from one thread and from threads that come and go. */
#include "unit.h"

#include "mempool/mempool_impl.h"

#include <pthread.h>
#include <stdlib.h>

static struct weir_mempool *make(uint32_t count, uint32_t cache)
{
	struct weir_mempool_conf conf = {.name = "test",
		.count = count,
		.size = 100,
		.cache = cache,
		.pages = WEIR_PAGES_4K};
	struct weir_mempool *pool = weir_mempool_create(&conf);

	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
	return pool;
}

static void take_and_return_all(struct weir_mempool *pool, uint32_t burst)
{
	uint32_t count = weir_mempool_count(pool), got = 0;
	void **objects = calloc(count + burst, sizeof(*objects));
	bool *seen = calloc(count, 1);

	while (got < count) {
		uint32_t more = weir_mempool_get_burst(pool, objects + got, burst);

		CU_ASSERT_EQUAL_FATAL(more, count - got < burst ? count - got : burst);
		got += more;
	}
	CU_ASSERT_EQUAL(weir_mempool_in_use(pool), count);
	CU_ASSERT_EQUAL(weir_mempool_get_burst(pool, objects + got, burst), 0);
	CU_ASSERT_PTR_NULL(weir_mempool_get(pool));
	for (uint32_t i = 0; i < count; i++) {
		uint32_t index = weir_mempool_index(pool, objects[i]);

		CU_ASSERT_FATAL(index < count && !seen[index]);
		seen[index] = true;
	}
	for (uint32_t i = 0; i < count; i += burst)
		weir_mempool_put_bulk(pool, objects + i, count - i < burst ? count - i : burst);
	CU_ASSERT_EQUAL(weir_mempool_in_use(pool), 0);
	free(objects);
	free(seen);
}

/* Every object can be taken, is taken once, and the pool is full afterwards, whatever the sizes. */
static void test_all_objects(void)
{
	static const uint32_t counts[] = {1, 2, 63, 64, 65, 1000, 4097};
	static const uint32_t caches[] = {
		0, 1, 2, 3, 31, 64, 129, 512, 1024, WEIR_MEMPOOL_CACHE_NONE};
	static const uint32_t bursts[] = {1, 7, 32, 64, 65, 600, 5000};

	for (uint32_t i = 0; i < 7; i++)
		for (uint32_t j = 0; j < 10; j++) {
			struct weir_mempool *pool = make(counts[i], caches[j]);

			for (uint32_t k = 0; k < 7; k++)
				take_and_return_all(pool, bursts[k]);
			CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
		}
}

static void test_bulk_is_all_or_nothing(void)
{
	struct weir_mempool *pool = make(1000, 0);
	struct weir_mempool_stats stats;
	void *objects[1001];

	CU_ASSERT_EQUAL(weir_mempool_get_bulk(pool, objects, 1001), -ENOBUFS);
	CU_ASSERT_EQUAL(weir_mempool_in_use(pool), 0);
	CU_ASSERT_EQUAL(weir_mempool_get_bulk(pool, objects, 990), 0);
	CU_ASSERT_EQUAL(weir_mempool_get_bulk(pool, objects + 990, 11), -ENOBUFS);
	CU_ASSERT_EQUAL(weir_mempool_get_bulk(pool, objects + 990, 10), 0);
	weir_mempool_stats(pool, &stats);
	CU_ASSERT_EQUAL(stats.in_use, 1000);
	CU_ASSERT_EQUAL(stats.failures, 2);
	CU_ASSERT_EQUAL(stats.threads, 1);
	weir_mempool_put_bulk(pool, objects, 1000);
	CU_ASSERT_EQUAL(weir_mempool_get_bulk(pool, objects, 0), 0);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
}

static void test_cache_never_holds_more_than_asked(void)
{
	struct weir_mempool *pool = make(4096, 100);
	struct weir_mempool_stats stats;
	void *objects[4096];

	CU_ASSERT_EQUAL(weir_mempool_get_bulk(pool, objects, 4096), 0);
	for (uint32_t i = 0; i < 4096; i++) {
		weir_mempool_put(pool, objects[i]);
		weir_mempool_stats(pool, &stats);
		CU_ASSERT_FATAL(stats.cached <= 100);
		CU_ASSERT_FATAL(stats.in_use == 4095 - i);
	}
	weir_mempool_flush(pool);
	weir_mempool_stats(pool, &stats);
	CU_ASSERT_EQUAL(stats.cached, 0);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
}

static void test_objects_are_aligned_and_apart(void)
{
	struct weir_mempool_conf conf = {.count = 10, .size = 128, .pages = WEIR_PAGES_4K};
	struct weir_mempool *pool = weir_mempool_create(&conf);
	uint8_t *first = weir_mempool_object(pool, 0), *second = weir_mempool_object(pool, 1);

	CU_ASSERT_EQUAL((uintptr_t)first % WEIR_CACHE_LINE, 0);
	CU_ASSERT_EQUAL(second - first, 3 * WEIR_CACHE_LINE); /* 2 lines, made odd */
	CU_ASSERT_EQUAL(weir_mempool_index(pool, second), 1);
	CU_ASSERT_EQUAL(weir_mempool_index(pool, second + 1), UINT32_MAX);
	CU_ASSERT_EQUAL(weir_mempool_index(pool, first - 1), UINT32_MAX);
	CU_ASSERT_EQUAL(weir_mempool_index(pool, first + 10 * 192), UINT32_MAX);
	for (uint32_t i = 0; i < 128; i++)
		CU_ASSERT(first[i] == 0);
	CU_ASSERT_STRING_EQUAL(weir_mempool_name(pool), "pool");
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
}

static void test_destroy_refuses_while_objects_are_out(void)
{
	struct weir_mempool *pool = make(10, 0);
	void *object = weir_mempool_get(pool);

	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), -EBUSY);
	CU_ASSERT_STRING_EQUAL(weir_last_error(), "pool 'test': 1 of 10 objects are out; put them "
						  "back before destroying it");
	weir_mempool_put(pool, object);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
	CU_ASSERT_EQUAL(weir_mempool_destroy(NULL), 0);
}

static void *churn_once(void *argument)
{
	struct weir_mempool *pool = argument;
	void *objects[50];

	if (weir_mempool_get_bulk(pool, objects, 50) == 0)
		weir_mempool_put_bulk(pool, objects, 50);
	return NULL;
}

static void test_a_thread_that_ends_leaves_nothing_behind(void)
{
	struct weir_mempool *pool = make(1000, 200);
	struct weir_mempool_stats stats;
	void *objects[1000];
	pthread_t thread;

	/* more threads than there are slots, one after the other */
	for (uint32_t i = 0; i < WEIR_THREAD_MAX + 100; i++) {
		pthread_create(&thread, NULL, churn_once, pool);
		pthread_join(thread, NULL);
	}
	weir_mempool_stats(pool, &stats);
	CU_ASSERT_EQUAL(stats.threads, 0);
	CU_ASSERT_EQUAL(stats.cached, 0);
	CU_ASSERT_EQUAL(stats.in_use, 0);
	CU_ASSERT_EQUAL(weir_mempool_get_bulk(pool, objects, 1000), 0);
	weir_mempool_put_bulk(pool, objects, 1000);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
}

struct hoard {
	struct weir_mempool *pool;
	pthread_barrier_t barrier;
};

/* Fill this thread's cache, wait, and touch the pool once more. */
static void *hoard_then_put(void *argument)
{
	struct hoard *hoard = argument;
	void *objects[100];

	weir_mempool_get_bulk(hoard->pool, objects, 100);
	weir_mempool_put_bulk(hoard->pool, objects, 99);
	pthread_barrier_wait(&hoard->barrier); /* 1: hoarded */
	pthread_barrier_wait(&hoard->barrier); /* 2: the other has failed */
	weir_mempool_put(hoard->pool, objects[99]);
	pthread_barrier_wait(&hoard->barrier); /* 3: given back */
	pthread_barrier_wait(&hoard->barrier); /* 4: the other is done */
	return NULL;
}

static void test_a_dry_pool_calls_in_what_others_keep(void)
{
	struct hoard hoard = {.pool = make(128, 128)};
	void *objects[128];
	pthread_t thread;

	pthread_barrier_init(&hoard.barrier, NULL, 2);
	pthread_create(&thread, NULL, hoard_then_put, &hoard);
	pthread_barrier_wait(&hoard.barrier);
	CU_ASSERT_EQUAL(weir_mempool_get_bulk(hoard.pool, objects, 128), -ENOBUFS);
	pthread_barrier_wait(&hoard.barrier);
	pthread_barrier_wait(&hoard.barrier);
	CU_ASSERT_EQUAL(weir_mempool_get_bulk(hoard.pool, objects, 128), 0);
	weir_mempool_put_bulk(hoard.pool, objects, 128);
	pthread_barrier_wait(&hoard.barrier);
	pthread_join(thread, NULL);
	pthread_barrier_destroy(&hoard.barrier);
	CU_ASSERT_EQUAL(weir_mempool_destroy(hoard.pool), 0);
}

/* The last object ends where the promised memory does, and the region is that, in whole pages. */
static void check_memory(uint32_t count, uint32_t size)
{
	struct weir_mempool_conf conf = {.count = count, .size = size, .pages = WEIR_PAGES_4K};
	size_t memory = weir_mempool_memory(&conf);
	struct weir_mempool *pool = weir_mempool_create(&conf);
	uint8_t *last;

	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
	last = weir_mempool_object(pool, count - 1);
	CU_ASSERT_EQUAL(weir_mempool_index(pool, last), count - 1);
	CU_ASSERT_EQUAL(memory % count, 0);
	CU_ASSERT_EQUAL(last + memory / count, (uint8_t *)weir_mempool_object(pool, 0) + memory);
	CU_ASSERT_EQUAL(weir_region_size(weir_mempool_region(pool)), (memory + 4095) / 4096 * 4096);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
}

static void test_memory_is_known_beforehand(void)
{
	check_memory(1, 1);
	check_memory(1000, 64);
	check_memory(1000, 65);
	check_memory(4097, 2240);
	CU_ASSERT_EQUAL(
		weir_mempool_memory(&(struct weir_mempool_conf){.count = 10, .size = 128}), 1920);
	CU_ASSERT_EQUAL(
		weir_mempool_memory(&(struct weir_mempool_conf){.count = 1u << 30, .size = 2240}),
		2240ull << 30);
}

static void check_refused(struct weir_mempool_conf conf)
{
	CU_ASSERT_EQUAL(weir_mempool_memory(&conf), 0);
	CU_ASSERT_EQUAL(errno, EINVAL);
	CU_ASSERT_PTR_NULL(weir_mempool_create(&conf));
	CU_ASSERT_EQUAL(errno, EINVAL);
	CU_ASSERT(strlen(weir_last_error()) > 0);
}

static void test_bad_conf(void)
{
	struct weir_mempool_conf too_large = {.count = 1u << 30, .size = UINT32_MAX / 2};

	check_refused((struct weir_mempool_conf){.count = 0, .size = 64});
	check_refused((struct weir_mempool_conf){.count = UINT32_MAX, .size = 64});
	check_refused((struct weir_mempool_conf){.count = 10, .size = 0});
	check_refused((struct weir_mempool_conf){.count = 10, .size = UINT32_MAX});
	check_refused((struct weir_mempool_conf){.count = 10, .size = 64, .cache = 1025});
	CU_ASSERT_PTR_NULL(weir_mempool_create(&too_large)); /* 2^61 bytes */
	CU_ASSERT_EQUAL(errno, ENOMEM);
}

static void test_many_pools(void)
{
	static struct weir_mempool *pools[WEIR_MEMPOOL_MAX + 1];
	struct weir_mempool_conf conf = {.count = 1, .size = 1, .cache = 1, .pages = WEIR_PAGES_4K};
	uint32_t made = 0;

	while (made <= WEIR_MEMPOOL_MAX && (pools[made] = weir_mempool_create(&conf)))
		made++;
	CU_ASSERT_EQUAL(made, WEIR_MEMPOOL_MAX);
	CU_ASSERT_EQUAL(errno, ENFILE);
	while (made)
		CU_ASSERT_EQUAL(weir_mempool_destroy(pools[--made]), 0);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"every object once, whatever the sizes", test_all_objects},
		{"bulk gets all or nothing", test_bulk_is_all_or_nothing},
		{"a cache keeps no more than asked", test_cache_never_holds_more_than_asked},
		{"objects are aligned, apart and zero", test_objects_are_aligned_and_apart},
		{"destroy refuses while objects are out",
			test_destroy_refuses_while_objects_are_out},
		{"an ended thread leaves nothing", test_a_thread_that_ends_leaves_nothing_behind},
		{"a dry pool calls objects in", test_a_dry_pool_calls_in_what_others_keep},
		{"the memory is known beforehand", test_memory_is_known_beforehand},
		{"a bad conf is refused", test_bad_conf},
		{"as many pools as promised", test_many_pools},
		CU_TEST_INFO_NULL,
	};

	return unit_run("mempool", tests);
}
