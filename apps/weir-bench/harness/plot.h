/* SPDX-License-Identifier: BSD-3-Clause */
/* plot.h: rows as one page that needs nothing else. */
#ifndef PLOT_H
#define PLOT_H

#include <jansson.h>

/* Write path: ratio bars where rows has several implementations, cost against burst size and
 * against threads, and every row. 0 or -errno. */
int plot_page(const char *path, const json_t *rows);

#endif
