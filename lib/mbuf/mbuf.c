/* SPDX-License-Identifier: BSD-3-Clause */
/* mbuf.c: what is not on the fast path of alloc. */
#include "mbuf_impl.h"

#include "mempool/guard_impl.h"
#include "mempool/track_impl.h"

static __attribute__((noinline)) int alloc_tracked(
	struct weir_mempool *pool, struct weir_mbuf **mbufs, uint32_t count, void *address)
{
	const weir__mbuf_empty empty = {pool->head.mbuf_headroom, 0, 0, 0};
	int error = weir__mempool_take(pool, (void **)(void *)mbufs, count);
	struct weir__marker marker;

	if (error)
		return error;
	marker = weir__marker_for_get(pool, address);
	if (weir_unlikely(pool->track->guards != NULL))
		weir__guard_get(pool, (void **)(void *)mbufs, count, weir__word_get(marker.word));
	_Pragma("GCC unroll 4") for (uint32_t i = 0; i < count; i++)
	{
		struct weir_mbuf *mbuf = mbufs[i];

		weir__mark_get(&marker, mbuf);
		weir__mbuf_reset(mbuf, empty);
	}
	weir__marked_get(pool, count);
	return 0;
}

static __attribute__((noinline)) int alloc_untracked(
	struct weir_mempool *pool, struct weir_mbuf **mbufs, uint32_t count)
{
	const weir__mbuf_empty empty = {pool->head.mbuf_headroom, 0, 0, 0};
	int error = weir__mempool_take(pool, (void **)(void *)mbufs, count);

	for (uint32_t i = 0; !error && i < count; i++)
		weir__mbuf_reset(mbufs[i], empty);
	return error;
}

int weir__mbuf_alloc_slow(struct weir_mempool *pool, struct weir_mbuf **mbufs, uint32_t count)
{
	if (pool->track)
		return alloc_tracked(pool, mbufs, count, __builtin_return_address(0));
	return alloc_untracked(pool, mbufs, count);
}

struct weir_mbuf *weir__mbuf_reserve(struct weir_mempool *pool, uint32_t count)
{
	struct weir_mbuf *chain = NULL;

	while (count--) {
		struct weir_mbuf *mbuf = weir_mbuf_alloc(pool);

		if (!mbuf) {
			weir_mbuf_free(chain);
			return NULL;
		}
		weir_mbuf_set_next(mbuf, chain);
		chain = mbuf;
	}
	return chain;
}
