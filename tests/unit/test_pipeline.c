/* SPDX-License-Identifier: BSD-3-Clause */
/* test_pipeline.c: what a text may say, and the way of packets through stages. */
#include "unit.h"

#include "weir/chain.h"
#include "weir/pipeline.h"
#include "weir/stages.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct weir_mempool *pool;

/* ---- stages of this test ---- */

/* Hands out numbered packets, as many as it is told. */
struct number_conf {
	uint64_t count;
};
struct number_state {
	uint64_t next;
};

static int open_numbers(struct weir_stage_args *args, void *conf)
{
	return weir_stage_arg_number(
		args, "count", 0, UINT32_MAX, &((struct number_conf *)conf)->count);
}

static uint32_t poll_numbers(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	const struct number_conf *conf = stage->conf;
	struct number_state *state = stage->state;

	if (count > conf->count - state->next)
		count = (uint32_t)(conf->count - state->next);
	if (count == 0 || weir_mbuf_alloc_bulk(pool, mbufs, count))
		return 0;
	for (uint32_t i = 0; i < count; i++)
		memcpy(weir_mbuf_append(mbufs[i], 8), &(uint64_t){state->next++}, 8);
	return count;
}

static bool ended_numbers(const struct weir_stage *stage)
{
	const struct number_conf *conf = stage->conf;

	return ((struct number_state *)stage->state)->next == conf->count;
}

static uint64_t number_of(const struct weir_mbuf *mbuf)
{
	uint64_t number;

	memcpy(&number, weir_mbuf_data(mbuf), sizeof(number));
	return number;
}

/* To the edge that the number modulo 3 says, one by one. */
static void run_thirds(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		weir_stage_next(stage, (uint32_t)(number_of(mbufs[i]) % 3), mbufs[i]);
}

/* The first 10 by one edge as they lie, the rest by the other, in two parts. */
static void run_parts(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	uint32_t first = count < 10 ? count : 10, half = (count - first) / 2;

	weir_stage_pass(stage, 1, mbufs + first, half);
	weir_stage_pass(stage, 1, mbufs + first + half, count - first - half);
	weir_stage_pass(stage, 0, mbufs, first);
}

static void run_twins(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct weir_mbuf *twin = weir_mbuf_copy(mbufs[i], pool);

		weir_stage_next(stage, 0, mbufs[i]);
		weir_stage_next(stage, 0, twin);
		weir_stage_made(stage, 1);
	}
}

/* Keeps a list of what came, in order. */
static uint64_t sunk[40000];
static uint32_t sunk_count, sink_runs;

static void run_sink(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	CU_ASSERT(count > 0 && count <= WEIR_STAGE_BURST);
	for (uint32_t i = 0; i < count && sunk_count < 40000; i++)
		sunk[sunk_count++] = number_of(mbufs[i]);
	sink_runs++;
	weir_mbuf_free_bulk(mbufs, count);
	weir_stage_took(stage, count);
}

static const char *const out[] = {"out", NULL};
static const char *const two[] = {"a", "b", NULL};
static const char *const three[] = {"0", "1", "2", NULL};
static const struct weir_stage_type numbers = {.name = "numbers",
	.edges = out,
	.conf_size = sizeof(struct number_conf),
	.state_size = sizeof(struct number_state),
	.open = open_numbers,
	.poll = poll_numbers,
	.ended = ended_numbers};
static const struct weir_stage_type thirds = {.name = "thirds", .edges = three, .run = run_thirds};
static const struct weir_stage_type parts = {.name = "parts", .edges = two, .run = run_parts};
static const struct weir_stage_type twins = {.name = "twins", .edges = out, .run = run_twins};
static const struct weir_stage_type unsound = {.name = "unsound", .poll = poll_numbers};
static const struct weir_stage_type sink = {.name = "sink", .run = run_sink};
static const struct weir_stage_type *const own[] = {
	&numbers, &thirds, &parts, &twins, &sink, &unsound, NULL};

static struct weir_pipeline *create(uint32_t burst)
{
	struct weir_pipeline_conf conf = {
		.types = weir_stages, .more = own, .pool = pool, .burst = burst, .check = true};
	struct weir_pipeline *pipeline = weir_pipeline_create(&conf);

	CU_ASSERT_PTR_NOT_NULL_FATAL(pipeline);
	return pipeline;
}

static struct weir_pipeline *parse(const char *text, uint32_t burst)
{
	struct weir_pipeline *pipeline = create(burst);

