/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/stage.h: a stage of a pipeline (weir/pipeline.h): a function over a burst of packets.
 *
 *	static void run(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
 *	{
 *		for (uint32_t i = 0; i < count; i++)
 *			weir_stage_next(stage, mbufs[i]->length > 1500, mbufs[i]);
 *	}
 *
 *	static const char *const edges[] = {"short", "long", NULL};
 *	const struct weir_stage_type by_length = {
 *		.name = "by-length", .help = "short and long packets", .edges = edges, .run = run};
 *
 * Ownership: a stage owns the packets it is run with. Each must be handed on, dropped, or left by
 * weir_stage_took(); the array is the library's. What is handed on is gathered, so that the next
 * stage runs once over all of it, and packets keep their order on each edge.
 *
 * Threads: every worker has a stage of its own, with its own state; conf is shared by all and only
 * read once the pipeline runs, but for what says otherwise, such as a slot of weir/rcu.h. run,
 * poll, ended and teardown are called on the worker's thread, open, join, setup and close on that
 * which calls the pipeline. Nothing on the way of packets allocates but mbufs, or waits.
 */
#ifndef WEIR_STAGE_H
#define WEIR_STAGE_H

#include "weir/atomic.h"
#include "weir/base.h"
#include "weir/mbuf.h"
#include "weir/port.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Packets a stage is run with at most: a vector of 2 KiB, so that a few fit the first cache. */
#define WEIR_STAGE_BURST 256
/* Ways out of a stage, and figures of one, at most. */
#define WEIR_STAGE_EDGES    64
#define WEIR_STAGE_COUNTERS 16

/* What is on its way to one next stage. */
struct weir_stage_edge {
	struct weir_mbuf **vector; /* WEIR_STAGE_BURST places */
	uint32_t count;
	struct weir_stage *to;
	WEIR_ATOMIC(uint64_t) packets; /* that went this way and were seen by the next */
};

/* One worker's stage. A type uses conf, state, worker, workers and polls; the rest is for the
 * inline calls below. */
struct weir_stage {
	struct weir_stage_edge *edges;
	struct weir_stage_edge *in; /* whose vector it is run with */
	void *conf;                 /* conf_size bytes, of all workers */
	void *state;                /* state_size bytes, zero at first, of this worker */
	uint32_t worker, workers;   /* which of how many that run it */
	bool polls;                 /* of a type with run and poll: is this the end that polls? */
	WEIR_ATOMIC(uint64_t) took, made;
	WEIR_ATOMIC(uint64_t) counters[WEIR_STAGE_COUNTERS];
	/* what it receives from or sends to, set in setup, for captures of ports */
	const struct weir_port *port;
	uint32_t queue;
};

struct weir_stage_args;

/* What a stage is. Constant; NULL for what a type does not have.
 *
 * A source has poll, fills mbufs with up to count packets, returns how many, and hands them to its
 * first edge by that. A ring has both: packets that it is run with come out of poll of another
 * worker. All others have run only. */
struct weir_stage_type {
	const char *name, *help;
	const char *const *edges; /* names of the ways out, the usual first; NULL at the end */
	const char *const
		*counters; /* names of its figures, NULL at the end; reasons to drop, too */
	size_t conf_size, state_size;
	/* Take what the arguments say into conf, which is zero. 0, or by weir_stage_fail(); then
	 * close is not called. */
	int (*open)(struct weir_stage_args *args, void *conf);
	void (*close)(void *conf);
	/* A ring learns how many workers are at its ends, and whether it leads back to where it
	 * came from. */
	int (*join)(void *conf, uint32_t from, uint32_t to, bool back);
	/* Before the first and after the last packet of this worker. */
	int (*setup)(struct weir_stage *stage);
	void (*teardown)(struct weir_stage *stage);
	uint32_t (*poll)(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count);
	/* Poll found nothing: will it ever again? */
	bool (*ended)(const struct weir_stage *stage);
	/* What a source receives from, and the queue of it, so that an idle worker may sleep until
	 * it has something. */
	struct weir_port *(*source)(const struct weir_stage *stage, uint32_t *queue);
	void (*run)(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count);
};

/* ---- for run ---- */

WEIR_API void weir__stage_append(
	struct weir_stage_edge *edge, struct weir_mbuf **mbufs, uint32_t count);
WEIR_API void weir__stage_flush(struct weir_stage_edge *edge);

/* Hand on one packet. */
static inline void weir_stage_next(struct weir_stage *stage, uint32_t edge, struct weir_mbuf *mbuf)
{
	struct weir_stage_edge *out = &stage->edges[edge];

	if (weir_unlikely(out->count == WEIR_STAGE_BURST))
		weir__stage_flush(out);
	out->vector[out->count++] = mbuf;
}

/* Hand on count packets. When these are the array that run got, all of it or its first ones, and
 * nothing waits on the edge, the array itself goes, and nothing is copied: so let it be the last
 * call with this array. */
static inline void weir_stage_pass(
	struct weir_stage *stage, uint32_t edge, struct weir_mbuf **mbufs, uint32_t count)
{
	struct weir_stage_edge *out = &stage->edges[edge];

	if (weir_likely(out->count == 0 && mbufs == stage->in->vector)) {
		stage->in->vector = out->vector;
		out->vector = mbufs;
		out->count = count;
	} else {
		weir__stage_append(out, mbufs, count);
	}
}

/* Hand on each packet by the edge with its number in ways; all of them at once when, as often, they
 * go the same way. */
WEIR_API void weir_stage_split(
	struct weir_stage *stage, const uint8_t *ways, struct weir_mbuf **mbufs, uint32_t count);

/* Add to the figure with this index in type->counters. */
static inline void weir_stage_count(struct weir_stage *stage, uint32_t counter, uint64_t more)
{
	/* relaxed, and no read-modify-write: one writer */
	uint64_t now = atomic_load_explicit(&stage->counters[counter], memory_order_relaxed);

	atomic_store_explicit(&stage->counters[counter], now + more, memory_order_relaxed);
}

/* Free count packets and count them under this reason. */
WEIR_API void weir_stage_drop(
	struct weir_stage *stage, uint32_t counter, struct weir_mbuf **mbufs, uint32_t count);

/* Packets that a run drops one by one, those in a row that have the same reason: they lie at the
 * start of the array that run got, in places that it is done with. */
struct weir_stage_drops {
	struct weir_mbuf **mbufs; /* that array */
	uint32_t counter, count;  /* 0 at first */
};

/* Drop those that are left: at the end of run. */
static inline void weir_stage_drop_rest(struct weir_stage *stage, struct weir_stage_drops *drops)
{
	if (drops->count > 0)
		weir_stage_drop(stage, drops->counter, drops->mbufs, drops->count);
	drops->count = 0;
}

/* Drop one more, for a reason. */
static inline void weir_stage_drop_next(struct weir_stage *stage, struct weir_stage_drops *drops,
	uint32_t counter, struct weir_mbuf *mbuf)
{
	if (weir_unlikely(counter != drops->counter))
		weir_stage_drop_rest(stage, drops);
	drops->counter = counter;
	drops->mbufs[drops->count++] = mbuf;
}

/* For a stage that drops in a way of its own, before it does: let captures see the packets. */
WEIR_API void weir_stage_dropping(
	struct weir_stage *stage, uint32_t counter, struct weir_mbuf *const *mbufs, uint32_t count);

/* These packets ended here other than by a drop: they were sent, kept or freed. And these are new.
 * So a pipeline can find out which stage loses packets (weir_pipeline_conf.check). */
static inline void weir_stage_took(struct weir_stage *stage, uint64_t count)
{
	uint64_t took = atomic_load_explicit(&stage->took, memory_order_relaxed);

	atomic_store_explicit(&stage->took, took + count, memory_order_relaxed);
}
static inline void weir_stage_made(struct weir_stage *stage, uint64_t count)
{
	uint64_t made = atomic_load_explicit(&stage->made, memory_order_relaxed);

	atomic_store_explicit(&stage->made, made + count, memory_order_relaxed);
}

/* ---- for open, join and setup ---- */

/* A port of the pipeline, and how many of its queues stages use already. */
struct weir_stage_port {
	struct weir_port *port;
	uint32_t rx_queues, tx_queues;
};

/* The value of an argument, `key=value`; of the one without a key for NULL. NULL without. */
WEIR_API const char *weir_stage_arg(struct weir_stage_args *args, const char *key);

/* As a number from min to max; *number, the default, stays without it. 0, or -EINVAL. */
WEIR_API int weir_stage_arg_number(struct weir_stage_args *args, const char *key, uint64_t min,
	uint64_t max, uint64_t *number);

/* The index of its value in words, the first without it; -EINVAL for another. */
WEIR_API int weir_stage_arg_word(
	struct weir_stage_args *args, const char *key, const char *const *words);

/* The port that an argument names: one of weir_pipeline_port(), or one opened by this spec for all
 * stages that name it. NULL with the error. */
WEIR_API struct weir_stage_port *weir_stage_arg_port(struct weir_stage_args *args, const char *key);

/* What weir_pipeline_add() was given as data, and the pipeline's pool. */
WEIR_API void *weir_stage_data(struct weir_stage_args *args);
WEIR_API struct weir_mempool *weir_stage_pool(struct weir_stage_args *args);

/* Keep the sentence for weir_last_error(), with the stage and its line in front, and return
 * -error. */
WEIR_API int weir_stage_fail(int error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#ifdef __cplusplus
}
#endif

#endif
