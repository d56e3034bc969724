/* SPDX-License-Identifier: BSD-3-Clause */
/* test_pipeline_run.c: pipelines on threads: they end, drain, and name the stage that is to
 * blame. */
#include "unit.h"

#include "weir/pipeline.h"
#include "weir/stages.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define PATIENCE_MS 20000

static struct weir_mempool *pool;
static _Atomic(bool) held; /* a stage does not return while this is set */

static void pause_ms(long ms)
{
	const struct timespec pause = {.tv_nsec = ms * 1000000};

	nanosleep(&pause, NULL);
}

static void run_hold(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	while (atomic_load(&held))
		pause_ms(1);
	weir_stage_pass(stage, 0, mbufs, count);
}

static struct weir_mbuf *lost;

static void run_lose(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	lost = mbufs[count - 1];
	weir_stage_pass(stage, 0, mbufs, count - 1);
}

static void run_twice(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	weir_mbuf_ref(mbufs[0], 1); /* so that the test itself frees nothing twice */
	weir_stage_next(stage, 0, mbufs[0]);
	weir_stage_pass(stage, 0, mbufs, count);
}

static void run_free_and_pass(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	weir_mbuf_free(mbufs[0]);
	weir_stage_pass(stage, 0, mbufs, count);
}

static void run_free_twice(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	weir_mbuf_free(mbufs[count - 1]);
	weir_mbuf_free(mbufs[count - 1]);
	weir_stage_took(stage, 1);
	weir_stage_pass(stage, 0, mbufs, count - 1);
}

static const char *const out[] = {"out", NULL};
static const struct weir_stage_type types[] = {
	{.name = "hold", .edges = out, .run = run_hold},
	{.name = "lose", .edges = out, .run = run_lose},
	{.name = "twice", .edges = out, .run = run_twice},
	{.name = "free-and-pass", .edges = out, .run = run_free_and_pass},
	{.name = "free-twice", .edges = out, .run = run_free_twice},
};
static const struct weir_stage_type *const own[] = {
	&types[0], &types[1], &types[2], &types[3], &types[4], NULL};

static struct weir_pipeline *start_limited(const char *text, bool check, uint64_t limit)
{
	struct weir_pipeline_conf conf = {.name = "a-long-pipeline",
		.types = weir_stages,
		.more = own,
		.pool = pool,
		.limit = limit,
		.check = check};
	struct weir_pipeline *pipeline = weir_pipeline_create(&conf);

	if (weir_pipeline_parse(pipeline, text) || weir_pipeline_start(pipeline)) {
		CU_FAIL("not started");
		fprintf(stderr, "%s\n", weir_last_error());
	}
	return pipeline;
}

static struct weir_pipeline *start(const char *text, bool check)
{
	return start_limited(text, check, 0);
}

static uint64_t packets(const struct weir_pipeline *pipeline, const char *name)
{
	struct weir_stage_stats stats;

	weir_pipeline_stage_stats(pipeline, (uint32_t)weir_pipeline_find(pipeline, name), &stats);
	return stats.packets;
}

static void destroy(struct weir_pipeline *pipeline)
{
	CU_ASSERT_EQUAL(weir_pipeline_destroy(pipeline), 0);
	CU_ASSERT_EQUAL(weir_mempool_in_use(pool), 0);
}

