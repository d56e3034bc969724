/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_handoff.c: mbufs allocated and written on one core, read and freed on another. */
#include "benches.h"

#include "calls.h"

static uint64_t hand_over(void *work, uint64_t rounds)
{
	return work_hand_over(&call_mbufs, &call_spsc, work, rounds);
}

static uint64_t take_over(void *work, uint64_t rounds)
{
	return work_take_over(&call_mbufs, &call_spsc, work, rounds);
}

static const struct handoff_subject subject = {
	.buffers = &mbuf_subject,
	.ring = &spsc_subject,
	.hand_over = hand_over,
	.take_over = take_over,
};

const struct bench bench_handoff = {"handoff",
	"allocate and write on one core, read and free on another", bench_handoffs, &subject};
