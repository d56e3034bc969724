/* SPDX-License-Identifier: BSD-3-Clause */
/* timing.h: how well the schedule was kept, and the cache was used, in the report. */
#ifndef REPLAY_TIMING_H
#define REPLAY_TIMING_H

#include "apps/common/app.h"

/* Put the figures in front of what the report has behind its own already. */
void replay_report_play(struct app *app, const struct weir_stage_play *play, bool paced);

#endif
