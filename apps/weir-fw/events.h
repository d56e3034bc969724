/* SPDX-License-Identifier: BSD-3-Clause */
/* events.h: what becomes of connections, as lines of JSON in a file.
 *
 * Each thread that judges puts copies into a bounded ring of its own and never waits; a thread of
 * this file's own writes them. What finds the ring full is lost, and counted where it is missing.
 */
#ifndef FW_EVENTS_H
#define FW_EVENTS_H

#include <stdint.h>

struct fw_events;
struct fw_events_lane; /* of a thread that judges */
struct fw_flow;

struct fw_event_stats {
	uint64_t written, lost;
};

/* Create or replace a file, for so many threads; "-" is standard output. NULL with errno and
 * weir_last_error(). */
struct fw_events *fw_events_open(const char *path, uint32_t workers);

struct fw_events_lane *fw_events_lane(struct fw_events *events, uint32_t worker);

/* By one thread at a time for each lane; the type is fw_told. */
void fw_events_tell(void *lane, const struct fw_flow *flow);

/* Write what is left. 0, or -errno with weir_last_error() when something did not reach the file.
 * NULL is allowed. */
int fw_events_close(struct fw_events *events, struct fw_event_stats *stats);

#endif
