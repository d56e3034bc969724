/* SPDX-License-Identifier: BSD-3-Clause */
/* fast.h: packets of connections whose verdict is known, by the burst.
 *
 * While a packet of an established connection is judged, it is recorded which counters it moves and
 * whether a rule looked at anything that another packet of the same connection may have otherwise.
 * When none did, the verdict holds for all that go the same way, until the rules change: the
 * connection remembers their generation and the counters. For such packets no rule is looked at;
 * the tracker sees each, and the counters move as they would have.
 *
 *	fw_fast_begin(fast, ...)
 *	for each packet of a burst
 *		fw_fast_add(fast, i, ...)
 *	fw_fast_look(fast)
 *	for each packet, in order
 *		fw_fast_take(fast, i, ...)   so many from here on are accepted; when it is none,
 *		fw_fast_record(fast, judge); judge it; fw_fast_learn(...)
 *	fw_fast_end(fast)                    the counters move
 *
 * Where packets cannot be looked at by the burst, fw_fast_one() does all of this for one.
 *
 * Threads: as for a judge.
 */
#ifndef FW_FAST_H
#define FW_FAST_H

#include "apps/weir-fw/eval.h"
#include "apps/weir-fw/plain.h"

#define FW_FAST_BURST 256 /* packets at most */
#define FW_FAST_PATHS 64  /* ways through the rules that are remembered, a bit each */

/* From a port to another: what is compared. */
static inline uint16_t fw_fast_way(uint32_t in, uint32_t out)
{
	return (uint16_t)(in | out << 8);
}

struct fw_fast {
	struct fw_path paths[FW_FAST_PATHS], path; /* and the one that is recorded */
	uint32_t path_count, generation;
	struct fw_tracker *tracker; /* NULL: the rules ask for no states */
	/* of a burst */
	uint32_t count;
	bool looked_up; /* all have been looked up in the table that no hint led to */
	uint64_t moved; /* a bit for each path that was taken, by so much: */
	struct fw_counter moves[FW_FAST_PATHS];
	struct fw_plain plain[FW_FAST_BURST];
};

/* count: packets of the burst. generation: of the rules, from 1 on. */
void fw_fast_begin(
	struct fw_fast *fast, const struct fw_judge *judge, uint32_t generation, uint32_t count);

/* Number i of these is a frame of length bytes. */
static inline void fw_fast_add(
	struct fw_fast *fast, uint32_t i, const uint8_t *frame, uint32_t length, uint64_t time_ns)
{
	struct fw_plain *plain = &fast->plain[i];
	const struct fw_tracker *tracker = fast->tracker;
	uint64_t hash;

	if (weir_likely(tracker && fw_plain_read(plain, frame, length, &hash))) {
		plain->time_ns = time_ns;
		plain->hint = (uint32_t)(hash >> tracker->hint_shift);
		__builtin_prefetch(&tracker->hints[plain->hint]);
	} else {
		*plain = fw_plain_none;
	}
}

void fw_fast_look(struct fw_fast *fast);

/* How many, from number i to end, are accepted on this way. The tracker has seen these then. 0: the
 * first of them must be judged. */
uint32_t fw_fast_take(struct fw_fast *fast, uint32_t i, uint32_t end, uint16_t way);

void fw_fast_end(struct fw_fast *fast);

/* A packet of IP, alone, behind fw_fast_begin() of one or more: is it accepted on this way? If not,
 * it is to be judged, and what is recorded then may be learned. */
bool fw_fast_one(
	struct fw_fast *fast, struct fw_judge *judge, const struct fw_packet *packet, uint16_t way);

/* The next packet is judged; it was, for this way alone, and accepted. */
void fw_fast_record(struct fw_fast *fast, struct fw_judge *judge);
void fw_fast_learn(struct fw_fast *fast, const struct fw_packet *packet, uint16_t way);

#endif
