/* SPDX-License-Identifier: BSD-3-Clause */
/* pipeline.c: build a pipeline, run it until it ends or is told to, report what it counted. */
#include "apps/common/pipeline_impl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_MS 50   /* how late ^C may be noticed */
#define STOP_MS 5000 /* to drain; a port that takes nothing would hold it up for ever */

#define COMMANDS 8 /* of a program on the control socket */

bool app_pipeline_refused(struct app_pipeline *run, int status)
{
	app_fail(&run->app, status, "%s", weir_last_error());
	return false;
}

struct weir_pipeline *app_pipeline_make(
	const struct app_pipeline *run, const struct weir_stage_type *const *more)
{
	const struct app_options *options = &run->app.options;
	struct weir_pipeline_conf conf = {.name = program_invocation_short_name,
		.types = weir_stages,
		.more = more,
		.pool = run->app.pool,
		.idle = run->idle,
		.burst = run->burst,
		.limit = options->limit < UINT64_MAX ? options->limit : 0,
		.check = run->check};

	return weir_pipeline_create(&conf);
}

bool app_pipeline_create(
	struct app_pipeline *run, const char *name, const struct weir_stage_type *const *more)
{
	run->name = name;
	run->types = more;
	pthread_mutex_init(&run->lock, NULL);
	pthread_cond_init(&run->changed, NULL);
	run->pipeline = app_pipeline_make(run, more);
	return run->pipeline || app_pipeline_refused(run, APP_FAILED);
}

bool app_pipeline_port(struct app_pipeline *run, const char *name, struct weir_port *port)
{
	return weir_pipeline_port(run->pipeline, name, port) == 0 ||
	       app_pipeline_refused(run, APP_MISUSE);
}

bool app_pipeline_add(struct app_pipeline *run, const char *name, const char *type, void *data)
{
	return weir_pipeline_add(run->pipeline, name, type, NULL, data) == 0 ||
	       app_pipeline_refused(run, APP_MISUSE);
}

bool app_pipeline_text(struct app_pipeline *run, const char *format, ...)
{
	va_list arguments;
	bool added;
	char *text;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		abort();
	va_end(arguments);
	added = weir_pipeline_parse(run->pipeline, text) == 0;
	free(text);
	return added || app_pipeline_refused(run, APP_MISUSE);
}

static uint64_t received(struct app_pipeline *run)
{
	const struct weir_port *port;
	struct weir_port_stats stats;
	uint64_t sum = run->received ? run->received(run) : 0;

	for (uint32_t i = 0; (port = weir_pipeline_port_at(run->pipeline, i)); i++) {
		weir_port_stats(port, &stats);
		sum += stats.rx_packets;
	}
	return sum;
}

static void print_stats(struct app_pipeline *run)
{
	char *text = weir_pipeline_report(run->pipeline, run->app.options.json);
	FILE *to = run->app.packets_to_stdout ? stderr : stdout;

	if (text)
		fprintf(to, "%s\n", text);
	fflush(to);
	free(text);
}

/* The command stop of the control socket. */
static int stop(const struct weir_control_request *request, char **answer, void *context)
{
	struct app_pipeline *run = context;

	(void)request;
	(void)answer;
	/* relaxed: nothing else is told by it */
	atomic_store_explicit(&run->stop, true, memory_order_relaxed);
	return 0;
}

/* What the socket answers beside what it always does. */
static const struct weir_control_command *commands_of(struct app_pipeline *run)
{
	static struct weir_control_command commands[COMMANDS + 1];
	uint32_t count = 0;

	commands[count++] = (struct weir_control_command){.name = "stop",
		.help = "end the pipeline and the program in order",
		.call = stop,
		.context = run};
	if (run->describe || run->reload)
		commands[count++] = (struct weir_control_command){.name = "reload",
			.help = "run what the file says now, in the place of what runs",
			.call = run->reload ? run->reload : app_reload,
			.context = run};
	for (uint32_t i = 0; run->commands && run->commands[i].name && count < COMMANDS; i++)
		commands[count++] = run->commands[i];
	return commands;
}

/* The socket by which others look in: started once the pipeline runs. */
static bool open_control(struct app_pipeline *run)
{
	struct weir_control_conf conf = {.path = run->control_path};

	if (!run->control_path)
		return true;
	conf.commands = commands_of(run);
	run->control = weir_control_create(&conf);
	if (run->control && !weir_control_pool(run->control, run->app.pool) &&
		!weir_control_pipeline(run->control, run->name, run->pipeline))
		return true;
	app_fail(&run->app, APP_FAILED, "--control: %s", weir_last_error());
	return false;
}

static bool goes_on(struct app_pipeline *run)
{
	if (atomic_load_explicit(&run->stop, memory_order_relaxed))
		run->app.end = APP_END_SIGNAL;
	return app_look(&run->app);
}

/* By the pipeline's name, unless it is the program's, which stands in front anyway. */
static void fail_named(struct app_pipeline *run)
{
	bool same = strcmp(run->name, program_invocation_short_name) == 0;

	app_fail(&run->app, APP_FAILED, "%s%s%s", same ? "" : run->name, same ? "" : ": ",
		weir_last_error());
}