	if (weir_pipeline_parse(pipeline, text) || weir_pipeline_build(pipeline)) {
		CU_FAIL(text);
		fprintf(stderr, "%s\n", weir_last_error());
	}
	return pipeline;
}

/* Turn all workers on this thread until none has anything left. */
static void run_to_end(struct weir_pipeline *pipeline)
{
	uint32_t workers = weir_pipeline_workers(pipeline), left = workers;
	bool over[WEIR_PIPELINE_WORKERS] = {false};

	sunk_count = sink_runs = 0;
	while (left > 0)
		for (uint32_t i = 0; i < workers; i++)
			if (!over[i] && weir_pipeline_turn(pipeline, i) == WEIR_WORKER_END) {
				over[i] = true;
				left--;
				weir_pipeline_finish(pipeline, i);
			}
	CU_ASSERT_STRING_EQUAL(weir_pipeline_error(pipeline), "");
	CU_ASSERT_EQUAL(weir_mempool_in_use(pool), 0);
}

static struct weir_stage_stats stats_of(const struct weir_pipeline *pipeline, const char *name)
{
	int index = weir_pipeline_find(pipeline, name);
	struct weir_stage_stats stats;

	CU_ASSERT_FATAL(index >= 0);
	weir_pipeline_stage_stats(pipeline, (uint32_t)index, &stats);
	return stats;
}

static void destroy(struct weir_pipeline *pipeline)
{
	CU_ASSERT_EQUAL(weir_pipeline_destroy(pipeline), 0);
	CU_ASSERT_EQUAL(weir_mempool_in_use(pool), 0);
}

/* ---- tests ---- */

static void test_line(void)
{
	struct weir_pipeline *pipeline = parse("in:  numbers count=1000\n"
					       "n:   count   # a comment\n"
					       "p:   parse\n"
					       "end: sink\n"
					       "\n"
					       "in -> n -> p -> end\n",
		100);
	struct weir_stage_stats stats;

	run_to_end(pipeline);
	CU_ASSERT_EQUAL(sunk_count, 1000);
	for (uint32_t i = 0; i < sunk_count; i++)
		CU_ASSERT_EQUAL(sunk[i], i);
	stats = stats_of(pipeline, "n");
	CU_ASSERT_EQUAL(stats.packets, 1000);
	CU_ASSERT_EQUAL(stats.runs, 10);
	CU_ASSERT_EQUAL(stats.bursts[6], 10); /* of 64 to 127 */
	CU_ASSERT_EQUAL(stats.counters[1].value, 8000);
	CU_ASSERT_STRING_EQUAL(stats.counters[1].name, "bytes");
	CU_ASSERT_STRING_EQUAL(stats.edges[0].to, "p");
	CU_ASSERT_EQUAL(stats.edges[0].packets, 1000);
	CU_ASSERT_EQUAL(stats_of(pipeline, "in").packets, 1000);
	CU_ASSERT_EQUAL(stats_of(pipeline, "in").runs, 10);
	destroy(pipeline);
}

/* Each edge keeps its order, and a stage that several lead to runs once over all. */
static void test_gather(void)
{
	static const uint32_t bursts[] = {1, 2, 31, 32, 200, 256};

	for (uint32_t i = 0; i < 6; i++) {
		struct weir_pipeline *pipeline = parse("in: numbers count=3000\n"
						       "by: thirds\n"
						       "a: count\n"
						       "b: count\n"
						       "end: sink\n"
						       "in -> by\n"
						       "by.0 -> a -> end\n"
						       "by.1 -> b -> end\n"
						       "by.2 -> end\n",
			bursts[i]);
		uint64_t last[3] = {0};

		run_to_end(pipeline);
		CU_ASSERT_EQUAL(sunk_count, 3000);
		CU_ASSERT_EQUAL(sink_runs, (3000 + bursts[i] - 1) / bursts[i]);
		for (uint32_t j = 0; j < sunk_count; j++) {
			uint64_t third = sunk[j] % 3;

			CU_ASSERT(sunk[j] == third || sunk[j] == last[third] + 3);
			last[third] = sunk[j];
		}
		CU_ASSERT_EQUAL(stats_of(pipeline, "by").edges[2].packets, 1000);
		destroy(pipeline);
	}
}

