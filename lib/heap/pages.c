/* SPDX-License-Identifier: BSD-3-Clause */
/* pages.c: free runs of pages by size, in two levels of lists (TLSF: Masmano and others, 2004).
 *
 *	fl_bits      ...0 1 0 0 1		powers of two with a run in one of their lists
 *	sl_bits[fl]  0 0 1 0 ...		which of the 16
 *	lists[fl][sl] -> unit 40 -> unit 812
 *
 * Where a run is looked for all are long enough: the size is rounded up to the next list, two bit
 * scans find the first with one in it. What stands about a run is in units[], so nothing of it lies
 * in the run itself.
 */
#include "heap_impl.h"

#include "base/base_impl.h"

#include <errno.h>

/* Runs looked at in the list that may have shorter ones as well, before a longer one is cut. */
#define LOOKS 4

void weir__pages_place(uint32_t count, uint32_t *fl, uint32_t *sl)
{
	uint32_t log2_count;

	if (count < WEIR__SL) {
		*fl = 0;
		*sl = count;
		return;
	}
	log2_count = 31 - (uint32_t)__builtin_clz(count);
	*fl = log2_count - WEIR__SL_LOG2 + 1;
	*sl = (count >> (log2_count - WEIR__SL_LOG2)) & (WEIR__SL - 1);
}

void weir__pages_list(struct weir_heap *heap, uint32_t first, uint32_t count)
{
	struct weir__unit *run = &heap->units[first], *last = &heap->units[first + count - 1];
	uint32_t fl, sl, head;

	weir__pages_place(count, &fl, &sl);
	head = heap->lists[fl][sl];
	last->run = WEIR__RUN_FREE;
	last->size = count;
	*run = (struct weir__unit){
		.size = count, .next = head, .previous = WEIR__NONE, .run = WEIR__RUN_FREE};
	if (head != WEIR__NONE)
		heap->units[head].previous = first;
	heap->lists[fl][sl] = first;
	heap->fl_bits |= 1u << fl;
	heap->sl_bits[fl] |= (uint16_t)(1u << sl);
	heap->free_units += count;
}

void weir__pages_unlist(struct weir_heap *heap, uint32_t first)
{
	struct weir__unit *run = &heap->units[first];
	uint32_t fl, sl;

	weir__pages_place(run->size, &fl, &sl);
	if (run->next != WEIR__NONE)
		heap->units[run->next].previous = run->previous;
	if (run->previous != WEIR__NONE) {
		heap->units[run->previous].next = run->next;
	} else {
		heap->lists[fl][sl] = run->next;
		if (run->next == WEIR__NONE) {
			heap->sl_bits[fl] &= (uint16_t) ~(1u << sl);
			if (!heap->sl_bits[fl])
				heap->fl_bits &= ~(1u << fl);
		}
	}
	heap->free_units -= run->size;
}

/* A run is the caller's now: its last unit must not look free to a neighbour. */
static void claim(struct weir_heap *heap, uint32_t first, uint32_t count)
{
	heap->units[first + count - 1].run = WEIR__RUN_INSIDE;
	heap->units[first].run = WEIR__RUN_LARGE;
	heap->units[first].size = count;
	weir__bare_end(heap, first, count);
}

/* Is the unit in a chunk with pages, and the run that it begins or ends free? */
static bool is_free(const struct weir_heap *heap, uint32_t unit)
{
	return unit < heap->head.units && heap->present[unit / heap->chunk_units] &&
	       heap->units[unit].run == WEIR__RUN_FREE;
}

uint32_t weir__pages_free(struct weir_heap *heap, uint32_t first, uint32_t count)
{
	/* unit 0 has none in front: the number wraps, and is none */
	if (is_free(heap, first - 1)) {
		uint32_t size = heap->units[first - 1].size;

		first -= size;
		count += size;
		weir__pages_unlist(heap, first);
	}
	if (is_free(heap, first + count)) {
		uint32_t size = heap->units[first + count].size;

		weir__pages_unlist(heap, first + count);
		count += size;
	}
	weir__pages_list(heap, first, count);
	return first;
}

