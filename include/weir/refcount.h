/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/refcount.h: the core of sharing an mbuf: a reference count inside a 32-bit word.
 *
 * The word holds other things beside the count, so that one load and one compare tell whether an
 * mbuf is plain. Invariant: whoever may look at the word holds a reference; only the holder of the
 * single one may write anything else in it, or in the mbuf.
 *
 * Who pairs with whom: each drop is a release, so that what its holder did to the mbuf comes before
 * it; the last drop, and the look that finds a single reference, are acquire, so that they come
 * after all of that. Taking a reference orders nothing: the taker has one already.
 */
#ifndef WEIR_REFCOUNT_H
#define WEIR_REFCOUNT_H

#include "weir/atomic.h"

#include <stdbool.h>
#include <stdint.h>

/* The count is the lower 15 bits: at most 32,767 references. */
#define WEIR_REF_MASK 0x7fffu

/* Clones and externals take no more than that: room is left for what all threads may take at the
 * same time, having seen one less. */
#define WEIR_REF_MOST 31000u

/* The word, for deciding whether we hold the only reference. */
static inline uint32_t weir_ref_look(const WEIR_ATOMIC(uint32_t) * word)
{
	/* acquire: pairs with weir_ref_drop() of the former holders */
	return atomic_load_explicit(word, memory_order_acquire);
}

static inline uint32_t weir_ref_count(uint32_t word)
{
	return word & WEIR_REF_MASK;
}

/* Take count more references. The caller holds one. */
static inline void weir_ref_take(WEIR_ATOMIC(uint32_t) * word, uint32_t count)
{
	atomic_fetch_add_explicit(word, count, memory_order_relaxed);
}

/* Take one, having seen this in the word; false: there are too many. No atomic is needed when
 * nobody else can take or drop any meanwhile: when the caller alone has whatever holds the one
 * reference there is. */
static inline bool weir_ref_take_one(WEIR_ATOMIC(uint32_t) * word, uint32_t seen, bool alone)
{
	if (alone && weir_ref_count(seen) == 1)
		atomic_store_explicit(word, seen + 1, memory_order_relaxed);
	else if (weir_ref_count(seen) < WEIR_REF_MOST)
		atomic_fetch_add_explicit(word, 1, memory_order_relaxed);
	else
		return false;
	return true;
}

/* Give a reference back where others had some, too, when we looked. True when it was the last. */
static inline bool weir_ref_drop_shared(WEIR_ATOMIC(uint32_t) * word)
{
	/* acq_rel: pairs with itself in the other holders */
	return weir_ref_count(atomic_fetch_sub_explicit(word, 1, memory_order_acq_rel)) == 1;
}

/* Give a reference back. True when it was the last: the mbuf is the caller's alone. A single
 * reference is given back without an atomic write; the count then stays 1. */
static inline bool weir_ref_drop(WEIR_ATOMIC(uint32_t) * word)
{
	return weir_ref_count(weir_ref_look(word)) == 1 || weir_ref_drop_shared(word);
}

#endif
