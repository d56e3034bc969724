/* SPDX-License-Identifier: BSD-3-Clause */
/* pipeline.c: the life of a pipeline: described, built, run, stopped. */
#include "runtime/pipeline_impl.h"

#include "base/base_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BURST_DEFAULT 32

struct weir_pipeline *weir_pipeline_create(const struct weir_pipeline_conf *conf)
{
	struct weir_pipeline *pipeline;

	if (!conf->types || conf->burst > WEIR_STAGE_BURST)
		return weir__fail_null(EINVAL,
			"a pipeline needs types, such as weir_stages, and a burst up to %d",
			WEIR_STAGE_BURST);
	pipeline = calloc(1, sizeof(*pipeline));
	if (!pipeline)
		return weir__fail_null(ENOMEM, "no memory for a pipeline");
	pipeline->conf = *conf;
	if (!conf->burst)
		pipeline->conf.burst = BURST_DEFAULT;
	atomic_init(&pipeline->left, conf->limit);
	snprintf(
		pipeline->name, sizeof(pipeline->name), "%s", conf->name ? conf->name : "pipeline");
	pipeline->conf.name = pipeline->name;
	return pipeline;
}

/* ---- ports ---- */

static struct weir__port *add_port(
	struct weir_pipeline *pipeline, const char *name, struct weir_port *port, bool own)
{
	struct weir__port *added = calloc(1, sizeof(*added) + strlen(name) + 1);

	if (!added)
		return weir__fail_null(ENOMEM, "no memory for the port '%s'", name);
	added->use.port = port;
	added->own = own;
	added->next = pipeline->ports;
	strcpy(added->name, name);
	pipeline->ports = added;
	return added;
}

static struct weir__port *find_port(const struct weir_pipeline *pipeline, const char *name)
{
	struct weir__port *port = pipeline->ports;

	while (port && strcmp(port->name, name) != 0)
		port = port->next;
	return port;
}

int weir_pipeline_port(struct weir_pipeline *pipeline, const char *name, struct weir_port *port)
{
	if (find_port(pipeline, name))
		return weir__fail(EEXIST, "there is a port '%s' already", name);
	return add_port(pipeline, name, port, false) ? 0 : -ENOMEM;
}

struct weir__port *weir__pipeline_port(struct weir_pipeline *pipeline, const char *name)
{
	struct weir__port *known = find_port(pipeline, name);
	struct weir_port *port;

	if (known) {
		known->used = true;
		return known;
	}
	port = weir_port_open(name, pipeline->conf.pool);
	known = port ? add_port(pipeline, name, port, true) : NULL;
	if (known)
		known->used = true;
	else if (port)
		weir_port_close(port);
	return known;
}

/* ---- edges ---- */

int weir_pipeline_find(const struct weir_pipeline *pipeline, const char *name)
{
	for (uint32_t i = 0; i < pipeline->vertex_count; i++)
		if (strcmp(pipeline->vertices[i]->name, name) == 0)
			return (int)i;
	return -ENOENT;
}

/* The number of an edge, the first when name is NULL. */
static int find_edge(
	const struct weir_pipeline *pipeline, const struct weir__vertex *vertex, const char *name)
{
	char names[256] = "";

	for (uint32_t i = 0; i < vertex->edge_count; i++) {
		size_t used = strlen(names);

		if (!name || strcmp(vertex->type->edges[i], name) == 0)
			return (int)i;
		snprintf(names + used, sizeof(names) - used, "%s%s", i ? ", " : "",
			vertex->type->edges[i]);
	}
	if (vertex->edge_count == 0)
		return weir__fail(EINVAL, "%s has no way out", weir__vertex_name(pipeline, vertex));
	return weir__fail(EINVAL, "%s has no edge '%s'; there are: %s",
		weir__vertex_name(pipeline, vertex), name, names);
}

int weir_pipeline_connect(struct weir_pipeline *pipeline, const char *from, const char *to)
{
	size_t length = strcspn(from, ".");
	char *name = strndup(from, length);
	int source = name ? weir_pipeline_find(pipeline, name) : -ENOMEM;
	int target = weir_pipeline_find(pipeline, to), edge;
	struct weir__vertex *vertex;

	free(name);
	if (pipeline->phase != WEIR__DESCRIBED)
		return weir__fail(EBUSY, "the pipeline is built: nothing can be connected in it");
	if (source < 0 || target < 0)
		return weir__fail(ENOENT, "there is no stage '%.*s'",
			source < 0 ? (int)length : (int)strlen(to), source < 0 ? from : to);
	vertex = pipeline->vertices[source];
	edge = find_edge(pipeline, vertex, from[length] ? from + length + 1 : NULL);
	if (edge < 0)
		return edge;
	if (vertex->to[edge] != WEIR__NOWHERE)
		return weir__fail(EEXIST, "%s: its edge '%s' leads to '%s' already",
			weir__vertex_name(pipeline, vertex), vertex->type->edges[edge],
			pipeline->vertices[vertex->to[edge]]->name);
	if (!pipeline->vertices[target]->type->run)
		return weir__fail(EINVAL, "nothing can lead to %s: it is a source",
			weir__vertex_name(pipeline, pipeline->vertices[target]));
	vertex->to[edge] = (uint32_t)target;
	return 0;
}

int weir_pipeline_build(struct weir_pipeline *pipeline)
{
	int error;

	if (pipeline->phase == WEIR__BROKEN)
		return weir__fail(EINVAL, "the pipeline could not be built before");
	if (pipeline->phase != WEIR__DESCRIBED)
		return 0;
	error = weir__pipeline_check(pipeline);
	if (error)
		return error;
	/* stages have taken queues and the like: there is no second time */
	error = weir__graphs_build(pipeline);
	pipeline->phase = error ? WEIR__BROKEN : WEIR__BUILT;
	return error;
}

int weir_pipeline_destroy(struct weir_pipeline *pipeline)
{
	int error = 0;

	if (!pipeline)
		return 0;
	for (uint32_t i = 0; i < pipeline->graph_count; i++)
		if (weir_worker_destroy(pipeline->graphs[i]->worker))
			return -EBUSY;
		else
			pipeline->graphs[i]->worker = NULL;
	weir__graphs_free(pipeline);
	for (uint32_t i = 0; i < pipeline->vertex_count; i++)
		weir__vertex_free(pipeline->vertices[i]);
	while (pipeline->ports) {
		struct weir__port *port = pipeline->ports;
		int closed = port->own ? weir_port_close(port->use.port) : 0;

		error = error ? error : closed;
		pipeline->ports = port->next;
		free(port);
	}
	free(pipeline);
	return error;
}
