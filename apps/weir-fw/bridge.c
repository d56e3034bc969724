/* SPDX-License-Identifier: BSD-3-Clause */
/* bridge.c: a bridge whose frames pass through the hooks of the rules.
 *
 * The hook prerouting comes once for a frame, forward and postrouting for each port that it would
 * go to: a frame to all ports may reach some of them. What is no IP passes, as in a kernel. */
#include "apps/weir-fw/live_impl.h"

#include <string.h>

/* Of these ways those that the rules leave. The decision is the last one's that dropped. */
static uint64_t judge_ways(struct fw_view *state, uint64_t ways, struct fw_decision *decision)
{
	uint32_t mark = state->packet.mark;
	uint64_t left = 0;

	for (; ways; ways &= ways - 1) {
		struct fw_decision of_way = {.verdict = FW_ACCEPT};
		uint32_t port = (uint32_t)__builtin_ctzll(ways);

		memcpy(state->packet.out, state->live->names[port], FW_IFNAMSIZ);
		state->packet.mark = mark;
		fw_judge_hook(&state->judge, FW_FORWARD, &state->packet, &of_way);
		if (of_way.verdict == FW_ACCEPT)
			fw_judge_hook(&state->judge, FW_POSTROUTING, &state->packet, &of_way);
		if (of_way.verdict == FW_ACCEPT)
			left |= UINT64_C(1) << port;
		else
			*decision = of_way;
	}
	if (left)
		*decision = (struct fw_decision){.verdict = FW_ACCEPT};
	return left;
}

uint64_t fw_bridge_judge(struct fw_view *state, uint64_t ways, struct fw_decision *decision)
{
	fw_judge_hook(&state->judge, FW_PREROUTING, &state->packet, decision);
	ways = decision->verdict == FW_ACCEPT ? judge_ways(state, ways, decision) : 0;
	if (state->judge.tracker)
		fw_tracker_decided(state->judge.tracker, ways);
	return ways;
}

/* Of the frame in view, the ways that are left; 0: none, for this reason. */
static uint64_t judge(
	struct fw_view *state, const struct weir_mbuf *mbuf, uint64_t ways, uint32_t *reason)
{
	struct fw_decision decision = {.verdict = FW_ACCEPT};

	*reason = FW_LIVE_RULES;
	if (state->packet.kind == FW_KIND_MALFORMED) {
		*reason = FW_LIVE_MALFORMED;
		decision.verdict = FW_DROP;
		ways = 0;
	} else if (state->packet.kind == FW_KIND_IP) {
		ways = fw_bridge_judge(state, ways, &decision);
	}
	fw_totals_add(&state->totals, &state->packet, &decision, mbuf->length);
	return ways;
}

/* One of those that rules have to be asked for. */
static uint64_t judge_slowly(
	struct fw_view *state, const struct weir_mbuf *mbuf, uint64_t ways, uint32_t *reason)
{
	/* for what goes several ways, rules count what no later packet of it has to do with */
	bool one_way = !(ways & (ways - 1));

	fw_fast_record(&state->fast, &state->judge);
	ways = judge(state, mbuf, ways, reason);
	if (ways && one_way && state->packet.kind == FW_KIND_IP)
		fw_fast_learn(&state->fast, &state->packet,
			fw_fast_way(mbuf->port, (uint32_t)__builtin_ctzll(ways)));
	return ways;
}

/* Frames that are known go where they would, to one port. */
static void send_known(struct weir_stage *stage, uint32_t port, struct weir_mbuf **mbufs,
	uint32_t first, uint32_t count)
{
	struct fw_view *view = stage->state;
	struct fw_totals *totals = &view->totals;
	uint64_t bytes = 0;

	for (uint32_t i = first; i < first + count; i++)
		bytes += mbufs[i]->length;
	totals->read.packets += count;
	totals->read.bytes += bytes;
	totals->accepted.packets += count;
	totals->accepted.bytes += bytes;
	totals->known += count;
	app_bridge_pass(stage, port, mbufs, view->fast.count, first, count);
}

