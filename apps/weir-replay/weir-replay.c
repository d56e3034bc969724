/* SPDX-License-Identifier: BSD-3-Clause */
/* weir-replay.c: send the packets of files and ports to another port: by a schedule, changed on the
 * way, over a way as bad as one likes.
 *
 *	weir-replay trace.pcap --to pcap:tx=copy.pcapng
 *
 * The options become a pipeline, in -> match -> rewrite -> ... -> out, of those stages that they
 * name; everything else is the pipeline's.
 */
#include "apps/common/pipeline.h"
#include "apps/weir-replay/options.h"
#include "apps/weir-replay/timing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The longest packet of a capture file. */
#define LONGEST 262144
/* What the stage delay takes as its size. */
#define DELAY_MOST (1u << 24)

/* Why packets were dropped: by stages that do nothing else, and by what others count. */
enum { FILTERED, EXCESS, REASONS = 8 };
static const char *const reasons[REASONS] = {"filtered", "excess", "lost", "queue full",
	"receiver ended", "no mbuf", "unfit", "not due"};

struct replay {
	struct app_pipeline run; /* first: its hooks get a pointer to it */
	struct replay_options options;
	struct weir_stage_play play;
	struct app_count drops[REASONS];
	const char *last; /* the stage that the next one follows */
	const struct weir_port *outputs[2];
	uint32_t output_count;
};

/* What a stage refused, by the option, since "stage 'in' (play): " is no word of the user's. */
static bool refused(struct replay *it)
{
	const char *sentence = weir_last_error(), *end = strstr(sentence, "): "), *option = NULL;
	bool misuse = errno == EINVAL || errno == ENODEV;

	if (strncmp(sentence, "stage '", 7) == 0 && end) {
		option = replay_option_of(&it->options, strchr(sentence, '(') + 1, end + 3);
		sentence = end + 3;
	}
	app_fail(&it->run.app, misuse ? APP_MISUSE : APP_FAILED, "%s%s%s%s", option ? "--" : "",
		option ? option : "", option ? ": " : "", sentence);
	return false;
}

static bool add(struct replay *it, const char *name, const char *type, const char *args, void *data)
{
	struct weir_pipeline *pipeline = it->run.pipeline;

	return (!weir_pipeline_add(pipeline, name, type, args, data) &&
		       (!it->last || !weir_pipeline_connect(pipeline, it->last, name))) ||
	       refused(it);
}

static bool follow(
	struct replay *it, const char *name, const char *type, const char *args, void *data)
{
	bool added = add(it, name, type, args, data);

	it->last = name;
	return added;
}

/* What does not take the usual way out of a stage is dropped. */
static bool drop_other(struct replay *it, const char *edge, const char *name)
{
	const char *last = it->last;
	bool added;

	it->last = edge;
	added = add(it, name, "drop", NULL, NULL);
	it->last = last;
	return added;
}

static uint32_t workers_of(const struct replay_options *options)
{
	return options->workers ? (uint32_t)strtoul(options->workers, NULL, 10) : 1;
}

/* Of how many buffers each worker's packets can wait in one. */
static uint64_t sharers(const struct replay_options *options)
{
	uint64_t count = workers_of(options);

	/* others wait to be merged, in up to a quarter of the pool */
	if (replay_is_given(options, "merge"))
		count *= 2;
	/* a clone keeps the packet that it is of */
	if (replay_is_given(options, "duplicate"))
		count *= 2;
	return count;
}

/* How many buffers each worker's packets can wait in. By the clock of packets none goes on before
 * another is received: so a quarter of the pool is left for those that come, or more, when it is
 * small, for one of any length. A pool that is too small for that would wait for ever. */
