/* SPDX-License-Identifier: BSD-3-Clause */
/* draw.h: the graph of a pipeline as a drawing, without opening its ports. */
#ifndef WEIR_RUN_DRAW_H
#define WEIR_RUN_DRAW_H

#include "apps/common/app.h"

/* Print the graph that a file describes: text for graphviz, or SVG made by it. Ports need not be
 * there, and no file is created. */
void draw_file(struct app *app, const char *path, bool svg);

#endif
