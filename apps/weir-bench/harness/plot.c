/* SPDX-License-Identifier: BSD-3-Clause */
/* plot.c: the page of a measurement. */
#include "plot.h"

#include "rowset.h"
#include "svg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BARS_MAX 512

struct page {
	FILE *out;
	const json_t *rows;
	const char *impls[ROWSET_IMPLS_MAX];
	size_t impl_count;
};

static void put_head(const struct page *page)
{
	const json_t *machine = json_object_get(json_array_get(page->rows, 0), "machine");

	fputs("<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'>"
	      "<title>weir-bench</title>\n<style>\n"
	      "body{font:14px sans-serif;max-width:1000px;margin:2em auto;color:#222}\n"
	      "svg text{font:12px sans-serif}figure{display:inline-block;margin:0 8px 16px 0}\n"
	      "td,th{padding:1px 10px;text-align:right}td:nth-child(-n+3){text-align:left}\n"
	      "</style></head><body>\n<h1>weir-bench</h1>\n<p>",
		page->out);
	svg_text(page->out, row_text(machine, "cpu"));
	fprintf(page->out, ", %d processors, TSC %.1f MHz, Linux ", row_number(machine, "cpus"),
		json_number_value(json_object_get(machine, "tsc_mhz")));
	svg_text(page->out, row_text(machine, "kernel"));
	fputs(", host ", page->out);
	svg_text(page->out, row_text(machine, "host"));
	fputs("</p>\n", page->out);
}

static void label_of(const json_t *row, char *label, size_t size)
{
	snprintf(label, size, "%s %s %d, %d %s", row_text(row, "bench"), row_text(row, "variant"),
		row_number(row, "burst"), row_number(row, "threads"),
		row_number(row, "threads") == 1 ? "core" : "cores");
}

/* One drawing: the first implementation's advantage over another. */
static void put_ratios(const struct page *page, size_t other)
{
	struct svg_bar *bars = calloc(BARS_MAX, sizeof(*bars));
	size_t count = 0;
	char title[128];

	for (size_t i = 0; bars && i < json_array_size(page->rows) && count < BARS_MAX; i++) {
		const json_t *row = json_array_get(page->rows, i);
		struct rowset_ratio ratio;

		if (!row_is_first(page->rows, i))
			continue;
		ratio = rowset_ratio(
			page->rows, page->impls[0], page->rows, page->impls[other], row);
		if (ratio.median == 0)
			continue;
		label_of(row, bars[count].label, sizeof(bars[count].label));
		bars[count].color = (unsigned)other;
		bars[count].value = ratio.median;
		bars[count].min = ratio.min;
		bars[count].max = ratio.max;
		count++;
	}
	snprintf(title, sizeof(title), "times faster: %s against %s (median of rounds, spread)",
		page->impls[0], page->impls[other]);
	if (count > 0)
		svg_bars(page->out, title, bars, count);
	free(bars);
}

/* Rows that differ from row in nothing but the number named by axis. */
static bool is_same_but(const json_t *row, const json_t *other, const char *axis)
{
	const char *fixed = strcmp(axis, "burst") == 0 ? "threads" : "burst";

	return strcmp(row_text(row, "bench"), row_text(other, "bench")) == 0 &&
	       strcmp(row_text(row, "variant"), row_text(other, "variant")) == 0 &&
	       row_number(row, fixed) == row_number(other, fixed);
}

static bool has_x(const struct svg_chart *chart, int x)
{
	for (size_t i = 0; i < chart->x_count; i++)
		if (chart->x[i] == x)
			return true;
	return false;
}

/* Fill in the x values that rows have along an axis, and the cost of each implementation there. */
static void fill_chart(const struct page *page, const json_t *row, const char *axis,
	struct svg_chart *chart, struct svg_series *series)
{
	for (size_t i = 0; i < json_array_size(page->rows); i++) {
		const json_t *other = json_array_get(page->rows, i);
		int x = row_number(other, axis);

		if (!is_same_but(row, other, axis) || has_x(chart, x) ||
			chart->x_count == SVG_POINTS_MAX)
			continue;
		for (size_t j = 0; j < page->impl_count; j++)
			series[j].y[chart->x_count] =
				rowset_median(page->rows, page->impls[j], other);
		chart->x[chart->x_count++] = x;
	}
}