static bool size_delay(struct replay *it)
{
	uint64_t count = weir_mempool_count(it->run.app.pool), each = sharers(&it->options), room;
	uint64_t longest = LONGEST / weir_mbuf_pool_size(it->run.app.pool) + 1;
	char **stage = &it->options.stages[REPLAY_DELAY], size[24];

	if (!*stage)
		return true;
	if (count < longest + each) {
		app_fail(&it->run.app, APP_MISUSE,
			"--pool count=%llu: with --delay the longest packet needs room beside "
			"those that wait: at least count=%llu, or a larger size",
			(unsigned long long)count, (unsigned long long)(longest + each));
		return false;
	}
	room = (count - longest < count * 3 / 4 ? count - longest : count * 3 / 4) / each;
	snprintf(size, sizeof(size), "%llu",
		(unsigned long long)(room < DELAY_MOST ? room : DELAY_MOST));
	*stage = replay_append(*stage, "size", size);
	return true;
}

static bool add_stages(struct replay *it)
{
	char **stages = it->options.stages;

	for (int i = 0; i < REPLAY_STAGES; i++)
		if (stages[i] && !follow(it, replay_types[i], replay_types[i], stages[i], NULL))
			return false;
	if (stages[REPLAY_MATCH] && !drop_other(it, "match.no", "filtered"))
		return false;
	return !stages[REPLAY_POLICE] || drop_other(it, "police.exceed", "excess");
}

static bool is_same_file(const char *path, const struct stat *other)
{
	struct stat status;

	return path && stat(path, &status) == 0 && status.st_dev == other->st_dev &&
	       status.st_ino == other->st_ino;
}

/* A file that is yet to be read must not be written. */
static bool is_input(struct replay *it, const char *path)
{
	bool found = false;
	struct stat out;

	if (!path || stat(path, &out) || !S_ISREG(out.st_mode))
		return false;
	for (uint32_t i = 0; i < it->play.played_count && !found; i++) {
		char *input = app_path(it->play.played[i].spec, "rx");

		found = is_same_file(input, &out);
		if (found)
			app_fail(&it->run.app, APP_FAILED,
				"%s is an input, %s, and would be overwritten", path, input);
		free(input);
	}
	return found;
}

/* Each worker sends on a queue of its own; where there are fewer, so many do nothing else. */
static bool gather(struct replay *it, const char *output, const struct weir_port *port)
{
	uint32_t queues = weir_port_queues(port);
	char args[32];

	if (queues >= workers_of(&it->options))
		return true;
	snprintf(args, sizeof(args), "workers=%u", queues);
	return follow(it, strcmp(output, "out") == 0 ? "gather" : "gather2", "ring", args, NULL);
}

/* A port with the name of the stage that sends on it. */
static bool add_output(struct replay *it, const char *name, const char *to, const char *behind)
{
	char *path = app_path(to, "tx"), *spec = NULL, args[32];
	struct weir_port *port = NULL;

	if (!is_input(it, path)) {
		if (asprintf(&spec, "%s%s", app_is_path(to) ? "pcap:tx=" : "", to) < 0)
			abort();
		port = app_open_queues(&it->run.app, spec, NULL, workers_of(&it->options));
	}
	free(spec);
	free(path);
	if (!port)
		return false;
	it->outputs[it->output_count++] = port;
	it->last = behind;
	snprintf(args, sizeof(args), "%s full=wait", name);
	return gather(it, name, port) && app_pipeline_port(&it->run, name, port) &&
	       add(it, name, "tx", args, NULL);
}

static bool add_outputs(struct replay *it)
{
	const struct replay_options *options = &it->options;

	if (!options->to2)
		return add_output(it, "out", options->to, it->last);
	return follow(it, "split", "split", options->split, NULL) &&
	       add_output(it, "out", options->to, "split.a") &&
	       add_output(it, "out2", options->to2, "split.b");
}

static bool add_workers(struct replay *it)
{
	char args[64];

	if (!it->options.workers)
		return true;
	snprintf(args, sizeof(args), "workers=%s", it->options.workers);
	return follow(it, "ring", "ring", args, NULL);
}

