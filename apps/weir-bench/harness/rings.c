/* SPDX-License-Identifier: BSD-3-Clause */
/* rings.c: the bench ring: pointers from core to core, and through one core alone. */
#include "bench.h"

#include <stdlib.h>

static const uint32_t default_bursts[] = {1, 8, 32, 64, 256, 0};

enum shape {
	PAIR,  /* a producer and a consumer */
	BOTH,  /* two that do both */
	ALONE, /* one that does both */
};

static const char *variant_name(const struct ring_subject *subject, enum shape shape, char *name)
{
	static const char *const suffixes[] = {"", "-both", "-alone"};

	sprintf(name, "%.15s%s", subject->name, suffixes[shape]);
	return name;
}

static bool is_possible(
	const struct bench_run *run, const struct ring_subject *subject, enum shape shape)
{
	if (shape != ALONE && run->options.lcores.count < 2)
		return false;
	return shape != BOTH || subject->many;
}

/* Who does what; returns how many there are. The first decides when time is up: the consumer, which
 * always gets on. */
static uint32_t choose_roles(enum shape shape, struct work *works)
{
	works[0].role = shape == PAIR ? WORK_CONSUME : WORK_EXCHANGE;
	works[1].role = shape == PAIR ? WORK_PRODUCE : WORK_EXCHANGE;
	return shape == ALONE ? 1 : 2;
}

static int measure_case(struct bench_run *run, const struct bench *bench,
	const struct ring_subject *subject, enum shape shape, uint32_t burst)
{
	char name[32];
	struct measure_work to_run[2];
	struct bench_case measured = {.bench = bench->name,
		.variant = variant_name(subject, shape, name),
		.burst = burst,
		.works = to_run,
		.talking = shape != ALONE,
		.enter = subject->enter,
		.leave = subject->leave};
	void *ring = subject->create(BENCH_RING_SLOTS);
	struct work *works = ring ? bench_works(run, 2, burst) : NULL;
	int result = 1;

	if (!ring)
		return bench_fail(run, bench->name, subject->name, run->why());
	if (works) {
		for (uint32_t i = 0; i < 2; i++) {
			works[i].ring = ring;
			to_run[i] = (struct measure_work){subject->run, &works[i]};
			for (uint32_t j = 0; j < burst; j++)
				works[i].burst_of[j] = &works[i].held[j];
		}
		measured.workers = choose_roles(shape, works);
		result = bench_measure(run, &measured);
	}
	free(works);
	subject->destroy(ring);
	return result;
}

static int measure_subject(
	struct bench_run *run, const struct bench *bench, const struct ring_subject *subject)
{
	struct options_list bursts = run->options.bursts;
	char name[32];

	options_default_bursts(&bursts, default_bursts);
	for (enum shape shape = PAIR; shape <= ALONE; shape++) {
		if (!is_possible(run, subject, shape) ||
			!options_has(run->options.variants, variant_name(subject, shape, name)))
			continue;
		for (uint32_t i = 0; i < bursts.count; i++)
			if (measure_case(run, bench, subject, shape, bursts.values[i]) != 0)
				return 1;
	}
	return 0;
}

int bench_rings(struct bench_run *run, const struct bench *bench)
{
	const struct ring_subject *const *subjects = bench->subject;

	run->pages = NULL;
	for (; *subjects; subjects++)
		if (measure_subject(run, bench, *subjects) != 0)
			return 1;
	return 0;
}