static void put_chart(const struct page *page, const json_t *row, const char *axis)
{
	bool by_burst = strcmp(axis, "burst") == 0;
	struct svg_series series[ROWSET_IMPLS_MAX] = {0};
	char title[128];
	struct svg_chart chart = {.title = title,
		.x_name = by_burst ? "burst" : "cores at once",
		.y_name = "ns/op",
		.series = series,
		.series_count = page->impl_count};

	for (size_t i = 0; i < page->impl_count; i++) {
		series[i].name = page->impls[i];
		series[i].color = (unsigned)i;
	}
	fill_chart(page, row, axis, &chart, series);
	snprintf(title, sizeof(title), "%s %s, %d %s", row_text(row, "bench"),
		row_text(row, "variant"), row_number(row, by_burst ? "threads" : "burst"),
		!by_burst                         ? "a burst"
		: row_number(row, "threads") == 1 ? "core"
						  : "cores");
	if (chart.x_count > 1)
		svg_lines(page->out, &chart);
}

static bool is_first_but(const struct page *page, size_t index, const char *axis)
{
	const json_t *row = json_array_get(page->rows, index);

	for (size_t i = 0; i < index; i++)
		if (is_same_but(json_array_get(page->rows, i), row, axis))
			return false;
	return true;
}

static void put_charts(const struct page *page, const char *axis)
{
	for (size_t i = 0; i < json_array_size(page->rows); i++)
		if (is_first_but(page, i, axis))
			put_chart(page, json_array_get(page->rows, i), axis);
}

static void put_cell(FILE *out, const char *text)
{
	fputs("<td>", out);
	svg_text(out, text);
	fputs("</td>", out);
}

static void put_table(const struct page *page)
{
	static const char *const costs[] = {"min", "p10", "median", "max"};

	fputs("<h2>Rows</h2>\n<table><tr><th>impl<th>bench<th>variant<th>burst<th>threads<th>min"
	      "<th>p10<th>median<th>max<th>Mop/s<th>clean</tr>\n",
		page->out);
	for (size_t i = 0; i < json_array_size(page->rows); i++) {
		const json_t *row = json_array_get(page->rows, i);

		fputs("<tr>", page->out);
		put_cell(page->out, row_text(row, "impl"));
		put_cell(page->out, row_text(row, "bench"));
		put_cell(page->out, row_text(row, "variant"));
		fprintf(page->out, "<td>%d<td>%d", row_number(row, "burst"),
			row_number(row, "threads"));
		for (size_t j = 0; j < sizeof(costs) / sizeof(*costs); j++)
			fprintf(page->out, "<td>%.2f",
				json_number_value(json_object_get(
					json_object_get(row, "ns_per_op"), costs[j])));
		fprintf(page->out, "<td>%.2f<td>%.0f %%</tr>\n",
			json_number_value(json_object_get(row, "mops")),
			json_number_value(json_object_get(row, "clean")) * 100);
	}
	fputs("</table>\n", page->out);
}

int plot_page(const char *path, const json_t *rows)
{
	struct page page = {.rows = rows, .out = fopen(path, "we")};
	bool failed;

	if (!page.out)
		return -errno;
	page.impl_count = rowset_impls(rows, page.impls);
	put_head(&page);
	if (page.impl_count > 1)
		fputs("<h2>Ratios</h2>\n", page.out);
	for (size_t i = 1; i < page.impl_count; i++)
		put_ratios(&page, i);
	fputs("<h2>Cost against burst size</h2>\n", page.out);
	put_charts(&page, "burst");
	fputs("<h2>Cost against threads</h2>\n<p>Of all threads together.</p>\n", page.out);
	put_charts(&page, "threads");
	put_table(&page);
	fputs("</body></html>\n", page.out);
	failed = ferror(page.out);
	if (fclose(page.out) != 0)
		failed = true;
	return failed ? -EIO : 0;
}
