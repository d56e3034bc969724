/* SPDX-License-Identifier: BSD-3-Clause */
/* weir-doctor.c: what this machine has for weir, what it lacks, and the command that cures it.
 *
 *	weir-doctor
 *	weir-doctor --need 'pool=1M x 2KiB, node=1, pages=2M'
 */
#include "checks.h"
#include "need.h"

#include "apps/common/app.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct doctor {
	struct app app;
	const char *root;
	struct need needs[NEED_MAX];
	uint32_t need_count;
	struct machine machine;
	struct lines lines;
	bool fits;
};

/* ---- the answer ---- */

/* A pipe or a file gets no colours, nor does who asks for none (no-color.org). */
static bool wants_colour(void)
{
	const char *terminal = getenv("TERM"), *none = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && terminal && strcmp(terminal, "dumb") != 0 &&
	       !(none && *none);
}

static bool works(const struct doctor *doctor)
{
	const struct lines *lines = &doctor->lines;

	for (uint32_t i = 0; i < lines->count; i++)
		if (strcmp(lines->all[i].name, CHECK_LIBRARY) == 0)
			return lines->all[i].status != STATUS_PROBLEM;
	return true;
}

static void print_table(const struct doctor *doctor)
{
	const char *verdict = works(doctor) ? "weir works here" : "weir does not work here";
	uint32_t problems = lines_with(&doctor->lines, STATUS_PROBLEM);
	uint32_t warnings = lines_with(&doctor->lines, STATUS_WARN);

	lines_print(&doctor->lines, stdout, wants_colour(), doctor->app.options.verbose);
	if (doctor->need_count > 0)
		return;
	if (!doctor->machine.live)
		verdict = "not this machine";
	printf("%s; %u problem%s, %u warning%s\n", verdict, problems, problems == 1 ? "" : "s",
		warnings, warnings == 1 ? "" : "s");
}

static void print_json(const struct doctor *doctor)
{
	json_t *report = json_pack("{ss ss so}", "program", program_invocation_short_name,
		"version", weir_version(), "checks", lines_json(&doctor->lines));

	if (doctor->need_count > 0)
		json_object_set_new(report, "fits", json_boolean(doctor->fits));
	else
		json_object_set_new(report, "works",
			doctor->machine.live ? json_boolean(works(doctor)) : json_null());
	json_dumpf(report, stdout, JSON_INDENT(2));
	json_decref(report);
	fputc('\n', stdout);
}

static int answer(struct doctor *doctor)
{
	struct app *app = &doctor->app;
	bool good;

	machine_read(&doctor->machine, doctor->root);
	if (doctor->need_count > 0)
		doctor->fits = needs_fit(
			&doctor->machine, doctor->needs, doctor->need_count, &doctor->lines);
	else
		for (const struct check *check = checks; check->look; check++)
			check->look(&doctor->machine, &doctor->lines);
	good = doctor->need_count > 0 ? doctor->fits : works(doctor);
	if (app->options.json && !app->options.quiet)
		print_json(doctor);
	else if (!app->options.quiet)
		print_table(doctor);
	lines_free(&doctor->lines);
	return app->status ? app->status : good ? 0 : APP_FAILED;
}

/* ---- options ---- */

enum { KEY_NEED = 512, KEY_SYSROOT };

static void add_need(struct doctor *doctor, const char *text, const struct argp_state *state)
{
	const char *wrong = doctor->need_count == NEED_MAX
				    ? "one too many: at most 64"
				    : need_parse(text, &doctor->needs[doctor->need_count]);

	if (wrong)
		app_refuse(state, "--need", text, wrong);
	doctor->need_count++;
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct doctor *doctor = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &doctor->app;
		return 0;
	case KEY_NEED:
		add_need(doctor, value, state);
		return 0;
	case KEY_SYSROOT:
		if (!*value || access(value, X_OK))
			app_refuse(state, "--sysroot", value, "must be a folder with sys and proc");
		doctor->root = value;
		return 0;
	case ARGP_KEY_ARG:
		argp_failure(state, APP_MISUSE, 0, "%s: takes options only; see --help", value);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int main(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"need", KEY_NEED, "POOL", 0,
			"Say only whether pools fit: pool=COUNT x SIZE, node=N, "
			"pages=any|thp|4K|2M|1G; once for each pool",
			0},
		{"sysroot", KEY_SYSROOT, "DIR", 0,
			"Read DIR/sys and DIR/proc, a copy of another machine's, and try nothing",
			0},
		{0},
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.doc = "Say what this machine has for weir, what it lacks, and the command that "
		       "cures "
		       "it.\vExample: weir-doctor --need 'pool=8K x 2KiB, pages=any'",
		.children = app_report_children,
	};
	static struct doctor doctor = {.root = ""};

	app_parse(&doctor.app, &argp, argc, argv, &doctor);
	return answer(&doctor);
}
