/* SPDX-License-Identifier: BSD-3-Clause */
/* mac_table.c: a hash table of sets of four places, each set one cache line: learning and finding
 * touch one line each, whatever is in the table.
 *
 * Threads share it without a lock: address and port lie in one word, so that what is found was
 * learned. When two learn in the same place at once, one of them is lost, and learned again. All
 * accesses are relaxed: nothing else is told by them. */
#include "apps/common/mac_table.h"

#include <weir/atomic.h>
#include <weir/base.h>

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define WAYS 4

struct station {
	WEIR_ATOMIC(uint64_t) key;     /* address in the upper 48 bits, port in the lower 16 */
	WEIR_ATOMIC(uint64_t) seen_ns; /* 0: the place was never used */
};

struct set {
	struct station stations[WAYS];
};

static_assert(sizeof(struct set) == WEIR_CACHE_LINE, "a set is one line");

struct mac_table {
	struct set *sets;
	uint32_t shift; /* of the hash, to the number of a set */
	uint32_t set_count;
	uint64_t age_ns;
	WEIR_ATOMIC(uint64_t) evictions;
};

#define PORT_BITS 16

/* Each address has a number of its own, by the order of bytes of the machine. */
static uint64_t make_key(const uint8_t mac[MAC_LENGTH], uint32_t port)
{
	uint32_t first;
	uint16_t last;

	memcpy(&first, mac, sizeof(first));
	memcpy(&last, mac + sizeof(first), sizeof(last));
	return (uint64_t)first << 32 | (uint64_t)last << PORT_BITS | port;
}

static bool is_same_station(uint64_t key, uint64_t other)
{
	return key >> PORT_BITS == other >> PORT_BITS;
}

/* Multiplicative hashing with 2^64 divided by the golden ratio (Knuth, volume 3, 6.4). */
static struct set *set_of(const struct mac_table *table, uint64_t key)
{
	uint64_t hash = (key >> PORT_BITS) * UINT64_C(0x9e3779b97f4a7c15);

	return &table->sets[hash >> table->shift];
}

static uint64_t get(const WEIR_ATOMIC(uint64_t) * word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static void set(WEIR_ATOMIC(uint64_t) * word, uint64_t value)
{
	atomic_store_explicit(word, value, memory_order_relaxed);
}

static bool is_known(const struct mac_table *table, uint64_t seen_ns, uint64_t now_ns)
{
	/* another thread may have seen it later than this one's now */
	return seen_ns && (int64_t)(now_ns - seen_ns) < (int64_t)table->age_ns;
}

struct mac_table *mac_table_create(uint32_t count, uint64_t age_ns)
{
	struct mac_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->age_ns = age_ns;
	/* two sets at least: a shift by 64 is undefined */
	table->set_count = 2;
	table->shift = 63;
	while ((uint64_t)table->set_count * WAYS < count) {
		table->set_count *= 2;
		table->shift--;
	}
	table->sets = aligned_alloc(WEIR_CACHE_LINE, table->set_count * sizeof(struct set));
	if (!table->sets) {
		free(table);
		return NULL;
	}
	memset(table->sets, 0, table->set_count * sizeof(struct set));
	return table;
}

void mac_table_destroy(struct mac_table *table)
{
	if (table)
		free(table->sets);
	free(table);
}

void mac_table_learn(
	struct mac_table *table, const uint8_t mac[MAC_LENGTH], uint32_t port, uint64_t now_ns)
{
	uint64_t key = make_key(mac, port), oldest = UINT64_MAX, seen_ns;
	struct station *stations = set_of(table, key)->stations, *place = stations;

	if (table->age_ns == 0)
		return;
	/* its own place, else the one silent the longest: unused ones have been since ever */
	for (int i = 0; i < WAYS; i++) {
		seen_ns = get(&stations[i].seen_ns);
		if (seen_ns && is_same_station(get(&stations[i].key), key)) {
			place = &stations[i];
			oldest = 0;
			break;
		}
		if (seen_ns < oldest) {
			place = &stations[i];
			oldest = seen_ns;
		}
	}
	if (is_known(table, oldest, now_ns))
		atomic_fetch_add_explicit(&table->evictions, 1, memory_order_relaxed);
	set(&place->key, key);
	set(&place->seen_ns, now_ns);
}

uint32_t mac_table_find(
	const struct mac_table *table, const uint8_t mac[MAC_LENGTH], uint64_t now_ns)
{
	uint64_t key = make_key(mac, 0);
	const struct station *stations = set_of(table, key)->stations;

	for (int i = 0; i < WAYS; i++) {
		uint64_t found = get(&stations[i].key);

		if (is_same_station(found, key) &&
			is_known(table, get(&stations[i].seen_ns), now_ns))
			return found & ((1u << PORT_BITS) - 1);
	}
	return MAC_TABLE_UNKNOWN;
}

uint32_t mac_table_count(const struct mac_table *table, uint64_t now_ns)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < table->set_count; i++)
		for (int way = 0; way < WAYS; way++)
			count +=
				is_known(table, get(&table->sets[i].stations[way].seen_ns), now_ns);
	return count;
}

uint64_t mac_table_evictions(const struct mac_table *table)
{
	return get(&table->evictions);
}
