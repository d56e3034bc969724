/* SPDX-License-Identifier: BSD-3-Clause */
/* test_worker.c: workers start where they are told, count what they do, drain and end. */
#include "unit.h"

#include "weir/mempool.h"
#include "weir/rcu.h"
#include "weir/worker.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#define PATIENCE_MS 20000

struct job {
	_Atomic(uint32_t) turns, drained, ended;
	_Atomic(uint32_t) left; /* packets to handle, 8 a turn */
	_Atomic(uint32_t) to_drain;
	_Atomic(int) lcore;
	_Atomic(bool) stuck;
	uint32_t end_after; /* turns; 0: never */
	char name[16];
};

static void pause_ms(long ms)
{
	const struct timespec pause = {.tv_nsec = ms * 1000000};

	nanosleep(&pause, NULL);
}

static uint32_t take(_Atomic(uint32_t) *from, uint32_t most)
{
	uint32_t left = atomic_load(from), some = left < most ? left : most;

	atomic_fetch_sub(from, some);
	return some;
}

static uint32_t turn(void *context)
{
	struct job *job = context;

	if (atomic_fetch_add(&job->turns, 1) == 0) {
		pthread_getname_np(pthread_self(), job->name, sizeof(job->name));
		atomic_store(&job->lcore, sched_getcpu());
	}
	while (atomic_load(&job->stuck))
		pause_ms(1);
	if (job->end_after && atomic_load(&job->turns) >= job->end_after)
		return WEIR_WORKER_END;
	return take(&job->left, 8);
}

static uint32_t drain(void *context)
{
	struct job *job = context;
	uint32_t some = take(&job->to_drain, 8);

	atomic_fetch_add(&job->drained, some);
	return some;
}

static void ended(void *context)
{
	atomic_fetch_add(&((struct job *)context)->ended, 1);
}

static struct weir_worker *create(struct job *job, enum weir_idle idle)
{
	struct weir_worker_conf conf = {.name = "a-worker-with-a-long-name",
		.idle = idle,
		.turn = turn,
		.drain = drain,
		.ended = ended,
		.context = job};
	struct weir_worker *worker = weir_worker_create(&conf);

	CU_ASSERT_PTR_NOT_NULL_FATAL(worker);
	return worker;
}

static void wait_for(_Atomic(uint32_t) *count, uint32_t least)
{
	for (uint32_t ms = 0; atomic_load(count) < least && ms < PATIENCE_MS; ms++)
		pause_ms(1);
	CU_ASSERT(atomic_load(count) >= least);
}

static void test_work_and_drain(void)
{
	struct job job = {.left = 1000, .to_drain = 77};
	struct weir_worker *worker = create(&job, WEIR_IDLE_ADAPTIVE);
	struct weir_worker_stats stats;

	CU_ASSERT_EQUAL(weir_worker_start(worker), 0);
	CU_ASSERT_EQUAL(weir_worker_destroy(worker), -EBUSY);
	wait_for(&job.turns, 126);
	weir_worker_stats(worker, &stats);
	CU_ASSERT_TRUE(stats.running);
	CU_ASSERT_EQUAL(weir_worker_stop(worker, PATIENCE_MS), 0);
	CU_ASSERT_EQUAL(weir_worker_stop(worker, 0), 0);
	weir_worker_stats(worker, &stats);
	CU_ASSERT_FALSE(stats.running);
	CU_ASSERT_EQUAL(stats.packets, 1077);
	CU_ASSERT_EQUAL(stats.busy_turns, 125 + 10);
	CU_ASSERT_EQUAL(stats.turns, (uint64_t)atomic_load(&job.turns) + 11);
	CU_ASSERT(stats.busy_ticks > 0);
	CU_ASSERT(stats.asleep_ticks <= stats.idle_ticks);
	CU_ASSERT(stats.ticks_per_second > 1000000);
	CU_ASSERT_EQUAL(atomic_load(&job.drained), 77);
	CU_ASSERT_EQUAL(atomic_load(&job.ended), 1);
	CU_ASSERT_STRING_EQUAL(job.name, "a-worker-with-a"); /* 15 bytes */
	CU_ASSERT_STRING_EQUAL(weir_worker_name(worker), "a-worker-with-a");
	CU_ASSERT_EQUAL(weir_worker_start(worker), -EALREADY);
	CU_ASSERT_EQUAL(weir_worker_destroy(worker), 0);
}

