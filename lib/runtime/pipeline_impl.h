/* SPDX-License-Identifier: BSD-3-Clause */
/* pipeline_impl.h: a pipeline as it is described, and as it runs.
 *
 *	described: vertices, each with the vertices its edges lead to; parts between rings
 *	running:   for each worker a graph: a piece of memory with its nodes in the order they run
 *
 * A ring is one vertex and two nodes: the end that is run lies in the graphs of the part before it,
 * the end that polls in those of the part behind.
 *
 *	pipeline.c  its life     text.c   the short text     args.c  arguments of stages
 *	check.c     is it whole  build.c  the graphs         run.c   rounds: the way of packets
 *	faults.c    what goes wrong       tap.c    who sees packets
 *	figures.c   what was counted      draw.c
 *	vertex.c    stages are added
 */
#ifndef WEIR_PIPELINE_IMPL_H
#define WEIR_PIPELINE_IMPL_H

#include "weir/pipeline.h"
#include "weir/rcu.h"
#include "weir/spread.h"

#include <stddef.h>

#define WEIR__ARGS    16
#define WEIR__NOWHERE UINT32_MAX

/* The arguments of a stage while it is opened. */
struct weir_stage_args {
	struct weir_pipeline *pipeline;
	char *text;                   /* own copy; the pointers below point into it */
	const char *keys[WEIR__ARGS]; /* NULL for the one without a key */
	const char *values[WEIR__ARGS];
	bool used[WEIR__ARGS];
	uint32_t count;
	void *data;
};

/* 0, or -errno with a sentence. */
int weir__args_parse(struct weir_stage_args *args, const char *text);
void weir__args_free(struct weir_stage_args *args);
/* -EINVAL with a sentence when there is one that nobody asked for. */
int weir__args_finish(const struct weir_stage_args *args);

struct weir__vertex {
	char *name;
	const struct weir_stage_type *type;
	void *conf;
	uint32_t line; /* of the text; 0: none */
	uint32_t edge_count;
	uint32_t to[WEIR_STAGE_EDGES]; /* vertices, or WEIR__NOWHERE */
	uint32_t part;                 /* of the end that polls in a ring: behind */
	uint32_t part_before;          /* of a ring's other end; else the same */
	bool placed;                   /* says something on workers */
	struct weir_lcores lcores;
	uint32_t workers;
};

/* What lies between rings, run by workers of its own. */
struct weir__part {
	const struct weir__vertex *placed_by;
	struct weir_lcores lcores; /* none: the workers run anywhere */
	uint32_t workers;
	uint32_t first; /* worker */
	uint32_t rank;  /* packets come from parts of lower rank, but for loops */
};

struct weir__port {
	struct weir_stage_port use; /* first: stages get a pointer to it */
	struct weir__port *next;
	bool own;  /* to be closed */
	bool used; /* by a stage */
	char name[];
};

struct weir__graph;

/* A worker's stage. */
struct weir__node {
	struct weir_stage stage; /* first: stages get a pointer to it */
	void (*run)(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count);
	uint32_t (*poll)(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count);
	struct weir_stage_edge **ins; /* that lead here */
	uint32_t in_count;
	uint32_t edge_count;
	uint32_t vertex;
	bool ready;   /* was set up, and not torn down */
	bool limited; /* its packets count towards conf.limit */
	struct weir__graph *graph;
	WEIR_ATOMIC(uint64_t) timed_packets, timed_ticks;
	WEIR_ATOMIC(uint64_t) bursts[9];
	WEIR_ATOMIC(uint64_t) ticks[16];
	WEIR_ATOMIC(uint64_t) waits_us[16]; /* of a ring's end that polls */
};

struct weir__graph {
	struct weir_pipeline *pipeline;
	struct weir__node *nodes; /* sources first */
	uint32_t source_count, node_count, burst;
	uint32_t number;               /* in the pipeline's graphs */
	struct weir_rcu_slot taps;     /* struct weir__tap_table, or NULL */
	struct weir_stage_edge *edges; /* of all nodes, one behind the other */
	uint32_t edge_count;
	WEIR_ATOMIC(const struct weir__node *) current; /* whose run it is in, or NULL */
	WEIR_ATOMIC(uint64_t) rounds;
	WEIR_ATOMIC(uint64_t) rounds_us[16];
	uint64_t ticks_per_us;
	struct weir_region *memory;
	struct weir_worker *worker;        /* NULL: one of the application's threads */
	uint64_t rounds_watched, since_ns; /* of weir_pipeline_watch() */
};

enum weir__phase { WEIR__DESCRIBED, WEIR__BROKEN, WEIR__BUILT, WEIR__RUNNING };

struct weir_pipeline {
	struct weir_pipeline_conf conf;
	char name[16];
	enum weir__phase phase;
	uint32_t line; /* of the text that is read; 0: none */
	const char *file;
	struct weir__vertex *vertices[WEIR_PIPELINE_STAGES];
	uint32_t vertex_count;
	uint32_t order[WEIR_PIPELINE_STAGES]; /* that run, sources left out */
	uint32_t order_count;
	struct weir__part parts[WEIR_PIPELINE_STAGES];
	uint32_t part_count;
	struct weir__graph *graphs[WEIR_PIPELINE_WORKERS];
	uint32_t graph_count;
	struct weir__port *ports;
	WEIR_ATOMIC(uint64_t) left; /* of conf.limit */
	WEIR_ATOMIC(int) failed;    /* 0, claimed, set */
	WEIR_ATOMIC(bool) told;     /* to stop, though workers are told one after the other */
	char error[512];
};

static inline bool weir__is_source(const struct weir__vertex *vertex)
{
	return vertex->type->poll && !vertex->type->run;
}

static inline bool weir__is_ring(const struct weir__vertex *vertex)
{
	return vertex->type->poll && vertex->type->run;
}

/* vertex.c: its name in a sentence: "line 3: stage 'web' (match)". Valid until the next call in
 * this thread. */
const char *weir__vertex_name(
	const struct weir_pipeline *pipeline, const struct weir__vertex *vertex);

/* Put that in front of the last error. Returns error. */
int weir__blame(const struct weir_pipeline *pipeline, const struct weir__vertex *vertex, int error);

void weir__vertex_free(struct weir__vertex *vertex);

/* pipeline.c: the port of this name, opened if need be. NULL with a sentence. */
struct weir__port *weir__pipeline_port(struct weir_pipeline *pipeline, const char *name);

/* check.c: find the order, the parts and their workers. 0, or -EINVAL with a sentence. */
int weir__pipeline_check(struct weir_pipeline *pipeline);

/* build.c: make the graphs; and free them. */
int weir__graphs_build(struct weir_pipeline *pipeline);
void weir__graphs_free(struct weir_pipeline *pipeline);
/* Call teardown where setup was called. */
void weir__graph_finish(struct weir__graph *graph);

/* run.c: one round; with rings_only no other source is polled. Returns packets that came in. */
uint32_t weir__graph_round(struct weir__graph *graph, bool rings_only);
bool weir__graph_ended(const struct weir__graph *graph);

/* faults.c: run a stage and look at what it did: run of its node in a pipeline that checks. */
void weir__run_checked(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count);

static inline bool weir__has_failed(const struct weir_pipeline *pipeline)
{
	/* acquire: the sentence is there; pairs with fail() in faults.c */
	return atomic_load_explicit(&pipeline->failed, memory_order_acquire) == 2;
}

#endif
