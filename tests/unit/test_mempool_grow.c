/* SPDX-License-Identifier: BSD-3-Clause */
/* test_mempool_grow.c: mempools that get more objects and give memory back. */
#include "unit.h"

#include "mempool/mempool_impl.h"
#include "weir/mbuf.h"

#include <stdlib.h>
#include <unistd.h>

/* 3 lines each: 10,922 and two thirds lie in a chunk of 2 MiB. */
#define OBJECT 192

static struct weir_mempool *make(uint32_t count, uint32_t max_count, enum weir_grow grow)
{
	struct weir_mempool_conf conf = {.name = "test",
		.count = count,
		.max_count = max_count,
		.grow = grow,
		.size = OBJECT,
		.pages = WEIR_PAGES_4K};
	struct weir_mempool *pool = weir_mempool_create(&conf);

	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
	return pool;
}

/* Take everything that can be had, each once and each an object of the pool. */
static uint32_t take_all(struct weir_mempool *pool, void **objects)
{
	bool *seen = calloc(weir_mempool_max_count(pool), 1);
	uint32_t count = 0, more;

	do {
		more = weir_mempool_get_burst(pool, objects + count, 33);
		count += more;
	} while (more);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t index = weir_mempool_index(pool, objects[i]);

		CU_ASSERT_FATAL(index != UINT32_MAX && !seen[index]);
		CU_ASSERT_PTR_EQUAL_FATAL(weir_mempool_object(pool, index), objects[i]);
		seen[index] = true;
	}
	free(seen);
	return count;
}

static void test_on_demand(void)
{
	static const uint32_t births[] = {1, 1000, 10922, 10923, 21845, 49999};
	void **objects = calloc(50040, sizeof(*objects));
	struct weir_mempool_stats stats;

	for (uint32_t i = 0; i < 6; i++) {
		struct weir_mempool *pool = make(births[i], 50000, WEIR_GROW_ON_DEMAND);

		CU_ASSERT_EQUAL(weir_mempool_count(pool), births[i]);
		CU_ASSERT_PTR_NULL(weir_mempool_object(pool, births[i]));
		CU_ASSERT_EQUAL(take_all(pool, objects), 50000);
		weir_mempool_stats(pool, &stats);
		CU_ASSERT_EQUAL(stats.count, 50000);
		CU_ASSERT_EQUAL(stats.in_use, 50000);
		CU_ASSERT_EQUAL(
			stats.failures, 2); /* the last burst was short, and one got nothing */
		weir_mempool_put_bulk(pool, objects, 50000);
		CU_ASSERT_EQUAL(weir_mempool_in_use(pool), 0);
		weir_mempool_shrink(pool);
		CU_ASSERT_EQUAL(weir_mempool_count(pool), births[i]);
		CU_ASSERT_EQUAL(weir_mempool_in_use(pool), 0);
		CU_ASSERT_EQUAL(take_all(pool, objects), 50000);
		weir_mempool_put_bulk(pool, objects, 50000);
		CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
	}
	free(objects);
}

/* One object out keeps its chunk, and one across a border keeps two. */
static void test_what_is_out_keeps_its_chunk(void)
{
	struct weir_mempool *pool = make(1, 50000, WEIR_GROW_ON_DEMAND);
	size_t chunk = weir_region_chunk(weir_mempool_region(pool));
	void **objects = calloc(50040, sizeof(*objects));
	uint32_t border = (uint32_t)(2 * chunk / OBJECT); /* begins in the chunk before */
	void *kept[] = {NULL, NULL};

	CU_ASSERT_EQUAL_FATAL(take_all(pool, objects), 50000);
	for (uint32_t i = 0; i < 50000; i++) {
		uint32_t index = weir_mempool_index(pool, objects[i]);

		if (index == border)
			kept[0] = objects[i];
		else if (index == 0)
			kept[1] = objects[i];
		else
			weir_mempool_put(pool, objects[i]);
	}
	CU_ASSERT_NOT_EQUAL(2 * chunk % OBJECT, 0);
	CU_ASSERT_TRUE(weir_mempool_shrink(pool) > 0);
	CU_ASSERT_EQUAL(weir_region_size(weir_mempool_region(pool)), 3 * chunk);
	CU_ASSERT_EQUAL(weir_mempool_in_use(pool), 2);
	CU_ASSERT_EQUAL(weir_mempool_index(pool, kept[0]), border);
	CU_ASSERT_PTR_NULL(weir_mempool_object(pool, (uint32_t)(3 * chunk / OBJECT)));
	CU_ASSERT_EQUAL(take_all(pool, objects), 49998);
	weir_mempool_put_bulk(pool, objects, 49998);
	weir_mempool_put_bulk(pool, kept, 2);
	weir_mempool_shrink(pool);
	CU_ASSERT_EQUAL(weir_mempool_count(pool), 1);
	CU_ASSERT_EQUAL(weir_region_size(weir_mempool_region(pool)), chunk);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
	free(objects);
}

