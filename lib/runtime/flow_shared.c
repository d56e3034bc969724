/* SPDX-License-Identifier: BSD-3-Clause */
/* flow_shared.c: flows that several cores share are found, made, forgotten, and age. */
#include "runtime/flow_shared_impl.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

static void count(WEIR_ATOMIC(uint64_t) * counter)
{
	/* relaxed: a figure */
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* A place among count flows for one more. */
static bool take_place(struct weir_flow_shared *table)
{
	uint32_t flows = atomic_load_explicit(&table->flows, memory_order_relaxed);

	/* relaxed: a count */
	do
		if (flows >= table->conf.count)
			return false;
	while (!atomic_compare_exchange_weak_explicit(
		&table->flows, &flows, flows + 1, memory_order_relaxed, memory_order_relaxed));
	return true;
}

struct sought {
	const struct weir_flow_shared *table;
	const void *key;
};

static int is_sought(struct cds_lfht_node *node, const void *context)
{
	const struct sought *sought = context;
	const struct record *record = (const struct record *)node;

	state_of(slot_of(sought->table, record));
	return memcmp(record->key, sought->key, sought->table->conf.key_size) == 0;
}

static unsigned long hash_of(const struct weir_flow_shared *table, const void *key)
{
	/* its upper 48 bits are good, and cds_lfht takes the lower ones */
	return (unsigned long)(weir__flow_hash(&table->secret, key, table->conf.key_size) >> 16);
}

void *weir_flow_shared_lookup(struct weir_flow_shared *table, const void *key)
{
	struct sought sought = {table, key};
	struct cds_lfht_iter iter;
	struct record *record;

	cds_lfht_lookup(table->hash, hash_of(table, key), is_sought, &sought, &iter);
	record = (struct record *)cds_lfht_iter_get_node(&iter);
	if (!record || state_of(slot_of(table, record)) == DEAD)
		return NULL;
	return value_of(table, record);
}

/* Put a record that only we know under its key. Returns the one that is there then. */
static struct record *settle(struct weir_flow_shared *table, struct record *record)
{
	struct sought sought = {table, record->key};
	struct record *there;

	for (;;) {
		there = (struct record *)cds_lfht_add_unique(table->hash,
			hash_of(table, record->key), is_sought, &sought, &record->node);
		if (there == record || state_of(slot_of(table, there)) != DEAD)
			return there;
		/* whoever killed it is about to take it out */
		sched_yield();
	}
}

static struct record *make_in_place(struct weir_flow_shared *table, const void *key, uint64_t now)
{
	struct record *record = NULL;

	if (take_place(table)) {
		record = weir__flow_shared_make(table, key, now);
		if (!record)
			leave_place(table);
	}
	if (!record)
		count(&table->full);
	return record;
}

int weir_flow_shared_insert(
	struct weir_flow_shared *table, const void *key, uint64_t now, void **value)
{
	struct record *record, *there;

	*value = weir_flow_shared_lookup(table, key);
	if (*value)
		return 0;
	record = make_in_place(table, key, now);
	if (!record)
		return -ENOSPC;
	there = settle(table, record);
	*value = value_of(table, there);
	if (there != record) {
		weir__flow_shared_free(table, record);
		leave_place(table);
		return 0;
	}
	/* relaxed: only now may it be killed */
	atomic_store_explicit(&slot_of(table, record)->state, LIVE, memory_order_relaxed);
	count(&table->inserted);
	return 1;
}

int weir_flow_shared_remove(struct weir_flow_shared *table, void *value)
{
	struct record *record = record_of(table, value);

	while (state_of(slot_of(table, record)) == NEW)
		sched_yield(); /* whoever made it is about to say that it lives */
	if (!weir__flow_shared_kill(table, record))
		return -ENOENT;
	count(&table->removed);
	return 0;
}

const void *weir_flow_shared_key(const struct weir_flow_shared *table, const void *value)
{
	return record_of(table, value)->key;
}

void weir_flow_shared_touch(struct weir_flow_shared *table, void *value, uint64_t now)
{
	set_expires(table, slot_of(table, record_of(table, value)), now);
}

/* ---- age ---- */

static bool is_due(const struct slot *slot, uint64_t now)
{
	return state_of(slot) == LIVE &&
	       atomic_load_explicit(&slot->expires, memory_order_relaxed) <= now;
}

uint32_t weir_flow_shared_expire(struct weir_flow_shared *table, uint64_t now, uint32_t budget,
	void (*expired)(void *context, const void *key, void *value), void *context)
{
	/* relaxed: whose places these are, and nothing else */
	uint32_t from = atomic_fetch_add_explicit(&table->cursor, budget, memory_order_relaxed);
	uint32_t forgotten = 0;

	for (uint32_t i = 0; i < budget; i++) {
		uint32_t index = (from + i) % table->records;
		struct record *record;

		if (!is_due(&table->slots[index], now))
			continue;
		record = weir_mempool_object(table->pool, index);
		if (!weir__flow_shared_kill(table, record))
			continue;
		/* it stays readable until this thread is quiescent */
		if (expired)
			expired(context, record->key, value_of(table, record));
		count(&table->expired);
		forgotten++;
	}
	return forgotten;
}

void weir_flow_shared_stats(
	const struct weir_flow_shared *table, struct weir_flow_shared_stats *stats)
{
	/* relaxed: figures of about now */
	stats->flows = atomic_load_explicit(&table->flows, memory_order_relaxed);
	stats->count = table->conf.count;
	stats->inserted = atomic_load_explicit(&table->inserted, memory_order_relaxed);
	stats->removed = atomic_load_explicit(&table->removed, memory_order_relaxed);
	stats->expired = atomic_load_explicit(&table->expired, memory_order_relaxed);
	stats->full = atomic_load_explicit(&table->full, memory_order_relaxed);
}
