/* SPDX-License-Identifier: BSD-3-Clause */
/* tap_impl.h: who sees the packets of a worker.
 *
 *	graph -> table -> edges[]  -> entry -> entry     what goes along that edge
 *	               -> drops[]  -> entry              what that node drops
 *
 * A table does not change: another one is published instead (weir/rcu.h), and the old one freed
 * after a grace period. tap.c has the tables and the way of packets, tap_find.c what a conf names.
 */
#ifndef WEIR_TAP_IMPL_H
#define WEIR_TAP_IMPL_H

#include "weir/tap.h"

#include "runtime/pipeline_impl.h"

/* One place of a graph that a tap sees. */
struct weir__tap_place {
	uint32_t graph, index; /* of the edge or node there */
	bool drops;
	struct weir_recorder_mark mark;
	uint32_t comments[WEIR_STAGE_COUNTERS]; /* by the reason */
};

struct weir__tap_entry {
	struct weir__tap_entry *next;
	struct weir_tap *tap;
	const struct weir__tap_place *place;
};

struct weir__tap_table {
	uint32_t entry_count;
	struct weir__tap_entry *entries;
	struct weir__tap_entry **edges, **drops; /* the first of each */
};

struct weir_tap {
	const struct weir_pipeline *pipeline;
	struct weir_recorder *recorder;
	struct weir__filter *filter; /* NULL: all packets */
	uint8_t **copies;            /* for the filter, by graph */
	struct weir__tap_place *places;
	uint32_t place_count;
	bool detached;
};

/* tap_find.c: fill the tap's places, and tell its recorder of sources and comments. 0, or -errno
 * with a sentence. count only counts them, before there is a recorder. */
int weir__tap_count(const struct weir_pipeline *pipeline, const struct weir_tap_conf *conf);
int weir__tap_find(struct weir_tap *tap, const struct weir_tap_conf *conf);

#endif
