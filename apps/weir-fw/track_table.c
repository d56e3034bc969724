/* SPDX-License-Identifier: BSD-3-Clause */
/* track_table.c: the table of connections, and which goes when its time is over or there is no
 * room. */
#include "apps/weir-fw/track.h"

#include "apps/weir-fw/flows.h"
#include "apps/weir-fw/places.h"

typedef fw_key key;

/* Flows that are looked at for each packet: those whose time has come, and those that may go early.
 */
#define EXPIRE_BUDGET 16
#define EARLY_BUDGET  64

void fw_track_tell(struct fw_tracker *tracker, uint32_t index, uint32_t event, uint32_t gone)
{
	struct fw_flow flow;

	if (!tracker->told)
		return;
	fw_flow_copy(tracker, index, &flow);
	flow.event = (uint8_t)event;
	flow.gone = (uint8_t)gone;
	tracker->told(tracker->told_context, &flow);
}

/* A connection is going: so is what is kept of it elsewhere. */
static void leave(struct fw_tracker *tracker, uint32_t index, uint32_t gone)
{
	const struct fw_connection *connection = fw_track_at(tracker, index);

	fw_track_tell(tracker, index, FW_EVENT_DESTROY, gone);
	tracker->half_open -= !connection->answered;
	fw_places_forget(tracker, index);
	if (connection->nat)
		weir_flow_remove(fw_track_answers(tracker), connection->answers);
}

void fw_track_forget(struct fw_tracker *tracker, uint32_t index, uint32_t gone)
{
	leave(tracker, index, gone);
	weir_flow_remove(tracker->table, index);
	tracker->stats.removed++;
}

static void on_expired(void *context, struct weir_flow_table *table, uint32_t index)
{
	struct fw_tracker *tracker = context;
	uint64_t expires_ns = fw_track_at(tracker, index)->expires_ns;

	if (expires_ns > tracker->now_ns) {
		weir_flow_keep(table, index, expires_ns);
		return;
	}
	leave(tracker, index, FW_GONE_EXPIRED);
	tracker->stats.expired++;
}

/* The index, unless the connection's time is over. */
static uint32_t living(struct fw_tracker *tracker, uint32_t index)
{
	if (index == WEIR_FLOW_NONE || fw_track_at(tracker, index)->expires_ns > tracker->now_ns)
		return index;
	leave(tracker, index, FW_GONE_EXPIRED);
	weir_flow_remove(tracker->table, index);
	tracker->stats.expired++;
	return WEIR_FLOW_NONE;
}

uint32_t fw_track_find(struct fw_tracker *tracker, const key *of, bool exchanged, uint32_t *side)
{
	uint32_t index = living(tracker, weir_flow_lookup(tracker->table, of));
	struct weir_flow_table *answers = fw_track_answers(tracker);
	const struct fw_connection *connection;
	const struct fw_answers *entry;

	if (index != WEIR_FLOW_NONE) {
		connection = fw_track_at(tracker, index);
		*side = connection->exchanged != exchanged;
		if (*side && connection->nat)
			*side = FW_NO_SIDE;
		return index;
	}
	index = answers ? weir_flow_lookup(answers, of) : WEIR_FLOW_NONE;
	if (index == WEIR_FLOW_NONE)
		return index;
	entry = weir_flow_value(answers, index);
	*side = entry->exchanged == exchanged ? 1 : FW_NO_SIDE;
	return living(tracker, entry->index);
}

void fw_track_tuples(const struct fw_tracker *tracker, uint32_t index, key tuples[2])
{
	const struct fw_connection *connection = fw_track_at(tracker, index);
	const struct weir_flow_table *answers = fw_track_answers(tracker);
	bool exchanged = !connection->exchanged;

	tuples[0] = tuples[1] = *(const key *)weir_flow_key(tracker->table, index);
	if (connection->nat) {
		const struct fw_answers *entry = weir_flow_value(answers, connection->answers);

		tuples[1] = *(const key *)weir_flow_key(answers, connection->answers);
		exchanged = entry->exchanged;
	}
	if (connection->exchanged)
		fw_key_exchange(&tuples[0]);
	if (exchanged)
		fw_key_exchange(&tuples[1]);
}

