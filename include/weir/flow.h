/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/flow.h: a table of flows: what a core knows of each connection it sees.
 *
 * A flow is a key and a record beside it; it has an index, which stays the same as long as it
 * lives:
 *
 *	key -> two buckets of 64 bytes:  | 8 tags of 16 bits | 8 indices | ... |
 *	                                         |
 *	index ->  records:  | expires | key | value |
 *
 * A tag says which of the 8 is worth a look, so that a lookup reads one bucket and one record,
 * mostly. Asked for a burst, it has the lines of all 64 keys on their way at once. A flow that
 * finds both of its buckets full moves others to theirs (cuckoo hashing).
 *
 * The buckets are chosen by a hash with a secret of the table's own, so that nobody outside can
 * choose keys that collide.
 *
 * Flows age: each has a time at which it expires, which every packet may put off by one store.
 * weir_flow_expire() finds those whose time has come (weir/wheel.h).
 *
 * Threads: a table belongs to one thread at a time; looking up counts, too. For several cores make
 * a table for each and let a flow's packets come to one core.
 */
#ifndef WEIR_FLOW_H
#define WEIR_FLOW_H

#include "weir/base.h"
#include "weir/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_FLOW_NONE    UINT32_MAX /* no flow's index */
#define WEIR_FLOW_KEY_MAX 64         /* bytes */
#define WEIR_FLOW_BULK    64         /* keys of a bulk call at most */
#define WEIR_FLOW_MAX     (1u << 30) /* flows of a table at most */

struct weir_flow_conf {
	const char *name;    /* for reports; NULL: "flows". Copied. */
	uint32_t count;      /* flows that it has room for */
	uint32_t key_size;   /* bytes of a key: a multiple of 8 up to WEIR_FLOW_KEY_MAX. All of them
			      * count: set what is left over to 0 */
	uint32_t value_size; /* bytes of the application's beside each key */
	uint64_t timeout;    /* units of time that a flow lives after a touch; 0: for ever */
	uint64_t tick;       /* units it may live longer; 0: 1. Coarser is cheaper */
	enum weir_pages pages; /* these as in weir_region_conf */
	int node;
	const char *nodes;
	enum weir_placement placement;
	bool locked;
};

struct weir_flow_table;

/* Make a table with all its memory. NULL with errno and weir_last_error(): EINVAL for sizes that
 * are not allowed, else as weir_region_create(), or as getrandom(2). */
WEIR_API struct weir_flow_table *weir_flow_create(const struct weir_flow_conf *conf);

/* NULL is allowed. Flows in it are forgotten. */
WEIR_API void weir_flow_destroy(struct weir_flow_table *table);

/* Bytes of memory that such a table takes; 0 with errno and weir_last_error() as for create. */
WEIR_API size_t weir_flow_memory(const struct weir_flow_conf *conf);

/* Forget all flows, without a call back. */
WEIR_API void weir_flow_clear(struct weir_flow_table *table);

/* The index of the flow with this key, or WEIR_FLOW_NONE. */
WEIR_API uint32_t weir_flow_lookup(struct weir_flow_table *table, const void *key);

/* The same for count keys, WEIR_FLOW_BULK at most, that lie one behind the other: their indices,
 * and as a result a bit for each that was found. */
WEIR_API uint64_t weir_flow_lookup_bulk(
	struct weir_flow_table *table, const void *keys, uint32_t count, uint32_t *indices);

/* The flow with this key, made if there is none: its value is 0 then, and it lives until now and
 * the timeout. 1 when it is new, 0 when it was there, -ENOSPC when there is no room for it: count
 * flows, or by bad luck, or bad intent that knows the secret, no place in the buckets. *index is
 * WEIR_FLOW_NONE then. */
WEIR_API int weir_flow_insert(
	struct weir_flow_table *table, const void *key, uint64_t now, uint32_t *index);

/* The same for count keys, as in lookup_bulk: a bit for each that is new. Where there was no room
 * the index is WEIR_FLOW_NONE. */
WEIR_API uint64_t weir_flow_insert_bulk(struct weir_flow_table *table, const void *keys,
	uint32_t count, uint64_t now, uint32_t *indices);

/* Forget a flow; its index may be another's soon. */
WEIR_API void weir_flow_remove(struct weir_flow_table *table, uint32_t index);

/* The first flow with this index or a higher one, or WEIR_FLOW_NONE:
 *
 *	for (i = weir_flow_next(table, 0); i != WEIR_FLOW_NONE; i = weir_flow_next(table, i + 1))
 *
 * Every flow that lives from start to end comes once, also when others are inserted or removed. */
