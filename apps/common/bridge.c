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

uint64_t app_bridge_ways(const struct app_bridge *bridge, const struct weir_mbuf *mbuf,
	uint64_t now_ns, uint32_t *reason)
{
	uint8_t bounce[HEADER_SIZE];
	const uint8_t *to, *source;
	uint32_t port;

	*reason = APP_BRIDGE_NOT_ETHERNET;
	if (weir_mbuf_link_type(mbuf) != WEIR_LINK_ETHERNET)
		return 0;
	*reason = APP_BRIDGE_RUNT;
	to = weir_mbuf_peek(mbuf, 0, HEADER_SIZE, bounce);
	if (!to)
		return 0;
	source = to + MAC_LENGTH;
	if (!is_group(source))
		mac_table_learn(bridge->table, source, mbuf->port, now_ns);
	*reason = APP_BRIDGE_RESERVED;
	if (is_reserved(to))
		return 0;
	port = is_group(to) ? MAC_TABLE_UNKNOWN : mac_table_find(bridge->table, to, now_ns);
	*reason = APP_BRIDGE_FILTERED;
	if (port == mbuf->port)
		return 0;
	*reason = APP_BRIDGE_NO_OUTPUT;
	if (port == MAC_TABLE_UNKNOWN)
		return bridge->senders & ~bit(mbuf->port);
	return bridge->senders & bit(port);
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

const char *app_bridge_edges[APP_PORT_MAX + 1];

void app_bridge_add(struct app_bridge *bridge, struct argp_state *state, const char *spec)
{
	if (bridge->count == APP_PORT_MAX)
		argp_failure(state, APP_MISUSE, 0, "more than %d ports", APP_PORT_MAX);
	bridge->specs[bridge->count++] = spec;
}

static bool open_port(struct app_bridge *bridge, uint32_t i, char *name, size_t size)
{
	struct app *app = &bridge->run.app;
	struct weir_port *port = app_open(app, bridge->specs[i], app->pool);

	snprintf(name, size, "port%u", i);
	if (!port)
		return false;
	if (weir_port_sends(port))
		bridge->senders |= bit(i);
	return app_pipeline_port(&bridge->run, name, port);
}

static bool add_port(struct app_bridge *bridge, const char *stage, uint32_t i)
{
	char port[16];
	bool sends;

	if (!open_port(bridge, i, port, sizeof(port)))
		return false;
	sends = bridge->senders & bit(i);
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
	if (!app_pipeline_create(&bridge->run, "bridge", bridge->types) ||
		!app_pipeline_add(&bridge->run, type->name, type->name, bridge))
		return false;
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
	app_pipeline_count(&bridge->run, type, drops);
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
