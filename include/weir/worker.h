/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/worker.h: a thread that does one thing in a loop, on a core of its own.
 *
 *	worker = weir_worker_create(&conf)
 *	weir_worker_start(worker)        a thread of its own, or
 *	weir_worker_run(worker)          the calling thread, until it is told to stop
 *	...
 *	weir_worker_stop(worker, 1000)   drains, ends
 *	weir_worker_destroy(worker)
 *
 * Each turn of the loop calls conf.turn once, then is quiescent (weir/rcu.h): what one turn reads
 * of a slot is valid until its end. A worker that is told to stop calls conf.drain, if there is
 * one, until that returns 0.
 *
 * Which calls may be made at the same time on one worker:
 *
 *	            start, run  stop, wait  wake, stats, call  destroy
 *	start, run  no          yes         yes                no
 *	stop, wait  yes         yes         yes                no
 *	wake, stats yes         yes         yes                no
 *	call        yes         yes         yes                no
 */
#ifndef WEIR_WORKER_H
#define WEIR_WORKER_H

#include "weir/base.h"
#include "weir/lcores.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a worker does after turns that returned 0. */
enum weir_idle {
	WEIR_IDLE_ADAPTIVE, /* look again, then yield, then sleep, longer each time */
	WEIR_IDLE_BUSY,     /* look again at once: a core of its own, all of it */
	WEIR_IDLE_SLEEP,    /* sleep at once */
};

/* Returned by a turn: there is nothing left to do, ever. */
#define WEIR_WORKER_END UINT32_MAX

struct weir_worker_conf {
	const char *name;    /* of the thread, as `ps -L` shows it; the first 15 bytes. NULL:
			      * "worker" */
	int lcore;           /* WEIR_LCORE(n), or WEIR_LCORE_ANY: wherever the kernel puts it */
	enum weir_idle idle; /* WEIR_IDLE_ADAPTIVE by default */
	uint32_t sleep_us;   /* the longest sleep; 0: 1000 */
	uint32_t (*turn)(void *context);  /* returns packets handled, or WEIR_WORKER_END */
	uint32_t (*drain)(void *context); /* NULL: nothing to drain */
	/* Sleep until there may be something to do, the file bell can be read, or the time is
	 * over. false at once when it cannot know: then the sleep is sleep_us. NULL: never. */
	bool (*wait)(void *context, int bell, uint64_t timeout_ns);
	void (*ended)(void *context); /* the last call, on the worker's thread; NULL: none */
	void *context;
};

/* Ticks are those of the processor's own clock, ticks_per_second of them. */
struct weir_worker_stats {
	uint64_t turns;
	uint64_t busy_turns; /* of these, that handled packets */
	uint64_t packets;
	uint64_t busy_ticks;
	uint64_t idle_ticks;   /* turns that found nothing, and waits between them */
	uint64_t asleep_ticks; /* of these, asleep */
	uint64_t ticks_per_second;
	uint64_t sleeps;
	bool running;
};

struct weir_worker;

/* NULL with errno and weir_last_error(): EINVAL for a conf without turn, ENOMEM. */
WEIR_API struct weir_worker *weir_worker_create(const struct weir_worker_conf *conf);

/* Run it on a new thread, or on the calling one, which is a reader of RCU meanwhile and afterwards
 * runs where it ran before. 0 or -errno with weir_last_error(): -EPERM for a core outside the
 * cpuset, -ENODEV for one that is not there, -EAGAIN without a thread, -EALREADY when it was
 * started before: a worker runs once. run returns when the worker has ended. */
WEIR_API int weir_worker_start(struct weir_worker *worker);
WEIR_API int weir_worker_run(struct weir_worker *worker);

/* Tell the worker to drain and end, and wait. 0, or -ETIMEDOUT with weir_last_error() when it
 * has not ended within timeout_ms; it is still told. One that never ran will not. */
WEIR_API int weir_worker_stop(struct weir_worker *worker, uint32_t timeout_ms);

/* Wait for its end without telling it. 0, or -ETIMEDOUT with weir_last_error(). */
WEIR_API int weir_worker_wait(struct weir_worker *worker, uint32_t timeout_ms);

/* Tell it to, and do not wait. From a signal handler, too. */
WEIR_API void weir_worker_tell(struct weir_worker *worker);

/* End its sleep: there is something to do. */
WEIR_API void weir_worker_wake(struct weir_worker *worker);

/* Have function(context) called on the worker's thread between two of its turns, so that it may
 * read what only that one writes, and wait for it. Work waits meanwhile: let it be short. 0; or
 * with weir_last_error(), and never called: -ESRCH when the worker does not run, -ETIMEDOUT when it
 * did not come to it in time. Several that ask wait for one another. Not for the worker itself, nor
 * for a reader of RCU. */
WEIR_API int weir_worker_call(struct weir_worker *worker, void (*function)(void *context),
	void *context, uint32_t timeout_ms);

/* Free it. -EBUSY with weir_last_error() when it has not ended. NULL is allowed and returns 0. */
WEIR_API int weir_worker_destroy(struct weir_worker *worker);

WEIR_API const char *weir_worker_name(const struct weir_worker *worker);

/* The figures, of about now. */
WEIR_API void weir_worker_stats(const struct weir_worker *worker, struct weir_worker_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
