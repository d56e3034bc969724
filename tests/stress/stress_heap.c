/* SPDX-License-Identifier: BSD-3-Clause */
/* stress_heap.c: eight threads take blocks of all sizes, mark them, hand half of them on to be
 * freed by another thread, and end and start again. No block is ever in two hands, and at the end
 * the heap is empty and valid. */
#include "stress.h"

#include "weir/heap.h"
#include "weir/ring.h"

#include <pthread.h>
#include <string.h>

#define THREADS 8
#define HELD    64
#define LIFE    2000 /* steps until a thread ends and another takes its place */

struct block {
	size_t size;
	uint64_t mark;
};

static struct weir_heap *heap;
static struct weir_ring *handed_on;

/* Its last word is a copy of the mark, so that overlaps show at both ends. */
static uint64_t *end_of(struct block *block)
{
	return (uint64_t *)(void *)((uint8_t *)block + (block->size & ~7ul) - sizeof(uint64_t));
}

static struct block *take(uint64_t *random)
{
	uint32_t kind = stress_random(random, 100);
	size_t size = 24 + stress_random(random, kind < 80 ? 600 : kind < 98 ? 40000 : 400000);
	struct block *block;

	if (stress_random(random, 8) == 0)
		block = weir_heap_alloc_aligned(heap, size, 64u << stress_random(random, 9));
	else
		block = weir_heap_alloc(heap, size);
	stress_check(block != NULL, "%s", weir_heap_why(heap));
	block->size = size;
	block->mark = (uint64_t)(uintptr_t)block ^ *random;
	*end_of(block) = block->mark;
	return block;
}

static void give(struct block *block)
{
	stress_check(*end_of(block) == block->mark, "somebody wrote to our block");
	block->mark = 0;
	*end_of(block) = 1;
	weir_heap_free(heap, block);
}

/* Half are for others, as far as there is room. */
static void let_go(struct block *block, uint64_t *random)
{
	if (stress_random(random, 2) ||
		weir_ring_enqueue_bulk_mpmc(handed_on, &block, sizeof(block), 1))
		give(block);
}

static void *live(void *argument)
{
	uint64_t random = stress_random_start((uint64_t)(uintptr_t)argument);
	struct block *held[HELD] = {NULL}, *others[4];

	for (uint32_t step = 0; step < LIFE; step++) {
		uint32_t at = stress_random(&random, HELD), count;

		if (held[at])
			let_go(held[at], &random);
		held[at] = held[at] ? NULL : take(&random);
		count = weir_ring_dequeue_burst_mpmc(handed_on, others, sizeof(*others), 4);
		for (uint32_t i = 0; i < count; i++)
			give(others[i]);
		if (stress_random(&random, 4000) == 0)
			weir_heap_compact(heap);
	}
	for (uint32_t i = 0; i < HELD; i++)
		if (held[i])
			let_go(held[i], &random);
	return NULL;
}

static void *keep_alive(void *argument)
{
	pthread_t thread;

	for (uint64_t done = 0; done < stress_count / THREADS; done += LIFE) {
		uintptr_t number = (uintptr_t)argument + THREADS * (done / LIFE);

		pthread_create(&thread, NULL, live, (void *)number);
		pthread_join(thread, NULL);
	}
	return NULL;
}

static void run(const struct weir_heap_conf *conf)
{
	pthread_t threads[THREADS];
	struct block *block;

	heap = weir_heap_create(conf);
	handed_on = weir_ring_create(1024, sizeof(void *), WEIR_RING_MPMC);
	stress_check(heap && handed_on, "%s", weir_last_error());
	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, keep_alive, (void *)i);
	for (uint32_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	while (weir_ring_dequeue_burst_mpmc(handed_on, &block, sizeof(block), 1))
		give(block);
	weir_ring_destroy(handed_on);
	stress_check(weir_heap_validate(heap) == 0, "%s", weir_last_error());
	stress_check(weir_heap_is_empty(heap), "blocks are out that nobody has");
	weir_heap_compact(heap);
	stress_check(weir_heap_size(heap) == weir_region_chunk(weir_heap_region(heap)),
		"%zu bytes are not given back", weir_heap_size(heap));
	weir_heap_destroy(heap);
}

int main(int argc, char **argv)
{
	static const struct weir_heap_conf confs[] = {
		{.name = "stress", .lazy = true, .pages = WEIR_PAGES_4K},
		{.name = "small caches", .cache = 512, .lazy = true, .pages = WEIR_PAGES_4K},
		{.name = "tracked",
			.track = WEIR_TRACK_SITES | WEIR_TRACK_GUARDS,
			.lazy = true,
			.pages = WEIR_PAGES_4K},
	};

	stress_begin("heap", argc, argv, 100000);
	for (uint32_t i = 0; i < sizeof(confs) / sizeof(confs[0]); i++)
		run(&confs[i]);
	return 0;
}
