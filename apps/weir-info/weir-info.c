/* SPDX-License-Identifier: BSD-3-Clause */
/* weir-info.c: say what capture files are and what is in them.
 *
 *	weir-info trace.pcapng
 */
#include "apps/common/app.h"
#include "apps/weir-info/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct info {
	struct app app;
	char **paths;
	uint32_t count;
	bool table, hashes;
	json_t *files; /* with --json */
};

static void report(struct info *info, const struct figures *figures, bool first)
{
	if (info->files) {
		json_array_append_new(info->files, report_json(figures));
	} else if (info->table) {
		if (first)
			report_table_head();
		report_table_line(figures);
	} else {
		if (!first)
			putchar('\n');
		report_text(figures);
	}
}

/* Of what is stored, so by reading it once more; what comes through a pipe is gone by now. */
static void add_hashes(struct info *info, struct figures *figures)
{
	int error =
		strcmp(figures->path, "-") == 0 ? 0 : hashes_read(&figures->hashes, figures->path);

	if (error)
		app_fail(&info->app, APP_FAILED, "%s: cannot be hashed: %s", figures->path,
			strerror(-error));
}

static void look_at(struct info *info, const char *path, bool first)
{
	struct figures figures;

	if (!figures_read(&figures, path)) {
		app_fail(&info->app, APP_FAILED, "%s", weir_last_error());
		return;
	}
	if (info->hashes)
		add_hashes(info, &figures);
	if (!info->app.options.quiet)
		report(info, &figures, first);
	if (figures.damage)
		app_fail(&info->app, APP_FAILED, "%s", figures.damage);
	figures_free(&figures);
}

static int run(struct info *info)
{
	info->files = info->app.options.json ? json_array() : NULL;
	for (uint32_t i = 0; i < info->count; i++)
		look_at(info, info->paths[i], i == 0);
	if (info->files && !info->app.options.quiet) {
		json_dumpf(info->files, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(info->files);
	free(info->paths);
	return info->app.status;
}

static void add_path(struct info *info, const struct argp_state *state, char *path)
{
	char **larger = reallocarray(info->paths, info->count + 1, sizeof(*larger));

	if (!larger)
		argp_failure(state, APP_FAILED, ENOMEM, "%s", path);
	info->paths = larger;
	info->paths[info->count++] = path;
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct info *info = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &info->app;
		return 0;
	case 't':
		info->table = true;
		return 0;
	case 'H':
		if (!hashes_are_there())
			argp_failure(state, APP_FAILED, 0,
				"--hashes: this weir-info was built without nettle; sha256sum has "
				"them");
		info->hashes = true;
		return 0;
	case ARGP_KEY_ARG:
		add_path(info, state, value);
		return 0;
	case ARGP_KEY_END:
		if (info->count == 0)
			argp_failure(state, APP_MISUSE, 0, "needs a FILE; see --help");
		if (info->hashes && info->table)
			argp_failure(
				state, APP_MISUSE, 0, "--hashes and --table exclude each other");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int main(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"table", 't', NULL, 0, "A line for each file", 0},
		{"hashes", 'H', NULL, 0, "SHA256, RIPEMD160 and SHA1 of each file, too", 0},
		{0},
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.args_doc = "FILE...",
		.doc = "Say what capture files are and what is in them; - is standard input."
		       "\vExample: weir-info --table a.pcap b.pcap",
		.children = app_report_children,
	};
	struct info info = {0};

	app_parse(&info.app, &argp, argc, argv, &info);
	return run(&info);
}
