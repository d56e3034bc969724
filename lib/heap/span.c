/* SPDX-License-Identifier: BSD-3-Clause */
/* span.c: runs of pages that are cut into blocks of one class. Which of them are home is in bits[],
 * outside of the pages. Those with the fewest at home serve first, so that the others run empty and
 * their pages become free. */
#include "heap_impl.h"

#include "base/base_impl.h"
#include "mempool/guard_impl.h"

#include <errno.h>

/* Bits of the word that is w-th of a span. */
static uint64_t *word_of(const struct weir_heap *heap, uint32_t first, uint32_t w)
{
	return &heap->bits[(size_t)first * WEIR__UNIT_WORDS + w];
}

static uint8_t fill_of(const struct weir__class *class, uint32_t used)
{
	return (uint8_t)(used * WEIR__FILLS / class->blocks); /* WEIR__FILLS: all of them */
}

static void unlist(struct weir__class *class, uint32_t first)
{
	struct weir__unit *units = class->heap->units, *span = &units[first];

	if (span->fill == WEIR__FILLS)
		return;
	if (span->next != WEIR__NONE)
		units[span->next].previous = span->previous;
	if (span->previous != WEIR__NONE)
		units[span->previous].next = span->next;
	else
		class->lists[span->fill] = span->next;
}

static void list(struct weir__class *class, uint32_t first, uint8_t fill)
{
	struct weir__unit *units = class->heap->units, *span = &units[first];

	span->fill = fill;
	if (fill == WEIR__FILLS)
		return;
	span->next = class->lists[fill];
	span->previous = WEIR__NONE;
	if (span->next != WEIR__NONE)
		units[span->next].previous = first;
	class->lists[fill] = first;
}

static void relist(struct weir__class *class, uint32_t first)
{
	struct weir__unit *span = &class->heap->units[first];
	uint8_t fill = fill_of(class, span->used);

	if (fill == span->fill)
		return;
	unlist(class, first);
	list(class, first, fill);
}

/* A new span, with all its blocks; or WEIR__NONE. */
static uint32_t make(struct weir__class *class)
{
	struct weir_heap *heap = class->heap;
	uint32_t first = weir__pages_take(heap, class->units, 1);

	if (first == WEIR__NONE)
		return first;
	for (uint32_t i = 1; i < class->units; i++) {
		heap->units[first + i].run = WEIR__RUN_INSIDE;
		heap->units[first + i].size = first;
	}
	if (heap->track) /* what stands behind blocks of another time must not be believed */
		memset(weir__unit_address(heap, first), 0,
			(size_t) class->units << WEIR__UNIT_LOG2);
	heap->units[first].run = WEIR__RUN_SPAN;
	heap->units[first].used = 0;
	for (uint32_t left = class->blocks, w = 0; left > 0; w++) {
		uint32_t here = left < 64 ? left : 64;

		*word_of(heap, first, w) = here == 64 ? ~0ull : (1ull << here) - 1;
		left -= here;
	}
	memset(heap->head.map + first, (int)class->number, class->units);
	list(class, first, 0);
	class->spans++;
	return first;
}

static void unmake(struct weir__class *class, uint32_t first)
{
	struct weir_heap *heap = class->heap;

	unlist(class, first);
	memset(heap->head.map + first, 0, class->units);
	class->spans--;
	weir__trim_after(heap, weir__pages_free(heap, first, class->units), false);
}

static uint32_t find(struct weir__class *class)
{
	for (uint32_t fill = WEIR__FILLS; fill-- > 0;)
		if (class->lists[fill] != WEIR__NONE)
			return class->lists[fill];
	return make(class);
}

