/* SPDX-License-Identifier: BSD-3-Clause */
/* work_heap.h: what a worker does with blocks of memory, inlined into each program with its own
 * calls. */
#ifndef WORK_HEAP_H
#define WORK_HEAP_H

#include "work.h"

/* Calls of an allocator. Constant, so that they can be inlined. */
struct work_heap {
	void *(*alloc)(void *heap, size_t size);
	void (*free)(void *heap, void *block);
	/* of one size, which number says; NULL: alloc and free */
	void *(*alloc_fixed)(void *heap, int number);
	void (*free_fixed)(void *heap, int number, void *block);
	int (*number)(void *heap, size_t size);
};

#define WORK_HEAP_SLOTS 1024 /* blocks out at a time, of mixed sizes; a power of two */
#define WORK_HEAP_BOX   256  /* blocks on their way from one thread to the next; the same */

/* Where a thread leaves blocks for the next one. */
struct work_box {
	_Atomic(void *) blocks[WORK_HEAP_BOX];
} __attribute__((aligned(128)));

struct work_blocks {
	void *heap;
	size_t size; /* 0: mixed */
	int number;  /* of the fixed class, or -1 */
	uint64_t random;
	struct work_box *mine, *others; /* NULL: every block is freed by its thread */
	atomic_bool *failed;
	void *slots[WORK_HEAP_SLOTS];
};

WORK_INLINE void work_use_block(void *block)
{
	__asm__ __volatile__("" : : "r"(block) : "memory");
}

WORK_INLINE uint64_t work_random(struct work_blocks *work)
{
	work->random ^= work->random << 13;
	work->random ^= work->random >> 7;
	work->random ^= work->random << 17;
	return work->random;
}

/* 16 B to 8 KiB, small ones more often: each power of two as often as the next. */
WORK_INLINE size_t work_mixed_size(uint64_t random)
{
	uint32_t log2_size = 4 + (uint32_t)(random >> 40) % 9;

	return ((size_t)1 << log2_size) + ((random >> 20) & (((size_t)1 << log2_size) - 1));
}

/* Take and free in turn. */
WORK_INLINE uint64_t work_blocks_fixed(
	const struct work_heap *calls, void *heap, int number, uint64_t rounds)
{
	for (uint64_t i = 0; i < rounds; i++) {
		void *block = calls->alloc_fixed(heap, number);

		work_use_block(block);
		calls->free_fixed(heap, number, block);
	}
	return rounds;
}

WORK_INLINE uint64_t work_blocks_single(
	const struct work_heap *calls, struct work_blocks *work, uint64_t rounds)
{
	void *heap = work->heap;
	size_t size = work->size;
	int number = work->number;

	/* not known to the compiler, as it is not in a program */
	__asm__ __volatile__("" : "+r"(size), "+r"(number));
	if (calls->alloc_fixed && number >= 0)
		return work_blocks_fixed(calls, heap, number, rounds);
	for (uint64_t i = 0; i < rounds; i++) {
		void *block = calls->alloc(heap, size);

		work_use_block(block);
		calls->free(heap, block);
	}
	return rounds;
}

/* Replace one of many by one of another size. */
WORK_INLINE uint64_t work_blocks_mixed(
	const struct work_heap *calls, struct work_blocks *work, uint64_t rounds)
{
	for (uint64_t i = 0; i < rounds; i++) {
		uint64_t random = work_random(work);
		void **slot = &work->slots[random % WORK_HEAP_SLOTS];

		if (*slot)
			calls->free(work->heap, *slot);
		*slot = calls->alloc(work->heap, work_mixed_size(random));
		if (!*slot)
			atomic_store_explicit(work->failed, true, memory_order_relaxed);
		else
			*(uint8_t *)*slot = 1;
	}
	return rounds;
}

/* Leave every second block for the next thread, free what the one before has left. */
WORK_INLINE uint64_t work_blocks_foreign(
	const struct work_heap *calls, struct work_blocks *work, uint64_t rounds)
{
	for (uint64_t i = 0; i < rounds; i++) {
		uint64_t random = work_random(work);
		size_t size = work->size ? work->size : work_mixed_size(random);
		void *block = calls->alloc(work->heap, size), *old;

		if (!block) {
			atomic_store_explicit(work->failed, true, memory_order_relaxed);
			break;
		}
		*(uint8_t *)block = 1;
		if (i % 2) {
			calls->free(work->heap, block);
			continue;
		}
		old = atomic_exchange_explicit(
			&work->mine->blocks[random % WORK_HEAP_BOX], block, memory_order_acq_rel);
		if (old)
			calls->free(work->heap, old);
		old = atomic_exchange_explicit(
			&work->others->blocks[(random >> 32) % WORK_HEAP_BOX], NULL,
			memory_order_acq_rel);
		if (old)
			calls->free(work->heap, old);
	}
	return rounds;
}

#endif
