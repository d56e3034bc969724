/* SPDX-License-Identifier: BSD-3-Clause */
/* lookup.c: finding flows by their keys.
 *
 * A burst goes through stages, each for all keys before the next, so that the lines that a stage
 * asks for come while the others are worked on:
 *
 *	hash_all	hash, ask for the home bucket
 *	look_at_home	compare tags there, ask for the record of the first that is equal,
 *			or, with none, for the other bucket when flows with such tags are away
 *	look_elsewhere	the same in those other buckets
 *	compare_all	compare keys; where a tag was right and its key was not, go the long way
 *
 * Lines are asked for into the second-level cache, which waits for more of them at a time than the
 * first can: a burst takes 13 % less (docs/performance.md).
 *
 * Keys of 16 and 40 bytes, those of IPv4 and IPv6, have code of their own: the compiler then knows
 * their size.
 */
#include "flow_impl.h"

#define ALWAYS_INLINE inline __attribute__((always_inline))

static void ask(const void *line)
{
	__builtin_prefetch(line, 0, 2);
}

/* A burst on its way. */
struct search {
	const struct weir__flow_bucket *buckets[WEIR_FLOW_BULK]; /* in which to look next */
	const void *stored[WEIR_FLOW_BULK];                      /* the key that may be it */
	uint16_t tags[WEIR_FLOW_BULK];
	const uint8_t *keys;
	const uint8_t *first; /* key of the table: of index 0 */
	size_t stride;        /* and from each to the next */
	uint32_t *indices;
	uint32_t count;
	uint32_t size;  /* of a key */
	uint64_t found; /* a bit for each that has a candidate */
};

static uint32_t find_in(
	const struct weir_flow_table *table, uint32_t bucket, uint16_t tag, const void *key)
{
	const struct weir__flow_bucket *in = &table->buckets[bucket];
	uint32_t equal = weir__tags_equal(in->tags, tag);

	for (; equal; equal &= equal - 1) {
		uint32_t index = in->indices[__builtin_ctz(equal)];

		if (!weir__flow_difference(weir_flow_key(table, index), key, table->key_size))
			return index;
	}
	return WEIR_FLOW_NONE;
}

uint32_t weir__flow_find(
	const struct weir_flow_table *table, const void *key, struct weir__flow_place place)
{
	uint32_t index = find_in(table, place.home, place.tag, key);

	if (index == WEIR_FLOW_NONE && table->buckets[place.home].away[WEIR__FLOW_AWAY(place.tag)])
		index = find_in(
			table, weir__flow_other(table, place.home, place.tag), place.tag, key);
	return index;
}

/* Not inlined: what a burst needs seldom should not take its registers. */
static __attribute__((noinline)) uint32_t find(const struct weir_flow_table *table, const void *key)
{
	uint64_t hash = weir__flow_hash(&table->secret, key, table->key_size);

	return weir__flow_find(table, key, weir__flow_place(table, hash));
}

uint32_t weir_flow_lookup(struct weir_flow_table *table, const void *key)
{
	uint32_t index = find(table, key);

	table->stats.hits += index != WEIR_FLOW_NONE;
	table->stats.misses += index == WEIR_FLOW_NONE;
	return index;
}

static ALWAYS_INLINE const uint8_t *key_of(const struct search *search, uint32_t i)
{
	return search->keys + (size_t)i * search->size;
}

static ALWAYS_INLINE void hash_all(const struct weir_flow_table *table, struct search *search)
{
	/* the caller's keys may be in memory, too: all are asked for before the first is needed */
	for (uint32_t i = 0; i < search->count * search->size; i += WEIR_CACHE_LINE)
		__builtin_prefetch(search->keys + i);
	for (uint32_t i = 0; i < search->count; i++) {
		uint64_t hash = weir__flow_hash(&table->secret, key_of(search, i), search->size);
		struct weir__flow_place place = weir__flow_place(table, hash);

		search->tags[i] = place.tag;
		search->buckets[i] = &table->buckets[place.home];
		ask(search->buckets[i]);
	}
}

/* Is there a candidate in the bucket? Its record is on its way then. */
static ALWAYS_INLINE bool choose(struct search *search, uint32_t i)
{
	const struct weir__flow_bucket *in = search->buckets[i];
	uint32_t equal = weir__tags_equal(in->tags, search->tags[i]), index;

	if (!equal)
		return false;
	index = in->indices[__builtin_ctz(equal)];
	search->indices[i] = index;
	search->stored[i] = search->first + index * search->stride;
	ask(search->stored[i]);
	/* the one size that does not lie in one line with what is in front of it */
	if (search->size == WEIR_FLOW_KEY_MAX)
		ask((const uint8_t *)search->stored[i] + WEIR_FLOW_KEY_MAX - 1);
	return true;
}

