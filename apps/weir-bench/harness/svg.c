/* SPDX-License-Identifier: BSD-3-Clause */
/* svg.c: draw charts as SVG, with no script and nothing from elsewhere. */
#include "svg.h"

#include <math.h>

/* Told apart by people who see colours differently (Okabe and Ito, 2008). */
static const char *const palette[] = {
	"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#777777", "#000000"};

/* The plot within its drawing, in pixels. */
enum {
	WIDTH = 460,
	HEIGHT = 280,
	LEFT = 56,
	RIGHT = 16,
	TOP = 34,
	BOTTOM = 44,
	BAR_LEFT = 250,
	BAR_WIDTH = 620,
	BAR_HEIGHT = 17,
};

static const char *color_of(unsigned color)
{
	return palette[color % (sizeof(palette) / sizeof(*palette))];
}

void svg_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '<')
			fputs("&lt;", out);
		else if (*text == '>')
			fputs("&gt;", out);
		else if (*text == '&')
			fputs("&amp;", out);
		else if (*text == '"')
			fputs("&quot;", out);
		else
			fputc(*text, out);
	}
}

static void put_text(FILE *out, double x, double y, const char *anchor, const char *text)
{
	fprintf(out, "<text x='%.1f' y='%.1f' text-anchor='%s'>", x, y, anchor);
	svg_text(out, text);
	fputs("</text>\n", out);
}

static void put_line(FILE *out, double x1, double y1, double x2, double y2, const char *stroke)
{
	fprintf(out, "<line x1='%.1f' y1='%.1f' x2='%.1f' y2='%.1f' stroke='%s'/>\n", x1, y1, x2,
		y2, stroke);
}

/* 1, 2 or 5 times a power of ten, so that about four of it reach to max. */
static double step_for(double max)
{
	double power, digit;

	if (!(max > 0))
		return 1;
	power = pow(10, floor(log10(max / 4)));
	digit = max / 4 / power;
	return power * (digit < 1.5 ? 1 : digit < 3.5 ? 2 : digit < 7.5 ? 5 : 10);
}

static double chart_max(const struct svg_chart *chart)
{
	double max = 0;

	for (size_t i = 0; i < chart->series_count; i++)
		for (size_t j = 0; j < chart->x_count; j++)
			max = fmax(max, chart->series[i].y[j]);
	return max > 0 ? max * 1.05 : 1;
}

static double place_x(const struct svg_chart *chart, size_t index)
{
	double width = WIDTH - LEFT - RIGHT;

	if (chart->x_count < 2)
		return LEFT + width / 2;
	return LEFT + 10 + (width - 20) * (double)index / (double)(chart->x_count - 1);
}

static double place_y(double value, double max)
{
	return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / max;
}

static void put_axes(FILE *out, const struct svg_chart *chart, double max)
{
	char text[32];

	for (double y = 0; y <= max; y += step_for(max)) {
		put_line(out, LEFT, place_y(y, max), WIDTH - RIGHT, place_y(y, max), "#ddd");
		snprintf(text, sizeof(text), "%g", y);
		put_text(out, LEFT - 6, place_y(y, max) + 4, "end", text);
	}
	for (size_t i = 0; i < chart->x_count; i++) {
		snprintf(text, sizeof(text), "%d", chart->x[i]);
		put_text(out, place_x(chart, i), HEIGHT - BOTTOM + 16, "middle", text);
	}
	put_text(out, (WIDTH + LEFT) / 2.0, HEIGHT - 8, "middle", chart->x_name);
	put_text(out, 4, TOP - 8, "start", chart->y_name);
}

static void put_series(
	FILE *out, const struct svg_chart *chart, const struct svg_series *series, double max)
{
	const char *color = color_of(series->color);

	fprintf(out, "<polyline fill='none' stroke='%s' stroke-width='2' points='", color);
	for (size_t i = 0; i < chart->x_count; i++)
		if (series->y[i] > 0)
			fprintf(out, "%.1f,%.1f ", place_x(chart, i), place_y(series->y[i], max));
	fputs("'/>\n", out);
	for (size_t i = 0; i < chart->x_count; i++)
		if (series->y[i] > 0)
			fprintf(out,
				"<circle cx='%.1f' cy='%.1f' r='3' fill='%s'><title>%.3g</title>"
				"</circle>\n",
				place_x(chart, i), place_y(series->y[i], max), color, series->y[i]);
}

static void put_names(FILE *out, const struct svg_chart *chart)
{
	double x = LEFT + 70;

	for (size_t i = 0; i < chart->series_count; i++, x += 66) {
		put_line(out, x, TOP - 12, x + 12, TOP - 12, color_of(chart->series[i].color));
		put_text(out, x + 15, TOP - 8, "start", chart->series[i].name);
	}
}

void svg_lines(FILE *out, const struct svg_chart *chart)
{
	double max = chart_max(chart);

	fprintf(out, "<figure><svg width='%d' height='%d' viewBox='0 0 %d %d'>\n", WIDTH, HEIGHT,
		WIDTH, HEIGHT);
	put_text(out, 4, 13, "start", chart->title);
	put_axes(out, chart, max);
	put_names(out, chart);
	for (size_t i = 0; i < chart->series_count; i++)
		put_series(out, chart, &chart->series[i], max);
	fputs("</svg></figure>\n", out);
}

static double place_bar(double value, double max)
{
	return BAR_LEFT + (BAR_WIDTH - BAR_LEFT - 50) * fmin(value, max) / max;
}

static void put_bar(FILE *out, const struct svg_bar *bar, double y, double max)
{
	double middle = y + BAR_HEIGHT / 2.0;
	char text[32];

	put_text(out, BAR_LEFT - 6, y + 12, "end", bar->label);
	fprintf(out, "<rect x='%d' y='%.1f' width='%.1f' height='%d' fill='%s'/>\n", BAR_LEFT,
		y + 2, place_bar(bar->value, max) - BAR_LEFT, BAR_HEIGHT - 4, color_of(bar->color));
	put_line(out, place_bar(bar->min, max), middle, place_bar(bar->max, max), middle, "#222");
	snprintf(text, sizeof(text), "%.2f", bar->value);
	put_text(out, BAR_WIDTH - 4, y + 12, "end", text);
}

void svg_bars(FILE *out, const char *title, const struct svg_bar *bars, size_t count)
{
	double max = 1, height = TOP + (double)count * BAR_HEIGHT + 10;

	for (size_t i = 0; i < count; i++)
		max = fmax(max, bars[i].value * 1.15);
	fprintf(out, "<figure><svg width='%d' height='%.0f' viewBox='0 0 %d %.0f'>\n", BAR_WIDTH,
		height, BAR_WIDTH, height);
	put_text(out, 4, 13, "start", title);
	for (size_t i = 0; i < count; i++)
		put_bar(out, &bars[i], TOP + (double)i * BAR_HEIGHT, max);
	put_line(out, place_bar(1, max), TOP - 8, place_bar(1, max), height - 4, "#c00");
	put_text(out, place_bar(1, max), TOP - 10, "middle", "1");
	fputs("</svg></figure>\n", out);
}
