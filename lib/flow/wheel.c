/* SPDX-License-Identifier: BSD-3-Clause */
/* wheel.c: a hierarchical timing wheel; wheel_impl.h says how it is made. */
#include "wheel_impl.h"

#include "base/base_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int check_count(uint32_t count)
{
	if (count == 0 || count > WEIR_WHEEL_MAX)
		return weir__fail(EINVAL, "wheel of %u timers: 1 to %u", count, WEIR_WHEEL_MAX);
	return 0;
}

size_t weir_wheel_memory_size(uint32_t count)
{
	if (check_count(count))
		return 0;
	return weir__round_up(sizeof(struct weir_wheel) + ((size_t)count + WEIR__WHEEL_TIMER) *
								  sizeof(struct weir__wheel_node),
		WEIR_CACHE_LINE);
}

struct weir_wheel *weir_wheel_init(void *memory, uint32_t count, uint64_t tick)
{
	struct weir_wheel *wheel = memory;
	size_t size = weir_wheel_memory_size(count);

	if (size == 0)
		return NULL;
	if (!memory || (uintptr_t)memory % WEIR_CACHE_LINE)
		return weir__fail_null(EINVAL, "memory of a wheel at %p: no multiple of %d", memory,
			WEIR_CACHE_LINE);
	memset(memory, 0, size);
	wheel->count = count;
	wheel->tick_bits = tick ? 63 - (uint32_t)__builtin_clzll(tick) : 0;
	for (uint32_t node = 1; node < WEIR__WHEEL_TIMER; node++)
		wheel->nodes[node].next = wheel->nodes[node].previous = node;
	return wheel;
}

struct weir_wheel *weir_wheel_create(uint32_t count, uint64_t tick)
{
	size_t size = weir_wheel_memory_size(count);
	void *memory = size ? aligned_alloc(WEIR_CACHE_LINE, size) : NULL;

	if (size && !memory)
		return weir__fail_null(ENOMEM, "no memory for a wheel of %u timers", count);
	return size ? weir_wheel_init(memory, count, tick) : NULL;
}

void weir_wheel_destroy(struct weir_wheel *wheel)
{
	free(wheel);
}

void weir_wheel_set(struct weir_wheel *wheel, uint32_t timer, uint64_t due)
{
	weir_wheel_cancel(wheel, timer);
	weir__wheel_start(wheel, timer, due);
}

void weir_wheel_cancel(struct weir_wheel *wheel, uint32_t timer)
{
	if (weir_wheel_is_set(wheel, timer))
		weir__wheel_unlink(wheel, WEIR__WHEEL_TIMER + timer);
}

bool weir_wheel_is_set(const struct weir_wheel *wheel, uint32_t timer)
{
	return wheel->nodes[WEIR__WHEEL_TIMER + timer].next != 0;
}

/* Move a slot's timers to the list at work, which is empty. */
static void start_work(struct weir_wheel *wheel, uint32_t level, uint32_t slot)
{
	struct weir__wheel_node *head = &wheel->nodes[WEIR__WHEEL_SLOT(level, slot)];
	struct weir__wheel_node *work = &wheel->nodes[WEIR__WHEEL_WORK];

	work->next = head->next;
	work->previous = head->previous;
	wheel->nodes[work->next].previous = WEIR__WHEEL_WORK;
	wheel->nodes[work->previous].next = WEIR__WHEEL_WORK;
	head->next = head->previous = WEIR__WHEEL_SLOT(level, slot);
	wheel->taken[level] &= ~((uint64_t)1 << slot);
}

/* Go on to the next slot with timers, but not beyond now. Is there work? */
static bool advance(struct weir_wheel *wheel, uint64_t now)
{
	uint64_t above, time;
	uint32_t level = 0, slot;

	while (level < WEIR__WHEEL_LEVELS && wheel->taken[level] == 0)
		level++;
	if (level < WEIR__WHEEL_LEVELS) {
		slot = (uint32_t)__builtin_ctzll(wheel->taken[level]);
		/* of the highest level, where the shift leaves nothing, no bits are above */
		above = wheel->tick &
			~(((uint64_t)WEIR__WHEEL_SLOTS << level * WEIR__WHEEL_BITS) - 1);
		time = above | (uint64_t)slot << level * WEIR__WHEEL_BITS;
		if (time <= now) {
			wheel->tick = time;
			start_work(wheel, level, slot);
			return true;
		}
	}
	if (now > wheel->tick)
		wheel->tick = now;
	return false;
}

uint32_t weir_wheel_expire(
	struct weir_wheel *wheel, uint64_t now, uint32_t *timers, uint32_t count, uint32_t *budget)
{
	const struct weir__wheel_node *work = &wheel->nodes[WEIR__WHEEL_WORK];
	uint32_t got = 0;

	while (got<count && * budget> 0) {
		uint32_t node = work->next;

		if (node == WEIR__WHEEL_WORK) {
			if (!advance(wheel, now >> wheel->tick_bits))
				break;
			continue;
		}
		--*budget;
		__builtin_prefetch(&wheel->nodes[wheel->nodes[node].next], 1);
		weir__wheel_unlink(wheel, node);
		if (wheel->nodes[node].due <= wheel->tick)
			timers[got++] = node - WEIR__WHEEL_TIMER;
		else
			weir__wheel_place(wheel, node);
	}
	return got;
}
