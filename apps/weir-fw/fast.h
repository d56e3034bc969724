/* SPDX-License-Identifier: BSD-3-Clause */
/* fast.h: packets of connections whose verdict is known, by the burst.
 *
 * While a packet of an established connection is judged, it is recorded which counters it moves and
 * whether a rule looked at anything that another packet of the same connection may have otherwise.
 * When none did, the verdict holds for all that come from this side, until the rules change: the
 * connection remembers their generation and the counters. Such packets are looked up together, and
 * no rule is looked at for them; the tracker sees each, and the counters move as they would have.
 *
 *	fw_fast_look(fast, judge, ...)          the connections of a burst
 *	for each packet, in order
 *		if (!fw_fast_take(fast, i, ...))
 *			fw_fast_record(fast, judge); judge it; fw_fast_learn(...)
 *
 * Threads: as for a judge.
 */
#ifndef FW_FAST_H
#define FW_FAST_H

#include "apps/weir-fw/eval.h"
#include "apps/weir-fw/track_impl.h"

#define FW_FAST_BURST WEIR_FLOW_BULK
#define FW_FAST_PATHS 64 /* ways through the rules that are remembered */

struct fw_fast {
	struct fw_path paths[FW_FAST_PATHS], path; /* and the one that is recorded */
	uint32_t path_count, generation;
	/* of a burst */
	uint64_t known;   /* a bit for each with a connection */
	uint64_t changes; /* of the table, before it was asked */
	struct fw_tracker *tracker;
	uint32_t indices[FW_FAST_BURST];
	bool exchanged[FW_FAST_BURST];
	fw_key keys[FW_FAST_BURST];
};

/* Frames of Ethernet, length bytes each. generation: of the rules, from 1 on. */
struct fw_frame {
	const uint8_t *bytes;
	uint32_t length;
};
void fw_fast_look(struct fw_fast *fast, const struct fw_judge *judge, uint32_t generation,
	const struct fw_frame *frames, uint32_t count);

/* Is it accepted, on its way from a port to the only one of ways? The tracker has seen it then, and
 * counters have moved. false: nothing has changed, and it must be judged. */
bool fw_fast_take(struct fw_fast *fast, uint32_t i, const struct fw_frame *frame, uint32_t in,
	uint64_t ways, uint64_t now_ns);

/* The next packet is judged; it was, and accepted on these ways. */
void fw_fast_record(struct fw_fast *fast, struct fw_judge *judge);
void fw_fast_learn(
	struct fw_fast *fast, const struct fw_packet *packet, uint32_t in, uint64_t ways);

#endif
