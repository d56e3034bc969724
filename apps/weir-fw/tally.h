/* SPDX-License-Identifier: BSD-3-Clause */
/* tally.h: counters of rules, elements, chains and statements, when several threads judge by them.
 *
 *	tally --> number -->  row of thread 0   | cell | cell | cell | ...
 *	                      row of thread 1   | cell | cell | cell | ...
 *
 * Each thread writes lines of its own, without atomic operations; who reads adds up. */
#ifndef FW_TALLY_H
#define FW_TALLY_H

#include <weir/atomic.h>

#include <stdint.h>

struct fw_counter {
	uint64_t packets, bytes;
};

/* What one thread that judges has counted; others may read it meanwhile. */
struct fw_cell {
	WEIR_ATOMIC(uint64_t) packets, bytes;
};

struct fw_tallies {
	struct fw_cell **rows;
	uint32_t count, workers;
};

/* A counter that belongs to the rules. */
struct fw_tally {
	union {
		struct fw_counter before; /* while rules are loaded: what the text says */
		struct {
			const struct fw_tallies *all;
			uint32_t number;
		};
	};
};

static inline void fw_count(struct fw_cell *cell, uint64_t packets, uint64_t bytes)
{
	/* relaxed, and no read-modify-write: one writer, and nothing else is told by it */
	packets += atomic_load_explicit(&cell->packets, memory_order_relaxed);
	bytes += atomic_load_explicit(&cell->bytes, memory_order_relaxed);
	atomic_store_explicit(&cell->packets, packets, memory_order_relaxed);
	atomic_store_explicit(&cell->bytes, bytes, memory_order_relaxed);
}

struct fw_ruleset;

/* Give each counter of rules that are loaded its number, and its text's value; and let so
 * many threads judge by them, before they do. */
void fw_tallies_make(struct fw_ruleset *rules);
void fw_tallies_share(struct fw_ruleset *rules, uint32_t workers);

/* What all threads have counted, of about now. */
struct fw_counter fw_counted(const struct fw_tally *tally);

#endif
