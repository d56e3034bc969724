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

const char *weir__vertex_name(
	const struct weir_pipeline *pipeline, const struct weir__vertex *vertex)
{
	static _Thread_local char text[256];
	char line[32] = "";

	if (vertex->line)
		snprintf(line, sizeof(line), "line %u: ", vertex->line);
	/* the text that is being read has its own way to name the line */
	snprintf(text, sizeof(text), "%sstage '%s' (%s)", pipeline->line ? "" : line, vertex->name,
		vertex->type->name);
	return text;
}

int weir__blame(const struct weir_pipeline *pipeline, const struct weir__vertex *vertex, int error)
{
	char sentence[1024];

	snprintf(sentence, sizeof(sentence), "%s", weir_last_error());
	return weir__fail(-error, "%s: %s", weir__vertex_name(pipeline, vertex), sentence);
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

/* ---- stages ---- */

static const struct weir_stage_type *find_type(
	const struct weir_stage_type *const *types, const char *name)
{
	for (; types && *types; types++)
		if (strcmp((*types)->name, name) == 0)
			return *types;
	return NULL;
}

static int unknown_type(const struct weir_pipeline *pipeline, const char *name)
{
	const struct weir_stage_type *const *lists[] = {pipeline->conf.types, pipeline->conf.more};
	char names[512] = "";

	for (uint32_t i = 0; i < 2; i++) {
		for (uint32_t j = 0; lists[i] && lists[i][j]; j++) {
			size_t used = strlen(names);

			snprintf(names + used, sizeof(names) - used, "%s%s", used ? ", " : "",
				lists[i][j]->name);
		}
	}
	return weir__fail(ENOENT, "no stage type '%s'; there are: %s", name, names);
}

int weir_pipeline_find(const struct weir_pipeline *pipeline, const char *name)
{
	for (uint32_t i = 0; i < pipeline->vertex_count; i++)
		if (strcmp(pipeline->vertices[i]->name, name) == 0)
			return (int)i;
	return -ENOENT;
}

static void free_vertex(struct weir__vertex *vertex)
{
	if (vertex->conf && vertex->type->close)
		vertex->type->close(vertex->conf);
	free(vertex->conf);
	free(vertex->name);
	free(vertex);
}

/* What the sources of a part say on its workers. */
static int take_placement(struct weir__vertex *vertex, struct weir_stage_args *args)
{
	const char *lcores = weir_stage_arg(args, "lcores");
	uint64_t workers = 1;

	if (weir_stage_arg_number(args, "workers", 1, WEIR_PIPELINE_WORKERS, &workers) ||
		(lcores && weir_lcores_parse(&vertex->lcores, lcores)))
		return -EINVAL;
	vertex->placed = lcores || weir_stage_arg(args, "workers");
	vertex->workers = (uint32_t)workers;
	if (!lcores)
		return 0;
	if (weir_stage_arg(args, "workers") && workers != weir_lcores_count(&vertex->lcores))
		return weir__fail(EINVAL, "%u lcores for %u workers",
			weir_lcores_count(&vertex->lcores), (uint32_t)workers);
	vertex->workers = weir_lcores_count(&vertex->lcores);
	return 0;
}

/* Let the type take the arguments. */
static int open_vertex(struct weir__vertex *vertex, struct weir_stage_args *args, const char *text)
{
	const struct weir_stage_type *type = vertex->type;
	void *conf = calloc(1, type->conf_size + 1);
	int error = conf ? weir__args_parse(args, text) : weir__fail(ENOMEM, "no memory");

	if (!error && type->poll)
		error = take_placement(vertex, args);
	if (!error && type->open)
		error = type->open(args, conf);
	if (error) {
		free(conf);
		return error;
	}
	vertex->conf = conf; /* opened: closed by free_vertex() */
	return weir__args_finish(args);
}

static uint32_t count_words(const char *const *words)
{
	uint32_t count = 0;

	while (words && words[count])
		count++;
	return count;
}

static bool is_sound(const struct weir_stage_type *type)
{
	uint32_t edges = count_words(type->edges);

	return (type->run || type->poll) && edges <= WEIR_STAGE_EDGES &&
	       count_words(type->counters) <= WEIR_STAGE_COUNTERS && (!type->poll || edges == 1);
}

static struct weir__vertex *make_vertex(const char *name, const struct weir_stage_type *type)
{
	struct weir__vertex *vertex = calloc(1, sizeof(*vertex));

	if (!vertex)
		return NULL;
	vertex->type = type;
	vertex->workers = 1;
	vertex->name = strdup(name);
	vertex->edge_count = count_words(type->edges);
	memset(vertex->to, 0xff, sizeof(vertex->to)); /* WEIR__NOWHERE */
	if (vertex->name)
		return vertex;
	free(vertex);
	return NULL;
}

static int check_new(const struct weir_pipeline *pipeline, const char *name)
{
	if (pipeline->phase != WEIR__DESCRIBED)
		return weir__fail(EBUSY, "the pipeline is built: nothing can be added to it");
	if (pipeline->vertex_count == WEIR_PIPELINE_STAGES)
		return weir__fail(EINVAL, "more than %d stages", WEIR_PIPELINE_STAGES);
	if (*name == 0 || strpbrk(name, " \t.:>#\""))
		return weir__fail(
			EINVAL, "'%s' is no name for a stage: no spaces and none of .:>#\"", name);
	if (weir_pipeline_find(pipeline, name) >= 0)
		return weir__fail(EEXIST, "there is a stage '%s' already", name);
	return 0;
}

int weir_pipeline_add(struct weir_pipeline *pipeline, const char *name, const char *type_name,
	const char *text, void *data)
{
	const struct weir_stage_type *type = find_type(pipeline->conf.types, type_name);
	struct weir_stage_args args = {.pipeline = pipeline, .data = data};
	struct weir__vertex *vertex;
	int error = check_new(pipeline, name);

	if (error)
		return error;
	if (!type)
		type = find_type(pipeline->conf.more, type_name);
	if (!type)
		return unknown_type(pipeline, type_name);
	if (!is_sound(type))
		return weir__fail(EINVAL,
			"type '%s' must run or poll, have at most %d edges, just one if it polls, "
			"and %d counters",
			type_name, WEIR_STAGE_EDGES, WEIR_STAGE_COUNTERS);
	vertex = make_vertex(name, type);
	if (!vertex)
		return weir__fail(ENOMEM, "no memory for the stage '%s'", name);
	error = open_vertex(vertex, &args, text);
	weir__args_free(&args);
	if (error) {
		error = weir__blame(pipeline, vertex, error);
		free_vertex(vertex);
		return error;
	}
	vertex->line = pipeline->line;
	pipeline->vertices[pipeline->vertex_count++] = vertex;
	return 0;
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
		free_vertex(pipeline->vertices[i]);
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
