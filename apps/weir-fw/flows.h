/* SPDX-License-Identifier: BSD-3-Clause */
/* flows.h: connections as others may see them: copies, and their text.
 *
 * The tracker belongs to the thread that judges. That one copies what somebody asks for, a few at a
 * time; what is done with the copies is done elsewhere.
 */
#ifndef FW_FLOWS_H
#define FW_FLOWS_H

#include "apps/weir-fw/track_impl.h"

#include <stdio.h>

enum fw_event { FW_EVENT_NEW, FW_EVENT_UPDATE, FW_EVENT_DESTROY };
enum fw_gone {
	FW_GONE_EXPIRED,
	FW_GONE_EARLY,    /* for another one, for want of room */
	FW_GONE_RESET,    /* before it was answered */
	FW_GONE_REPLACED, /* by one of the same addresses and ports */
};

struct fw_flow {
	fw_key tuples[2]; /* that packets come with: of who began, and of who answers */
	struct fw_counter seen[2];
	uint64_t begun_ns, expires_ns, now_ns;
	uint32_t index;
	uint8_t nat; /* as in a connection */
	uint8_t tcp_state;
	bool answered, assured;
	/* of one that is told of */
	uint8_t event, gone;
};

/* Copy one. */
void fw_flow_copy(const struct fw_tracker *tracker, uint32_t index, struct fw_flow *flow);

/* Places of the table that one call looks at: some microseconds. */
#define FW_FLOWS_LOOK 64

/* Copy those that live at now_ns, 0 for the time of the last packet, from a place on; *place is the
 * next one then, or WEIR_FLOW_NONE behind the last. Returns how many. */
uint32_t fw_flows_copy(const struct fw_tracker *tracker, uint64_t now_ns, uint32_t *place,
	struct fw_flow flows[FW_FLOWS_LOOK]);

/* The members of an object of JSON, in one line. */
void fw_flow_print(FILE *out, const struct fw_flow *flow);

/* The number of a protocol, by its name or as digits; -1: none. */
int fw_flow_protocol(const char *text);

#endif
