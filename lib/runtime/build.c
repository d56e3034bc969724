/* SPDX-License-Identifier: BSD-3-Clause */
/* build.c: the graph of each worker: one piece of memory, on the node of its core.
 *
 *	| graph | nodes, in the order they run | edges | pointers to edges | states | vectors |
 */
#include "runtime/pipeline_impl.h"

#include "weir/mem.h"

#include "base/base_impl.h"
#include "base/cycles_impl.h"

#include <errno.h>
#include <string.h>

#define VECTOR_SIZE (WEIR_STAGE_BURST * sizeof(struct weir_mbuf *))

/* What a part's graphs are made of: vertices, sources first. */
struct plan {
	const struct weir__part *part;
	uint32_t vertices[2 * WEIR_PIPELINE_STAGES];
	uint32_t source_count, node_count, edge_count;
	size_t edges, ins, states, vectors, size; /* where they begin, bytes */
};

/* A ring's end that is run has no edges: they are those of the end that polls. */
static uint32_t edges_of(const struct weir__vertex *vertex, bool polls)
{
	return weir__is_ring(vertex) && !polls ? 0 : vertex->edge_count;
}

static void plan_nodes(
	const struct weir_pipeline *pipeline, const struct weir__part *part, struct plan *plan)
{
	uint32_t number = (uint32_t)(part - pipeline->parts);

	plan->part = part;
	for (uint32_t i = 0; i < pipeline->vertex_count; i++)
		if (pipeline->vertices[i]->type->poll && pipeline->vertices[i]->part == number)
			plan->vertices[plan->node_count++] = i;
	plan->source_count = plan->node_count;
	for (uint32_t i = 0; i < pipeline->order_count; i++)
		if (pipeline->vertices[pipeline->order[i]]->part_before == number)
			plan->vertices[plan->node_count++] = pipeline->order[i];
}

static void plan_memory(const struct weir_pipeline *pipeline, struct plan *plan)
{
	size_t states = 0;

	for (uint32_t i = 0; i < plan->node_count; i++) {
		const struct weir__vertex *vertex = pipeline->vertices[plan->vertices[i]];

		plan->edge_count += edges_of(vertex, i < plan->source_count);
		states += weir__round_up(vertex->type->state_size, WEIR_CACHE_LINE);
	}
	plan->edges = weir__round_up(sizeof(struct weir__graph), WEIR_CACHE_LINE) +
		      plan->node_count * sizeof(struct weir__node);
	plan->ins = plan->edges + plan->edge_count * sizeof(struct weir_stage_edge);
	plan->states = weir__round_up(
		plan->ins + plan->edge_count * sizeof(struct weir_stage_edge *), WEIR_CACHE_LINE);
	plan->vectors = plan->states + states;
	plan->size = plan->vectors + plan->edge_count * VECTOR_SIZE;
}

static struct weir_region *get_memory(const struct weir_pipeline *pipeline, size_t size, int lcore)
{
	struct weir_region_conf conf = {
		.name = pipeline->name, .size = size, .placement = WEIR_PLACE_PREFERRED};
	struct weir_region *region = NULL;

	if (lcore >= 0) {
		conf.node = WEIR_NODE(weir_lcore_node((uint32_t)lcore));
		region = weir_region_create(&conf);
	}
	if (region)
		return region;
	/* where placing is forbidden, or without a core, anywhere */
	conf.node = WEIR_NODE_ANY;
	conf.placement = WEIR_PLACE_BIND;
	return weir_region_create(&conf);
}

/* The node of a vertex in this graph that packets are handed to. */
static struct weir__node *find_run(const struct weir__graph *graph, uint32_t vertex)
{
	for (uint32_t i = graph->source_count; i < graph->node_count; i++)
		if (graph->nodes[i].vertex == vertex)
			return &graph->nodes[i];
	return NULL;
}

static void make_nodes(struct weir__graph *graph, const struct plan *plan, uint32_t worker)
{
	const struct weir_pipeline *pipeline = graph->pipeline;
	uint8_t *base = (uint8_t *)graph, *state = base + plan->states;
	struct weir_stage_edge *edge = (struct weir_stage_edge *)(void *)(base + plan->edges);

	for (uint32_t i = 0; i < plan->node_count; i++) {
		const struct weir__vertex *vertex = pipeline->vertices[plan->vertices[i]];
		struct weir__node *node = &graph->nodes[i];
		bool polls = i < plan->source_count;

		node->vertex = plan->vertices[i];
		node->graph = graph;
		if (!polls)
			node->run = pipeline->conf.check ? weir__run_checked : vertex->type->run;
		node->poll = polls ? vertex->type->poll : NULL;
		node->limited = pipeline->conf.limit && weir__is_source(vertex);
		node->edge_count = edges_of(vertex, polls);
		node->stage.edges = edge;
		node->stage.conf = vertex->conf;
		node->stage.state = state;
		node->stage.worker = worker;
		node->stage.workers = plan->part->workers;
		node->stage.polls = polls;
		edge += node->edge_count;
		state += weir__round_up(vertex->type->state_size, WEIR_CACHE_LINE);
	}
}

