/* SPDX-License-Identifier: BSD-3-Clause */
/* tap_find.c: the edges and nodes of all workers that a tap is to see. */
#include "runtime/tap_impl.h"

#include "base/base_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A place is handed to this; 0, or -errno to end the search. */
typedef int weir__tap_visitor(
	void *context, const struct weir__node *node, const struct weir__tap_place *place);

static uint32_t edge_index(const struct weir__graph *graph, const struct weir_stage_edge *edge)
{
	return (uint32_t)(edge - graph->edges);
}

/* ---- ports ---- */

static const struct weir__port *find_port(const struct weir_pipeline *pipeline, const char *name)
{
	const struct weir__port *port = pipeline->ports;

	while (port && strcmp(port->name, name) != 0 &&
		strcmp(weir_port_name(port->use.port), name) != 0)
		port = port->next;
	return port;
}

static int no_port(const struct weir_pipeline *pipeline, const char *name)
{
	char names[512] = "";

	for (const struct weir__port *port = pipeline->ports; port; port = port->next) {
		size_t used = strlen(names);

		snprintf(names + used, sizeof(names) - used, "%s%s", used ? ", " : "", port->name);
	}
	return weir__fail(ENOENT, "there is no port '%s'; there are: %s", name, names);
}

/* What is received leaves a node by its edge, what is sent comes to it by all that lead there. */
static int visit_port_node(const struct weir_tap_conf *conf, const struct weir__node *node,
	struct weir__tap_place *place, weir__tap_visitor *visit, void *context)
{
	bool receives = node->poll != NULL;
	int error = 0;

	if ((receives && conf->only_sent) || (!receives && conf->only_received) ||
		(conf->has_queue && conf->queue != node->stage.queue))
		return 0;
	place->mark.has_queue = weir_port_queues(node->stage.port) > 1;
	place->mark.queue = node->stage.queue;
	if (receives) {
		place->mark.direction = WEIR_CAPTURE_INBOUND;
		place->index = edge_index(node->graph, &node->stage.edges[0]);
		return visit(context, node, place);
	}
	place->mark.direction = WEIR_CAPTURE_OUTBOUND;
	for (uint32_t i = 0; !error && i < node->in_count; i++) {
		place->index = edge_index(node->graph, node->ins[i]);
		error = visit(context, node, place);
	}
	return error;
}

/* ---- edges ---- */

/* The vertex and its edge of "stage.edge". 0 or -errno. */
static int find_edge(
	const struct weir_pipeline *pipeline, const char *name, uint32_t *vertex, uint32_t *edge)
{
	const char *dot = strchr(name, '.');
	char stage[256];
	int found;

	snprintf(stage, sizeof(stage), "%.*s", dot ? (int)(dot - name) : (int)strlen(name), name);
	found = weir_pipeline_find(pipeline, stage);
	if (found < 0)
		return weir__fail(ENOENT, "there is no stage '%s'", stage);
	*vertex = (uint32_t)found;
	for (*edge = 0; *edge < pipeline->vertices[found]->edge_count; (*edge)++)
		if (!dot || strcmp(pipeline->vertices[found]->type->edges[*edge], dot + 1) == 0)
			return 0;
	return weir__fail(
		ENOENT, "stage '%s' has no edge%s%s", stage, dot ? " " : "", dot ? dot + 1 : "");
}

/* ---- all nodes ---- */

struct search {
	const struct weir_tap_conf *conf;
	const struct weir__port *port;
	uint32_t vertex, edge;
};

static int begin_search(struct search *search, const struct weir_pipeline *pipeline,
	const struct weir_tap_conf *conf)
{
	int found;

	*search = (struct search){.conf = conf};
	if (!conf->port + !conf->edge + !conf->drops != 2)
		return weir__fail(EINVAL, "a capture is of a port, of an edge or of drops");
	if (conf->port) {
		search->port = find_port(pipeline, conf->port);
		return search->port ? 0 : no_port(pipeline, conf->port);
	}
	if (conf->edge)
		return find_edge(pipeline, conf->edge, &search->vertex, &search->edge);
	search->vertex = WEIR__NOWHERE;
	if (strcmp(conf->drops, "*") == 0)
		return 0;
	found = weir_pipeline_find(pipeline, conf->drops);
	if (found < 0)
		return weir__fail(ENOENT, "there is no stage '%s'", conf->drops);
	search->vertex = (uint32_t)found;
	return 0;
}

