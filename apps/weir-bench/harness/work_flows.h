/* SPDX-License-Identifier: BSD-3-Clause */
/* work_flows.h: what is done to a table of flows, written once for everybody, as in work.h. */
#ifndef WORK_FLOWS_H
#define WORK_FLOWS_H

#include "work.h"

/* Keys of flows, used in the order in which they lie, again and again. */
#define WORK_KEY             16
#define WORK_FLOWS_BURST_MAX 64

struct work_flows {
	void *table;
	const uint8_t *keys;   /* WORK_KEY bytes each */
	const void **pointers; /* to each of them */
	uint32_t count, at, burst;
	uint64_t sum;   /* of what was found */
	uint64_t wrong; /* calls that did not do what they should */
};

/* A burst was looked up: a bit for each that was found, and what belongs to them. */
WORK_INLINE void work_flows_found(struct work_flows *work, uint64_t found, uint64_t sum)
{
	work->wrong += work->burst - (uint32_t)__builtin_popcountll(found);
	work->sum += sum;
}

/* A burst from work->at on for each round. */
WORK_INLINE uint64_t work_flows_run(void (*call)(struct work_flows *work, uint32_t at),
	struct work_flows *work, uint64_t rounds)
{
	for (uint64_t i = 0; i < rounds; i++) {
		call(work, work->at);
		work->at += work->burst;
		if (work->at + work->burst > work->count)
			work->at = 0;
	}
	return rounds * work->burst;
}

#endif
