/* SPDX-License-Identifier: BSD-3-Clause */
/* weir-replay.c: send the packets of one port to another as fast as both can.
 *
 *	weir-replay trace.pcap --to pcap:tx=copy.pcapng
 */
#include "apps/common/app.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct replay {
	struct app app;
	const char *from;
	const char *to;
	const char *loop; /* NULL: as the port says */
};

/* Files take all. A port that leads to others may be full, and is waited for. */
static void send_all(
	struct app *app, struct weir_port *out, struct weir_mbuf **mbufs, uint32_t count)
{
	uint32_t sent = weir_port_tx(out, 0, mbufs, count);

	while (sent < count && weir_port_state(out) >= 0 && app_pause(app)) {
		app->tx_waits++;
		sent += weir_port_tx(out, 0, mbufs + sent, count - sent);
	}
	if (sent < count)
		weir_port_tx_or_drop(out, 0, mbufs + sent, count - sent);
}

static void replay(struct app *app, struct weir_port *in, struct weir_port *out)
{
	struct weir_mbuf *burst[APP_BURST];
	uint32_t count;

	while (app_running(app) && weir_port_state(out) >= 0) {
		count = weir_port_rx(in, 0, burst, app_burst(app));
		app_received(app, count);
		if (count > 0)
			send_all(app, out, burst, count);
		else if (weir_port_state(in) == WEIR_PORT_UP)
			app_pause(app);
		else
			break;
	}
	app_check_port(app, in);
	app_check_port(app, out);
}

/* What the user gave as a spec: a bare path becomes one with key, and more is put behind. */
static char *make_spec(const char *given, const char *key, const char *loop)
{
	char *spec;

	if (asprintf(&spec, "%s%s%s%s", app_is_path(given) ? key : "", given, loop ? ",loop=" : "",
		    loop ? loop : "") < 0)
		abort();
	return spec;
}

static int run(struct replay *it)
{
	struct app *app = &it->app;
	char *from = make_spec(it->from, "pcap:rx=", it->loop);
	char *to = make_spec(it->to, "pcap:tx=", NULL);
	struct weir_port *in = NULL, *out = NULL;

	if (app_start(app))
		in = app_open(app, from, app->pool);
	if (in)
		out = app_open(app, to, NULL);
	if (out) {
		app_begin(app);
		replay(app, in, out);
	}
	free(from);
	free(to);
	return app_finish(app);
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct replay *it = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &it->app;
		return 0;
	case 't':
		it->to = value;
		return 0;
	case 'l':
		it->loop = strcmp(value, "forever") == 0 ? "0" : value;
		app_number(state, "--loop", it->loop, 0, UINT64_MAX);
		return 0;
	case ARGP_KEY_ARG:
		if (it->from)
			argp_failure(state, APP_MISUSE, 0, "%s: a second input", value);
		it->from = value;
		return 0;
	case ARGP_KEY_END:
		if (!it->from || !it->to)
			argp_failure(state, APP_MISUSE, 0, "needs IN and --to PORT; see --help");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int main(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"to", 't', "PORT", 0, "Where the packets go: a port, or a file to write", 0},
		{"loop", 'l', "N", 0, "Read IN N times (1); 0 or forever: without end", 0},
		{0},
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.args_doc = "IN --to PORT",
		.doc = "Send the packets of IN, a capture file or a port, to PORT as fast as both "
		       "can.\vExample: weir-replay trace.pcap --to pcap:tx=copy.pcapng --loop 10",
		.children = app_children,
	};
	struct replay it = {0};

	app_parse(&it.app, &argp, argc, argv, &it);
	return run(&it);
}
