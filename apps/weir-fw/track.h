/* SPDX-License-Identifier: BSD-3-Clause */
/* track.h: connections, and what a packet is to them: new, established, related or invalid.
 *
 * A packet is asked about before its first hook, and it is told what became of it behind the last
 * one: only what is accepted makes a connection. The protocols follow Linux's conntrack with its
 * default settings: docs/firewall.md.
 *
 * Memory is bounded: so many connections, of which a quarter may be without an answer. Beyond that
 * the next one that was not answered in both directions goes, for the new one.
 *
 * Threads: a tracker belongs to one at a time.
 */
#ifndef FW_TRACK_H
#define FW_TRACK_H

#include "apps/weir-fw/packet.h"

struct fw_tracker;

struct fw_track_stats {
	uint64_t made, expired, removed; /* connections */
	uint64_t early;                  /* of these removed for want of room */
	uint64_t refused;                /* new ones that there was no room for */
	uint64_t invalid;                /* packets */
	uint32_t now, half_open;         /* connections, and those without an answer */
};

/* With room for so many connections. NULL with errno and weir_last_error(). */
struct fw_tracker *fw_tracker_create(uint32_t connections);

/* Be ready to translate, for an interface's address by these, which outlive it, or NULL. While
 * packets are judged by rules without nat, another thread may call it. 0, or -errno with
 * weir_last_error(). */
struct fw_host;
int fw_tracker_translates(struct fw_tracker *tracker, const struct fw_host *host);
void fw_tracker_destroy(struct fw_tracker *tracker);

/* Have this called for each connection that is made, that changes, and that goes: by whoever calls
 * the others. Before packets come. */
struct fw_flow;
typedef void fw_told(void *context, const struct fw_flow *flow);
void fw_tracker_tell(struct fw_tracker *tracker, fw_told *told, void *context);

/* Let go whose time is over, some of them, since no packet has come, or none that the tracker was
 * asked about. How many were looked at; 0: there are none. */
uint32_t fw_tracker_expire(struct fw_tracker *tracker, uint64_t now_ns);

/* The state of a packet, and what it does to its connection. The type is fw_state. */
uint32_t fw_tracker_state(void *tracker, struct fw_packet *packet);

/* The packet last asked about was accepted, or not. */
void fw_tracker_decided(struct fw_tracker *tracker, bool accepted);

void fw_tracker_stats(const struct fw_tracker *tracker, struct fw_track_stats *stats);

#endif
