/* SPDX-License-Identifier: BSD-3-Clause */
/* measure.h: how long work takes, on a machine that others use too.
 *
 * Each worker is a thread pinned to a core. It cuts its time into slices, with a calibration
 * (clock.h) between them:
 *
 *	warm-up  | calibrate | batch batch ... batch | calibrate | batch batch ...
 *	                       `------ slice ------'
 *
 * A slice is clean when the calibrations on both sides ran at full speed and no batch in it took
 * much longer than the others, as one does in which the thread was preempted. Workers that do not
 * wait for each other are judged by the median of their clean slices.
 *
 * Workers that talk have longer slices, clean when hardly any worker stood still in one: where the
 * host lets two processors take turns, the ring fills and drains without a line in dispute, and
 * both look fast. The speed of the core, which lines between cores do not follow, does not decide.
 * The figure is the 10th percentile, never the minimum.
 */
#ifndef MEASURE_H
#define MEASURE_H

#include "clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define MEASURE_WORKERS_MAX 64

struct measure_work {
	/* Do so many rounds; returns how many operations that was, 0 when they shall not count. A
	 * worker that waits for another must return early once *stop is true. */
	uint64_t (*run)(void *context, uint64_t rounds);
	void *context;
};

struct measure_conf {
	const struct measure_work *works; /* the first decides when time is up */
	uint32_t workers;
	const uint32_t *cpus; /* one for each worker */
	uint64_t time_ns;     /* of one repeat, without the warm-up */
	uint32_t repeats;
	uint64_t slice_ns;
	uint64_t batch_ns;
	bool talking;      /* judge by the 10th percentile */
	atomic_bool *stop; /* set when time is up */
	/* On each worker's thread, before and after; may be NULL. enter returns 0 or -errno. */
	int (*enter)(void);
	void (*leave)(void);
};

/* A slice is short enough to fit between two disturbances: a noisy host changes the speed of a core
 * within a millisecond. */
#define MEASURE_SLICE_NS  250000
#define MEASURE_BATCH_NS  5000
#define MEASURE_WINDOW_NS 5000000

struct measure_result {
	double min, p10, median, max; /* ns for an operation, of all workers together */
	double figure;                /* the one of them to compare by */
	double cycles;                /* core cycles for an operation, median, of one worker */
	double clean;                 /* share of slices, 0 to 1 */
	double core_hz;               /* median of the calibrations */
	double line_ns; /* a line between the first two workers' cores; 0 for one worker */
	double faults;  /* page faults for an operation; 0 where nobody counts */
	uint32_t slices;
	uint32_t counted;                   /* workers whose operations count */
	double worker[MEASURE_WORKERS_MAX]; /* the figure of each of them */
};

/* 0, or -errno: -EAGAIN without threads, -EINVAL for a cpu that may not be used, -ENOMEM, or what
 * enter returned. */
int measure(const struct measure_conf *conf, struct measure_result *result);

#endif
