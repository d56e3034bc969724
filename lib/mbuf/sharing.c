/* SPDX-License-Identifier: BSD-3-Clause */
/* sharing.c: references to packets; and in guarded pools the bytes that several have: nobody may
 * write them.
 *
 * An mbuf lends its buffer. From when a second reference to it is taken until only one is left, or
 * from when it is frozen until it is free, its bytes have a sum. It is made by the only holder and
 * looked at by each who gives up a reference, before it does: so all who look have their reference
 * still, and what they read is nobody's to write.
 */
#include "mbuf_impl.h"

#include "mempool/guard_impl.h"

static uint64_t sum_of(const struct weir_mempool *pool, const struct weir_mbuf *mbuf)
{
	return weir__guard_sum(weir__mbuf_lender(pool, mbuf), pool->head.mbuf_buffer_size);
}

/* relaxed, here and below: a reference goes to another thread by something that orders */
bool weir__sharing_broken(const struct weir_mempool *pool, const struct weir_mbuf *mbuf)
{
	uint64_t sum = atomic_load_explicit(
		&pool->track->guards[weir_mempool_index(pool, mbuf)].shared, memory_order_relaxed);
	uint32_t state = weir_ref_look(&mbuf->state);
	bool own = !(state & (WEIR__MBUF_BORROWED | WEIR__MBUF_PART));
	bool shared = weir_ref_count(state) > 1 || state & WEIR__MBUF_FROZEN;

	return own && shared && sum && sum != sum_of(pool, mbuf);
}

static void keep_sum(struct weir_mempool *pool, uint32_t index, const struct weir_mbuf *mbuf)
{
	atomic_store_explicit(
		&pool->track->guards[index].shared, sum_of(pool, mbuf), memory_order_relaxed);
}

void weir__sharing_begins(struct weir_mbuf *mbuf, enum weir__deed deed)
{
	struct weir_mempool *pool = weir_mbuf_pool(mbuf);
	uint32_t state = weir_ref_look(&mbuf->state), index;

	if (!weir__is_guarded(pool))
		return;
	index = weir_mempool_index(pool, mbuf);
	weir__history_add(pool, index, deed, weir__site_of(pool, __builtin_return_address(0)));
	/* one that borrows has nothing of its own to lend */
	if ((state & WEIR__MBUF_BYTES) == 1)
		keep_sum(pool, index, mbuf);
}

void weir__sharing_ends(struct weir_mbuf *mbuf, uint32_t state)
{
	struct weir_mempool *pool = weir__mbuf_state_pool(state);
	uint32_t index, site;

	if (!weir__is_guarded(pool) || (state & WEIR__MBUF_BYTES & ~WEIR__MBUF_BORROWED) == 1)
		return;
	index = weir_mempool_index(pool, mbuf);
	site = weir__site_of(pool, __builtin_return_address(0));
	if (weir__sharing_broken(pool, mbuf)) {
		weir__misuse(mbuf, site, false,
			"was written while its bytes were shared or frozen, as is seen when a "
			"reference is given up");
		keep_sum(pool, index, mbuf);
	}
	if (weir_ref_count(state) > 1)
		weir__history_add(pool, index, WEIR__DROPPED, site);
}

void weir_mbuf_ref(struct weir_mbuf *mbuf, uint32_t count)
{
	for (const struct weir_mbuf *at = mbuf; at; at = at->next) {
		if (weir_likely((uint64_t)weir_mbuf_refs(at) + count <= WEIR_REF_MASK))
			continue;
		weir__misuse(at, 0, false,
			"has %u references and is to have %u more, which is more than %u",
			weir_mbuf_refs(at), count, WEIR_REF_MASK);
		return;
	}
	for (; mbuf; mbuf = mbuf->next) {
		weir__sharing_note(mbuf, WEIR__REFERENCED);
		weir_ref_take(&mbuf->state, count);
	}
}