/* Twice 256 packets and more come to a stage in one round. */
static void test_more_than_a_vector(void)
{
	struct weir_pipeline *pipeline = parse("one: numbers count=2000\n"
					       "two: numbers count=2000\n"
					       "both: count\n"
					       "t: twins\n"
					       "u: twins\n"
					       "end: sink\n"
					       "one -> both\n"
					       "two -> both -> t -> u -> end\n",
		256);
	uint32_t seen[2000] = {0};

	run_to_end(pipeline);
	CU_ASSERT_EQUAL(sunk_count, 16000);
	for (uint32_t i = 0; i < sunk_count; i++)
		seen[sunk[i]]++;
	for (uint32_t i = 0; i < 2000; i++)
		CU_ASSERT_EQUAL(seen[i], 8);
	destroy(pipeline);
}

static void test_pass_parts(void)
{
	struct weir_pipeline *pipeline = parse("in: numbers count=100\n"
					       "p: parts\n"
					       "a: count\n"
					       "b: count\n"
					       "end: sink\n"
					       "in -> p -> a -> end\n"
					       "p.b -> b -> end\n",
		50);

	run_to_end(pipeline);
	CU_ASSERT_EQUAL(sunk_count, 100);
	for (uint32_t i = 0; i < sunk_count; i++)
		CU_ASSERT_EQUAL(sunk[i], i);
	CU_ASSERT_EQUAL(stats_of(pipeline, "a").packets, 20);
	CU_ASSERT_EQUAL(stats_of(pipeline, "b").packets, 80);
	destroy(pipeline);
}

/* Number and count of the workers that run a stage. */
static uint32_t workers_of(const struct weir_pipeline *pipeline, const char *name, uint32_t *count)
{
	uint32_t first;

	*count = weir_pipeline_stage_workers(
		pipeline, (uint32_t)weir_pipeline_find(pipeline, name), &first);
	return first;
}

static void test_rings(void)
{
	struct weir_pipeline *pipeline = parse("in: numbers count=5000\n"
					       "q: ring size=16 full=drop workers=3\n"
					       "c: count\n"
					       "r: ring size=8192\n"
					       "end: sink\n"
					       "in -> q -> c -> r -> end\n",
		32);
	struct weir_stage_stats q;
	uint32_t count;

	CU_ASSERT_EQUAL(weir_pipeline_workers(pipeline), 5);
	CU_ASSERT(workers_of(pipeline, "in", &count) == 0 && count == 1);
	CU_ASSERT(workers_of(pipeline, "q", &count) == 1 && count == 3);
	CU_ASSERT(workers_of(pipeline, "c", &count) == 1 && count == 3);
	CU_ASSERT(workers_of(pipeline, "end", &count) == 4 && count == 1);
	run_to_end(pipeline);
	q = stats_of(pipeline, "q");
	CU_ASSERT_EQUAL(q.packets, 5000);
	CU_ASSERT_EQUAL(q.edges[0].packets + q.counters[0].value, 5000);
	CU_ASSERT_EQUAL(q.counters[0].value, 5000 - sunk_count); /* without IP: all to one */
	CU_ASSERT(sunk_count >= 16 && sunk_count < 5000);
	for (uint32_t i = 1; i < sunk_count; i++)
		CU_ASSERT(sunk[i] > sunk[i - 1]);
	destroy(pipeline);
}

/* Round and round through a ring, until it is full: nothing is lost unseen. */
static void test_loop_with_ring(void)
{
	struct weir_pipeline *pipeline = parse("in: numbers count=100\n"
					       "by: thirds\n"
					       "back: ring full=drop size=64\n"
					       "end: sink\n"
					       "in -> by -> end\n"
					       "by.1 -> end\n"
					       "by.2 -> back -> by\n",
		10);
	struct weir_stage_stats back;

	for (uint32_t i = 0; i < 200; i++)
		weir_pipeline_turn(pipeline, 0);
	back = stats_of(pipeline, "back");
	CU_ASSERT(back.packets > 1000);
	CU_ASSERT_EQUAL(weir_mempool_in_use(pool), 33); /* going round */
	destroy(pipeline);
}