static void connect_nodes(struct weir__graph *graph, const struct plan *plan)
{
	const struct weir_pipeline *pipeline = graph->pipeline;
	uint8_t *base = (uint8_t *)graph, *vector = base + plan->vectors;
	struct weir_stage_edge **in = (struct weir_stage_edge **)(void *)(base + plan->ins);

	for (uint32_t i = 0; i < graph->node_count; i++) {
		struct weir__node *node = &graph->nodes[i];

		for (uint32_t j = 0; j < node->edge_count; j++, vector += VECTOR_SIZE) {
			uint32_t to = pipeline->vertices[node->vertex]->to[j];

			node->stage.edges[j].vector = (struct weir_mbuf **)(void *)vector;
			node->stage.edges[j].to = &find_run(graph, to)->stage;
		}
	}
	for (uint32_t i = graph->source_count; i < graph->node_count; i++) {
		struct weir__node *node = &graph->nodes[i];

		node->ins = in;
		for (uint32_t j = 0; j < graph->node_count; j++)
			for (uint32_t k = 0; k < graph->nodes[j].edge_count; k++)
				if (graph->nodes[j].stage.edges[k].to == &node->stage)
					*in++ = &graph->nodes[j].stage.edges[k];
		node->in_count = (uint32_t)(in - node->ins);
	}
}

static struct weir__graph *make_graph(
	struct weir_pipeline *pipeline, const struct plan *plan, uint32_t worker, int lcore)
{
	struct weir_region *memory = get_memory(pipeline, plan->size, lcore);
	struct weir__graph *graph;

	if (!memory)
		return NULL;
	graph = weir_region_base(memory);
	graph->memory = memory;
	graph->pipeline = pipeline;
	graph->nodes =
		(struct weir__node *)(void *)((uint8_t *)graph +
					      weir__round_up(sizeof(*graph), WEIR_CACHE_LINE));
	graph->source_count = plan->source_count;
	graph->node_count = plan->node_count;
	graph->edges = (struct weir_stage_edge *)(void *)((uint8_t *)graph + plan->edges);
	graph->edge_count = plan->edge_count;
	graph->number = pipeline->graph_count;
	graph->burst = pipeline->conf.burst;
	graph->ticks_per_us = weir__cycles_per_second() / 1000000 + 1;
	make_nodes(graph, plan, worker);
	connect_nodes(graph, plan);
	return graph;
}

static int make_part(struct weir_pipeline *pipeline, const struct weir__part *part)
{
	struct plan plan = {0};
	int lcore = -1;

	plan_nodes(pipeline, part, &plan);
	plan_memory(pipeline, &plan);
	for (uint32_t worker = 0; worker < part->workers; worker++) {
		struct weir__graph *graph;

		lcore = weir_lcores_next(&part->lcores, lcore);
		graph = make_graph(pipeline, &plan, worker, lcore);
		if (!graph)
			return -errno;
		pipeline->graphs[pipeline->graph_count++] = graph;
	}
	return 0;
}

static int join_rings(struct weir_pipeline *pipeline)
{
	for (uint32_t i = 0; i < pipeline->vertex_count; i++) {
		const struct weir__vertex *vertex = pipeline->vertices[i];
		const struct weir__part *from = &pipeline->parts[vertex->part_before];
		const struct weir__part *to = &pipeline->parts[vertex->part];
		int error = vertex->type->join ? vertex->type->join(vertex->conf, from->workers,
							 to->workers, to->rank <= from->rank)
					       : 0;

		if (error)
			return weir__blame(pipeline, vertex, error);
	}
	return 0;
}

static int set_up(struct weir_pipeline *pipeline, struct weir__graph *graph)
{
	for (uint32_t i = 0; i < graph->node_count; i++) {
		struct weir__node *node = &graph->nodes[i];
		const struct weir_stage_type *type = pipeline->vertices[node->vertex]->type;
		int error = type->setup ? type->setup(&node->stage) : 0;

		if (error)
			return weir__blame(pipeline, pipeline->vertices[node->vertex], error);
		node->ready = true;
	}
	return 0;
}

int weir__graphs_build(struct weir_pipeline *pipeline)
{
	int error = 0;

	for (uint32_t rank = 0; !error && rank < pipeline->part_count; rank++)
		for (uint32_t i = 0; !error && i < pipeline->part_count; i++)
			if (pipeline->parts[i].rank == rank)
				error = make_part(pipeline, &pipeline->parts[i]);
	if (!error)
		error = join_rings(pipeline);
	for (uint32_t i = 0; !error && i < pipeline->graph_count; i++)
		error = set_up(pipeline, pipeline->graphs[i]);
	if (error)
		weir__graphs_free(pipeline);
	return error;
}

void weir__graph_finish(struct weir__graph *graph)
{
	for (uint32_t i = 0; i < graph->node_count; i++) {
		struct weir__node *node = &graph->nodes[i];
		const struct weir_stage_type *type = graph->pipeline->vertices[node->vertex]->type;

		if (node->ready && type->teardown)
			type->teardown(&node->stage);
		node->ready = false;
	}
}

/* Packets that never got on: a fault stopped the worker in the middle. */
static void free_packets(struct weir__graph *graph)
{
	for (uint32_t i = 0; i < graph->node_count; i++)
		for (uint32_t j = 0; j < graph->nodes[i].edge_count; j++) {
			struct weir_stage_edge *edge = &graph->nodes[i].stage.edges[j];

			weir_mbuf_free_bulk(edge->vector, edge->count);
			edge->count = 0;
		}
}

void weir__graphs_free(struct weir_pipeline *pipeline)
{
	for (uint32_t i = 0; i < pipeline->graph_count; i++) {
		weir__graph_finish(pipeline->graphs[i]);
		free_packets(pipeline->graphs[i]);
		weir_region_destroy(pipeline->graphs[i]->memory);
	}
	pipeline->graph_count = 0;
}
