/* SPDX-License-Identifier: BSD-3-Clause */
/* weir-dump.c: write what ports receive to capture files.
 *
 *	weir-dump af_packet:eth0 -w trace.pcapng
 *
 * This thread receives and copies (receive.c); the recorder's writes.
 */
#include "apps/weir-dump/dump.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* Busy turns without a look at the figures for the interface statistics. */
#define FIGURE_TURNS 1024

/* For the handler of SIGUSR1: set before it is there, and not freed while it is. */
static struct weir_recorder *to_save;

static void on_usr1(int number)
{
	(void)number;
	weir_recorder_save(to_save);
}

static bool open_recorder(struct dump *dump)
{
	dump->app.packets_to_stdout = strcmp(dump->conf.series.file.path, "-") == 0;
	dump->recorder = weir_recorder_create(&dump->conf);
	if (dump->recorder && dump_describe_inputs(dump) &&
		weir_recorder_start(dump->recorder) == 0)
		return true;
	app_fail(&dump->app, errno == EINVAL ? APP_MISUSE : APP_FAILED, "%s", weir_last_error());
	return false;
}

static void print_stats(struct dump *dump)
{
	const struct app *app = &dump->app;
	FILE *to = app->packets_to_stdout ? stderr : stdout;
	uint64_t now = app_now_ns();
	struct weir_recorder_stats stats;

	if (!dump->stats_ns || now - dump->printed_ns < dump->stats_ns)
		return;
	dump->printed_ns = now;
	weir_recorder_stats(dump->recorder, &stats);
	fprintf(to,
		app->options.json
			? "{\"seconds\": %.3f, \"received\": %llu, \"written\": %llu, \"lost\": "
			  "%llu}\n"
			: "%8.3f s  %llu received  %llu written  %llu lost\n",
		(double)(now - app->begun_ns) / 1e9, (unsigned long long)app->received,
		(unsigned long long)stats.written, (unsigned long long)stats.lost);
	fflush(to);
}

static bool goes_on(struct dump *dump)
{
	struct app *app = &dump->app;

	if (atomic_load_explicit(&dump->stop, memory_order_relaxed))
		app->end = APP_END_SIGNAL;
	return app->end == APP_END_INPUT && app_running(app);
}

static void run(struct dump *dump)
{
	struct app *app = &dump->app;
	uint64_t limit = app->options.limit;
	bool ended = false;
	uint32_t count;

	/* as many as are written: the recorder knows */
	app->options.limit = UINT64_MAX;
	while (!ended && weir_recorder_state(dump->recorder) == 0 && goes_on(dump)) {
		count = dump_poll(dump, &ended);
		app_received(app, count);
		if (!count || app->turns % FIGURE_TURNS == 0) {
			dump_figures(dump);
			print_stats(dump);
		}
		if (!count && !ended)
			dump_wait(dump);
	}
	app->options.limit = limit;
}

static void report(struct dump *dump)
{
	static struct app_count drops[] = {{.name = "writer too slow"}}, counts[3];
	bool keeps = dump->conf.last_ns || dump->conf.last_bytes;
	struct app *app = &dump->app;
	struct weir_recorder_stats stats;

	weir_recorder_stats(dump->recorder, &stats);
	drops[0].count = stats.lost;
	if (weir_recorder_state(dump->recorder) < 0 && !keeps)
		drops[0] = (struct app_count){"not written", app->received - stats.written};
	counts[0] = (struct app_count){keeps ? "kept" : "written", stats.written};
	counts[1] = (struct app_count){"bytes", stats.bytes_written};
	counts[2] = (struct app_count){"files", stats.files};
	app->drops = drops;
	app->drop_count = 1;
	app->counts = counts;
	app->count_count = 3;
	if (app->end == APP_END_INPUT && stats.written >= app->options.limit)
		app->end = APP_END_LIMIT;
}

static void finish(struct dump *dump)
{
	struct app *app = &dump->app;

	weir_control_destroy(dump->control);
	for (uint32_t i = 0; i < dump->input_count; i++)
		app_check_port(app, dump->inputs[i].port);
	if (dump->recorder) {
		if (app->begun_ns)
			dump_figures(dump);
		weir_recorder_stop(dump->recorder);
		report(dump);
	}
	signal(SIGUSR1, SIG_IGN);
	if (weir_recorder_finish(dump->recorder))
		app_fail(app, APP_FAILED, "%s", weir_last_error());
}

int main(int argc, char **argv)
{
	static struct dump dump;

	signal(SIGUSR1, SIG_IGN);
	dump_parse(&dump, argc, argv);
	if (app_start(&dump.app) && dump_open_inputs(&dump) && open_recorder(&dump)) {
		to_save = dump.recorder;
		signal(SIGUSR1, on_usr1);
		app_begin(&dump.app);
		dump.printed_ns = dump.app.begun_ns;
		if (dump_control(&dump, dump.recorder))
			run(&dump);
	}
	finish(&dump);
	return app_finish(&dump.app);
}
