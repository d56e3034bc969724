/* SPDX-License-Identifier: BSD-3-Clause */
/* live.c: a bridge whose frames pass through the hooks of the rules.
 *
 * The hook prerouting comes once for a frame, forward and postrouting for each port that it would
 * go to: a frame to all ports may reach some of them. What is no IP passes, as in a kernel. */
#include "apps/weir-fw/live_impl.h"

#include "apps/weir-fw/control.h"
#include "apps/weir-fw/report.h"

#include <string.h>
#include <time.h>

/* How often connections go when no packet comes; and how many calls of the tracker then, of 16
 * connections each: some milliseconds. */
#define EXPIRE_EACH_NS UINT64_C(1000000000)
#define EXPIRE_ROUNDS  1024

/* Packets that a port is asked for: with 64 instead of 32 each takes some 6 ns less. */
#define BURST 64

static void on_log(void *context, const struct fw_rule *rule, const struct fw_statement *statement,
	const struct fw_packet *packet)
{
	struct fw_live *live = context;

	live->totals.logged++;
	fw_logs_write(live->logs, rule, statement, packet);
}

void fw_view_set(
	struct fw_view *view, const uint8_t *data, uint32_t length, const struct weir_mbuf *mbuf)
{
	struct fw_packet *packet = &view->packet;

	fw_packet_read(packet, data, length, WEIR_LINK_ETHERNET);
	packet->time_ns = view->live->times_of_packets ? mbuf->timestamp_ns : view->now_ns;
	packet->mark = 0;
	packet->routed = false; /* a bridge takes nothing off the TTL, a router does so itself */
	memcpy(packet->in, view->live->names[mbuf->port], FW_IFNAMSIZ);
	memset(packet->out, 0, FW_IFNAMSIZ);
}

bool fw_view_read(struct fw_view *view, const struct weir_mbuf *mbuf)
{
	const uint8_t *data = weir_mbuf_data(mbuf);
	uint32_t length = mbuf->length;
	bool pieces = mbuf->data_length < length;

	if (pieces) {
		length = length < FW_FLAT ? length : FW_FLAT;
		weir_mbuf_read(mbuf, 0, view->flat, length);
		data = view->flat;
	}
	fw_view_set(view, data, length, mbuf);
	return pieces;
}

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
	fw_totals_add(&state->live->totals, &state->packet, &decision, mbuf->length);
	return ways;
}

uint64_t fw_since_1970(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void fw_view_open(struct fw_view *view, struct fw_live *live)
{
	view->live = live;
	view->judge = (struct fw_judge){.state = fw_tracker_state, .log = on_log, .context = live};
}

void fw_view_begin(struct fw_view *view)
{
	const struct fw_generation *generation = weir_rcu_read(&view->live->reload.slot);

	view->judge.rules = generation->rules;
	view->judge.tracker = generation->tracker;
	view->generation = generation->number;
	view->now_ns = fw_since_1970();
}

void fw_view_end(struct fw_view *view)
{
	if (view->judge.tracker)
		fw_tracker_expire(
			view->judge.tracker, view->live->times_of_packets ? 0 : view->now_ns);
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
	const struct fw_view *view = stage->state;
	struct fw_totals *totals = &view->live->totals;
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
	fw_view_open(stage->state, *(struct fw_live **)stage->conf);
	return fw_bridge_parts_open(stage);
}

static const char *const counters[] = {
	APP_BRIDGE_COUNTERS, [FW_LIVE_RULES] = "rules", [FW_LIVE_MALFORMED] = "malformed",
	[FW_LIVE_FRAGMENTS] = "fragments", [FW_LIVE_REASONS] = NULL};

static const struct weir_stage_type filter_type = {
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

static bool all_are_files(const struct app_bridge *bridge)
{
	for (uint32_t i = 0; i < bridge->count; i++)
		if (!app_is_path(bridge->specs[i]) && strncmp(bridge->specs[i], "pcap:", 5) != 0)
			return false;
	return true;
}

static int reload(const struct weir_control_request *request, char **answer, void *context)
{
	struct fw_live *live = context; /* the pipeline is its first member */

	(void)request;
	return fw_reload_now(&live->reload, answer);
}

/* On the thread that judges. */
static void expire_some(void *context)
{
	const struct fw_live *live = context;
	const struct fw_generation *generation = weir_rcu_read(&live->reload.slot);
	uint64_t now_ns = fw_since_1970();

	for (uint32_t i = 0; generation->tracker && i < EXPIRE_ROUNDS; i++)
		if (fw_tracker_expire(generation->tracker, now_ns) == 0)
			break;
}

/* Bursts of packets make connections go whose time is over. They do so when none comes, too. */
static void expire(struct fw_live *live, uint64_t now_ns)
{
	if (live->times_of_packets || now_ns - live->expired_ns < EXPIRE_EACH_NS)
		return;
	live->expired_ns = now_ns;
	/* one that is busy or stuck is asked again */
	weir_pipeline_call(live->bridge.run.pipeline, 0, expire_some, live, 100);
}

static void look_around(struct app_pipeline *run)
{
	struct fw_live *live = (struct fw_live *)run;
	uint64_t now_ns = app_now_ns();

	fw_reload_look(&live->reload, now_ns);
	fw_logs_flush(live->logs);
	expire(live, now_ns);
}

static void report(struct app_pipeline *run)
{
	struct fw_live *live = (struct fw_live *)run;
	const struct fw_generation *now = weir_rcu_read(&live->reload.slot);
	const struct fw_figures figures = {.rules = now->rules,
		.totals = &live->totals,
		.tracked = &live->tracked,
		.told = live->events ? &live->told : NULL,
		.reloads = live->reload.reloads,
		.refused = live->reload.refused};

	if (now->tracker)
		fw_tracker_stats(now->tracker, &live->tracked);
	if (fw_events_close(live->reload.events, &live->told))
		app_fail(&run->app, APP_FAILED, "%s", weir_last_error());
	live->reload.events = NULL;
	fw_report_add(&run->app, &figures);
}

int fw_live_run(struct fw_live *live, struct fw_ruleset *rules)
{
	struct app_pipeline *run = &live->bridge.run;
	int status;

	run->burst = BURST;
	run->reload = reload;
	run->look = look_around;
	run->report = report;
	run->commands = fw_control_commands(live);
	live->times_of_packets = all_are_files(&live->bridge);
	if (live->events && !(live->reload.events = fw_events_open(live->events))) {
		app_fail(&run->app, APP_FAILED, "%s", weir_last_error());
		fw_free(rules);
		return run->app.status;
	}
	if (fw_reload_begin(&live->reload, rules)) {
		app_fail(&run->app, APP_FAILED, "%s", weir_last_error());
		return run->app.status;
	}
	if (live->log && !(live->logs = fw_logs_open(live->log)))
		app_fail(&run->app, APP_FAILED, "%s", weir_last_error());
	else
		app_bridge_run(&live->bridge, live->net.host.count ? &fw_router_type : &filter_type,
			live->drops);
	if (fw_logs_close(live->logs))
		app_fail(&run->app, APP_FAILED, "%s", weir_last_error());
	status = app_bridge_finish(&live->bridge);
	/* of a run that has not begun */
	fw_events_close(live->reload.events, &live->told);
	fw_reload_end(&live->reload);
	return status;
}
