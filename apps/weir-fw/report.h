/* SPDX-License-Identifier: BSD-3-Clause */
/* report.h: what weir-fw says at its end. */
#ifndef FW_REPORT_H
#define FW_REPORT_H

#include "apps/common/app.h"
#include "apps/weir-fw/files.h"

/* To standard output, in JSON or not as the options say. totals NULL: no packets were judged. */
void fw_report(const struct app *app, const struct fw_ruleset *rules,
	const struct fw_totals *totals, const struct fw_track_stats *tracked);

#endif
