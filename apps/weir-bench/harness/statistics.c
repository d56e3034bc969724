/* SPDX-License-Identifier: BSD-3-Clause */
/* statistics.c: order statistics. */
#include "statistics.h"

#include <stdlib.h>

static int compare_doubles(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

void statistics_sort(double *values, size_t count)
{
	if (count > 1)
		qsort(values, count, sizeof(*values), compare_doubles);
}

double statistics_quantile(const double *sorted, size_t count, double share)
{
	double place;
	size_t below;

	if (count == 0)
		return 0;
	place = share * (double)(count - 1);
	below = (size_t)place;
	if (below + 1 >= count)
		return sorted[count - 1];
	return sorted[below] + (place - (double)below) * (sorted[below + 1] - sorted[below]);
}

void statistics_ratios(double *a, const double *b, size_t count)
{
	for (size_t i = 0; i < count; i++)
		a[i] = b[i] > 0 ? a[i] / b[i] : 0;
	statistics_sort(a, count);
}

double statistics_together(const double *costs, size_t count)
{
	double rate = 0;

	for (size_t i = 0; i < count; i++)
		if (costs[i] > 0)
			rate += 1 / costs[i];
	return rate > 0 ? 1 / rate : 0;
}