static bool build(struct replay *it)
{
	it->play.inputs = it->options.inputs;
	return size_delay(it) && app_pipeline_create(&it->run, "weir-replay", NULL) &&
	       follow(it, "in", "play", it->options.play, &it->play) && add_workers(it) &&
	       add_stages(it) && add_outputs(it);
}

static struct weir_stage_stats stats_of(const struct replay *it, const char *name)
{
	struct weir_stage_stats stats = {0};
	int index = weir_pipeline_find(it->run.pipeline, name);

	if (index >= 0)
		weir_pipeline_stage_stats(it->run.pipeline, (uint32_t)index, &stats);
	return stats;
}

static uint64_t received(struct app_pipeline *run)
{
	struct replay *it = (struct replay *)run;

	run->app.position = atomic_load_explicit(&it->play.position, memory_order_relaxed);
	run->app.size = atomic_load_explicit(&it->play.size, memory_order_relaxed);
	return stats_of(it, "in").packets;
}

/* Once no output takes any more, a full disk or a pipe without a reader, there is nothing to do. */
static void look(struct app_pipeline *run)
{
	struct replay *it = (struct replay *)run;

	for (uint32_t i = 0; i < it->output_count; i++)
		if (weir_port_state(it->outputs[i]) >= 0)
			return;
	run->app.end = APP_END_ERROR;
}

static void take_inputs(struct replay *it)
{
	for (uint32_t i = 0; i < it->play.played_count; i++) {
		const struct weir_play_input *input = &it->play.played[i];

		app_add_figures(&it->run.app, input->spec, &input->stats, input->error);
		if (*input->error)
			app_fail(&it->run.app, APP_FAILED, "%s", input->error);
	}
}

/* What impair has no mbuf for goes on as it is. */
static bool is_drop(const char *type, const char *counter, const char *reason)
{
	return strcmp(counter, reason) == 0 &&
	       !(strcmp(type, "impair") == 0 && strcmp(reason, "no mbuf") == 0);
}

static uint64_t count_drops(const struct replay *it, const char *reason)
{
	const struct weir_pipeline *pipeline = it->run.pipeline;
	struct weir_stage_stats stats;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < weir_pipeline_stages(pipeline); i++) {
		weir_pipeline_stage_stats(pipeline, i, &stats);
		for (uint32_t j = 0; j < stats.counter_count; j++)
			if (is_drop(stats.type, stats.counters[j].name, reason))
				sum += stats.counters[j].value;
	}
	return sum;
}

static void take_drops(struct replay *it)
{
	for (uint32_t i = 0; i < REASONS; i++)
		it->drops[i] = (struct app_count){reasons[i], count_drops(it, reasons[i])};
	it->drops[FILTERED].count = stats_of(it, reasons[FILTERED]).packets;
	it->drops[EXCESS].count = stats_of(it, reasons[EXCESS]).packets;
	it->run.app.drops = it->drops;
	it->run.app.drop_count = REASONS;
}

/* What the stages have counted, before they are gone. */
static void report(struct app_pipeline *run)
{
	struct replay *it = (struct replay *)run;
	struct app *app = &run->app;

	take_inputs(it);
	app->tx_waits =
		stats_of(it, "out").counters[3].value + stats_of(it, "out2").counters[3].value;
	take_drops(it);
	if (app->end == APP_END_INPUT && it->play.out_of_time)
		app->end = APP_END_DURATION;
	replay_report_play(app, &it->play, it->options.paced);
}

int main(int argc, char **argv)
{
	static struct replay it = {.run = {.received = received, .look = look, .report = report}};
	int status;

	it.options.run = &it.run;
	replay_parse(&it.options, argc, argv);
	it.run.show_stages = it.run.app.options.json;
	if (app_start(&it.run.app) && build(&it))
		app_pipeline_run(&it.run);
	status = app_pipeline_finish(&it.run);
	replay_free(&it.options);
	return status;
}
