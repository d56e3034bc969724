/* SPDX-License-Identifier: BSD-3-Clause */
/* measure.c: run workers on their cores and record slices. */
#include "measure.h"

#include "line.h"
#include "samples.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

/* Run before anything is recorded: caches fill, the core leaves its sleep states. */
#define WARM_UP_NS 1000000

struct worker {
	const struct measure_conf *conf;
	struct measure_work work;
	struct samples *samples;
	uint32_t cpu;
	uint32_t index;     /* the first leads */
	struct line *line;  /* shared by the first two; NULL for others */
	atomic_uint *ready; /* shared by all: who is warm */
	uint64_t line_ticks;
	uint64_t batch; /* rounds */
	int error;
	pthread_t thread;
};

static bool stopped(const struct worker *worker)
{
	/* relaxed: when exactly it stops does not matter */
	return atomic_load_explicit(worker->conf->stop, memory_order_relaxed);
}

static void stop(const struct worker *worker)
{
	atomic_store_explicit(worker->conf->stop, true, memory_order_relaxed);
}

/* Run longer and longer until it takes the time of the warm-up; from that, how many rounds a batch
 * is. */
static uint64_t warm_up(const struct worker *worker)
{
	const struct measure_work *work = &worker->work;
	uint64_t enough = clock_ticks_of(WARM_UP_NS), rounds = 1, ticks, start;

	for (;; rounds *= 2) {
		start = clock_ticks();
		work->run(work->context, rounds);
		ticks = clock_ticks() - start;
		if (ticks >= enough || stopped(worker))
			break;
	}
	rounds = (uint64_t)((double)rounds * (double)clock_ticks_of(worker->conf->batch_ns) /
			    (double)ticks);
	return rounds ? rounds : 1;
}

static void run_slice(const struct worker *worker, struct sample *sample)
{
	const struct measure_work *work = &worker->work;
	uint64_t length = clock_ticks_of(worker->conf->slice_ns);
	uint64_t usual = clock_ticks_of(worker->conf->batch_ns);
	uint64_t start = clock_ticks(), last = start, now;

	sample->start = start;
	do {
		sample->operations += work->run(work->context, worker->batch);
		now = clock_ticks();
		if (now - last > sample->longest_batch)
			sample->longest_batch = now - last;
		samples_add_batch(worker->samples, last, now, usual);
		last = now;
		sample->batches++;
	} while (now - start < length && !stopped(worker));
	sample->ticks = now - start;
}

static void run_slices(struct worker *worker)
{
	uint64_t end = clock_ticks() + clock_ticks_of(worker->conf->time_ns);
	struct calibration before = clock_calibrate();

	while (!stopped(worker)) {
		struct sample sample = {.before = before};

		run_slice(worker, &sample);
		if (worker->index == 0 && clock_ticks() >= end)
			stop(worker);
		before = sample.after = clock_calibrate();
		/* the slice in which the others were told to stop is not whole */
		if (worker->index == 0 || !stopped(worker))
			samples_add(worker->samples, &sample);
	}
}

/* Go on working, since others may need it to become warm, until all are. */
static void await_others(const struct worker *worker)
{
	const struct measure_work *work = &worker->work;

	/* relaxed: nothing else is passed along */
	atomic_fetch_add_explicit(worker->ready, 1, memory_order_relaxed);
	while (atomic_load_explicit(worker->ready, memory_order_relaxed) < worker->conf->workers &&
		!stopped(worker))
		work->run(work->context, worker->batch);
}

static int pin(uint32_t cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return -pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

/* How far apart the cores of the first two are before they start; of several repeats the nearest.
 */
static void pass_line(struct worker *worker)
{
	uint64_t ticks = line_pass(worker->line, worker->index, worker->conf->stop);

	if (worker->line_ticks == 0 || ticks < worker->line_ticks)
		worker->line_ticks = ticks;
}

static void *run_worker(void *arg)
{
	struct worker *worker = arg;
	uint64_t again;

	worker->error = pin(worker->cpu);
	if (worker->error == 0 && worker->conf->enter)
		worker->error = worker->conf->enter();
	if (worker->error != 0) {
		stop(worker);
		return NULL;
	}
	if (worker->line)
		pass_line(worker);
	/* twice: a preemption in one would make its batches too small */
	worker->batch = warm_up(worker);
	again = warm_up(worker);
	if (again > worker->batch)
		worker->batch = again;
	await_others(worker);
	run_slices(worker);
	if (worker->conf->leave)
		worker->conf->leave();
	return NULL;
}

static int run_workers(struct worker *workers, uint32_t count)
{
	uint32_t started = 0;
	int error = 0;

	atomic_store_explicit(workers->conf->stop, false, memory_order_relaxed);
	for (; started < count && error == 0; started++)
		error = -pthread_create(
			&workers[started].thread, NULL, run_worker, &workers[started]);
	if (error != 0) {
		started--;
		stop(workers);
	}
	for (uint32_t i = 0; i < started; i++) {
		pthread_join(workers[i].thread, NULL);
		if (error == 0)
			error = workers[i].error;
	}
	return error;
}

int measure(const struct measure_conf *conf, struct measure_result *result)
{
	static struct line line;
	static atomic_uint ready;
	uint64_t each = conf->time_ns / conf->slice_ns + 2;
	struct worker *workers = calloc(conf->workers, sizeof(*workers));
	struct samples *samples = calloc(conf->workers, sizeof(*samples));
	int error = workers && samples ? 0 : -ENOMEM;

	for (uint32_t i = 0; error == 0 && i < conf->workers; i++) {
		workers[i] = (struct worker){.conf = conf,
			.work = conf->works[i],
			.samples = &samples[i],
			.cpu = conf->cpus[i],
			.index = i,
			.ready = &ready,
			.line = conf->workers > 1 && i < 2 ? &line : NULL};
		error = samples_reserve(&samples[i], each * conf->repeats);
	}
	for (uint32_t i = 0; error == 0 && i < conf->repeats; i++) {
		memset((void *)&line, 0, sizeof(line));
		atomic_store_explicit(&ready, 0, memory_order_relaxed);
		error = run_workers(workers, conf->workers);
	}
	if (error == 0) {
		samples_summarize(samples, conf->workers, conf->talking, result);
		result->line_ns = clock_ns(workers[0].line_ticks);
	}
	for (uint32_t i = 0; samples && i < conf->workers; i++)
		samples_release(&samples[i]);
	free(samples);
	free(workers);
	return error;
}
