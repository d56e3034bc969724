/* SPDX-License-Identifier: BSD-3-Clause */
/* worker.c: a worker, how it begins and how it ends; loop.c has what it does between.
 *
 *	NEW --start, run--> STARTING --on its core--> RUNNING --drained, or nothing left--> ENDED
 *
 * state is changed under the lock; told is an atomic of its own, so that a signal handler can set
 * it, and read once a turn.
 */
#include "runtime/worker_impl.h"

#include "weir/rcu.h"

#include "base/base_impl.h"
#include "base/count_impl.h"
#include "base/cycles_impl.h"
#include "os/os_impl.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define SLEEP_DEFAULT_US 1000

struct weir_worker *weir_worker_create(const struct weir_worker_conf *conf)
{
	struct weir_worker *worker;
	pthread_condattr_t monotonic;

	if (!conf->turn)
		return weir__fail_null(EINVAL, "a worker needs something to do: conf.turn");
	if (conf->lcore < 0 || conf->lcore > WEIR_LCORE_MAX)
		return weir__fail_null(EINVAL, "a worker's lcore is below %d", WEIR_LCORE_MAX);
	worker = calloc(1, sizeof(*worker));
	if (!worker)
		return weir__fail_null(ENOMEM, "no memory for a worker");
	worker->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (worker->bell < 0) {
		free(worker);
		return weir__fail_null(errno, "no eventfd for a worker: %s", strerror(errno));
	}
	worker->conf = *conf;
	snprintf(worker->name, sizeof(worker->name), "%s", conf->name ? conf->name : "worker");
	worker->conf.name = worker->name;
	if (!conf->sleep_us)
		worker->conf.sleep_us = SLEEP_DEFAULT_US;
	pthread_mutex_init(&worker->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&worker->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	weir__call_open(&worker->call);
	return worker;
}

static struct timespec time_in(uint64_t ns)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	ns += (uint64_t)at.tv_nsec;
	at.tv_sec += (time_t)(ns / 1000000000u);
	at.tv_nsec = (long)(ns % 1000000000u);
	return at;
}

static enum weir__worker_state state_of(const struct weir_worker *worker)
{
	/* relaxed: for what else a state says there is the lock */
	return atomic_load_explicit(&worker->state, memory_order_relaxed);
}

static void set_state(struct weir_worker *worker, enum weir__worker_state state, int error)
{
	if (state == ENDED)
		weir__call_end(&worker->call);
	pthread_mutex_lock(&worker->lock);
	atomic_store_explicit(&worker->state, state, memory_order_relaxed);
	worker->error = error;
	pthread_cond_broadcast(&worker->changed);
	pthread_mutex_unlock(&worker->lock);
}

/* Go to the core. 0, or -errno; the sentence is made by the thread that asked. */
static int enter(struct weir_worker *worker)
{
	unsigned int lcore = (unsigned int)worker->conf.lcore - 1;
	struct weir__lcores one = {.bits = {0}};
	int error = 0;

	if (worker->conf.lcore) {
		one.bits[lcore / 64] = 1ul << lcore % 64;
		error = weir__os_set_affinity(&one);
	}
	return error ? error : weir_rcu_join();
}

static void *thread_main(void *argument)
{
	struct weir_worker *worker = argument;
	int error;

	pthread_setname_np(pthread_self(), worker->name);
	error = enter(worker);
	set_state(worker, error ? ENDED : RUNNING, error);
	if (error)
		return NULL;
	weir__worker_loop(worker);
	weir_rcu_leave();
	set_state(worker, ENDED, 0);
	return NULL;
}

/* A worker runs once. */
static int claim(struct weir_worker *worker)
{
	bool is_new;

	pthread_mutex_lock(&worker->lock);
	is_new = state_of(worker) == NEW;
	if (is_new)
		atomic_store_explicit(&worker->state, STARTING, memory_order_relaxed);
	pthread_mutex_unlock(&worker->lock);
	return is_new ? 0 : weir__fail(EALREADY, "worker '%s' was started before", worker->name);
}

