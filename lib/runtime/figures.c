/* SPDX-License-Identifier: BSD-3-Clause */
/* figures.c: what the workers counted, added up by who asks. */
#include "runtime/pipeline_impl.h"

#include "base/count_impl.h"

#include <string.h>

uint32_t weir_pipeline_stages(const struct weir_pipeline *pipeline)
{
	return pipeline->vertex_count;
}

uint32_t weir_pipeline_stage_workers(
	const struct weir_pipeline *pipeline, uint32_t index, uint32_t *first)
{
	const struct weir__part *part = &pipeline->parts[pipeline->vertices[index]->part];

	*first = part->first;
	return part->workers;
}

static void add_node(struct weir_stage_stats *stats, const struct weir__node *node)
{
	if (!node->stage.polls || !node->graph->pipeline->vertices[node->vertex]->type->run) {
		for (uint32_t i = 0; i < 9; i++) {
			stats->bursts[i] += weir__counted(&node->bursts[i]);
			stats->runs += weir__counted(&node->bursts[i]);
		}
	}
	stats->timed_packets += weir__counted(&node->timed_packets);
	stats->timed_ticks += weir__counted(&node->timed_ticks);
	for (uint32_t i = 0; i < 16; i++) {
		stats->ticks[i] += weir__counted(&node->ticks[i]);
		stats->waits_us[i] += weir__counted(&node->waits_us[i]);
	}
	for (uint32_t i = 0; i < node->in_count; i++)
		stats->packets += weir__counted(&node->ins[i]->packets);
	for (uint32_t i = 0; i < node->edge_count; i++)
		stats->edges[i].packets += weir__counted(&node->stage.edges[i].packets);
	for (uint32_t i = 0; i < stats->counter_count; i++)
		stats->counters[i].value += weir__counted(&node->stage.counters[i]);
}

static void name_figures(const struct weir_pipeline *pipeline, const struct weir__vertex *vertex,
	struct weir_stage_stats *stats)
{
	const struct weir_stage_type *type = vertex->type;

	stats->name = vertex->name;
	stats->type = type->name;
	stats->edge_count = vertex->edge_count;
	for (uint32_t i = 0; i < vertex->edge_count; i++) {
		stats->edges[i].name = type->edges[i];
		if (vertex->to[i] != WEIR__NOWHERE)
			stats->edges[i].to = pipeline->vertices[vertex->to[i]]->name;
	}
	for (uint32_t i = 0; type->counters && type->counters[i]; i++)
		stats->counters[stats->counter_count++].name = type->counters[i];
}

void weir_pipeline_stage_stats(
	const struct weir_pipeline *pipeline, uint32_t index, struct weir_stage_stats *stats)
{
	const struct weir__vertex *vertex = pipeline->vertices[index];

	memset(stats, 0, sizeof(*stats));
	name_figures(pipeline, vertex, stats);
	for (uint32_t i = 0; i < pipeline->graph_count; i++) {
		const struct weir__graph *graph = pipeline->graphs[i];

		for (uint32_t j = 0; j < graph->node_count; j++)
			if (graph->nodes[j].vertex == index)
				add_node(stats, &graph->nodes[j]);
	}
	if (weir__is_source(vertex))
		stats->packets = stats->edges[0].packets;
}

void weir_pipeline_worker_stats(const struct weir_pipeline *pipeline, uint32_t worker,
	struct weir_pipeline_worker_stats *stats)
{
	const struct weir__graph *graph = pipeline->graphs[worker];

	memset(stats, 0, sizeof(*stats));
	if (graph->worker)
		weir_worker_stats(graph->worker, &stats->thread);
	for (uint32_t i = 0; i < 16; i++)
		stats->rounds_us[i] = weir__counted(&graph->rounds_us[i]);
}