/* Up to count blocks of a span, those with the lowest addresses. */
static uint32_t pull(struct weir__class *class, uint32_t first, void **blocks, uint32_t count)
{
	uint8_t *base = weir__unit_address(class->heap, first);
	uint32_t got = 0;

	for (uint32_t w = 0; w * 64 < class->blocks && got < count; w++) {
		uint64_t *word = word_of(class->heap, first, w);

		for (; *word && got < count; *word &= *word - 1) {
			uint32_t index = w * 64 + (uint32_t)__builtin_ctzll(*word);

			blocks[got++] = base + (size_t)index * class->size;
		}
	}
	class->heap->units[first].used += (uint16_t)got;
	return got;
}

uint32_t weir__span_take(struct weir__class *class, void **blocks, uint32_t count)
{
	uint32_t got = 0;

	while (got < count) {
		uint32_t first = find(class);

		if (first == WEIR__NONE)
			break;
		got += pull(class, first, blocks + got, count - got);
		relist(class, first);
	}
	class->taken += got;
	return got;
}

uint32_t weir__span_of(const struct weir_heap *heap, const void *address)
{
	uint32_t unit = weir__unit_of(heap, address);

	return heap->units[unit].run == WEIR__RUN_INSIDE ? heap->units[unit].size : unit;
}

uint32_t weir__span_index(const struct weir__class *class, uint32_t first, const void *address)
{
	size_t offset = (size_t)((const uint8_t *)address -
				 (const uint8_t *)weir__unit_address(class->heap, first));

	/* offset < 2^18, so the error of the inverse is far below 1 / size */
	return (uint32_t)(offset * class->inverse >> 40);
}

bool weir__span_has(const struct weir_heap *heap, uint32_t first, uint32_t index)
{
	return *word_of(heap, first, index / 64) >> index % 64 & 1;
}

/* One block comes home. What is wrong with it is seen late, by the one thread or another that
 * brings it here. */
static void give_one(struct weir__class *class, uint8_t *block)
{
	struct weir_heap *heap = class->heap;
	uint32_t first = weir__span_of(heap, block), index = weir__span_index(class, first, block);
	struct weir__unit *span = &heap->units[first];

	if (weir_unlikely(
		    (uint8_t *)weir__unit_address(heap, first) + (size_t)index * class->size !=
		    block)) {
		weir__misuse_of(0, 0, "heap '%s': what was freed at %p is inside of a block",
			heap->name, (void *)block);
		return;
	}
	if (weir_unlikely(weir__span_has(heap, first, index))) {
		weir__misuse_of(0, 0, "heap '%s': the block at %p was freed twice", heap->name,
			(void *)block);
		return;
	}
	*word_of(heap, first, index / 64) |= 1ull << index % 64;
	span->used--;
	class->taken--;
	relist(class, first);
	if (span->used == 0 && class->spans > class->reserve)
		unmake(class, first);
}

void weir__span_give(struct weir__class *class, void *const *blocks, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		give_one(class, blocks[i]);
}

void weir__span_sweep(struct weir__class *class)
{
	uint32_t next;

	for (uint32_t at = class->lists[0]; at != WEIR__NONE; at = next) {
		next = class->heap->units[at].next;
		if (class->heap->units[at].used == 0 && class->spans > class->reserve)
			unmake(class, at);
	}
}

int weir__span_reserve(struct weir__class *class, uint32_t count)
{
	uint32_t spans = count / class->blocks + (count % class->blocks != 0);
	uint32_t before = class->reserve;
	int error = 0;

	if ((uint64_t)spans * class->units > class->heap->head.units)
		return weir__fail(ENOMEM,
			"heap '%s': %u blocks of %u bytes are more than its %zu bytes of addresses",
			class->heap->name, count, class->size,
			class->heap->head.units << WEIR__UNIT_LOG2);
	class->reserve = spans > before ? spans : before;
	while (class->spans < class->reserve && !error)
		if (make(class) == WEIR__NONE)
			error = weir__fail(ENOMEM,
				"heap '%s': no memory for %u blocks of %u bytes: %s",
				class->heap->name, count, class->size, weir_last_error());
	if (error) { /* all or nothing */
		class->reserve = before;
		weir__span_sweep(class);
	}
	return error;
}
