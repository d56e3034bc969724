/* SPDX-License-Identifier: BSD-3-Clause */
/* options.c: the options that all programs have. */
#include "apps/common/app.h"
#include "apps/common/output.h"
#include "apps/common/units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Enough that no file waits for mbufs, and small enough for any machine: 18 MiB. */
#define POOL_COUNT 8192
#define COUNT_MAX  (1u << 28)
#define MBUF_MAX   262144 /* the longest packet of a capture file */
#define NODE_MAX   1023   /* of the kernel: CONFIG_NODES_SHIFT is at most 10 */

/* Keys of options without a letter. */
enum { KEY_POOL = 256, KEY_PAGES, KEY_NODE, KEY_LCORES, KEY_LIMIT, KEY_DURATION, KEY_JSON };

static const struct argp_option options[] = {
	{"pool", KEY_POOL, "count=N,size=N,cache=N", 0,
		"Buffers: how many (8192), bytes of each (2048), how many a thread keeps (512)", 0},
	{"pages", KEY_PAGES, "any|thp|4K|2M|1G", 0, "Memory for them: the largest there is (any)",
		0},
	{"node", KEY_NODE, "N", 0, "NUMA node of that memory", 0},
	{"lcores", KEY_LCORES, "LIST", 0, "Run on these processors only, as in 0,2-4", 0},
	{"limit", KEY_LIMIT, "N", 0, "End after N packets", 0},
	{"duration", KEY_DURATION, "TIME", 0, "End after this time, as in 500ms, 10s, 5m, 1h", 0},
	{0},
};

static const struct argp_option report_options[] = {
	{"json", KEY_JSON, NULL, 0, "Report in JSON", 0},
	{"quiet", 'q', NULL, 0, "No report and no progress, only errors", 0},
	{"verbose", 'v', NULL, 0, "Report more", 0},
	{0},
};

void app_refuse(
	const struct argp_state *state, const char *option, const char *value, const char *allowed)
{
	argp_failure(state, APP_MISUSE, 0, "%s %s: %s", option, value, allowed);
	exit(APP_MISUSE); /* argp_failure() has; the compiler cannot know */
}

uint64_t app_number(const struct argp_state *state, const char *option, const char *value,
	uint64_t min, uint64_t max)
{
	char allowed[80];
	uint64_t number;

	if (app_parse_number(value, min, max, &number))
		return number;
	if (max == UINT64_MAX)
		snprintf(allowed, sizeof(allowed), "must be a number, at least %llu",
			(unsigned long long)min);
	else
		snprintf(allowed, sizeof(allowed), "must be a number from %llu to %llu",
			(unsigned long long)min, (unsigned long long)max);
	app_refuse(state, option, value, allowed);
}

static void parse_pool(const struct argp_state *state, struct weir_mbuf_pool_conf *pool, char *text)
{
	static char count[] = "count", size[] = "size", cache[] = "cache";
	char *const keys[] = {count, size, cache, NULL};
	char *value, *whole = strdup(text);
	int key;

	do {
		key = getsubopt(&text, keys, &value);

		if (key < 0 || !value)
			app_refuse(state, "--pool", whole ? whole : "",
				"must be of count=N, size=N, cache=N");
		if (key == 0)
			pool->count =
				(uint32_t)app_number(state, "--pool count", value, 1, COUNT_MAX);
		else if (key == 1)
			pool->size = (uint32_t)app_number(state, "--pool size", value, 1, MBUF_MAX);
		else
			pool->cache = (uint32_t)app_number(
				state, "--pool cache", value, 0, WEIR_MEMPOOL_CACHE_MAX);
		if (key == 2 && pool->cache == 0)
			pool->cache = WEIR_MEMPOOL_CACHE_NONE;
	} while (*text);
	free(whole);
}

static enum weir_pages parse_pages(const struct argp_state *state, const char *value)
{
	enum weir_pages pages;

	if (weir_pages_parse(value, &pages))
		app_refuse(state, "--pages", value, "must be any, 4K, thp, 2M, 1G or another size");
	return pages;
}

static void parse_lcores(
	const struct argp_state *state, struct app_options *into, const char *value)
{
	cpu_set_t allowed;
	char message[256] = "must be a list of processors of this machine, of ";
	size_t length = strlen(message);

	sched_getaffinity(0, sizeof(allowed), &allowed);
	app_print_lcores(&allowed, message + length, sizeof(message) - length);
	if (!app_parse_lcores(value, &into->lcores))
		app_refuse(state, "--lcores", value, message);
	into->pin = true;
	for (int core = 0; core < CPU_SETSIZE; core++)
		if (CPU_ISSET(core, &into->lcores) && !CPU_ISSET(core, &allowed))
			app_refuse(state, "--lcores", value, message);
}

static error_t parse_report_option(int key, char *value, struct argp_state *state)
{
	struct app_options *into = &((struct app *)state->input)->options;

	(void)value;
	switch (key) {
	case KEY_JSON:
		into->json = true;
		break;
	case 'q':
		into->quiet = true;
		break;
	case 'v':
		into->verbose = true;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp report_argp = {.options = report_options, .parser = parse_report_option};

const struct argp_child app_report_children[] = {
	{&report_argp, 0, "For all programs of weir:", 9}, {0}};

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct app_options *into = &((struct app *)state->input)->options;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = state->input;
		break;
	case KEY_POOL:
		parse_pool(state, &into->pool, value);
		break;
	case KEY_PAGES:
		into->pool.pages = parse_pages(state, value);
		break;
	case KEY_NODE:
		into->pool.node = WEIR_NODE((int)app_number(state, "--node", value, 0, NODE_MAX));
		break;
	case KEY_LCORES:
		parse_lcores(state, into, value);
		break;
	case KEY_LIMIT:
		into->limit = app_number(state, "--limit", value, 1, UINT64_MAX);
		break;
	case KEY_DURATION:
		if (!app_parse_duration(value, &into->duration_ns))
			app_refuse(state, "--duration", value,
				"must be a time with its unit us, ms, s, m or h, as in 10s");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp_child report_child[] = {{&report_argp, 0, NULL, 0}, {0}};
static const struct argp common = {
	.options = options, .parser = parse_option, .children = report_child};

const struct argp_child app_children[] = {{&common, 0, "For all programs of weir:", 9}, {0}};

static void print_version(FILE *stream, struct argp_state *state)
{
	fprintf(stream, "%s %s\n", state->name, weir_version());
}

void app_parse(struct app *app, const struct argp *argp, int argc, char **argv, void *input)
{
	app_guard_output();
	app->options = (struct app_options){
		.pool = {.name = "packets", .count = POOL_COUNT},
		.limit = UINT64_MAX,
		.duration_ns = UINT64_MAX,
	};
	argp_program_version_hook = print_version;
	argp_err_exit_status = APP_MISUSE;
	argp_parse(argp, argc, argv, 0, NULL, input);
}
