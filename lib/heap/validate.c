/* SPDX-License-Identifier: BSD-3-Clause */
/* validate.c: every invariant of heap_impl.h, looked at one by one. The first that does not hold
 * becomes the sentence. */
#include "check_impl.h"
#include "heap_impl.h"

#include "base/base_impl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

/* What was met on the way, to compare with what the heap says of itself. */
struct walk {
	size_t units, free, large, bare;
	uint64_t large_blocks;
	uint32_t behind; /* where the last run ended */
	bool free_before;
	uint32_t spans[WEIR_HEAP_CLASSES];
	uint64_t taken[WEIR_HEAP_CLASSES];
	char wrong[160];
};

static __attribute__((format(printf, 2, 3))) bool wrong(struct walk *walk, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(walk->wrong, sizeof(walk->wrong), format, args);
	va_end(args);
	return false;
}

static bool check_free(struct weir_heap *heap, uint32_t first, struct walk *walk)
{
	const struct weir__unit *run = &heap->units[first],
				*last = &heap->units[first + run->size - 1];

	if (last->run != WEIR__RUN_FREE || last->size != run->size)
		return wrong(walk, "the free run at unit %u does not end as it begins", first);
	if (walk->free_before && walk->behind == first)
		return wrong(walk, "two free runs meet at unit %u", first);
	walk->free += run->size;
	walk->bare += weir__bare_count(heap, first, run->size);
	return true;
}

/* The blocks of a span that are home, by its bits. */
static uint32_t count_home(const struct weir_heap *heap, uint32_t first, uint32_t blocks)
{
	uint32_t home = 0;

	for (uint32_t w = 0; w * 64 < blocks; w++)
		home += (uint32_t)__builtin_popcountll(
			heap->bits[(size_t)first * WEIR__UNIT_WORDS + w]);
	return home;
}

static bool check_block(struct weir_heap *heap, const uint8_t *raw, size_t room, struct walk *walk)
{
	const char *what = heap->track ? weir__check_look(heap, raw, room) : NULL;

	return !what || wrong(walk, "the block of %zu bytes at %p %s",
				(size_t)weir__back_of(raw, room)->size,
				(const void *)(raw + weir__back_of(raw, room)->offset), what);
}

static bool check_span(struct weir_heap *heap, uint32_t first, struct walk *walk)
{
	const struct weir__unit *span = &heap->units[first];
	uint32_t number = heap->head.map[first];
	const struct weir__class *class = &heap->classes[number];
	const uint8_t *base = weir__unit_address(heap, first);

	if (number == 0 || number >= heap->class_count || span->size != class->units)
		return wrong(walk, "the span at unit %u is of no class", first);
	for (uint32_t i = 1; i < span->size; i++)
		if (heap->head.map[first + i] != number ||
			heap->units[first + i].run != WEIR__RUN_INSIDE ||
			heap->units[first + i].size != first)
			return wrong(walk, "unit %u does not know its span", first + i);
	if (count_home(heap, first, class->blocks) + span->used != class->blocks)
		return wrong(walk, "the span at unit %u has %u blocks home and %u not, of %u",
			first, count_home(heap, first, class->blocks), span->used, class->blocks);
	for (uint32_t i = 0; heap->track && i < class->blocks; i++)
		if (!check_block(heap, base + (size_t)i * class->size, class->size, walk))
			return false;
	walk->spans[number]++;
	walk->taken[number] += span->used;
	return true;
}

static bool check_large(struct weir_heap *heap, uint32_t first, struct walk *walk)
{
	uint32_t size = heap->units[first].size;

	for (uint32_t i = 0; i < size; i++)
		if (heap->head.map[first + i])
			return wrong(walk, "unit %u of a large block has a class", first + i);
	walk->large += size;
	walk->large_blocks++;
	return check_block(
		heap, weir__unit_address(heap, first), (size_t)size << WEIR__UNIT_LOG2, walk);
}

static bool check_run(struct weir_heap *heap, uint32_t first, void *context)
{
	const struct weir__unit *run = &heap->units[first];
	struct walk *walk = context;
	bool fine;

	if (run->size == 0 || run->size > heap->head.units - first)
		return wrong(walk, "the run at unit %u has %u units", first, run->size);
	if (run->run == WEIR__RUN_FREE)
		fine = check_free(heap, first, walk);
	else if (run->run == WEIR__RUN_SPAN)
		fine = check_span(heap, first, walk);
	else if (run->run == WEIR__RUN_LARGE)
		fine = check_large(heap, first, walk);
	else
		return wrong(walk, "no run begins at unit %u", first);
	if (fine && run->run != WEIR__RUN_FREE && weir__bare_count(heap, first, run->size))
		return wrong(walk, "the run at unit %u is taken and has no pages", first);
	walk->units += run->size;
	walk->free_before = run->run == WEIR__RUN_FREE;
	walk->behind = first + run->size;
	return fine;
}

