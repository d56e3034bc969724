/* SPDX-License-Identifier: BSD-3-Clause */
/* play_conf.c: the arguments of play: what is to be played, how often, and when. */
#include "stages/bucket_impl.h"
#include "stages/play_impl.h"
#include "stages/values_impl.h"

#include "os/os_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Times as many as there are, in millionths. */
static const struct weir__quantity speeds = {
	.like = "top, 1x or 2.5x",
	.min = 1,
	.max = UINT64_C(1000000000000),
	.units = {{"x", 1000000}},
};

/* Thousandths a second: a packet in two seconds is a rate, too. With the units of weir__rate. */
static const struct weir__quantity rates = {
	.like = "100mbit, 5kpps or 0.5pps",
	.min = 1,
	.max = 1000 * WEIR__BUCKET_RATE_MAX,
	.units = {{"bit", 1000}, {"kbit", 1000000}, {"mbit", UINT64_C(1000000000)},
		{"gbit", UINT64_C(1000000000000)}, {"pps", 1000}, {"kpps", 1000000},
		{"mpps", UINT64_C(1000000000)}},
};

/* Bytes that a cache keeps: a machine has up to so many. */
static const struct weir__quantity capacities = {
	.like = "64M or 2GiB",
	.min = 1,
	.max = UINT64_C(1) << 46,
	.units = {{"", 1}, {"K", 1u << 10}, {"KiB", 1u << 10}, {"M", 1u << 20}, {"MiB", 1u << 20},
		{"G", 1u << 30}, {"GiB", 1u << 30}, {"TiB", UINT64_C(1) << 40}},
};

static int set_pace(struct weir_pace_conf *pace, enum weir_pace_by by, uint64_t num, uint64_t den)
{
	if (pace->by != WEIR_PACE_TOP)
		return weir_stage_fail(EINVAL, "speed=, rate= and gap= exclude each other");
	pace->by = by;
	pace->num = num;
	pace->den = den;
	return 0;
}

static int take_pace(struct weir_stage_args *args, struct weir_pace_conf *pace)
{
	const char *speed = weir_stage_arg(args, "speed");
	uint64_t number = 0;
	int unit, error = 0;

	pace->ahead = true;
	if (speed && strcmp(speed, "top") != 0) {
		if (weir__arg_quantity(args, "speed", &speeds, &number) < 0)
			return -EINVAL;
		error = set_pace(pace, WEIR_PACE_RECORDED, number, speeds.units[0].factor);
	}
	unit = weir__arg_quantity(args, "rate", &rates, &number);
	if (!error && unit >= 0 && weir_stage_arg(args, "rate"))
		error = set_pace(pace, unit >= WEIR__RATE_PPS ? WEIR_PACE_PACKETS : WEIR_PACE_BITS,
			number, 1000);
	if (unit < 0 || weir__arg_quantity(args, "gap", &weir__duration, &number) < 0 ||
		weir__arg_quantity(args, "max_gap", &weir__duration, &pace->max_gap_ns) < 0)
		return -EINVAL;
	if (!error && weir_stage_arg(args, "gap"))
		error = number == 0 ? weir_stage_fail(EINVAL, "gap=0 is speed=top")
				    : set_pace(pace, WEIR_PACE_GAP, number, 1);
	if (!error && pace->max_gap_ns && pace->by != WEIR_PACE_RECORDED)
		return weir_stage_fail(EINVAL, "max_gap= is for speed=1x and the like");
	return error;
}

