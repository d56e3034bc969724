/* SPDX-License-Identifier: BSD-3-Clause */
/* rows.c: a measurement as a line of the table and as a JSON object. */
#include "bench.h"
#include "plot.h"
#include "rowset.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* Figures are good to three digits at most; more would only look exact. */
static json_t *figure(double value)
{
	double digit;

	if (!(value > 0))
		return json_real(0);
	digit = pow(10, floor(log10(value)) - 4);
	return json_real(rint(value / digit) * digit);
}

static json_t *costs_of(const struct measure_result *result)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "min", figure(result->min), "p10",
		figure(result->p10), "median", figure(result->median), "max", figure(result->max));
}

static json_t *workers_of(const struct measure_result *result)
{
	json_t *workers = json_array();

	for (uint32_t i = 0; i < result->counted; i++)
		json_array_append_new(workers, figure(result->worker[i]));
	return workers;
}

/* What each worker keeps of the speed one has alone: the figure of the row with one worker, over
 * that of the slowest here. 0 when there is no such row yet, or where workers talk. */
static double scaling_of(const struct bench_run *run, const struct bench_case *which,
	const struct measure_result *result)
{
	double alone = 0, slowest = 0;
	json_t *row;
	size_t i;

	if (which->talking || which->workers < 2)
		return 0;
	json_array_foreach(run->rows, i,
		row) if (row_number(row, "threads") == 1 &&
			 row_number(row, "burst") == (int)which->burst &&
			 strcmp(row_text(row, "bench"), which->bench) == 0 &&
			 strcmp(row_text(row, "variant"), which->variant) == 0) alone =
		row_figure(row);
	for (uint32_t worker = 0; worker < result->counted; worker++)
		if (result->worker[worker] > slowest)
			slowest = result->worker[worker];
	return slowest > 0 ? alone / slowest : 0;
}

/* The machine as it was in this measurement. */
static json_t *machine_of(const struct bench_run *run, const struct measure_result *result)
{
	json_t *machine = json_copy(run->machine);

	json_object_set_new(machine, "core_mhz", json_real(rint(result->core_hz / 1e6)));
	json_object_set_new(machine, "pages", json_string(run->pages ? run->pages : "4K"));
	json_object_set_new(machine, "node", json_integer(run->options.node));
	return machine;
}

static json_t *json_of(const struct bench_run *run, const struct bench_case *which,
	const struct measure_result *result)
{
	const struct options *options = &run->options;

	return json_pack(
		"{s:s, s:s, s:s, s:i, s:i, s:o, s:s, s:o, s:o, s:o, s:o, s:i, s:{s:i, s:i, "
		"s:i}, s:o, s:o, s:o, s:o}",
		"impl", run->impl, "bench", which->bench, "variant", which->variant, "burst",
		(int)which->burst, "threads", (int)which->workers, "ns_per_op", costs_of(result),
		"figure", which->talking ? "p10" : "median", "cycles_per_op",
		figure(result->cycles), "mops", figure(1e3 / result->figure), "worker_ns",
		workers_of(result), "clean", json_real(rint(result->clean * 1000) / 1000), "slices",
		(int)result->slices, "pool", "count", (int)options->count, "size",
		(int)options->size, "cache", (int)options->cache, "line_ns",
		figure(result->line_ns), "scaling", figure(scaling_of(run, which, result)),
		"faults_per_op", figure(result->faults), "machine", machine_of(run, result));
}

static void print_row(
	struct bench_run *run, const struct bench_case *which, const struct measure_result *result)
{
	double scaling = scaling_of(run, which, result);

	if (!run->head_printed)
		fprintf(run->table, "%-8s %-8s %-11s %5s %7s %9s %9s %9s %9s %6s %6s %7s %7s\n",
			"impl", "bench", "variant", "burst", "threads", "ns/op", "min", "max",
			"Mop/s", "clean", "MHz", "line ns", "scaling");
	run->head_printed = true;
	fprintf(run->table, "%-8s %-8s %-11s %5u %7u %9.2f %9.2f %9.2f %9.2f %5.0f%% %6.0f",
		run->impl, which->bench, which->variant, which->burst, which->workers,
		result->figure, which->talking ? result->p10 : result->min, result->max,
		1e3 / result->figure, result->clean * 100, result->core_hz / 1e6);
	if (result->line_ns > 0)
		fprintf(run->table, " %7.1f", result->line_ns);
	if (scaling > 0)
		fprintf(run->table, " %7.2f", scaling);
	if (result->faults > 0)
		fprintf(run->table, "  %.4f page faults/op", result->faults);
	fputc('\n', run->table);
	fflush(run->table);
}

int bench_add_row(
	struct bench_run *run, const struct bench_case *which, const struct measure_result *result)
{
	json_t *row = json_of(run, which, result);

	if (!row || json_array_append_new(run->rows, row) != 0)
		return bench_fail(run, which->bench, "row", strerror(ENOMEM));
	if (run->table)
		print_row(run, which, result);
	return 0;
}

static int write_json(const struct bench_run *run, const char *path)
{
	bool to_stdout = strcmp(path, "-") == 0;
	FILE *file = to_stdout ? stdout : fopen(path, "we");
	bool written;

	if (!file)
		return bench_fail(run, "json", path, strerror(errno));
	written = json_dumpf(run->rows, file, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) == 0;
	written = fputc('\n', file) != EOF && written;
	if (to_stdout)
		return 0; /* checked when the program exits */
	written = fclose(file) == 0 && written;
	return written ? 0 : bench_fail(run, "json", path, strerror(errno));
}

int bench_write(struct bench_run *run)
{
	const struct options *options = &run->options;
	int error;

	if (options->json && write_json(run, options->json) != 0)
		return 1;
	error = options->html ? plot_page(options->html, run->rows) : 0;
	return error == 0 ? 0 : bench_fail(run, "html", options->html, strerror(-error));
}
