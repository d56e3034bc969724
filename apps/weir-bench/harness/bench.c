/* SPDX-License-Identifier: BSD-3-Clause */
/* bench.c: a measurement of a bench, and the memory of its workers. */
#include "bench.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int bench_fail(const struct bench_run *run, const char *bench, const char *what, const char *why)
{
	fprintf(stderr, "%s: %s: %s: %s\n", run->program, bench, what, why);
	return 1;
}

struct work *bench_works(struct bench_run *run, uint32_t count, uint32_t burst)
{
	struct work *works = aligned_alloc(_Alignof(struct work), count * sizeof(*works));

	if (!works) {
		bench_fail(run, "workers", "memory", strerror(ENOMEM));
		return NULL;
	}
	memset((void *)works, 0, count * sizeof(*works));
	for (uint32_t i = 0; i < count; i++) {
		works[i].burst = burst;
		works[i].stop = &run->stop;
		works[i].failed = &run->failed;
	}
	return works;
}

int bench_measure(struct bench_run *run, const struct bench_case *which)
{
	struct measure_conf conf = {
		.works = which->works,
		.workers = which->workers,
		.cpus = run->options.lcores.values,
		.time_ns = run->options.time_ns,
		.repeats = run->options.repeats,
		.slice_ns = which->slice_ns,
		.batch_ns = which->batch_ns ? which->batch_ns : MEASURE_BATCH_NS,
		.talking = which->talking,
		.stop = &run->stop,
		.enter = which->enter,
		.leave = which->leave,
	};
	struct measure_result result;
	int error;

	if (conf.slice_ns == 0)
		conf.slice_ns = which->talking ? MEASURE_WINDOW_NS : MEASURE_SLICE_NS;
	atomic_store_explicit(&run->failed, false, memory_order_relaxed);
	error = measure(&conf, &result);
	if (error != 0)
		return bench_fail(run, which->bench, "workers", strerror(-error));
	if (atomic_load_explicit(&run->failed, memory_order_relaxed))
		return bench_fail(run, which->bench, which->variant,
			"the pool ran dry: raise --pool count=N");
	if (result.counted == 0)
		return bench_fail(
			run, which->bench, which->variant, "nothing was measured: raise --time");
	return bench_add_row(run, which, &result);
}
