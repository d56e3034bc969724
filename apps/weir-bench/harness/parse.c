/* SPDX-License-Identifier: BSD-3-Clause */
/* parse.c: the bench parse: find the headers of packets that are there, in bursts. An operation is
 * one packet. */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

#define PACKET_SIZE 64

static const uint32_t default_bursts[] = {32, 0};

/* Ethernet, with a VLAN tag or without, IPv4 and TCP; zeros up to PACKET_SIZE. */
static const struct kind {
	const char *name;
	uint8_t bytes[PACKET_SIZE];
} kinds[] = {
	{"tcp", {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 50, 0, 1, 0, 0, 64, 6, 0, 0,
			192, 0, 2, 1, 192, 0, 2, 2, 156, 64, 0, 9, 0, 0, 0, 1, 0, 0, 0, 1, 0x50}},
	{"vlan", {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x81, 0, 0, 1, 8, 0, 0x45, 0, 0, 46, 0, 1, 0,
			 0, 64, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 156, 64, 0, 9, 0, 0, 0, 1, 0,
			 0, 0, 1, 0x50}},
};

/* All of held: more than the fastest cache has room for, so that looking ahead shows. */
static void fill(const struct parse_subject *subject, struct work *work, const struct kind *kind)
{
	for (uint32_t i = 0; i < WORK_OUTSTANDING; i++)
		memcpy(subject->append(work->held[i], PACKET_SIZE), kind->bytes, PACKET_SIZE);
}

static int measure_burst(struct bench_run *run, const struct bench *bench, void *pool,
	const struct kind *kind, uint32_t burst)
{
	const struct parse_subject *subject = bench->subject;
	const struct work_buffers *buffers = subject->buffers->buffers;
	struct work *work = bench_works(run, 1, burst);
	struct measure_work to_run = {subject->run, work};
	struct bench_case measured = {.bench = bench->name,
		.variant = kind->name,
		.burst = burst,
		.works = &to_run,
		.workers = 1,
		.enter = subject->buffers->enter,
		.leave = subject->buffers->leave};
	int result;

	if (!work)
		return 1;
	if (!buffers->get(pool, work->held, WORK_OUTSTANDING)) {
		free(work);
		return bench_fail(run, bench->name, "pool", "has too few buffers");
	}
	fill(subject, work, kind);
	result = bench_measure(run, &measured);
	buffers->put(pool, work->held, WORK_OUTSTANDING);
	free(work);
	return result;
}

int bench_parses(struct bench_run *run, const struct bench *bench)
{
	const struct parse_subject *subject = bench->subject;
	struct options_list bursts = run->options.bursts;
	void *pool = subject->buffers->create(&run->options);
	int result = 0;

	if (!pool)
		return bench_fail(run, bench->name, "pool", run->why());
	run->pages = subject->buffers->pages(pool);
	options_default_bursts(&bursts, default_bursts);
	for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++)
		for (uint32_t i = 0; result == 0 && i < bursts.count; i++)
			if (options_has(run->options.variants, kinds[k].name))
				result = measure_burst(
					run, bench, pool, &kinds[k], bursts.values[i]);
	subject->buffers->destroy(pool);
	return result;
}
