/* SPDX-License-Identifier: BSD-3-Clause */
/* report.h: what weir-fw says at its end. */
#ifndef FW_REPORT_H
#define FW_REPORT_H

#include "apps/common/app.h"
#include "apps/weir-fw/events.h"
#include "apps/weir-fw/files.h"

struct fw_figures {
	const struct fw_ruleset *rules;
	const struct fw_totals *totals; /* NULL: no packets were judged */
	const struct fw_track_stats *tracked;
	/* of a run on ports */
	const struct fw_event_stats *told; /* NULL: nobody was */
	uint64_t reloads, refused;
};

/* To standard output, in JSON or not as the options say. */
void fw_report(const struct app *app, const struct fw_figures *figures);

/* Into the report that app_finish() is about to print. */
void fw_report_add(struct app *app, const struct fw_figures *figures);

#endif
