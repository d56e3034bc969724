/* SPDX-License-Identifier: BSD-3-Clause */
/* insert.c: making and removing flows. */
#include "flow_impl.h"

#include <errno.h>

#define ALWAYS_INLINE inline __attribute__((always_inline))

/* The index that the next flow will have: of the flow removed last, whose record is near still, or
 * one never used. */
static inline uint32_t next_index(const struct weir_flow_table *table)
{
	return table->free_count ? table->free[table->free_count - 1] : table->fresh;
}

static inline void take_index(struct weir_flow_table *table)
{
	if (table->free_count)
		table->free_count--;
	else
		table->fresh++;
	table->stats.flows++;
	table->stats.inserted++;
}

/* The value is 0 already: it was at the start, and whoever removes a flow makes it so. */
static ALWAYS_INLINE void fill_record(struct weir_flow_table *table, uint32_t index,
	const void *key, uint32_t size, uint64_t expires)
{
	struct weir__flow_record *record = weir__flow_record(table, index);

	expires = expires ? expires : 1;
	record->expires = expires;
	memcpy(record + 1, key, size);
	weir__wheel_start(table->wheel, index, expires);
}

/* Find a slot for the flow; mostly there is one at home. */
static inline bool settle(
	struct weir_flow_table *table, struct weir__flow_place place, uint32_t index)
{
	struct weir__flow_bucket *home = &table->buckets[place.home];
	uint32_t vacant = weir__tags_equal(home->tags, 0), slot;

	if (weir_unlikely(!vacant))
		return weir__flow_settle(table, place, index);
	slot = (uint32_t)__builtin_ctz(vacant);
	home->tags[slot] = place.tag;
	home->indices[slot] = index;
	return true;
}

/* Make a flow of a key that has none. */
static ALWAYS_INLINE int add(struct weir_flow_table *table, const void *key, uint32_t size,
	struct weir__flow_place place, uint64_t now, uint32_t *index)
{
	uint32_t taken = next_index(table);

	*index = WEIR_FLOW_NONE;
	if (weir_unlikely(table->stats.flows == table->stats.count)) {
		table->stats.full++;
		return -ENOSPC;
	}
	if (weir_unlikely(!settle(table, place, taken))) {
		table->stats.crowded++;
		return -ENOSPC;
	}
	take_index(table);
	fill_record(table, taken, key, size, now + table->head.timeout);
	*index = taken;
	return 1;
}

/* Can the key be in the table? */
static inline bool maybe_there(const struct weir_flow_table *table, struct weir__flow_place place)
{
	const struct weir__flow_bucket *home = &table->buckets[place.home];

	return weir__tags_equal(home->tags, place.tag) || home->away[WEIR__FLOW_AWAY(place.tag)];
}

static ALWAYS_INLINE int insert(struct weir_flow_table *table, const void *key, uint32_t size,
	struct weir__flow_place place, uint64_t now, uint32_t *index)
{
	if (maybe_there(table, place)) {
		*index = weir__flow_find(table, key, place);
		if (*index != WEIR_FLOW_NONE)
			return 0;
	}
	return add(table, key, size, place, now, index);
}

static ALWAYS_INLINE struct weir__flow_place place_of(
	const struct weir_flow_table *table, const void *key, uint32_t size)
{
	return weir__flow_place(table, weir__flow_hash(&table->secret, key, size));
}

int weir_flow_insert(struct weir_flow_table *table, const void *key, uint64_t now, uint32_t *index)
{
	uint32_t size = table->key_size;

	/* the compiler knows the size then */
	if (size == WEIR__FLOW_V4_SIZE)
		return insert(table, key, WEIR__FLOW_V4_SIZE,
			place_of(table, key, WEIR__FLOW_V4_SIZE), now, index);
	if (size == WEIR__FLOW_V6_SIZE)
		return insert(table, key, WEIR__FLOW_V6_SIZE,
			place_of(table, key, WEIR__FLOW_V6_SIZE), now, index);
	return insert(table, key, size, place_of(table, key, size), now, index);
}

static ALWAYS_INLINE uint64_t insert_all(struct weir_flow_table *table, const uint8_t *keys,
	uint32_t size, uint32_t count, uint64_t now, uint32_t *indices)
{
	struct weir__flow_place places[WEIR_FLOW_BULK];
	uint64_t made = 0;

	for (uint32_t i = 0; i < count; i++) {
		places[i] = place_of(table, keys + (size_t)i * size, size);
		__builtin_prefetch(&table->buckets[places[i].home], 1);
	}
	for (uint32_t i = 0; i < count; i++) {
		const struct weir__flow_bucket *home = &table->buckets[places[i].home];
		uint32_t equal = weir__tags_equal(home->tags, places[i].tag);

		if (equal)
			__builtin_prefetch(
				weir__flow_record(table, home->indices[__builtin_ctz(equal)]));
	}
	for (uint32_t i = 0; i < count; i++)
		if (insert(table, keys + (size_t)i * size, size, places[i], now, &indices[i]) > 0)
			made |= (uint64_t)1 << i;
	return made;
}

uint64_t weir_flow_insert_bulk(struct weir_flow_table *table, const void *keys, uint32_t count,
	uint64_t now, uint32_t *indices)
{
	if (table->key_size == WEIR__FLOW_V4_SIZE)
		return insert_all(table, keys, WEIR__FLOW_V4_SIZE, count, now, indices);
	if (table->key_size == WEIR__FLOW_V6_SIZE)
		return insert_all(table, keys, WEIR__FLOW_V6_SIZE, count, now, indices);
	return insert_all(table, keys, table->key_size, count, now, indices);
}

void weir__flow_drop(struct weir_flow_table *table, uint32_t index)
{
	struct weir__flow_record *record = weir__flow_record(table, index);
	uint64_t hash = weir__flow_hash(&table->secret, record + 1, table->key_size);

	weir__flow_unsettle(table, weir__flow_place(table, hash), index);
	weir_wheel_cancel(table->wheel, index);
	record->expires = 0;
	memset(weir_flow_value(table, index), 0, table->value_size);
	table->free[table->free_count++] = index;
	table->stats.flows--;
}

void weir_flow_remove(struct weir_flow_table *table, uint32_t index)
{
	weir__flow_drop(table, index);
	table->stats.removed++;
}