/* Whatever is home first, in the end there are the objects of birth, and only those. */
static void test_back_to_birth(void)
{
	struct weir_mempool *pool = make(1000, 50000, WEIR_GROW_ON_DEMAND);
	size_t chunk = weir_region_chunk(weir_mempool_region(pool));
	void **objects = calloc(50040, sizeof(*objects));
	uint32_t kept = 0;

	CU_ASSERT_EQUAL_FATAL(take_all(pool, objects), 50000);
	/* all of birth is home, and more than as many others are out */
	for (uint32_t i = 0; i < 50000; i++) {
		if (weir_mempool_index(pool, objects[i]) * (size_t)OBJECT >= 2 * chunk)
			objects[kept++] = objects[i];
		else
			weir_mempool_put(pool, objects[i]);
	}
	CU_ASSERT_TRUE(weir_mempool_shrink(pool) > 0);
	CU_ASSERT_PTR_NOT_NULL(weir_mempool_object(pool, 0));
	weir_mempool_put_bulk(pool, objects, kept);
	weir_mempool_shrink(pool);
	CU_ASSERT_EQUAL(weir_mempool_count(pool), 1000);
	CU_ASSERT_PTR_NOT_NULL(weir_mempool_object(pool, 999));
	CU_ASSERT_PTR_NULL(weir_mempool_object(pool, 1000));
	CU_ASSERT_EQUAL(weir_region_size(weir_mempool_region(pool)), chunk);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
	free(objects);
}

static void test_never(void)
{
	struct weir_mempool *pool = make(100, 50000, WEIR_GROW_NEVER);
	void **objects = calloc(50040, sizeof(*objects));
	uint32_t count;

	CU_ASSERT_EQUAL(take_all(pool, objects), 100);
	CU_ASSERT_EQUAL(weir_mempool_grow(pool, 20000), 0);
	count = weir_mempool_count(pool);
	CU_ASSERT_TRUE(count >= 20000 && count < 40000);
	CU_ASSERT_EQUAL(weir_mempool_grow(pool, 50001), -ENOSPC);
	CU_ASSERT_EQUAL(weir_mempool_count(pool), count);
	CU_ASSERT_EQUAL(weir_mempool_grow(pool, 50000), 0);
	CU_ASSERT_EQUAL(weir_mempool_count(pool), 50000);
	CU_ASSERT_EQUAL(take_all(pool, objects + 100), 49900);
	weir_mempool_put_bulk(pool, objects, 50000);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
	free(objects);
}

/* With a watermark the depot never runs dry, so no get but the last has to grow. */
static void test_ahead(void)
{
	struct weir_mempool *pool = make(12000, 100000, WEIR_GROW_AHEAD);
	void **objects = calloc(100040, sizeof(*objects));

	CU_ASSERT_EQUAL_FATAL(weir_mempool_get_bulk(pool, objects, 9000), 0);
	CU_ASSERT_TRUE(weir_mempool_count(pool) > 12000);
	CU_ASSERT_EQUAL(take_all(pool, objects + 9000), 91000);
	weir_mempool_put_bulk(pool, objects, 100000);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
	free(objects);
}

