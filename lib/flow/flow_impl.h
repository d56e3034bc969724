/* SPDX-License-Identifier: BSD-3-Clause */
/* flow_impl.h: what a flow table is made of.
 *
 *	create.c	memory, secret, figures
 *	lookup.c	find one key, or a burst of them
 *	insert.c	make and remove flows
 *	place.c		a slot in the buckets for a flow, by moving others
 *	age.c		flows whose time has come
 *	wheel.c		timers (weir/wheel.h)
 *
 * A key has two buckets, its home and another. The other is found from either of them and the tag
 * alone, so that flows can be moved without a look at their records. Who is not at home is a guest
 * where it is, and is counted at its home, in one of 8 counts by its tag: where that count is 0 a
 * lookup that fails at home has failed.
 */
#ifndef WEIR_FLOW_IMPL_H
#define WEIR_FLOW_IMPL_H

#include "flow/hash_impl.h"
#include "flow/tags_impl.h"
#include "flow/wheel_impl.h"
#include "weir/flow.h"

#include <assert.h>

#define WEIR__FLOW_SLOTS WEIR__TAGS

/* Sizes of keys that have code of their own. */
#define WEIR__FLOW_V4_SIZE 16
#define WEIR__FLOW_V6_SIZE 40

struct weir__flow_bucket {
	uint16_t tags[WEIR__FLOW_SLOTS]; /* 0: a free slot */
	uint32_t indices[WEIR__FLOW_SLOTS];
	/* Flows with this home that are guests elsewhere, by the highest 3 bits of their tags. One
	 * that reached 255 stays there: it is no longer exact. */
	uint8_t away[8];
	uint8_t guests; /* a bit for each slot; of a free one it is 0 */
	uint8_t unused[7];
} __attribute__((aligned(WEIR_CACHE_LINE)));

static_assert(sizeof(struct weir__flow_bucket) == WEIR_CACHE_LINE, "a bucket is a line");

struct weir_flow_table {
	struct weir__flow_head head; /* the public inlines know where it is */
	struct weir__flow_bucket *buckets;
	uint32_t bucket_count;
	uint32_t key_size;
	uint32_t fresh;      /* indices from here on were never used */
	uint32_t free_count; /* of free */
	uint32_t *free;      /* indices that were; the top one was freed last */
	struct weir_wheel *wheel;
	struct weir__flow_secret secret;
	struct weir_flow_stats stats;
	uint32_t value_size;
	uint64_t tick;
	struct weir_region *region;
	char name[32];
};

/* The highest bit of a tag, so that none is 0. */
#define WEIR__FLOW_TAKEN 0x8000

/* Where a key belongs. */
struct weir__flow_place {
	uint32_t home;
	uint16_t tag;
};

/* A number from 0 to count - 1, by the upper bits of a 32-bit one. */
static inline uint32_t weir__flow_scale(uint32_t number, uint32_t count)
{
	return (uint32_t)((uint64_t)number * count >> 32);
}

static inline struct weir__flow_place weir__flow_place(
	const struct weir_flow_table *table, uint64_t hash)
{
	return (struct weir__flow_place){
		.home = weir__flow_scale((uint32_t)(hash >> 32), table->bucket_count),
		.tag = (uint16_t)(hash >> 16) | WEIR__FLOW_TAKEN,
	};
}

/* The other bucket of a tag that has this one: the two add up to a number that depends on the tag,
 * modulo their count. The factor spreads tags evenly: 2^32 over the golden ratio. */
static inline uint32_t weir__flow_other(
	const struct weir_flow_table *table, uint32_t bucket, uint16_t tag)
{
	uint32_t sum = weir__flow_scale(tag * 0x9e3779b1u, table->bucket_count);

	return sum >= bucket ? sum - bucket : sum + table->bucket_count - bucket;
}

/* In which count a tag is: flows of this home with such tags that are away. */
#define WEIR__FLOW_AWAY(tag) ((tag) >> 12 & 7)

/* 0 when two keys are equal. */
static inline uint64_t weir__flow_difference(const void *a, const void *b, uint32_t size)
{
	uint64_t different = 0;

	_Pragma("GCC unroll 8") for (uint32_t i = 0; i < size / 8; i++)
	{
		different |= weir__flow_word(a, i) ^ weir__flow_word(b, i);
	}
	return different;
}

/* create.c: 0, or -EINVAL with a sentence. And a secret from the kernel for the table with this
 * name, or -errno with one. */
int weir__flow_check(const struct weir_flow_conf *conf);
int weir__flow_choose_secret(const char *name, struct weir__flow_secret *secret);

/* lookup.c: the index of a key whose place is known, or WEIR_FLOW_NONE. */
uint32_t weir__flow_find(
	const struct weir_flow_table *table, const void *key, struct weir__flow_place place);

/* place.c: put an index into one of its buckets. False when there is no place. */
bool weir__flow_settle(
	struct weir_flow_table *table, struct weir__flow_place place, uint32_t index);

/* place.c: take it out. */
void weir__flow_unsettle(
	struct weir_flow_table *table, struct weir__flow_place place, uint32_t index);

/* insert.c: remove a flow, without counting why. */
void weir__flow_drop(struct weir_flow_table *table, uint32_t index);

#endif
