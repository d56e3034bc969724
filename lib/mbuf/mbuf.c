/* SPDX-License-Identifier: BSD-3-Clause */
/* mbuf.c: what is not on the fast path of alloc. */
#include "mbuf_impl.h"

#include "mempool/guard_impl.h"
#include "mempool/track_impl.h"

#include <errno.h>

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

#define AT_ONCE 64 /* a batch */

/* Make mbufs, which are clean, segments of length bytes each in front of next. */
static inline struct weir_mbuf *link_all(struct weir_mempool *pool, void *const *mbufs,
	uint32_t count, uint32_t length, struct weir_mbuf *next)
{
	const weir__mbuf_empty full = {pool->head.mbuf_headroom, length, 0, 0};
	uint32_t state = pool->head.mbuf_plain | WEIR__MBUF_CHAINED;

	for (uint32_t i = count; i--;) {
		struct weir_mbuf *mbuf = mbufs[i];

		weir__mbuf_reset(mbuf, full);
		mbuf->next = next;
		/* relaxed, here and below: it is ours alone */
		atomic_store_explicit(&mbuf->state, state, memory_order_relaxed);
		next = mbuf;
	}
	return next;
}

/* In pieces, since the cache does not have so many. */
static __attribute__((noinline)) struct weir_mbuf *take_slowly(
	struct weir_mempool *pool, uint32_t count, uint32_t length)
{
	struct weir_mbuf *chain = NULL, *mbufs[AT_ONCE];

	for (uint32_t some; count; count -= some) {
		some = count < AT_ONCE ? count : AT_ONCE;
		if (weir_mbuf_alloc_bulk(pool, mbufs, some)) {
			weir_mbuf_free(chain);
			return NULL;
		}
		chain = link_all(pool, (void **)(void *)mbufs, some, length, chain);
	}
	return chain;
}

/* Take count mbufs, a chain, with length bytes in each but the last. */
static inline struct weir_mbuf *take_chain(
	struct weir_mempool *pool, uint32_t count, uint32_t length, uint32_t last)
{
	void **mbufs = weir__mempool_pop(weir__mempool_cache(pool), count);
	struct weir_mbuf *chain, *tail;

	if (weir_likely(mbufs != NULL)) {
		tail = mbufs[count - 1];
		chain = link_all(pool, mbufs, count, length, NULL);
	} else {
		chain = take_slowly(pool, count, length);
		if (!chain)
			return NULL;
		tail = weir_mbuf_last(chain);
	}
	tail->data_length = last;
	atomic_store_explicit(&tail->state, pool->head.mbuf_plain, memory_order_relaxed);
	return chain;
}

struct weir_mbuf *weir__mbuf_reserve(struct weir_mempool *pool, uint32_t count)
{
	return count ? take_chain(pool, count, 0, 0) : NULL;
}

struct weir_mbuf *weir_mbuf_alloc_chain(
	struct weir_mempool *pool, uint32_t length, uint32_t segment)
{
	uint32_t room = pool->head.mbuf_buffer_size - pool->head.mbuf_headroom, full;
	struct weir_mbuf *chain;

	segment = segment ? segment : room;
	if (weir_unlikely(segment > room)) {
		errno = EMSGSIZE;
		return NULL;
	}
	full = length > segment ? (length - 1) / segment : 0;
	chain = take_chain(pool, full + 1, segment, length - full * segment);
	if (weir_likely(chain != NULL))
		chain->length = length;
	return chain;
}
