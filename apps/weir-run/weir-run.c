/* SPDX-License-Identifier: BSD-3-Clause */
/* weir-run.c: run a pipeline that a text describes (docs/pipelines.md).
 *
 *	weir-run web.pipe input=trace.pcap
 */
#include "apps/common/app.h"
#include "apps/common/units.h"
#include "apps/weir-run/draw.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_MS 50   /* how late ^C may be noticed */
#define STOP_MS 5000 /* to drain; a port that takes nothing would hold it up for ever */

/* Keys of options without a letter. */
enum { KEY_CHECK = 512, KEY_CONTROL, KEY_DRAW, KEY_STATS };

/* NAME=SPEC of the command line. */
struct named_port {
	char *name;
	const char *spec;
};

struct run {
	struct app app;
	const char *file;
	struct named_port named[APP_PORT_MAX];
	uint32_t named_count;
	bool draw, svg, check;
	uint64_t stats_ns; /* between figures; 0: only at the end */
	uint64_t printed_ns;
	struct weir_pipeline *pipeline;
	const char *control_path; /* NULL: no socket */
	struct weir_control *control;
	atomic_bool stop; /* somebody said so there */
};

static bool open_ports(struct run *run)
{
	for (uint32_t i = 0; i < run->named_count; i++) {
		struct weir_port *port = app_open(&run->app, run->named[i].spec, run->app.pool);

		if (!port)
			return false;
		if (weir_pipeline_port(run->pipeline, run->named[i].name, port)) {
			app_fail(&run->app, APP_MISUSE, "%s", weir_last_error());
			return false;
		}
	}
	return true;
}

/* Make the pipeline; from here on finish() destroys it. */
static bool build(struct run *run)
{
	struct weir_pipeline_conf conf = {.name = "weir-run",
		.types = weir_stages,
		.pool = run->app.pool,
		.check = run->check};
	const struct weir_port *port;

	run->pipeline = weir_pipeline_create(&conf);
	if (!run->pipeline) {
		app_fail(&run->app, APP_FAILED, "%s", weir_last_error());
		return false;
	}
	if (!open_ports(run))
		return false;
	if (weir_pipeline_read(run->pipeline, run->file)) {
		app_fail(&run->app, APP_FAILED, "%s", weir_last_error());
		return false;
	}
	for (uint32_t i = 0; (port = weir_pipeline_port_at(run->pipeline, i)); i++)
		app_note_spec(&run->app, weir_port_name(port));
	if (weir_pipeline_build(run->pipeline)) {
		app_fail(&run->app, APP_FAILED, "%s: %s", run->file, weir_last_error());
		return false;
	}
	return true;
}

static uint64_t received(const struct run *run)
{
	const struct weir_port *port;
	struct weir_port_stats stats;
	uint64_t sum = 0;

	for (uint32_t i = 0; (port = weir_pipeline_port_at(run->pipeline, i)); i++) {
		weir_port_stats(port, &stats);
		sum += stats.rx_packets;
	}
	return sum;
}

static void print_stats(struct run *run)
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
	struct run *run = context;

	(void)request;
	(void)answer;
	/* relaxed: nothing else is told by it */
	atomic_store_explicit(&run->stop, true, memory_order_relaxed);
	return 0;
}

/* The socket by which others look in: started once the pipeline runs. */
static bool open_control(struct run *run)
{
	static struct weir_control_command commands[] = {
		{.name = "stop", .help = "end the pipeline and the program in order", .call = stop},
		{.name = NULL}};
	struct weir_control_conf conf = {.path = run->control_path, .commands = commands};

	if (!run->control_path)
		return true;
	commands[0].context = run;
	run->control = weir_control_create(&conf);
	if (run->control && !weir_control_pool(run->control, run->app.pool) &&
		!weir_control_pipeline(run->control, run->file, run->pipeline))
		return true;
	app_fail(&run->app, APP_FAILED, "--control: %s", weir_last_error());
	return false;
}

static bool goes_on(struct run *run)
{
	struct app *app = &run->app;

	if (atomic_load_explicit(&run->stop, memory_order_relaxed)) {
		app->end = APP_END_SIGNAL;
		return false;
	}
	return app_look(app) && app->received < app->options.limit;
}

/* Until the pipeline has ended by itself, or is told to. */
static void watch(struct run *run)
{
	struct app *app = &run->app;
	int error = -ETIMEDOUT;

	run->printed_ns = app_now_ns();
	while (error == -ETIMEDOUT && goes_on(run)) {
		error = weir_pipeline_wait(run->pipeline, LOOK_MS);
		app->received = received(run);
		if (run->stats_ns && app_now_ns() - run->printed_ns >= run->stats_ns) {
			run->printed_ns += run->stats_ns;
			print_stats(run);
		}
	}
	if (error == -ETIMEDOUT)
		error = weir_pipeline_stop(run->pipeline, STOP_MS);
	app->received = received(run);
	if (!error)
		return;
	app_fail(app, APP_FAILED, "%s: %s", run->file, weir_last_error());
	/* a worker that does not end uses the pool and the ports: they cannot be freed */
	if (error == -ETIMEDOUT)
		_exit(app->status);
}

