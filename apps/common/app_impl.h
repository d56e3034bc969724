/* SPDX-License-Identifier: BSD-3-Clause */
/* app_impl.h: what the files of apps/common share among themselves. */
#ifndef APP_APP_IMPL_H
#define APP_APP_IMPL_H

#include "apps/common/app.h"

/* Figures of a port, taken before it is closed. */
struct app_port_figures {
	char *name;
	char *error; /* NULL without one */
	struct weir_port_stats stats;
};

/* Catch ^C and SIGTERM. */
void app_catch_signals(void);

/* Remove the progress bar from its line. */
void app_clear_progress(struct app *app);

/* Print the report as the options say. The ports are closed. */
void app_report(struct app *app, const struct app_port_figures *ports, uint32_t count);

#endif
