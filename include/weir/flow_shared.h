/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/flow_shared.h: a table of flows that several cores share.
 *
 * For what cannot be spread over cores: packets of one flow that come to several, such as those of
 * the two sides of an address translation. Where flows stay on their core, a table for each
 * (weir/flow.h) is several times faster.
 *
 * It is liburcu's hash table without locks (split-ordered lists, O. Shalev and N. Shavit, 2006)
 * over records of a mempool. A flow that was removed stays readable until no reader can have it any
 * more (weir/rcu.h).
 *
 * Threads: all calls but create and destroy may be made at the same time, by readers: threads that
 * have joined, as workers have. A value found is valid until its finder is quiescent. Two threads
 * may have the same value: its members are atomics, or written by one thread only.
 */
#ifndef WEIR_FLOW_SHARED_H
#define WEIR_FLOW_SHARED_H

#include "weir/base.h"
#include "weir/flow.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weir_flow_shared;

/* Make a table with all its memory; tick does not matter. NULL with errno and weir_last_error(): as
 * weir_flow_create(), or ENOMEM. */
WEIR_API struct weir_flow_shared *weir_flow_shared_create(const struct weir_flow_conf *conf);

/* Not by a reader, and when no other thread uses it. Waits until what was removed is free. NULL is
 * allowed. */
WEIR_API void weir_flow_shared_destroy(struct weir_flow_shared *table);

/* The value of the flow with this key, or NULL. */
WEIR_API void *weir_flow_shared_lookup(struct weir_flow_shared *table, const void *key);

/* The same, made if there is none: of zeros, to live until now and the timeout. 1 when it is new,
 * 0 when it was there, -ENOSPC when there is no room; then *value is NULL. Of threads that insert
 * one key at the same time exactly one gets 1, and all get the same value. */
WEIR_API int weir_flow_shared_insert(
	struct weir_flow_shared *table, const void *key, uint64_t now, void **value);

/* Forget the flow with this value. 0, or -ENOENT when another thread did. */
WEIR_API int weir_flow_shared_remove(struct weir_flow_shared *table, void *value);

/* The key of a value. */
WEIR_API const void *weir_flow_shared_key(const struct weir_flow_shared *table, const void *value);

/* A packet was seen: let the flow live until now and the timeout. Of several threads the one with
 * the last store decides. */
WEIR_API void weir_flow_shared_touch(struct weir_flow_shared *table, void *value, uint64_t now);

/* Look at the next budget places of the table, and forget the flows there whose time has come;
 * expired(), unless NULL, is told of each, and may still read it. Several threads may share the
 * work. Returns how many were forgotten. */
WEIR_API uint32_t weir_flow_shared_expire(struct weir_flow_shared *table, uint64_t now,
	uint32_t budget, void (*expired)(void *context, const void *key, void *value),
	void *context);

struct weir_flow_shared_stats {
	uint32_t flows; /* there are */
	uint32_t count; /* there is room for */
	uint64_t inserted, removed, expired;
	uint64_t full; /* inserts refused */
};

/* Of about now, by any thread. */
WEIR_API void weir_flow_shared_stats(
	const struct weir_flow_shared *table, struct weir_flow_shared_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
