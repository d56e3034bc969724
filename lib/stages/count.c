/* SPDX-License-Identifier: BSD-3-Clause */
/* count.c: packets and bytes that pass; and the stage to copy. */
#include "stages/stages_impl.h"

enum { PACKETS, BYTES };

static void run(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < count; i++)
		bytes += mbufs[i]->length;
	weir_stage_count(stage, PACKETS, count);
	weir_stage_count(stage, BYTES, bytes);
	weir_stage_pass(stage, 0, mbufs, count);
}

static const char *const counters[] = {"packets", "bytes", NULL};

const struct weir_stage_type weir__stage_count = {
	.name = "count",
	.help = "count packets and bytes",
	.edges = weir__stage_out,
	.counters = counters,
	.run = run,
};
