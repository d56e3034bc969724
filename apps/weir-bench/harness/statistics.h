/* SPDX-License-Identifier: BSD-3-Clause */
/* statistics.h: order statistics of a few thousand figures. */
#ifndef STATISTICS_H
#define STATISTICS_H

#include <stddef.h>

/* Sort in place, ascending. */
void statistics_sort(double *values, size_t count);

/* The value below which a share of the sorted values lies, 0 to 1, interpolated between the two
 * nearest. 0 for none. */
double statistics_quantile(const double *sorted, size_t count, double share);

static inline double statistics_median(const double *sorted, size_t count)
{
	return statistics_quantile(sorted, count, 0.5);
}

/* The quotients a[i] / b[i] of figures taken in turn, sorted, in place of a. */
void statistics_ratios(double *a, const double *b, size_t count);

/* Costs of several that work at once, as the cost of them together: 1 / sum of 1 / cost. */
double statistics_together(const double *costs, size_t count);

#endif
