/* SPDX-License-Identifier: BSD-3-Clause */
/* tally.c: how many objects are out, were at most, and came and went: of each owner.
 *
 * A thread counts in a row of its own. What changes by TELL_AT it adds to the sums, an atomic
 * for many objects; so the peak of one thread is exact, and with others at work it may be low by
 * what each has not told.
 */
#include "track_impl.h"

#include <stdio.h>

#define TELL_AT 128 /* objects: an atomic for each as many costs nothing much */

/* Relaxed throughout: a row is one thread's, and figures are of about now. */
static inline int32_t look(const WEIR_ATOMIC(int32_t) * value)
{
	return atomic_load_explicit(value, memory_order_relaxed);
}

static inline void add(WEIR_ATOMIC(uint64_t) * counter, uint32_t more)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + more,
		memory_order_relaxed);
}

static void tell(struct weir__sums *sums, struct weir__tally *tally)
{
	int64_t before = atomic_fetch_add_explicit(
		&sums->current, look(&tally->current), memory_order_relaxed);
	int64_t high = before + look(&tally->high);
	int64_t peak = atomic_load_explicit(&sums->peak, memory_order_relaxed);

	while (high > peak && !atomic_compare_exchange_weak_explicit(&sums->peak, &peak, high,
				      memory_order_relaxed, memory_order_relaxed))
		;
	atomic_store_explicit(&tally->current, 0, memory_order_relaxed);
	atomic_store_explicit(&tally->high, 0, memory_order_relaxed);
}

/* Both return whether the thread has enough to tell. */
static inline bool count_get(struct weir__tally *tally, uint32_t count)
{
	int32_t current = look(&tally->current) + (int32_t)count;

	add(&tally->gets, count);
	atomic_store_explicit(&tally->current, current, memory_order_relaxed);
	if (current <= look(&tally->high))
		return false;
	atomic_store_explicit(&tally->high, current, memory_order_relaxed);
	return current >= TELL_AT;
}

static inline bool count_put(struct weir__tally *tally, uint32_t count)
{
	int32_t current = look(&tally->current) - (int32_t)count;

	add(&tally->puts, count);
	atomic_store_explicit(&tally->current, current, memory_order_relaxed);
	return current <= -TELL_AT;
}

static __attribute__((noinline)) void tell_both(
	struct weir__track *track, struct weir__tally *row, uint32_t owner)
{
	tell(&track->sums[owner], &row[owner]);
	tell(&track->sums[WEIR_TRACK_OWNERS], &row[WEIR_TRACK_OWNERS]);
}

/* Count for an owner and for the whole, in the row of a thread. */
static inline void count_in(struct weir__track *track, uint32_t slot, uint32_t owner,
	uint32_t count, bool (*how)(struct weir__tally *tally, uint32_t count))
{
	struct weir__tally *row = track->tallies + (size_t)slot * WEIR__TALLIES;
	bool owner_tells = how(&row[owner], count);

	if (weir_unlikely(how(&row[WEIR_TRACK_OWNERS], count) | owner_tells))
		tell_both(track, row, owner);
}

/* Threads without a slot have row 0 together. */
static __attribute__((noinline)) void count_locked(struct weir__track *track, uint32_t owner,
	uint32_t count, bool (*how)(struct weir__tally *tally, uint32_t count))
{
	pthread_mutex_lock(&track->lock);
	count_in(track, 0, owner, count, how);
	pthread_mutex_unlock(&track->lock);
}

void weir__count_get(struct weir__track *track, uint32_t owner, uint32_t count)
{
	if (weir_likely(weir__thread.slot))
		count_in(track, weir__thread.slot, owner, count, count_get);
	else
		count_locked(track, owner, count, count_get);
}

void weir__count_put(struct weir__track *track, uint32_t owner, uint32_t count)
{
	if (weir_likely(weir__thread.slot))
		count_in(track, weir__thread.slot, owner, count, count_put);
	else
		count_locked(track, owner, count, count_put);
}

/* Add up the rows of all threads for one owner. */
static void sum_up(const struct weir__track *track, uint32_t owner, struct weir_track_figures *sum)
{
	int64_t told = atomic_load_explicit(&track->sums[owner].current, memory_order_relaxed);
	int64_t peak = atomic_load_explicit(&track->sums[owner].peak, memory_order_relaxed);
	int64_t current = told;

	*sum = (struct weir_track_figures){.owner = ""};
	for (uint32_t slot = 0; slot < WEIR_THREAD_MAX; slot++) {
		const struct weir__tally *tally =
			track->tallies + (size_t)slot * WEIR__TALLIES + owner;

		current += look(&tally->current);
		if (told + look(&tally->high) > peak)
			peak = told + look(&tally->high);
		sum->gets += atomic_load_explicit(&tally->gets, memory_order_relaxed);
		sum->puts += atomic_load_explicit(&tally->puts, memory_order_relaxed);
	}
	sum->current = current > 0 ? (uint64_t)current : 0;
	sum->peak = (uint64_t)(peak > current ? peak : (int64_t)sum->current);
}

uint32_t weir_track_figures(
	struct weir_mempool *pool, struct weir_track_figures *figures, uint32_t most)
{
	uint32_t found = 1;
	struct weir_track_figures sum;

	if (!pool->track)
		return 0;
	if (most)
		sum_up(pool->track, WEIR_TRACK_OWNERS, figures);
	for (uint32_t owner = 0; owner < WEIR_TRACK_OWNERS; owner++) {
		sum_up(pool->track, owner, &sum);
		if (!sum.gets)
			continue;
		snprintf(sum.owner, sizeof(sum.owner), "%s", weir__owner_name(owner));
		if (found < most)
			figures[found] = sum;
		found++;
	}
	return found;
}
