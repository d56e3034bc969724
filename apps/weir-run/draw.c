/* SPDX-License-Identifier: BSD-3-Clause */
/* draw.c: a pipeline of stages that look like those of the library and open no port. */
#include "apps/weir-run/draw.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define TYPES_MAX 128

/* What rx and tx take, so that a file with other arguments is still refused. */
static int open_port(struct weir_stage_args *args, void *conf)
{
	static const char *const full[] = {"drop", "wait", NULL};

	(void)conf;
	if (!weir_stage_arg(args, NULL))
		return weir_stage_fail(EINVAL, "needs a port");
	return weir_stage_arg_word(args, "full", full) < 0 ? -EINVAL : 0;
}

/* The same for write. */
static int open_write(struct weir_stage_args *args, void *conf)
{
	(void)conf;
	weir_stage_arg(args, "format");
	return weir_stage_arg(args, NULL) ? 0 : weir_stage_fail(EINVAL, "needs a file");
}

/* Copies of the types, of which those that use a port do not. */
static void make_types(struct weir_stage_type *copies, const struct weir_stage_type **list)
{
	for (uint32_t i = 0; weir_stages[i] && i < TYPES_MAX; i++) {
		const char *name = weir_stages[i]->name;
		bool writes = strcmp(name, "write") == 0;

		copies[i] = *weir_stages[i];
		list[i] = &copies[i];
		if (!writes && strcmp(name, "rx") != 0 && strcmp(name, "tx") != 0)
			continue;
		copies[i].open = writes ? open_write : open_port;
		copies[i].close = NULL;
		copies[i].setup = NULL;
		copies[i].teardown = NULL;
	}
}

static void print_svg(struct app *app, const char *text)
{
	FILE *dot;
	int status;

	signal(SIGPIPE, SIG_IGN); /* of a dot that is not there */
	dot = popen("command -v dot >/dev/null || exit 127; exec dot -Tsvg", "w");
	if (dot)
		fputs(text, dot);
	status = dot ? pclose(dot) : -1;
	if (status < 0)
		app_fail(app, APP_FAILED, "dot -Tsvg: %s", strerror(errno));
	else if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		app_fail(app, APP_FAILED,
			"there is no dot, which makes SVG: install graphviz, or use --draw alone");
	else if (status)
		app_fail(app, APP_FAILED, "dot -Tsvg has failed");
}

void draw_file(struct app *app, const char *path, bool svg)
{
	struct weir_stage_type copies[TYPES_MAX];
	const struct weir_stage_type *list[TYPES_MAX + 1] = {NULL};
	struct weir_pipeline_conf conf = {.name = "weir-run", .types = list};
	struct weir_pipeline *pipeline;
	char *text = NULL;

	make_types(copies, list);
	pipeline = weir_pipeline_create(&conf);
	if (!pipeline || weir_pipeline_read(pipeline, path))
		app_fail(app, APP_FAILED, "%s", weir_last_error());
	else if (weir_pipeline_build(pipeline))
		app_fail(app, APP_FAILED, "%s: %s", path, weir_last_error());
	else if (!(text = weir_pipeline_draw(pipeline)))
		app_fail(app, APP_FAILED, "no memory for a drawing");
	else if (svg)
		print_svg(app, text);
	else
		fputs(text, stdout);
	free(text);
	weir_pipeline_destroy(pipeline);
}
