/* SPDX-License-Identifier: BSD-3-Clause */
/* malloc.c: malloc of the size of an mbuf's buffer, in the patterns of weir's mbufs.
 *
 * Built once for each allocator: they bring their own malloc, so that linking chooses. The hand-off
 * goes through weir's ring for all of them: what is compared is the allocators.
 */
#include "../calls.h"
#include "../harness/bench.h"
#include "../harness/work_heap.h"

#include <stdlib.h>

/* A pool is nothing but a size. */
static void *create(const struct options *options)
{
	size_t *size = malloc(sizeof(*size));

	if (size)
		*size = options->size + OPTIONS_HEADROOM;
	return size;
}

static const char *pages(void *pool)
{
	(void)pool;
	return "malloc";
}

static bool get(void *pool, void **buffers, uint32_t count)
{
	const size_t *size = pool;

	for (uint32_t i = 0; i < count; i++) {
		buffers[i] = malloc(*size);
		if (!buffers[i])
			return false;
	}
	return true;
}

static void put(void *pool, void **buffers, uint32_t count)
{
	(void)pool;
	for (uint32_t i = 0; i < count; i++)
		free(buffers[i]);
}

static void *get_one(void *pool)
{
	const size_t *size = pool;

	return malloc(*size);
}

static void put_one(void *pool, void *buffer)
{
	(void)pool;
	free(buffer);
}

static uint8_t *data(void *buffer)
{
	return buffer;
}

static const struct work_buffers buffers = {get, put, get_one, put_one, data};

static uint64_t run(void *work, uint64_t rounds)
{
	return work_buffers_run(&buffers, work, rounds);
}

static const struct buffers_subject subject = {
	.buffers = &buffers,
	.create = create,
	.destroy = free,
	.pages = pages,
	.run = run,
};

static const struct bench bench_mbuf = {
	"mbuf", "malloc and free buffers of that size", bench_buffers, &subject};

static void *create_ring(uint32_t count)
{
	return weir_ring_create(count, sizeof(void *), WEIR_RING_SPSC);
}

static void destroy_ring(void *ring)
{
	weir_ring_destroy(ring);
}

static const struct ring_subject ring = {
	.name = "spsc", .ring = &call_spsc, .create = create_ring, .destroy = destroy_ring};

static uint64_t run_handoff(void *work, uint64_t rounds)
{
	return work_handoff_run(&buffers, &call_spsc, work, rounds);
}

static const struct handoff_subject handoff = {
	.name = "spsc", .buffers = &subject, .ring = &ring, .run = run_handoff};

static const struct handoff_subject *const handoffs[] = {&handoff, NULL};

static const struct bench bench_handoff = {"handoff",
	"malloc and write on one core, read and free on another", bench_handoffs, handoffs};

static void *alloc_block(void *heap, size_t block_size)
{
	(void)heap;
	return malloc(block_size);
}

static void free_block(void *heap, void *block)
{
	(void)heap;
	free(block);
}

static const struct work_heap calls = {.alloc = alloc_block, .free = free_block};

static uint64_t run_single(void *work, uint64_t rounds)
{
	return work_blocks_single(&calls, work, rounds);
}

static uint64_t run_mixed(void *work, uint64_t rounds)
{
	return work_blocks_mixed(&calls, work, rounds);
}

static uint64_t run_foreign(void *work, uint64_t rounds)
{
	return work_blocks_foreign(&calls, work, rounds);
}

static const struct heap_subject heap = {.calls = &calls,
	.create = create,
	.destroy = free,
	.pages = pages,
	.single = run_single,
	.mixed = run_mixed,
	.foreign = run_foreign};

static const struct bench bench_heap = {
	"heap", "malloc and free blocks of many sizes", bench_heaps, &heap};

static const struct bench *const benches[] = {&bench_mbuf, &bench_handoff, &bench_heap, NULL};

static const struct bench_program program = {
	.impl = PEER_NAME,
	.doc = "Measure " PEER_NAME
	       "'s malloc as weir-bench measures weir's mbufs.\vWhat can be measured:",
	.benches = benches,
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, &program);
}
