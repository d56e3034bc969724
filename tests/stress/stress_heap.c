/* SPDX-License-Identifier: BSD-3-Clause */
/* stress_heap.c: eight threads take blocks of 1 B to 64 MiB at alignments to 2 MiB, leave half of
 * them in boxes to be freed by another thread, and end and start again. A shadow has a bit for each
 * 16 bytes of the heap: no two blocks ever have the same. After every 1,000 steps all stop for one
 * that validates and counts: what is out must be what the shadow says.
 *
 * Nothing here orders what two threads do to the heap, but a box for the one block in it, so
 * ThreadSanitizer sees what the heap forgets to order.
 */
#include "stress.h"

#include "weir/atomic.h"
#include "weir/guard.h"
#include "weir/heap.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS  8
#define HELD     64
#define BOXES    256
#define LOOK     125                    /* steps of a thread until all stop: 1,000 of all */
#define LIFE     (8 * LOOK)             /* steps until a thread ends and another takes its place */
#define MAX_SIZE (2ul << 30)            /* addresses, 16 MiB of shadow */
#define OUT_MAX  ((int64_t)192ul << 20) /* bytes at a time, so that the machine has them */

struct block {
	uint8_t *bytes;
	size_t size;
	uint64_t owner; /* the thread that took it */
	uint8_t mark;
};

static struct weir_heap *heap;
static _Atomic(struct block *) boxes[BOXES];
static pthread_barrier_t stop;
static WEIR_ATOMIC(uint64_t) * shadow; /* a bit for each 16 bytes */
static WEIR_ATOMIC(int64_t) out_bytes, out_blocks;
static WEIR_ATOMIC(uint64_t) freed[2]; /* by who took them, and by others */

/* Set the bits of a block, of which none may be set, or clear them, which all must be. Relaxed: it
 * must not order what the heap has to. */
static void claim(const struct block *block, bool take)
{
	size_t start = (size_t)(block->bytes - (uint8_t *)weir_region_base(weir_heap_region(heap)));
	size_t end = (start + block->size + 15) / 16, step;

	for (size_t at = start / 16; at < end; at += step) {
		uint64_t bits, had;

		step = 64 - at % 64 < end - at ? 64 - at % 64 : end - at;
		bits = (step < 64 ? ((uint64_t)1 << step) - 1 : ~(uint64_t)0) << at % 64;
		had = take ? atomic_fetch_or_explicit(&shadow[at / 64], bits, memory_order_relaxed)
			   : atomic_fetch_and_explicit(
				     &shadow[at / 64], ~bits, memory_order_relaxed);
		stress_check((had & bits) == (take ? 0 : bits), "two blocks share bytes");
	}
}

static size_t random_size(uint64_t *random)
{
	uint32_t kind = stress_random(random, 4000);

	return 1 + stress_random(random, kind < 3200   ? 600
					 : kind < 3920 ? 40000
					 : kind < 3992 ? 400000
					 : kind < 3999 ? 4u << 20
						       : 64u << 20);
}

/* NULL when so much is out that the machine may not have more. */
static struct block *take(uint64_t owner, uint64_t *random)
{
	size_t size = random_size(random), alignment = 16;
	int64_t before = atomic_fetch_add_explicit(&out_bytes, (int64_t)size, memory_order_relaxed);
	struct block *block;

	if (before + (int64_t)size > OUT_MAX) {
		atomic_fetch_sub_explicit(&out_bytes, (int64_t)size, memory_order_relaxed);
		return NULL;
	}
	if (stress_random(random, 8) == 0)
		alignment = (size_t)1 << stress_random(random, 22);
	block = malloc(sizeof(*block));
	stress_check(block != NULL, "no memory");
	*block = (struct block){
		.size = size, .owner = owner, .mark = (uint8_t)stress_random(random, 256)};
	block->bytes = alignment > 16 ? weir_heap_alloc_aligned(heap, size, alignment)
				      : weir_heap_alloc(heap, size);
	stress_check(block->bytes != NULL, "%s", weir_heap_why(heap));
	stress_check((uintptr_t)block->bytes % alignment == 0, "it is not aligned");
	claim(block, true);
	block->bytes[0] = block->bytes[size - 1] = block->mark;
	atomic_fetch_add_explicit(&out_blocks, 1, memory_order_relaxed);
	return block;
}

static void give(struct block *block, uint64_t owner)
{
	stress_check(block->bytes[0] == block->mark && block->bytes[block->size - 1] == block->mark,
		"somebody wrote to our block");
	block->bytes[0] = block->bytes[block->size - 1] = (uint8_t)~block->mark;
	claim(block, false);
	atomic_fetch_sub_explicit(&out_blocks, 1, memory_order_relaxed);
	atomic_fetch_sub_explicit(&out_bytes, (int64_t)block->size, memory_order_relaxed);
	atomic_fetch_add_explicit(&freed[block->owner != owner], 1, memory_order_relaxed);
	weir_heap_free(heap, block->bytes);
	free(block);
}

