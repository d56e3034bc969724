/* SPDX-License-Identifier: BSD-3-Clause */
/* buffers.c: the benches mempool, mbuf and tiers: take buffers and give them back, in several
 * patterns. */
#include "bench.h"

#include <stdlib.h>

static const uint32_t default_bursts[] = {1, 8, 32, 64, 128, 256, 512, 0};

/* The patterns that keep many buffers run at the burst applications use, or at what was asked
 * for. */
static const uint32_t holding_bursts[] = {32, 0};

static const struct variant {
	const char *name;
	enum work_pattern pattern;
	bool one;     /* without a burst */
	bool holding; /* its burst must divide what it holds */
} variants[] = {
	{"bulk", WORK_BULK, false, false},
	{"single", WORK_SINGLE, true, false},
	{"taking", WORK_TAKING, false, true},
	{"queueing", WORK_QUEUEING, false, true},
};

struct buffers_case {
	const struct bench *bench;
	const struct buffers_subject *subject;
	const struct variant *variant;
	uint32_t burst;
	uint32_t threads;
	void *pool;
};

static int measure_case(struct bench_run *run, const struct buffers_case *which)
{
	const struct buffers_subject *subject = which->subject;
	struct work *works = bench_works(run, which->threads, which->burst);
	struct measure_work to_run[OPTIONS_LIST_MAX];
	struct bench_case measured = {.bench = which->bench->name,
		.variant = which->variant->name,
		.burst = which->burst,
		.works = to_run,
		.workers = which->threads,
		.enter = subject->enter,
		.leave = subject->leave};
	int result;

	if (!works)
		return 1;
	for (uint32_t i = 0; i < which->threads; i++) {
		works[i].pattern = which->variant->pattern;
		works[i].pool = which->pool;
		work_prepare(subject->buffers, &works[i]);
		to_run[i] = (struct measure_work){subject->run, &works[i]};
	}
	result = bench_measure(run, &measured);
	for (uint32_t i = 0; i < which->threads; i++)
		work_finish(subject->buffers, &works[i]);
	free(works);
	return result;
}

static int measure_bursts(
	struct bench_run *run, struct buffers_case *which, const struct options_list *bursts)
{
	for (uint32_t i = 0; i < bursts->count; i++) {
		which->burst = which->variant->one ? 1 : bursts->values[i];
		if (which->variant->holding && WORK_OUTSTANDING % which->burst != 0)
			continue;
		if (measure_case(run, which) != 0)
			return 1;
		if (which->variant->one)
			break;
	}
	return 0;
}

static int measure_variant(struct bench_run *run, struct buffers_case *which)
{
	const struct options_list *threads = &run->options.threads;
	struct options_list bursts = run->options.bursts;

	options_default_bursts(&bursts, which->variant->holding ? holding_bursts : default_bursts);
	for (uint32_t i = 0; i < threads->count; i++) {
		which->threads = threads->values[i];
		if (measure_bursts(run, which, &bursts) != 0)
			return 1;
	}
	return 0;
}

int bench_buffers(struct bench_run *run, const struct bench *bench)
{
	const struct buffers_subject *subject = bench->subject;
	struct buffers_case which = {.bench = bench, .subject = subject};
	int result = 0;

	which.pool = subject->create(&run->options);
	if (!which.pool)
		return bench_fail(run, bench->name, "pool", run->why());
	run->pages = subject->pages(which.pool);
	for (size_t i = 0; result == 0 && i < sizeof(variants) / sizeof(*variants); i++) {
		which.variant = &variants[i];
		if (options_has(run->options.variants, variants[i].name))
			result = measure_variant(run, &which);
	}
	subject->destroy(which.pool);
	return result;
}
