/* SPDX-License-Identifier: BSD-3-Clause */
/* dpdk_heap.c: DPDK's rte_malloc, measured like weir's heap. */
#include "dpdk_calls.h"

#include "../harness/work_heap.h"

#include <rte_malloc.h>

static void *alloc(void *heap, size_t size)
{
	(void)heap;
	return rte_malloc(NULL, size, 0);
}

static void give(void *heap, void *block)
{
	(void)heap;
	rte_free(block);
}

static const struct work_heap calls = {.alloc = alloc, .free = give};

/* There is one for each node, and nothing to make. */
static void *create(const struct options *options)
{
	static int one;

	(void)options;
	return &one;
}

static void destroy(void *heap)
{
	(void)heap;
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
	.pages = dpdk_pages,
	.single = single,
	.mixed = mixed,
	.foreign = foreign,
	.enter = dpdk_enter,
	.leave = dpdk_leave};

const struct bench dpdk_bench_heap = {
	"heap", "take blocks of memory of many sizes and free them", bench_heaps, &subject};
