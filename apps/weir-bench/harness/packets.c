/* SPDX-License-Identifier: BSD-3-Clause */
/* packets.c: the bench packets: what is done to packets beyond taking and giving them back. A
 * subject brings a loop for each variant, WORK_PACKETS operations a round. */
#include "bench.h"

#include <stdlib.h>

static int measure_variant(struct bench_run *run, const struct bench *bench, void *pool,
	const struct packets_variant *variant)
{
	const struct packets_subject *subject = bench->subject;
	struct work *work = bench_works(run, 1, WORK_PACKETS);
	struct measure_work to_run = {variant->run, work};
	struct bench_case measured = {.bench = bench->name,
		.variant = variant->name,
		.burst = WORK_PACKETS,
		.works = &to_run,
		.workers = 1,
		.enter = subject->buffers->enter,
		.leave = subject->buffers->leave};
	int result;

	if (!work)
		return 1;
	work->pool = pool;
	result = bench_measure(run, &measured);
	free(work);
	return result;
}

int bench_packets_of(struct bench_run *run, const struct bench *bench)
{
	const struct packets_subject *subject = bench->subject;
	void *pool = subject->buffers->create(&run->options);
	int result = 0;

	if (!pool)
		return bench_fail(run, bench->name, "pool", run->why());
	run->pages = subject->buffers->pages(pool);
	for (const struct packets_variant *variant = subject->variants;
		variant->name && result == 0; variant++)
		if (options_has(run->options.variants, variant->name))
			result = measure_variant(run, bench, pool, variant);
	subject->buffers->destroy(pool);
	return result;
}
