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

/* Of rounds in which the host had put two cores on one (line.h), nothing is used where others had
 * them apart: a line that took less than this share of the longest says so. */
#define ROWSET_NEAR_SHARE 0.5

/* The median figure of an implementation (NULL: any) for the work of a row; 0 for none. */
double rowset_median(const json_t *rows, const char *impl, const json_t *work);

struct rowset_ratio {
	double median, min, max; /* of the quotients theirs / ours, round by round; 0: none */
	double ours, theirs;     /* median ns */
	size_t rounds;           /* that were used; 0: the two were not measured in turn */
};

/* How many times faster ours is for the work of a row. */
struct rowset_ratio rowset_ratio(const json_t *ours, const char *our_impl, const json_t *theirs,
	const char *their_impl, const json_t *work);

#define ROWSET_IMPLS_MAX 16

/* The implementations in rows, in the order they come. How many. */
size_t rowset_impls(const json_t *rows, const char **impls);

#endif
