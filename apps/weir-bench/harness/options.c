/* SPDX-License-Identifier: BSD-3-Clause */
/* options.c: parse the options of measuring. */
#include "options.h"

#include "apps/common/units.h"
#include "bench.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPEATS_MAX 1000
#define NODE_MAX    1023 /* of the kernel: CONFIG_NODES_SHIFT is at most 10 */

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
	{"pages", OPTION_PAGES, "SIZE", 0, "any, thp, 4K, 2M or 1G (default: any)", 1},
	{"time", 'T', "TIME", 0, "of one measurement, such as 50ms (default: 100ms)", 1},
	{"repeats", 'r', "N", 0, "measurements for a row (default: 3)", 1},
	{"variant", OPTION_VARIANT, "LIST", 0, "only these variants", 1},
	{"input", OPTION_INPUT, "FILE", 0,
		"replay: a capture file; acl: rules as of ClassBench (default: made ones)", 1},
	{"json", OPTION_JSON, "FILE", 0, "write the rows as JSON; - is standard output", 2},
	{"html", OPTION_HTML, "FILE", 0, "write one page with plots", 2},
	{"only", OPTION_ONLY, "LIST", 0, "compare: only these benches", 3},
	{"peers", OPTION_PEERS, "LIST", 0, "compare: only with these peers", 3},
	{"quiet", 'q', NULL, 0, "no table and no notes", 2},
	{0},
};

/* "1,8,32", each from 1 to max. */
static bool parse_list(const char *text, struct options_list *list, uint32_t max)
{
	list->count = 0;
	do {
		unsigned long value;
		char *end;

		if (*text < '0' || *text > '9' || list->count == OPTIONS_LIST_MAX)
			return false;
		value = strtoul(text, &end, 10);
		if (value < 1 || value > max)
			return false;
		list->values[list->count++] = (uint32_t)value;
		text = end;
	} while (*text++ == ',');
	return text[-1] == '\0';
}

static void list_lcores(const cpu_set_t *set, struct options_list *lcores)
{
	lcores->count = 0;
	for (uint32_t i = 0; i < CPU_SETSIZE && lcores->count < OPTIONS_LIST_MAX; i++)
		if (CPU_ISSET(i, set))
			lcores->values[lcores->count++] = i;
}

static bool parse_whole(const char *text, uint32_t min, uint32_t max, uint32_t *value)
{
	uint64_t number;

	if (!app_parse_number(text, min, max, &number))
		return false;
	*value = (uint32_t)number;
	return true;
}

static bool parse_lcores(const char *text, struct options_list *lcores)
{
	cpu_set_t set;

	if (!app_parse_lcores(text, &set))
		return false;
	list_lcores(&set, lcores);
	return true;
}

/* "count=N,size=N,cache=N", any of them. */
static bool parse_pool(char *text, struct options *options)
{
	static char names[][8] = {"count", "size", "cache"};
	char *const keys[] = {names[0], names[1], names[2], NULL};
	uint32_t *const values[] = {&options->count, &options->size, &options->cache};
	char *value;

	do {
		int key = getsubopt(&text, keys, &value);

		if (key < 0 || !value || !parse_whole(value, 0, INT32_MAX, values[key]))
			return false;
	} while (*text);
	return options->count > 0 && options->size >= WORK_DATA;
}

static bool parse_pages(char *text, struct options *options)
{
	options->pages = text;
	return options_has("any,thp,4K,2M,1G", text);
}

/* An option with a value to check. False when the value is not one. */
static bool parse_checked(int key, char *arg, struct options *options)
{
	uint32_t number = 0;
	bool fine;

	switch (key) {
	case 'b':
		return parse_list(arg, &options->bursts, WORK_BURST_MAX);
	case 't':
		return parse_list(arg, &options->threads, OPTIONS_LIST_MAX);
	case OPTION_LCORES:
		return parse_lcores(arg, &options->lcores);
	case OPTION_POOL:
		return parse_pool(arg, options);
	case OPTION_PAGES:
		return parse_pages(arg, options);
	case 'T':
		return app_parse_duration(arg, &options->time_ns);
	case 'r':
		return parse_whole(arg, 1, REPEATS_MAX, &options->repeats);
	default: /* OPTION_NODE */
		fine = parse_whole(arg, 0, NODE_MAX, &number);
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

static const char *allowed(int key)
{
	switch (key) {
	case 'b':
		return "a list of numbers from 1 to 512, as in 1,8,32";
	case 't':
		return "a list of numbers from 1 to 32";
	case 'T':
		return "a time with its unit us, ms, s, m or h, as in 50ms";
	case 'r':
		return "a number from 1 to 1000";
	case OPTION_LCORES:
		return "a list of processors, as in 0,2-4";
	case OPTION_POOL:
		return "of count=N, size=N (at least 64), cache=N";
	case OPTION_PAGES:
		return "any, thp, 4K, 2M or 1G";
	default:
		return "a number from 0 to 1023";
	}
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
			argp_failure(state, BENCH_MISUSE, 0, "--%s %s: must be %s",
				option_name(key), arg, allowed(key));
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

int options_settle(struct options *options, const char **why)
{
	cpu_set_t set;

	if (options->lcores.count == 0 && sched_getaffinity(0, sizeof(set), &set) == 0)
		list_lcores(&set, &options->lcores);
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
