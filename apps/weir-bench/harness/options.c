/* SPDX-License-Identifier: BSD-3-Clause */
/* options.c: parse the options of measuring. */
#include "options.h"

#include "work.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	OPTION_POOL = 256,
	OPTION_NODE,
	OPTION_PAGES,
	OPTION_LCORES,
	OPTION_VARIANT,
	OPTION_INPUT,
	OPTION_JSON,
	OPTION_HTML,
	OPTION_ONLY,
	OPTION_PEERS,
};

static const struct argp_option option_table[] = {
	{"burst", 'b', "LIST", 0, "burst sizes, 1 to 512 (default: each bench's own)", 1},
	{"threads", 't', "LIST", 0, "numbers of threads (default: 1,2)", 1},
	{"lcores", OPTION_LCORES, "LIST", 0, "processors to run on, such as 0,2-3", 1},
	{"pool", OPTION_POOL, "KEYS", 0,
		"count=N,size=N,cache=N of the pool (default: 16384, 2048, 512)", 1},
	{"node", OPTION_NODE, "N", 0, "NUMA node of the memory (default: any)", 1},
	{"pages", OPTION_PAGES, "SIZE", 0, "any, 2M, thp or 4K (default: any)", 1},
	{"time", 'T', "TIME", 0, "of one measurement, such as 50ms (default: 100ms)", 1},
	{"repeats", 'r', "N", 0, "measurements for a row (default: 3)", 1},
	{"variant", OPTION_VARIANT, "LIST", 0, "only these variants", 1},
	{"input", OPTION_INPUT, "FILE", 0, "replay: a capture file (default: made ones)", 1},
	{"json", OPTION_JSON, "FILE", 0, "write the rows as JSON; - is standard output", 2},
	{"html", OPTION_HTML, "FILE", 0, "write one page with plots", 2},
	{"only", OPTION_ONLY, "LIST", 0, "compare: only these benches", 3},
	{"peers", OPTION_PEERS, "LIST", 0, "compare: only with these peers", 3},
	{"quiet", 'q', NULL, 0, "no table and no notes", 2},
	{0},
};

/* One number from *text on, which moves behind it. */
static bool take_number(char **text, uint32_t *value)
{
	unsigned long number;

	if (**text < '0' || **text > '9')
		return false;
	errno = 0;
	number = strtoul(*text, text, 10);
	*value = (uint32_t)number;
	return errno == 0 && number <= UINT32_MAX;
}

static bool append_range(struct options_list *list, uint32_t from, uint32_t to)
{
	for (uint64_t value = from; value <= to; value++) {
		if (list->count == OPTIONS_LIST_MAX)
			return false;
		list->values[list->count++] = (uint32_t)value;
	}
	return from <= to;
}

/* "1,8,32" or "0,2-3", each from min to max. */
static bool parse_list(char *text, struct options_list *list, uint32_t min, uint32_t max)
{
	list->count = 0;
	for (;; text++) {
		uint32_t from, to;

		if (!take_number(&text, &from))
			return false;
		to = from;
		if (*text == '-') {
			text++;
			if (!take_number(&text, &to))
				return false;
		}
		if (from < min || to > max || !append_range(list, from, to))
			return false;
		if (*text == '\0')
			return true;
		if (*text != ',')
			return false;
	}
}

static bool parse_whole(char *text, uint32_t *value)
{
	return take_number(&text, value) && *text == '\0';
}

/* "50ms", "2s", "500us". */
static bool parse_time(char *text, uint64_t *ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {{"s", 1000000000}, {"ms", 1000000}, {"us", 1000}};
	uint32_t value;

	if (!take_number(&text, &value) || value == 0)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (strcmp(text, units[i].name) == 0) {
			*ns = value * units[i].ns;
			return true;
		}
	}
	return false;
}

/* "count=N,size=N,cache=N", any of them. */
static bool parse_pool(char *text, struct options *options)
{
	static char names[][8] = {"count", "size", "cache"};
	char *const keys[] = {names[0], names[1], names[2], NULL};
	uint32_t *const values[] = {&options->count, &options->size, &options->cache};
	char *value;

	while (*text) {
		int key = getsubopt(&text, keys, &value);

		if (key < 0 || !value || !parse_whole(value, values[key]))
			return false;
	}
	return options->count > 0 && options->size >= WORK_DATA;
}

