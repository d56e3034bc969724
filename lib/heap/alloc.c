/* SPDX-License-Identifier: BSD-3-Clause */
/* alloc.c: the slow half of the calls.
 *
 *	alloc  ->  hand_out: checks, zeroes, counts  ->  take: a class, or a run of pages
 *	free   ->  take_back                         ->  give
 */
#include "check_impl.h"
#include "heap_impl.h"

#include "base/base_impl.h"
#include "mempool/guard_impl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

void *weir__heap_fail(struct weir_heap *heap, int error, const char *format, ...)
{
	char why[sizeof(heap->why)];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	weir__heap_lock(heap);
	memcpy(heap->why, why, sizeof(why));
	weir__heap_unlock(heap);
	/* relaxed: a figure */
	atomic_fetch_add_explicit(&heap->failures, 1, memory_order_relaxed);
	errno = error;
	return NULL;
}

/* ---- raw blocks ---- */

static void *take_large(struct weir_heap *heap, size_t size, size_t alignment)
{
	/* above this no run is long enough, and the sums below would overflow */
	if (size >> WEIR__UNIT_LOG2 >= heap->head.units ||
		alignment >> WEIR__UNIT_LOG2 >= heap->head.units)
		return weir__fail_null(ENOMEM, "it has no more than %zu bytes of addresses",
			heap->head.units << WEIR__UNIT_LOG2);
	return weir__large_take(heap, weir__units_for(size ? size : 1),
		alignment > WEIR__UNIT ? (uint32_t)(alignment >> WEIR__UNIT_LOG2) : 1);
}

static struct weir__class *class_of(struct weir_heap *heap, size_t size, size_t alignment)
{
	size_t rounded = weir__round_up(size, alignment);
	struct weir__class *class;

	/* size as well: rounding may have wrapped */
	if (alignment > WEIR__UNIT || size > WEIR_HEAP_SMALL || rounded > WEIR_HEAP_SMALL)
		return NULL;
	class = &heap->classes[weir_heap_class(heap, rounded)];
	/* the one for that size is not always a multiple of the alignment; another one is */
	return class->size % alignment ? weir__class_for(heap, size, alignment) : class;
}

static void *take(struct weir_heap *heap, size_t size, size_t alignment)
{
	struct weir__class *class = class_of(heap, size, alignment);

	return class ? weir__class_get(class) : take_large(heap, size, alignment);
}

void *weir__heap_take(struct weir_heap *heap, size_t size, size_t alignment)
{
	void *block = take(heap, size, alignment);

	if (weir_likely(block != NULL))
		return block;
	/* what classes keep may be in the way */
	for (uint32_t i = 0; i < heap->class_count; i++)
		weir__class_flush(&heap->classes[i]);
	return take(heap, size, alignment);
}

bool weir__heap_give(struct weir_heap *heap, void *block)
{
	if (weir__is_inside(heap, block) && heap->head.map[weir__unit_of(heap, block)]) {
		weir__class_put(&heap->classes[heap->head.map[weir__unit_of(heap, block)]], block);
		return true;
	}
	if (weir__large_give(heap, block))
		return true;
	weir__misuse_of(0, 0, "heap '%s': at %p, which was freed, no block begins that is out",
		heap->name, block);
	return false;
}

size_t weir__heap_room(const struct weir_heap *heap, const void *block)
{
	uint32_t unit = weir__unit_of(heap, block);

	return heap->head.map[unit] ? heap->classes[heap->head.map[unit]].size
				    : (size_t)heap->units[unit].size << WEIR__UNIT_LOG2;
}

/* ---- what callers get ---- */

void *weir__heap_hand_out(struct weir_heap *heap, size_t size, size_t alignment, void *site)
{
	void *block;

	if (alignment < heap->alignment)
		alignment = heap->alignment;
	if (heap->track)
		block = weir__check_take(heap, size, alignment, site);
	else
		block = weir__heap_take(heap, size, alignment);
	if (weir_unlikely(!block))
		return weir__heap_fail(heap, ENOMEM,
			"heap '%s': no %zu bytes at a multiple of %zu: %s", heap->name, size,
			alignment, weir_last_error());
	if (heap->zero)
		memset(block, 0, heap->track ? size : weir__heap_room(heap, block));
	if (heap->counts)
		weir__heap_count(heap, size, weir_heap_usable_size(heap, block));
	return block;
}

void weir__heap_take_back(struct weir_heap *heap, void *block, void *site)
{
	size_t room = 0;
	bool given;

	if (heap->track) {
		given = weir__check_give(heap, block, site, &room);
	} else {
		if (weir__is_inside(heap, block))
			room = weir__heap_room(heap, block);
		given = weir__heap_give(heap, block);
	}
	if (heap->counts && given)
		weir__heap_uncount(heap, room);
}

void *weir__heap_alloc_slow(struct weir_heap *heap, size_t size)
{
	return weir__heap_hand_out(heap, size, 16, __builtin_return_address(0));
}

void *weir__heap_fixed_slow(struct weir_heap *heap, int number)
{
	return weir__heap_hand_out(
		heap, heap->classes[number].size, 16, __builtin_return_address(0));
}

void *weir_heap_calloc(struct weir_heap *heap, size_t count, size_t size)
{
	size_t bytes;
	void *block;

	if (__builtin_mul_overflow(count, size, &bytes))
		bytes = SIZE_MAX;
	if (heap->hooked)
		block = weir__heap_hand_out(heap, bytes, 16, __builtin_return_address(0));
	else
		block = weir_heap_alloc(heap, bytes);
	return block ? memset(block, 0, bytes) : NULL;
}

void *weir_heap_alloc_aligned(struct weir_heap *heap, size_t size, size_t alignment)
{
	if (alignment == 0 || (alignment & (alignment - 1)))
		return weir__heap_fail(heap, EINVAL,
			"heap '%s': an alignment of %zu is no power of two", heap->name, alignment);
	return weir__heap_hand_out(heap, size, alignment, __builtin_return_address(0));
}

void weir__heap_free_slow(struct weir_heap *heap, void *block)
{
	if (block)
		weir__heap_take_back(heap, block, __builtin_return_address(0));
}

void weir_heap_free_sized(struct weir_heap *heap, void *block, size_t size)
{
	if (block && heap->track &&
		!weir__check_size(heap, block, size, __builtin_return_address(0)))
		return;
	if (heap->hooked)
		weir__heap_free_slow(heap, block);
	else
		weir_heap_free(heap, block);
}