static bool is_named(const struct app *app, const struct weir_port *port)
{
	for (uint32_t i = 0; i < app->port_count; i++)
		if (app->ports[i] == port)
			return true;
	return false;
}

/* What the pipeline has counted, for the report, before it is gone. */
static void take_figures(struct run *run)
{
	const struct weir_port *port;

	run->app.more_text = weir_pipeline_report(run->pipeline, false);
	run->app.more_json = weir_pipeline_report(run->pipeline, true);
	for (uint32_t i = 0; (port = weir_pipeline_port_at(run->pipeline, i)); i++) {
		app_check_port(&run->app, port);
		if (!is_named(&run->app, port))
			app_take_figures(&run->app, port);
	}
}

static int finish(struct run *run)
{
	struct app *app = &run->app;
	bool failed;

	weir_control_destroy(run->control);
	if (run->pipeline && app->begun_ns)
		take_figures(run);
	failed = app->status;
	if (weir_pipeline_destroy(run->pipeline) && !failed)
		app_fail(app, APP_FAILED, "%s", weir_last_error());
	for (uint32_t i = 0; i < run->named_count; i++)
		free(run->named[i].name);
	return app_finish(app);
}

static void start(struct run *run)
{
	struct app *app = &run->app;

	app_begin(app);
	if (weir_pipeline_start(run->pipeline)) {
		app_fail(app, APP_FAILED, "%s", weir_last_error());
		return;
	}
	if (run->control && weir_control_start(run->control)) {
		app_fail(app, APP_FAILED, "--control: %s", weir_last_error());
		atomic_store_explicit(&run->stop, true, memory_order_relaxed);
	}
	watch(run);
}

static int execute(struct run *run)
{
	if (run->draw)
		draw_file(&run->app, run->file, run->svg);
	else if (app_start(&run->app) && build(run) && open_control(run))
		start(run);
	return finish(run);
}

static void parse_draw(struct run *run, struct argp_state *state, const char *value)
{
	run->draw = true;
	run->svg = value && strcmp(value, "svg") == 0;
	if (value && !run->svg && strcmp(value, "dot") != 0)
		app_refuse(state, "--draw", value, "must be dot or svg");
}

/* FILE, then NAME=SPEC. */
static void parse_argument(struct run *run, struct argp_state *state, char *value)
{
	struct named_port *named = &run->named[run->named_count];
	char *equals = strchr(value, '=');

	if (!run->file) {
		run->file = value;
		return;
	}
	if (run->named_count == APP_PORT_MAX)
		argp_failure(state, APP_MISUSE, 0, "more than %d ports", APP_PORT_MAX);
	if (!equals || equals == value)
		argp_failure(state, APP_MISUSE, 0, "'%s' is not NAME=SPEC, as in input=trace.pcap",
			value);
	named->name = strndup(value, (size_t)(equals - value));
	if (!named->name)
		argp_failure(state, APP_FAILED, ENOMEM, "%s", value);
	named->spec = equals + 1;
	run->named_count++;
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct run *run = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &run->app;
		return 0;
	case KEY_CHECK:
		run->check = true;
		return 0;
	case KEY_CONTROL:
		run->control_path = value;
		return 0;
	case KEY_DRAW:
		parse_draw(run, state, value);
		return 0;
	case KEY_STATS:
		run->stats_ns = app_number(state, "--stats", value, 1, 86400) * 1000000000;
		return 0;
	case ARGP_KEY_ARG:
		parse_argument(run, state, value);
		return 0;
	case ARGP_KEY_END:
		if (!run->file)
			argp_failure(state, APP_MISUSE, 0, "needs a file; see --help");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int main(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"check", KEY_CHECK, NULL, 0,
			"Look after each run of a stage whether it lost packets: slow", 0},
		{"control", KEY_CONTROL, "PATH", 0,
			"Make a unix socket there, for weir-ctl to look in", 0},
		{"draw", KEY_DRAW, "dot|svg", OPTION_ARG_OPTIONAL,
			"Print the graph for graphviz (dot), or as SVG, and do not run it", 0},
		{"stats", KEY_STATS, "SECONDS", 0, "Print the figures so often while it runs", 0},
		{0},
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.args_doc = "FILE [NAME=SPEC...]",
		.doc = "Run the pipeline that a file describes. NAME=SPEC opens a port that the "
		       "file "
		       "calls NAME.\vExample: weir-run count.pipe input=trace.pcap",
		.children = app_children,
	};
	static struct run run;

	app_parse(&run.app, &argp, argc, argv, &run);
	return execute(&run);
}
