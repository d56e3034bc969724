/* SPDX-License-Identifier: BSD-3-Clause */
/* bare.c: free runs whose pages the kernel has back. A heap seldom runs empty by whole chunks,
 * which blocks that live long hold. So where base pages come with their first touch a heap gives
 * back those of free runs as well, when it has more than it needs, of the longest runs first.
 *
 * bare[] has a bit for each unit. One with the bit is in a free run; nobody has touched it since.
 * The bits go when the units are taken, or their chunk goes.
 */
#include "heap_impl.h"

#include "os/os_impl.h"

/* Free pages that a heap keeps: 1/64 of all, and 1 MiB. */
#define KEPT_SHARE 64
#define KEPT_UNITS 256
/* A call to the kernel takes as long as the first touch of a few pages. */
#define RUN_MIN 4

/* Bits of the word of unit, from unit on, as far as there are count. */
static uint64_t bits_from(uint32_t unit, uint32_t count)
{
	uint64_t all = count < 64 ? ((uint64_t)1 << count) - 1 : ~(uint64_t)0;

	return all << unit % 64;
}

uint32_t weir__bare_count(const struct weir_heap *heap, uint32_t first, uint32_t count)
{
	uint32_t found = 0, step;

	for (uint32_t at = first; count > 0; at += step, count -= step) {
		step = 64 - at % 64 < count ? 64 - at % 64 : count;
		found += (uint32_t)__builtin_popcountll(heap->bare[at / 64] & bits_from(at, step));
	}
	return found;
}

/* Set the bits, or clear them. */
static void mark(struct weir_heap *heap, uint32_t first, uint32_t count, bool bare)
{
	uint32_t step;

	heap->bare_units -= weir__bare_count(heap, first, count);
	heap->bare_units += bare ? count : 0;
	for (uint32_t at = first; count > 0; at += step, count -= step) {
		step = 64 - at % 64 < count ? 64 - at % 64 : count;
		if (bare)
			heap->bare[at / 64] |= bits_from(at, step);
		else
			heap->bare[at / 64] &= ~bits_from(at, step);
	}
}

void weir__bare_end(struct weir_heap *heap, uint32_t first, uint32_t count)
{
	if (heap->bare_units)
		mark(heap, first, count, false);
}

static size_t idle(const struct weir_heap *heap)
{
	return heap->free_units - heap->bare_units;
}

/* The last pages of a free run, at most so many. */
static void give_run(struct weir_heap *heap, uint32_t run, size_t most)
{
	uint32_t end = run + heap->units[run].size, first = end;
	size_t more = 0;

	while (first > run && more < most)
		more += 1 - weir__bare_count(heap, --first, 1);
	if (more == 0)
		return;
	weir__os_discard(weir__unit_address(heap, first), (size_t)(end - first) << WEIR__UNIT_LOG2);
	mark(heap, first, end - first, true);
}

/* Of the longest runs first, down to runs of least units, until no more than keep are idle. */
static void give(struct weir_heap *heap, size_t keep, uint32_t least)
{
	for (uint32_t fl = WEIR__FL; fl-- > 0;)
		for (uint32_t sl = WEIR__SL; sl-- > (fl ? 0 : least);)
			for (uint32_t at = heap->lists[fl][sl];
				at != WEIR__NONE && idle(heap) > keep; at = heap->units[at].next)
				give_run(heap, at, weir__spare_units(heap));
}

void weir__bare_all(struct weir_heap *heap)
{
	if (heap->discards)
		give(heap, 0, 1);
}

void weir__bare_trim(struct weir_heap *heap)
{
	size_t keep = heap->present_units / KEPT_SHARE + KEPT_UNITS;

	if (!heap->discards)
		return;
	if (idle(heap) <= keep)
		heap->bare_next = 0;
	if (idle(heap) <= keep || idle(heap) < heap->bare_next)
		return;
	give(heap, keep - keep / 4, RUN_MIN);
	/* not for every free that follows, when all that is left are short runs */
	heap->bare_next = idle(heap) + KEPT_UNITS;
}
