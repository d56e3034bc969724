/* SPDX-License-Identifier: BSD-3-Clause */
/* pipeline_impl.h: what pipeline.c and reload.c share. */
#ifndef APP_PIPELINE_IMPL_H
#define APP_PIPELINE_IMPL_H

#include "apps/common/pipeline.h"

/* A pipeline as the options say. NULL with weir_last_error(). */
struct weir_pipeline *app_pipeline_make(
	const struct app_pipeline *run, const struct weir_stage_type *const *more);

/* Is standard output taken by packets? */
void app_pipeline_note_ports(struct app_pipeline *run);

/* The command, on the thread of the socket. */
int app_reload(const struct weir_control_request *request, char **answer, void *context);

/* On the thread of the run: do it if it was asked for. false: the run cannot go on. And: there will
 * be no more. */
bool app_reload_if_told(struct app_pipeline *run);
void app_reload_end(struct app_pipeline *run);

#endif
