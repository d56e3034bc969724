/* SPDX-License-Identifier: BSD-3-Clause */
/* realloc.c: another size for a block: where it is when that can be, else elsewhere. */
#include "check_impl.h"
#include "heap_impl.h"

#include "base/base_impl.h"

#include <errno.h>

/* A large block that stays large: cut it, or take what is free behind it. */
static bool resize_large(struct weir_heap *heap, uint32_t first, uint32_t want)
{
	uint32_t have = heap->units[first].size;
	bool done = want <= have || weir__pages_extend(heap, first, have, want - have);

	if (want < have)
		weir__pages_cut(heap, first, have, want);
	if (done)
		heap->large_units += (size_t)want - have;
	return done;
}

static bool resize_in_place(struct weir_heap *heap, void *block, size_t size)
{
	uint32_t unit = weir__unit_of(heap, block), number = heap->head.map[unit];
	bool done;

	if (number)
		return size <= WEIR_HEAP_SMALL && (uint32_t)weir_heap_class(heap, size) == number;
	if (size <= WEIR_HEAP_SMALL || size >> WEIR__UNIT_LOG2 >= heap->head.units)
		return false;
	weir__heap_lock(heap);
	done = resize_large(heap, unit, weir__units_for(size));
	weir__heap_unlock(heap);
	return done;
}

/* In place, with what a heap counts. */
static bool resize(struct weir_heap *heap, void *block, size_t size)
{
	size_t before = weir__heap_room(heap, block), now;

	if (heap->track || !resize_in_place(heap, block, size))
		return false;
	now = weir__heap_room(heap, block);
	if (heap->zero && now > before)
		memset((uint8_t *)block + before, 0, now - before);
	if (heap->counts) {
		weir__heap_uncount(heap, before);
		weir__heap_count(heap, size, now);
	}
	return true;
}

void *weir_heap_realloc(struct weir_heap *heap, void *block, size_t size)
{
	void *site = __builtin_return_address(0), *moved;
	size_t room;

	if (block && heap->track && !weir__check_is_out(heap, block, site)) {
		errno = EINVAL;
		return NULL;
	}
	if (block && !heap->track && !weir__is_inside(heap, block))
		return weir__heap_fail(heap, EINVAL,
			"heap '%s': %p, which is not of this heap, cannot get another size",
			heap->name, block);
	if (block && resize(heap, block, size))
		return block;
	moved = weir__heap_hand_out(heap, size, 16, site);
	if (!moved || !block)
		return moved;
	room = weir_heap_usable_size(heap, block);
	memcpy(moved, block, size < room ? size : room);
	weir__heap_take_back(heap, block, site);
	return moved;
}
