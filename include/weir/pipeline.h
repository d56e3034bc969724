/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/pipeline.h: stages connected to a graph, run by workers.
 *
 *	in:    rx in.pcap                       a stage: its name, its type, its arguments
 *	web:   match "tcp port 80"
 *	out:   tx pcap:tx=web.pcap
 *	rest:  drop
 *
 *	in -> web -> out                        connections, by the first edge
 *	web.no -> rest                          or by the one named
 *
 * Each worker runs rounds: it polls its sources, then runs every stage that packets came to, in an
 * order in which each stage comes behind all that lead to it. A ring cuts the graph: what is in
 * front of it and what is behind are run by different workers. Arguments of the sources of a part,
 * `lcores=2-3` or `workers=2`, say how many workers it has, and where; the ring spreads packets
 * over them by flow (weir/spread.h).
 *
 * A pipeline does not change once it runs; what its stages read may (weir/rcu.h).
 *
 * Which calls may be made at the same time on one pipeline: figures, watch, error and call beside
 * everything but create, start and destroy; turn of different workers beside each other; else none.
 */
#ifndef WEIR_PIPELINE_H
#define WEIR_PIPELINE_H

#include "weir/base.h"
#include "weir/mempool.h"
#include "weir/stage.h"
#include "weir/worker.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Stages of a pipeline at most; and workers. */
#define WEIR_PIPELINE_STAGES  256
#define WEIR_PIPELINE_WORKERS 64

struct weir_pipeline_conf {
	const char *name;                           /* of its workers; NULL: "pipeline" */
	const struct weir_stage_type *const *types; /* weir_stages (weir/stages.h); NULL at the
						     * end */
	const struct weir_stage_type *const *more;  /* the application's own, or NULL */
	struct weir_mempool *pool;                  /* for ports that stages open */
	uint32_t burst;      /* packets a source is asked for, to WEIR_STAGE_BURST; 0: 32 */
	enum weir_idle idle; /* of its workers, as in weir_worker_conf */
	uint32_t sleep_us;
	uint64_t limit; /* packets that come in, of all sources together; then these have ended. 0:
			 * no limit */
	bool check; /* look after each run of a stage whether it lost packets, or freed ones that
		     * it handed on or freed before: slow, to find a fault */
};

struct weir_pipeline;

/* NULL with errno and weir_last_error(). The types must outlive it. */
WEIR_API struct weir_pipeline *weir_pipeline_create(const struct weir_pipeline_conf *conf);

/* Let stages use an open port by this name. It stays the caller's, and must outlive the pipeline.
 * 0, or -errno with weir_last_error(). */
WEIR_API int weir_pipeline_port(
	struct weir_pipeline *pipeline, const char *name, struct weir_port *port);

/* Add a stage: args as in a line of text, or NULL; data for types that want something of the
 * program, such as a function to call. 0, or -errno with weir_last_error(): -EEXIST for a name that
 * is taken, -ENOENT for an unknown type, -EINVAL for arguments that are wrong. */
WEIR_API int weir_pipeline_add(struct weir_pipeline *pipeline, const char *name, const char *type,
	const char *args, void *data);

/* Connect "stage" or "stage.edge" to a stage. 0, or -errno with weir_last_error(). */
WEIR_API int weir_pipeline_connect(
	struct weir_pipeline *pipeline, const char *from, const char *to);

/* Add what a text says, or a file. Errors begin with "line 3: " or "FILE:3: ". */
WEIR_API int weir_pipeline_parse(struct weir_pipeline *pipeline, const char *text);
WEIR_API int weir_pipeline_read(struct weir_pipeline *pipeline, const char *path);

/* Check that the graph is whole, and make it ready: every edge leads somewhere, every stage is
 * reached, no loop is without a ring. 0, or -EINVAL or what a stage returned, with
 * weir_last_error(). Called by start; nothing can be added after it. When a stage refused, the
 * pipeline can only be destroyed. */
WEIR_API int weir_pipeline_build(struct weir_pipeline *pipeline);

/* The graph for graphviz: `dot -Tsvg`. The caller frees it with free(). NULL when there is no
 * memory for it. After build it says which worker runs what. */
WEIR_API char *weir_pipeline_draw(const struct weir_pipeline *pipeline);

/* Start all workers. 0, or -errno with weir_last_error() and none running. */
WEIR_API int weir_pipeline_start(struct weir_pipeline *pipeline);

/* Wait until all workers have ended by themselves, as they do when all sources have. 0, -ETIMEDOUT,
 * or -EPROTO when the pipeline failed. */
WEIR_API int weir_pipeline_wait(struct weir_pipeline *pipeline, uint32_t timeout_ms);

/* Stop: no source is polled any more, and the packets that are inside go their way. Waits for it as
 * weir_worker_stop(): 0, or -ETIMEDOUT with the stage that is to blame. */
WEIR_API int weir_pipeline_stop(struct weir_pipeline *pipeline, uint32_t timeout_ms);

/* Have function(context) called on a worker's thread between two rounds, and wait for it, as
 * weir_worker_call(): 0, -ESRCH or -ETIMEDOUT. The workers are started by weir_pipeline_start(). */
