/* SPDX-License-Identifier: BSD-3-Clause */
/* compare.h: ours beside others, or two files beside each other. */
#ifndef COMPARE_H
#define COMPARE_H

#include "harness/bench.h"

/* The command compare: with two files their ratios; without, weir and the peers in turn. */
int compare_command(struct bench_run *run, char **files, uint32_t count);

/* The command plot: one page of the rows in files. */
int plot_command(struct bench_run *run, char **files, uint32_t count);

#endif