static bool parse_pages(char *text, struct options *options)
{
	options->pages = text;
	return options_has("any,2M,thp,4K", text);
}

/* An option with a value to check. False when the value is not one. */
static bool parse_checked(int key, char *arg, struct options *options)
{
	uint32_t number = 0;
	bool fine;

	switch (key) {
	case 'b':
		return parse_list(arg, &options->bursts, 1, WORK_BURST_MAX);
	case 't':
		return parse_list(arg, &options->threads, 1, OPTIONS_LIST_MAX);
	case OPTION_LCORES:
		return parse_list(arg, &options->lcores, 0, CPU_SETSIZE - 1);
	case OPTION_POOL:
		return parse_pool(arg, options);
	case OPTION_PAGES:
		return parse_pages(arg, options);
	case 'T':
		return parse_time(arg, &options->time_ns);
	case 'r':
		return parse_whole(arg, &options->repeats) && options->repeats > 0 &&
		       options->repeats <= 1000;
	default: /* OPTION_NODE */
		fine = parse_whole(arg, &number) && number < 1024;
		options->node = (int)number;
		return fine;
	}
}

static const char *option_name(int key)
{
	for (const struct argp_option *option = option_table; option->name; option++)
		if (option->key == key)
			return option->name;
	return "?";
}

/* Keep an option for the programs that compare runs. */
static void forward(struct options *options, int key, const char *arg)
{
	char *word;

	if (options->forward_count < OPTIONS_FORWARD_MAX && key != 'r' &&
		asprintf(&word, "--%s=%s", option_name(key), arg) > 0)
		options->forward[options->forward_count++] = word;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 'b':
	case 't':
	case 'T':
	case 'r':
	case OPTION_LCORES:
	case OPTION_POOL:
	case OPTION_PAGES:
	case OPTION_NODE:
		forward(options, key, arg);
		if (!parse_checked(key, arg, options))
			argp_error(state, "--%s %s: not understood", option_name(key), arg);
		return 0;
	case OPTION_VARIANT:
		forward(options, key, arg);
		options->variants = arg;
		return 0;
	case OPTION_INPUT:
		forward(options, key, arg);
		options->input = arg;
		return 0;
	case OPTION_JSON:
		options->json = arg;
		return 0;
	case OPTION_HTML:
		options->html = arg;
		return 0;
	case OPTION_ONLY:
		options->only = arg;
		return 0;
	case OPTION_PEERS:
		options->peers = arg;
		return 0;
	case 'q':
		options->quiet = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp options_argp = {.options = option_table, .parser = parse_option};

void options_defaults(struct options *options)
{
	*options = (struct options){
		.count = OPTIONS_COUNT,
		.size = OPTIONS_SIZE,
		.cache = OPTIONS_CACHE,
		.node = -1,
		.pages = "any",
		.time_ns = 100000000,
		.repeats = 3,
	};
}

bool options_has(const char *list, const char *word)
{
	size_t length = strlen(word);

	if (!list)
		return true;
	for (;;) {
		size_t here = strcspn(list, ",");

		if (here == length && memcmp(list, word, length) == 0)
			return true;
		if (list[here] == '\0')
			return false;
		list += here + 1;
	}
}

void options_default_bursts(struct options_list *bursts, const uint32_t *defaults)
{
	if (bursts->count > 0)
		return;
	while (*defaults)
		bursts->values[bursts->count++] = *defaults++;
}

static void allowed_lcores(struct options_list *lcores)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return;
	for (uint32_t i = 0; i < CPU_SETSIZE && lcores->count < OPTIONS_LIST_MAX; i++)
		if (CPU_ISSET(i, &set))
			lcores->values[lcores->count++] = i;
}

int options_settle(struct options *options, const char **why)
{
	if (options->lcores.count == 0)
		allowed_lcores(&options->lcores);
	if (options->threads.count == 0) {
		options->threads.values[options->threads.count++] = 1;
		if (options->lcores.count > 1)
			options->threads.values[options->threads.count++] = 2;
	}
	for (uint32_t i = 0; i < options->threads.count; i++) {
		if (options->threads.values[i] > options->lcores.count) {
			*why = "more threads than processors: each needs its own";
			return -EINVAL;
		}
	}
	return 0;
}
