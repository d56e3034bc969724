/* SPDX-License-Identifier: BSD-3-Clause */
/* bench.h: a program that measures: a table of benches, one row for each measurement.
 *
 * weir-bench and every peer are such programs. Each bench is in a file of its own, which gives the
 * subject's functions; how they are combined, the same for all, is in buffers.c, rings.c, handoff.c
 * and replay.c.
 */
#ifndef BENCH_H
#define BENCH_H

#include "measure.h"
#include "options.h"
#include "work.h"

#include <jansson.h>
#include <stdio.h>

struct bench_run {
	struct options options;
	const char *program;
	const char *impl;         /* whose figures these are: "weir", "dpdk", ... */
	const char *(*why)(void); /* the sentence for a subject that could not be created */
	const char *pages;        /* what the memory of the present subject lies on */
	json_t *machine;
	json_t *rows;
	FILE *table; /* NULL: none */
	bool head_printed;
	atomic_bool stop __attribute__((aligned(128)));
	atomic_bool failed;
};

struct bench {
	const char *name;
	const char *help;
	/* Measure and add rows; 0, or 1 after a sentence on stderr. */
	int (*run)(struct bench_run *run, const struct bench *bench);
	const void *subject;
};

/* What weir-bench can do besides measuring; files are the arguments behind its name. */
struct bench_command {
	const char *name;
	const char *help;
	int (*run)(struct bench_run *run, char **files, uint32_t count);
};

struct bench_program {
	const char *impl;
	const char *doc;                      /* for --help */
	const struct bench *const *benches;   /* ended by NULL */
	const struct bench_command *commands; /* ended by one without a name; or NULL */
	/* Before the first bench; NULL, or returns 0, 1 or BENCH_NOT_HERE, having said why. */
	int (*start)(const struct options *options);
	const char *(*why)(void); /* what a create() failed of; NULL: errno has it */
};

/* Parse the command line, run what it names, write what it asks for. The exit status: 0, 1 when
 * something failed, 2 when used wrongly; 77 when start() said so: this cannot be measured here. */
#define BENCH_MISUSE   2
#define BENCH_NOT_HERE 77
int bench_main(int argc, char **argv, const struct bench_program *program);

/* One measurement. */
struct bench_case {
	const char *bench;
	const char *variant;
	uint32_t burst;
	const struct measure_work *works;
	uint32_t workers;
	bool talking;
	uint64_t slice_ns; /* 0: the usual */
	uint64_t batch_ns;
	int (*enter)(void);
	void (*leave)(void);
};

/* Measure it and add a row. 0, or 1 after a sentence on stderr. */
int bench_measure(struct bench_run *run, const struct bench_case *which);

/* Add a row for a figure found otherwise. */
int bench_add_row(
	struct bench_run *run, const struct bench_case *which, const struct measure_result *result);

/* Write the rows as --json and --html ask. 0, or 1 after a sentence on stderr. */
int bench_write(struct bench_run *run);

/* Say on stderr what failed; returns 1. */
int bench_fail(const struct bench_run *run, const char *bench, const char *what, const char *why);

/* Memory for count workers' states, ready for a pattern; NULL after a sentence. */
struct work *bench_works(struct bench_run *run, uint32_t count, uint32_t burst);

/* ---- what can be combined ---- */

/* A source of buffers: the benches mempool and mbuf, and one half of handoff. */
struct buffers_subject {
	const struct work_buffers *buffers;
	void *(*create)(const struct options *options); /* NULL: the program's why() tells */
	void (*destroy)(void *pool);
	const char *(*pages)(void *pool);
	uint64_t (*run)(void *work, uint64_t rounds); /* work_buffers_run() with buffers */
	int (*enter)(void);                           /* as in measure_conf; may be NULL */
	void (*leave)(void);
};
int bench_buffers(struct bench_run *run, const struct bench *bench);

/* The same source made and destroyed: the bench create. */
int bench_create_pools(struct bench_run *run, const struct bench *bench);

/* Blocks of memory: the bench heap. */
struct work_heap;
struct heap_subject {
	const struct work_heap *calls; /* work_heap.h */
	void *(*create)(const struct options *options);
	void (*destroy)(void *heap);
	const char *(*pages)(void *heap);
	/* work_blocks_single(), _mixed() and _foreign() with calls */
	uint64_t (*single)(void *work, uint64_t rounds);
	uint64_t (*mixed)(void *work, uint64_t rounds);
	uint64_t (*foreign)(void *work, uint64_t rounds);
	int (*enter)(void); /* as in measure_conf; may be NULL */
	void (*leave)(void);
};
int bench_heaps(struct bench_run *run, const struct bench *bench);

/* Rings; one of these for each kind, in a list ended by NULL. */
struct ring_subject {
	const char *name; /* "spsc" or "mpmc" */
	const struct work_ring *ring;
	void *(*create)(uint32_t count);
	void (*destroy)(void *ring);
	uint64_t (*run)(void *work, uint64_t rounds); /* work_ring_run() with ring */
	bool many;                                    /* many threads may use both ends */
	int (*enter)(void);
	void (*leave)(void);
};
int bench_rings(struct bench_run *run, const struct bench *bench);

