/* SPDX-License-Identifier: BSD-3-Clause */
/* live.h: judge the frames that a bridge between ports passes on. */
#ifndef FW_LIVE_H
#define FW_LIVE_H

#include "apps/common/bridge.h"
#include "apps/weir-fw/files.h"
#include "apps/weir-fw/logs.h"
#include "apps/weir-fw/net.h"
#include "apps/weir-fw/reload.h"

/* Reasons to drop a frame besides those of the bridge; and those of a router. */
enum { FW_LIVE_RULES = APP_BRIDGE_REASONS, FW_LIVE_MALFORMED, FW_LIVE_FRAGMENTS, FW_LIVE_REASONS };
enum {
	FW_ROUTER_FOREIGN, /* not for us, or nothing that is routed */
	FW_ROUTER_MALFORMED,
	FW_ROUTER_RULES,
	FW_ROUTER_UNREACHABLE, /* no route, or too long for the link */
	FW_ROUTER_HOPS,
	FW_ROUTER_NEIGHBOUR, /* away, or too many wait for it */
	FW_ROUTER_LOCAL,     /* for us, where nobody takes it */
	FW_ROUTER_POOL_DRY,
	FW_ROUTER_FRAGMENTS, /* of packets that never became whole */
	FW_ROUTER_REASONS
};

/* Threads that look at packets at most; and of these, that judge: others receive and send. */
#define FW_VIEWS   WEIR_PIPELINE_WORKERS
#define FW_WORKERS (FW_VIEWS - 2)

struct fw_live {
	struct app_bridge bridge;
	struct fw_reload reload;
	struct fw_net net;                     /* with addresses in it, this is a router */
	char names[APP_PORT_MAX][FW_IFNAMSIZ]; /* of the interfaces */
	bool times_of_packets;                 /* what files say, not what the clock says */
	const char *log, *events;              /* files; NULL: none */
	struct fw_limit errors;                /* that a router tells */
	uint64_t expired_ns;                   /* when it was last looked for, in vain of packets */
	struct fw_logs *logs;
	struct fw_hops *hops; /* of a router: its neighbours */
	uint64_t anew;        /* ports whose neighbours are to be forgotten, a bit each */
	struct fw_view *views[FW_VIEWS]; /* of those that judge, by number; then the one in front */
	/* of the run, once it has ended */
	struct fw_totals totals;
	struct fw_track_stats tracked;
	struct fw_event_stats told;
	struct app_count drops[FW_ROUTER_REASONS]; /* of either; these are more */
};

/* Add a port: its spec, or NAME=SPEC. The name that rules know it by is NAME, or else the first
 * word of the spec where that can be the name of an interface, or else port0, port1, ... */
void fw_live_add(struct fw_live *live, struct argp_state *state, const char *text);

/* The stages of a bridge and of a router; and what is in front of several workers of either:
 * live_steer.c. */
extern const struct weir_stage_type fw_bridge_type, fw_router_type;
struct weir_stage_type fw_steer_type(const struct weir_stage_type *judge);
/* And behind several workers of a router: router_hops.c. */
struct weir_stage_type fw_hops_type(void);

/* Run by these rules, which are freed, and report. Returns the exit status. */
int fw_live_run(struct fw_live *live, struct fw_ruleset *rules);

#endif
