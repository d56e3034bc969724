/* SPDX-License-Identifier: BSD-3-Clause */
/* weir-ctl.c: ask a running program by its control socket (docs/control.md).
 *
 *	weir-ctl --socket run.sock stats
 */
#include "apps/common/app.h"
#include "apps/common/units.h"
#include "apps/weir-ctl/client.h"
#include "apps/weir-ctl/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As long as the socket lets others be slow. */
#define TIMEOUT_NS 10000000000

/* Keys of options without a letter. */
enum { KEY_TIMEOUT = 512 };

struct ctl {
	struct app app;
	const char *path;
	uint64_t timeout_ns;
	json_t *request;
};

static void print(const struct ctl *ctl, const json_t *value)
{
	if (ctl->app.options.quiet)
		return;
	if (ctl->app.options.json) {
		json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
		fputc('\n', stdout);
	} else {
		text_print(stdout, value);
	}
}

static void ask(struct ctl *ctl)
{
	const char *why;
	json_t *answer = client_ask(ctl->path, ctl->request, ctl->timeout_ns, &why);
	const json_t *ok = json_object_get(answer, "ok");
	const char *error = json_string_value(json_object_get(answer, "error"));

	if (!answer)
		app_fail(&ctl->app, APP_FAILED, "%s", why);
	else if (!ok)
		app_fail(&ctl->app, APP_FAILED, "%s", error ? error : "an answer without a value");
	else
		print(ctl, ok);
	json_decref(answer);
}

static void set(struct ctl *ctl, struct argp_state *state, const char *key, const char *text)
{
	if (json_object_set_new(ctl->request, key, json_string(text)))
		argp_failure(state, APP_MISUSE, 0, "'%s' is not UTF-8", key);
}

/* Commands of two words: "capture start", "list ruleset". */
static bool is_group(const char *word)
{
	return word && (strcmp(word, "capture") == 0 || strcmp(word, "list") == 0);
}

/* The command, or its second word. */
static void add_word(struct ctl *ctl, struct argp_state *state, const char *word)
{
	const char *before = json_string_value(json_object_get(ctl->request, "command"));
	char *both = NULL;

	if (before && asprintf(&both, "%s %s", before, word) < 0)
		argp_failure(state, APP_FAILED, ENOMEM, "%s", word);
	set(ctl, state, "command", both ? both : word);
	free(both);
}

/* A file is meant where we are, and the program may be elsewhere. */
static void set_file(struct ctl *ctl, struct argp_state *state, const char *path)
{
	char *folder = *path && *path != '/' ? getcwd(NULL, 0) : NULL, *whole = NULL;

	if (folder && asprintf(&whole, "%s/%s", folder, path) < 0)
		argp_failure(state, APP_FAILED, ENOMEM, "%s", path);
	set(ctl, state, "file", whole ? whole : path);
	free(whole);
	free(folder);
}

/* COMMAND, of one or two words, then KEY=VALUE. */
static void parse_argument(struct ctl *ctl, struct argp_state *state, char *word)
{
	char *equals = strchr(word, '=');
	const char *begun = json_string_value(json_object_get(ctl->request, "command"));

	if (!equals && (!begun || is_group(begun))) {
		add_word(ctl, state, word);
		return;
	}
	if (!equals || equals == word || !begun || strncmp(word, "command=", 8) == 0)
		argp_failure(state, APP_MISUSE, 0, "'%s' is not KEY=VALUE", word);
	*equals = 0;
	if (strcmp(word, "file") == 0)
		set_file(ctl, state, equals + 1);
	else
		set(ctl, state, word, equals + 1);
}

static void check(const struct ctl *ctl, struct argp_state *state)
{
	if (!ctl->path || !*ctl->path)
		argp_failure(state, APP_MISUSE, 0,
			"needs --socket PATH, or WEIR_SOCKET in the environment");
	if (!json_object_get(ctl->request, "command"))
		argp_failure(state, APP_MISUSE, 0, "needs a command, such as help; see --help");
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct ctl *ctl = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &ctl->app;
		return 0;
	case 's':
		ctl->path = value;
		return 0;
	case KEY_TIMEOUT:
		if (!app_parse_duration(value, &ctl->timeout_ns))
			app_refuse(state, "--timeout", value,
				"must be a time with its unit us, ms, s, m or h, as in 10s");
		return 0;
	case ARGP_KEY_ARG:
		parse_argument(ctl, state, value);
		return 0;
	case ARGP_KEY_END:
		check(ctl, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int main(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"socket", 's', "PATH", 0, "The control socket of the program (WEIR_SOCKET)", 0},
		{"timeout", KEY_TIMEOUT, "TIME", 0, "Wait so long for an answer (10s)", 0}, {0}};
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.args_doc = "COMMAND [KEY=VALUE...]",
		.doc = "Ask a running program of weir by its control socket. The command help "
		       "lists "
		       "what it answers.\vExample: weir-ctl --socket run.sock stats",
		.children = app_report_children,
	};
	struct ctl ctl = {.path = getenv("WEIR_SOCKET"), .timeout_ns = TIMEOUT_NS};

	ctl.request = json_object();
	app_parse(&ctl.app, &argp, argc, argv, &ctl);
	ask(&ctl);
	json_decref(ctl.request);
	return ctl.app.status;
}
