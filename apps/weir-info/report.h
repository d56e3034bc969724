/* SPDX-License-Identifier: BSD-3-Clause */
/* report.h: figures as text, as a line of a table, and as JSON. */
#ifndef INFO_REPORT_H
#define INFO_REPORT_H

#include "apps/weir-info/figures.h"

#include <jansson.h>

void report_text(const struct figures *figures);

void report_table_head(void);
void report_table_line(const struct figures *figures);

/* A new object. */
json_t *report_json(const struct figures *figures);

#endif