/* Of a run of frames that would go the same ways. */
static void filter_run(struct weir_stage *stage, struct weir_mbuf **mbufs,
	const struct app_bridge_run *run, struct weir_stage_drops *drops)
{
	struct fw_view *state = stage->state;
	uint32_t port = run->ways ? (uint32_t)__builtin_ctzll(run->ways) : 0, known = 0;
	uint16_t way = fw_fast_way(mbufs[run->first]->port, port);
	bool one = run->ways && !(run->ways & (run->ways - 1));

	for (uint32_t i = run->first; i < run->end; i += known ? known : 1) {
		uint32_t reason = run->reason;
		uint64_t ways = run->ways;

		known = one ? fw_fast_take(&state->fast, i, run->end, way) : 0;
		if (known) {
			send_known(stage, port, mbufs, i, known);
			continue;
		}
		if (ways) {
			fw_view_read(state, mbufs[i]);
			if (fw_bridge_part(stage, mbufs[i], ways))
				continue;
			ways = judge_slowly(state, mbufs[i], ways, &reason);
		}
		if (ways)
			app_bridge_send(stage, &state->live->bridge, mbufs[i], ways);
		else
			weir_stage_drop_next(stage, drops, reason, mbufs[i]);
	}
}

static_assert(FW_FAST_BURST >= WEIR_STAGE_BURST, "a stage is run with a burst");

static __attribute__((noinline)) void look(
	struct fw_view *state, struct weir_mbuf *const *mbufs, uint32_t count)
{
	const bool times_of_packets = state->live->times_of_packets;
	const uint64_t now_ns = state->now_ns;

	fw_fast_begin(&state->fast, &state->judge, state->generation, count);
	for (uint32_t i = 0; i < count; i++) {
		const struct weir_mbuf *mbuf = mbufs[i];

		fw_fast_add(&state->fast, i, weir_mbuf_data(mbuf), mbuf->data_length,
			times_of_packets ? mbuf->timestamp_ns : now_ns);
	}
	fw_fast_look(&state->fast);
}

static void filter(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	struct fw_view *state = stage->state;
	const struct app_bridge *bridge = &state->live->bridge;
	struct weir_stage_drops drops = {.mbufs = mbufs};
	struct app_bridge_run runs[WEIR_STAGE_BURST];
	uint32_t run_count = app_bridge_runs(bridge, mbufs, count, app_now_ns(), runs);

	fw_view_begin(state);
	fw_parts_pass(&state->parts, state->live->times_of_packets ? 0 : state->now_ns);
	look(state, mbufs, count);
	for (uint32_t i = 0; i < run_count; i++)
		filter_run(stage, mbufs, &runs[i], &drops);
	fw_fast_end(&state->fast);
	fw_view_end(state);
	weir_stage_drop_rest(stage, &drops);
}

static int open_filter(struct weir_stage_args *args, void *conf)
{
	const struct fw_live *live = weir_stage_data(args);

	*(const struct fw_live **)conf = live;
	fw_reload_warn(&live->reload);
	return 0;
}

static int set_up(struct weir_stage *stage)
{
	fw_view_open(stage->state, *(struct fw_live **)stage->conf, stage->worker);
	return fw_bridge_parts_open(stage);
}

static const char *const counters[] = {
	APP_BRIDGE_COUNTERS, [FW_LIVE_RULES] = "rules", [FW_LIVE_MALFORMED] = "malformed",
	[FW_LIVE_FRAGMENTS] = "fragments", [FW_LIVE_REASONS] = NULL};

const struct weir_stage_type fw_bridge_type = {
	.name = "firewall",
	.help = "learn, find the port, and judge by rules",
	.edges = app_bridge_edges,
	.counters = counters,
	.conf_size = sizeof(struct fw_live *),
	.state_size = sizeof(struct fw_view),
	.open = open_filter,
	.setup = set_up,
	.teardown = fw_bridge_parts_close,
	.run = filter,
};
