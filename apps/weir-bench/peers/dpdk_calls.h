/* SPDX-License-Identifier: BSD-3-Clause */
/* dpdk_calls.h: DPDK's calls in the shape that the patterns of work.h take. */
#ifndef DPDK_CALLS_H
#define DPDK_CALLS_H

#include "../harness/bench.h"

#include <rte_mbuf.h>
#include <rte_ring.h>

static inline bool dpdk_mbuf_get(void *pool, void **mbufs, uint32_t count)
{
	return rte_pktmbuf_alloc_bulk(pool, (struct rte_mbuf **)(void *)mbufs, count) == 0;
}

static inline void dpdk_mbuf_put(void *pool, void **mbufs, uint32_t count)
{
	(void)pool;
	rte_pktmbuf_free_bulk((struct rte_mbuf **)(void *)mbufs, count);
}

static inline void *dpdk_mbuf_get_one(void *pool)
{
	return rte_pktmbuf_alloc(pool);
}

static inline void dpdk_mbuf_put_one(void *pool, void *mbuf)
{
	(void)pool;
	rte_pktmbuf_free(mbuf);
}

static inline uint8_t *dpdk_mbuf_data(void *mbuf)
{
	return rte_pktmbuf_mtod((struct rte_mbuf *)mbuf, uint8_t *);
}

static const struct work_buffers dpdk_mbufs = {
	dpdk_mbuf_get, dpdk_mbuf_put, dpdk_mbuf_get_one, dpdk_mbuf_put_one, dpdk_mbuf_data};

static inline uint32_t dpdk_spsc_enqueue(void *ring, void *const *pointers, uint32_t count)
{
	return rte_ring_sp_enqueue_bulk(ring, pointers, count, NULL);
}

static inline uint32_t dpdk_spsc_dequeue(void *ring, void **pointers, uint32_t count)
{
	return rte_ring_sc_dequeue_bulk(ring, pointers, count, NULL);
}

static const struct work_ring dpdk_spsc = {dpdk_spsc_enqueue, dpdk_spsc_dequeue};

/* A thread of ours becomes one that DPDK knows, and so has a cache in every mempool. */
int dpdk_enter(void);
void dpdk_leave(void);

/* "2M" when the EAL has hugepages, else "4K". */
const char *dpdk_pages(void *pool);
int dpdk_socket(const struct options *options);

extern const struct ring_subject dpdk_spsc_subject;
extern const struct buffers_subject dpdk_mbuf_subject;
extern const struct bench dpdk_bench_mempool, dpdk_bench_mbuf, dpdk_bench_create,
	dpdk_bench_handoff, dpdk_bench_ring, dpdk_bench_replay, dpdk_bench_readahead,
	dpdk_bench_loop, dpdk_bench_loopcopy, dpdk_bench_convert, dpdk_bench_convertahead,
	dpdk_bench_packets, dpdk_bench_parse, dpdk_bench_checksum, dpdk_bench_pipeline,
	dpdk_bench_flow, dpdk_bench_heap, dpdk_bench_acl;

#endif
