/* SPDX-License-Identifier: BSD-3-Clause */
/* trackers.c: trackers for several threads, made and added up. */
#include "apps/weir-fw/trackers.h"

#include "apps/weir-fw/places.h"

#include "base/base_impl.h"

#include <errno.h>
#include <stdlib.h>

struct fw_trackers *fw_trackers_create(uint32_t set, uint32_t count, uint32_t connections)
{
	struct fw_trackers *trackers =
		calloc(1, sizeof(*trackers) + count * sizeof(trackers->of[0]));

	if (!trackers)
		return weir__fail_null(ENOMEM, "no memory for trackers of connections");
	trackers->count = count;
	trackers->set = set;
	for (uint32_t i = 0; i < count; i++) {
		trackers->of[i] = fw_tracker_create(fw_trackers_share(connections, count));
		if (!trackers->of[i]) {
			fw_trackers_destroy(trackers);
			return NULL;
		}
		trackers->of[i]->tag = fw_places_tag(set, i);
	}
	return trackers;
}

void fw_trackers_destroy(struct fw_trackers *trackers)
{
	for (uint32_t i = 0; trackers && i < trackers->count; i++)
		fw_tracker_destroy(trackers->of[i]);
	free(trackers);
}

int fw_trackers_translate(
	struct fw_trackers *trackers, const struct fw_host *host, struct weir_flow_shared *places)
{
	int error = 0;

	for (uint32_t i = 0; !error && i < trackers->count; i++) {
		/* who judges looks at it once there are answers */
		if (!fw_track_answers(trackers->of[i]))
			trackers->of[i]->places = places;
		error = fw_tracker_translates(trackers->of[i], host);
	}
	return error;
}

void fw_trackers_stats(const struct fw_trackers *trackers, struct fw_track_stats *stats)
{
	struct fw_track_stats one;

	*stats = (struct fw_track_stats){0};
	for (uint32_t i = 0; i < trackers->count; i++) {
		fw_tracker_stats(trackers->of[i], &one);
		stats->made += one.made;
		stats->expired += one.expired;
		stats->removed += one.removed;
		stats->early += one.early;
		stats->refused += one.refused;
		stats->invalid += one.invalid;
		stats->now += one.now;
		stats->half_open += one.half_open;
	}
}
