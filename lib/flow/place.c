/* SPDX-License-Identifier: BSD-3-Clause */
/* place.c: a slot for a flow in one of its two buckets.
 *
 * When both are full, the flows in them are asked in turn whether their other bucket has a free
 * slot, then those in these other buckets, and so on: a breadth-first search, so the row of moves
 * that it finds is the shortest, and no bucket is in it twice. The moves are made from the free
 * slot backwards, so that no flow is missing in between.
 */
#include "flow_impl.h"

/* Buckets looked at before giving up: two, the 16 of their flows, the 128 of those, and most of the
 * next. Filled to 97 % a table of a million flows needs no more (docs/flow.md). */
#define SEARCH_MAX 1024

/* A bucket that is full, and the way to it: the flow in slot of bucket search[from] could move
 * here. */
struct step {
	uint32_t bucket;
	uint16_t from;
	uint16_t slot;
};

/* Of guests. The remainder is for the compiler, which does not know that there are only 8. */
static uint8_t bit_of(uint32_t slot)
{
	return (uint8_t)(1u << slot % WEIR__FLOW_SLOTS);
}

static bool is_guest(const struct weir__flow_bucket *bucket, uint32_t slot)
{
	return bucket->guests & bit_of(slot);
}

/* One more flow of this home is away, or one less. */
static void count_away(struct weir_flow_table *table, uint32_t home, uint16_t tag, bool more)
{
	uint8_t *away = &table->buckets[home].away[WEIR__FLOW_AWAY(tag)];

	if (*away != UINT8_MAX)
		*away = (uint8_t)(more ? *away + 1 : *away - 1);
	table->stats.away += more ? 1 : -1;
}

/* Take a free slot for a flow that is at home in bucket, or a guest of it. */
static void fill(struct weir_flow_table *table, uint32_t bucket, uint32_t slot, uint16_t tag,
	uint32_t index, bool guest)
{
	struct weir__flow_bucket *in = &table->buckets[bucket];

	in->tags[slot] = tag;
	in->indices[slot] = index;
	if (guest) {
		in->guests |= bit_of(slot);
		count_away(table, weir__flow_other(table, bucket, tag), tag, true);
	}
}

static void empty(struct weir_flow_table *table, uint32_t bucket, uint32_t slot)
{
	struct weir__flow_bucket *in = &table->buckets[bucket];
	uint16_t tag = in->tags[slot];

	if (is_guest(in, slot))
		count_away(table, weir__flow_other(table, bucket, tag), tag, false);
	in->tags[slot] = 0;
	in->guests &= (uint8_t)(UINT8_MAX ^ bit_of(slot));
}

static bool fill_any(
	struct weir_flow_table *table, uint32_t bucket, uint16_t tag, uint32_t index, bool guest)
{
	uint32_t vacant = weir__tags_equal(table->buckets[bucket].tags, 0);

	if (vacant)
		fill(table, bucket, (uint32_t)__builtin_ctz(vacant), tag, index, guest);
	return vacant != 0;
}

/* Move a flow to its other bucket, where to is free. */
static void move(struct weir_flow_table *table, uint32_t bucket, uint32_t slot, uint32_t to)
{
	struct weir__flow_bucket *from = &table->buckets[bucket];
	uint16_t tag = from->tags[slot];
	uint32_t index = from->indices[slot];
	bool guest = !is_guest(from, slot);

	empty(table, bucket, slot);
	fill(table, weir__flow_other(table, bucket, tag), to, tag, index, guest);
	table->stats.displaced++;
}

/* Make the moves that lead to slot in search[at], which is free; the slot that is free then, and
 * its bucket in *bucket. */
static uint32_t make_moves(struct weir_flow_table *table, const struct step *search, uint32_t at,
	uint32_t slot, uint32_t *bucket)
{
	/* the first two are the buckets of who needs a place */
	for (; at >= 2; at = search[at].from) {
		move(table, search[search[at].from].bucket, search[at].slot, slot);
		slot = search[at].slot;
	}
	*bucket = search[at].bucket;
	return slot;
}

/* Free a slot in one of two full buckets. Returns it, or -1. */
static int make_place(
	struct weir_flow_table *table, uint32_t home, uint32_t other, uint32_t *bucket)
{
	struct step search[SEARCH_MAX + 1];
	uint32_t end = 2;

	search[0].bucket = home;
	search[1].bucket = other;
	for (uint32_t at = 0; at < end; at++) {
		const struct weir__flow_bucket *in = &table->buckets[search[at].bucket];

		for (uint32_t slot = 0; slot < WEIR__FLOW_SLOTS && end < SEARCH_MAX; slot++) {
			uint32_t to = weir__flow_other(table, search[at].bucket, in->tags[slot]);
			uint32_t vacant = weir__tags_equal(table->buckets[to].tags, 0);

			search[end] = (struct step){to, (uint16_t)at, (uint16_t)slot};
			if (vacant)
				return (int)make_moves(table, search, end,
					(uint32_t)__builtin_ctz(vacant), bucket);
			end++;
		}
	}
	return -1;
}

bool weir__flow_settle(struct weir_flow_table *table, struct weir__flow_place place, uint32_t index)
{
	uint32_t other, bucket;
	int slot;

	if (fill_any(table, place.home, place.tag, index, false))
		return true;
	other = weir__flow_other(table, place.home, place.tag);
	if (fill_any(table, other, place.tag, index, true))
		return true;
	slot = make_place(table, place.home, other, &bucket);
	if (slot < 0)
		return false;
	fill(table, bucket, (uint32_t)slot, place.tag, index, bucket != place.home);
	return true;
}

/* Empty the slot with this index, when the bucket has it. */
static bool empty_any(struct weir_flow_table *table, uint32_t bucket, uint16_t tag, uint32_t index)
{
	const struct weir__flow_bucket *in = &table->buckets[bucket];
	uint32_t equal = weir__tags_equal(in->tags, tag);

	for (; equal; equal &= equal - 1) {
		uint32_t slot = (uint32_t)__builtin_ctz(equal);

		if (in->indices[slot] == index) {
			empty(table, bucket, slot);
			return true;
		}
	}
	return false;
}

void weir__flow_unsettle(
	struct weir_flow_table *table, struct weir__flow_place place, uint32_t index)
{
	if (!empty_any(table, place.home, place.tag, index))
		empty_any(table, weir__flow_other(table, place.home, place.tag), place.tag, index);
}
