/* SPDX-License-Identifier: BSD-3-Clause */
/* parse.c: packet type and lengths of headers into each mbuf. */
#include "stages/stages_impl.h"

#include "weir/parse.h"

static void run(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	weir_parse_burst(mbufs, count);
	weir_stage_pass(stage, 0, mbufs, count);
}

const struct weir_stage_type weir__stage_parse = {
	.name = "parse",
	.help = "find the headers of packets",
	.edges = weir__stage_out,
	.run = run,
};