static void test_draw(void)
{
	struct weir_pipeline *pipeline = parse("in: numbers\n"
					       "by: thirds\n"
					       "q: ring workers=2\n"
					       "end: sink\n"
					       "last: sink\n"
					       "in -> by -> end\n"
					       "by.1 -> q -> last\n"
					       "by.2 -> end\n",
		32);
	char *text = weir_pipeline_draw(pipeline);

	CU_ASSERT_STRING_EQUAL(text,
		"digraph \"pipeline\" {\n"
		"\t\"in\" [shape=invhouse label=\"in\\nnumbers\\nworker 0\"];\n"
		"\t\"in\" -> \"by\";\n"
		"\t\"by\" [shape=box label=\"by\\nthirds\\nworker 0\"];\n"
		"\t\"by\" -> \"end\" [label=\"0\"];\n"
		"\t\"by\" -> \"q\" [label=\"1\"];\n"
		"\t\"by\" -> \"end\" [label=\"2\"];\n"
		"\t\"q\" [shape=cds label=\"q\\nring\\nworkers 1-2\"];\n"
		"\t\"q\" -> \"last\";\n"
		"\t\"end\" [shape=box label=\"end\\nsink\\nworker 0\"];\n"
		"\t\"last\" [shape=box label=\"last\\nsink\\nworkers 1-2\"];\n"
		"}\n");
	free(text);
	destroy(pipeline);
}

static void check_refused(const char *text, const char *sentence)
{
	struct weir_pipeline *pipeline = create(32);
	int error = weir_pipeline_parse(pipeline, text);

	if (!error)
		error = weir_pipeline_build(pipeline);
	CU_ASSERT(error < 0);
	CU_ASSERT_EQUAL(errno, -error);
	if (strcmp(weir_last_error(), sentence) != 0) {
		CU_FAIL("another sentence");
		fprintf(stderr, "\n%s\ninstead of\n%s\n", weir_last_error(), sentence);
	}
	destroy(pipeline);
}

#define TYPES                                                                                    \
	"rx, play, tx, ring, parse, match, count, ethernet, vlan, rewrite, truncate, checksum, " \
	"split, "                                                                                \
	"police, mirror, sample, impair, delay, fragment, reassemble, write, callback, drop, "   \
	"numbers, thirds, parts, "                                                               \
	"twins, sink, unsound"

static void test_bad_texts(void)
{
	check_refused("in: numbers\n\nx: nothing\n",
		"line 3: no stage type 'nothing'; there are: " TYPES);
	check_refused("in: numbers\nin: sink\n", "line 2: there is a stage 'in' already");
	check_refused("in numbers\n",
		"line 1: 'in numbers' is neither 'name: type arguments' nor 'from -> to'");
	check_refused("in:\n", "line 1: stage 'in' needs a type");
	check_refused("a b: sink\n",
		"line 1: 'a b' is no name for a stage: no spaces and none of .:>#\"");
	check_refused("in: numbers count=x\n",
		"line 1: stage 'in' (numbers): count=x is not a number from 0 to 4294967295");
	check_refused("in: numbers count=1 cuont=2\n",
		"line 1: stage 'in' (numbers): unknown argument 'cuont=2'");
	check_refused("in: numbers count=1 count=2\n",
		"line 1: stage 'in' (numbers): argument count is given twice: '1' and '2'");
	check_refused(
		"in: rx \"null:\n", "line 1: stage 'in' (rx): a quote is not closed: \"null:");
	check_refused("q: ring full=maybe\n",
		"line 1: stage 'q' (ring): full=maybe: there are wait, drop");
	check_refused("in: rx\n", "line 1: stage 'in' (rx): needs a port, as in pcap:rx=in.pcap");
	check_refused("c: callback\n",
		"line 1: stage 'c' (callback): needs a function: the data of weir_pipeline_add(), "
		"which a text cannot give");
}