/* The first run of a list that has at least one in it and is at or above fl, sl. */
static uint32_t find_above(const struct weir_heap *heap, uint32_t fl, uint32_t sl)
{
	uint32_t bits = fl < WEIR__FL ? heap->sl_bits[fl] & ~0u << sl : 0;

	if (!bits) {
		uint32_t rest = fl + 1 < WEIR__FL ? heap->fl_bits & ~0u << (fl + 1) : 0;

		if (!rest)
			return WEIR__NONE;
		fl = (uint32_t)__builtin_ctz(rest);
		bits = heap->sl_bits[fl];
	}
	return heap->lists[fl][__builtin_ctz(bits)];
}

/* Runs of the list for this size may be shorter: a few are looked at, for they fit best. */
static uint32_t find_near(const struct weir_heap *heap, uint32_t count)
{
	uint32_t fl, sl, at, looks = 0;

	weir__pages_place(count, &fl, &sl);
	for (at = heap->lists[fl][sl]; at != WEIR__NONE && looks < LOOKS; looks++) {
		if (heap->units[at].size >= count)
			return at;
		at = heap->units[at].next;
	}
	return WEIR__NONE;
}

static uint32_t find(const struct weir_heap *heap, uint32_t count)
{
	uint32_t fl, sl, at = find_near(heap, count);

	if (at != WEIR__NONE)
		return at;
	/* the next list: all in it are long enough */
	if (count >= WEIR__SL)
		count += (1u << (31 - __builtin_clz(count) - WEIR__SL_LOG2)) - 1;
	weir__pages_place(count, &fl, &sl);
	return find_above(heap, fl, sl);
}

void weir__pages_cut(struct weir_heap *heap, uint32_t first, uint32_t size, uint32_t keep)
{
	claim(heap, first, keep);
	weir__pages_free(heap, first + keep, size - keep);
}

bool weir__pages_extend(struct weir_heap *heap, uint32_t first, uint32_t size, uint32_t more)
{
	uint32_t behind = first + size, have;

	if (!is_free(heap, behind) || heap->units[behind].size < more)
		return false;
	have = heap->units[behind].size;
	weir__pages_unlist(heap, behind);
	claim(heap, first, size + more);
	if (have > more)
		weir__pages_list(heap, behind + more, have - more);
	return true;
}

/* Take count units out of a free run: what is left on either side goes back. */
static uint32_t carve(struct weir_heap *heap, uint32_t run, uint32_t count, uint32_t align)
{
	uint32_t size = heap->units[run].size;
	/* addresses are aligned, and base is to some power of two only */
	size_t base = heap->head.base >> WEIR__UNIT_LOG2;
	uint32_t first = (uint32_t)(weir__round_up(base + run, align) - base);

	weir__pages_unlist(heap, run);
	claim(heap, first, count);
	if (first > run)
		weir__pages_list(heap, run, first - run);
	if (first + count < run + size)
		weir__pages_list(heap, first + count, run + size - first - count);
	return first;
}

uint32_t weir__pages_take(struct weir_heap *heap, uint32_t count, uint32_t align)
{
	uint32_t need = count + align - 1, run = WEIR__NONE;
	bool huge = need / heap->chunk_units >= WEIR__HUGE_CHUNKS && !heap->fixed;

	/* straight from the region, so that what is free stays whole, and the chunks can go */
	if (huge && weir__chunks_add(heap, need) == 0)
		return carve(heap, find(heap, need), count, align);
	run = find(heap, need);
	if (run == WEIR__NONE && !heap->fixed && !huge && weir__chunks_add(heap, need) == 0)
		run = find(heap, need);
	if (run == WEIR__NONE && heap->fixed)
		weir__fail(ENOMEM, "no run of %zu bytes is free, and it does not grow by itself",
			(size_t)need << WEIR__UNIT_LOG2);
	return run == WEIR__NONE ? WEIR__NONE : carve(heap, run, count, align);
}

uint32_t weir__pages_longest(const struct weir_heap *heap)
{
	uint32_t longest = 0, fl, at;

	if (!heap->fl_bits)
		return 0;
	fl = 31 - (uint32_t)__builtin_clz(heap->fl_bits);
	at = heap->lists[fl][31 - __builtin_clz(heap->sl_bits[fl])];
	for (; at != WEIR__NONE; at = heap->units[at].next)
		if (heap->units[at].size > longest)
			longest = heap->units[at].size;
	return longest;
}
