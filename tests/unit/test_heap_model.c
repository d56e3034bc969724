/* SPDX-License-Identifier: BSD-3-Clause */
/* test_heap_model.c: random calls against a shadow of what is out: every block lies where it may,
 * apart from all others, and has the bytes that were written to it; the heap validates all along.
 *
 *	test_heap_model [STEPS [SEED]]
 *
 * Sizes are 1 B to 64 MiB, alignments to 2 MiB; WEIR_HEAP_STEPS in the environment is the same as
 * STEPS. The time it takes is mostly the kernel's, for pages.
 */
#include "weir/guard.h"
#include "weir/heap.h"

#include "random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS      4096
#define OUT_MAX     (256ul << 20) /* bytes at a time, so that the machine has them */
#define LARGEST     (64ul << 20)
#define EDGE        64 /* bytes at either end that are written and looked at */
#define VALIDATE_AT 1000

struct block {
	uint8_t *bytes;
	size_t size;
	uint64_t mark;
};

static struct block blocks[BLOCKS];
static size_t out, checked;
static uint64_t seed, step;

static void check(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "FAILED: seed %llu, step %llu: %s: %s\n", (unsigned long long)seed,
		(unsigned long long)step, what, weir_last_error());
	exit(1);
}

/* Small ones mostly, as programs have it; every power of two now and then. */
static size_t random_size(void)
{
	uint64_t kind = below(1000);
	size_t most = kind < 800   ? 1024
		      : kind < 950 ? 32768
		      : kind < 990 ? 1ul << 20
		      : kind < 999 ? 4ul << 20
				   : LARGEST;

	return 1 + random_next() % most;
}

static size_t random_alignment(void)
{
	return below(8) ? 16 : (size_t)1 << below(22);
}

static void write_edges(struct block *block)
{
	size_t edge = block->size < EDGE ? block->size : EDGE;

	block->mark = random_next();
	memset(block->bytes, (int)(uint8_t)block->mark, edge);
	memset(block->bytes + block->size - edge, (int)(uint8_t)block->mark, edge);
}

static bool has_bytes(const uint8_t *bytes, size_t count, uint64_t mark)
{
	for (size_t i = 0; i < count; i++)
		if (bytes[i] != (uint8_t)mark)
			return false;
	return true;
}

static void check_edges(const struct block *block, size_t size)
{
	size_t edge = size < EDGE ? size : EDGE;

	check(has_bytes(block->bytes, edge < block->size ? edge : block->size, block->mark),
		"the bytes at the start are others");
	if (size >= block->size) {
		edge = block->size < EDGE ? block->size : EDGE;
		check(has_bytes(block->bytes + block->size - edge, edge, block->mark),
			"the bytes at the end are others");
	}
	checked++;
}

static void take(struct weir_heap *heap, struct block *block)
{
	size_t size = random_size(), alignment = random_alignment();

	if (out + size > OUT_MAX)
		return;
	block->bytes = alignment > 16  ? weir_heap_alloc_aligned(heap, size, alignment)
		       : below(8) == 0 ? weir_heap_calloc(heap, 1, size)
				       : weir_heap_alloc(heap, size);
	check(block->bytes != NULL, weir_heap_why(heap));
	check((uintptr_t)block->bytes % (alignment < 16 ? 16 : alignment) == 0, "not aligned");
	check(weir_heap_usable_size(heap, block->bytes) >= size, "the block is too small");
	block->size = size;
	out += size;
	write_edges(block);
}

static void give(struct weir_heap *heap, struct block *block)
{
	check_edges(block, block->size);
	if (below(4))
		weir_heap_free(heap, block->bytes);
	else
		weir_heap_free_sized(heap, block->bytes, block->size);
	out -= block->size;
	block->bytes = NULL;
}

static void resize(struct weir_heap *heap, struct block *block)
{
	size_t size = random_size();
	struct block moved = *block;

	if (out - block->size + size > OUT_MAX)
		return;
	moved.bytes = weir_heap_realloc(heap, block->bytes, size);
	check(moved.bytes != NULL, weir_heap_why(heap));
	check_edges(&moved, size);
	out += size - block->size;
	*block = moved;
	block->size = size;
	write_edges(block);
}