static void test_bad_graphs(void)
{
	check_refused("in: numbers\nin -> end\n", "line 2: there is no stage 'end'");
	check_refused("in: numbers\nend: sink\nin.b -> end\n",
		"line 3: stage 'in' (numbers) has no edge 'b'; there are: out");
	check_refused("in: numbers\nend: sink\nin -> end -> end\n",
		"line 3: stage 'end' (sink) has no way out");
	check_refused("in: numbers\nend: sink\nin -> end\nin -> end\n",
		"line 4: stage 'in' (numbers): its edge 'out' leads to 'end' already");
	check_refused("in: numbers\nb: numbers\nin -> b\n",
		"line 3: nothing can lead to stage 'b' (numbers): it is a source");
	check_refused("in: numbers\nby: thirds\nend: sink\nin -> by -> end\nby.2 -> end\n",
		"line 2: stage 'by' (thirds): its edge '1' leads nowhere; connect it, to a stage "
		"of "
		"type drop if need be");
	check_refused("in: numbers\nend: sink\nx: sink\nin -> end\n",
		"line 3: stage 'x' (sink): nothing leads to it");
	check_refused(
		"a: count\nb: count\na -> b -> a\n", "the pipeline has no source, such as rx");
	check_refused("in: numbers\nby: thirds\na: count\nb: count\nin -> by -> a -> b -> by\n"
		      "end: sink\nby.1 -> end\nby.2 -> end\n",
		"line 2: stage 'by' (thirds): the loop by -> a -> b -> by needs a ring in it");
	check_refused("in: numbers\nby: thirds\nq: ring\nin -> by -> q -> by\n"
		      "end: sink\nby.1 -> end\nby.2 -> end\n",
		"line 3: stage 'q' (ring): it leads back to where its packets come from, and "
		"waiting "
		"for room could last for ever: say full=drop");
	check_refused(
		"in: numbers workers=2\nb: numbers workers=3\nend: sink\nin -> end\nb -> end\n",
		"line 2: stage 'b' (numbers): the same workers run what is behind 'in', which has "
		"other workers or lcores");
	check_refused("in: rx null: workers=2\nend: sink\nin -> end\n",
		"line 1: stage 'in' (rx): port 'null:' has 1 queues, and each worker receives from "
		"one of its own: fewer workers here, and a ring behind");
}

static void test_bad_use(void)
{
	struct weir_pipeline_conf conf = {0};
	struct weir_pipeline *pipeline;

	CU_ASSERT_PTR_NULL(weir_pipeline_create(&conf));
	conf.types = weir_stages;
	conf.burst = WEIR_STAGE_BURST + 1;
	CU_ASSERT_PTR_NULL(weir_pipeline_create(&conf));
	CU_ASSERT_EQUAL(weir_pipeline_destroy(NULL), 0);
	pipeline = create(32);
	CU_ASSERT_EQUAL(weir_pipeline_add(pipeline, "x", "unsound", NULL, NULL), -EINVAL);
	CU_ASSERT_EQUAL(
		weir_pipeline_parse(pipeline, "in: rx null: workers=2\nend: sink\nin -> end\n"), 0);
	CU_ASSERT_EQUAL(weir_pipeline_build(pipeline), -EINVAL);
	CU_ASSERT_EQUAL(weir_pipeline_start(pipeline), -EINVAL);
	CU_ASSERT_EQUAL(weir_pipeline_destroy(pipeline), 0);
	pipeline = create(32);
	CU_ASSERT_EQUAL(weir_pipeline_read(pipeline, "/nowhere/a.pipe"), -ENOENT);
	CU_ASSERT_EQUAL(weir_pipeline_find(pipeline, "in"), -ENOENT);
	CU_ASSERT_EQUAL(weir_pipeline_add(pipeline, "in", "numbers", "count=1", NULL), 0);
	CU_ASSERT_EQUAL(weir_pipeline_add(pipeline, "end", "sink", NULL, NULL), 0);
	CU_ASSERT_EQUAL(weir_pipeline_connect(pipeline, "in.out", "end"), 0);
	CU_ASSERT_EQUAL(weir_pipeline_build(pipeline), 0);
	CU_ASSERT_EQUAL(weir_pipeline_build(pipeline), 0);
	CU_ASSERT_EQUAL(weir_pipeline_add(pipeline, "more", "sink", NULL, NULL), -EBUSY);
	CU_ASSERT_EQUAL(weir_pipeline_connect(pipeline, "in", "end"), -EBUSY);
	run_to_end(pipeline);
	CU_ASSERT_EQUAL(sunk_count, 1);
	destroy(pipeline);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"one after the other", test_line},
		{"gathered by edge", test_gather},
		{"more than a vector holds", test_more_than_a_vector},
		{"parts of a burst", test_pass_parts},
		{"rings between parts", test_rings},
		{"a loop with a ring", test_loop_with_ring},
		{"drawn", test_draw},
		{"bad texts are refused", test_bad_texts},
		{"bad graphs are refused", test_bad_graphs},
		{"bad use is refused", test_bad_use},
		CU_TEST_INFO_NULL,
	};
	struct weir_mbuf_pool_conf conf = {.name = "pipeline", .count = 16384, .size = 128};

	pool = weir_mbuf_pool_create(&conf);
	return !pool || unit_run("pipeline", tests) || weir_mempool_destroy(pool);
}
