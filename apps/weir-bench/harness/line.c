/* SPDX-License-Identifier: BSD-3-Clause */
/* line.c: pass a cache line between two cores. */
#include "line.h"

#include "clock.h"
#include "work.h"

/* Long enough to see past the clock, and repeated to see past an interrupt: 0.3 ms in all. */
#define PASSES 400
#define TRIES  8

uint64_t line_pass(struct line *line, unsigned side, const atomic_bool *stop)
{
	uint64_t best = 0;
	uint32_t looks = 0;

	for (unsigned turn = side; turn < PASSES * TRIES;) {
		uint64_t start = clock_ticks(), ticks;
		unsigned end = turn + PASSES;

		for (; turn < end; turn += 2) {
			/* acquire and release: each side writes after what it saw */
			while (atomic_load_explicit(&line->turn, memory_order_acquire) != turn) {
				if (++looks % 65536 != 0)
					continue;
				if (atomic_load_explicit(stop, memory_order_relaxed))
					return 0;
				sched_yield();
			}
			atomic_store_explicit(&line->turn, turn + 1, memory_order_release);
		}
		ticks = (clock_ticks() - start) / PASSES;
		if (best == 0 || ticks < best)
			best = ticks;
	}
	return best;
}
