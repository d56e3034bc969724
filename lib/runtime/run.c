/* SPDX-License-Identifier: BSD-3-Clause */
/* run.c: rounds of a worker: the way of packets through its stages.
 *
 * A round polls the sources and then goes over the nodes once, in their order: what leads to a node
 * comes before it, so all its packets of the round are there when it is its turn. They are gathered
 * on the edges that lead to it. Between rounds every edge is empty.
 *
 * When an edge is full in the middle of a run, the stage behind it is run at once, and so on down
 * the graph: never one that is running, since there is no loop.
 */
#include "runtime/pipeline_impl.h"
#include "runtime/run_impl.h"
#include "runtime/stage_impl.h"

#include "base/count_impl.h"
#include "base/cycles_impl.h"

#include <string.h>

/* Rounds of which one is timed: reading the counter costs some 8 ns a node, a quarter of a
 * nanosecond for each packet of 32, every round. */
#define TIMED_ROUNDS 16

/* floor(log2(value)), 0 for 0, at most most. */
static uint32_t bucket(uint64_t value, uint32_t most)
{
	uint32_t log2 = value ? 63 - (uint32_t)__builtin_clzll(value) : 0;

	return log2 < most ? log2 : most;
}

static void run_edge(struct weir__node *node, struct weir_stage_edge *edge)
{
	uint32_t count = edge->count;

	edge->count = 0;
	node->stage.in = edge;
	weir__count(&node->bursts[bucket(count, 8)], 1);
	/* relaxed: watched from outside, and nothing follows from it */
	atomic_store_explicit(&node->graph->current, node, memory_order_relaxed);
	node->run(&node->stage, edge->vector, count);
}

/* Run a node over what lies on its edges, as few times as it takes. Returns packets. */
static uint32_t run_node(struct weir__node *node)
{
	struct weir_stage_edge *first = NULL;
	uint32_t sum = 0;

	for (uint32_t i = 0; i < node->in_count; i++) {
		struct weir_stage_edge *edge = node->ins[i];

		if (edge->count == 0)
			continue;
		sum += edge->count;
		weir__count(&edge->packets, edge->count);
		if (weir__is_tapped(node->graph))
			weir__tap_edge(node->graph, edge);
		if (first && first->count + edge->count <= WEIR_STAGE_BURST) {
			memcpy(first->vector + first->count, edge->vector,
				edge->count * sizeof(*edge->vector));
			first->count += edge->count;
			edge->count = 0;
			continue;
		}
		if (first)
			run_edge(node, first);
		first = edge;
	}
	if (first)
		run_edge(node, first);
	return sum;
}

void weir__stage_flush(struct weir_stage_edge *edge)
{
	struct weir__node *node = (struct weir__node *)(void *)edge->to;
	const struct weir__node *from =
		atomic_load_explicit(&node->graph->current, memory_order_relaxed);

	weir__count(&edge->packets, edge->count);
	if (weir__is_tapped(node->graph))
		weir__tap_edge(node->graph, edge);
	run_edge(node, edge);
	atomic_store_explicit(&node->graph->current, from, memory_order_relaxed);
}

void weir__stage_append(struct weir_stage_edge *edge, struct weir_mbuf **mbufs, uint32_t count)
{
	while (count > 0) {
		uint32_t room = WEIR_STAGE_BURST - edge->count, some = count < room ? count : room;

		/* they may lie in the same array: see weir_stage_pass() */
		memmove(edge->vector + edge->count, mbufs, some * sizeof(*mbufs));
		edge->count += some;
		mbufs += some;
		count -= some;
		if (count > 0)
			weir__stage_flush(edge);
	}
}

void weir_stage_split(
	struct weir_stage *stage, const uint8_t *ways, struct weir_mbuf **mbufs, uint32_t count)
{
	uint32_t same = 1;

	while (same < count && ways[same] == ways[0])
		same++;
	if (same >= count) {
		weir_stage_pass(stage, ways[0], mbufs, count);
		return;
	}
	for (uint32_t i = 0; i < count; i++)
		weir_stage_next(stage, ways[i], mbufs[i]);
}

void weir_stage_dropping(
	struct weir_stage *stage, uint32_t counter, struct weir_mbuf *const *mbufs, uint32_t count)
{
	const struct weir__node *node = (const struct weir__node *)(void *)stage;

	if (weir__is_tapped(node->graph))
		weir__tap_drop(node, counter, mbufs, count);
}

