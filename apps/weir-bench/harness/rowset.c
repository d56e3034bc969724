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

size_t rowset_figures(const json_t *rows, const char *impl, const json_t *work, double *figures)
{
	size_t count = 0;

	for (size_t i = 0; i < json_array_size(rows) && count < ROWSET_ROUNDS_MAX; i++) {
		const json_t *row = json_array_get(rows, i);

		if ((!impl || strcmp(row_text(row, "impl"), impl) == 0) &&
			row_is_same_work(row, work) && row_figure(row) > 0)
			figures[count++] = row_figure(row);
	}
	return count;
}

double rowset_median(const json_t *rows, const char *impl, const json_t *work)
{
	double figures[ROWSET_ROUNDS_MAX];
	size_t count = rowset_figures(rows, impl, work, figures);

	statistics_sort(figures, count);
	return statistics_median(figures, count);
}

struct rowset_ratio rowset_ratio(const json_t *ours, const char *our_impl, const json_t *theirs,
	const char *their_impl, const json_t *work)
{
	double our_figures[ROWSET_ROUNDS_MAX], their_figures[ROWSET_ROUNDS_MAX];
	size_t our_count = rowset_figures(ours, our_impl, work, our_figures);
	size_t count = rowset_figures(theirs, their_impl, work, their_figures);
	struct rowset_ratio ratio = {0};

	if (count == 0 || our_count == 0)
		return ratio;
	ratio.ours = rowset_median(ours, our_impl, work);
	ratio.theirs = rowset_median(theirs, their_impl, work);
	if (our_count != count) {
		/* not measured in turn: there are no pairs */
		ratio.median = ratio.min = ratio.max = ratio.theirs / ratio.ours;
		return ratio;
	}
	statistics_ratios(their_figures, our_figures, count);
	ratio.min = their_figures[0];
	ratio.median = statistics_median(their_figures, count);
	ratio.max = their_figures[count - 1];
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
