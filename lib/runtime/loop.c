/* SPDX-License-Identifier: BSD-3-Clause */
/* loop.c: the turns of a worker, and its rest when they have nothing to do. The figures have one
 * writer, the worker.
 */
#include "runtime/worker_impl.h"

#include "weir/rcu.h"

#include "base/count_impl.h"
#include "base/cycles_impl.h"
#include "mempool/mempool_impl.h"
#include "runtime/stage_impl.h"

#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>

/* Turns without work before an adaptive worker yields, and sleeps; some microseconds. */
#define YIELD_AFTER 256
#define SLEEP_AFTER 512
/* The first sleep; a shorter one costs as much, since the kernel adds 50 us by default. */
#define SLEEP_FIRST_US 50
/* The longest sleep of one that is woken: what nobody wakes for it sees so late. */
#define WAIT_NS 100000000

static bool is_told(const struct weir_worker *worker)
{
	/* acquire: pairs with weir_worker_tell() */
	return atomic_load_explicit(&worker->told, memory_order_acquire);
}

/* Until the bell or the time. */
static void await_bell(const struct weir_worker *worker, uint64_t us)
{
	struct timespec time = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
	struct pollfd bell = {.fd = worker->bell, .events = POLLIN};

	ppoll(&bell, 1, &time, NULL);
}

/* Sleep until there may be something to do, or for a time: twice as long as last time. */
static void sleep_some(struct weir_worker *worker)
{
	const struct weir_worker_conf *conf = &worker->conf;
	uint32_t doublings =
		worker->idle_turns > SLEEP_AFTER ? worker->idle_turns - SLEEP_AFTER : 0;
	uint64_t us = SLEEP_FIRST_US << (doublings < 20 ? doublings : 20), began = weir__cycles();
	eventfd_t rings;

	if (conf->idle == WEIR_IDLE_SLEEP || us > conf->sleep_us)
		us = conf->sleep_us;
	if (us == conf->sleep_us)
		weir_mempool_flush_all(); /* others may need what this one hoards */
	weir_rcu_offline();
	if (!conf->wait || !conf->wait(conf->context, worker->bell, WAIT_NS))
		await_bell(worker, us);
	eventfd_read(worker->bell, &rings);
	weir_rcu_online();
	weir__count(&worker->figures.asleep, weir__cycles() - began);
	weir__count(&worker->figures.sleeps, 1);
}

/* A pool is dry: others need what this one hoards, and would wait for ever for its next put. */
static void give_if_asked(struct weir_worker *worker)
{
	uint32_t asks = atomic_load_explicit(&weir__mempool_asks, memory_order_relaxed);

	if (weir_likely(asks == worker->asks))
		return;
	worker->asks = asks;
	weir_mempool_flush_all();
}

static void rest(struct weir_worker *worker)
{
	enum weir_idle idle = worker->conf.idle;

	worker->idle_turns++;
	give_if_asked(worker);
	if (idle == WEIR_IDLE_BUSY ||
		(idle == WEIR_IDLE_ADAPTIVE && worker->idle_turns < YIELD_AFTER))
		return;
	if (idle == WEIR_IDLE_ADAPTIVE && worker->idle_turns < SLEEP_AFTER)
		sched_yield();
	else
		sleep_some(worker);
}

/* One turn, accounted for. Returns what the turn did; *ticks is when the last one ended. */
static uint32_t take_turn(
	struct weir_worker *worker, uint32_t (*turn)(void *context), uint64_t *ticks)
{
	struct weir__worker_figures *figures = &worker->figures;
	uint32_t done = turn(worker->conf.context);
	uint64_t now;

	weir_rcu_quiescent();
	weir__count(&figures->turns, 1);
	if (done == 0 || done == WEIR_WORKER_END) {
		if (done == 0)
			rest(worker);
		now = weir__cycles();
		weir__count(&figures->idle, now - *ticks);
	} else {
		worker->idle_turns = 0;
		now = weir__cycles();
		weir__count(&figures->busy, now - *ticks);
		weir__count(&figures->busy_turns, 1);
		weir__count(&figures->packets, done);
	}
	*ticks = now;
	return done;
}

void weir__worker_loop(struct weir_worker *worker)
{
	const struct weir_worker_conf *conf = &worker->conf;
	uint64_t ticks = weir__cycles();
	uint32_t done = 0;

	while (!is_told(worker) && done != WEIR_WORKER_END) {
		done = take_turn(worker, conf->turn, &ticks);
		weir__call_look(&worker->call);
	}
	if (done != WEIR_WORKER_END && conf->drain)
		do
			done = take_turn(worker, conf->drain, &ticks);
		while (done != 0 && done != WEIR_WORKER_END);
	if (conf->ended)
		conf->ended(conf->context);
}
