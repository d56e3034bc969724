/* SPDX-License-Identifier: BSD-3-Clause */
/* handoff.c: the bench handoff: a core takes buffers and writes to them, another reads and gives
 * them back. */
#include "bench.h"

#include <stdlib.h>

static const uint32_t default_bursts[] = {1, 8, 32, 256, 0};

struct handoff {
	void *pool;
	void *ring;
};

/* What was still under way when time was up. */
static void empty_ring(const struct handoff_subject *subject, const struct handoff *handoff)
{
	void (*put)(void *, void **, uint32_t) =
		subject->put ? subject->put : subject->buffers->buffers->put;
	void *buffer;

	while (subject->ring->ring->dequeue(handoff->ring, &buffer, 1) == 1)
		put(handoff->pool, &buffer, 1);
}

static int measure_burst(struct bench_run *run, const struct bench *bench,
	const struct handoff_subject *subject, const struct handoff *handoff, uint32_t burst)
{
	struct work *works = bench_works(run, 2, burst);
	struct measure_work to_run[2];
	struct bench_case measured = {.bench = bench->name,
		.variant = subject->name,
		.burst = burst,
		.works = to_run,
		.workers = 2,
		.talking = true,
		.enter = subject->buffers->enter,
		.leave = subject->buffers->leave};
	int result;

	if (!works)
		return 1;
	for (uint32_t i = 0; i < 2; i++) {
		works[i].pool = handoff->pool;
		works[i].ring = handoff->ring;
		works[i].role = i == 0 ? WORK_CONSUME : WORK_PRODUCE;
		to_run[i] = (struct measure_work){subject->run, &works[i]};
	}
	result = bench_measure(run, &measured);
	empty_ring(subject, handoff);
	free(works);
	return result;
}

static int measure_bursts(struct bench_run *run, const struct bench *bench,
	const struct handoff_subject *subject, const struct handoff *handoff)
{
	struct options_list bursts = run->options.bursts;
	int result = 0;

	options_default_bursts(&bursts, default_bursts);
	for (uint32_t i = 0; result == 0 && i < bursts.count; i++)
		result = measure_burst(run, bench, subject, handoff, bursts.values[i]);
	return result;
}

static int measure_subject(
	struct bench_run *run, const struct bench *bench, const struct handoff_subject *subject)
{
	struct handoff handoff;
	int result;

	handoff.pool = subject->buffers->create(&run->options);
	if (!handoff.pool)
		return bench_fail(run, bench->name, "pool", run->why());
	run->pages = subject->buffers->pages(handoff.pool);
	handoff.ring = subject->ring->create(BENCH_RING_SLOTS);
	result = handoff.ring ? measure_bursts(run, bench, subject, &handoff)
			      : bench_fail(run, bench->name, "ring", run->why());
	if (handoff.ring)
		subject->ring->destroy(handoff.ring);
	subject->buffers->destroy(handoff.pool);
	return result;
}

int bench_handoffs(struct bench_run *run, const struct bench *bench)
{
	const struct handoff_subject *const *subjects = bench->subject;
	int result = 0;

	if (run->options.lcores.count < 2) {
		fprintf(stderr, "%s: %s: left out, it needs two processors\n", run->program,
			bench->name);
		return 0;
	}
	for (; *subjects && result == 0; subjects++)
		if (options_has(run->options.variants, (*subjects)->name))
			result = measure_subject(run, bench, *subjects);
	return result;
}
