/* SPDX-License-Identifier: BSD-3-Clause */
/* weir-run.c: run a pipeline that a text describes (docs/pipelines.md).
 *
 *	weir-run web.pipe input=trace.pcap
 */
#include "apps/common/pipeline.h"
#include "apps/weir-run/draw.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Keys of options without a letter. */
enum { KEY_CHECK = 512, KEY_DRAW };

/* NAME=SPEC of the command line. */
struct named_port {
	char *name;
	const char *spec;
};

struct run {
	struct app_pipeline run;
	const char *file;
	struct named_port named[APP_PORT_MAX];
	uint32_t named_count;
	bool draw, svg;
};

static bool open_ports(struct run *it)
{
	for (uint32_t i = 0; i < it->named_count; i++) {
		struct weir_port *port =
			app_open(&it->run.app, it->named[i].spec, it->run.app.pool);

		if (!port || !app_pipeline_port(&it->run, it->named[i].name, port))
			return false;
	}
	return true;
}

/* It may say something else when it is read again. */
static int describe(struct app_pipeline *run, struct weir_pipeline *pipeline)
{
	return weir_pipeline_read(pipeline, run->name);
}

static bool read_file(struct run *it)
{
	it->run.describe = describe;
	return describe(&it->run, it->run.pipeline) == 0 ||
	       app_pipeline_refused(&it->run, APP_FAILED);
}

static int execute(struct run *it)
{
	if (it->draw)
		draw_file(&it->run.app, it->file, it->svg);
	else if (app_start(&it->run.app) && app_pipeline_create(&it->run, it->file, NULL) &&
		 open_ports(it) && read_file(it))
		app_pipeline_run(&it->run);
	for (uint32_t i = 0; i < it->named_count; i++)
		free(it->named[i].name);
	return app_pipeline_finish(&it->run);
}

static void parse_draw(struct run *it, struct argp_state *state, const char *value)
{
	it->draw = true;
	it->svg = value && strcmp(value, "svg") == 0;
	if (value && !it->svg && strcmp(value, "dot") != 0)
		app_refuse(state, "--draw", value, "must be dot or svg");
}

/* FILE, then NAME=SPEC. */
static void parse_argument(struct run *it, struct argp_state *state, char *value)
{
	struct named_port *named = &it->named[it->named_count];
	char *equals = strchr(value, '=');

	if (!it->file) {
		it->file = value;
		return;
	}
	if (it->named_count == APP_PORT_MAX)
		argp_failure(state, APP_MISUSE, 0, "more than %d ports", APP_PORT_MAX);
	if (!equals || equals == value)
		argp_failure(state, APP_MISUSE, 0, "'%s' is not NAME=SPEC, as in input=trace.pcap",
			value);
	named->name = strndup(value, (size_t)(equals - value));
	if (!named->name)
		argp_failure(state, APP_FAILED, ENOMEM, "%s", value);
	named->spec = equals + 1;
	it->named_count++;
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct run *it = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &it->run;
		return 0;
	case KEY_CHECK:
		it->run.check = true;
		return 0;
	case KEY_DRAW:
		parse_draw(it, state, value);
		return 0;
	case ARGP_KEY_ARG:
		parse_argument(it, state, value);
		return 0;
	case ARGP_KEY_END:
		if (!it->file)
			argp_failure(state, APP_MISUSE, 0, "needs a file; see --help");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int main(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"check", KEY_CHECK, NULL, 0,
			"Look after each run of a stage whether it lost packets: slow", 0},
		{"draw", KEY_DRAW, "dot|svg", OPTION_ARG_OPTIONAL,
			"Print the graph for graphviz (dot), or as SVG, and do not run it", 0},
		{0},
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.args_doc = "FILE [NAME=SPEC...]",
		.doc = "Run the pipeline that a file describes. NAME=SPEC opens a port that the "
		       "file "
		       "calls NAME.\vExample: weir-run count.pipe input=trace.pcap",
		.children = app_pipeline_children,
	};
	static struct run it = {.run.show_stages = true};

	app_parse(&it.run.app, &argp, argc, argv, &it);
	return execute(&it);
}
