/* SPDX-License-Identifier: BSD-3-Clause */
/* work_rules.h: what is done to a set of rules, written once for everybody, as in work.h. */
#ifndef WORK_RULES_H
#define WORK_RULES_H

#include "work.h"

/* A key: protocol, addresses, ports in network order, without gaps. Of everybody the same, DPDK's
 * classifier wants the field of one byte first. */
#define WORK_RULE_KEY        13
#define WORK_RULES_BURST_MAX 512

struct work_rule {
	uint32_t source, target; /* as numbers */
	uint8_t source_length, target_length;
	uint16_t from_port, from_end, to_port, to_end;
	uint8_t protocol, protocol_mask;
};

struct work_rules {
	void *set;
	const uint8_t *keys;
	const uint8_t **pointers; /* to each of them */
	uint32_t count, at, burst;
	uint64_t sum; /* of what was found */
};

/* A burst from work->at on for each round: found has the numbers of rules, or anything else for
 * none. */
WORK_INLINE uint64_t work_rules_run(
	void (*find)(const struct work_rules *work, uint32_t at, uint32_t count, uint32_t *found),
	struct work_rules *work, uint64_t rounds)
{
	uint32_t found[WORK_RULES_BURST_MAX];

	for (uint64_t i = 0; i < rounds; i++) {
		find(work, work->at, work->burst, found);
		for (uint32_t j = 0; j < work->burst; j++)
			work->sum += found[j];
		work->at += work->burst;
		if (work->at + work->burst > work->count)
			work->at = 0;
	}
	return rounds * work->burst;
}

#endif