static void test_helper(void)
{
	struct weir_mempool *pool = make(12000, 100000, WEIR_GROW_HELPER);
	void **objects = calloc(100040, sizeof(*objects));
	uint32_t count = 0;

	for (uint32_t tries = 0; count < 100000 && tries < 10000; tries++) {
		uint32_t most = 100000 - count < 64 ? 100000 - count : 64;
		uint32_t got = weir_mempool_get_burst(pool, objects + count, most);

		count += got;
		if (got < most)
			usleep(1000); /* the helper is late */
	}
	CU_ASSERT_EQUAL(count, 100000);
	weir_mempool_put_bulk(pool, objects, count);
	weir_mempool_shrink(pool);
	CU_ASSERT_EQUAL(weir_mempool_in_use(pool), 0);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
	free(objects);
}

/* Objects larger than a chunk would be, and reserved pages that run out in the middle. */
static void test_large_objects(void)
{
	struct weir_mempool_conf conf = {.name = "large",
		.count = 2,
		.max_count = 7,
		.size = 3 << 20,
		.pages = WEIR_PAGES_4K};
	struct weir_mempool *pool = weir_mempool_create(&conf);
	void *objects[40];

	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
	CU_ASSERT_EQUAL(take_all(pool, objects), 7);
	for (int i = 0; i < 7; i++)
		memset(objects[i], i, 3 << 20);
	for (int i = 0; i < 7; i++)
		CU_ASSERT_EQUAL(((uint8_t *)objects[i])[(3 << 20) - 1], i);
	weir_mempool_put_bulk(pool, objects, 7);
	weir_mempool_shrink(pool);
	CU_ASSERT_EQUAL(weir_mempool_count(pool), 2);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
}

/* New mbufs are as good as those of birth, and come back clean after their chunk was gone. */
static void test_mbufs(void)
{
	struct weir_mbuf_pool_conf conf = {
		.count = 10, .max_count = 5000, .private_size = 8, .pages = WEIR_PAGES_4K};
	struct weir_mempool *pool = weir_mbuf_pool_create(&conf);
	struct weir_mbuf **mbufs = calloc(5000, sizeof(*mbufs));

	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
	for (int round = 0; round < 3; round++) {
		CU_ASSERT_EQUAL_FATAL(weir_mbuf_alloc_bulk(pool, mbufs, 5000), 0);
		for (uint32_t i = 0; i < 5000; i++) {
			CU_ASSERT_EQUAL_FATAL(weir_mbuf_check(mbufs[i]), 0);
			CU_ASSERT_EQUAL_FATAL(weir_mbuf_headroom(mbufs[i]), WEIR_MBUF_HEADROOM);
			memset(weir_mbuf_data(mbufs[i]), round, weir_mbuf_pool_size(pool));
		}
		weir_mbuf_free_bulk(mbufs, 5000);
		CU_ASSERT_TRUE(weir_mempool_shrink(pool) > 0);
		CU_ASSERT_EQUAL(weir_mempool_count(pool), 10);
	}
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
	free(mbufs);
}

static void test_bad_conf(void)
{
	struct weir_mempool_conf fewer = {.count = 10, .max_count = 9, .size = 1};
	struct weir_mempool_conf policy = {.count = 1, .size = 1, .grow = (enum weir_grow)4};

	CU_ASSERT_PTR_NULL(weir_mempool_create(&fewer));
	CU_ASSERT_EQUAL(errno, EINVAL);
	CU_ASSERT_PTR_NULL(weir_mempool_create(&policy));
	CU_ASSERT_EQUAL(errno, EINVAL);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"on demand, from and back to any count", test_on_demand},
		{"what is out keeps its chunk", test_what_is_out_keeps_its_chunk},
		{"back to birth", test_back_to_birth},
		{"never but when told", test_never},
		{"ahead of need", test_ahead},
		{"by a helper", test_helper},
		{"objects larger than a chunk", test_large_objects},
		{"mbufs", test_mbufs},
		{"a bad conf is refused", test_bad_conf},
		CU_TEST_INFO_NULL,
	};

	return unit_run("mempool_grow", tests);
}
