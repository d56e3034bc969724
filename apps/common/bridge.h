/* SPDX-License-Identifier: BSD-3-Clause */
/* bridge.h: a learning bridge between two ports or more, after IEEE 802.1D: a pipeline with one
 * stage that all ports lead to, and that leads to all ports. The stage is the program's, made of
 * these calls:
 *
 *	run_count = app_bridge_runs(bridge, mbufs, count, now_ns, runs);
 *	for each run
 *		app_bridge_send_run(stage, bridge, &drops, mbufs, run);
 */
#ifndef APP_BRIDGE_H
#define APP_BRIDGE_H

#include "apps/common/mac_table.h"
#include "apps/common/pipeline.h"

#define APP_BRIDGE_AGING     300 /* seconds; the default of 802.1D, 7.9.2 */
#define APP_BRIDGE_AGING_MAX 1000000

/* Reasons to drop a frame: the first counters of the stage. */
enum {
	APP_BRIDGE_RUNT,
	APP_BRIDGE_NOT_ETHERNET,
	APP_BRIDGE_RESERVED,
	APP_BRIDGE_FILTERED,
	APP_BRIDGE_NO_OUTPUT, /* ports to receive from only */
	APP_BRIDGE_POOL_DRY,
	APP_BRIDGE_REASONS
};
#define APP_BRIDGE_COUNTERS                                                     \
	[APP_BRIDGE_RUNT] = "runt", [APP_BRIDGE_NOT_ETHERNET] = "not ethernet", \
	[APP_BRIDGE_RESERVED] = "reserved", [APP_BRIDGE_FILTERED] = "filtered", \
	[APP_BRIDGE_NO_OUTPUT] = "no output", [APP_BRIDGE_POOL_DRY] = "pool dry"

struct app_bridge {
	struct app_pipeline run;
	const char *specs[APP_PORT_MAX];
	uint32_t count, workers;
	uint64_t aging; /* seconds */
	struct mac_table *table;
	/* With more than one, so many workers run the stage, and nothing else: what is in front of
	 * it is another one's. That sets the hash by which packets are spread, by which out of its
	 * way; behind, unless that is NULL, is run by one more, with a way out for each port, and
	 * finds in mbuf->port by which of its ways out the stage has sent a packet. Both get the
	 * bridge as data, and have the counters of the stage. */
	uint32_t stage_workers;
	const struct weir_stage_type *front, *behind;
	const struct weir_stage_type *types[6];
	uint64_t senders;           /* ports that send, a bit each */
	struct app_count counts[2]; /* stations, displaced */
};

/* Ways out of the stage: out0, out1, ...; named when it is built. */
extern const char *app_bridge_edges[APP_PORT_MAX + 1];

/* Add a port by its spec, or refuse it. */
void app_bridge_add(struct app_bridge *bridge, struct argp_state *state, const char *spec);

/* Open the ports, build the pipeline around a stage of this type, which gets the bridge as data,
 * run it, and count its drops into the array, which has a place for each counter of the type. */
void app_bridge_run(
	struct app_bridge *bridge, const struct weir_stage_type *type, struct app_count *drops);

/* bridge_cut.c: what types there are then beside the stage's; and build it. The ports are open. */
void app_bridge_own_types(struct app_bridge *bridge);
bool app_bridge_cut(struct app_bridge *bridge, const struct weir_stage_type *type);

/* Instead of app_pipeline_finish(), which it calls. */
int app_bridge_finish(struct app_bridge *bridge);

/* Frames in a row of the same port, with the same addresses: they go the same ways. */
struct app_bridge_run {
	uint64_t ways;       /* ports, a bit each */
	uint32_t reason;     /* when they are none: why */
	uint32_t first, end; /* numbers of frames: the first one, and behind the last one */
};

/* Cut a burst into runs, count at most: how many they are. Where the frames come from, mbuf->port,
 * is learned, and found where they go. */
uint32_t app_bridge_runs(const struct app_bridge *bridge, struct weir_mbuf *const *mbufs,
	uint32_t count, uint64_t now_ns, struct app_bridge_run *runs);

/* Hand clones on to all of these ports but the last, which is what is returned. */
uint64_t app_bridge_flood(struct weir_stage *stage, const struct app_bridge *bridge,
	struct weir_mbuf *mbuf, uint64_t ways);

/* Hand it on to these ports, at least one: clones, and the frame itself to the last of them. */
static inline void app_bridge_send(struct weir_stage *stage, const struct app_bridge *bridge,
	struct weir_mbuf *mbuf, uint64_t ways)
{
	if (weir_unlikely(ways & (ways - 1)))
		ways = app_bridge_flood(stage, bridge, mbuf, ways);
	weir_stage_next(stage, (uint32_t)__builtin_ctzll(ways), mbuf);
}

/* Hand on frames of the array of all that a stage was run with, count of them from number first on,
 * to one port. */
static inline void app_bridge_pass(struct weir_stage *stage, uint32_t port,
	struct weir_mbuf **mbufs, uint32_t all, uint32_t first, uint32_t count)
{
	/* the array itself goes on only with all of them */
	if (first || count == all)
		weir_stage_pass(stage, port, mbufs + first, count);
	else
		for (uint32_t i = 0; i < count; i++)
			weir_stage_next(stage, port, mbufs[i]);
}

/* Hand on, or drop, the frames of a run. */
void app_bridge_send_run(struct weir_stage *stage, const struct app_bridge *bridge,
	struct weir_stage_drops *drops, struct weir_mbuf **mbufs, const struct app_bridge_run *run);

#endif
