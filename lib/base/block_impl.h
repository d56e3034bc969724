/* SPDX-License-Identifier: BSD-3-Clause */
/* block_impl.h: a large piece of memory that many packets have parts of, counted as one.
 *
 * Who has the block holds a reference, and so does each packet in it; they are taken and given up
 * by the burst, so that a block of thousands of packets costs a handful of locked instructions.
 */
#ifndef WEIR_BLOCK_IMPL_H
#define WEIR_BLOCK_IMPL_H

#include "weir/atomic.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct weir__block {
	WEIR_ATOMIC(uint32_t) users;
	uint8_t *bytes;
	size_t size;
	/* Nobody uses it any more; by the thread that let go of it last. */
	void (*release)(struct weir__block *block);
};

/* Take count references; the caller holds one. */
static inline void weir__block_take(struct weir__block *block, uint32_t count)
{
	/* relaxed: the taker has one already */
	atomic_fetch_add_explicit(&block->users, count, memory_order_relaxed);
}

static inline void weir__block_drop(struct weir__block *block, uint32_t count)
{
	/* acq_rel: what the others did to the bytes comes before the release */
	if (atomic_fetch_sub_explicit(&block->users, count, memory_order_acq_rel) == count)
		block->release(block);
}

/* Does the caller, who holds a reference, hold the only one? */
static inline bool weir__block_is_alone(const struct weir__block *block)
{
	/* acquire: pairs with the drop of the others */
	return atomic_load_explicit(&block->users, memory_order_acquire) == 1;
}

#endif