WEIR_API int weir_pipeline_call(const struct weir_pipeline *pipeline, uint32_t worker,
	void (*function)(void *context), void *context, uint32_t timeout_ms);

/* Free it; ports that stages opened are closed. -EBUSY while workers run, or as weir_port_close(),
 * freed all the same. NULL is allowed and returns 0. */
WEIR_API int weir_pipeline_destroy(struct weir_pipeline *pipeline);

/* ---- one in the place of another ----
 *
 *	new = weir_pipeline_create(); weir_pipeline_share_ports(new, old)
 *	... stages; weir_pipeline_build(new)     refused: the old one has not noticed
 *	weir_pipeline_stop(old)                  packets that are inside go their way
 *	weir_pipeline_succeed(new, old); weir_pipeline_start(new); weir_pipeline_destroy(old)
 *
 * What arrives in between waits in the ports. */

/* Let stages use all ports of another pipeline by their names there. Before stages are added. 0, or
 * -errno with weir_last_error(). */
WEIR_API int weir_pipeline_share_ports(
	struct weir_pipeline *pipeline, const struct weir_pipeline *with);

/* Ports that stages of the old one opened and stages of this one use are this one's now, and so is
 * what is left of the limit. The old one has been stopped, and can only be destroyed. */
WEIR_API void weir_pipeline_succeed(struct weir_pipeline *pipeline, struct weir_pipeline *old);

/* ---- workers of one's own ----
 *
 * Instead of start: after build, one round of a worker on the calling thread, which a reader of RCU
 * may be. Returns packets that came in, or WEIR_WORKER_END when no more will come. finish after
 * the last turn. */
WEIR_API uint32_t weir_pipeline_workers(const struct weir_pipeline *pipeline);
WEIR_API uint32_t weir_pipeline_turn(struct weir_pipeline *pipeline, uint32_t worker);
WEIR_API void weir_pipeline_finish(struct weir_pipeline *pipeline, uint32_t worker);

/* ---- what goes on ---- */

/* The sentence of the fault that stopped the pipeline; "" without one. */
WEIR_API const char *weir_pipeline_error(const struct weir_pipeline *pipeline);

/* Has a worker been inside one run of a stage since the last call of this, if that was at least
 * within_ms ago? -ETIMEDOUT with weir_last_error(), which names both; else 0. To be called now and
 * then, by one thread. */
WEIR_API int weir_pipeline_watch(struct weir_pipeline *pipeline, uint32_t within_ms);

/* Of a stage, added up over its workers. One round in 16 is timed. */
struct weir_stage_stats {
	const char *name, *type;
	uint64_t packets; /* that came in, or were received */
	uint64_t runs;
	uint64_t timed_packets, timed_ticks; /* ticks as in weir_worker_stats */
	uint64_t bursts[9];                  /* runs with 1, 2-3, 4-7, ... 256 packets */
	uint64_t ticks[16];                  /* timed runs of 0-1, 2-3, 4-7, ... ticks a packet */
	uint64_t waits_us[16]; /* of a ring: packets, one at a time, that lay in it for 0-1, 2-3,
				* 4-7, ... microseconds */
	uint32_t edge_count, counter_count;
	struct {
		const char *name, *to;
		uint64_t packets;
	} edges[WEIR_STAGE_EDGES];
	struct {
		const char *name;
		uint64_t value;
	} counters[WEIR_STAGE_COUNTERS];
};

WEIR_API uint32_t weir_pipeline_stages(const struct weir_pipeline *pipeline);

/* The index of a stage, or -ENOENT. */
WEIR_API int weir_pipeline_find(const struct weir_pipeline *pipeline, const char *name);

/* How many workers run a stage, by its index, and the number of the first of them, behind which the
 * others are; of a ring those that receive from it. As figures, from build on. */
WEIR_API uint32_t weir_pipeline_stage_workers(
	const struct weir_pipeline *pipeline, uint32_t index, uint32_t *first);

/* The figures of a stage by its index, of about now; only the names before build. */
WEIR_API void weir_pipeline_stage_stats(
	const struct weir_pipeline *pipeline, uint32_t index, struct weir_stage_stats *stats);

/* Of a worker: its thread's figures, all 0 for one of one's own, and how long timed rounds took
 * from a poll to the end: 0-1, 2-3, 4-7, ... microseconds. How long packets stay inside is that, of
 * the parts they pass, and the waits in the rings between. */
struct weir_pipeline_worker_stats {
	struct weir_worker_stats thread;
	uint64_t rounds_us[16];
};

WEIR_API void weir_pipeline_worker_stats(const struct weir_pipeline *pipeline, uint32_t worker,
	struct weir_pipeline_worker_stats *stats);

/* All of it: a table of stages and one of workers, or, with json, one line: an object with arrays
 * "stages" and "workers" (docs/pipelines.md). The caller frees it with free(). NULL when there is
 * no memory for it. */
WEIR_API char *weir_pipeline_report(const struct weir_pipeline *pipeline, bool json);

/* The ports that stages use, both the caller's and those that stages opened, by a number from 0;
 * NULL for one that there is not. To look at, from build to destroy. */
WEIR_API const struct weir_port *weir_pipeline_port_at(
	const struct weir_pipeline *pipeline, uint32_t index);

#ifdef __cplusplus
}
#endif

#endif
