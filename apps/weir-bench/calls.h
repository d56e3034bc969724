/* SPDX-License-Identifier: BSD-3-Clause */
/* calls.h: weir's calls in the shape that the patterns of work.h take, to be inlined there. */
#ifndef CALLS_H
#define CALLS_H

#include "harness/work.h"

#include <weir/mbuf.h>
#include <weir/mempool.h>
#include <weir/ring.h>

static inline bool call_mbuf_get(void *pool, void **mbufs, uint32_t count)
{
	return weir_mbuf_alloc_bulk(pool, (struct weir_mbuf **)(void *)mbufs, count) == 0;
}

static inline void call_mbuf_put(void *pool, void **mbufs, uint32_t count)
{
	(void)pool;
	weir_mbuf_free_bulk((struct weir_mbuf **)(void *)mbufs, count);
}

static inline void *call_mbuf_get_one(void *pool)
{
	return weir_mbuf_alloc(pool);
}

static inline void call_mbuf_put_one(void *pool, void *mbuf)
{
	(void)pool;
	weir_mbuf_free(mbuf);
}

static inline uint8_t *call_mbuf_data(void *mbuf)
{
	return weir_mbuf_data(mbuf);
}

static const struct work_buffers call_mbufs = {
	call_mbuf_get, call_mbuf_put, call_mbuf_get_one, call_mbuf_put_one, call_mbuf_data};

static inline uint32_t call_spsc_enqueue(void *ring, void *const *pointers, uint32_t count)
{
	return weir_ring_enqueue_bulk_spsc(ring, pointers, sizeof(void *), count) == 0 ? count : 0;
}

static inline uint32_t call_spsc_dequeue(void *ring, void **pointers, uint32_t count)
{
	return weir_ring_dequeue_bulk_spsc(ring, pointers, sizeof(void *), count) == 0 ? count : 0;
}

static const struct work_ring call_spsc = {call_spsc_enqueue, call_spsc_dequeue};

#endif
