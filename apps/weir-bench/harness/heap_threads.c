/* SPDX-License-Identifier: BSD-3-Clause */
/* heap_threads.c: the part of the bench heap where threads free each other's blocks. All work at
 * once for the same time, and what counts is how long an operation takes all of them together. */
#include "heap_impl.h"

#include "statistics.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Where there are fewer processors they take turns. */
#define FOREIGN_THREADS 4
#define CHUNK           256 /* operations between two looks at whether time is up */

struct foreign {
	const struct heap_subject *subject;
	struct work_blocks *work;
	pthread_barrier_t *begin;
	uint64_t start, end, operations;
	uint64_t until;   /* ticks; all stop then, so that nobody works alone at the end */
	uint64_t busy_ns; /* that it had a processor */
};

static uint64_t busy_ns(void)
{
	struct timespec now = {0};

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void *run_foreign(void *argument)
{
	struct foreign *thread = argument;

	if (thread->subject->enter)
		thread->subject->enter();
	pthread_barrier_wait(thread->begin);
	thread->busy_ns = busy_ns();
	thread->start = clock_ticks();
	do {
		thread->subject->foreign(thread->work, CHUNK);
		thread->operations += CHUNK;
		thread->end = clock_ticks();
	} while (thread->end < thread->until);
	thread->busy_ns = busy_ns() - thread->busy_ns;
	if (thread->subject->leave)
		thread->subject->leave();
	return NULL;
}

/* What a thread had a processor for, over all rounds. */
struct share {
	uint64_t busy_ns, operations;
};

/* Wall time for an operation of all threads together, ns. Below 0 without threads. */
static double time_foreign(const struct heap_subject *subject, struct work_blocks **works,
	uint64_t ticks, struct share *shares)
{
	struct foreign threads[FOREIGN_THREADS] = {{0}};
	pthread_t ids[FOREIGN_THREADS];
	pthread_barrier_t begin;
	uint64_t first = UINT64_MAX, last = 0, operations = 0, until = clock_ticks() + ticks;

	pthread_barrier_init(&begin, NULL, FOREIGN_THREADS);
	for (uint32_t i = 0; i < FOREIGN_THREADS; i++) {
		threads[i] = (struct foreign){
			.subject = subject, .work = works[i], .begin = &begin, .until = until};
		if (pthread_create(&ids[i], NULL, run_foreign, &threads[i]))
			return -1; /* those there are wait for ever, and end with the program */
	}
	for (uint32_t i = 0; i < FOREIGN_THREADS; i++) {
		pthread_join(ids[i], NULL);
		first = threads[i].start < first ? threads[i].start : first;
		last = threads[i].end > last ? threads[i].end : last;
		operations += threads[i].operations;
		shares[i].busy_ns += threads[i].busy_ns;
		shares[i].operations += threads[i].operations;
	}
	pthread_barrier_destroy(&begin);
	return clock_ns(last - first) / (double)operations;
}

static void summarize(
	struct measure_result *result, double *ns, uint32_t count, const struct share *shares)
{
	statistics_sort(ns, count);
	*result = (struct measure_result){.min = ns[0],
		.p10 = statistics_quantile(ns, count, 0.1),
		.median = statistics_median(ns, count),
		.max = ns[count - 1],
		.clean = 1,
		.counted = FOREIGN_THREADS,
		.slices = count};
	result->figure = result->median;
	for (uint32_t i = 0; i < FOREIGN_THREADS; i++)
		result->worker[i] = (double)shares[i].busy_ns / (double)shares[i].operations;
}

static void free_boxes(const struct heap_subject *subject, void *heap, struct work_box *boxes)
{
	for (uint32_t i = 0; i < FOREIGN_THREADS; i++)
		for (uint32_t j = 0; j < WORK_HEAP_BOX; j++) {
			void *block = atomic_load(&boxes[i].blocks[j]);

			if (block)
				subject->calls->free(heap, block);
		}
}

static int measure_times(struct bench_run *run, const struct bench *bench,
	struct work_blocks **works, const char *variant)
{
	uint64_t ticks = clock_ticks_of(run->options.time_ns);
	struct bench_case measured = {
		.bench = bench->name, .variant = variant, .burst = 1, .workers = FOREIGN_THREADS};
	struct measure_result result;
	struct share shares[FOREIGN_THREADS] = {{0}};
	double ns[256];
	uint32_t count = 0;

	do {
		ns[count] = time_foreign(bench->subject, works, ticks, shares);
		if (ns[count] < 0)
			return bench_fail(run, bench->name, variant, "no threads");
		count++;
	} while (count < run->options.repeats && count < sizeof(ns) / sizeof(*ns));
	summarize(&result, ns, count, shares);
	return bench_add_row(run, &measured, &result);
}

int heap_threads_measure(
	struct bench_run *run, const struct bench *bench, void *heap, const char *name, size_t size)
{
	struct work_box *boxes = aligned_alloc(128, FOREIGN_THREADS * sizeof(*boxes));
	struct work_blocks *works[FOREIGN_THREADS];
	int result;

	if (!boxes)
		return bench_fail(run, bench->name, "memory", "none");
	memset((void *)boxes, 0, FOREIGN_THREADS * sizeof(*boxes));
	for (uint32_t i = 0; i < FOREIGN_THREADS; i++) {
		works[i] = heap_work(run, heap, size);
		if (!works[i])
			return bench_fail(run, bench->name, "memory", "none");
		works[i]->random += i * 1000003;
		works[i]->mine = &boxes[i];
		works[i]->others = &boxes[(i + 1) % FOREIGN_THREADS];
	}
	result = measure_times(run, bench, works, name);
	free_boxes(bench->subject, heap, boxes);
	for (uint32_t i = 0; i < FOREIGN_THREADS; i++)
		free(works[i]);
	free(boxes);
	return result;
}
