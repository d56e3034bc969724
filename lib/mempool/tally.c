/* SPDX-License-Identifier: BSD-3-Clause */
/* tally.c: how many objects are out, were at most, and came and went: of each owner.
 *
 * A thread counts in a row of its own. What changes by WEIR__TELL_AT it adds to the sums, an atomic
 * for many objects; so the peak of one thread is exact, and with others at work it may be low by
 * what each has not told.
 */
#include "track_impl.h"

#include <stdio.h>

/* Relaxed throughout: a row is one thread's, and figures are of about now. */
static int32_t look(const WEIR_ATOMIC(int32_t) * value)
{
	return atomic_load_explicit(value, memory_order_relaxed);
}

void weir__tally_tell(struct weir__sums *sums, struct weir__tally *tally)
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
