/* SPDX-License-Identifier: BSD-3-Clause */
/* bridge_cut.c: a bridge whose stage has several workers:
 *
 *	in0, in1 -> front -> spread --> stage -> to0, to1 -> gather --> behind -> out0, out1
 *	worker 0             (a ring)   1 to n               (a ring)   n + 1
 *
 * Where every port has a queue for each worker and nothing is to be done behind the stage, these
 * send themselves. */
#include "apps/common/bridge.h"

#include <stdio.h>

/* ---- the way out is kept with the packet, for the other side of the ring ---- */

static int open_mark(struct weir_stage_args *args, void *conf)
{
	uint64_t port = 0;
	int error = weir_stage_arg_number(args, "port", 0, APP_PORT_MAX - 1, &port);

	*(uint16_t *)conf = (uint16_t)port;
	return error;
}

static void mark(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	const uint16_t port = *(const uint16_t *)stage->conf;

	for (uint32_t i = 0; i < count; i++)
		mbufs[i]->port = port;
	weir_stage_pass(stage, 0, mbufs, count);
}

static const char *const mark_edges[] = {"out", NULL};
static const struct weir_stage_type mark_type = {
	.name = "mark",
	.help = "note the port that packets leave by",
	.edges = mark_edges,
	.conf_size = sizeof(uint16_t),
	.open = open_mark,
	.run = mark,
};

static void deal(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		weir_stage_next(stage, mbufs[i]->port, mbufs[i]);
}

static const struct weir_stage_type deal_type = {
	.name = "deal",
	.help = "hand packets on by the port that was noted",
	.edges = app_bridge_edges,
	.run = deal,
};

/* ---- the graph ---- */

void app_bridge_own_types(struct app_bridge *bridge)
{
	uint32_t count = 1;

	if (bridge->stage_workers <= 1)
		return;
	bridge->types[count++] = bridge->front;
	bridge->types[count++] = bridge->behind ? bridge->behind : &deal_type;
	bridge->types[count++] = &mark_type;
}

/* Does each port have a queue for each worker of the stage? */
static bool have_queues(const struct app_bridge *bridge)
{
	const struct app *app = &bridge->run.app;

	for (uint32_t i = 0; i < bridge->count; i++)
		if (weir_port_sends(app->ports[i]) &&
			weir_port_queues(app->ports[i]) < bridge->stage_workers)
			return false;
	return true;
}

static bool add_front(struct app_bridge *bridge, const char *stage)
{
	const char *front = bridge->front->name;

	if (!app_pipeline_add(&bridge->run, front, front, bridge) ||
		!app_pipeline_text(&bridge->run,
			"spread: ring workers=%u\n"
			"%s -> spread -> %s\n",
			bridge->stage_workers, front, stage))
		return false;
	for (uint32_t i = 0; i < bridge->count; i++)
		if (!app_pipeline_text(&bridge->run,
			    "in%u: rx port%u port=%u\n"
			    "in%u -> %s\n",
			    i, i, i, i, front))
			return false;
	return true;
}

static bool add_behind(struct app_bridge *bridge)
{
	const char *behind = bridge->types[2]->name;

	return app_pipeline_add(&bridge->run, behind, behind, bridge) &&
	       app_pipeline_text(&bridge->run,
		       "gather: ring\n"
		       "gather -> %s\n",
		       behind);
}

static bool add_way_out(struct app_bridge *bridge, const char *stage, uint32_t i, bool direct)
{
	const bool sends = bridge->senders >> i & 1;
	char port[16] = "";

	if (sends)
		snprintf(port, sizeof(port), "port%u", i);
	if (!app_pipeline_text(&bridge->run, "out%u: %s %s\n", i, sends ? "tx" : "drop", port))
		return false;
	if (direct)
		return app_pipeline_text(&bridge->run, "%s.out%u -> out%u\n", stage, i, i);
	return app_pipeline_text(&bridge->run,
		"to%u: mark port=%u\n"
		"%s.out%u -> to%u -> gather\n"
		"%s.out%u -> out%u\n",
		i, i, stage, i, i, bridge->types[2]->name, i, i);
}

bool app_bridge_cut(struct app_bridge *bridge, const struct weir_stage_type *type)
{
	const bool direct = !bridge->behind && have_queues(bridge);

	if (!add_front(bridge, type->name) || (!direct && !add_behind(bridge)))
		return false;
	for (uint32_t i = 0; i < bridge->count; i++)
		if (!add_way_out(bridge, type->name, i, direct))
			return false;
	return true;
}
