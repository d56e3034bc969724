/* SPDX-License-Identifier: BSD-3-Clause */
/* weir-dump.c: write what ports receive to capture files.
 *
 *	weir-dump af_packet:eth0 -w trace.pcapng
 *
 * This thread receives and copies; the recorder's writes. A file as a port is waited for; whatever
 * comes from elsewhere is not, and what the writer cannot take is lost and counted.
 */
#include "apps/weir-dump/dump.h"

#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Busy turns without a look at the figures for the interface statistics. */
#define FIGURE_TURNS 1024

/* How late ^C may be noticed. */
#define WAIT_MS 20

struct input {
	struct weir_port *port;
	struct weir_recorder_mark mark;
	bool waits;
	bool ended;
};

struct loop {
	struct dump *dump;
	struct weir_recorder *recorder;
	struct input inputs[APP_PORT_MAX];
	uint32_t count;
	uint64_t printed_ns;
};

/* For the handler of SIGUSR1: set before it is there, and not freed while it is. */
static struct weir_recorder *to_save;

static void on_usr1(int number)
{
	(void)number;
	weir_recorder_save(to_save);
}

/* ---- ports ---- */

/* The name of an interface stands for its af_packet port; the filter is a key of the port. */
static char *make_spec(const struct dump *dump, const char *given)
{
	bool path = app_is_path(given);
	bool interface = !path && !strchr(given, ':') && if_nametoindex(given);
	const char *driver = interface ? "af_packet:" : path && dump->filter ? "pcap:rx=" : "";
	bool bare = *given && given[strlen(given) - 1] == ':';
	char *spec;

	if (!dump->filter)
		return asprintf(&spec, "%s%s", driver, given) < 0 ? NULL : spec;
	if (asprintf(&spec, "%s%s%sfilter=%s", driver, given, bare ? "" : ",", dump->filter) < 0)
		return NULL;
	return spec;
}

static bool open_input(struct loop *loop, const char *given)
{
	struct dump *dump = loop->dump;
	struct input *input = &loop->inputs[loop->count];
	char *spec = make_spec(dump, given), *path = app_path(given, "rx");

	input->port = spec ? app_open(&dump->app, spec, dump->app.pool) : NULL;
	input->waits = path;
	free(spec);
	free(path);
	loop->count += input->port != NULL;
	return input->port;
}

/* Each input is a source. */
static bool describe_input(struct loop *loop, uint32_t index)
{
	struct weir_capture_source source = {
		.name = loop->dump->specs[index], .filter = loop->dump->filter};
	/* a file says itself which way packets went; libpcap sees both, and does not tell */
	bool unknown = loop->inputs[index].waits || strncmp(source.name, "live:", 5) == 0;
	int number = weir_recorder_source(loop->recorder, &source);

	if (number < 0)
		return false;
	loop->inputs[index].mark = (struct weir_recorder_mark){.source = (uint32_t)number,
		.direction = unknown ? WEIR_CAPTURE_UNKNOWN : WEIR_CAPTURE_INBOUND};
	return true;
}

static bool open_recorder(struct loop *loop)
{
	struct dump *dump = loop->dump;
	bool opened;

	dump->app.packets_to_stdout = strcmp(dump->conf.series.file.path, "-") == 0;
	loop->recorder = weir_recorder_create(&dump->conf);
	opened = loop->recorder;
	for (uint32_t i = 0; opened && i < loop->count; i++)
		opened = describe_input(loop, i);
	if (opened && weir_recorder_start(loop->recorder) == 0)
		return true;
	app_fail(&dump->app, errno == EINVAL ? APP_MISUSE : APP_FAILED, "%s", weir_last_error());
	return false;
}

static bool open_all(struct loop *loop)
{
	for (uint32_t i = 0; i < loop->dump->spec_count; i++)
		if (!open_input(loop, loop->dump->specs[i]))
			return false;
	return open_recorder(loop);
}

/* ---- the loop ---- */

static void tell_figures(struct loop *loop)
{
	struct weir_port_stats stats;
	uint64_t kernel;

	for (uint32_t i = 0; i < loop->count; i++) {
		const struct input *input = &loop->inputs[i];

		weir_port_stats(input->port, &stats);
		kernel = stats.dropped[WEIR_DROP_RX_KERNEL];
		weir_recorder_figures(loop->recorder, input->mark.source,
			stats.rx_packets + stats.dropped[WEIR_DROP_RX_FILTERED] + kernel, kernel);
	}
}

/* A file waits until the writer has room; nothing else does. */
static void record(struct loop *loop, struct input *input, struct weir_mbuf **burst, uint32_t count)
{
	uint32_t taken = 0;

	while (input->waits && taken < count && weir_recorder_state(loop->recorder) == 0) {
		taken += weir_recorder_offer(
			loop->recorder, 0, &input->mark, burst + taken, count - taken);
		if (taken < count && !app_pause(&loop->dump->app))
			break;
	}
	if (taken < count)
		weir_recorder_take(loop->recorder, 0, &input->mark, burst + taken, count - taken);
	weir_mbuf_free_bulk(burst, count);
}

