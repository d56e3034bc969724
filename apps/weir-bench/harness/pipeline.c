/* SPDX-License-Identifier: BSD-3-Clause */
/* pipeline.c: the bench pipeline: packets of 64 bytes from nowhere to nowhere through five stages:
 * parse, match, count, rewrite, send. An operation is one packet. */
#include "bench.h"
#include "stages.h"

#include <stdlib.h>
#include <string.h>

static const uint32_t default_bursts[] = {8, 32, 256, 0};

/* Every buffer of the pool gets the packet's bytes, and keeps them when it is free. */
static int fill(const struct pipeline_subject *subject, void *pool, uint32_t count)
{
	const struct work_buffers *buffers = subject->buffers->buffers;
	void **held = calloc(count, sizeof(*held));
	uint32_t got = 0;

	while (held && got < count && buffers->get(pool, held + got, 1))
		memcpy(subject->append(held[got++], STAGES_PACKET), stages_packet, STAGES_PACKET);
	for (uint32_t i = 0; i < got; i++)
		buffers->put(pool, held + i, 1);
	free(held);
	return got == count ? 0 : -1;
}

static int measure_burst(struct bench_run *run, const struct bench *bench, void *pool,
	const struct pipeline_variant *variant, uint32_t burst)
{
	const struct pipeline_subject *subject = bench->subject;
	void *context = variant->open(pool, burst);
	struct measure_work to_run = {variant->run, context};
	struct bench_case measured = {.bench = bench->name,
		.variant = variant->name,
		.burst = burst,
		.works = &to_run,
		.workers = 1,
		.enter = subject->buffers->enter,
		.leave = subject->buffers->leave};
	int result;

	if (!context)
		return bench_fail(run, bench->name, variant->name, run->why());
	result = bench_measure(run, &measured);
	variant->close(context);
	return result;
}

int bench_pipelines(struct bench_run *run, const struct bench *bench)
{
	const struct pipeline_subject *subject = bench->subject;
	struct options_list bursts = run->options.bursts;
	void *pool = subject->buffers->create(&run->options);
	int result = 0;

	if (!pool)
		return bench_fail(run, bench->name, "pool", run->why());
	run->pages = subject->buffers->pages(pool);
	options_default_bursts(&bursts, default_bursts);
	if (fill(subject, pool, run->options.count))
		result = bench_fail(run, bench->name, "pool", "has too few buffers");
	for (uint32_t i = 0; result == 0 && i < bursts.count; i++)
		for (const struct pipeline_variant *variant = subject->variants;
			result == 0 && variant->name; variant++)
			if (bursts.values[i] <= STAGES_BURST &&
				options_has(run->options.variants, variant->name))
				result = measure_burst(run, bench, pool, variant, bursts.values[i]);
	subject->buffers->destroy(pool);
	return result;
}