static int visit_node(const struct search *search, const struct weir__node *node, uint32_t graph,
	weir__tap_visitor *visit, void *context)
{
	struct weir__tap_place place = {.graph = graph};

	if (search->port)
		return node->stage.port == search->port->use.port
			       ? visit_port_node(search->conf, node, &place, visit, context)
			       : 0;
	if (search->vertex != WEIR__NOWHERE && search->vertex != node->vertex)
		return 0;
	place.drops = search->conf->drops != NULL;
	place.index = (uint32_t)(node - node->graph->nodes);
	if (place.drops)
		return visit(context, node, &place);
	if (search->edge >= node->edge_count) /* a ring's end that is run has none */
		return 0;
	place.index = edge_index(node->graph, &node->stage.edges[search->edge]);
	return visit(context, node, &place);
}

static int visit_all(const struct weir_pipeline *pipeline, const struct weir_tap_conf *conf,
	weir__tap_visitor *visit, void *context)
{
	struct search search;
	int error = begin_search(&search, pipeline, conf);

	for (uint32_t i = 0; !error && i < pipeline->graph_count; i++) {
		const struct weir__graph *graph = pipeline->graphs[i];

		for (uint32_t j = 0; !error && j < graph->node_count; j++)
			error = visit_node(&search, &graph->nodes[j], i, visit, context);
	}
	return error;
}

/* ---- what is made of them ---- */

static int count_place(
	void *context, const struct weir__node *node, const struct weir__tap_place *place)
{
	(void)node;
	(void)place;
	++*(int *)context;
	return 0;
}

int weir__tap_count(const struct weir_pipeline *pipeline, const struct weir_tap_conf *conf)
{
	int count = 0, error = visit_all(pipeline, conf, count_place, &count);

	if (error)
		return error;
	if (count == 0)
		return weir__fail(ENOENT, "nothing goes there");
	return count;
}

struct filling {
	struct weir_tap *tap;
	const struct weir_tap_conf *conf;
	int sources[WEIR_PIPELINE_STAGES]; /* of drops, by vertex; 0: none yet */
	uint32_t comments[WEIR_PIPELINE_STAGES][WEIR_STAGE_COUNTERS];
	int source; /* of everything else */
};

/* The stage as a source, and its reasons as comments. */
static int describe_drops(
	struct filling *filling, const struct weir__vertex *vertex, uint32_t index)
{
	struct weir_capture_source source = {
		.name = vertex->name, .description = "drops", .filter = filling->conf->filter};
	const char *const *reasons = vertex->type->counters;
	char text[256];

	filling->sources[index] = weir_recorder_source(filling->tap->recorder, &source);
	if (filling->sources[index] < 0)
		return filling->sources[index];
	for (uint32_t i = 0; reasons && reasons[i]; i++) {
		int comment;

		snprintf(text, sizeof(text), "stage '%s' (%s): %s", vertex->name,
			vertex->type->name, reasons[i]);
		comment = weir_recorder_comment(filling->tap->recorder, text);
		if (comment < 0)
			return comment;
		filling->comments[index][i] = (uint32_t)comment;
	}
	return 0;
}

static int fill_place(
	void *context, const struct weir__node *node, const struct weir__tap_place *place)
{
	struct filling *filling = context;
	struct weir_tap *tap = filling->tap;
	struct weir__tap_place *filled = &tap->places[tap->place_count];
	int error = 0;

	*filled = *place;
	filled->mark.source = (uint32_t)filling->source;
	if (place->drops) {
		if (!filling->sources[node->vertex])
			error = describe_drops(
				filling, tap->pipeline->vertices[node->vertex], node->vertex);
		if (error)
			return error;
		filled->mark.source = (uint32_t)filling->sources[node->vertex];
		memcpy(filled->comments, filling->comments[node->vertex], sizeof(filled->comments));
	}
	tap->place_count++;
	return 0;
}

int weir__tap_find(struct weir_tap *tap, const struct weir_tap_conf *conf)
{
	struct weir_capture_source source = {
		.name = conf->port ? conf->port : conf->edge, .filter = conf->filter};
	struct filling *filling = calloc(1, sizeof(*filling));
	int error = 0;

	if (!filling)
		return weir__fail(ENOMEM, "no memory for a capture");
	filling->tap = tap;
	filling->conf = conf;
	if (!conf->drops) {
		filling->source = weir_recorder_source(tap->recorder, &source);
		error = filling->source < 0 ? filling->source : 0;
	}
	if (!error)
		error = visit_all(tap->pipeline, conf, fill_place, filling);
	free(filling);
	return error;
}