static int explain(const struct weir_worker *worker, int error)
{
	int lcore = worker->conf.lcore - 1;

	if (error != -EINVAL || lcore < 0)
		return weir__fail(
			-error, "worker '%s' cannot run: %s", worker->name, strerror(-error));
	if (weir_lcore_node((uint32_t)lcore) < 0)
		return weir__fail(ENODEV, "worker '%s': there is no lcore %d", worker->name, lcore);
	return weir__fail(EPERM,
		"worker '%s': lcore %d is offline or not in the cpuset of this process",
		worker->name, lcore);
}

int weir_worker_start(struct weir_worker *worker)
{
	int error = claim(worker);

	if (error)
		return error;
	error = pthread_create(&worker->thread, NULL, thread_main, worker);
	if (error) {
		set_state(worker, ENDED, -error);
		return explain(worker, -error);
	}
	worker->has_thread = true;
	pthread_mutex_lock(&worker->lock);
	while (state_of(worker) == STARTING)
		pthread_cond_wait(&worker->changed, &worker->lock);
	error = worker->error;
	pthread_mutex_unlock(&worker->lock);
	return error ? explain(worker, error) : 0;
}

int weir_worker_run(struct weir_worker *worker)
{
	struct weir__lcores before;
	int error = claim(worker);

	if (error)
		return error;
	weir__os_lcores_affinity(&before);
	error = enter(worker);
	if (!error) {
		set_state(worker, RUNNING, 0);
		weir__worker_loop(worker);
		weir_rcu_leave();
	}
	weir__os_set_affinity(&before);
	set_state(worker, ENDED, error);
	return error ? explain(worker, error) : 0;
}

void weir_worker_tell(struct weir_worker *worker)
{
	/* release: pairs with is_told() in loop.c */
	atomic_store_explicit(&worker->told, true, memory_order_release);
	weir_worker_wake(worker);
}

void weir_worker_wake(struct weir_worker *worker)
{
	eventfd_write(worker->bell, 1);
}

static bool is_over(const struct weir_worker *worker)
{
	enum weir__worker_state state = state_of(worker);

	return state == NEW || state == ENDED;
}

/* Wait for the end, if it has begun. */
static bool has_ended(struct weir_worker *worker, uint32_t timeout_ms)
{
	struct timespec until = time_in(timeout_ms * UINT64_C(1000000));
	bool over;

	pthread_mutex_lock(&worker->lock);
	while (!is_over(worker))
		if (pthread_cond_timedwait(&worker->changed, &worker->lock, &until) == ETIMEDOUT)
			break;
	over = is_over(worker);
	pthread_mutex_unlock(&worker->lock);
	return over;
}

int weir_worker_wait(struct weir_worker *worker, uint32_t timeout_ms)
{
	if (has_ended(worker, timeout_ms))
		return 0;
	return weir__fail(
		ETIMEDOUT, "worker '%s' has not ended within %u ms", worker->name, timeout_ms);
}

int weir_worker_stop(struct weir_worker *worker, uint32_t timeout_ms)
{
	weir_worker_tell(worker);
	return weir_worker_wait(worker, timeout_ms);
}

int weir_worker_destroy(struct weir_worker *worker)
{
	if (!worker)
		return 0;
	if (!has_ended(worker, 0))
		return weir__fail(EBUSY, "worker '%s' is running: stop it first", worker->name);
	if (worker->has_thread)
		pthread_join(worker->thread, NULL);
	pthread_mutex_destroy(&worker->lock);
	pthread_cond_destroy(&worker->changed);
	weir__call_close(&worker->call);
	close(worker->bell);
	free(worker);
	return 0;
}

const char *weir_worker_name(const struct weir_worker *worker)
{
	return worker->name;
}

void weir_worker_stats(const struct weir_worker *worker, struct weir_worker_stats *stats)
{
	const struct weir__worker_figures *figures = &worker->figures;

	*stats = (struct weir_worker_stats){
		.turns = weir__counted(&figures->turns),
		.busy_turns = weir__counted(&figures->busy_turns),
		.packets = weir__counted(&figures->packets),
		.busy_ticks = weir__counted(&figures->busy),
		.idle_ticks = weir__counted(&figures->idle),
		.asleep_ticks = weir__counted(&figures->asleep),
		.sleeps = weir__counted(&figures->sleeps),
		.ticks_per_second = weir__cycles_per_second(),
		.running = state_of(worker) == RUNNING,
	};
}