static int by_address(const void *a, const void *b)
{
	const struct block *const *x = a, *const *y = b;

	return ((*x)->bytes > (*y)->bytes) - ((*x)->bytes < (*y)->bytes);
}

/* No two overlap. */
static void check_apart(void)
{
	static const struct block *sorted[BLOCKS];
	size_t count = 0;

	for (size_t i = 0; i < BLOCKS; i++)
		if (blocks[i].bytes)
			sorted[count++] = &blocks[i];
	qsort(sorted, count, sizeof(*sorted), by_address);
	for (size_t i = 1; i < count; i++)
		check(sorted[i - 1]->bytes + sorted[i - 1]->size <= sorted[i]->bytes,
			"two blocks overlap");
}

static void check_all(struct weir_heap *heap)
{
	struct weir_heap_stats stats;
	size_t count = 0;

	check(weir_heap_validate(heap) == 0, "validate");
	check(weir_guard_count() == 0, "a guard has caught something");
	check_apart();
	for (size_t i = 0; i < BLOCKS; i++)
		count += blocks[i].bytes != NULL;
	weir_heap_stats(heap, &stats);
	check(stats.blocks == count, "it counts other blocks");
	check(stats.used >= out && stats.used + stats.free == stats.size, "its figures are others");
}

static void add_class(struct weir_heap *heap)
{
	int number = weir_heap_add_class(heap, 1 + below(WEIR_HEAP_SMALL), 0);

	check(number > 0 || number == -ENOSPC, "add_class");
}

static void rarely(struct weir_heap *heap)
{
	switch (below(4)) {
	case 0:
		weir_heap_compact(heap);
		break;
	case 1:
		weir_heap_shrink(heap, 4ul << 20);
		break;
	case 2:
		check(weir_heap_extend(heap, 1ul << 20) == 0, "extend");
		break;
	default:
		add_class(heap);
	}
}

static void run(const struct weir_heap_conf *conf, uint64_t steps)
{
	struct weir_heap *heap = weir_heap_create(conf);

	check(heap != NULL, "create");
	for (step = 0; step < steps; step++) {
		struct block *block = &blocks[below(BLOCKS)];

		if (!block->bytes)
			take(heap, block);
		else if (below(8))
			give(heap, block);
		else
			resize(heap, block);
		if (step % VALIDATE_AT == 0)
			check_all(heap);
		if (below(20000) == 0)
			rarely(heap);
	}
	for (size_t i = 0; i < BLOCKS; i++)
		if (blocks[i].bytes)
			give(heap, &blocks[i]);
	check_all(heap);
	check(weir_heap_is_empty(heap), "it is not empty");
	weir_heap_compact(heap);
	check(weir_heap_size(heap) == weir_region_chunk(weir_heap_region(heap)),
		"it did not give all back");
	weir_heap_destroy(heap);
}

int main(int argc, char **argv)
{
	static const struct weir_heap_conf confs[] = {
		{.name = "threads", .lazy = true},
		{.name = "single", .single = true, .lazy = true},
		{.name = "tracked", .track = WEIR_TRACK_SITES | WEIR_TRACK_GUARDS, .lazy = true},
		{.name = "64", .alignment = 64, .cache = 4096, .stats = true, .lazy = true},
	};
	const char *steps = argc > 1 ? argv[1] : getenv("WEIR_HEAP_STEPS");
	uint64_t count = steps ? strtoull(steps, NULL, 10) : 5000;

	printf("heap model: %llu steps of each kind, ", (unsigned long long)count);
	seed = random_begin(argc > 2 ? argv[2] : NULL);
	for (size_t i = 0; i < sizeof(confs) / sizeof(confs[0]); i++)
		run(&confs[i], count);
	printf("%zu blocks were looked at\n", checked);
	return checked == 0 || weir_guard_count() != 0;
}
