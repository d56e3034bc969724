/* SPDX-License-Identifier: BSD-3-Clause */
/* fence.c: what nobody may write: free objects, and the bytes behind those that are out. */
#include "guard_impl.h"

#define FREE_BYTE  0xdb
#define FENCE_BYTE 0xfe

WEIR_ATOMIC(bool) weir__guarding;

void weir__guards_begin(struct weir_mempool *pool, void *table)
{
	pool->track->guards = table;
	/* relaxed: see weir__guards_anybody() */
	atomic_store_explicit(&weir__guarding, true, memory_order_relaxed);
	weir__poison_pool(pool);
}

uint64_t weir__guard_sum(const void *bytes, size_t size)
{
	const uint8_t *at = bytes;
	uint64_t sum = size;

	/* the constant of Fibonacci hashing: 2^64 over the golden ratio; odd, so that no change of
	 * a single word is lost */
	for (; size >= sizeof(uint64_t); size -= sizeof(uint64_t), at += sizeof(uint64_t)) {
		uint64_t word;

		memcpy(&word, at, sizeof(word));
		sum = (sum ^ word) * 0x9e3779b97f4a7c15u;
		sum ^= sum >> 32;
	}
	for (; size; size--)
		sum = (sum ^ *at++) * 0x9e3779b97f4a7c15u;
	return weir__poison_defined(sum) | 1;
}

/* The first byte that is not as it should be, or size. */
static uint32_t first_other(const uint8_t *bytes, uint32_t size, uint8_t expected)
{
	uint32_t i = 0;

	/* all are like the first: each like the one before, which memcmp() finds out fast */
	if (size && bytes[0] == expected && memcmp(bytes, bytes + 1, size - 1) == 0)
		return size;
	while (i < size && bytes[i] == expected)
		i++;
	return i;
}

/* ---- the fence ---- */

static uint32_t look_behind(const struct weir_mempool *pool, const uint8_t *object)
{
	uint32_t size = pool->stride - pool->size;
	uint32_t place = first_other(object + pool->size, size, FENCE_BYTE);

	return place < size ? place : UINT32_MAX;
}

uint32_t weir__fence_broken(const struct weir_mempool *pool, const uint8_t *object)
{
	uint32_t place;

	weir__poison_fence(pool, object, false);
	place = look_behind(pool, object);
	weir__poison_fence(pool, object, true);
	return place;
}

static void look_at_fence(struct weir_mempool *pool, uint8_t *object, uint32_t site)
{
	uint32_t place = look_behind(pool, object);

	if (place != UINT32_MAX)
		weir__misuse(object, site, false,
			"was written past its end (byte %u behind it is 0x%02x), as is seen when "
			"it "
			"is given back",
			place, object[pool->size + place]);
}

/* ---- free ones ---- */

static void close_object(struct weir_mempool *pool, uint32_t index)
{
	uint8_t *object = pool->objects + (size_t)index * pool->stride;
	struct weir__guard *guard = &pool->track->guards[index];
	uint32_t kept = weir__kept_size(pool);

	memset(object + kept, FREE_BYTE, pool->size - kept);
	/* relaxed, here and below: who gets the object has it by way of the depot, which orders */
	atomic_store_explicit(&guard->kept, weir__guard_sum(object, kept), memory_order_relaxed);
	atomic_store_explicit(&guard->shared, 0, memory_order_relaxed);
}

static bool was_closed(const struct weir_mempool *pool, uint32_t index)
{
	return atomic_load_explicit(&pool->track->guards[index].kept, memory_order_relaxed) != 0;
}

/* Was it written since it was closed? Then say so, and mend what the library relies on. */
static void look_at_free(struct weir_mempool *pool, uint32_t index, uint32_t site, const char *when)
{
	uint8_t *object = pool->objects + (size_t)index * pool->stride;
	uint64_t sum = atomic_load_explicit(&pool->track->guards[index].kept, memory_order_relaxed);
	uint32_t kept = weir__kept_size(pool), buffer = pool->size - kept;
	uint32_t place = first_other(object + kept, buffer, FREE_BYTE);

	if (sum != weir__guard_sum(object, kept)) {
		weir__misuse(object, site, true,
			"was written after it was given back (among its first %u bytes), as is "
			"seen when %s",
			kept, when);
		if (pool->init)
			pool->init(pool, object);
	} else if (place < buffer) {
		weir__misuse(object, site, true,
			"was written after it was given back (byte %u of its buffer is 0x%02x), as "
			"is seen when %s",
			place, object[kept + place], when);
	}
}

void weir__guard_look_at_free(struct weir_mempool *pool)
{
	for (uint32_t i = 0; i < pool->max_count; i++) {
		uint8_t *object = pool->objects + (size_t)i * pool->stride;

		if (!weir__mempool_exists(pool, i) || !was_closed(pool, i) ||
			weir__track_word(&pool->track->words[i]) & WEIR__TRACK_OUT)
			continue;
		weir__poison_none(pool, object);
		look_at_free(pool, i, 0, "the pool is destroyed");
		close_object(pool, i);
		weir__poison_all(pool, object);
	}
}

/* ---- on their way ---- */

void weir__guard_get(struct weir_mempool *pool, void *const *objects, uint32_t count, uint32_t site)
{
	for (uint32_t i = 0; i < count; i++) {
		uint8_t *object = objects[i];
		uint32_t index = weir_mempool_index(pool, object);

		weir__poison_none(pool, object);
		if (was_closed(pool, index))
			look_at_free(pool, index, site, "it is taken");
		memset(object + pool->size, FENCE_BYTE, pool->stride - pool->size);
		weir__poison_out(pool, object);
		weir__history_add(pool, index, WEIR__TAKEN, site);
	}
}

void weir__guard_put(struct weir_mempool *pool, void *const *objects, uint32_t count, uint32_t site)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t index = weir_mempool_index(pool, objects[i]);

		weir__history_add(pool, index, WEIR__PUT, site);
		weir__poison_fence(pool, objects[i], false);
		look_at_fence(pool, objects[i], site);
		close_object(pool, index);
		weir__poison_free(pool, objects[i]);
	}
}

void weir__guard_forget(struct weir_mempool *pool, uint32_t first, uint32_t end)
{
	for (uint32_t i = first; i < end; i++) {
		weir__poison_none(pool, pool->objects + (size_t)i * pool->stride);
		atomic_store_explicit(&pool->track->guards[i].kept, 0, memory_order_relaxed);
	}
}
