/* SPDX-License-Identifier: BSD-3-Clause */
/* live.c: a run on ports: what the threads that judge share, and what is done beside them. */
#include "apps/weir-fw/live_impl.h"

#include "apps/weir-fw/control.h"
#include "apps/weir-fw/report.h"
#include "apps/weir-fw/router.h"

#include <string.h>

/* How often connections and fragments go when no packet comes; and how many calls of the tracker
 * then, of 16 connections each: some milliseconds. */
#define EXPIRE_EACH_NS UINT64_C(1000000000)
#define EXPIRE_ROUNDS  1024

/* Errors are told at most so often a second, and so many at once; as net.ipv4.icmp_msgs_per_sec and
 * icmp_msgs_burst of the kernel. */
#define NS           UINT64_C(1000000000)
#define ERRORS       1000
#define ERRORS_BURST 50

/* Packets that a port is asked for: with 64 instead of 32 each takes some 6 ns less. */
#define BURST 64

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

/* On the thread in front. */
static void expire_parts(void *context)
{
	struct fw_view *view = context;

	view->expire_parts(view);
}

/* On a thread that judges. */
static void expire_some(void *context)
{
	const struct fw_view *view = context;
	const struct fw_generation *generation = weir_rcu_read(&view->live->reload.slot);
	struct fw_tracker *tracker = fw_generation_tracker(generation, view->judge.worker);
	uint64_t now_ns = fw_since_1970();

	for (uint32_t i = 0; tracker && i < EXPIRE_ROUNDS; i++)
		if (fw_tracker_expire(tracker, now_ns) == 0)
			break;
	expire_parts(context);
}

int fw_live_call(const struct fw_live *live, const char *stage, uint32_t worker,
	void (*function)(void *context), void *context, uint32_t timeout_ms)
{
	const struct weir_pipeline *pipeline = live->bridge.run.pipeline;
	uint32_t first;

	weir_pipeline_stage_workers(
		pipeline, (uint32_t)weir_pipeline_find(pipeline, stage), &first);
	return weir_pipeline_call(pipeline, first + worker, function, context, timeout_ms);
}

/* Bursts of packets make connections go whose time is over, and fragments. They do so when none
 * comes, too; and packets go whose neighbour does not answer. */
static void expire(struct fw_live *live, uint64_t now_ns)
{
	const uint32_t workers = live->reload.workers;

	if (live->times_of_packets || now_ns - live->expired_ns < EXPIRE_EACH_NS)
		return;
	live->expired_ns = now_ns;
	/* one that is busy or stuck is asked again */
	for (uint32_t i = 0; i < workers; i++)
		fw_live_call(live, "firewall", i, expire_some, live->views[i], FW_PATIENCE_MS);
	if (workers > 1)
		fw_live_call(live, "steer", 0, expire_parts, live->views[workers], FW_PATIENCE_MS);
	if (live->net.host.count)
		fw_hops_expire(live);
}

static void look_around(struct app_pipeline *run)
{
	struct fw_live *live = (struct fw_live *)run;
	uint64_t now_ns = app_now_ns();

	fw_reload_look(&live->reload, now_ns);
	fw_logs_flush(live->logs);
	expire(live, now_ns);
	if (live->net.host.count)
		fw_hops_look(live);
}

/* What the threads have counted, which have ended. */
static void add_totals(struct fw_live *live)
{
	for (uint32_t i = 0; i < FW_VIEWS; i++)
		if (live->views[i])
			fw_totals_sum(&live->totals, &live->views[i]->totals);
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

	add_totals(live);
	if (now->trackers)
		fw_trackers_stats(now->trackers, &live->tracked);
	if (fw_events_close(live->reload.events, &live->told))
		app_fail(&run->app, APP_FAILED, "%s", weir_last_error());
	live->reload.events = NULL;
	fw_report_add(&run->app, &figures);
}

static void run_bridge(struct fw_live *live)
{
	const struct weir_stage_type *judge =
		live->net.host.count ? &fw_router_type : &fw_bridge_type;
	static struct weir_stage_type steer, hops; /* outlive the pipeline */

	steer = fw_steer_type(judge);
	if (live->net.host.count) {
		hops = fw_hops_type();
		live->bridge.behind = &hops;
	}
	live->errors = (struct fw_limit){
		.rate = ERRORS, .unit_s = 1, .most_ns = ERRORS_BURST * (NS / ERRORS)};
	live->bridge.stage_workers = live->reload.workers;
	live->bridge.front = &steer;
	app_bridge_run(&live->bridge, judge, live->drops);
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
	if (live->events &&
		!(live->reload.events = fw_events_open(live->events, live->reload.workers))) {
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
		run_bridge(live);
	if (fw_logs_close(live->logs))
		app_fail(&run->app, APP_FAILED, "%s", weir_last_error());
	status = app_bridge_finish(&live->bridge);
	/* of a run that has not begun */
	fw_events_close(live->reload.events, &live->told);
	fw_reload_end(&live->reload);
	return status;
}