/* Until the pipeline has ended by itself, or is told to. */
static void watch(struct app_pipeline *run)
{
	struct app *app = &run->app;
	int error = -ETIMEDOUT;

	run->printed_ns = app_now_ns();
	while (error == -ETIMEDOUT && goes_on(run) && app_reload_if_told(run)) {
		error = weir_pipeline_wait(run->pipeline, LOOK_MS);
		app->received = received(run);
		if (run->look)
			run->look(run);
		if (run->stats_ns && app_now_ns() - run->printed_ns >= run->stats_ns) {
			run->printed_ns += run->stats_ns;
			print_stats(run);
		}
	}
	app_reload_end(run);
	if (error == -ETIMEDOUT)
		error = weir_pipeline_stop(run->pipeline, STOP_MS);
	app->received = received(run);
	if (!error)
		return;
	fail_named(run);
	/* a worker that does not end uses the pool and the ports: they cannot be freed */
	if (error == -ETIMEDOUT)
		_exit(app->status);
}

void app_pipeline_note_ports(struct app_pipeline *run)
{
	const struct weir_port *port;

	for (uint32_t i = 0; (port = weir_pipeline_port_at(run->pipeline, i)); i++)
		app_note_spec(&run->app, weir_port_name(port));
}

static bool build(struct app_pipeline *run)
{
	app_pipeline_note_ports(run);
	if (!weir_pipeline_build(run->pipeline))
		return true;
	fail_named(run);
	return false;
}

void app_pipeline_run(struct app_pipeline *run)
{
	if (!build(run) || !open_control(run))
		return;
	app_begin(&run->app);
	if (weir_pipeline_start(run->pipeline)) {
		app_pipeline_refused(run, APP_FAILED);
		return;
	}
	if (run->control && weir_control_start(run->control)) {
		app_fail(&run->app, APP_FAILED, "--control: %s", weir_last_error());
		atomic_store_explicit(&run->stop, true, memory_order_relaxed);
	}
	watch(run);
}

void app_pipeline_count(const struct app_pipeline *run, const struct weir_stage_type *type,
	struct app_count *counts)
{
	struct weir_stage_stats stats;

	for (uint32_t i = 0; run->pipeline && i < weir_pipeline_stages(run->pipeline); i++) {
		weir_pipeline_stage_stats(run->pipeline, i, &stats);
		if (strcmp(stats.type, type->name) != 0)
			continue;
		for (uint32_t j = 0; j < stats.counter_count; j++)
			counts[j].count += stats.counters[j].value;
	}
}

static bool is_named(const struct app *app, const struct weir_port *port)
{
	for (uint32_t i = 0; i < app->port_count; i++)
		if (app->ports[i] == port)
			return true;
	return false;
}

/* What the pipeline has counted, for the report, before it is gone. */
static void take_figures(struct app_pipeline *run)
{
	const struct weir_port *port;

	if (run->show_stages || run->app.options.verbose) {
		run->app.more_text = weir_pipeline_report(run->pipeline, false);
		run->app.more_json = weir_pipeline_report(run->pipeline, true);
	}
	for (uint32_t i = 0; (port = weir_pipeline_port_at(run->pipeline, i)); i++) {
		app_check_port(&run->app, port);
		if (!is_named(&run->app, port))
			app_take_figures(&run->app, port);
	}
	if (run->report)
		run->report(run);
}

int app_pipeline_finish(struct app_pipeline *run)
{
	struct app *app = &run->app;
	bool failed;

	weir_control_destroy(run->control);
	if (run->pipeline && app->begun_ns)
		take_figures(run);
	failed = app->status;
	if (weir_pipeline_destroy(run->pipeline) && !failed)
		app_pipeline_refused(run, APP_FAILED);
	return app_finish(app);
}

enum { KEY_CONTROL = 384, KEY_IDLE, KEY_STATS };

static enum weir_idle parse_idle(const struct argp_state *state, const char *value)
{
	static const char *const names[] = {[WEIR_IDLE_ADAPTIVE] = "adaptive",
		[WEIR_IDLE_BUSY] = "busy",
		[WEIR_IDLE_SLEEP] = "sleep"};

	for (int i = 0; i < 3; i++)
		if (strcmp(value, names[i]) == 0)
			return (enum weir_idle)i;
	app_refuse(state, "--idle", value, "must be adaptive, busy or sleep");
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct app_pipeline *run = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &run->app;
		return 0;
	case KEY_CONTROL:
		run->control_path = value;
		return 0;
	case KEY_IDLE:
		run->idle = parse_idle(state, value);
		return 0;
	case KEY_STATS:
		run->stats_ns = app_number(state, "--stats", value, 1, 86400) * 1000000000;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{"control", KEY_CONTROL, "PATH", 0, "Make a unix socket there, for weir-ctl to look in", 0},
	{"idle", KEY_IDLE, "adaptive|busy|sleep", 0,
		"What workers do without packets: look often and then sleep (adaptive), look "
		"always, or "
		"sleep at once",
		0},
	{"stats", KEY_STATS, "SECONDS", 0, "Print the figures of the stages so often", 0},
	{0},
};

static const struct argp argp = {
	.options = options, .parser = parse_option, .children = app_children};

const struct argp_child app_pipeline_children[] = {
	{&argp, 0, "For programs that run pipelines:", 8}, {0}};
