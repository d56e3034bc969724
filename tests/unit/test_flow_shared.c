/* SPDX-License-Identifier: BSD-3-Clause */
/* test_flow_shared.c: the life of shared flows, in one thread. tests/stress/stress_flow.c has many.
 */
#include "unit.h"

#include "weir/flow_shared.h"
#include "weir/rcu.h"

#include <errno.h>
#include <string.h>

static struct weir_flow_shared *make(uint32_t count, uint64_t timeout)
{
	struct weir_flow_conf conf = {.name = "test",
		.count = count,
		.key_size = 16,
		.value_size = 12,
		.timeout = timeout,
		.pages = WEIR_PAGES_4K};
	struct weir_flow_shared *table = weir_flow_shared_create(&conf);

	CU_ASSERT_PTR_NOT_NULL_FATAL(table);
	CU_ASSERT_EQUAL(weir_rcu_join(), 0);
	return table;
}

static void destroy(struct weir_flow_shared *table)
{
	weir_rcu_leave();
	weir_flow_shared_destroy(table);
}

static int insert(struct weir_flow_shared *table, uint64_t number, uint64_t now, void **value)
{
	uint64_t key[2] = {number, ~number};

	return weir_flow_shared_insert(table, key, now, value);
}

static void *lookup(struct weir_flow_shared *table, uint64_t number)
{
	uint64_t key[2] = {number, ~number};

	return weir_flow_shared_lookup(table, key);
}

static void test_refused(void)
{
	struct weir_flow_conf wrong[] = {
		{.count = 0, .key_size = 8}, {.count = 1, .key_size = 9}, {.count = 1}};

	for (uint32_t i = 0; i < 3; i++) {
		errno = 0;
		CU_ASSERT_PTR_NULL(weir_flow_shared_create(&wrong[i]));
		CU_ASSERT_EQUAL(errno, EINVAL);
		CU_ASSERT(strlen(weir_last_error()) > 10);
	}
	weir_flow_shared_destroy(NULL);
}

static void test_life(void)
{
	struct weir_flow_shared *table = make(10, 100);
	struct weir_flow_shared_stats stats;
	uint64_t key[2] = {7, ~UINT64_C(7)};
	void *value, *again;

	CU_ASSERT_PTR_NULL(lookup(table, 7));
	CU_ASSERT_EQUAL(insert(table, 7, 1000, &value), 1);
	for (uint32_t i = 0; i < 12; i++)
		CU_ASSERT_EQUAL(((uint8_t *)value)[i], 0);
	memset(value, 0xff, 12);
	CU_ASSERT_EQUAL(memcmp(weir_flow_shared_key(table, value), key, 16), 0);
	CU_ASSERT_EQUAL(insert(table, 7, 2000, &again), 0);
	CU_ASSERT_PTR_EQUAL(again, value);
	CU_ASSERT_PTR_EQUAL(lookup(table, 7), value);
	CU_ASSERT_PTR_NULL(lookup(table, 8));
	CU_ASSERT_EQUAL(weir_flow_shared_remove(table, value), 0);
	CU_ASSERT_EQUAL(weir_flow_shared_remove(table, value), -ENOENT);
	CU_ASSERT_PTR_NULL(lookup(table, 7));
	/* still readable */
	CU_ASSERT_EQUAL(((uint8_t *)value)[11], 0xff);
	weir_flow_shared_stats(table, &stats);
	CU_ASSERT_EQUAL(stats.flows, 0);
	CU_ASSERT_EQUAL(stats.count, 10);
	CU_ASSERT_EQUAL(stats.inserted, 1);
	CU_ASSERT_EQUAL(stats.removed, 1);
	destroy(table);
}

/* Exactly as many as asked for, time after time: the records of the dead come back. */
static void test_full(void)
{
	struct weir_flow_shared *table = make(100, 0);
	struct weir_flow_shared_stats stats;
	void *value;

	for (uint32_t round = 0; round < 100; round++) {
		for (uint32_t i = 0; i < 100; i++) {
			CU_ASSERT_EQUAL(insert(table, i + round, 0, &value), 1);
			memset(value, (int)round + 1, 12);
		}
		CU_ASSERT_EQUAL(insert(table, 1000, 0, &value), -ENOSPC);
		CU_ASSERT_PTR_NULL(value);
		for (uint32_t i = 0; i < 100; i++)
			CU_ASSERT_EQUAL(
				weir_flow_shared_remove(table, lookup(table, i + round)), 0);
		weir_rcu_leave();
		weir_rcu_barrier();
		weir_rcu_join();
	}
	weir_flow_shared_stats(table, &stats);
	CU_ASSERT_EQUAL(stats.full, 100);
	CU_ASSERT_EQUAL(stats.inserted, 10000);
	destroy(table);
}

static void note(void *context, const void *key, void *value)
{
	uint64_t *sum = context, number;

	memcpy(&number, key, sizeof(number));
	CU_ASSERT_EQUAL(*(uint8_t *)value, (uint8_t)number);
	*sum += number;
}

static void test_age(void)
{
	struct weir_flow_shared *table = make(100, 50);
	struct weir_flow_shared_stats stats;
	uint64_t sum = 0;
	void *value;

	for (uint32_t i = 0; i < 100; i++) {
		CU_ASSERT_EQUAL(insert(table, i, i, &value), 1);
		*(uint8_t *)value = (uint8_t)i;
	}
	/* flow 3 is put off; of 0 to 9 the others are due */
	weir_flow_shared_touch(table, lookup(table, 3), 100);
	CU_ASSERT_EQUAL(weir_flow_shared_expire(table, 59, 100000, note, &sum), 9);
	CU_ASSERT_EQUAL(sum, 45 - 3);
	CU_ASSERT_PTR_NULL(lookup(table, 9));
	CU_ASSERT_PTR_NOT_NULL(lookup(table, 3));
	CU_ASSERT_EQUAL(weir_flow_shared_expire(table, 149, 100000, NULL, NULL), 90);
	weir_flow_shared_stats(table, &stats);
	CU_ASSERT_EQUAL(stats.flows, 1);
	CU_ASSERT_EQUAL(stats.expired, 99);
	destroy(table);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"what is refused", test_refused},
		{"life of a flow", test_life},
		{"full", test_full},
		{"age", test_age},
		CU_TEST_INFO_NULL,
	};

	return unit_run("flow_shared", tests);
}
