/* SPDX-License-Identifier: BSD-3-Clause */
/* main.c: the command line of weir-bench and of the peers. */
#include "bench.h"
#include "machine.h"

#include "apps/common/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct parsed {
	struct bench_run *run;
	const struct bench_program *program;
	char **words;
	uint32_t word_count;
};

static const struct bench *find_bench(const struct bench_program *program, const char *name)
{
	for (const struct bench *const *bench = program->benches; *bench; bench++)
		if (strcmp((*bench)->name, name) == 0)
			return *bench;
	return NULL;
}

static const struct bench_command *find_command(
	const struct bench_program *program, const char *name)
{
	const struct bench_command *command = program->commands;

	for (; command && command->name; command++)
		if (strcmp(command->name, name) == 0)
			return command;
	return NULL;
}

static bool is_known(const struct bench_program *program, const char *name)
{
	return strcmp(name, "all") == 0 || find_bench(program, name) || find_command(program, name);
}

static error_t parse_word(int key, char *arg, struct argp_state *state)
{
	struct parsed *parsed = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &parsed->run->options;
		return 0;
	case ARGP_KEY_ARG:
		/* behind a command's name stand its files */
		if ((parsed->word_count == 0 || !find_command(parsed->program, parsed->words[0])) &&
			!is_known(parsed->program, arg))
			argp_failure(state, BENCH_MISUSE, 0,
				"no bench named '%s': --help has the list", arg);
		parsed->words[parsed->word_count++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (parsed->word_count == 0)
			argp_failure(state, BENCH_MISUSE, 0,
				"say what to measure: all, or benches by name (--help has the "
				"list)");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* The table of benches and commands, behind the options in --help. */
static char *describe(int key, const char *text, void *input)
{
	const struct parsed *parsed = input;
	char *out = NULL;
	size_t size;
	FILE *file;

	if (key != ARGP_KEY_HELP_POST_DOC || !parsed)
		return (char *)(uintptr_t)text;
	file = open_memstream(&out, &size);
	if (!file)
		return NULL;
	for (const struct bench *const *bench = parsed->program->benches; *bench; bench++)
		fprintf(file, "  %-10s %s\n", (*bench)->name, (*bench)->help);
	fprintf(file, "  %-10s %s\n", "all", "all of these");
	for (const struct bench_command *command = parsed->program->commands;
		command && command->name; command++)
		fprintf(file, "  %-10s %s\n", command->name, command->help);
	fprintf(file, "\nExample: %s mbuf --burst 1,32 --threads 1 --time 20ms\n",
		program_invocation_short_name);
	fclose(file);
	return out;
}

/* The table goes to standard output unless the JSON does. */
static void choose_table(struct bench_run *run)
{
	bool taken = run->options.json && strcmp(run->options.json, "-") == 0;

	run->table = run->options.quiet || taken ? NULL : stdout;
}

static int run_benches(struct bench_run *run, const struct parsed *parsed)
{
	const struct bench *const *bench = parsed->program->benches;
	int result = 0;

	if (run->table)
		machine_warn(run->table);
	if (parsed->program->start)
		result = parsed->program->start(&run->options);
	for (; result == 0 && *bench; bench++) {
		bool named = false;

		for (uint32_t i = 0; i < parsed->word_count; i++)
			named |= strcmp(parsed->words[i], "all") == 0 ||
				 strcmp(parsed->words[i], (*bench)->name) == 0;
		if (named)
			result = (*bench)->run(run, *bench);
	}
	return result;
}

static int run_words(struct bench_run *run, const struct parsed *parsed)
{
	const struct bench_command *command = find_command(parsed->program, parsed->words[0]);
	const char *why = "";
	int result;

	if (options_settle(&run->options, &why) != 0) {
		fprintf(stderr, "%s: %s\n", run->program, why);
		return BENCH_MISUSE;
	}
	choose_table(run);
	if (command)
		return command->run(run, parsed->words + 1, parsed->word_count - 1);
	result = run_benches(run, parsed);
	return result ? result : bench_write(run);
}

static const char *describe_errno(void)
{
	return strerror(errno);
}

int bench_main(int argc, char **argv, const struct bench_program *program)
{
	static struct bench_run run;
	struct parsed parsed = {.run = &run, .program = program};
	const struct argp_child children[] = {{&options_argp, 0, NULL, 0}, {0}};
	const struct argp argp = {.parser = parse_word,
		.args_doc = "BENCH...",
		.doc = program->doc,
		.children = children,
		.help_filter = describe};
	int result = 1;

	app_guard_output();
	argp_err_exit_status = BENCH_MISUSE;
	options_defaults(&run.options);
	run.program = program_invocation_short_name;
	run.impl = program->impl;
	run.why = program->why ? program->why : describe_errno;
	parsed.words = calloc((size_t)argc, sizeof(*parsed.words));
	if (parsed.words && argp_parse(&argp, argc, argv, 0, NULL, &parsed) == 0) {
		run.machine = machine_describe();
		run.rows = json_array();
		result = run_words(&run, &parsed);
		json_decref(run.rows);
		json_decref(run.machine);
	}
	free(parsed.words);
	return result;
}
