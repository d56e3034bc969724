/* SPDX-License-Identifier: BSD-3-Clause */
/* flow_tables.h: tables of flows for tests, and a look at all of their buckets. */
#ifndef FLOW_TABLES_H
#define FLOW_TABLES_H

#include "flow/flow_impl.h"

#include <CUnit/CUnit.h>
#include <stdlib.h>
#include <string.h>

static const uint32_t key_sizes[] = {8, 16, 24, 40, 64};

static inline struct weir_flow_table *make(uint32_t count, uint32_t key_size, uint64_t timeout)
{
	struct weir_flow_conf conf = {.name = "test",
		.count = count,
		.key_size = key_size,
		.value_size = 12,
		.timeout = timeout,
		.pages = WEIR_PAGES_4K};
	struct weir_flow_table *table = weir_flow_create(&conf);

	CU_ASSERT_PTR_NOT_NULL_FATAL(table);
	return table;
}

/* The key with this number: all zeros but for one word, which moves about, so that keys differ in
 * few bits. */
static inline void make_key(uint8_t *key, uint32_t size, uint32_t number)
{
	uint64_t value = number;

	memset(key, 0, size);
	memcpy(key + number % (size / 8) * 8, &value, 8);
}

static inline struct weir_flow_stats stats_of(const struct weir_flow_table *table)
{
	struct weir_flow_stats stats;

	weir_flow_stats(table, &stats);
	return stats;
}

/* Every flow lies in one slot, at home or counted as away, and the counts are right. */
static inline void check_buckets(struct weir_flow_table *table)
{
	uint32_t *away = calloc(table->bucket_count, 8 * sizeof(*away));
	uint32_t flows = 0, guests = 0, wrong = 0;

	for (uint32_t b = 0; b < table->bucket_count; b++) {
		const struct weir__flow_bucket *bucket = &table->buckets[b];

		for (uint32_t slot = 0; slot < WEIR__FLOW_SLOTS; slot++) {
			uint16_t tag = bucket->tags[slot];
			const void *key = weir_flow_key(table, bucket->indices[slot]);
			struct weir__flow_place place;
			bool guest = bucket->guests >> slot & 1;

			if (!tag)
				continue;
			flows++;
			guests += guest;
			place = weir__flow_place(
				table, weir__flow_hash(&table->secret, key, table->key_size));
			wrong += place.tag != tag;
			wrong += b !=
				 (guest ? weir__flow_other(table, place.home, tag) : place.home);
			away[place.home * 8 + WEIR__FLOW_AWAY(tag)] += guest;
		}
	}
	for (uint32_t i = 0; i < table->bucket_count * 8; i++) {
		uint8_t counted = table->buckets[i / 8].away[i % 8];

		wrong += counted != away[i] && counted != UINT8_MAX;
	}
	free(away);
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(flows, stats_of(table).flows);
	CU_ASSERT_EQUAL(guests, stats_of(table).away);
}

#endif