bool fw_tuple_taken(struct fw_tracker *tracker, const key *tuple)
{
	uint32_t side;
	key of = *tuple;

	return fw_track_find(tracker, &of, fw_key_sort(&of), &side) != WEIR_FLOW_NONE;
}

uint32_t fw_track_expire(struct fw_tracker *tracker)
{
	return weir_flow_expire(
		tracker->table, tracker->now_ns, EXPIRE_BUDGET, on_expired, tracker);
}

uint32_t fw_tracker_expire(struct fw_tracker *tracker, uint64_t now_ns)
{
	if (now_ns > tracker->now_ns)
		tracker->now_ns = now_ns;
	return fw_track_expire(tracker);
}

/* Make room: one that was not answered both ways goes, among the next few. */
static bool remove_early(struct fw_tracker *tracker)
{
	uint32_t index = tracker->cursor;

	for (uint32_t i = 0; i < EARLY_BUDGET; i++) {
		index = weir_flow_next(tracker->table, index);
		if (index == WEIR_FLOW_NONE) {
			index = 0;
			continue;
		}
		if (!fw_track_at(tracker, index)->assured) {
			tracker->cursor = index + 1;
			fw_track_forget(tracker, index, FW_GONE_EARLY);
			tracker->stats.early++;
			return true;
		}
		index++;
	}
	tracker->cursor = index;
	return false;
}

static uint32_t insert(struct fw_tracker *tracker, const key *of)
{
	uint32_t index;

	/* one for this one, and one for a search that was in vain */
	for (uint32_t i = 0; i < 2 && tracker->half_open >= tracker->half_open_most; i++)
		remove_early(tracker);
	if (weir_flow_insert(tracker->table, of, tracker->now_ns, &index) < 0 &&
		remove_early(tracker))
		weir_flow_insert(tracker->table, of, tracker->now_ns, &index);
	return index;
}

/* The tuple of its answers, for a connection that is translated. false: there is no room, or it is
 * another's by now. */
static bool insert_answers(
	struct fw_tracker *tracker, struct fw_connection *connection, uint32_t index)
{
	struct weir_flow_table *answers = fw_track_answers(tracker);
	key of = tracker->asked.tuples[1];
	bool exchanged = fw_key_sort(&of);

	if (!connection->nat)
		return true;
	if (weir_flow_insert(answers, &of, 0, &connection->answers) != 1)
		return false;
	*(struct fw_answers *)weir_flow_value(answers, connection->answers) =
		(struct fw_answers){.index = index, .exchanged = exchanged};
	return true;
}

/* Its tuples are its own, here and among all threads. false: one is another's by now. */
static bool enter(
	struct fw_tracker *tracker, struct fw_connection *connection, uint32_t index, const key *of)
{
	if (!insert_answers(tracker, connection, index))
		return false;
	if (fw_places_enter(tracker, of, connection->nat))
		return true;
	if (connection->nat)
		weir_flow_remove(fw_track_answers(tracker), connection->answers);
	return false;
}

void fw_tracker_decided(struct fw_tracker *tracker, bool accepted)
{
	struct fw_connection *connection = &tracker->pending_connection;
	uint32_t index;
	key of;

	if (!tracker->pending || !accepted)
		return;
	tracker->pending = false;
	of = tracker->asked.tuples[0];
	if (connection->exchanged)
		fw_key_exchange(&of);
	index = insert(tracker, &of);
	if (index != WEIR_FLOW_NONE && !enter(tracker, connection, index, &of)) {
		weir_flow_remove(tracker->table, index);
		index = WEIR_FLOW_NONE;
	}
	if (index == WEIR_FLOW_NONE) {
		tracker->stats.refused++;
		return;
	}
	*fw_track_at(tracker, index) = *connection;
	fw_track_keep(tracker->table, fw_track_entry(tracker->table, index), index,
		tracker->now_ns + tracker->pending_timeout_ns);
	tracker->half_open++;
	tracker->stats.made++;
	fw_track_tell(tracker, index, FW_EVENT_NEW, 0);
}
