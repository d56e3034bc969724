/* SPDX-License-Identifier: BSD-3-Clause */
/* check.c: what a tracked heap does to each block, and what it looks at when one is freed, resized
 * or taken again. The picture is in check_impl.h. */
#include "check_impl.h"

#include "base/base_impl.h"
#include "mempool/guard_impl.h"

#define FENCE  0xfb /* behind what was asked for */
#define POISON 0xdf /* in what was freed */

/* Bytes of the fence at least: what one writes too far is mostly a few. */
#define FENCE_MIN 16

/* Different for each block and state; the numbers have no meaning. */
#define CANARY_OUT  0x6a09e667f3bcc908u
#define CANARY_FREE 0xbb67ae8584caa73bu

static uint64_t canary(const void *raw, uint64_t kind)
{
	return ((uint64_t)(uintptr_t)raw ^ kind) * 0x9e3779b97f4a7c15u;
}

static struct weir__front *front_of(const void *block)
{
	return (struct weir__front *)((uintptr_t)block - sizeof(struct weir__front));
}

static struct weir__back *back_of(const void *raw, size_t room)
{
	return (struct weir__back *)((uintptr_t)raw + room - sizeof(struct weir__back));
}

static uint32_t site_of(const struct weir_heap *heap, void *address)
{
	return heap->track & WEIR_TRACK_STACKS ? weir__stack_site(address) : weir__site(address);
}

static bool is_all(const uint8_t *bytes, const uint8_t *end, uint8_t value)
{
	while (bytes < end && *bytes == value)
		bytes++;
	return bytes == end;
}

static const char *look_out(const uint8_t *raw, const struct weir__back *back, size_t room)
{
	const uint8_t *block = raw + back->offset, *end = raw + room - sizeof(*back);
	const struct weir__front *front = front_of(block);

	if (back->offset < sizeof(*front) || back->offset > room ||
		back->size > (size_t)(end - block))
		return "behind its end its size was overwritten";
	if (front->canary != canary(raw, CANARY_OUT) || front->check != ~front->offset)
		return "in front of its start was written";
	return is_all(block + back->size, end, FENCE) ? NULL : "behind its end was written";
}

const char *weir__check_look(const struct weir_heap *heap, const uint8_t *raw, size_t room)
{
	const struct weir__back *back = back_of(raw, room);

	if (back->canary == canary(raw, CANARY_OUT))
		return look_out(raw, back, room);
	if (back->canary != canary(raw, CANARY_FREE))
		return back->canary == 0 ? NULL : "far behind its end was written";
	if (!(heap->track & WEIR_TRACK_GUARDS) ||
		is_all(raw + back->offset, (const uint8_t *)back, POISON))
		return NULL;
	return "was written to after it was freed";
}

bool weir__check_is_word(const uint8_t *raw, size_t room)
{
	return back_of(raw, room)->canary == canary(raw, CANARY_OUT);
}

/* A block that comes from its class again: is it as it went? Pages of a span are zero at first;
 * those of a large block have what they had, of blocks of any length. */
static void look_at_free(const struct weir_heap *heap, const uint8_t *raw, size_t room)
{
	const struct weir__back *back = back_of(raw, room);
	const char *wrong;

	if (!heap->head.map[weir__unit_of(heap, raw)] || !(heap->track & WEIR_TRACK_GUARDS) ||
		back->canary != canary(raw, CANARY_FREE))
		return;
	wrong = weir__check_look(heap, raw, room);
	if (wrong)
		weir__misuse_of(back->word, 0, "heap '%s': the block of %zu bytes at %p %s",
			heap->name, (size_t)back->size, (const void *)(raw + back->offset), wrong);
}

