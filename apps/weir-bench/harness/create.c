/* SPDX-License-Identifier: BSD-3-Clause */
/* create.c: the bench create: make a pool and destroy it, again and again. An operation is one
 * buffer made; the memory comes from the kernel each time. */
#include "bench.h"

#include "statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* A pool made twice for each repeat: the first one of a process meets cold paths. */
#define EACH 2

static double page_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_minflt + usage.ru_majflt);
}

/* ns for a buffer of a pool, and page faults. 0, or -1 when there is no pool. */
static int make_one(
	struct bench_run *run, const struct buffers_subject *subject, double *ns, double *faults)
{
	double before = page_faults();
	uint64_t start = clock_ticks();
	void *pool = subject->create(&run->options);

	*ns = clock_ns(clock_ticks() - start) / run->options.count;
	*faults = (page_faults() - before) / run->options.count;
	if (!pool)
		return -1;
	run->pages = subject->pages(pool);
	subject->destroy(pool);
	return 0;
}

static void summarize(struct measure_result *result, double *ns, uint32_t count)
{
	statistics_sort(ns, count);
	result->min = ns[0];
	result->p10 = statistics_quantile(ns, count, 0.1);
	result->median = result->figure = result->worker[0] = statistics_median(ns, count);
	result->max = ns[count - 1];
	result->clean = 1;
	result->counted = 1;
	result->slices = count;
}

int bench_create_pools(struct bench_run *run, const struct bench *bench)
{
	uint32_t count = run->options.repeats * EACH;
	struct bench_case measured = {
		.bench = bench->name, .variant = "pool", .burst = 1, .workers = 1};
	double *ns = calloc(count, sizeof(*ns));
	struct measure_result result = {0};

	if (!ns)
		return bench_fail(run, bench->name, "figures", strerror(ENOMEM));
	for (uint32_t i = 0; i < count; i++) {
		if (make_one(run, bench->subject, &ns[i], &result.faults)) {
			free(ns);
			return bench_fail(run, bench->name, "pool", run->why());
		}
	}
	summarize(&result, ns, count);
	free(ns);
	return bench_add_row(run, &measured, &result);
}
