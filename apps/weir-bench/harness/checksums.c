/* SPDX-License-Identifier: BSD-3-Clause */
/* checksums.c: the bench checksum: the same bytes, in cache, again and again. */
#include "bench.h"

/* An IPv4 header, a small packet, a middling one, and a full one. */
static const uint32_t lengths[] = {20, 64, 256, 1500};

static int measure_length(struct bench_run *run, const struct bench *bench,
	const struct checksum_subject *subject, uint32_t length)
{
	static uint8_t bytes[1500] __attribute__((aligned(64))) = {0x45};
	struct work_bytes work = {bytes, length, 0};
	struct measure_work to_run = {subject->run, &work};
	char variant[32];
	struct bench_case measured = {.bench = bench->name,
		.variant = variant,
		.burst = 1,
		.works = &to_run,
		.workers = 1};

	snprintf(variant, sizeof(variant), "%s-%u", subject->name, length);
	if (!options_has(run->options.variants, variant))
		return 0;
	return bench_measure(run, &measured);
}

int bench_checksums(struct bench_run *run, const struct bench *bench)
{
	const struct checksum_subject *subject = bench->subject;
	int result = 0;

	run->pages = NULL;
	for (; result == 0 && subject->name; subject++)
		for (size_t i = 0; result == 0 && i < sizeof(lengths) / sizeof(*lengths); i++)
			if (lengths[i] <= subject->most)
				result = measure_length(run, bench, subject, lengths[i]);
	return result;
}
