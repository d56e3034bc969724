/* SPDX-License-Identifier: BSD-3-Clause */
/* bridge.c: learning, finding, flooding; and the pipeline around it. */
#include "apps/common/bridge.h"

#include <stdio.h>
#include <string.h>

#define STATIONS    16384 /* 256 KiB */
#define HEADER_SIZE 14    /* both addresses and the type */

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

static uint64_t bit(uint32_t port)
{
	return UINT64_C(1) << port;
}

/* Where frames with this header go that come from a port; 0: to none, for a reason. */
static uint64_t find(const struct app_bridge *bridge, const uint8_t *header, uint32_t from,
	uint64_t now_ns, uint32_t *reason)
{
	const uint8_t *to = header, *source = header + MAC_LENGTH;
	uint32_t port;

	if (!is_group(source))
		mac_table_learn(bridge->table, source, from, now_ns);
	*reason = APP_BRIDGE_RESERVED;
	if (is_reserved(to))
		return 0;
	port = is_group(to) ? MAC_TABLE_UNKNOWN : mac_table_find(bridge->table, to, now_ns);
	*reason = APP_BRIDGE_FILTERED;
	if (port == from)
		return 0;
	*reason = APP_BRIDGE_NO_OUTPUT;
	if (port == MAC_TABLE_UNKNOWN)
		return bridge->senders & ~bit(from);
	return bridge->senders & bit(port);
}

/* A run that begins with this frame: where it goes. Returns the header; NULL without one. */
static const uint8_t *begin(const struct app_bridge *bridge, const struct weir_mbuf *mbuf,
	uint64_t now_ns, struct app_bridge_run *run, uint8_t *bounce)
{
	const uint8_t *header;

	run->ways = 0;
	run->reason = APP_BRIDGE_NOT_ETHERNET;
	if (weir_mbuf_link_type(mbuf) != WEIR_LINK_ETHERNET)
		return NULL;
	run->reason = APP_BRIDGE_RUNT;
	header = weir_mbuf_peek(mbuf, 0, HEADER_SIZE, bounce);
	if (header)
		run->ways = find(bridge, header, mbuf->port, now_ns, &run->reason);
	return header;
}

/* Number of the first frame behind number i that does not belong to its run, whose header that is.
 */
static uint32_t end_of(
	struct weir_mbuf *const *mbufs, uint32_t i, uint32_t count, const uint8_t *header)
{
	uint32_t port = mbufs[i]->port;
	uint64_t first;
	uint32_t rest;

	memcpy(&first, header, sizeof(first));
	memcpy(&rest, header + sizeof(first), sizeof(rest));
	while (++i < count) {
		const struct weir_mbuf *mbuf = mbufs[i];
		const uint8_t *data = weir_mbuf_data(mbuf);

		if (mbuf->port != port || weir_mbuf_link_type(mbuf) != WEIR_LINK_ETHERNET ||
			mbuf->data_length < HEADER_SIZE || memcmp(data, &first, sizeof(first)) ||
			memcmp(data + sizeof(first), &rest, sizeof(rest)))
			break;
	}
	return i;
}

uint32_t app_bridge_runs(const struct app_bridge *bridge, struct weir_mbuf *const *mbufs,
	uint32_t count, uint64_t now_ns, struct app_bridge_run *runs)
{
	uint8_t bounce[HEADER_SIZE];
	uint32_t number = 0;

	for (uint32_t i = 0; i < count; i = runs[number++].end) {
		struct app_bridge_run *run = &runs[number];
		const uint8_t *header = begin(bridge, mbufs[i], now_ns, run, bounce);

		run->first = i;
		run->end = header ? end_of(mbufs, i, count, header) : i + 1;
	}
	return number;
}

static void send_clone(struct weir_stage *stage, uint32_t port, const struct app_bridge *bridge,
	struct weir_mbuf *mbuf)
{
	struct weir_mbuf *clone = weir_mbuf_clone(mbuf, bridge->run.app.pool);

	if (!clone) {
		weir_stage_count(stage, APP_BRIDGE_POOL_DRY, 1);
		return;
	}
	weir_stage_made(stage, 1);
	weir_stage_next(stage, port, clone);
}

uint64_t app_bridge_flood(struct weir_stage *stage, const struct app_bridge *bridge,
	struct weir_mbuf *mbuf, uint64_t ways)
{
	for (; ways & (ways - 1); ways &= ways - 1)
		send_clone(stage, (uint32_t)__builtin_ctzll(ways), bridge, mbuf);
	return ways;
}