/* Put a block, or NULL, into a box, and free what was there. */
static void exchange(struct block *block, uint64_t owner, uint64_t *random)
{
	block = atomic_exchange_explicit(
		&boxes[stress_random(random, BOXES)], block, memory_order_acq_rel);
	if (block)
		give(block, owner);
}

static void check_all(void)
{
	struct weir_heap_stats stats;

	stress_check(weir_heap_validate(heap) == 0, "%s", weir_last_error());
	stress_check(weir_guard_count() == 0, "a guard has caught something");
	weir_heap_stats(heap, &stats);
	stress_check(stats.blocks == (uint64_t)out_blocks, "%llu blocks are out, it says %llu",
		(unsigned long long)out_blocks, (unsigned long long)stats.blocks);
	stress_check(stats.used >= (uint64_t)out_bytes && stats.used + stats.free == stats.size,
		"its figures are others");
}

struct life {
	uint64_t number;
	bool tracked;
};

static void one_step(struct block **held, const struct life *life, uint64_t *random)
{
	struct block **block = &held[stress_random(random, HELD)];

	if (!*block) {
		*block = take(life->number, random);
	} else {
		/* what comes out of a box is mostly another's, so half of all is */
		if (stress_random(random, 7) < 3)
			give(*block, life->number);
		else
			exchange(*block, life->number, random);
		*block = NULL;
	}
	if (stress_random(random, 4000) == 0)
		weir_heap_compact(heap);
	/* beside the others, of a heap that allows it */
	if (!life->tracked && stress_random(random, 4000) == 0)
		stress_check(weir_heap_validate(heap) == 0, "%s", weir_last_error());
}

static void *live(void *argument)
{
	const struct life *life = argument;
	uint64_t random = stress_random_start(life->number);
	struct block *held[HELD] = {NULL};

	for (uint32_t step = 0; step < LIFE; step++) {
		one_step(held, life, &random);
		if (step % LOOK != LOOK - 1)
			continue;
		if (pthread_barrier_wait(&stop) == PTHREAD_BARRIER_SERIAL_THREAD)
			check_all();
		pthread_barrier_wait(&stop);
	}
	for (uint32_t i = 0; i < HELD; i++)
		if (held[i])
			exchange(held[i], life->number, &random);
	return NULL;
}

static void *keep_alive(void *argument)
{
	struct life *life = argument;
	pthread_t thread;

	for (uint64_t done = 0; done < stress_count / THREADS; done += LIFE) {
		stress_check(pthread_create(&thread, NULL, live, life) == 0, "no thread");
		pthread_join(thread, NULL);
		life->number += THREADS;
	}
	return NULL;
}

static void run_threads(bool tracked)
{
	pthread_t threads[THREADS];
	struct life lives[THREADS];

	pthread_barrier_init(&stop, NULL, THREADS);
	for (uint32_t i = 0; i < THREADS; i++) {
		lives[i] = (struct life){.number = i, .tracked = tracked};
		stress_check(
			pthread_create(&threads[i], NULL, keep_alive, &lives[i]) == 0, "no thread");
	}
	for (uint32_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&stop);
}

static void run(struct weir_heap_conf conf)
{
	conf.lazy = true;
	conf.pages = WEIR_PAGES_4K;
	conf.max_size = MAX_SIZE;
	heap = weir_heap_create(&conf);
	shadow = calloc(MAX_SIZE / 16 / 64, sizeof(*shadow));
	stress_check(heap && shadow, "%s", weir_last_error());
	run_threads(conf.track != 0);
	for (uint32_t i = 0; i < BOXES; i++)
		if (boxes[i])
			give(atomic_exchange(&boxes[i], NULL), 0);
	check_all();
	stress_check(weir_heap_is_empty(heap), "blocks are out that nobody has");
	weir_heap_compact(heap);
	stress_check(weir_heap_size(heap) == weir_region_chunk(weir_heap_region(heap)),
		"%zu bytes are not given back", weir_heap_size(heap));
	weir_heap_destroy(heap);
	free((void *)(uintptr_t)shadow);
}

int main(int argc, char **argv)
{
	stress_begin("heap", argc, argv, 24000);
	run((struct weir_heap_conf){.name = "stress"});
	run((struct weir_heap_conf){.name = "small caches", .cache = 512});
	run((struct weir_heap_conf){
		.name = "tracked", .track = WEIR_TRACK_SITES | WEIR_TRACK_GUARDS});
	printf("%llu blocks were freed by who took them, %llu by others\n",
		(unsigned long long)freed[0], (unsigned long long)freed[1]);
	return 0;
}
