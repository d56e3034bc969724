/* SPDX-License-Identifier: BSD-3-Clause */
/* figures.c: what a heap holds.
 *
 * Nothing is counted on the fast path: what is out of a class is what its spans gave and its pool
 * does not keep. With conf.stats every call counts, in atomics that all threads share.
 */
#include "check_impl.h"
#include "heap_impl.h"

void weir__heap_walk(struct weir_heap *heap,
	bool (*visit)(struct weir_heap *heap, uint32_t first, void *context), void *context)
{
	uint32_t unit = 0;

	while (unit < heap->head.units) {
		if (!heap->present[unit / heap->chunk_units]) {
			/* runs end where chunks without pages begin */
			unit = (unit / heap->chunk_units + 1) * heap->chunk_units;
			continue;
		}
		/* nothing to go by: validate says so */
		if (!visit(heap, unit, context) || heap->units[unit].size == 0)
			return;
		unit += heap->units[unit].size;
	}
}

/* ---- counting calls; relaxed, they are figures ---- */

static void raise_to(WEIR_ATOMIC(uint64_t) * peak, uint64_t now)
{
	uint64_t seen = atomic_load_explicit(peak, memory_order_relaxed);

	while (now > seen && !atomic_compare_exchange_weak_explicit(
				     peak, &seen, now, memory_order_relaxed, memory_order_relaxed))
		;
}

void weir__heap_count(struct weir_heap *heap, size_t asked, size_t room)
{
	uint64_t held = atomic_fetch_add_explicit(&heap->held, room, memory_order_relaxed) + room;
	uint64_t out = atomic_fetch_add_explicit(&heap->out, 1, memory_order_relaxed) + 1;

	atomic_fetch_add_explicit(&heap->allocs, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&heap->asked, asked, memory_order_relaxed);
	atomic_fetch_add_explicit(&heap->given, room, memory_order_relaxed);
	raise_to(&heap->peak, held);
	raise_to(&heap->peak_blocks, out);
}

void weir__heap_uncount(struct weir_heap *heap, size_t room)
{
	atomic_fetch_add_explicit(&heap->frees, 1, memory_order_relaxed);
	atomic_fetch_sub_explicit(&heap->held, room, memory_order_relaxed);
	atomic_fetch_sub_explicit(&heap->out, 1, memory_order_relaxed);
}

/* ---- figures ---- */

static void add_class(struct weir_heap_stats *stats, struct weir__class *class)
{
	uint64_t kept = weir__class_kept(class), taken, out;

	weir__heap_lock(class->heap);
	taken = class->taken;
	weir__heap_unlock(class->heap);
	/* beside others at work the two are not of the same moment */
	out = taken > kept ? taken - kept : 0;
	stats->blocks += out;
	stats->used += out * class->size;
	stats->cached += kept * class->size;
}

static uint64_t look(const WEIR_ATOMIC(uint64_t) * figure)
{
	return atomic_load_explicit(figure, memory_order_relaxed);
}

static void add_counted(struct weir_heap_stats *stats, const struct weir_heap *heap)
{
	stats->failures = look(&heap->failures);
	stats->allocs = look(&heap->allocs);
	stats->frees = look(&heap->frees);
	stats->asked = look(&heap->asked);
	stats->given = look(&heap->given);
	stats->peak = look(&heap->peak);
	stats->peak_blocks = look(&heap->peak_blocks);
}

void weir_heap_stats(struct weir_heap *heap, struct weir_heap_stats *stats)
{
	size_t units;
	uint64_t kept = weir__large_kept(heap, &units);

	memset(stats, 0, sizeof(*stats));
	for (uint32_t i = 1; i < heap->class_count; i++)
		add_class(stats, &heap->classes[i]);
	weir__heap_lock(heap);
	stats->size = (heap->present_units - heap->bare_units) << WEIR__UNIT_LOG2;
	stats->max_size = heap->head.units << WEIR__UNIT_LOG2;
	units = units < heap->large_units ? units : heap->large_units;
	stats->used += (heap->large_units - units) << WEIR__UNIT_LOG2;
	stats->cached += units << WEIR__UNIT_LOG2;
	stats->large = heap->large_blocks > kept ? heap->large_blocks - kept : 0;
	stats->blocks += stats->large;
	stats->idle = (heap->free_units - heap->bare_units) << WEIR__UNIT_LOG2;
	stats->largest = (size_t)weir__pages_longest(heap) << WEIR__UNIT_LOG2;
	stats->growths = heap->growths;
	stats->shrinks = heap->shrinks;
	weir__heap_unlock(heap);
	stats->free = stats->size > stats->used ? stats->size - stats->used : 0;
	add_counted(stats, heap);
}

