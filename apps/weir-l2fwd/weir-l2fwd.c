/* SPDX-License-Identifier: BSD-3-Clause */
/* weir-l2fwd.c: a learning bridge between two ports or more, after IEEE 802.1D: a pipeline with one
 * stage that all ports lead to, and that leads to all ports.
 *
 *	weir-l2fwd pcap:rx=a.pcap,tx=to-a.pcap pcap:rx=b.pcap,tx=to-b.pcap
 */
#include "apps/common/pipeline.h"
#include "apps/weir-l2fwd/mac_table.h"

#include <stdio.h>
#include <string.h>

#define STATIONS    16384 /* 256 KiB */
#define AGING       300   /* seconds; the default of 802.1D, 7.9.2 */
#define AGING_MAX   1000000
#define HEADER_SIZE 14 /* both addresses and the type */

enum {
	DROP_RUNT,
	DROP_NOT_ETHERNET,
	DROP_RESERVED,
	DROP_FILTERED,
	DROP_NO_OUTPUT, /* ports to receive from only */
	DROP_POOL_DRY,
	DROP_COUNT
};

/* Where a frame goes, besides the number of a port. */
enum { TO_ALL = APP_PORT_MAX, TO_NONE };

struct bridge {
	struct app_pipeline run;
	const char *specs[APP_PORT_MAX];
	uint32_t count, workers;
	uint64_t aging; /* seconds */
	struct mac_table *table;
	struct app_count drops[DROP_COUNT];
	struct app_count counts[2];
};

static bool is_group(const uint8_t *mac)
{
	return mac[0] & 1;
}

/* 802.1D, table 7-10: for the bridge itself or its neighbour, never to be forwarded. */
static bool is_reserved(const uint8_t *mac)
{
	static const uint8_t group[5] = {0x01, 0x80, 0xc2, 0x00, 0x00};

	return memcmp(mac, group, sizeof(group)) == 0 && mac[5] <= 0x0f;
}

static bool sends(const struct bridge *bridge, uint32_t port)
{
	return weir_port_sends(bridge->run.app.ports[port]);
}

/* Learn where the frame comes from and find where it goes; to none for this reason. */
static uint32_t decide(const struct bridge *bridge, const struct weir_mbuf *mbuf, uint64_t now_ns,
	uint32_t *reason)
{
	uint8_t header[HEADER_SIZE];
	const uint8_t *to = header, *source = header + MAC_LENGTH;
	uint32_t port;

	*reason = DROP_NOT_ETHERNET;
	if (weir_mbuf_link_type(mbuf) != WEIR_LINK_ETHERNET)
		return TO_NONE;
	*reason = DROP_RUNT;
	if (weir_mbuf_read(mbuf, 0, header, HEADER_SIZE))
		return TO_NONE;
	if (!is_group(source))
		mac_table_learn(bridge->table, source, mbuf->port, now_ns);
	*reason = DROP_RESERVED;
	if (is_reserved(to))
		return TO_NONE;
	port = is_group(to) ? MAC_TABLE_UNKNOWN : mac_table_find(bridge->table, to, now_ns);
	*reason = DROP_FILTERED;
	if (port == mbuf->port)
		return TO_NONE;
	*reason = DROP_NO_OUTPUT;
	if (port == MAC_TABLE_UNKNOWN)
		return TO_ALL;
	return sends(bridge, port) ? port : TO_NONE;
}

static void send_clone(struct weir_stage *stage, uint32_t port, const struct bridge *bridge,
	struct weir_mbuf *mbuf)
{
	struct weir_mbuf *clone = weir_mbuf_clone(mbuf, bridge->run.app.pool);

	if (!clone) {
		weir_stage_count(stage, DROP_POOL_DRY, 1);
		return;
	}
	weir_stage_made(stage, 1);
	weir_stage_next(stage, port, clone);
}

/* Clones to all ports but the one it came from, and the frame itself to the last of them. */
static void flood(struct weir_stage *stage, const struct bridge *bridge, struct weir_mbuf *mbuf)
{
	uint32_t last = TO_NONE;

	for (uint32_t port = 0; port < bridge->count; port++) {
		if (port == mbuf->port || !sends(bridge, port))
			continue;
		if (last != TO_NONE)
			send_clone(stage, last, bridge, mbuf);
		last = port;
	}
	if (last != TO_NONE)
		weir_stage_next(stage, last, mbuf);
	else
		weir_stage_drop(stage, DROP_NO_OUTPUT, &mbuf, 1);
}

static void forward(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	const struct bridge *bridge = *(const struct bridge **)stage->conf;
	uint64_t now_ns = app_now_ns();

	for (uint32_t i = 0; i < count; i++) {
		uint32_t reason, to = decide(bridge, mbufs[i], now_ns, &reason);

		if (to == TO_ALL)
			flood(stage, bridge, mbufs[i]);
		else if (to == TO_NONE)
			weir_stage_drop(stage, reason, &mbufs[i], 1);
		else
			weir_stage_next(stage, to, mbufs[i]);
	}
}

