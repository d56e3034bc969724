/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_pipeline.c: the same five functions called by hand and as the stages of a pipeline. */
#include "benches.h"
#include "harness/stages.h"

#include <weir/parse.h>
#include <weir/pipeline.h>
#include <weir/stages.h>

#include <stdlib.h>

struct counts {
	uint64_t packets, bytes;
};

/* ---- what stages do, for both ---- */

static __attribute__((noinline)) void parse(struct weir_mbuf **mbufs, uint32_t count)
{
	weir_parse_burst(mbufs, count);
}

/* Which way each goes; true when all go the first. */
static __attribute__((noinline)) bool match(struct weir_mbuf **mbufs, uint32_t count, uint8_t *ways)
{
	uint32_t others = 0;

	for (uint32_t i = 0; i < count; i++) {
		const struct weir_mbuf *mbuf = mbufs[i];
		uint32_t l4 = mbuf->l2_length + (uint32_t)mbuf->l3_length;
		bool tcp = (mbuf->packet_type & WEIR_TYPE_L4) == WEIR_L4_TCP;

		ways[i] = !(tcp && stages_match(weir_mbuf_data_at(mbuf, l4)));
		others += ways[i];
	}
	return others == 0;
}

static __attribute__((noinline)) void count_them(
	struct counts *counts, struct weir_mbuf **mbufs, uint32_t count)
{
	counts->packets += count;
	for (uint32_t i = 0; i < count; i++)
		counts->bytes += mbufs[i]->length;
}

static __attribute__((noinline)) void rewrite(struct weir_mbuf **mbufs, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		stages_rewrite(weir_mbuf_data(mbufs[i]), mbufs[i]->l2_length);
}

/* ---- by hand ---- */

struct by_hand {
	struct weir_port *in, *out;
	struct counts counts;
	uint32_t burst;
};

static void *open_by_hand(void *pool, uint32_t burst)
{
	struct by_hand *hand = calloc(1, sizeof(*hand));

	hand->in = weir_port_open("null:size=64", pool);
	hand->out = weir_port_open("null:", NULL);
	hand->burst = burst;
	return hand;
}

/* Packets that do not match go no further. */
static uint32_t keep_matching(struct weir_mbuf **mbufs, uint32_t count, const uint8_t *ways)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < count; i++)
		if (ways[i])
			weir_mbuf_free(mbufs[i]);
		else
			mbufs[kept++] = mbufs[i];
	return kept;
}

static uint64_t run_by_hand(void *context, uint64_t rounds)
{
	struct by_hand *hand = context;
	struct weir_mbuf *mbufs[STAGES_BURST];
	uint8_t ways[STAGES_BURST];
	uint64_t sum = 0;

	for (uint64_t i = 0; i < rounds; i++) {
		uint32_t count = weir_port_rx(hand->in, 0, mbufs, hand->burst);

		sum += count;
		parse(mbufs, count);
		if (!match(mbufs, count, ways))
			count = keep_matching(mbufs, count, ways);
		count_them(&hand->counts, mbufs, count);
		rewrite(mbufs, count);
		weir_port_tx_or_drop(hand->out, 0, mbufs, count);
	}
	return sum;
}

static void close_by_hand(void *context)
{
	struct by_hand *hand = context;

	weir_port_close(hand->in);
	weir_port_close(hand->out);
	free(hand);
}

/* ---- a pipeline ---- */

static void stage_parse(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	parse(mbufs, count);
	weir_stage_pass(stage, 0, mbufs, count);
}

static void stage_match(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	uint8_t ways[WEIR_STAGE_BURST];

	if (match(mbufs, count, ways))
		weir_stage_pass(stage, 0, mbufs, count);
	else
		weir_stage_split(stage, ways, mbufs, count);
}

static void stage_count(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	count_them(stage->state, mbufs, count);
	weir_stage_pass(stage, 0, mbufs, count);
}

static void stage_rewrite(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	rewrite(mbufs, count);
	weir_stage_pass(stage, 0, mbufs, count);
}

static const char *const out[] = {"out", NULL}, *const yes_no[] = {"yes", "no", NULL};
static const struct weir_stage_type types[] = {
	{.name = "bench-parse", .edges = out, .run = stage_parse},
	{.name = "bench-match", .edges = yes_no, .run = stage_match},
	{.name = "bench-count",
		.edges = out,
		.state_size = sizeof(struct counts),
		.run = stage_count},
	{.name = "bench-rewrite", .edges = out, .run = stage_rewrite},
};
static const struct weir_stage_type *const own[] = {
	&types[0], &types[1], &types[2], &types[3], NULL};

static const char text[] = "in:    rx null:size=64\n"
			   "parse: bench-parse\n"
			   "match: bench-match\n"
			   "count: bench-count\n"
			   "set:   bench-rewrite\n"
			   "out:   tx null:\n"
			   "rest:  drop\n"
			   "in -> parse -> match -> count -> set -> out\n"
			   "match.no -> rest\n";

static void *open_pipeline(void *pool, uint32_t burst)
{
	struct weir_pipeline_conf conf = {
		.types = weir_stages, .more = own, .pool = pool, .burst = burst};
	struct weir_pipeline *pipeline = weir_pipeline_create(&conf);

	if (pipeline && !weir_pipeline_parse(pipeline, text) && !weir_pipeline_build(pipeline))
		return pipeline;
	weir_pipeline_destroy(pipeline);
	return NULL;
}

static uint64_t run_pipeline(void *context, uint64_t rounds)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < rounds; i++)
		sum += weir_pipeline_turn(context, 0);
	return sum;
}

static void close_pipeline(void *context)
{
	weir_pipeline_destroy(context);
}

static uint8_t *append(void *mbuf, uint32_t length)
{
	return weir_mbuf_append(mbuf, length);
}

static const struct pipeline_variant variants[] = {
	{"by-hand", open_by_hand, run_by_hand, close_by_hand},
	{"graph", open_pipeline, run_pipeline, close_pipeline},
	{0},
};

static const struct pipeline_subject subject = {&mbuf_subject, append, variants};

const struct bench bench_pipeline = {
	"pipeline", "five stages, by hand and as a graph", bench_pipelines, &subject};