void weir_heap_reset_stats(struct weir_heap *heap)
{
	weir__heap_lock(heap);
	heap->growths = heap->shrinks = 0;
	weir__heap_unlock(heap);
	atomic_store_explicit(&heap->failures, 0, memory_order_relaxed);
	atomic_store_explicit(&heap->allocs, 0, memory_order_relaxed);
	atomic_store_explicit(&heap->frees, 0, memory_order_relaxed);
	atomic_store_explicit(&heap->asked, 0, memory_order_relaxed);
	atomic_store_explicit(&heap->given, 0, memory_order_relaxed);
	/* peaks start again from what is out */
	atomic_store_explicit(&heap->peak, look(&heap->held), memory_order_relaxed);
	atomic_store_explicit(&heap->peak_blocks, look(&heap->out), memory_order_relaxed);
}

size_t weir_heap_size(struct weir_heap *heap)
{
	size_t size;

	weir__heap_lock(heap);
	size = (heap->present_units - heap->bare_units) << WEIR__UNIT_LOG2;
	weir__heap_unlock(heap);
	return size;
}

size_t weir_heap_used(struct weir_heap *heap)
{
	struct weir_heap_stats stats;

	weir_heap_stats(heap, &stats);
	return stats.used;
}

size_t weir_heap_free_bytes(struct weir_heap *heap)
{
	struct weir_heap_stats stats;

	weir_heap_stats(heap, &stats);
	return stats.free;
}

bool weir_heap_is_empty(struct weir_heap *heap)
{
	struct weir_heap_stats stats;

	weir_heap_stats(heap, &stats);
	return stats.blocks == 0;
}

bool weir_heap_is_full(struct weir_heap *heap)
{
	bool full;

	weir__heap_lock(heap);
	full = heap->free_units == 0 && (heap->fixed || heap->present_units == heap->head.units);
	weir__heap_unlock(heap);
	return full;
}

/* ---- an address ---- */

struct search {
	const void *address;
	bool found;
};

/* Of a tracked heap it is known which of the blocks that are not home are out, and how long. */
static bool is_out(
	const struct weir_heap *heap, const uint8_t *raw, size_t room, const void *address)
{
	const struct weir__back *back = weir__back_of(raw, room);

	if (!heap->track)
		return true;
	return weir__check_is_word(raw, room) &&
	       (size_t)((const uint8_t *)address - raw) - back->offset < back->size;
}

static bool covers(struct weir_heap *heap, uint32_t first, void *context)
{
	struct search *search = context;
	const struct weir__unit *run = &heap->units[first];

	if (weir__unit_of(heap, search->address) - first >= run->size)
		return true;
	search->found = run->run == WEIR__RUN_LARGE &&
			is_out(heap, weir__unit_address(heap, first),
				(size_t)run->size << WEIR__UNIT_LOG2, search->address);
	return false;
}

static bool in_span(const struct weir_heap *heap, const void *address)
{
	uint32_t first = weir__span_of(heap, address);
	const struct weir__class *class = &heap->classes[heap->head.map[first]];
	uint32_t index = weir__span_index(class, first, address);
	const uint8_t *base = weir__unit_address(heap, first);

	return index < class->blocks && !weir__span_has(heap, first, index) &&
	       is_out(heap, base + (size_t)index * class->size, class->size, address);
}

bool weir_heap_contains(struct weir_heap *heap, const void *address)
{
	struct search search = {.address = address};

	weir__heap_lock(heap);
	if (weir__is_inside(heap, address)) {
		if (heap->head.map[weir__unit_of(heap, address)])
			search.found = in_span(heap, address);
		else
			weir__heap_walk(heap, covers, &search);
	}
	weir__heap_unlock(heap);
	return search.found;
}
