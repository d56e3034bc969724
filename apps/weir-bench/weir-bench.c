/* SPDX-License-Identifier: BSD-3-Clause */
/* weir-bench.c: measure what a core can do with packet buffers.
 *
 * A new bench is a file bench_X.c with a struct bench, and a word in the table below.
 */
#include "benches.h"
#include "compare.h"

#include <weir/base.h>

static const struct bench *const benches[] = {&bench_mempool, &bench_heap, &bench_mbuf,
	&bench_create, &bench_packets, &bench_tiers, &bench_parse, &bench_ring, &bench_handoff,
	&bench_replay, &bench_readahead, &bench_loop, &bench_loopcopy, &bench_convert,
	&bench_convertahead, &bench_checksum, &bench_pipeline, &bench_spread, &bench_flow,
	&bench_acl, NULL};

static const struct bench_command commands[] = {
	{"compare", "run weir and the peers in turn; or compare A.json B.json", compare_command},
	{"plot", "write --html FILE from A.json ...", plot_command},
	{0},
};

static const struct bench_program program = {
	.impl = "weir",
	.doc = "Measure what a core can do with packet buffers."
	       "\vWhat can be measured, and the commands:",
	.benches = benches,
	.commands = commands,
	.why = weir_last_error,
};

static void print_version(FILE *stream, struct argp_state *state)
{
	fprintf(stream, "%s %s\n", state->name, weir_version());
}

int main(int argc, char **argv)
{
	argp_program_version_hook = print_version;
	return bench_main(argc, argv, &program);
}
