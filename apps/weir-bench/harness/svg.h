/* SPDX-License-Identifier: BSD-3-Clause */
/* svg.h: two kinds of drawing for a page: lines over a few x values, and bars. */
#ifndef SVG_H
#define SVG_H

#include <stddef.h>
#include <stdio.h>

#define SVG_POINTS_MAX 32

struct svg_series {
	const char *name;
	unsigned color;           /* which of the palette */
	double y[SVG_POINTS_MAX]; /* one for each x of the chart; 0: none */
};

struct svg_chart {
	const char *title;
	const char *x_name;
	const char *y_name;
	int x[SVG_POINTS_MAX]; /* evenly spaced on the axis, as they double in practice */
	size_t x_count;
	const struct svg_series *series;
	size_t series_count;
};

void svg_lines(FILE *out, const struct svg_chart *chart);

struct svg_bar {
	char label[64];
	unsigned color;
	double value, min, max; /* the bar, and how far it spread */
};

/* Bars to the right from 0, with a mark at 1: ratios. */
void svg_bars(FILE *out, const char *title, const struct svg_bar *bars, size_t count);

/* Text with the characters that HTML keeps for itself replaced. */
void svg_text(FILE *out, const char *text);

#endif