/* Returns a bit for each key that has to be looked for in its other bucket. */
static ALWAYS_INLINE uint64_t look_at_home(
	const struct weir_flow_table *table, struct search *search)
{
	uint64_t elsewhere = 0;

	for (uint32_t i = 0; i < search->count; i++) {
		const struct weir__flow_bucket *home = search->buckets[i];
		uint16_t tag = search->tags[i];

		if (choose(search, i))
			continue;
		search->stored[i] = key_of(search, i); /* nothing to compare with */
		search->indices[i] = WEIR_FLOW_NONE;
		search->found &= ~((uint64_t)1 << i);
		if (home->away[WEIR__FLOW_AWAY(tag)] > 0) {
			search->buckets[i] =
				table->buckets +
				weir__flow_other(table, (uint32_t)(home - table->buckets), tag);
			ask(search->buckets[i]);
			elsewhere |= (uint64_t)1 << i;
		}
	}
	return elsewhere;
}

static ALWAYS_INLINE void look_elsewhere(struct search *search, uint64_t elsewhere)
{
	for (; elsewhere; elsewhere &= elsewhere - 1)
		if (choose(search, (uint32_t)__builtin_ctzll(elsewhere)))
			search->found |= elsewhere & -elsewhere;
}

/* Some tag was right and its key was not: look for those again. */
static __attribute__((noinline)) uint64_t look_again(
	const struct weir_flow_table *table, const uint8_t *keys, uint32_t *indices, uint64_t found)
{
	uint32_t size = table->key_size;

	for (uint64_t left = found; left; left &= left - 1) {
		uint32_t i = (uint32_t)__builtin_ctzll(left);
		const uint8_t *key = keys + (size_t)i * size;

		if (!weir__flow_difference(weir_flow_key(table, indices[i]), key, size))
			continue;
		indices[i] = find(table, key);
		if (indices[i] == WEIR_FLOW_NONE)
			found &= ~(left & -left);
	}
	return found;
}

/* All at once, without a branch for each: what comes behind the burst can begin before the last
 * records are here. */
static ALWAYS_INLINE bool compare_all(const struct search *search)
{
	uint64_t different = 0;

	for (uint32_t i = 0; i < search->count; i++)
		different |=
			weir__flow_difference(search->stored[i], key_of(search, i), search->size);
	return different == 0;
}

static ALWAYS_INLINE uint64_t lookup_all(const struct weir_flow_table *table, const uint8_t *keys,
	uint32_t count, uint32_t size, uint32_t *indices)
{
	struct search search;

	if (count == 0)
		return 0;
	search.keys = keys;
	search.first = weir_flow_key(table, 0);
	search.stride = table->head.stride;
	search.indices = indices;
	search.count = count;
	search.size = size;
	search.found = UINT64_MAX >> (64 - count);
	hash_all(table, &search);
	look_elsewhere(&search, look_at_home(table, &search));
	if (weir_unlikely(!compare_all(&search)))
		return look_again(table, keys, indices, search.found);
	return search.found;
}

static uint64_t lookup_v4(
	const struct weir_flow_table *table, const void *keys, uint32_t count, uint32_t *indices)
{
	return lookup_all(table, keys, count, WEIR__FLOW_V4_SIZE, indices);
}

static uint64_t lookup_v6(
	const struct weir_flow_table *table, const void *keys, uint32_t count, uint32_t *indices)
{
	return lookup_all(table, keys, count, WEIR__FLOW_V6_SIZE, indices);
}

static uint64_t lookup_any(
	const struct weir_flow_table *table, const void *keys, uint32_t count, uint32_t *indices)
{
	return lookup_all(table, keys, count, table->key_size, indices);
}

uint64_t weir_flow_lookup_bulk(
	struct weir_flow_table *table, const void *keys, uint32_t count, uint32_t *indices)
{
	uint64_t found;
	uint32_t hits;

	if (table->key_size == WEIR__FLOW_V4_SIZE)
		found = lookup_v4(table, keys, count, indices);
	else if (table->key_size == WEIR__FLOW_V6_SIZE)
		found = lookup_v6(table, keys, count, indices);
	else
		found = lookup_any(table, keys, count, indices);
	hits = (uint32_t)__builtin_popcountll(found);
	table->stats.hits += hits;
	table->stats.misses += count - hits;
	return found;
}
