/* SPDX-License-Identifier: BSD-3-Clause */
/* heap.c: the bench heap: blocks of one size taken and freed in turn, and of many sizes. An
 * operation is a block taken and freed. */
#include "heap_impl.h"

#include <stdlib.h>

static const struct variant {
	const char *name;
	size_t size;
	bool fixed, mixed;
} variants[] = {
	{"64", 64, false, false},
	{"1024", 1024, false, false},
	{"4096", 4096, false, false},
	{"fixed-64", 64, true, false},
	{"100000", 100000, false, false},
	{"mixed", 0, false, true},
};

struct work_blocks *heap_work(struct bench_run *run, void *heap, size_t size)
{
	struct work_blocks *work = calloc(1, sizeof(*work));

	if (!work)
		return NULL;
	work->heap = heap;
	work->size = size;
	work->number = -1;
	work->random = 88172645463325252u; /* Marsaglia's, 2003 */
	work->failed = &run->failed;
	return work;
}

static void free_slots(const struct heap_subject *subject, struct work_blocks *work)
{
	for (uint32_t i = 0; i < WORK_HEAP_SLOTS; i++)
		if (work->slots[i])
			subject->calls->free(work->heap, work->slots[i]);
	free(work);
}

static int measure_variant(
	struct bench_run *run, const struct bench *bench, void *heap, const struct variant *variant)
{
	const struct heap_subject *subject = bench->subject;
	struct work_blocks *work = heap_work(run, heap, variant->size);
	struct measure_work to_run = {variant->mixed ? subject->mixed : subject->single, work};
	struct bench_case measured = {.bench = bench->name,
		.variant = variant->name,
		.burst = 1,
		.works = &to_run,
		.workers = 1,
		.enter = subject->enter,
		.leave = subject->leave};
	int result;

	if (!work)
		return bench_fail(run, bench->name, "memory", "none");
	if (variant->fixed && subject->calls->number)
		work->number = subject->calls->number(heap, variant->size);
	result = bench_measure(run, &measured);
	free_slots(subject, work);
	return result;
}

static int measure_all(struct bench_run *run, const struct bench *bench, void *heap)
{
	int result = 0;

	for (size_t i = 0; result == 0 && i < sizeof(variants) / sizeof(*variants); i++)
		if (options_has(run->options.variants, variants[i].name))
			result = measure_variant(run, bench, heap, &variants[i]);
	if (result == 0 && options_has(run->options.variants, "foreign-64"))
		result = heap_threads_measure(run, bench, heap, "foreign-64", 64);
	if (result == 0 && options_has(run->options.variants, "foreign"))
		result = heap_threads_measure(run, bench, heap, "foreign", 0);
	return result;
}

int bench_heaps(struct bench_run *run, const struct bench *bench)
{
	const struct heap_subject *subject = bench->subject;
	void *heap = subject->create(&run->options);
	int result;

	if (!heap)
		return bench_fail(run, bench->name, "heap", run->why());
	run->pages = subject->pages(heap);
	result = measure_all(run, bench, heap);
	subject->destroy(heap);
	return result;
}
