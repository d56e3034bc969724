/* SPDX-License-Identifier: BSD-3-Clause */
/* flow_shared_records.c: the memory of shared flows: made, given out, and taken back after a grace
 * period. */
#include "runtime/flow_shared_impl.h"

#include "weir/rcu.h"

#include "base/base_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEAD_BATCH 64 /* one deferred call, of the 1,024 that may wait, for so many flows */
#define CACHE      32 /* records a thread keeps for itself */
/* Records beside those of flows: the dead, until their grace period is over, and what 32 threads
 * keep. When they do not suffice, a table is full a little early. */
#define SPARE(count) ((count) / 8 + 4 * DEAD_BATCH + 32 * CACHE)

struct record *weir__flow_shared_make(struct weir_flow_shared *table, const void *key, uint64_t now)
{
	struct record *record = weir_mempool_get(table->pool);
	struct slot *slot;

	if (!record)
		return NULL;
	slot = slot_of(table, record);
	cds_lfht_node_init(&record->node);
	memcpy(record->key, key, table->conf.key_size);
	memset(value_of(table, record), 0, table->conf.value_size);
	set_expires(table, slot, now);
	/* release: pairs with state_of() */
	atomic_store_explicit(&slot->state, NEW, memory_order_release);
	return record;
}

void weir__flow_shared_free(struct weir_flow_shared *table, struct record *record)
{
	/* relaxed: the pool publishes it to its next owner */
	atomic_store_explicit(&slot_of(table, record)->state, FREE, memory_order_relaxed);
	weir_mempool_put(table->pool, record);
}

/* ---- the dead ---- */

/* A list of dead records, on its way to the pool. */
struct funeral {
	struct weir_flow_shared *table;
	uint32_t first;
};

static void free_list(struct weir_flow_shared *table, uint32_t index)
{
	while (index < table->records) {
		uint32_t next = table->slots[index].next;

		weir__flow_shared_free(table, weir_mempool_object(table->pool, index));
		index = next;
	}
}

static void bury(void *context)
{
	struct funeral *funeral = context;

	free_list(funeral->table, funeral->first);
	free(funeral);
}

/* Give the dead to a grace period; under the lock, which others may wait for without being
 * quiescent: who calls is a reader, and so does not wait in defer. What cannot be given now stays
 * on the list. */
static void give_up_dead(struct weir_flow_shared *table)
{
	struct funeral *funeral = malloc(sizeof(*funeral));

	if (!funeral)
		return;
	*funeral = (struct funeral){.table = table, .first = table->dead};
	if (weir_rcu_defer(bury, funeral)) {
		free(funeral);
		return;
	}
	table->dead = table->records;
	table->dead_count = 0;
}

bool weir__flow_shared_kill(struct weir_flow_shared *table, struct record *record)
{
	struct slot *slot = slot_of(table, record);
	uint32_t live = LIVE;

	/* relaxed: whoever wins does the rest alone, and readers need not know */
	if (!atomic_compare_exchange_strong_explicit(
		    &slot->state, &live, DEAD, memory_order_relaxed, memory_order_relaxed))
		return false;
	cds_lfht_del(table->hash, &record->node);
	leave_place(table);
	pthread_mutex_lock(&table->lock);
	slot->next = table->dead;
	table->dead = weir_mempool_index(table->pool, record);
	if (++table->dead_count >= DEAD_BATCH)
		give_up_dead(table);
	pthread_mutex_unlock(&table->lock);
	return true;
}

/* ---- create and destroy ---- */

static unsigned long buckets_for(uint32_t flows)
{
	unsigned long buckets = 1;

	while (buckets < flows)
		buckets *= 2;
	return buckets;
}

/* All buckets from the start: a table that grows while packets pass does so when it is worst. */
static int make_parts(struct weir_flow_shared *table)
{
	const struct weir_flow_conf *conf = &table->conf;
	struct weir_mempool_conf pool = {.name = table->name,
		.count = table->records,
		.cache = CACHE,
		.size = (uint32_t)sizeof(struct record) + conf->key_size + conf->value_size,
		.pages = conf->pages,
		.node = conf->node,
		.nodes = conf->nodes,
		.placement = conf->placement,
		.locked = conf->locked};
	unsigned long buckets = buckets_for(conf->count);

	table->pool = weir_mempool_create(&pool);
	if (!table->pool)
		return -errno;
	table->slots = calloc(table->records, sizeof(*table->slots));
	table->hash = cds_lfht_new_flavor(buckets, buckets, buckets, 0, &urcu_qsbr_flavor, NULL);
	if (!table->slots || !table->hash)
		return weir__fail(ENOMEM, "no memory for %u shared flows", conf->count);
	return weir__flow_choose_secret(table->name, &table->secret);
}

struct weir_flow_shared *weir_flow_shared_create(const struct weir_flow_conf *conf)
{
	struct weir_flow_shared *table;
	int error;

	if (weir__flow_check(conf))
		return NULL;
	table = calloc(1, sizeof(*table));
	if (!table)
		return weir__fail_null(ENOMEM, "no memory for a table of shared flows");
	table->conf = *conf;
	snprintf(table->name, sizeof(table->name), "%s", conf->name ? conf->name : "shared flows");
	table->records = conf->count + SPARE(conf->count);
	table->dead = table->records;
	pthread_mutex_init(&table->lock, NULL);
	error = make_parts(table);
	if (!error)
		return table;
	weir_flow_shared_destroy(table);
	errno = -error;
	return NULL;
}

/* liburcu wants the hash table empty, and its callers registered. */
static void empty(struct weir_flow_shared *table)
{
	weir_rcu_join();
	for (uint32_t i = 0; i < table->records; i++)
		weir__flow_shared_kill(table, weir_mempool_object(table->pool, i));
	weir_rcu_leave();
	weir_rcu_barrier();
	free_list(table, table->dead);
	cds_lfht_destroy(table->hash, NULL);
}

void weir_flow_shared_destroy(struct weir_flow_shared *table)
{
	if (!table)
		return;
	if (table->slots && table->hash)
		empty(table);
	else if (table->hash)
		cds_lfht_destroy(table->hash, NULL);
	free(table->slots);
	weir_mempool_destroy(table->pool);
	pthread_mutex_destroy(&table->lock);
	free(table);
}
