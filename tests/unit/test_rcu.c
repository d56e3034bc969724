/* SPDX-License-Identifier: BSD-3-Clause */
/* test_rcu.c: what is read stays until its reader lets go, and no longer. */
#include "unit.h"

#include "weir/rcu.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

static struct weir_rcu_slot slot;
static _Atomic(uint32_t) released;

static void release(void *object)
{
	free(object);
	atomic_fetch_add_explicit(&released, 1, memory_order_relaxed);
}

static uint32_t releases(void)
{
	return atomic_load_explicit(&released, memory_order_relaxed);
}

static void pause_ms(long ms)
{
	const struct timespec pause = {.tv_nsec = ms * 1000000};

	nanosleep(&pause, NULL);
}

/* A reader that does one thing each time it is told. */
struct reader {
	sem_t go, done;
	enum { HOLD, QUIESCENT, OFFLINE, ONLINE, LEAVE, END } what;
	const int *held;
	pthread_t thread;
};

static void *read_main(void *argument)
{
	struct reader *reader = argument;

	weir_rcu_join();
	for (;;) {
		sem_post(&reader->done);
		while (sem_wait(&reader->go) != 0)
			;
		switch (reader->what) {
		case HOLD:
			reader->held = weir_rcu_read(&slot);
			break;
		case QUIESCENT:
			weir_rcu_quiescent();
			break;
		case OFFLINE:
			weir_rcu_offline();
			break;
		case ONLINE:
			weir_rcu_online();
			break;
		case LEAVE:
			weir_rcu_leave();
			break;
		case END:
			return NULL; /* without having left */
		}
	}
}

static void tell(struct reader *reader, int what)
{
	reader->what = what;
	sem_post(&reader->go);
	while (sem_wait(&reader->done) != 0)
		;
}

static void start(struct reader *reader)
{
	sem_init(&reader->go, 0, 0);
	sem_init(&reader->done, 0, 0);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&reader->thread, NULL, read_main, reader), 0);
	while (sem_wait(&reader->done) != 0)
		;
}

static void end(struct reader *reader)
{
	reader->what = END;
	sem_post(&reader->go);
	pthread_join(reader->thread, NULL);
	sem_destroy(&reader->go);
	sem_destroy(&reader->done);
}

static int *number(int value)
{
	int *object = malloc(sizeof(*object));

	CU_ASSERT_PTR_NOT_NULL_FATAL(object);
	*object = value;
	return object;
}

static void test_slot(void)
{
	int *first = number(1), *second = number(2);

	CU_ASSERT_PTR_NULL(weir_rcu_read(&slot));
	CU_ASSERT_PTR_NULL(weir_rcu_publish(&slot, first));
	CU_ASSERT_PTR_EQUAL(weir_rcu_read(&slot), first);
	CU_ASSERT_PTR_EQUAL(weir_rcu_publish(&slot, second), first);
	weir_rcu_synchronize();
	free(first);
	CU_ASSERT_EQUAL(*(int *)weir_rcu_read(&slot), 2);
	CU_ASSERT_PTR_EQUAL(weir_rcu_publish(&slot, NULL), second);
	free(second);
}

/* The old object is there until the reader does what, and is released then. */
static void check_lets_go(struct reader *reader, int what)
{
	uint32_t before = releases();

	weir_rcu_publish(&slot, number(3));
	tell(reader, HOLD);
	CU_ASSERT_EQUAL(weir_rcu_replace(&slot, NULL, release), 0);
	pause_ms(20);
	CU_ASSERT_EQUAL(releases(), before);
	CU_ASSERT_EQUAL(*reader->held, 3);
	tell(reader, what);
	CU_ASSERT_EQUAL(weir_rcu_barrier(), 0);
	CU_ASSERT_EQUAL(releases(), before + 1);
}

static void test_grace_period(void)
{
	struct reader reader;

	start(&reader);
	check_lets_go(&reader, QUIESCENT);
	check_lets_go(&reader, OFFLINE);
	weir_rcu_synchronize(); /* nobody is online */
	tell(&reader, ONLINE);
	check_lets_go(&reader, LEAVE);
	end(&reader);
}

static void test_thread_ends(void)
{
	struct reader reader;
	uint32_t before = releases();

	start(&reader);
	weir_rcu_publish(&slot, number(4));
	tell(&reader, HOLD);
	CU_ASSERT_EQUAL(weir_rcu_replace(&slot, NULL, release), 0);
	end(&reader);
	CU_ASSERT_EQUAL(weir_rcu_barrier(), 0);
	CU_ASSERT_EQUAL(releases(), before + 1);
}

static void test_many_are_deferred(void)
{
	struct reader reader;
	uint32_t before = releases(), waiting = 0, refused = 0;

	start(&reader);
	tell(&reader, HOLD);
	CU_ASSERT_EQUAL(weir_rcu_join(), 0);
	for (uint32_t i = 0; i < 2 * WEIR_RCU_DEFERRED_MAX; i++) {
		int *object = number(5), error = weir_rcu_defer(release, object);

		waiting += error == 0;
		refused += error == -EAGAIN;
		if (error)
			free(object);
	}
	CU_ASSERT_EQUAL(waiting, WEIR_RCU_DEFERRED_MAX);
	CU_ASSERT_EQUAL(refused, WEIR_RCU_DEFERRED_MAX);
	CU_ASSERT_EQUAL(releases(), before);
	CU_ASSERT_EQUAL(weir_rcu_barrier(), -EDEADLK);
	CU_ASSERT_EQUAL(weir_rcu_replace(&slot, NULL, release), -EDEADLK);
	weir_rcu_leave();
	end(&reader);
	CU_ASSERT_EQUAL(weir_rcu_barrier(), 0);
	CU_ASSERT_EQUAL(releases(), before + waiting);
}

static void test_joins_nest(void)
{
	uint32_t before = releases();

	CU_ASSERT_EQUAL(weir_rcu_join(), 0);
	CU_ASSERT_EQUAL(weir_rcu_join(), 0);
	weir_rcu_leave();
	CU_ASSERT_EQUAL(weir_rcu_defer(release, number(6)), 0);
	pause_ms(20);
	CU_ASSERT_EQUAL(releases(), before); /* one join is left */
	weir_rcu_leave();
	weir_rcu_leave(); /* one too many does nothing */
	CU_ASSERT_EQUAL(weir_rcu_barrier(), 0);
	CU_ASSERT_EQUAL(releases(), before + 1);
	weir_rcu_quiescent(); /* nor do these, without a join */
	weir_rcu_offline();
	weir_rcu_online();
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"a slot holds what was published last", test_slot},
		{"a grace period ends when the reader lets go", test_grace_period},
		{"a thread that ends has left", test_thread_ends},
		{"too many are deferred", test_many_are_deferred},
		{"joins nest", test_joins_nest},
		CU_TEST_INFO_NULL,
	};

	return unit_run("rcu", tests);
}
