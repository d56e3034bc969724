/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/ring_mpmc.h: the core of the ring with many producers and many consumers.
 *
 * Each side has two indices: reserved, moved by a compare-and-swap to claim a run of slots, and
 * done, moved in the order of the claims once the run is filled or read. The other side looks only
 * at done. (The scheme of FreeBSD's buf_ring and DPDK's rte_ring.)
 *
 *	consumers:  done <= reserved          producers:  done <= reserved
 *	                      consumers.reserved <= producers.done
 *	producers.reserved - consumers.done <= size
 *
 * What a side keeps to itself, reserved and the last done of the other side that one of it has
 * seen, lies in one line; done, which the other side polls, in another. So in steady flow one line
 * of indices moves between the sides, not two.
 *
 * A thread that is stopped between claim and done holds up those that claimed after it on its side,
 * and nobody's data is lost. So callers that share a core should yield when a call returns 0.
 *
 * Who pairs with whom: the release store of done with the acquire load of done by the other side
 * (elements filled before read, read before filled again), handed on by the release store and
 * acquire load of seen; and with the acquire load of done by the next of the same side, so that
 * what it publishes includes what its predecessors wrote. seen may be older than what the claim
 * that made reserved was based on; the room then looks negative, and done is read. That read cannot
 * be older: the claim is acquire and release, and reserved is read before done.
 */
#ifndef WEIR_RING_MPMC_H
#define WEIR_RING_MPMC_H

#include "weir/atomic.h"

#include <stdbool.h>
#include <stdint.h>

struct weir_mpmc_side {
	WEIR_ATOMIC(uint32_t) reserved __attribute__((aligned(64)));
	WEIR_ATOMIC(uint32_t) seen; /* the other side's done, as one of this side last read it */
	WEIR_ATOMIC(uint32_t) done __attribute__((aligned(64)));
};

struct weir_mpmc {
	struct weir_mpmc_side producers;
	struct weir_mpmc_side consumers;
};

/* How many slots are there for mine when it has reserved so many: at least want by what was seen,
 * or all there are. slack as in weir_mpmc_claim(). */
static inline uint32_t weir_mpmc_there(struct weir_mpmc_side *mine, struct weir_mpmc_side *other,
	uint32_t slack, uint32_t reserved, uint32_t want)
{
	/* acquire: pairs with the release below, by which a peer hands on what it acquired */
	uint32_t seen = atomic_load_explicit(&mine->seen, memory_order_acquire), done;
	int32_t there = (int32_t)(slack + seen - reserved);

	if (there >= 0 && (uint32_t)there >= want)
		return (uint32_t)there;
	/* acquire: pairs with weir_mpmc_finish() of the other side */
	done = atomic_load_explicit(&other->done, memory_order_acquire);
	if (done != seen) /* who polls an empty ring leaves the line to the others */
		/* release: pairs with the acquire above */
		atomic_store_explicit(&mine->seen, done, memory_order_release);
	return slack + done - reserved;
}

/* Claim up to want slots of mine; the other side's done plus slack is the limit: slack is the size
 * for producers and 0 for consumers. With all, claim want or nothing. Returns how many were
 * claimed, from *index on. */
static inline uint32_t weir_mpmc_claim(struct weir_mpmc_side *mine, struct weir_mpmc_side *other,
	uint32_t slack, uint32_t want, bool all, uint32_t *index)
{
	/* acquire: what is read next must not be older; pairs with the claim of a peer */
	uint32_t reserved = atomic_load_explicit(&mine->reserved, memory_order_acquire);
	uint32_t count;

	do {
		uint32_t there = weir_mpmc_there(mine, other, slack, reserved, want);

		count = want;
		if (there < want)
			count = all ? 0 : there;
		if (count == 0)
			return 0;
		/* acq_rel: the claim that follows sees done at least as new as we saw it */
	} while (!atomic_compare_exchange_weak_explicit(&mine->reserved, &reserved,
		reserved + count, memory_order_acq_rel, memory_order_acquire));
	*index = reserved;
	return count;
}

/* Is it the turn of the claim that starts at index? Wait for it before weir_mpmc_finish(). */
static inline bool weir_mpmc_turn(struct weir_mpmc_side *mine, uint32_t index)
{
	/* acquire: pairs with weir_mpmc_finish() of the claim before */
	return atomic_load_explicit(&mine->done, memory_order_acquire) == index;
}

/* The claimed run is filled, or read. Only when it is its turn. */
static inline void weir_mpmc_finish(struct weir_mpmc_side *mine, uint32_t index, uint32_t count)
{
	/* release: pairs with weir_mpmc_claim() of the other side and weir_mpmc_turn() of ours */
	atomic_store_explicit(&mine->done, index + count, memory_order_release);
}

#endif