void weir_stage_drop(
	struct weir_stage *stage, uint32_t counter, struct weir_mbuf **mbufs, uint32_t count)
{
	weir_stage_dropping(stage, counter, mbufs, count);
	weir_mbuf_free_bulk(mbufs, count);
	weir_stage_count(stage, counter, count);
	weir_stage_took(stage, count);
}

/* Take up to count packets of what is left of the limit. */
static uint32_t claim(struct weir_pipeline *pipeline, uint32_t count)
{
	uint64_t left = atomic_load_explicit(&pipeline->left, memory_order_relaxed), some;

	/* relaxed: a count, and nothing that it guards */
	do
		some = left < count ? left : count;
	while (!atomic_compare_exchange_weak_explicit(
		&pipeline->left, &left, left - some, memory_order_relaxed, memory_order_relaxed));
	return (uint32_t)some;
}

/* Poll a source that counts towards the limit. */
static uint32_t poll_limited(struct weir__node *node, struct weir_mbuf **mbufs, uint32_t count)
{
	struct weir_pipeline *pipeline = node->graph->pipeline;
	uint32_t claimed = claim(pipeline, count), got = 0;

	if (claimed > 0)
		got = node->poll(&node->stage, mbufs, claimed);
	if (got < claimed)
		atomic_fetch_add_explicit(&pipeline->left, claimed - got, memory_order_relaxed);
	return got;
}

static uint32_t poll_node(struct weir__node *node, uint32_t burst)
{
	struct weir_stage_edge *edge = &node->stage.edges[0];

	/* relaxed: see run_edge() */
	atomic_store_explicit(&node->graph->current, node, memory_order_relaxed);
	if (weir_unlikely(node->limited))
		edge->count = poll_limited(node, edge->vector, burst);
	else
		edge->count = node->poll(&node->stage, edge->vector, burst);
	if (edge->count == 0)
		return 0;
	weir__count(&node->bursts[bucket(edge->count, 8)], 1);
	return edge->count;
}

static void add_time(struct weir__node *node, uint32_t count, uint64_t ticks)
{
	if (count == 0)
		return;
	weir__count(&node->timed_packets, count);
	weir__count(&node->timed_ticks, ticks);
	weir__count(&node->ticks[bucket(ticks / count, 15)], 1);
}

/* timed and rings_only are constants once inlined. */
static inline __attribute__((always_inline)) uint32_t run_round(
	struct weir__graph *graph, bool rings_only, bool timed)
{
	struct weir__node *nodes = graph->nodes;
	uint64_t began = timed ? weir__cycles() : 0, before = began;
	uint32_t sum = 0;

	for (uint32_t i = 0; i < graph->node_count; i++) {
		struct weir__node *node = &nodes[i];
		bool source = i < graph->source_count;
		uint32_t count;

		if (rings_only && source && !weir__is_ring(graph->pipeline->vertices[node->vertex]))
			continue;
		count = source ? poll_node(node, graph->burst) : run_node(node);
		if (source)
			sum += count;
		if (timed) {
			uint64_t now = weir__cycles();

			add_time(node, count, now - before);
			before = now;
		}
	}
	if (timed && sum > 0)
		weir__count(
			&graph->rounds_us[bucket((before - began) / graph->ticks_per_us, 15)], 1);
	atomic_store_explicit(&graph->current, NULL, memory_order_relaxed);
	return sum;
}

void weir__stage_waited(struct weir_stage *stage, uint64_t ticks)
{
	struct weir__node *node = (struct weir__node *)(void *)stage;

	weir__count(&node->waits_us[bucket(ticks / node->graph->ticks_per_us, 15)], 1);
}

uint32_t weir__graph_round(struct weir__graph *graph, bool rings_only)
{
	weir__count(&graph->rounds, 1);
	if (rings_only)
		return run_round(graph, true, false);
	if (weir__counted(&graph->rounds) % TIMED_ROUNDS == 0)
		return run_round(graph, false, true);
	return run_round(graph, false, false);
}

/* Will it bring no more packets? */
static bool has_ended(const struct weir__node *node)
{
	const struct weir_pipeline *pipeline = node->graph->pipeline;
	const struct weir_stage_type *type = pipeline->vertices[node->vertex]->type;

	/* relaxed: a count; who sees it late polls once more */
	if (node->limited && atomic_load_explicit(&pipeline->left, memory_order_relaxed) == 0)
		return true;
	return type->ended && type->ended(&node->stage);
}

bool weir__graph_ended(const struct weir__graph *graph)
{
	for (uint32_t i = 0; i < graph->source_count; i++)
		if (!has_ended(&graph->nodes[i]))
			return false;
	return true;
}