static int take_amount(struct weir_stage_args *args, struct weir__play *play)
{
	static const char *const words[] = {"no", "yes", NULL};
	const char *loop = weir_stage_arg(args, "loop");
	int unique = weir_stage_arg_word(args, "unique", words);

	if (unique < 0)
		return unique;
	play->unique = unique == 1;
	play->loop = 1;
	play->limit = play->duration_ns = UINT64_MAX;
	if (loop && strcmp(loop, "forever") == 0)
		play->loop = UINT64_MAX;
	else if (weir_stage_arg_number(args, "loop", 1, UINT64_MAX, &play->loop))
		return -EINVAL;
	if (weir_stage_arg_number(args, "limit", 1, UINT64_MAX, &play->limit) ||
		weir__arg_quantity(args, "loop_gap", &weir__duration, &play->loop_gap_ns) < 0 ||
		weir__arg_quantity(args, "duration", &weir__long_duration, &play->duration_ns) < 0)
		return -EINVAL;
	return 0;
}

/* The argument without a key: words, changed into specs. */
static int open_words(
	struct weir__inputs_conf *conf, const char *text, struct weir__inputs **inputs)
{
	char *copy = strdup(text), *save = NULL;
	const char **specs = calloc(strlen(text) / 2 + 2, sizeof(*specs));
	uint32_t count = 0;

	if (!copy || !specs) {
		free(copy);
		free(specs);
		return weir_stage_fail(ENOMEM, "no memory for inputs");
	}
	for (char *word = strtok_r(copy, " \t", &save); word; word = strtok_r(NULL, " \t", &save))
		specs[count++] = word;
	conf->specs = specs;
	*inputs = weir__inputs_create(conf);
	free(specs);
	free(copy);
	return *inputs ? 0 : -errno;
}

/* How files are opened: from where, and into what. */
static int take_way(
	struct weir_stage_args *args, struct weir__play *play, struct weir__input_way *way)
{
	static const char *const preloads[] = {"no", "copy", "attach", NULL};
	int preload = weir_stage_arg_word(args, "preload", preloads);
	uint64_t cache_bytes = 0;

	if (preload < 0 || weir__arg_quantity(args, "cache", &capacities, &cache_bytes) < 0)
		return -EINVAL;
	way->must_preload = weir_stage_arg(args, "preload") != NULL;
	way->must_cache = cache_bytes > 0;
	if (way->must_cache && way->must_preload && preload == 0)
		return weir_stage_fail(EINVAL, "cache= and preload=no exclude each other");
	if (way->must_preload)
		way->preload = preloads[preload];
	else if (play->loop > 1 && !way->must_cache)
		way->preload = "copy";
	if (!way->must_cache && (play->loop == 1 || (way->must_preload && preload == 0)))
		return 0;
	if (!way->must_cache)
		cache_bytes = weir__os_available(WEIR__OS_ALL_NODES) / 2;
	way->cache = play->cache = weir_trace_cache_create(NULL, cache_bytes);
	return play->cache ? 0 : -errno;
}

static int open_inputs(struct weir__inputs_conf *conf, struct weir__play *play, const char *words)
{
	if (!play->told || !play->told->inputs)
		return open_words(conf, words ? words : "", &play->inputs);
	conf->specs = play->told->inputs;
	play->inputs = weir__inputs_create(conf);
	if (!play->inputs)
		return -errno;
	play->told->played = weir__inputs_played(play->inputs, &play->told->played_count);
	return 0;
}

int weir__play_open(struct weir_stage_args *args, void *conf)
{
	static const char *const orders[] = {"sequence", "merge", NULL};
	struct weir__play *play = conf;
	struct weir__inputs_conf inputs = {.way.pool = weir_stage_pool(args)};
	const char *words = weir_stage_arg(args, NULL);
	int order = weir_stage_arg_word(args, "order", orders), error;

	play->told = weir_stage_data(args);
	if (order < 0 || take_pace(args, &play->pace) || take_amount(args, play))
		return -EINVAL;
	inputs.merge = order == 1;
	error = take_way(args, play, &inputs.way);
	if (!error)
		error = open_inputs(&inputs, play, words);
	if (error)
		weir_trace_cache_destroy(play->cache);
	return error;
}

void weir__play_close(void *conf)
{
	struct weir__play *play = conf;

	weir__inputs_destroy(play->inputs);
	weir_trace_cache_destroy(play->cache);
}
