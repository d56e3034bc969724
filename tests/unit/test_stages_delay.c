/* SPDX-License-Identifier: BSD-3-Clause */
/* test_stages_delay.c: packets go on later, in order, and none is forgotten. */
#include "stages_frame.h"

#include "base/base_impl.h"

#include <stdlib.h>

#define US UINT64_C(1000)

/* Nothing more comes: the worker in front ends. */
static void end_front(struct weir_pipeline *pipeline)
{
	weir_pipeline_finish(pipeline, 0);
	turn_all(pipeline);
}

/* 400 packets, 1 us apart and 10 us late: the last ten wait until nothing more comes. */
static void test_constant(void)
{
	struct weir_pipeline *pipeline = create("delay", "time=10us clock=packet", NULL);

	give_apart(400, US);
	turn_all(pipeline);
	CU_ASSERT_EQUAL(kept[0].count, 390);
	CU_ASSERT_NOT_EQUAL(weir_pipeline_turn(pipeline, 1), WEIR_WORKER_END);
	end_front(pipeline);
	CU_ASSERT_EQUAL_FATAL(kept[0].count, 400);
	CU_ASSERT_EQUAL(weir_pipeline_turn(pipeline, 1), WEIR_WORKER_END);
	for (uint32_t i = 0; i < 400; i++) {
		CU_ASSERT_EQUAL(number_of(kept[0].mbufs[i]), i);
		CU_ASSERT_EQUAL(kept[0].mbufs[i]->timestamp_ns, (i + 11) * US);
	}
	finish(pipeline);
}

/* Those that are due at the same time keep their order, also those that came at the same time. */
static void test_same_time(void)
{
	struct weir_pipeline *pipeline = create("delay", "time=1s clock=packet", NULL);

	give_apart(400, 0);
	turn_all(pipeline);
	CU_ASSERT_EQUAL(kept[0].count, 0);
	end_front(pipeline);
	CU_ASSERT_EQUAL_FATAL(kept[0].count, 400);
	for (uint32_t i = 0; i < 400; i++)
		CU_ASSERT_EQUAL(number_of(kept[0].mbufs[i]), i);
	finish(pipeline);
}

/* The order of 400 packets; returns how many stand behind a later one. */
static uint32_t order(const char *args, uint32_t *numbers, uint64_t *late)
{
	struct weir_pipeline *pipeline = create("delay", args, NULL);
	uint32_t behind = 0, highest = 0;
	uint64_t last = 0;

	give_apart(400, US);
	turn_all(pipeline);
	end_front(pipeline);
	CU_ASSERT_EQUAL_FATAL(kept[0].count, 400);
	for (uint32_t i = 0; i < 400; i++) {
		const struct weir_mbuf *mbuf = kept[0].mbufs[i];

		numbers[i] = number_of(mbuf);
		late[i] = mbuf->timestamp_ns - (numbers[i] + 1) * US;
		CU_ASSERT(mbuf->timestamp_ns >= last);
		last = mbuf->timestamp_ns;
		behind += numbers[i] < highest;
		highest = numbers[i] > highest ? numbers[i] : highest;
	}
	finish(pipeline);
	return behind;
}

static void test_jitter(void)
{
	static uint32_t first[400], again[400];
	static uint64_t late[400];
	uint64_t least = UINT64_MAX, most = 0, sum = 0;

	CU_ASSERT(order("time=30us jitter=20us seed=5 clock=packet", first, late) > 100);
	for (uint32_t i = 0; i < 400; i++) {
		least = late[i] < least ? late[i] : least;
		most = late[i] > most ? late[i] : most;
		sum += late[i];
	}
	/* each from 10 to 50 us as likely: the mean of 400 is off by 0.6 us */
	CU_ASSERT(least >= 10 * US && least < 12 * US);
	CU_ASSERT(most <= 50 * US && most > 48 * US);
	CU_ASSERT(sum / 400 > 27 * US && sum / 400 < 33 * US);
	order("time=30us jitter=20us seed=5 clock=packet", again, late);
	CU_ASSERT_EQUAL(memcmp(first, again, sizeof(first)), 0);
	order("time=30us jitter=20us seed=6 clock=packet", again, late);
	CU_ASSERT_NOT_EQUAL(memcmp(first, again, sizeof(first)), 0);
}

/* Some go at once and so in front of others; the rest keeps its order. */
static void test_reorder(void)
{
	static uint32_t numbers[400];
	static uint64_t late[400];
	uint32_t at_once = 0, last = 0;

	CU_ASSERT(order("time=10us reorder=10% clock=packet", numbers, late) > 0);
	for (uint32_t i = 0; i < 400; i++) {
		CU_ASSERT(late[i] == 0 || late[i] == 10 * US);
		at_once += late[i] == 0;
		if (late[i] == 0)
			continue;
		CU_ASSERT(numbers[i] >= last);
		last = numbers[i];
	}
	/* 40, and five times their standard deviation, 6 */
	CU_ASSERT(at_once > 10 && at_once < 70);
}

/* Eight wait; others come and find no room, however many come at a time. */
static void test_full(void)
{
	struct weir_pipeline *pipeline = create("delay", "time=10us size=8 clock=packet", NULL);

	give_apart(400, US);
	turn_all(pipeline);
	end_front(pipeline);
	/* of ten that come while one waits, the first eight */
	CU_ASSERT_EQUAL(kept[0].count, 320);
	CU_ASSERT_EQUAL(counter(pipeline, "a", 0), 80);
	for (uint32_t i = 0; i < kept[0].count; i++)
		CU_ASSERT_EQUAL(number_of(kept[0].mbufs[i]), i / 8 * 10 + i % 8);
	finish(pipeline);
}

