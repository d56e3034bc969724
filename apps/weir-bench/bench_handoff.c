/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_handoff.c: mbufs allocated and written on one core, read and freed on another. */
#include "benches.h"

#include "calls.h"

static uint64_t run_handoff(void *work, uint64_t rounds)
{
	return work_handoff_run(&call_mbufs, &call_spsc, work, rounds);
}

static const struct handoff_subject subject = {
	.buffers = &mbuf_subject,
	.ring = &spsc_subject,
	.run = run_handoff,
};

const struct bench bench_handoff = {"handoff",
	"allocate and write on one core, read and free on another", bench_handoffs, &subject};
