/* SPDX-License-Identifier: BSD-3-Clause */
/* rowset.h: rows as JSON objects: what they measured, and the same of two implementations. */
#ifndef ROWSET_H
#define ROWSET_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* The figure a row is compared by, in ns for an operation; 0 for a damaged row. */
double row_figure(const json_t *row);
const char *row_text(const json_t *row, const char *key); /* "" when absent */
int row_number(const json_t *row, const char *key);       /* 0 when absent */

/* Do two rows measure the same work: bench, variant, burst and threads? */
bool row_is_same_work(const json_t *a, const json_t *b);

/* Is this the first row of rows with its work? For going over every work once. */
bool row_is_first(const json_t *rows, size_t index);

#define ROWSET_ROUNDS_MAX 1000

/* The figures that an implementation (NULL: any) has for the work of a row, in the order of the
 * rows. How many, at most ROWSET_ROUNDS_MAX. */
size_t rowset_figures(const json_t *rows, const char *impl, const json_t *work, double *figures);

/* Their median; 0 for none. */
double rowset_median(const json_t *rows, const char *impl, const json_t *work);

struct rowset_ratio {
	double median, min, max; /* of the quotients theirs / ours, round by round; 0: none */
	double ours, theirs;     /* median ns */
};

/* How many times faster ours is for the work of a row. */
struct rowset_ratio rowset_ratio(const json_t *ours, const char *our_impl, const json_t *theirs,
	const char *their_impl, const json_t *work);

#define ROWSET_IMPLS_MAX 16

/* The implementations in rows, in the order they come. How many. */
size_t rowset_impls(const json_t *rows, const char **impls);

#endif