static void test_nothing_left(void)
{
	struct job job = {.end_after = 3, .to_drain = 8};
	struct weir_worker *worker = create(&job, WEIR_IDLE_BUSY);

	CU_ASSERT_EQUAL(weir_worker_start(worker), 0);
	wait_for(&job.ended, 1);
	CU_ASSERT_EQUAL(weir_worker_stop(worker, PATIENCE_MS), 0);
	CU_ASSERT_EQUAL(atomic_load(&job.turns), 3);
	CU_ASSERT_EQUAL(atomic_load(&job.drained), 0);
	CU_ASSERT_EQUAL(weir_worker_destroy(worker), 0);
}

static void test_lcore(void)
{
	struct weir_lcores lcores;
	struct weir_worker_conf conf = {.turn = turn};
	struct weir_worker *worker;

	CU_ASSERT_EQUAL_FATAL(weir_lcores_parse(&lcores, "all"), 0);
	for (int i = weir_lcores_next(&lcores, -1); i >= 0; i = weir_lcores_next(&lcores, i)) {
		struct job job = {.end_after = 1};

		conf.lcore = WEIR_LCORE(i);
		conf.context = &job;
		worker = weir_worker_create(&conf);
		CU_ASSERT_EQUAL(weir_worker_start(worker), 0);
		CU_ASSERT_EQUAL(weir_worker_stop(worker, PATIENCE_MS), 0);
		if (atomic_load(&job.turns) > 0)
			CU_ASSERT_EQUAL(atomic_load(&job.lcore), i);
		CU_ASSERT_EQUAL(weir_worker_destroy(worker), 0);
	}
	conf.lcore = WEIR_LCORE(WEIR_LCORE_MAX - 1);
	worker = weir_worker_create(&conf);
	CU_ASSERT_EQUAL(weir_worker_start(worker), -ENODEV);
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), "no lcore 1023"));
	CU_ASSERT_EQUAL(weir_worker_destroy(worker), 0);
	conf.lcore = WEIR_LCORE(WEIR_LCORE_MAX);
	CU_ASSERT_PTR_NULL(weir_worker_create(&conf));
}

/* Asleep it does not hold up grace periods, and the bell wakes it. */
static void test_sleep(void)
{
	struct job job = {0};
	struct weir_worker_conf conf = {.idle = WEIR_IDLE_SLEEP,
		.sleep_us = PATIENCE_MS * 1000,
		.turn = turn,
		.context = &job};
	struct weir_worker *worker = weir_worker_create(&conf);
	struct weir_worker_stats stats;

	CU_ASSERT_EQUAL(weir_worker_start(worker), 0);
	wait_for(&job.turns, 1);
	weir_rcu_synchronize();
	atomic_store(&job.left, 8);
	weir_worker_wake(worker);
	wait_for(&job.turns, 3);
	CU_ASSERT_EQUAL(weir_worker_stop(worker, PATIENCE_MS / 2), 0);
	weir_worker_stats(worker, &stats);
	CU_ASSERT_EQUAL(stats.packets, 8);
	CU_ASSERT(stats.sleeps >= 2);
	CU_ASSERT(stats.asleep_ticks > 0);
	CU_ASSERT_EQUAL(weir_worker_destroy(worker), 0);
}

/* Takes and gives back what fills its cache, once. */
struct hoarder {
	struct weir_mempool *pool;
	_Atomic(uint32_t) turns;
};

static uint32_t hoard(void *context)
{
	struct hoarder *hoarder = context;
	void *objects[64];

	if (atomic_fetch_add(&hoarder->turns, 1) > 0)
		return 0;
	CU_ASSERT_EQUAL(weir_mempool_get_bulk(hoarder->pool, objects, 64), 0);
	weir_mempool_put_bulk(hoarder->pool, objects, 64);
	return 64;
}

