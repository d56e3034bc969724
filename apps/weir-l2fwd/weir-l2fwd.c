/* SPDX-License-Identifier: BSD-3-Clause */
/* weir-l2fwd.c: a learning bridge between two ports or more, after IEEE 802.1D.
 *
 *	weir-l2fwd pcap:rx=a.pcap,tx=to-a.pcap pcap:rx=b.pcap,tx=to-b.pcap
 */
#include "apps/common/bridge.h"

static void forward(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	const struct app_bridge *bridge = *(const struct app_bridge **)stage->conf;
	struct weir_stage_drops drops = {.mbufs = mbufs};
	struct app_bridge_run runs[WEIR_STAGE_BURST];
	uint32_t run_count = app_bridge_runs(bridge, mbufs, count, app_now_ns(), runs);

	for (uint32_t i = 0; i < run_count; i++)
		app_bridge_send_run(stage, bridge, &drops, mbufs, &runs[i]);
	weir_stage_drop_rest(stage, &drops);
}

static int open_bridge(struct weir_stage_args *args, void *conf)
{
	*(const struct app_bridge **)conf = weir_stage_data(args);
	return 0;
}

static const char *const counters[] = {APP_BRIDGE_COUNTERS, [APP_BRIDGE_REASONS] = NULL};

static const struct weir_stage_type bridge_type = {
	.name = "bridge",
	.help = "learn, and find the port",
	.edges = app_bridge_edges,
	.counters = counters,
	.conf_size = sizeof(const struct app_bridge *),
	.open = open_bridge,
	.run = forward,
};

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct app_bridge *bridge = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &bridge->run;
		return 0;
	case 'a':
		bridge->aging = app_number(state, "--aging", value, 0, APP_BRIDGE_AGING_MAX);
		return 0;
	case 'w':
		bridge->workers =
			(uint32_t)app_number(state, "--workers", value, 1, WEIR_PIPELINE_WORKERS);
		return 0;
	case ARGP_KEY_ARG:
		app_bridge_add(bridge, state, value);
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
	static struct app_bridge bridge = {.workers = 1, .aging = APP_BRIDGE_AGING};
	static struct app_count drops[APP_BRIDGE_REASONS];

	app_parse(&bridge.run.app, &argp, argc, argv, &bridge);
	app_bridge_run(&bridge, &bridge_type, drops);
	return app_bridge_finish(&bridge);
}