/* Slots of every ring. */
#define BENCH_RING_SLOTS 1024

/* Buffers handed from core to core through a ring. */
struct handoff_subject {
	const char *name; /* "spsc": bare pointers; "carried": by a channel */
	const struct buffers_subject *buffers;
	const struct ring_subject *ring;
	/* gives back what comes out of the ring; NULL: as buffers do */
	void (*put)(void *pool, void **received, uint32_t count);
	uint64_t (*run)(void *work, uint64_t rounds); /* work_handoff_run() with both */
};

/* The subject of the bench is an array of these, NULL at its end. */
int bench_handoffs(struct bench_run *run, const struct bench *bench);

/* What is done to packets, a loop each: rounds of WORK_PACKETS operations. Ended by one without a
 * name. */
struct packets_variant {
	const char *name;
	uint64_t (*run)(void *work, uint64_t rounds);
};

struct packets_subject {
	const struct buffers_subject *buffers;
	const struct packets_variant *variants;
};
int bench_packets_of(struct bench_run *run, const struct bench *bench);

#define WORK_PACKETS 32

/* Headers of packets: the bench parse. */
struct parse_subject {
	const struct buffers_subject *buffers;
	uint8_t *(*append)(void *buffer, uint32_t length); /* room for a packet's bytes */
	/* Parse a burst of held's first WORK_OUTSTANDING, the next one each round. */
	uint64_t (*run)(void *work, uint64_t rounds);
};
int bench_parses(struct bench_run *run, const struct bench *bench);

/* A graph of stages: the bench pipeline. Ended by a variant without a name. */
struct pipeline_variant {
	const char *name;
	void *(*open)(void *pool, uint32_t burst); /* NULL: the program's why() tells */
	uint64_t (*run)(void *context, uint64_t rounds);
	void (*close)(void *context);
};
struct pipeline_subject {
	const struct buffers_subject *buffers;
	uint8_t *(*append)(void *buffer, uint32_t length);
	const struct pipeline_variant *variants;
};
int bench_pipelines(struct bench_run *run, const struct bench *bench);

/* A reader of captures, to drop or to write: the benches replay, loop, loopcopy and convert. */
struct replay_subject {
	void *(*open)(const struct options *options, const char *path, const char *bench);
	/* Read and drop up to rounds bursts; how many packets. 0 at the end of the file. */
	uint64_t (*run)(void *reader, uint64_t rounds);
	int (*rewind)(void *reader, const char *path); /* read it again: 0, or -1 */
	void (*close)(void *reader);
	const char *(*pages)(void *reader);
	int (*enter)(void);
	void (*leave)(void);
};
int bench_replays(struct bench_run *run, const struct bench *bench);

/* Checksums of bytes in a row; one of these for each kind, ended by one without a name. */
struct checksum_subject {
	const char *name;
	uint64_t (*run)(void *work, uint64_t rounds); /* work_bytes_run() with the call */
	uint32_t most;                                /* bytes it is meant for */
};
int bench_checksums(struct bench_run *run, const struct bench *bench);

/* Tables of flows: the bench flow. A value of 8 bytes, which is not 0, belongs to each key. */
struct flow_subject {
	void *(*create)(const struct options *options, uint32_t count); /* NULL: why() tells */
	void (*destroy)(void *table);
	const char *(*pages)(void *table);
	bool (*insert)(void *table, const void *key); /* before the measurement */
	/* work_flows_run() with calls that look a burst up, add what is found to sum, and what is
	 * not to wrong; and that insert a burst, one by one or by a call for many, after emptying
	 * the table when at is 0. */
	uint64_t (*lookup)(void *work, uint64_t rounds);
	uint64_t (*insert_one)(void *work, uint64_t rounds);
	uint64_t (*insert_bulk)(void *work, uint64_t rounds);
	int (*enter)(void);
	void (*leave)(void);
};
int bench_flows(struct bench_run *run, const struct bench *bench);

/* Sets of rules: the bench acl. */
struct work_rule;
struct work_rules;
struct rules_subject {
	void *(*create)(const struct options *options, const struct work_rule *rules,
		uint32_t count); /* NULL: why() tells */
	void (*destroy)(void *set);
	const char *(*pages)(void *set);
	/* The numbers of the first rules that count keys match, from the one with number at on. */
	void (*find)(const struct work_rules *work, uint32_t at, uint32_t count, uint32_t *found);
	uint64_t (*run)(void *work, uint64_t rounds); /* work_rules_run() with it */
	int (*enter)(void);
	void (*leave)(void);
};
int bench_rules(struct bench_run *run, const struct bench *bench);

/* Packets a reader is asked for at a time. */
#define BENCH_REPLAY_BURST 32

/* Measure one file; bench_replay_files() calls it for --input, or for each made file. */
typedef int bench_measure_file(
	struct bench_run *run, const struct bench *bench, const char *variant, const char *path);
int bench_replay_files(
	struct bench_run *run, const struct bench *bench, bench_measure_file *measure_one);

#endif
