/* SPDX-License-Identifier: BSD-3-Clause */
/* places.c: the table of who has a connection. */
#include "apps/weir-fw/places.h"

#include <weir/rcu.h>

#include <errno.h>
#include <string.h>

/* What is removed keeps its memory until a grace period of RCU is over, which a thread that the
 * kernel has put aside makes long. In 30 ms of it 500,000 connections a second may come and go, two
 * places each: about 30,000. */
#define TURNOVER 32768

struct place {
	WEIR_ATOMIC(uint32_t) tag;
};

struct weir_flow_shared *fw_places_create(uint32_t connections, uint32_t workers)
{
	/* two for each, one that each thread is about to make, and those just gone */
	const struct weir_flow_conf conf = {.name = "places",
		.count = 2 * connections + workers + TURNOVER,
		.key_size = sizeof(fw_key),
		.value_size = sizeof(struct place),
		.node = WEIR_NODE_ANY};

	return weir_flow_shared_create(&conf);
}

uint32_t fw_places_find(struct weir_flow_shared *places, const fw_key *of, uint32_t set)
{
	struct place *place = weir_flow_shared_lookup(places, of);
	/* relaxed: the number is all there is */
	uint32_t tag = place ? atomic_load_explicit(&place->tag, memory_order_relaxed) : 0;

	return tag && tag >> 8 == set ? (tag & 0xff) - 1 : UINT32_MAX;
}

/* Only while rules translate, or did. */
static bool is_used(const struct fw_tracker *tracker)
{
	return fw_track_answers(tracker) && tracker->places;
}

int fw_places_take(const struct fw_tracker *tracker, const fw_key *of)
{
	struct place *place;
	uint32_t tag = 0;
	void *value;
	int is_new = weir_flow_shared_insert(tracker->places, of, 0, &value);

	if (is_new < 0)
		return is_new;
	place = value;
	/* relaxed: as above; who changes it first has it */
	if (!is_new) {
		tag = atomic_load_explicit(&place->tag, memory_order_relaxed);
		if (!tag || tag >> 8 == tracker->tag >> 8)
			return -EEXIST;
	}
	return atomic_compare_exchange_strong_explicit(
		       &place->tag, &tag, tracker->tag, memory_order_relaxed, memory_order_relaxed)
		       ? 0
		       : -EEXIST;
}

void fw_places_leave(const struct fw_tracker *tracker, const fw_key *of)
{
	struct place *place = weir_flow_shared_lookup(tracker->places, of);
	uint32_t tag = tracker->tag;

	/* relaxed: as above */
	if (place && atomic_compare_exchange_strong_explicit(
			     &place->tag, &tag, 0, memory_order_relaxed, memory_order_relaxed))
		weir_flow_shared_remove(tracker->places, place);
}

void fw_places_unclaim(struct fw_tracker *tracker)
{
	if (tracker->claims)
		fw_places_leave(tracker, &tracker->claim);
	tracker->claims = false;
}

static bool has_claimed(const struct fw_tracker *tracker, const fw_key *of)
{
	return tracker->claims && memcmp(&tracker->claim, of, sizeof(*of)) == 0;
}

int fw_places_claim(struct fw_tracker *tracker, const fw_key *tuple)
{
	fw_key of = *tuple;
	int error;

	fw_key_sort(&of);
	if (!is_used(tracker) || has_claimed(tracker, &of))
		return 0;
	fw_places_unclaim(tracker);
	error = fw_places_take(tracker, &of);
	tracker->claims = !error;
	tracker->claim = of;
	return error;
}

bool fw_places_enter(struct fw_tracker *tracker, const fw_key *of, bool translated)
{
	if (!is_used(tracker))
		return true;
	if (translated && fw_places_claim(tracker, &tracker->asked.tuples[1]))
		return false;
	/* one that is translated to what it is has one tuple only */
	if (!(translated && has_claimed(tracker, of)) && fw_places_take(tracker, of))
		return false;
	tracker->claims = false;
	return true;
}

void fw_places_forget(const struct fw_tracker *tracker, uint32_t index)
{
	const struct fw_connection *connection = fw_track_at(tracker, index);

	if (!is_used(tracker))
		return;
	fw_places_leave(tracker, weir_flow_key(tracker->table, index));
	if (connection->nat)
		fw_places_leave(
			tracker, weir_flow_key(fw_track_answers(tracker), connection->answers));
}

void fw_places_empty(struct fw_tracker *tracker)
{
	uint32_t index = 0;

	if (!is_used(tracker))
		return;
	weir_rcu_join();
	fw_places_unclaim(tracker);
	while ((index = weir_flow_next(tracker->table, index)) != WEIR_FLOW_NONE)
		fw_places_forget(tracker, index++);
	weir_rcu_leave();
}
