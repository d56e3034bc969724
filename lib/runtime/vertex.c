/* SPDX-License-Identifier: BSD-3-Clause */
/* vertex.c: a stage is added to a pipeline: its type found, its arguments read, opened. */
#include "runtime/pipeline_impl.h"

#include "base/base_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

void weir__vertex_free(struct weir__vertex *vertex)
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
	vertex->conf = conf; /* opened: closed by weir__vertex_free() */
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
		weir__vertex_free(vertex);
		return error;
	}
	vertex->line = pipeline->line;
	pipeline->vertices[pipeline->vertex_count++] = vertex;
	return 0;
}
