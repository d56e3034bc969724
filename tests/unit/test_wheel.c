/* SPDX-License-Identifier: BSD-3-Clause */
/* test_wheel.c: timers: order, budgets, far times, and a model that looks at all of them. */
#include "random.h"
#include "unit.h"

#include "weir/wheel.h"

#include <errno.h>
#include <string.h>

#define TIMERS 500
#define STEPS  200000

static uint32_t expire_all(struct weir_wheel *wheel, uint64_t now, uint32_t *timers, uint32_t count)
{
	uint32_t budget = UINT32_MAX;

	return weir_wheel_expire(wheel, now, timers, count, &budget);
}

static void test_refused(void)
{
	static uint8_t memory[32768] __attribute__((aligned(64)));

	CU_ASSERT_PTR_NULL(weir_wheel_create(0, 0));
	CU_ASSERT_EQUAL(errno, EINVAL);
	CU_ASSERT_PTR_NULL(weir_wheel_create(WEIR_WHEEL_MAX + 1, 0));
	CU_ASSERT_EQUAL(weir_wheel_memory_size(0), 0);
	CU_ASSERT_FATAL(weir_wheel_memory_size(10) < sizeof(memory));
	CU_ASSERT_PTR_NULL(weir_wheel_init(memory + 8, 10, 0));
	CU_ASSERT_EQUAL(errno, EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), "multiple of 64"));
	CU_ASSERT_PTR_NOT_NULL(weir_wheel_init(memory, 10, 0));
	weir_wheel_destroy(NULL);
}

/* Every distance from 1 on, and every power of two and its neighbours. */
static void test_distances(void)
{
	static const uint64_t starts[] = {0, 1, 63, 64, 4095, 1u << 20, UINT64_MAX / 2};
	struct weir_wheel *wheel = weir_wheel_create(1, 0);
	uint32_t timer;

	for (uint32_t s = 0; s < sizeof(starts) / sizeof(*starts); s++) {
		for (uint32_t bit = 0; bit < 62; bit++) {
			for (int near = -1; near <= 1; near++) {
				uint64_t due = starts[s] + ((uint64_t)1 << bit) + (uint64_t)near;

				wheel = weir_wheel_init(wheel, 1, 0);
				expire_all(wheel, starts[s], &timer, 1);
				weir_wheel_set(wheel, 0, due);
				if (due <= starts[s])
					due = starts[s] + 1;
				CU_ASSERT_EQUAL(expire_all(wheel, due - 1, &timer, 1), 0);
				CU_ASSERT_TRUE(weir_wheel_is_set(wheel, 0));
				CU_ASSERT_EQUAL(expire_all(wheel, due, &timer, 1), 1);
				CU_ASSERT_FALSE(weir_wheel_is_set(wheel, 0));
			}
		}
	}
	weir_wheel_destroy(wheel);
}

/* The last moment of all, from the first. */
static void test_ends_of_time(void)
{
	struct weir_wheel *wheel = weir_wheel_create(3, 0);
	uint32_t timers[3];

	weir_wheel_set(wheel, 0, UINT64_MAX);
	weir_wheel_set(wheel, 1, 0);
	weir_wheel_set(wheel, 2, UINT64_MAX - 1);
	CU_ASSERT_EQUAL(expire_all(wheel, 0, timers, 3), 0);
	CU_ASSERT_EQUAL(expire_all(wheel, 1, timers, 3), 1);
	CU_ASSERT_EQUAL(timers[0], 1);
	CU_ASSERT_EQUAL(expire_all(wheel, UINT64_MAX, timers, 3), 2);
	CU_ASSERT_EQUAL(timers[0], 2);
	CU_ASSERT_EQUAL(timers[1], 0);
	weir_wheel_destroy(wheel);
}