void app_bridge_send_run(struct weir_stage *stage, const struct app_bridge *bridge,
	struct weir_stage_drops *drops, struct weir_mbuf **mbufs, const struct app_bridge_run *run)
{
	for (uint32_t i = run->first; i < run->end; i++)
		if (run->ways)
			app_bridge_send(stage, bridge, mbufs[i], run->ways);
		else
			weir_stage_drop_next(stage, drops, run->reason, mbufs[i]);
}

const char *app_bridge_edges[APP_PORT_MAX + 1];

void app_bridge_add(struct app_bridge *bridge, struct argp_state *state, const char *spec)
{
	if (bridge->count == APP_PORT_MAX)
		argp_failure(state, APP_MISUSE, 0, "more than %d ports", APP_PORT_MAX);
	bridge->specs[bridge->count++] = spec;
}

static bool open_port(struct app_bridge *bridge, uint32_t i)
{
	struct app *app = &bridge->run.app;
	struct weir_port *port = app_open_queues(app, bridge->specs[i], app->pool, bridge->workers);
	char name[16];

	snprintf(name, sizeof(name), "port%u", i);
	if (!port)
		return false;
	if (weir_port_queues(port) < bridge->workers) {
		app_fail(app, APP_MISUSE,
			"--workers %u: each needs a queue of its own, and '%s' has %u: take that "
			"many workers, or a port with queues=%u",
			bridge->workers, weir_port_name(port), weir_port_queues(port),
			bridge->workers);
		return false;
	}
	if (weir_port_sends(port))
		bridge->senders |= bit(i);
	return app_pipeline_port(&bridge->run, name, port);
}

static bool add_port(struct app_bridge *bridge, const char *stage, uint32_t i)
{
	bool sends = bridge->senders & bit(i);
	char port[16];

	snprintf(port, sizeof(port), "port%u", i);
	return app_pipeline_text(&bridge->run,
		"in%u: rx %s port=%u workers=%u\n"
		"out%u: %s %s\n"
		"in%u -> %s\n"
		"%s.out%u -> out%u\n",
		i, port, i, bridge->workers, i, sends ? "tx" : "drop", sends ? port : "", i, stage,
		stage, i, i);
}

/* From each port to the stage, and from there to each port. */
static bool build(struct app_bridge *bridge, const struct weir_stage_type *type)
{
	static char names[APP_PORT_MAX][16];

	for (uint32_t i = 0; i < bridge->count; i++) {
		snprintf(names[i], sizeof(names[i]), "out%u", i);
		app_bridge_edges[i] = names[i];
	}
	bridge->types[0] = type;
	app_bridge_own_types(bridge);
	if (!app_pipeline_create(&bridge->run, "bridge", bridge->types) ||
		!app_pipeline_add(&bridge->run, type->name, type->name, bridge))
		return false;
	for (uint32_t i = 0; i < bridge->count; i++)
		if (!open_port(bridge, i))
			return false;
	if (bridge->stage_workers > 1)
		return app_bridge_cut(bridge, type);
	for (uint32_t i = 0; i < bridge->count; i++)
		if (!add_port(bridge, type->name, i))
			return false;
	return true;
}

static void name_figures(
	struct app_bridge *bridge, const struct weir_stage_type *type, struct app_count *drops)
{
	struct app *app = &bridge->run.app;

	while (type->counters[app->drop_count]) {
		drops[app->drop_count].name = type->counters[app->drop_count];
		app->drop_count++;
	}
	app->drops = drops;
	bridge->counts[0].name = "stations";
	bridge->counts[1].name = "displaced";
	app->counts = bridge->counts;
	app->count_count = 2;
}

void app_bridge_run(
	struct app_bridge *bridge, const struct weir_stage_type *type, struct app_count *drops)
{
	struct app *app = &bridge->run.app;

	name_figures(bridge, type, drops);
	bridge->table = mac_table_create(STATIONS, bridge->aging * UINT64_C(1000000000));
	if (!bridge->table)
		app_fail(app, APP_FAILED, "no memory for a table of %d stations", STATIONS);
	else if (app_start(app) && build(bridge, type))
		app_pipeline_run(&bridge->run);
	for (uint32_t i = 0; bridge->types[i] && bridge->types[i]->counters == type->counters; i++)
		app_pipeline_count(&bridge->run, bridge->types[i], drops);
	if (bridge->table) {
		bridge->counts[0].count = mac_table_count(bridge->table, app_now_ns());
		bridge->counts[1].count = mac_table_evictions(bridge->table);
	}
}

int app_bridge_finish(struct app_bridge *bridge)
{
	int status = app_pipeline_finish(&bridge->run);

	mac_table_destroy(bridge->table);
	return status;
}
