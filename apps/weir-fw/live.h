/* SPDX-License-Identifier: BSD-3-Clause */
/* live.h: judge the frames that a bridge between ports passes on. */
#ifndef FW_LIVE_H
#define FW_LIVE_H

#include "apps/common/bridge.h"
#include "apps/weir-fw/files.h"
#include "apps/weir-fw/logs.h"
#include "apps/weir-fw/reload.h"

/* Reasons to drop a frame besides those of the bridge. */
enum { FW_LIVE_RULES = APP_BRIDGE_REASONS, FW_LIVE_MALFORMED, FW_LIVE_REASONS };

struct fw_live {
	struct app_bridge bridge;
	struct fw_reload reload;
	char names[APP_PORT_MAX][FW_IFNAMSIZ]; /* of the interfaces */
	bool times_of_packets;                 /* what files say, not what the clock says */
	const char *log;                       /* NULL: none */
	/* what the stage writes, and nobody else reads before it has ended */
	struct fw_logs *logs;
	struct fw_totals totals;
	struct fw_track_stats tracked;
	struct app_count drops[FW_LIVE_REASONS];
};

/* Add a port: its spec, or NAME=SPEC. The name that rules know it by is NAME, or else the first
 * word of the spec where that can be the name of an interface, or else port0, port1, ... */
void fw_live_add(struct fw_live *live, struct argp_state *state, const char *text);

/* Run by these rules, which are freed, and report. Returns the exit status. */
int fw_live_run(struct fw_live *live, struct fw_ruleset *rules);

#endif
