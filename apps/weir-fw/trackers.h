/* SPDX-License-Identifier: BSD-3-Clause */
/* trackers.h: the connections of all threads that judge: a tracker for each of them.
 *
 * Packets of a connection come to one thread (steer.h), so none of them needs another's. */
#ifndef FW_TRACKERS_H
#define FW_TRACKERS_H

#include "apps/weir-fw/track.h"

struct fw_trackers {
	uint32_t count;
	uint32_t set; /* a number that no other has */
	struct fw_tracker *of[];
};

/* What of all connections each of so many may have. */
static inline uint32_t fw_trackers_share(uint32_t connections, uint32_t workers)
{
	return (connections + workers - 1) / workers;
}

/* So many, with room for so many connections in all of them. NULL with errno and weir_last_error().
 */
struct fw_trackers *fw_trackers_create(uint32_t set, uint32_t count, uint32_t connections);
/* NULL is allowed. */
void fw_trackers_destroy(struct fw_trackers *trackers);

/* As fw_tracker_translates(), of each, with a table for several (places.h) that outlives them. */
struct weir_flow_shared;
int fw_trackers_translate(
	struct fw_trackers *trackers, const struct fw_host *host, struct weir_flow_shared *places);

/* Of all, while none of them is used. */
void fw_trackers_stats(const struct fw_trackers *trackers, struct fw_track_stats *stats);

#endif