/* Three parts, four workers, a small ring: all goes through, then all end. */
static void test_to_the_end(void)
{
	struct weir_pipeline *pipeline = start("in: rx null:count=100000\n"
					       "q: ring workers=2 size=64\n"
					       "p: parse\n"
					       "r: ring size=64\n"
					       "out: drop\n"
					       "in -> q -> p -> r -> out\n",
		false);
	struct weir_pipeline_worker_stats stats;
	struct weir_stage_stats ring;
	uint64_t followed = 0, timed = 0;

	CU_ASSERT_EQUAL(weir_pipeline_start(pipeline), -EALREADY);
	CU_ASSERT_EQUAL(weir_pipeline_wait(pipeline, PATIENCE_MS), 0);
	CU_ASSERT_EQUAL(packets(pipeline, "in"), 100000);
	CU_ASSERT_EQUAL(packets(pipeline, "p"), 100000);
	CU_ASSERT_EQUAL(packets(pipeline, "out"), 100000);
	weir_pipeline_stage_stats(pipeline, (uint32_t)weir_pipeline_find(pipeline, "r"), &ring);
	for (uint32_t i = 0; i < 16; i++)
		followed += ring.waits_us[i];
	CU_ASSERT(ring.timed_packets > 0 && ring.timed_packets < 200000 && ring.timed_ticks > 0);
	CU_ASSERT(followed > 0 && followed <= 1 + ring.edges[0].packets / 64);
	CU_ASSERT_EQUAL(weir_pipeline_workers(pipeline), 4);
	weir_pipeline_worker_stats(pipeline, 0, &stats);
	CU_ASSERT_EQUAL(stats.thread.packets, 100000);
	for (uint32_t i = 0; i < 16; i++)
		timed += stats.rounds_us[i];
	CU_ASSERT(timed > 0);
	CU_ASSERT_FALSE(stats.thread.running);
	destroy(pipeline);
}

/* Workers and sources share a limit; a ring's packets are not counted again. */
static void test_limit(void)
{
	struct weir_pipeline *pipeline = start_limited("a: rx null:queues=2 workers=2\n"
						       "b: rx null:count=50,queues=2\n"
						       "r: ring\n"
						       "out: drop\n"
						       "a -> r -> out\n"
						       "b -> r\n",
		false, 12345);

	CU_ASSERT_EQUAL(weir_pipeline_wait(pipeline, PATIENCE_MS), 0);
	CU_ASSERT_EQUAL(packets(pipeline, "a") + packets(pipeline, "b"), 12345);
	CU_ASSERT_EQUAL(packets(pipeline, "out"), 12345);
	destroy(pipeline);
}

/* Told to stop, what came in goes out. */
static void test_drains(void)
{
	struct weir_pipeline *pipeline = start("in: rx null:\n"
					       "q: ring workers=2 size=4096\n"
					       "p: parse\n"
					       "r: ring size=4096\n"
					       "out: drop\n"
					       "in -> q -> p -> r -> out\n",
		false);

	while (packets(pipeline, "out") < 1000)
		pause_ms(1);
	CU_ASSERT_EQUAL(weir_pipeline_wait(pipeline, 1), -ETIMEDOUT);
	CU_ASSERT_EQUAL(weir_pipeline_destroy(pipeline), -EBUSY);
	CU_ASSERT_EQUAL(weir_pipeline_stop(pipeline, PATIENCE_MS), 0);
	CU_ASSERT(packets(pipeline, "in") >= 1000);
	CU_ASSERT_EQUAL(packets(pipeline, "in"), packets(pipeline, "out"));
	destroy(pipeline);
}

/* The watchdog names the stage that does not return; so does a stop that waits in vain. */
static void test_does_not_return(void)
{
	struct weir_pipeline *pipeline;
	int seen = 0;

	atomic_store(&held, true);
	pipeline = start("in: rx null:count=10\nslow: hold\nout: drop\nin -> slow -> out\n", false);
	for (uint32_t i = 0; i < PATIENCE_MS / 5 && !seen; i++) {
		pause_ms(5);
		seen = weir_pipeline_watch(pipeline, 20);
	}
	CU_ASSERT_EQUAL(seen, -ETIMEDOUT);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(weir_last_error(), "worker 0 has been in line 2: stage 'slow' (hold) for "));
	CU_ASSERT_EQUAL(weir_pipeline_stop(pipeline, 1), -ETIMEDOUT);
	CU_ASSERT_STRING_EQUAL(weir_last_error(),
		"worker 'a-long-pipel-0' has not ended: it is in line 2: stage 'slow' (hold)");
	atomic_store(&held, false);
	CU_ASSERT_EQUAL(weir_pipeline_stop(pipeline, PATIENCE_MS), 0);
	CU_ASSERT_EQUAL(weir_pipeline_watch(pipeline, 0), 0);
	destroy(pipeline);
}