static int open_bridge(struct weir_stage_args *args, void *conf)
{
	*(const struct bridge **)conf = weir_stage_data(args);
	return 0;
}

static const char *edges[APP_PORT_MAX + 1]; /* out0, out1, ... */

static const char *const counters[] = {[DROP_RUNT] = "runt",
	[DROP_NOT_ETHERNET] = "not ethernet",
	[DROP_RESERVED] = "reserved",
	[DROP_FILTERED] = "filtered",
	[DROP_NO_OUTPUT] = "no output",
	[DROP_POOL_DRY] = "pool dry",
	[DROP_COUNT] = NULL};

static const struct weir_stage_type bridge_type = {
	.name = "bridge",
	.help = "learn, and find the port",
	.edges = edges,
	.counters = counters,
	.conf_size = sizeof(const struct bridge *),
	.open = open_bridge,
	.run = forward,
};

static bool open_port(struct bridge *bridge, uint32_t i, char *name, size_t size)
{
	struct app *app = &bridge->run.app;
	struct weir_port *port = app_open(app, bridge->specs[i], app->pool);

	snprintf(name, size, "port%u", i);
	return port && app_pipeline_port(&bridge->run, name, port);
}

/* From each port to the bridge, and from there to each port. */
static bool build(struct bridge *bridge)
{
	static const struct weir_stage_type *const types[] = {&bridge_type, NULL};
	static char names[APP_PORT_MAX][12];
	struct app_pipeline *run = &bridge->run;

	for (uint32_t i = 0; i < bridge->count; i++) {
		snprintf(names[i], sizeof(names[i]), "out%u", i);
		edges[i] = names[i];
	}
	if (!app_pipeline_create(run, "bridge", types) ||
		!app_pipeline_add(run, "bridge", "bridge", bridge))
		return false;
	for (uint32_t i = 0; i < bridge->count; i++) {
		char port[16];

		if (!open_port(bridge, i, port, sizeof(port)) ||
			!app_pipeline_text(run,
				"in%u: rx %s port=%u workers=%u\n"
				"out%u: %s %s\n"
				"in%u -> bridge\n"
				"bridge.out%u -> out%u\n",
				i, port, i, bridge->workers, i, sends(bridge, i) ? "tx" : "drop",
				sends(bridge, i) ? port : "", i, i, i))
			return false;
	}
	return true;
}

static int run(struct bridge *bridge)
{
	struct app *app = &bridge->run.app;
	int status;

	bridge->table = mac_table_create(STATIONS, bridge->aging * UINT64_C(1000000000));
	if (!bridge->table)
		app_fail(app, APP_FAILED, "no memory for a table of %d stations", STATIONS);
	else if (app_start(app) && build(bridge))
		app_pipeline_run(&bridge->run);
	app_pipeline_count(&bridge->run, &bridge_type, bridge->drops);
	if (bridge->table) {
		bridge->counts[0].count = mac_table_count(bridge->table, app_now_ns());
		bridge->counts[1].count = mac_table_evictions(bridge->table);
	}
	status = app_pipeline_finish(&bridge->run);
	mac_table_destroy(bridge->table);
	return status;
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct bridge *bridge = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &bridge->run;
		return 0;
	case 'a':
		bridge->aging = app_number(state, "--aging", value, 0, AGING_MAX);
		return 0;
	case 'w':
		bridge->workers =
			(uint32_t)app_number(state, "--workers", value, 1, WEIR_PIPELINE_WORKERS);
		return 0;
	case ARGP_KEY_ARG:
		if (bridge->count == APP_PORT_MAX)
			argp_failure(state, APP_MISUSE, 0, "more than %d ports", APP_PORT_MAX);
		bridge->specs[bridge->count++] = value;
		return 0;
	case ARGP_KEY_END:
		if (bridge->count < 2)
			argp_failure(state, APP_MISUSE, 0, "needs two ports or more; see --help");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int main(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"aging", 'a', "SECONDS", 0,
			"Forget a station that is silent for so long (300); 0: never learn", 0},
		{"workers", 'w', "N", 0, "Threads, each with a queue of every port (1)", 0},
		{0},
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.args_doc = "PORT PORT...",
		.doc = "Forward Ethernet frames between ports as a learning bridge does.\vExample: "
		       "weir-l2fwd pcap:rx=a.pcap,tx=to-a.pcap pcap:rx=b.pcap,tx=to-b.pcap",
		.children = app_pipeline_children,
	};
	struct app *app;
	static struct bridge bridge = {
		.workers = 1,
		.aging = AGING,
		.counts = {{.name = "stations"}, {.name = "displaced"}},
	};

	app = &bridge.run.app;
	for (uint32_t i = 0; i < DROP_COUNT; i++)
		bridge.drops[i].name = counters[i];
	app->counts = bridge.counts;
	app->count_count = 2;
	app->drops = bridge.drops;
	app->drop_count = DROP_COUNT;
	app_parse(app, &argp, argc, argv, &bridge);
	return run(&bridge);
}
