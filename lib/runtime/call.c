/* SPDX-License-Identifier: BSD-3-Clause */
/* call.c: a function called on a worker's thread, between two of its turns.
 *
 *	who asks                worker
 *	NONE -> ASKED, bell     ASKED -> RUNNING, calls, RUNNING -> NONE, done
 *	waits for done          at its end: -> OVER, and done if one was asked for
 *	late: ASKED -> NONE
 *
 * Each change is an exchange of which only one side can win, and a worker never waits for one. Who
 * asks waits for done unless it has withdrawn the call, so the context may lie on its stack. */
#include "runtime/worker_impl.h"

#include "base/base_impl.h"

#include <errno.h>
#include <time.h>

void weir__call_open(struct weir__call *call)
{
	sem_init(&call->done, 0, 0);
	pthread_mutex_init(&call->askers, NULL);
}

void weir__call_close(struct weir__call *call)
{
	sem_destroy(&call->done);
	pthread_mutex_destroy(&call->askers);
}

/* acquire: what the other side wrote is seen; release: what this one wrote will be */
static bool change(struct weir__call *call, enum weir__call_state from, enum weir__call_state to)
{
	return atomic_compare_exchange_strong_explicit(
		&call->state, &from, to, memory_order_acq_rel, memory_order_relaxed);
}

void weir__call_make(struct weir__call *call)
{
	if (!change(call, CALL_ASKED, CALL_RUNNING))
		return;
	call->function(call->context);
	call->called = true;
	change(call, CALL_RUNNING, CALL_NONE);
	sem_post(&call->done);
}

void weir__call_end(struct weir__call *call)
{
	/* acquire and release: as in change() */
	if (atomic_exchange_explicit(&call->state, CALL_OVER, memory_order_acq_rel) == CALL_ASKED)
		sem_post(&call->done);
}

/* false: not within this time. */
static bool await(struct weir__call *call, uint32_t timeout_ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (sem_clockwait(&call->done, CLOCK_MONOTONIC, &until))
		if (errno != EINTR)
			return false;
	return true;
}

static int ask(struct weir_worker *worker, uint32_t timeout_ms)
{
	struct weir__call *call = &worker->call;

	if (!change(call, CALL_NONE, CALL_ASKED))
		return -ESRCH;
	weir_worker_wake(worker);
	if (!await(call, timeout_ms)) {
		if (change(call, CALL_ASKED, CALL_NONE))
			return -ETIMEDOUT;
		while (sem_wait(&call->done))
			; /* a signal came */
	}
	/* acquire: what the worker wrote before its last change, here and in the context; the
	 * semaphore says so, too, but not to every checker of threads */
	atomic_load_explicit(&call->state, memory_order_acquire);
	return call->called ? 0 : -ESRCH;
}

int weir_worker_call(struct weir_worker *worker, void (*function)(void *context), void *context,
	uint32_t timeout_ms)
{
	struct weir__call *call = &worker->call;
	int error = -ESRCH;

	pthread_mutex_lock(&call->askers);
	call->function = function;
	call->context = context;
	call->called = false;
	/* relaxed: one that starts in this moment was not running */
	if (atomic_load_explicit(&worker->state, memory_order_relaxed) != NEW)
		error = ask(worker, timeout_ms);
	pthread_mutex_unlock(&call->askers);
	if (error == -ESRCH)
		return weir__fail(ESRCH, "worker '%s' does not run", worker->name);
	if (error)
		return weir__fail(ETIMEDOUT, "worker '%s' has not answered within %u ms",
			worker->name, timeout_ms);
	return 0;
}
