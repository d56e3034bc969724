/* SPDX-License-Identifier: BSD-3-Clause */
/* flow_shared_impl.h: records of shared flows.
 *
 *	cds_lfht -> record:  | node | key | value |      of a mempool
 *	slot[i]:             | expires | state | next |  of record i
 *
 *	FREE --filled--> NEW --in the hash table--> LIVE --one thread wins--> DEAD --grace--> FREE
 *
 * Who goes from LIVE to DEAD takes the record out of the hash table and puts it on the list of the
 * dead; when these are enough, they wait for one grace period together. liburcu orders what it does
 * for itself; NEW is stored with release, and read with acquire by who compares keys, so that the
 * memory model of C and ThreadSanitizer know, too.
 *
 *	flow_shared.c	find, insert and forget		flow_shared_records.c	their memory
 */
#ifndef WEIR_FLOW_SHARED_IMPL_H
#define WEIR_FLOW_SHARED_IMPL_H

#include "weir/flow_shared.h"

#include "weir/atomic.h"
#include "weir/mempool.h"

#include "flow/flow_impl.h"

#include <pthread.h>
#include <urcu/rculfhash.h>
#include <urcu/urcu-qsbr.h>

enum weir__flow_state { FREE, NEW, LIVE, DEAD };

struct slot {
	WEIR_ATOMIC(uint64_t) expires;
	WEIR_ATOMIC(uint32_t) state;
	uint32_t next; /* behind it among the dead; table->records: none */
};

struct record {
	struct cds_lfht_node node;
	uint64_t key[]; /* then the value */
};

struct weir_flow_shared {
	struct weir_flow_conf conf;
	char name[32];
	struct cds_lfht *hash;
	struct weir_mempool *pool;
	struct slot *slots;
	struct weir__flow_secret secret;
	pthread_mutex_t lock; /* over the dead */
	uint32_t records;
	uint32_t dead, dead_count;
	WEIR_ATOMIC(uint32_t) cursor; /* of expire */
	WEIR_ATOMIC(uint32_t) flows;
	WEIR_ATOMIC(uint64_t) inserted, removed, expired, full;
};

/* flow_shared_records.c: a record nobody else knows, with its key; NULL when there is none. And
 * give back one that nobody else has known. */
struct record *weir__flow_shared_make(
	struct weir_flow_shared *table, const void *key, uint64_t now);
void weir__flow_shared_free(struct weir_flow_shared *table, struct record *record);

/* Take a flow out, if nobody else does. */
bool weir__flow_shared_kill(struct weir_flow_shared *table, struct record *record);

static inline struct slot *slot_of(
	const struct weir_flow_shared *table, const struct record *record)
{
	return &table->slots[weir_mempool_index(table->pool, record)];
}

static inline struct record *record_of(const struct weir_flow_shared *table, const void *value)
{
	return (struct record *)((uintptr_t)value - table->conf.key_size - sizeof(struct record));
}

static inline void *value_of(const struct weir_flow_shared *table, struct record *record)
{
	return (uint8_t *)record->key + table->conf.key_size;
}

static inline uint32_t state_of(const struct slot *slot)
{
	/* acquire: pairs with the release of weir__flow_shared_make(): the key is there */
	return atomic_load_explicit(&slot->state, memory_order_acquire);
}

static inline void set_expires(
	const struct weir_flow_shared *table, struct slot *slot, uint64_t now)
{
	uint64_t until = table->conf.timeout ? now + table->conf.timeout : UINT64_MAX;

	/* relaxed: a time, and nothing that it guards */
	atomic_store_explicit(&slot->expires, until, memory_order_relaxed);
}

static inline void leave_place(struct weir_flow_shared *table)
{
	/* relaxed: a count */
	atomic_fetch_sub_explicit(&table->flows, 1, memory_order_relaxed);
}

#endif
