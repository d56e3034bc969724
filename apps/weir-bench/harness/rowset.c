/* SPDX-License-Identifier: BSD-3-Clause */
/* rowset.c: look up rows. */
#include "rowset.h"

#include "statistics.h"

#include <string.h>

const char *row_text(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "";
}

int row_number(const json_t *row, const char *key)
{
	return (int)json_integer_value(json_object_get(row, key));
}

double row_figure(const json_t *row)
{
	const json_t *costs = json_object_get(row, "ns_per_op");

	return json_number_value(json_object_get(costs, row_text(row, "figure")));
}

bool row_is_same_work(const json_t *a, const json_t *b)
{
	return strcmp(row_text(a, "bench"), row_text(b, "bench")) == 0 &&
	       strcmp(row_text(a, "variant"), row_text(b, "variant")) == 0 &&
	       row_number(a, "burst") == row_number(b, "burst") &&
	       row_number(a, "threads") == row_number(b, "threads");
}

bool row_is_first(const json_t *rows, size_t index)
{
	const json_t *row = json_array_get(rows, index);

	for (size_t i = 0; i < index; i++)
		if (row_is_same_work(json_array_get(rows, i), row))
			return false;
	return true;
}

/* A long comparison: ten for each of a hundred rounds. */
#define ROUNDS_MAX 1000

struct figures {
	double values[ROUNDS_MAX]; /* in the order of the rows; 0: not to be used */
	size_t count;
};

static double line_ns(const json_t *row)
{
	return json_number_value(json_object_get(row, "line_ns"));
}

static double longest_line(const json_t *rows)
{
	double longest = 0;

	for (size_t i = 0; i < json_array_size(rows); i++)
		if (line_ns(json_array_get(rows, i)) > longest)
			longest = line_ns(json_array_get(rows, i));
	return longest;
}

/* The figures of impl for work; 0 for those whose line was shorter than near. */
static void take_figures(const json_t *rows, const char *impl, const json_t *work, double near,
	struct figures *figures)
{
	figures->count = 0;
	for (size_t i = 0; i < json_array_size(rows) && figures->count < ROUNDS_MAX; i++) {
		const json_t *row = json_array_get(rows, i);
		double line = line_ns(row);

		if ((!impl || strcmp(row_text(row, "impl"), impl) == 0) &&
			row_is_same_work(row, work))
			figures->values[figures->count++] =
				line > 0 && line < near ? 0 : row_figure(row);
	}
}

static double median_of(const struct figures *figures)
{
	struct figures used = {.count = 0};

	for (size_t i = 0; i < figures->count; i++)
		if (figures->values[i] > 0)
			used.values[used.count++] = figures->values[i];
	statistics_sort(used.values, used.count);
	return statistics_median(used.values, used.count);
}

double rowset_median(const json_t *rows, const char *impl, const json_t *work)
{
	struct figures figures;

	take_figures(rows, impl, work, longest_line(rows) * ROWSET_NEAR_SHARE, &figures);
	return median_of(&figures);
}

/* Keep the rounds in which both have a figure. */
static size_t keep_pairs(struct figures *a, struct figures *b)
{
	size_t kept = 0;

	for (size_t i = 0; i < a->count; i++) {
		if (a->values[i] > 0 && b->values[i] > 0) {
			a->values[kept] = a->values[i];
			b->values[kept++] = b->values[i];
		}
	}
	a->count = b->count = kept;
	return kept;
}

struct rowset_ratio rowset_ratio(const json_t *ours, const char *our_impl, const json_t *theirs,
	const char *their_impl, const json_t *work)
{
	struct rowset_ratio ratio = {0};
	struct figures a, b;
	double our_line = longest_line(ours), their_line = longest_line(theirs);
	double near = (our_line > their_line ? our_line : their_line) * ROWSET_NEAR_SHARE;

	take_figures(ours, our_impl, work, near, &a);
	take_figures(theirs, their_impl, work, near, &b);
	if (a.count == b.count)
		ratio.rounds = keep_pairs(&a, &b);
	ratio.ours = median_of(&a);
	ratio.theirs = median_of(&b);
	if (ratio.ours == 0 || ratio.theirs == 0)
		return ratio;
	ratio.median = ratio.min = ratio.max = ratio.theirs / ratio.ours;
	if (ratio.rounds > 0) {
		statistics_ratios(b.values, a.values, ratio.rounds);
		ratio.min = b.values[0];
		ratio.median = statistics_median(b.values, ratio.rounds);
		ratio.max = b.values[ratio.rounds - 1];
	}
	return ratio;
}

static bool is_among(const char *word, const char **words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(words[i], word) == 0)
			return true;
	return false;
}

size_t rowset_impls(const json_t *rows, const char **impls)
{
	size_t count = 0;

	for (size_t i = 0; i < json_array_size(rows) && count < ROWSET_IMPLS_MAX; i++) {
		const char *impl = row_text(json_array_get(rows, i), "impl");

		if (!is_among(impl, impls, count))
			impls[count++] = impl;
	}
	return count;
}