/* Who sleeps keeps nothing that others may need. */
static void test_sleep_flushes(void)
{
	struct weir_mempool_conf objects = {.name = "hoard", .count = 1024, .size = 64};
	struct hoarder hoarder = {.pool = weir_mempool_create(&objects)};
	struct weir_worker_conf conf = {.turn = hoard, .context = &hoarder, .sleep_us = 100};
	struct weir_mempool_stats stats = {.cached = 1};
	struct weir_worker_stats slept = {0};
	struct weir_worker *worker;

	worker = weir_worker_create(&conf);
	CU_ASSERT_EQUAL_FATAL(weir_worker_start(worker), 0);
	for (uint32_t ms = 0; slept.sleeps < 10 && ms < PATIENCE_MS; ms++) {
		pause_ms(1);
		weir_worker_stats(worker, &slept);
	}
	weir_mempool_stats(hoarder.pool, &stats);
	CU_ASSERT_EQUAL(slept.packets, 64);
	CU_ASSERT_EQUAL(stats.threads, 1);
	CU_ASSERT_EQUAL(stats.cached, 0);
	CU_ASSERT_EQUAL(weir_worker_stop(worker, PATIENCE_MS), 0);
	CU_ASSERT_EQUAL(weir_worker_destroy(worker), 0);
	CU_ASSERT_EQUAL(weir_mempool_destroy(hoarder.pool), 0);
}

/* Who is busy with nothing gives back what it keeps when the pool is dry. */
static void test_busy_gives_back(void)
{
	struct weir_mempool_conf objects = {.name = "busy", .count = 1024, .size = 64};
	struct hoarder hoarder = {.pool = weir_mempool_create(&objects)};
	struct weir_worker_conf conf = {.turn = hoard, .context = &hoarder, .idle = WEIR_IDLE_BUSY};
	struct weir_worker *worker = weir_worker_create(&conf);
	static void *all[1024];
	int got = -1;

	CU_ASSERT_EQUAL_FATAL(weir_worker_start(worker), 0);
	for (uint32_t ms = 0; got && ms < PATIENCE_MS; ms++) {
		pause_ms(1);
		if (atomic_load(&hoarder.turns) > 1)
			got = weir_mempool_get_bulk(hoarder.pool, all, 1024);
	}
	CU_ASSERT_EQUAL_FATAL(got, 0);
	weir_mempool_put_bulk(hoarder.pool, all, 1024);
	CU_ASSERT_EQUAL(weir_worker_stop(worker, PATIENCE_MS), 0);
	CU_ASSERT_EQUAL(weir_worker_destroy(worker), 0);
	CU_ASSERT_EQUAL(weir_mempool_destroy(hoarder.pool), 0);
}

static void test_stuck(void)
{
	struct job job = {.stuck = true};
	struct weir_worker *worker = create(&job, WEIR_IDLE_BUSY);

	CU_ASSERT_EQUAL(weir_worker_start(worker), 0);
	wait_for(&job.turns, 1);
	CU_ASSERT_EQUAL(weir_worker_stop(worker, 10), -ETIMEDOUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), "a-worker-with-a"));
	CU_ASSERT_EQUAL(weir_worker_destroy(worker), -EBUSY);
	atomic_store(&job.stuck, false);
	CU_ASSERT_EQUAL(weir_worker_stop(worker, PATIENCE_MS), 0);
	CU_ASSERT_EQUAL(weir_worker_destroy(worker), 0);
}

static void *stop_later(void *worker)
{
	pause_ms(5);
	weir_worker_tell(worker);
	return NULL;
}

/* The calling thread joins and leaves, and runs where it ran before. */
static void test_own_thread(void)
{
	struct job job = {.to_drain = 5};
	struct weir_worker *worker = create(&job, WEIR_IDLE_ADAPTIVE);
	cpu_set_t before, after;
	pthread_t thread;

	sched_getaffinity(0, sizeof(before), &before);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, stop_later, worker), 0);
	CU_ASSERT_EQUAL(weir_worker_run(worker), 0);
	pthread_join(thread, NULL);
	sched_getaffinity(0, sizeof(after), &after);
	CU_ASSERT(CPU_EQUAL(&before, &after));
	CU_ASSERT_EQUAL(atomic_load(&job.drained), 5);
	CU_ASSERT_EQUAL(weir_worker_run(worker), -EALREADY);
	CU_ASSERT_EQUAL(weir_rcu_barrier(), 0); /* no reader any more */
	CU_ASSERT_EQUAL(weir_worker_destroy(worker), 0);
}