/* All runs in a list are free and belong there. Returns their units. */
static size_t check_list(struct weir_heap *heap, uint32_t fl, uint32_t sl, struct walk *walk)
{
	uint32_t previous = WEIR__NONE, at = heap->lists[fl][sl], its_fl, its_sl;
	size_t units = 0;

	for (; at != WEIR__NONE; previous = at, at = heap->units[at].next) {
		const struct weir__unit *run = &heap->units[at];

		weir__pages_place(run->size, &its_fl, &its_sl);
		if (run->run != WEIR__RUN_FREE || run->previous != previous || its_fl != fl ||
			its_sl != sl) {
			wrong(walk, "the run at unit %u is in a list where it does not belong", at);
			return 0;
		}
		units += run->size;
	}
	return units;
}

static void check_lists(struct weir_heap *heap, struct walk *walk)
{
	size_t units = 0;

	for (uint32_t fl = 0; fl < WEIR__FL && !walk->wrong[0]; fl++)
		for (uint32_t sl = 0; sl < WEIR__SL && !walk->wrong[0]; sl++) {
			units += check_list(heap, fl, sl, walk);
			if ((heap->lists[fl][sl] != WEIR__NONE) != (heap->sl_bits[fl] >> sl & 1))
				wrong(walk, "a list of free runs and its bit do not agree");
		}
	if (!walk->wrong[0] && (units != walk->free || units != heap->free_units))
		wrong(walk, "%zu units are in lists, %zu free, and it says %zu", units, walk->free,
			heap->free_units);
}

/* Blocks that this thread keeps of a class lie in its spans and are not in them. */
static void check_cache(struct weir__class *class, struct walk *walk)
{
	struct weir_heap *heap = class->heap;
	struct weir_mempool *pool = atomic_load_explicit(&class->pool, memory_order_acquire);
	struct weir__mempool_cache *cache =
		pool ? pool->caches[weir__thread.slot] : class->cache_of_single;

	for (uint32_t i = 0; cache && i < weir__cache_count(cache); i++) {
		void *block = cache->objects[i];
		uint32_t first, index;

		if (!weir__is_inside(heap, block) ||
			heap->head.map[weir__unit_of(heap, block)] != class->number) {
			wrong(walk, "%p in a cache is no block of %u bytes", block, class->size);
			return;
		}
		first = weir__span_of(heap, block);
		index = weir__span_index(class, first, block);
		if (weir__span_has(heap, first, index))
			wrong(walk, "the block at %p is in a cache and in its span", block);
	}
}

static void check_classes(struct weir_heap *heap, struct walk *walk)
{
	for (uint32_t i = 1; i < heap->class_count && !walk->wrong[0]; i++) {
		struct weir__class *class = &heap->classes[i];

		if (class->spans != walk->spans[i] || class->taken != walk->taken[i])
			wrong(walk,
				"class %u has %u spans, %llu blocks out of them, not %u and %llu",
				class->size, walk->spans[i], (unsigned long long)walk->taken[i],
				class->spans, (unsigned long long)class->taken);
		else
			check_cache(class, walk);
	}
}

int weir_heap_validate(struct weir_heap *heap)
{
	struct walk walk = {.free_before = false};

	weir__heap_lock(heap);
	weir__heap_walk(heap, check_run, &walk);
	if (!walk.wrong[0])
		check_lists(heap, &walk);
	if (!walk.wrong[0])
		check_classes(heap, &walk);
	if (!walk.wrong[0] &&
		(walk.units != heap->present_units || walk.large != heap->large_units ||
			walk.large_blocks != heap->large_blocks))
		wrong(&walk, "%zu units were met, %zu in large blocks, not %zu and %zu", walk.units,
			walk.large, heap->present_units, heap->large_units);
	if (!walk.wrong[0] && walk.bare != heap->bare_units)
		wrong(&walk, "%zu units are bare, and it says %zu", walk.bare, heap->bare_units);
	weir__heap_unlock(heap);
	return walk.wrong[0] ? weir__fail(EINVAL, "heap '%s': %s", heap->name, walk.wrong) : 0;
}
