/* SPDX-License-Identifier: BSD-3-Clause */
/* weir-l2fwd.c: a learning bridge between two ports or more, after IEEE 802.1D.
 *
 *	weir-l2fwd pcap:rx=a.pcap,tx=to-a.pcap pcap:rx=b.pcap,tx=to-b.pcap
 */
#include "apps/common/app.h"
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

/* Frames on their way to one port; a burst adds no more than itself. */
struct outgoing {
	struct weir_mbuf *mbufs[APP_BURST];
	uint32_t count;
};

struct bridge {
	struct app app;
	const char *specs[APP_PORT_MAX];
	uint32_t count;
	uint64_t aging; /* seconds */
	struct mac_table *table;
	struct outgoing out[APP_PORT_MAX];
	bool failed[APP_PORT_MAX]; /* and reported */
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

static uint32_t drop(struct bridge *bridge, uint32_t reason)
{
	bridge->drops[reason].count++;
	return TO_NONE;
}

/* Learn where the frame comes from and find where it goes. */
static uint32_t decide(
	struct bridge *bridge, const struct weir_mbuf *mbuf, uint32_t from, uint64_t now_ns)
{
	uint8_t header[HEADER_SIZE];
	const uint8_t *to = header, *source = header + MAC_LENGTH;
	uint32_t port;

	if (weir_mbuf_link_type(mbuf) != WEIR_LINK_ETHERNET)
		return drop(bridge, DROP_NOT_ETHERNET);
	if (weir_mbuf_read(mbuf, 0, header, HEADER_SIZE))
		return drop(bridge, DROP_RUNT);
	if (!is_group(source))
		mac_table_learn(bridge->table, source, from, now_ns);
	if (is_reserved(to))
		return drop(bridge, DROP_RESERVED);
	port = is_group(to) ? MAC_TABLE_UNKNOWN : mac_table_find(bridge->table, to, now_ns);
	if (port == from)
		return drop(bridge, DROP_FILTERED);
	if (port == MAC_TABLE_UNKNOWN)
		return TO_ALL;
	return weir_port_sends(bridge->app.ports[port]) ? port : drop(bridge, DROP_NO_OUTPUT);
}

static void put(struct bridge *bridge, uint32_t port, struct weir_mbuf *mbuf)
{
	struct outgoing *out = &bridge->out[port];

	if (mbuf)
		out->mbufs[out->count++] = mbuf;
	else
		drop(bridge, DROP_POOL_DRY);
}

/* Copies to all ports but the one it came from, and the frame itself to the last of them. */
static void flood(struct bridge *bridge, uint32_t from, struct weir_mbuf *mbuf)
{
	uint32_t last = TO_NONE;

	for (uint32_t port = 0; port < bridge->count; port++) {
		if (port == from || !weir_port_sends(bridge->app.ports[port]))
			continue;
		if (last != TO_NONE)
			put(bridge, last, weir_mbuf_copy(mbuf, bridge->app.pool));
		last = port;
	}
	if (last != TO_NONE) {
		put(bridge, last, mbuf);
	} else {
		drop(bridge, DROP_NO_OUTPUT);
		weir_mbuf_free(mbuf);
	}
}

static void send_all(struct bridge *bridge)
{
	for (uint32_t i = 0; i < bridge->count; i++) {
		struct outgoing *out = &bridge->out[i];

		/* A bridge does not wait for a port that is full: the others would, too. */
		if (out->count > 0)
			weir_port_tx_or_drop(bridge->app.ports[i], 0, out->mbufs, out->count);
		out->count = 0;
	}
}

static void forward_burst(
	struct bridge *bridge, uint32_t from, struct weir_mbuf **mbufs, uint32_t count)
{
	uint64_t now_ns = app_now_ns();

	for (uint32_t i = 0; i < count; i++) {
		uint32_t to = decide(bridge, mbufs[i], from, now_ns);

		if (to == TO_ALL)
			flood(bridge, from, mbufs[i]);
		else if (to == TO_NONE)
			weir_mbuf_free(mbufs[i]);
		else
			put(bridge, to, mbufs[i]);
	}
	send_all(bridge);
}

/* May more come from this port? Says so once when it has failed. */
static bool is_open(struct bridge *bridge, uint32_t port)
{
	int state = weir_port_state(bridge->app.ports[port]);

	if (state < 0 && !bridge->failed[port]) {
		app_check_port(&bridge->app, bridge->app.ports[port]);
		bridge->failed[port] = true;
	}
	return state == WEIR_PORT_UP;
}

/* Until every input has ended: a port that fails does not stop the others. */
static void forward_all(struct bridge *bridge)
{
	struct weir_mbuf *burst[APP_BURST];
	uint32_t open = bridge->count, count, sum;

	while (open > 0 && app_running(&bridge->app)) {
		open = sum = 0;
		for (uint32_t i = 0; i < bridge->count; i++) {
			count = weir_port_rx(
				bridge->app.ports[i], 0, burst, app_burst(&bridge->app));
			app_received(&bridge->app, count);
			if (count > 0)
				forward_burst(bridge, i, burst, count);
			open += is_open(bridge, i);
			sum += count;
		}
		if (sum == 0)
			app_pause(&bridge->app);
	}
}

static bool open_all(struct bridge *bridge)
{
	for (uint32_t i = 0; i < bridge->count; i++)
		if (!app_open(&bridge->app, bridge->specs[i], bridge->app.pool))
			return false;
	return true;
}

static int run(struct bridge *bridge)
{
	struct app *app = &bridge->app;
	int status;

	bridge->table = mac_table_create(STATIONS, bridge->aging * UINT64_C(1000000000));
	if (!bridge->table)
		app_fail(app, APP_FAILED, "no memory for a table of %d stations", STATIONS);
	else if (app_start(app) && open_all(bridge)) {
		app_begin(app);
		forward_all(bridge);
	}
	if (bridge->table) {
		bridge->counts[0].count = mac_table_count(bridge->table, app_now_ns());
		bridge->counts[1].count = mac_table_evictions(bridge->table);
	}
	status = app_finish(app);
	mac_table_destroy(bridge->table);
	return status;
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct bridge *bridge = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &bridge->app;
		return 0;
	case 'a':
		bridge->aging = app_number(state, "--aging", value, 0, AGING_MAX);
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
		{0},
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.args_doc = "PORT PORT...",
		.doc = "Forward Ethernet frames between ports as a learning bridge does.\vExample: "
		       "weir-l2fwd pcap:rx=a.pcap,tx=to-a.pcap pcap:rx=b.pcap,tx=to-b.pcap",
		.children = app_children,
	};
	/* static: 64 bursts are large for a stack */
	static struct bridge bridge = {
		.aging = AGING,
		.counts = {{.name = "stations"}, {.name = "displaced"}},
		.drops =
			{
				[DROP_RUNT].name = "runt",
				[DROP_NOT_ETHERNET].name = "not ethernet",
				[DROP_RESERVED].name = "reserved",
				[DROP_FILTERED].name = "filtered",
				[DROP_NO_OUTPUT].name = "no output",
				[DROP_POOL_DRY].name = "pool dry",
			},
	};

	bridge.app.counts = bridge.counts;
	bridge.app.count_count = 2;
	bridge.app.drops = bridge.drops;
	bridge.app.drop_count = DROP_COUNT;
	app_parse(&bridge.app, &argp, argc, argv, &bridge);
	return run(&bridge);
}
