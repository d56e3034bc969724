/* SPDX-License-Identifier: BSD-3-Clause */
/* dpdk_pipeline.c: five stages on DPDK's mbufs, by hand and as nodes of rte_graph.
 *
 * The source allocates packets and the sink frees them, without an ethdev between: less than what
 * weir's null ports do.
 */
#include "dpdk_calls.h"

#include "../harness/stages.h"

#include <rte_errno.h>
#include <rte_graph.h>
#include <rte_graph_worker.h>
#include <rte_net.h>

#include <stdlib.h>

struct counts {
	uint64_t packets, bytes;
};

/* What nodes work with: one graph at a time. */
static struct {
	struct rte_mempool *pool;
	struct counts counts;
	uint32_t burst;
	struct rte_graph *graph;
	rte_graph_t id;
} bench;

/* ---- what stages do, for both ---- */

static __attribute__((noinline)) void parse(struct rte_mbuf **mbufs, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct rte_net_hdr_lens lengths;

		mbufs[i]->packet_type = rte_net_get_ptype(mbufs[i], &lengths, RTE_PTYPE_ALL_MASK);
		mbufs[i]->l2_len = lengths.l2_len & ((1u << RTE_MBUF_L2_LEN_BITS) - 1);
		mbufs[i]->l3_len = lengths.l3_len & ((1u << RTE_MBUF_L3_LEN_BITS) - 1);
		mbufs[i]->l4_len = lengths.l4_len;
	}
}

static __attribute__((noinline)) bool match(struct rte_mbuf **mbufs, uint32_t count, uint8_t *ways)
{
	uint32_t others = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t l4 = mbufs[i]->l2_len + (uint32_t)mbufs[i]->l3_len;
		bool tcp = (mbufs[i]->packet_type & RTE_PTYPE_L4_MASK) == RTE_PTYPE_L4_TCP;

		ways[i] = !(tcp && stages_match(rte_pktmbuf_mtod_offset(mbufs[i], uint8_t *, l4)));
		others += ways[i];
	}
	return others == 0;
}

static __attribute__((noinline)) void count_them(struct rte_mbuf **mbufs, uint32_t count)
{
	bench.counts.packets += count;
	for (uint32_t i = 0; i < count; i++)
		bench.counts.bytes += mbufs[i]->pkt_len;
}

static __attribute__((noinline)) void rewrite(struct rte_mbuf **mbufs, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		stages_rewrite(rte_pktmbuf_mtod(mbufs[i], uint8_t *), mbufs[i]->l2_len);
}

static uint32_t receive(struct rte_mbuf **mbufs)
{
	if (rte_pktmbuf_alloc_bulk(bench.pool, mbufs, bench.burst))
		return 0;
	for (uint32_t i = 0; i < bench.burst; i++)
		mbufs[i]->pkt_len = mbufs[i]->data_len = STAGES_PACKET;
	return bench.burst;
}

/* ---- by hand ---- */

static void *open_by_hand(void *pool, uint32_t burst)
{
	bench.pool = pool;
	bench.burst = burst;
	return &bench;
}

static uint32_t keep_matching(struct rte_mbuf **mbufs, uint32_t count, const uint8_t *ways)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < count; i++)
		if (ways[i])
			rte_pktmbuf_free(mbufs[i]);
		else
			mbufs[kept++] = mbufs[i];
	return kept;
}

static uint64_t run_by_hand(void *context, uint64_t rounds)
{
	struct rte_mbuf *mbufs[STAGES_BURST];
	uint8_t ways[STAGES_BURST];
	uint64_t sum = 0;

	(void)context;
	for (uint64_t i = 0; i < rounds; i++) {
		uint32_t count = receive(mbufs);

		sum += count;
		parse(mbufs, count);
		if (!match(mbufs, count, ways))
			count = keep_matching(mbufs, count, ways);
		count_them(mbufs, count);
		rewrite(mbufs, count);
		rte_pktmbuf_free_bulk(mbufs, count);
	}
	return sum;
}

static void close_by_hand(void *context)
{
	(void)context;
}

