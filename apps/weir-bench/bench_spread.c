/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_spread.c: one worker receives and spreads packets by flow over one worker, or two, whose
 * work on each packet takes 3 us or so and no memory that they share. */
#include "benches.h"
#include "harness/clock.h"
#include "harness/statistics.h"

#include <weir/pipeline.h>
#include <weir/stages.h>

#include <string.h>
#include <time.h>

#define REPEATS_MAX 1000
#define WARM_UP_NS  50000000

/* Multiplications that wait for each other, so that two halves of one core do not disturb each
 * other; so many that receiving, which one of two workers shares its core with, is little. */
#define STEPS 3000

static void work(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	uint64_t *sum = stage->state;

	for (uint32_t i = 0; i < count; i++) {
		uint64_t value = mbufs[i]->hash | 1;

		for (uint32_t step = 0; step < STEPS; step++)
			value = value * value + 1;
		*sum += value;
	}
	weir_stage_pass(stage, 0, mbufs, count);
}

/* Flows in turn, in place of a port's hash. */
static void number(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	uint32_t *flow = stage->state;

	for (uint32_t i = 0; i < count; i++) {
		mbufs[i]->hash = (*flow)++ * 0x9e3779b1u >> 16;
		mbufs[i]->flags |= WEIR_MBUF_HASH;
	}
	weir_stage_pass(stage, 0, mbufs, count);
}

static const char *const out[] = {"out", NULL};
static const struct weir_stage_type types[] = {
	{.name = "work", .edges = out, .state_size = sizeof(uint64_t), .run = work},
	{.name = "number", .edges = out, .state_size = sizeof(uint32_t), .run = number},
};
static const struct weir_stage_type *const own[] = {&types[0], &types[1], NULL};

static struct weir_pipeline *start(const struct bench_run *run, void *pool, uint32_t workers)
{
	struct weir_pipeline_conf conf = {.types = weir_stages, .more = own, .pool = pool};
	struct weir_pipeline *pipeline = weir_pipeline_create(&conf);
	const uint32_t *cpus = run->options.lcores.values;
	char text[256], lcores[32];

	/* with one worker, on another core than the one that receives */
	snprintf(lcores, sizeof(lcores), workers > 1 ? "%u,%u" : "%u", cpus[1], cpus[0]);
	snprintf(text, sizeof(text),
		"in: rx null: lcores=%u\nnumber: number\nq: ring lcores=%s\nwork: work\nend: drop\n"
		"in -> number -> q -> work -> end\n",
		cpus[0], lcores);
	if (pipeline && !weir_pipeline_parse(pipeline, text) && !weir_pipeline_start(pipeline))
		return pipeline;
	weir_pipeline_destroy(pipeline);
	return NULL;
}

static uint64_t passed(const struct weir_pipeline *pipeline)
{
	struct weir_stage_stats stats;

	weir_pipeline_stage_stats(pipeline, (uint32_t)weir_pipeline_find(pipeline, "end"), &stats);
	return stats.packets;
}

static void pause_ns(uint64_t ns)
{
	const struct timespec pause = {
		.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};

	nanosleep(&pause, NULL);
}

static double measure_one(const struct weir_pipeline *pipeline, uint64_t time_ns)
{
	uint64_t packets = passed(pipeline), ticks = clock_ticks();

	pause_ns(time_ns);
	packets = passed(pipeline) - packets;
	return clock_ns(clock_ticks() - ticks) / (double)(packets ? packets : 1);
}

static int measure_workers(
	struct bench_run *run, const struct bench *bench, void *pool, uint32_t workers)
{
	struct bench_case measured = {
		.bench = bench->name, .variant = "work", .burst = 32, .workers = workers};
	uint32_t repeats = run->options.repeats < REPEATS_MAX ? run->options.repeats : REPEATS_MAX;
	struct weir_pipeline *pipeline = start(run, pool, workers);
	struct measure_result result = {.clean = 1, .counted = workers, .slices = repeats};
	double ns[REPEATS_MAX];

	if (!pipeline)
		return bench_fail(run, bench->name, "pipeline", run->why());
	pause_ns(WARM_UP_NS);
	for (uint32_t i = 0; i < repeats; i++)
		ns[i] = measure_one(pipeline, run->options.time_ns);
	weir_pipeline_stop(pipeline, 10000);
	weir_pipeline_destroy(pipeline);
	statistics_sort(ns, repeats);
	result.min = ns[0];
	result.p10 = statistics_quantile(ns, repeats, 0.1);
	result.median = result.figure = statistics_median(ns, repeats);
	result.max = ns[repeats - 1];
	for (uint32_t i = 0; i < workers; i++)
		result.worker[i] = result.figure * workers;
	return bench_add_row(run, &measured, &result);
}

static int run_spread(struct bench_run *run, const struct bench *bench)
{
	void *pool = mbuf_subject.create(&run->options);
	int result = 0;

	if (!pool)
		return bench_fail(run, bench->name, "pool", run->why());
	run->pages = mbuf_subject.pages(pool);
	for (uint32_t i = 0; result == 0 && i < run->options.threads.count; i++)
		if (run->options.threads.values[i] <= 2 && run->options.lcores.count > 1)
			result = measure_workers(run, bench, pool, run->options.threads.values[i]);
	mbuf_subject.destroy(pool);
	return result;
}

const struct bench bench_spread = {
	"spread", "work on packets that a ring spreads over workers", run_spread, NULL};
