/* SPDX-License-Identifier: BSD-3-Clause */
/* pipeline.c: run a pipeline from a file, with a stage of its own, and print what came where.
 *
 *	pipeline web.pipe tests/data/sample.pcap
 *
 * The file may use the port `input` and the stage type `size`.
 */
#include <weir/weir.h>

#include <inttypes.h>
#include <stdio.h>

/* Packets up to 128 bytes, and longer ones. */
static void run(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		weir_stage_next(stage, mbufs[i]->length > 128, mbufs[i]);
}

static const char *const edges[] = {"small", "large", NULL};
static const struct weir_stage_type size = {
	.name = "size", .help = "tell packets by their size", .edges = edges, .run = run};
static const struct weir_stage_type *const own[] = {&size, NULL};

static void print_figures(const struct weir_pipeline *pipeline)
{
	for (uint32_t i = 0; i < weir_pipeline_stages(pipeline); i++) {
		struct weir_stage_stats stats;

		weir_pipeline_stage_stats(pipeline, i, &stats);
		printf("%-8s %6" PRIu64 " packets", stats.name, stats.packets);
		for (uint32_t j = 0; j < stats.edge_count; j++)
			printf(", %" PRIu64 " to %s", stats.edges[j].packets, stats.edges[j].to);
		printf("\n");
	}
}

static int fail(void)
{
	fprintf(stderr, "pipeline: %s\n", weir_last_error());
	return 1;
}

int main(int argc, char **argv)
{
	struct weir_mbuf_pool_conf mbufs = {.name = "packets", .count = 4096};
	struct weir_pipeline_conf conf = {.types = weir_stages, .more = own};
	struct weir_pipeline *pipeline;
	struct weir_port *input;

	if (argc != 3) {
		fprintf(stderr, "usage: pipeline FILE CAPTURE\n");
		return 2;
	}
	conf.pool = weir_mbuf_pool_create(&mbufs);
	input = conf.pool ? weir_port_open(argv[2], conf.pool) : NULL;
	pipeline = input ? weir_pipeline_create(&conf) : NULL;
	if (!pipeline || weir_pipeline_port(pipeline, "input", input) ||
		weir_pipeline_read(pipeline, argv[1]) || weir_pipeline_start(pipeline) ||
		weir_pipeline_wait(pipeline, 60000))
		return fail();
	print_figures(pipeline);
	if (weir_pipeline_destroy(pipeline) || weir_port_close(input) ||
		weir_mempool_destroy(conf.pool))
		return fail();
	return 0;
}
