/* SPDX-License-Identifier: BSD-3-Clause */
/* early.c: a range of addresses that is used up from its start, without a lock; what is freed is
 * kept by its thread, by powers of two. */
#include "early.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>

/* Addresses; what is used at a time is some 100 KiB. */
#define BYTES ((size_t)1 << 28)
#define LOG2  29

/* In front of a block. */
struct front {
	size_t size; /* bytes of the block, a power of two */
	struct front *next;
} __attribute__((aligned(16)));

static _Atomic(uint8_t *) base;
static atomic_size_t used;
static __thread struct front *kept[LOG2] __attribute__((tls_model("initial-exec")));

static uint8_t *map(void)
{
	uint8_t *mine = mmap(NULL, BYTES, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
		*others = NULL;

	if (mine == MAP_FAILED)
		return NULL;
	if (atomic_compare_exchange_strong(&base, &others, mine))
		return mine;
	munmap(mine, BYTES);
	return others;
}

static struct front *front_of(const void *block)
{
	return (struct front *)((uintptr_t)block - sizeof(struct front));
}

static unsigned int log2_of(size_t size)
{
	return size <= 16 ? 4 : 64 - (unsigned int)__builtin_clzl(size - 1);
}

static void *new_block(size_t size, size_t alignment)
{
	uint8_t *start = atomic_load(&base);
	size_t want = size + sizeof(struct front) + alignment, at;
	struct front *front;

	start = start ? start : map();
	if (!start || want > BYTES || (at = atomic_fetch_add(&used, want)) > BYTES - want) {
		errno = ENOMEM;
		return NULL;
	}
	at = (at + sizeof(*front) + alignment - 1) & ~(alignment - 1);
	front = front_of(start + at);
	front->size = size;
	return start + at;
}

void *early_alloc(size_t size, size_t alignment)
{
	unsigned int log2_size = log2_of(size);
	struct front *front;

	if (log2_size >= LOG2) {
		errno = ENOMEM;
		return NULL;
	}
	front = alignment <= 16 ? kept[log2_size] : NULL;
	if (!front)
		return new_block((size_t)1 << log2_size, alignment < 16 ? 16 : alignment);
	kept[log2_size] = front->next;
	return front + 1;
}

void early_free(void *block)
{
	struct front *front = front_of(block);
	unsigned int log2_size = log2_of(front->size);

	front->next = kept[log2_size];
	kept[log2_size] = front;
}

bool early_has(const void *block)
{
	const uint8_t *start = atomic_load(&base);

	return start && (uintptr_t)block - (uintptr_t)start < BYTES;
}

size_t early_size(const void *block)
{
	return front_of(block)->size;
}
