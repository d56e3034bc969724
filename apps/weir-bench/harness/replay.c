/* SPDX-License-Identifier: BSD-3-Clause */
/* replay.c: the benches on capture files: read to drop, from a file or from memory, or to write. */
#include "bench.h"

#include <stdlib.h>

/* Bursts asked for in one call of the subject. */
#define ROUNDS 32

/* The reader works in large blocks: shorter slices would hold a block more or less. */
#define SLICE_NS 5000000
#define BATCH_NS 250000

struct replay {
	const struct replay_subject *subject;
	const char *path;
	void *reader;
	struct work *work;
};

static uint64_t run_rounds(void *context, uint64_t rounds)
{
	struct replay *replay = context;
	uint64_t packets = 0, got;

	while (rounds > 0 && !work_stopped(replay->work)) {
		/* a file of one packet must not be asked for all rounds at once */
		uint64_t some = rounds < ROUNDS ? rounds : ROUNDS;

		got = replay->subject->run(replay->reader, some);
		packets += got;
		rounds -= some;
		if (got == 0 && replay->subject->rewind(replay->reader, replay->path) != 0)
			work_fail(replay->work);
	}
	return packets;
}

static int measure_file(
	struct bench_run *run, const struct bench *bench, const char *variant, const char *path)
{
	const struct replay_subject *subject = bench->subject;
	struct replay replay = {.subject = subject, .path = path};
	struct measure_work to_run = {run_rounds, &replay};
	struct bench_case measured = {.bench = bench->name,
		.variant = variant,
		.burst = BENCH_REPLAY_BURST,
		.works = &to_run,
		.workers = 1,
		.slice_ns = SLICE_NS,
		.batch_ns = BATCH_NS,
		.enter = subject->enter,
		.leave = subject->leave};
	int result = 1;

	replay.reader = subject->open(&run->options, path, bench->name);
	if (!replay.reader)
		return bench_fail(run, bench->name, path, run->why());
	replay.work = bench_works(run, 1, BENCH_REPLAY_BURST);
	run->pages = subject->pages ? subject->pages(replay.reader) : NULL;
	if (replay.work)
		result = bench_measure(run, &measured);
	free(replay.work);
	subject->close(replay.reader);
	return result;
}

int bench_replays(struct bench_run *run, const struct bench *bench)
{
	return bench_replay_files(run, bench, measure_file);
}