/* By the worker's clock: none comes early, and all come though nothing follows them. */
static void test_worker_clock(void)
{
	struct weir_pipeline *pipeline = create("delay", "time=30ms", NULL);
	uint64_t began = weir__monotonic_ns(), now;

	give_apart(100, 1);
	weir_pipeline_turn(pipeline, 0);
	do {
		weir_pipeline_turn(pipeline, 0);
		weir_pipeline_turn(pipeline, 1);
		now = weir__monotonic_ns();
		/* a millisecond: the two clocks are only nearly as fast */
		CU_ASSERT_FATAL(now - began > 29000 * US || kept[0].count == 0);
	} while (kept[0].count < 100 && now - began < 10000000 * US);
	CU_ASSERT_EQUAL_FATAL(kept[0].count, 100);
	for (uint32_t i = 0; i < 100; i++) {
		CU_ASSERT_EQUAL(number_of(kept[0].mbufs[i]), i);
		CU_ASSERT_EQUAL(kept[0].mbufs[i]->timestamp_ns, i + 1);
	}
	finish(pipeline);
}

/* A worker that ends with packets inside gives them back; so does the lane. */
static void test_left_inside(void)
{
	struct weir_pipeline *pipeline = create("delay", "time=1h", NULL);

	CU_ASSERT_EQUAL(weir_pipeline_destroy(pipeline), 0);
	pipeline = create("delay", "time=1h clock=packet", NULL);
	give_apart(64, US);
	weir_pipeline_turn(pipeline, 0);
	weir_pipeline_turn(pipeline, 1);
	weir_pipeline_turn(pipeline, 0);
	weir_pipeline_finish(pipeline, 1);
	give_apart(32, US);
	weir_pipeline_turn(pipeline, 0);
	finish(pipeline);
}

/* On threads: at the end of the source nothing is lost. And stopped, with all of it waiting. */
static void test_threads(void)
{
	static const char *const sources[] = {"null:count=20000", "null:"};

	for (uint32_t i = 0; i < 2; i++) {
		struct weir_pipeline_conf conf = {.types = weir_stages, .pool = pool};
		struct weir_pipeline *pipeline = weir_pipeline_create(&conf);
		struct weir_stage_stats in, end, delay;
		char text[256];

		snprintf(text, sizeof(text),
			"in: rx %s workers=1\nd: delay time=200us jitter=200us\nend: drop\n"
			"in -> d -> end\n",
			sources[i]);
		CU_ASSERT_EQUAL(weir_pipeline_parse(pipeline, text), 0);
		CU_ASSERT_EQUAL(weir_pipeline_start(pipeline), 0);
		if (i == 1) {
			CU_ASSERT_EQUAL(weir_pipeline_wait(pipeline, 20), -ETIMEDOUT);
			CU_ASSERT_EQUAL(weir_pipeline_stop(pipeline, 20000), 0);
		} else {
			CU_ASSERT_EQUAL(weir_pipeline_wait(pipeline, 20000), 0);
		}
		weir_pipeline_stage_stats(pipeline, 0, &in);
		weir_pipeline_stage_stats(pipeline, 1, &delay);
		weir_pipeline_stage_stats(pipeline, 2, &end);
		CU_ASSERT(in.packets > 0);
		CU_ASSERT_EQUAL(in.packets, end.packets + delay.counters[0].value);
		CU_ASSERT_EQUAL(delay.counters[1].value, 0);
		finish(pipeline);
	}
}

static void build_fails(const char *text, const char *why)
{
	struct weir_pipeline_conf conf = {.types = weir_stages, .pool = pool};
	struct weir_pipeline *pipeline = weir_pipeline_create(&conf);

	CU_ASSERT_EQUAL(weir_pipeline_parse(pipeline, text), 0);
	CU_ASSERT_EQUAL(weir_pipeline_build(pipeline), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), why));
	CU_ASSERT_EQUAL(weir_pipeline_destroy(pipeline), 0);
}

static void test_refusals(void)
{
	static const struct refusal refusals[] = {
		{"delay", NULL, "needs a time"},
		{"delay", "time=10", "500us, 10ms or 1.5s"},
		{"delay", "time=1.0000000001s", "time=1.0000000001s is not"},
		{"delay", "time=3601s", "out of range"},
		{"delay", "time=1ms jitter=1.001ms", "jitter is larger"},
		{"delay", "time=1ms size=0", "size=0 is not"},
		{0},
	};

	check_refusals(refusals);
	build_fails("in: rx null:\ns: sample every=2\nd: delay time=1ms\nend: drop\n"
		    "in -> s -> d -> end\ns.no -> end\n",
		"also get past it");
	build_fails("in: rx null:\nd: delay time=1ms workers=2\nend: drop\nin -> d -> end\n",
		"1 workers are in front and 2 behind");
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"a constant delay", test_constant},
		{"due at the same time", test_same_time},
		{"jitter", test_jitter},
		{"reorder", test_reorder},
		{"no room to wait", test_full},
		{"by the worker's clock", test_worker_clock},
		{"packets left inside", test_left_inside},
		{"on threads", test_threads},
		{"what is refused", test_refusals},
		CU_TEST_INFO_NULL,
	};
	struct weir_mbuf_pool_conf conf = {.name = "delay", .count = 4096, .size = 128};

	pool = weir_mbuf_pool_create(&conf);
	return !pool || unit_run("stages that delay", tests) || weir_mempool_destroy(pool);
}
