/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_heap.c: take blocks of a heap and free them. */
#include "benches.h"

#include "harness/work_heap.h"

#include <weir/heap.h>

static void *alloc(void *heap, size_t size)
{
	return weir_heap_alloc(heap, size);
}

static void give(void *heap, void *block)
{
	weir_heap_free(heap, block);
}

static void *alloc_fixed(void *heap, int number)
{
	return weir_heap_alloc_fixed(heap, number);
}

static void free_fixed(void *heap, int number, void *block)
{
	weir_heap_free_fixed(heap, number, block);
}

static int number(void *heap, size_t size)
{
	return weir_heap_class(heap, size);
}

static const struct work_heap calls = {alloc, give, alloc_fixed, free_fixed, number};

static void *create(const struct options *options)
{
	struct weir_heap_conf conf = {
		.name = "bench",
		.size = 64ul << 20, /* so that it does not grow while it is measured */
		.pages = (enum weir_pages)benches_pages(options->pages),
		.node = benches_node(options->node),
	};

	return weir_heap_create(&conf);
}

static void destroy(void *heap)
{
	weir_heap_destroy(heap);
}

static const char *pages(void *heap)
{
	return weir_pages_name(weir_region_pages(weir_heap_region(heap)));
}

static uint64_t single(void *work, uint64_t rounds)
{
	return work_blocks_single(&calls, work, rounds);
}

static uint64_t mixed(void *work, uint64_t rounds)
{
	return work_blocks_mixed(&calls, work, rounds);
}

static uint64_t foreign(void *work, uint64_t rounds)
{
	return work_blocks_foreign(&calls, work, rounds);
}

static const struct heap_subject subject = {.calls = &calls,
	.create = create,
	.destroy = destroy,
	.pages = pages,
	.single = single,
	.mixed = mixed,
	.foreign = foreign};

const struct bench bench_heap = {
	"heap", "take blocks of memory of many sizes and free them", bench_heaps, &subject};