void *weir__check_take(struct weir_heap *heap, size_t size, size_t alignment, void *site)
{
	uint64_t ticks = weir__track_now() >> WEIR__TRACK_TICK & WEIR__TRACK_TIME_MASK;
	size_t total, room;
	uint8_t *raw, *block;

	if (size > SIZE_MAX / 4 || alignment > SIZE_MAX / 4)
		return NULL;
	size = size ? size : 1;
	total = alignment + size + FENCE_MIN + sizeof(struct weir__back);
	raw = weir__heap_take(heap, total, alignment);
	if (!raw)
		return NULL;
	room = weir__heap_room(heap, raw);
	look_at_free(heap, raw, room);
	block = raw + alignment;
	*front_of(block) = (struct weir__front){
		canary(raw, CANARY_OUT), (uint32_t)alignment, ~(uint32_t)alignment};
	*back_of(raw, room) = (struct weir__back){
		.word = WEIR__TRACK_OUT | (uint64_t)weir__track_owner_now << WEIR__TRACK_OWNER |
			ticks << WEIR__TRACK_TIME | site_of(heap, site),
		.size = size,
		.offset = alignment,
		.canary = canary(raw, CANARY_OUT)};
	memset(block + size, FENCE, (size_t)((uint8_t *)back_of(raw, room) - block) - size);
	return block;
}

/* The raw block and its room; NULL when none can begin there. */
static uint8_t *raw_of(struct weir_heap *heap, const void *block, size_t *room)
{
	const struct weir__front *front = front_of(block);
	uint8_t *raw;

	if ((uintptr_t)block % 16 || !weir__is_inside(heap, front) ||
		front->check != ~front->offset || !weir__is_inside(heap, block))
		return NULL;
	raw = (uint8_t *)((uintptr_t)block - front->offset);
	if (!weir__is_inside(heap, raw))
		return NULL;
	*room = weir__heap_room(heap, raw);
	return *room > sizeof(struct weir__back) ? raw : NULL;
}

/* The back of a block that is out; else NULL, having said what is wrong. */
static struct weir__back *find(struct weir_heap *heap, const void *block, void *address)
{
	uint32_t site = site_of(heap, address);
	size_t room = 0;
	uint8_t *raw = raw_of(heap, block, &room);
	uint64_t seen = raw ? front_of(block)->canary : 0;

	if (raw && seen == canary(raw, CANARY_OUT))
		return back_of(raw, room);
	if (raw && seen == canary(raw, CANARY_FREE))
		weir__misuse_of(back_of(raw, room)->word, site,
			"heap '%s': the block at %p, which is free, is freed or resized again",
			heap->name, block);
	else
		weir__misuse_of(0, site,
			"heap '%s': at %p no block begins, or in front of it was written: freed or "
			"resized",
			heap->name, block);
	return NULL;
}

bool weir__check_is_out(struct weir_heap *heap, const void *block, void *site)
{
	return find(heap, block, site) != NULL;
}

bool weir__check_size(struct weir_heap *heap, const void *block, size_t size, void *site)
{
	struct weir__back *back = find(heap, block, site);

	if (back && back->size != (size ? size : 1))
		weir__misuse_of(back->word, site_of(heap, site),
			"heap '%s': the block at %p has %zu bytes, and is freed as one of %zu",
			heap->name, block, (size_t)back->size, size);
	return back != NULL;
}

size_t weir__check_asked(struct weir_heap *heap, const void *block)
{
	size_t room;
	const uint8_t *raw = raw_of(heap, block, &room);

	return raw && weir__check_is_word(raw, room) ? weir__back_of(raw, room)->size : 0;
}

bool weir__check_give(struct weir_heap *heap, void *block, void *site, size_t *asked)
{
	struct weir__back *back = find(heap, block, site);
	size_t room = 0;
	uint8_t *raw;
	const char *wrong;

	if (!back)
		return false;
	raw = raw_of(heap, block, &room);
	*asked = back->size;
	wrong = weir__check_look(heap, raw, room);
	if (wrong)
		weir__misuse_of(back->word, site_of(heap, site),
			"heap '%s': of the block of %zu bytes at %p, freed, %s", heap->name,
			(size_t)back->size, block, wrong);
	front_of(block)->canary = canary(raw, CANARY_FREE);
	back->canary = canary(raw, CANARY_FREE);
	back->offset = (uint64_t)((uint8_t *)block - raw);
	back->word = (back->word & ~WEIR__TRACK_OUT) | (uint64_t)site_of(heap, site)
							       << WEIR__TRACK_PUT;
	if (heap->track & WEIR_TRACK_GUARDS)
		memset(block, POISON, (size_t)((uint8_t *)back - (uint8_t *)block));
	weir__heap_give(heap, raw);
	return true;
}
