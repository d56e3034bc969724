/* SPDX-License-Identifier: BSD-3-Clause */
/* count_impl.h: counters that one thread writes and any may read. */
#ifndef WEIR_COUNT_IMPL_H
#define WEIR_COUNT_IMPL_H

#include "weir/atomic.h"

#include <stdint.h>

static inline void weir__count(WEIR_ATOMIC(uint64_t) * counter, uint64_t more)
{
	/* relaxed, and no read-modify-write: one writer */
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + more,
		memory_order_relaxed);
}

static inline uint64_t weir__counted(const WEIR_ATOMIC(uint64_t) * counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

#endif