static uint32_t poll_input(struct loop *loop, struct input *input)
{
	struct weir_mbuf *burst[APP_BURST];
	uint32_t sum = 0, count;

	for (uint32_t queue = 0; queue < weir_port_queues(input->port); queue++) {
		input->mark.has_queue = weir_port_queues(input->port) > 1;
		input->mark.queue = queue;
		count = weir_port_rx(input->port, queue, burst, APP_BURST);
		if (count)
			record(loop, input, burst, count);
		sum += count;
	}
	if (!sum)
		input->ended = weir_port_state(input->port) != WEIR_PORT_UP;
	return sum;
}

/* Returns packets; *ended: no input will bring more. */
static uint32_t poll_all(struct loop *loop, bool *ended)
{
	uint32_t sum = 0;

	*ended = true;
	for (uint32_t i = 0; i < loop->count; i++) {
		struct input *input = &loop->inputs[i];

		if (!input->ended)
			sum += poll_input(loop, input);
		*ended &= input->ended;
	}
	return sum;
}

/* Until something may have come, at most as long as ^C may be noticed late. */
static void wait(struct loop *loop)
{
	struct weir_port *ports[APP_PORT_MAX];
	uint32_t count = 0;

	for (uint32_t i = 0; i < loop->count; i++)
		if (!loop->inputs[i].ended)
			ports[count++] = loop->inputs[i].port;
	weir_port_wait(ports, count, WAIT_MS);
	app_pause(&loop->dump->app);
}

static void print_stats(struct loop *loop)
{
	const struct app *app = &loop->dump->app;
	FILE *to = app->packets_to_stdout ? stderr : stdout;
	uint64_t now = app_now_ns();
	struct weir_recorder_stats stats;

	if (!loop->dump->stats_ns || now - loop->printed_ns < loop->dump->stats_ns)
		return;
	loop->printed_ns = now;
	weir_recorder_stats(loop->recorder, &stats);
	fprintf(to,
		app->options.json
			? "{\"seconds\": %.3f, \"received\": %llu, \"written\": %llu, \"lost\": "
			  "%llu}\n"
			: "%8.3f s  %llu received  %llu written  %llu lost\n",
		(double)(now - app->begun_ns) / 1e9, (unsigned long long)app->received,
		(unsigned long long)stats.written, (unsigned long long)stats.lost);
	fflush(to);
}

static bool goes_on(struct loop *loop)
{
	struct app *app = &loop->dump->app;

	if (atomic_load_explicit(&loop->dump->stop, memory_order_relaxed))
		app->end = APP_END_SIGNAL;
	return app->end == APP_END_INPUT && app_running(app);
}

static void run(struct loop *loop)
{
	struct app *app = &loop->dump->app;
	uint64_t limit = app->options.limit;
	bool ended = false;
	uint32_t count;

	/* as many as are written: the recorder knows */
	app->options.limit = UINT64_MAX;
	while (!ended && weir_recorder_state(loop->recorder) == 0 && goes_on(loop)) {
		count = poll_all(loop, &ended);
		app_received(app, count);
		if (!count || app->turns % FIGURE_TURNS == 0) {
			tell_figures(loop);
			print_stats(loop);
		}
		if (!count && !ended)
			wait(loop);
	}
	app->options.limit = limit;
}

/* ---- the end ---- */

static const char memory_name[] = "kept", file_name[] = "written";

static void report(struct loop *loop)
{
	static struct app_count drops[] = {{.name = "writer too slow"}}, counts[3];
	struct app *app = &loop->dump->app;
	struct weir_recorder_stats stats;

	weir_recorder_stats(loop->recorder, &stats);
	drops[0].count = stats.lost;
	counts[0] = (struct app_count){
		loop->dump->conf.last_ns || loop->dump->conf.last_bytes ? memory_name : file_name,
		stats.written};
	counts[1] = (struct app_count){"bytes", stats.bytes_written};
	counts[2] = (struct app_count){"files", stats.files};
	app->drops = drops;
	app->drop_count = 1;
	app->counts = counts;
	app->count_count = 3;
	if (app->end == APP_END_INPUT && stats.written >= app->options.limit)
		app->end = APP_END_LIMIT;
}

static void finish(struct loop *loop)
{
	struct app *app = &loop->dump->app;

	weir_control_destroy(loop->dump->control);
	for (uint32_t i = 0; i < loop->count; i++)
		app_check_port(app, loop->inputs[i].port);
	if (loop->recorder) {
		if (app->begun_ns)
			tell_figures(loop);
		weir_recorder_stop(loop->recorder);
		report(loop);
	}
	signal(SIGUSR1, SIG_IGN);
	if (weir_recorder_finish(loop->recorder))
		app_fail(app, APP_FAILED, "%s", weir_last_error());
}

int main(int argc, char **argv)
{
	static struct dump dump;
	static struct loop loop = {.dump = &dump};

	signal(SIGUSR1, SIG_IGN);
	dump_parse(&dump, argc, argv);
	if (app_start(&dump.app) && open_all(&loop)) {
		to_save = loop.recorder;
		signal(SIGUSR1, on_usr1);
		app_begin(&dump.app);
		loop.printed_ns = dump.app.begun_ns;
		if (dump_control(&dump, loop.recorder))
			run(&loop);
	}
	finish(&loop);
	return app_finish(&dump.app);
}