/* ---- nodes ---- */

static uint16_t node_in(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	(void)count;
	count = (uint16_t)receive((struct rte_mbuf **)objs);
	node->idx = count;
	rte_node_next_stream_move(graph, node, 0);
	return count;
}

static uint16_t node_parse(
	struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	parse((struct rte_mbuf **)objs, count);
	rte_node_next_stream_move(graph, node, 0);
	return count;
}

static uint16_t node_match(
	struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	uint8_t ways[STAGES_BURST];

	if (match((struct rte_mbuf **)objs, count, ways))
		rte_node_next_stream_move(graph, node, 0);
	else
		for (uint16_t i = 0; i < count; i++)
			rte_node_enqueue_x1(graph, node, ways[i], objs[i]);
	return count;
}

static uint16_t node_count(
	struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	count_them((struct rte_mbuf **)objs, count);
	rte_node_next_stream_move(graph, node, 0);
	return count;
}

static uint16_t node_rewrite(
	struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	rewrite((struct rte_mbuf **)objs, count);
	rte_node_next_stream_move(graph, node, 0);
	return count;
}

static uint16_t node_free(
	struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	(void)graph;
	(void)node;
	rte_pktmbuf_free_bulk((struct rte_mbuf **)objs, count);
	return count;
}

/* A node with up to two next ones. */
struct shape {
	const char *name;
	rte_node_process_t process;
	const char *next[2];
};

static const struct shape shapes[] = {
	{"bench_in", node_in, {"bench_parse"}},
	{"bench_parse", node_parse, {"bench_match"}},
	{"bench_match", node_match, {"bench_count", "bench_rest"}},
	{"bench_count", node_count, {"bench_set"}},
	{"bench_set", node_rewrite, {"bench_out"}},
	{"bench_out", node_free, {0}},
	{"bench_rest", node_free, {0}},
};

static void register_nodes(void)
{
	if (rte_node_from_name("bench_in") != RTE_NODE_ID_INVALID)
		return;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		struct rte_node_register *made =
			calloc(1, sizeof(*made) + 2 * sizeof(made->next_nodes[0]));

		snprintf(made->name, sizeof(made->name), "%s", shapes[i].name);
		made->process = shapes[i].process;
		made->flags = i == 0 ? RTE_NODE_SOURCE_F : 0;
		while (made->nb_edges < 2 && shapes[i].next[made->nb_edges]) {
			made->next_nodes[made->nb_edges] = shapes[i].next[made->nb_edges];
			made->nb_edges++;
		}
		__rte_node_register(made);
		free(made);
	}
}

static void *open_graph(void *pool, uint32_t burst)
{
	static const char *patterns[] = {"bench_*"};
	struct rte_graph_param param = {
		.socket_id = SOCKET_ID_ANY, .nb_node_patterns = 1, .node_patterns = patterns};

	open_by_hand(pool, burst);
	register_nodes();
	bench.id = rte_graph_create("bench", &param);
	if (bench.id == RTE_GRAPH_ID_INVALID)
		return NULL;
	bench.graph = rte_graph_lookup("bench");
	return &bench;
}

static uint64_t run_graph(void *context, uint64_t rounds)
{
	(void)context;
	for (uint64_t i = 0; i < rounds; i++)
		rte_graph_walk(bench.graph);
	return rounds * bench.burst;
}

static void close_graph(void *context)
{
	(void)context;
	rte_graph_destroy(bench.id);
}

static uint8_t *append(void *mbuf, uint32_t length)
{
	return (uint8_t *)rte_pktmbuf_append(mbuf, (uint16_t)length);
}

static const struct pipeline_variant variants[] = {
	{"by-hand", open_by_hand, run_by_hand, close_by_hand},
	{"graph", open_graph, run_graph, close_graph},
	{0},
};

static const struct pipeline_subject subject = {&dpdk_mbuf_subject, append, variants};

const struct bench dpdk_bench_pipeline = {
	"pipeline", "five stages, by hand and as a graph", bench_pipelines, &subject};