/* Where a call was made. */
static void note_thread(void *context)
{
	*(pthread_t *)context = pthread_self();
}

static void unstick(void *context)
{
	atomic_store((_Atomic(bool) *)context, false);
}

static void *ask_many(void *context)
{
	pthread_t where;
	uintptr_t other = 0;

	for (int i = 0; i < 200; i++) {
		where = pthread_self();
		if (weir_worker_call(context, note_thread, &where, PATIENCE_MS) ||
			pthread_equal(where, pthread_self()))
			other++;
	}
	return (void *)other;
}

static void test_call(void)
{
	for (int idle = WEIR_IDLE_ADAPTIVE; idle <= WEIR_IDLE_SLEEP; idle++) {
		struct job job = {0};
		struct weir_worker *worker = create(&job, (enum weir_idle)idle);
		pthread_t other;
		void *wrong, *also;

		CU_ASSERT_EQUAL(weir_worker_call(worker, note_thread, &other, 1), -ESRCH);
		CU_ASSERT_EQUAL_FATAL(weir_worker_start(worker), 0);
		CU_ASSERT_EQUAL_FATAL(pthread_create(&other, NULL, ask_many, worker), 0);
		also = ask_many(worker);
		pthread_join(other, &wrong);
		CU_ASSERT_PTR_NULL(wrong);
		CU_ASSERT_PTR_NULL(also);
		CU_ASSERT_EQUAL(weir_worker_stop(worker, PATIENCE_MS), 0);
		CU_ASSERT_EQUAL(weir_worker_call(worker, note_thread, &other, 1), -ESRCH);
		CU_ASSERT_STRING_EQUAL(weir_last_error(), "worker 'a-worker-with-a' does not run");
		CU_ASSERT_EQUAL(weir_worker_destroy(worker), 0);
	}
}

/* A call that came too late is not made; one that the worker's end overtakes says so. */
static void test_call_in_vain(void)
{
	struct job job = {.stuck = true};
	struct weir_worker *worker = create(&job, WEIR_IDLE_BUSY);
	_Atomic(bool) untouched = true;
	void *wrong;
	pthread_t other;

	CU_ASSERT_EQUAL_FATAL(weir_worker_start(worker), 0);
	while (atomic_load(&job.turns) == 0)
		pause_ms(1);
	CU_ASSERT_EQUAL(weir_worker_call(worker, unstick, &untouched, 1), -ETIMEDOUT);
	atomic_store(&job.stuck, false);
	CU_ASSERT_PTR_NULL(ask_many(worker));
	CU_ASSERT(atomic_load(&untouched));
	CU_ASSERT_EQUAL_FATAL(pthread_create(&other, NULL, ask_many, worker), 0);
	CU_ASSERT_EQUAL(weir_worker_stop(worker, PATIENCE_MS), 0);
	pthread_join(other, &wrong); /* none of its calls waits for ever */
	CU_ASSERT_EQUAL(weir_worker_destroy(worker), 0);
}

static void test_bad_use(void)
{
	struct weir_worker_conf conf = {.name = "idle"};
	struct job job = {0};
	struct weir_worker *worker;

	CU_ASSERT_PTR_NULL(weir_worker_create(&conf));
	CU_ASSERT_EQUAL(errno, EINVAL);
	CU_ASSERT_EQUAL(weir_worker_destroy(NULL), 0);
	worker = create(&job, WEIR_IDLE_BUSY); /* never started */
	CU_ASSERT_EQUAL(weir_worker_stop(worker, 0), 0);
	CU_ASSERT_EQUAL(weir_worker_destroy(worker), 0);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"work, then drain", test_work_and_drain},
		{"nothing left", test_nothing_left},
		{"on its lcore", test_lcore},
		{"asleep", test_sleep},
		{"asleep it hoards nothing", test_sleep_flushes},
		{"busy it gives back what is asked for", test_busy_gives_back},
		{"a turn that does not return", test_stuck},
		{"a thread of the caller's", test_own_thread},
		{"a call on its thread", test_call},
		{"a call in vain", test_call_in_vain},
		{"bad use is refused", test_bad_use},
		CU_TEST_INFO_NULL,
	};

	return unit_run("worker", tests);
}