WEIR_API uint32_t weir_flow_next(const struct weir_flow_table *table, uint32_t index);

/* No flow has this index or a higher one. So who wants to look at a few places at a time goes over
 * those below, where weir_flow_expires() is 0 for one without a flow. */
WEIR_API uint32_t weir_flow_bound(const struct weir_flow_table *table);

static inline const void *weir_flow_key(const struct weir_flow_table *table, uint32_t index);

/* value_size bytes, rounded up to a multiple of 8; at a multiple of 8. They stay where they are,
 * and are not to be written to once the flow is removed. */
static inline void *weir_flow_value(const struct weir_flow_table *table, uint32_t index);

/* Let a flow live until a time, sooner or later than it was to: putting it off is a store. */
static inline void weir_flow_keep(struct weir_flow_table *table, uint32_t index, uint64_t until);

/* A packet was seen: keep it until now and the timeout of the table. */
static inline void weir_flow_touch(struct weir_flow_table *table, uint32_t index, uint64_t now);

/* When it expires. */
static inline uint64_t weir_flow_expires(const struct weir_flow_table *table, uint32_t index);

/* A flow is about to be removed since its time has come. It may still be read, and kept by
 * weir_flow_keep(). Other flows may be inserted and removed meanwhile; but not this one, and no
 * call of expire or clear. */
typedef void weir_flow_expired(void *context, struct weir_flow_table *table, uint32_t index);

/* Remove the flows whose time has come, the earliest first but for those that were put off, after a
 * call of expired() for each unless that is NULL. At most budget flows are looked at, those that
 * were put off included. Returns how many were looked at: when it is budget, there may be more. */
WEIR_API uint32_t weir_flow_expire(struct weir_flow_table *table, uint64_t now, uint32_t budget,
	weir_flow_expired *expired, void *context);

struct weir_flow_stats {
	uint32_t flows;     /* there are */
	uint32_t count;     /* there is room for */
	uint32_t away;      /* in the second of their buckets: a lookup takes longer */
	uint64_t hits;      /* lookups that found a flow */
	uint64_t misses;    /* and those that did not; inserts are not counted here */
	uint64_t inserted;  /* flows made */
	uint64_t removed;   /* by remove */
	uint64_t expired;   /* by expire */
	uint64_t displaced; /* moves of flows to make place for others */
	uint64_t full;      /* inserts refused: as many flows as there is room for */
	uint64_t crowded;   /* inserts refused: no place in the buckets */
};

WEIR_API void weir_flow_stats(const struct weir_flow_table *table, struct weir_flow_stats *stats);

/* What the memory lies on, for weir_region_describe(). */
WEIR_API struct weir_region *weir_flow_region(const struct weir_flow_table *table);

/* ---- the fast path ---- */

/* What a table starts with. */
struct weir__flow_head {
	uint8_t *records;
	uint32_t stride;
	uint32_t value_offset; /* in a record */
	uint64_t timeout;
};

/* What a record starts with; then the key, then the value. */
struct weir__flow_record {
	uint64_t expires; /* 0: no flow */
};

/* until is before the time that the flow had. */
WEIR_API void weir__flow_shorten(struct weir_flow_table *table, uint32_t index, uint64_t until);

static inline const struct weir__flow_head *weir__flow_head(const struct weir_flow_table *table)
{
	return (const struct weir__flow_head *)(const void *)table;
}

static inline struct weir__flow_record *weir__flow_record(
	const struct weir_flow_table *table, uint32_t index)
{
	const struct weir__flow_head *head = weir__flow_head(table);

	return (struct weir__flow_record *)(void *)(head->records + (size_t)index * head->stride);
}

static inline const void *weir_flow_key(const struct weir_flow_table *table, uint32_t index)
{
	return weir__flow_record(table, index) + 1;
}

static inline void *weir_flow_value(const struct weir_flow_table *table, uint32_t index)
{
	return (uint8_t *)weir__flow_record(table, index) + weir__flow_head(table)->value_offset;
}

static inline void weir_flow_keep(struct weir_flow_table *table, uint32_t index, uint64_t until)
{
	struct weir__flow_record *record = weir__flow_record(table, index);

	if (weir_likely(until >= record->expires))
		record->expires = until;
	else
		weir__flow_shorten(table, index, until);
}

static inline void weir_flow_touch(struct weir_flow_table *table, uint32_t index, uint64_t now)
{
	weir_flow_keep(table, index, now + weir__flow_head(table)->timeout);
}

static inline uint64_t weir_flow_expires(const struct weir_flow_table *table, uint32_t index)
{
	return weir__flow_record(table, index)->expires;
}

#ifdef __cplusplus
}
#endif

#endif
