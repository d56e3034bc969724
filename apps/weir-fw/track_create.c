/* SPDX-License-Identifier: BSD-3-Clause */
/* track_create.c: trackers of connections: made, destroyed, and their figures. */
#include "apps/weir-fw/track.h"

#include "apps/weir-fw/flows.h"
#include "apps/weir-fw/places.h"

#include "base/base_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define TICK_NS (FW_NS_PER_S / 4)

/* Twice as many as connections have directions, or more: so few are in the place of another. */
static bool make_hints(struct fw_tracker *tracker)
{
	struct weir_region_conf conf = {.name = "hints", .node = WEIR_NODE_ANY};
	uint64_t count = 4;

	tracker->hint_shift = 62;
	for (; count < UINT64_C(4) * tracker->connections; count *= 2)
		tracker->hint_shift--;
	conf.size = count * sizeof(*tracker->hints);
	tracker->hint_memory = weir_region_create(&conf);
	if (tracker->hint_memory)
		tracker->hints = weir_region_base(tracker->hint_memory);
	return tracker->hints != NULL;
}

struct fw_tracker *fw_tracker_create(uint32_t connections)
{
	const struct weir_flow_conf conf = {.name = "connections",
		.count = connections,
		.key_size = sizeof(fw_key),
		.value_size = sizeof(struct fw_connection),
		.tick = TICK_NS,
		.node = WEIR_NODE_ANY};
	struct fw_tracker *tracker = calloc(1, sizeof(*tracker));

	if (!tracker)
		return weir__fail_null(ENOMEM, "no memory for a tracker of connections");
	tracker->connections = connections;
	tracker->half_open_most = connections / 4 ? connections / 4 : 1;
	tracker->table = weir_flow_create(&conf);
	if (tracker->table && make_hints(tracker))
		return tracker;
	fw_tracker_destroy(tracker);
	return NULL;
}

int fw_tracker_translates(struct fw_tracker *tracker, const struct fw_host *host)
{
	const struct weir_flow_conf conf = {.name = "answers",
		.count = tracker->connections,
		.key_size = sizeof(fw_key),
		.value_size = sizeof(struct fw_answers),
		.node = WEIR_NODE_ANY};
	struct weir_flow_table *answers;

	if (fw_track_answers(tracker))
		return 0;
	if (getrandom(&tracker->random, sizeof(tracker->random), 0) < 0)
		return weir__fail(errno, "no random number for ports: %s", strerror(errno));
	tracker->host = host;
	answers = weir_flow_create(&conf);
	if (!answers)
		return -errno;
	/* release: with fw_track_answers() */
	atomic_store_explicit(&tracker->answers, answers, memory_order_release);
	return 0;
}

void fw_tracker_destroy(struct fw_tracker *tracker)
{
	if (!tracker)
		return;
	if (tracker->table)
		fw_places_empty(tracker);
	weir_flow_destroy(fw_track_answers(tracker));
	weir_flow_destroy(tracker->table);
	weir_region_destroy(tracker->hint_memory);
	free(tracker);
}

void fw_tracker_tell(struct fw_tracker *tracker, fw_told *told, void *context)
{
	tracker->told = told;
	tracker->told_context = context;
}

void fw_tracker_stats(const struct fw_tracker *tracker, struct fw_track_stats *stats)
{
	struct weir_flow_stats flows;

	weir_flow_stats(tracker->table, &flows);
	*stats = tracker->stats;
	stats->now = flows.flows;
	stats->half_open = tracker->half_open;
}
