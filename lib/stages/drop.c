/* SPDX-License-Identifier: BSD-3-Clause */
/* drop.c: the end of packets that nobody wants. */
#include "stages/stages_impl.h"

static void run(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	weir_stage_drop(stage, 0, mbufs, count);
}

static const char *const counters[] = {"dropped", NULL};

const struct weir_stage_type weir__stage_drop = {
	.name = "drop",
	.help = "free packets",
	.counters = counters,
	.run = run,
};
