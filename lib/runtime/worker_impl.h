/* SPDX-License-Identifier: BSD-3-Clause */
/* worker_impl.h: a worker, and what others have called on its thread. */
#ifndef WEIR_WORKER_IMPL_H
#define WEIR_WORKER_IMPL_H

#include "weir/atomic.h"
#include "weir/worker.h"

#include <pthread.h>
#include <semaphore.h>

enum weir__worker_state { NEW, STARTING, RUNNING, ENDED };

struct weir__worker_figures {
	WEIR_ATOMIC(uint64_t) turns;
	WEIR_ATOMIC(uint64_t) busy_turns;
	WEIR_ATOMIC(uint64_t) packets;
	WEIR_ATOMIC(uint64_t) busy;
	WEIR_ATOMIC(uint64_t) idle;
	WEIR_ATOMIC(uint64_t) asleep;
	WEIR_ATOMIC(uint64_t) sleeps;
};

/* See call.c. */
enum weir__call_state { CALL_NONE, CALL_ASKED, CALL_RUNNING, CALL_OVER };

struct weir__call {
	WEIR_ATOMIC(enum weir__call_state) state;
	void (*function)(void *context);
	void *context;
	bool called;            /* written before done */
	sem_t done;             /* up when the function was called, or never will be */
	pthread_mutex_t askers; /* one at a time; the worker does not take it */
};

struct weir_worker {
	struct weir_worker_conf conf;
	WEIR_ATOMIC(bool) told; /* to stop */
	uint32_t idle_turns;    /* in a row */
	uint32_t asks;          /* of dry pools, answered */
	struct weir__worker_figures figures;
	struct weir__call call;
	char name[16]; /* what the kernel keeps of a thread's name */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	WEIR_ATOMIC(enum weir__worker_state) state; /* changed under the lock */
	int error;                                  /* why it could not run */
	bool has_thread;                            /* to be joined */
	pthread_t thread;
	int bell; /* an eventfd, so that it can be waited for beside ports */
};

/* loop.c: until it is told to stop, or has nothing left to do. */
void weir__worker_loop(struct weir_worker *worker);

/* call.c */
void weir__call_open(struct weir__call *call);
void weir__call_close(struct weir__call *call);

/* On the worker's thread: make the call that somebody waits for; and make none any more. */
void weir__call_make(struct weir__call *call);
void weir__call_end(struct weir__call *call);

static inline void weir__call_look(struct weir__call *call)
{
	/* relaxed: who sees it late looks again after the next turn; make acquires */
	if (weir_unlikely(atomic_load_explicit(&call->state, memory_order_relaxed) == CALL_ASKED))
		weir__call_make(call);
}

#endif