/* All come in the order of their times, whatever was cancelled and set again. */
static void test_order(void)
{
	static uint64_t due[TIMERS];
	static uint32_t timers[TIMERS];
	struct weir_wheel *wheel = weir_wheel_create(TIMERS, 0);
	uint32_t got;

	for (uint32_t i = 0; i < TIMERS; i++) {
		weir_wheel_set(wheel, i, random_next() >> below(60));
		weir_wheel_cancel(wheel, i);
		weir_wheel_cancel(wheel, i);
		weir_wheel_set(wheel, i, random_next() >> below(60));
		due[i] = (random_next() >> below(60)) + 1;
		weir_wheel_set(wheel, i, due[i]);
	}
	for (uint32_t i = 0; i < TIMERS; i += 5)
		weir_wheel_cancel(wheel, i);
	got = expire_all(wheel, UINT64_MAX, timers, TIMERS);
	CU_ASSERT_EQUAL(got, TIMERS - TIMERS / 5);
	for (uint32_t i = 1; i < got; i++)
		CU_ASSERT_TRUE(due[timers[i - 1]] <= due[timers[i]]);
	for (uint32_t i = 0; i < got; i++)
		CU_ASSERT_TRUE(timers[i] % 5 != 0);
	CU_ASSERT_EQUAL(expire_all(wheel, UINT64_MAX, timers, TIMERS), 0);
	weir_wheel_destroy(wheel);
}

/* A little at a time is the same as all at once, and no call does more than it may. */
static void test_budget(void)
{
	struct weir_wheel *wheel = weir_wheel_create(TIMERS, 0);
	uint32_t timers[TIMERS], got = 0, calls = 0;

	for (uint32_t i = 0; i < TIMERS; i++)
		weir_wheel_set(wheel, i, 100000 + i % 3);
	while (got < TIMERS && calls < 10000) {
		uint32_t budget = 7;
		uint32_t some = weir_wheel_expire(wheel, 200000, timers, 3, &budget);

		CU_ASSERT_TRUE(some <= 3 && some + budget <= 7);
		for (uint32_t i = 0; i < some; i++, got++)
			CU_ASSERT_EQUAL(timers[i] % 3, got / 167); /* 167 of each */
		calls++;
		if (some < 3)
			CU_ASSERT_EQUAL(budget, got == TIMERS ? budget : 0);
	}
	CU_ASSERT_EQUAL(got, TIMERS);
	weir_wheel_destroy(wheel);
}

/* Never early, and late by less than a tick. */
static void test_tick(void)
{
	struct weir_wheel *wheel = weir_wheel_create(1, 1000); /* 512 */
	uint32_t timer;

	for (uint64_t due = 600; due < 100000; due += 600) {
		uint64_t now = due - 600;

		weir_wheel_set(wheel, 0, due);
		while (expire_all(wheel, now, &timer, 1) == 0)
			now++;
		CU_ASSERT_TRUE(now >= due && now < due + 512);
	}
	weir_wheel_destroy(wheel);
}

/* Anything at any time; the model has the time of each, 0 for none. */
static void test_model(void)
{
	struct weir_wheel *wheel = weir_wheel_create(TIMERS, 0);
	uint64_t due[TIMERS] = {0}, now = 0, last = 0;
	uint32_t timers[TIMERS], wrong = 0;

	for (uint32_t step = 0; step < STEPS; step++) {
		uint32_t timer = below(TIMERS), what = below(100);

		if (what < 60) {
			due[timer] = now + 1 + (random_next() >> (20 + below(44)));
			weir_wheel_set(wheel, timer, due[timer]);
		} else if (what < 80) {
			due[timer] = 0;
			weir_wheel_cancel(wheel, timer);
		} else {
			uint32_t budget = below(50), whole = budget, got;

			now += random_next() >> (30 + below(34));
			got = weir_wheel_expire(wheel, now, timers, 20, &budget);
			last = 0;
			for (uint32_t i = 0; i < got; i++) {
				wrong += due[timers[i]] == 0 || due[timers[i]] > now;
				wrong += due[timers[i]] < last;
				last = due[timers[i]];
				due[timers[i]] = 0;
			}
			/* with time left none that is due is left behind */
			for (uint32_t i = 0; budget > 0 && got < 20 && i < TIMERS; i++)
				wrong += due[i] != 0 && due[i] <= now;
			wrong += budget > whole;
		}
		wrong += weir_wheel_is_set(wheel, timer) != (due[timer] != 0);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	weir_wheel_destroy(wheel);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"what is refused", test_refused},
		{"every distance", test_distances},
		{"the ends of time", test_ends_of_time},
		{"order", test_order},
		{"a budget", test_budget},
		{"ticks", test_tick},
		{"a model", test_model},
		CU_TEST_INFO_NULL,
	};

	return unit_run("wheel", tests);
}
