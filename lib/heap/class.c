/* SPDX-License-Identifier: BSD-3-Clause */
/* class.c: size classes: 16 to 128 bytes by 16, then eight for each power of two, so that at most
 * an eighth of a block is more than was asked for; and those that are added. */
#include "heap_impl.h"

#include "base/base_impl.h"

#include <errno.h>

/* Of the blocks that a thread keeps of a class. 504 and their head fill a page. */
#define CACHE_MAX     504
#define CACHE_DEFAULT (128u << 10)

/* A span is the shortest run of which at most 1/64 is left over, or of which least is: so that
 * short runs between others are of use. Of spans of 16 KiB and more a tenth of the memory stayed
 * idle (docs/performance.md). */
#define SPAN_TRIES 16
#define WASTE      64

static void choose_span(struct weir__class *class)
{
	uint32_t units = weir__units_for(class->size);
	uint32_t best = units, waste = UINT32_MAX;

	for (uint32_t i = 0; i < SPAN_TRIES && waste > (best << WEIR__UNIT_LOG2) / WASTE; i++) {
		uint32_t bytes = (units + i) << WEIR__UNIT_LOG2, left = bytes % class->size;

		/* left / bytes < waste / best bytes */
		if (waste == UINT32_MAX || (uint64_t)left * best < (uint64_t)waste * (units + i)) {
			best = units + i;
			waste = left;
		}
	}
	class->units = best;
	class->blocks = (best << WEIR__UNIT_LOG2) / class->size;
}

static struct weir__class *add(struct weir_heap *heap, uint32_t size)
{
	struct weir__class *class = &heap->classes[heap->class_count];

	*class = (struct weir__class){.heap = heap,
		.number = heap->class_count,
		.size = size,
		.inverse = ((1ull << 40) + size - 1) / size,
		.source = weir__class_source(class)};
	choose_span(class);
	class->cache = (uint32_t)(heap->cache_bytes / size < CACHE_MAX ? heap->cache_bytes / size
								       : CACHE_MAX);
	/* two at least, or every call would come to the slow path */
	if (class->cache < 2 && heap->cache_bytes > 0)
		class->cache = 2;
	for (uint32_t i = 0; i < WEIR__FILLS; i++)
		class->lists[i] = WEIR__NONE;
	heap->class_count++;
	return class;
}

struct weir__class *weir__class_for(struct weir_heap *heap, size_t size, size_t alignment)
{
	struct weir__class *best = NULL;

	for (uint32_t i = 1; i < heap->class_count; i++) {
		struct weir__class *class = &heap->classes[i];

		if (class->size >= size && class->size % alignment == 0 &&
			(!best || class->size < best->size))
			best = class;
	}
	return best;
}

static uint32_t look_up(const struct weir_heap *heap, size_t size)
{
	return atomic_load_explicit(&heap->head.lines[(size + 15) / 16], memory_order_relaxed) /
	       WEIR__HEAP_LINES;
}

/* The sizes that are a class's, from its own down to the next smaller one's. Relaxed: whoever sees
 * it late takes from the class there was. */
static void enter(struct weir_heap *heap, const struct weir__class *class)
{
	if (class->size % heap->alignment)
		return;
	for (uint32_t i = class->size / 16 + 1; i-- > 0;) {
		if (heap->classes[look_up(heap, i * 16)].size <= class->size)
			break;
		atomic_store_explicit(&heap->head.lines[i],
			(uint16_t)(class->number * WEIR__HEAP_LINES), memory_order_relaxed);
	}
}

static struct weir__class *find_exactly(struct weir_heap *heap, uint32_t size)
{
	for (uint32_t i = 1; i < heap->class_count; i++)
		if (heap->classes[i].size == size)
			return &heap->classes[i];
	return NULL;
}

static int check_size(const struct weir_heap *heap, size_t size)
{
	if (size == 0 || size > WEIR_HEAP_SMALL)
		return weir__fail(EINVAL, "heap '%s': a class of %zu bytes is not in 1 to %u",
			heap->name, size, WEIR_HEAP_SMALL);
	return 0;
}

/* 0 or -errno; the lock is held, or not needed yet. */
static int add_class(struct weir_heap *heap, size_t size)
{
	uint32_t rounded = (uint32_t)weir__round_up(size, heap->alignment);
	struct weir__class *class;

	if (check_size(heap, size))
		return -EINVAL;
	class = find_exactly(heap, rounded);
	if (!class && heap->class_count == WEIR_HEAP_CLASSES)
		return weir__fail(ENOSPC, "heap '%s' has %u size classes already", heap->name,
			WEIR_HEAP_CLASSES - 1);
	if (!class)
		class = add(heap, rounded);
	return (int)class->number;
}

int weir__classes_init(struct weir_heap *heap, const struct weir_heap_conf *conf)
{
	uint32_t largest;

	heap->cache_bytes = conf->cache == WEIR_HEAP_CACHE_NONE ? 0
			    : conf->cache                       ? conf->cache
								: CACHE_DEFAULT;
	weir__large_init(heap);
	heap->class_count = 1;
	for (uint32_t size = 16; size <= 128; size += 16)
		add(heap, size);
	for (uint32_t power = 128; power < WEIR_HEAP_SMALL; power *= 2)
		for (uint32_t size = power + power / 8; size <= 2 * power; size += power / 8)
			add(heap, size);
	largest = heap->class_count - 1;
	for (uint32_t i = 0; i < conf->class_count; i++)
		if (add_class(heap, conf->classes[i]) < 0)
			return -errno;
	/* the last of those that every heap has is large enough for all */
	for (uint32_t i = 0; i <= WEIR_HEAP_SMALL / 16; i++)
		atomic_init(&heap->head.lines[i], (uint16_t)(largest * WEIR__HEAP_LINES));
	for (uint32_t i = 1; i < heap->class_count; i++)
		enter(heap, &heap->classes[i]);
	return 0;
}

void weir__classes_end(struct weir_heap *heap)
{
	for (uint32_t i = 0; i < heap->class_count; i++) {
		struct weir__class *class = &heap->classes[i];

		if (class->pool)
			weir__mempool_destroy_for(class->pool);
	}
}

int weir_heap_class(struct weir_heap *heap, size_t size)
{
	if (size > WEIR_HEAP_SMALL)
		return weir__fail(EINVAL, "heap '%s': %zu bytes are above %u, of no class",
			heap->name, size, WEIR_HEAP_SMALL);
	return (int)look_up(heap, size);
}

int weir_heap_add_class(struct weir_heap *heap, size_t size, uint32_t count)
{
	int number, error = 0;

	weir__heap_lock(heap);
	number = add_class(heap, size);
	if (number > 0) {
		enter(heap, &heap->classes[number]);
		error = weir__span_reserve(&heap->classes[number], count);
	}
	weir__heap_unlock(heap);
	return error ? error : number;
}