static void check_fault(const char *type, const char *sentence)
{
	struct weir_pipeline *pipeline;
	char text[128];

	snprintf(text, sizeof(text), "in: rx null:\nbad: %s\nout: drop\nin -> bad -> out\n", type);
	pipeline = start(text, true);
	CU_ASSERT_EQUAL(weir_pipeline_wait(pipeline, PATIENCE_MS), -EPROTO);
	CU_ASSERT_STRING_EQUAL(weir_last_error(), sentence);
	CU_ASSERT_STRING_EQUAL(weir_pipeline_error(pipeline), sentence);
	weir_mbuf_free(lost);
	lost = NULL;
	destroy(pipeline);
}

static void test_faults(void)
{
	check_fault("lose", "line 2: stage 'bad' (lose) got 32 packets and accounted for 31: it "
			    "keeps 1");
	check_fault("twice",
		"line 2: stage 'bad' (twice) got 32 packets and accounted for 33: some "
		"came twice");
	check_fault("free-and-pass",
		"line 2: stage 'bad' (free-and-pass) freed a packet and handed it on");
}

/* The pool is of no use afterwards, and stays. */
static void test_freed_twice(void)
{
	struct weir_mbuf_pool_conf spoilt = {.name = "spoilt", .count = 4096};
	struct weir_mempool *good = pool;
	struct weir_pipeline *pipeline;

	pool = weir_mbuf_pool_create(&spoilt);
	pipeline = start("in: rx null:\nbad: free-twice\nout: drop\nin -> bad -> out\n", true);
	CU_ASSERT_EQUAL(weir_pipeline_wait(pipeline, PATIENCE_MS), -EPROTO);
	CU_ASSERT_STRING_EQUAL(
		weir_last_error(), "line 2: stage 'bad' (free-twice) freed a packet twice");
	CU_ASSERT_EQUAL(weir_pipeline_destroy(pipeline), 0);
	pool = good;
}

static void test_bad_lcore(void)
{
	struct weir_pipeline_conf conf = {.types = weir_stages, .pool = pool};
	struct weir_pipeline *pipeline = weir_pipeline_create(&conf);

	CU_ASSERT_EQUAL(
		weir_pipeline_add(pipeline, "in", "rx", "null: lcores=1023", NULL), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), "stage 'in' (rx): lcore 1023"));
	CU_ASSERT_EQUAL(
		weir_pipeline_add(pipeline, "in", "rx", "null: lcores=0 workers=2", NULL), -EINVAL);
	CU_ASSERT_EQUAL(weir_pipeline_add(pipeline, "in", "rx", "null:count=5 lcores=0", NULL), 0);
	CU_ASSERT_EQUAL(weir_pipeline_add(pipeline, "out", "drop", NULL, NULL), 0);
	CU_ASSERT_EQUAL(weir_pipeline_connect(pipeline, "in", "out"), 0);
	CU_ASSERT_EQUAL(weir_pipeline_start(pipeline), 0);
	CU_ASSERT_EQUAL(weir_pipeline_wait(pipeline, PATIENCE_MS), 0);
	CU_ASSERT_EQUAL(packets(pipeline, "out"), 5);
	destroy(pipeline);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"to the end", test_to_the_end},
		{"to the limit", test_limit},
		{"stopped, it drains", test_drains},
		{"a stage that does not return", test_does_not_return},
		{"stages that lose, double and free packets", test_faults},
		{"a stage that frees twice", test_freed_twice},
		{"on an lcore", test_bad_lcore},
		CU_TEST_INFO_NULL,
	};
	struct weir_mbuf_pool_conf conf = {.name = "run", .count = 16384, .size = 128};

	pool = weir_mbuf_pool_create(&conf);
	return !pool || unit_run("pipeline_run", tests) || weir_mempool_destroy(pool);
}
