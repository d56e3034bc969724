/* SPDX-License-Identifier: BSD-3-Clause */
/* dpdk_buffers.c: DPDK's mempools and mbufs: taken and given back, made, and handed on by a ring.
 * */
#include "dpdk_calls.h"

#include <rte_errno.h>

#include <errno.h>

static uint64_t run_mbufs(void *work, uint64_t rounds)
{
	return work_buffers_run(&dpdk_mbufs, work, rounds);
}

static void *create_mbufs(const struct options *options)
{
	if (options->size > UINT16_MAX - RTE_PKTMBUF_HEADROOM) {
		rte_errno = EINVAL;
		return NULL;
	}
	return rte_pktmbuf_pool_create("mbufs", options->count, options->cache, 0,
		(uint16_t)(options->size + RTE_PKTMBUF_HEADROOM), dpdk_socket(options));
}

static void destroy_pool(void *pool)
{
	rte_mempool_free(pool);
}

const struct buffers_subject dpdk_mbuf_subject = {
	.buffers = &dpdk_mbufs,
	.create = create_mbufs,
	.destroy = destroy_pool,
	.pages = dpdk_pages,
	.run = run_mbufs,
	.enter = dpdk_enter,
	.leave = dpdk_leave,
};

const struct bench dpdk_bench_mbuf = {
	"mbuf", "allocate and free mbufs", bench_buffers, &dpdk_mbuf_subject};

const struct bench dpdk_bench_create = {
	"create", "make a pool of mbufs and destroy it", bench_create_pools, &dpdk_mbuf_subject};

static bool get(void *pool, void **objects, uint32_t count)
{
	return rte_mempool_get_bulk(pool, objects, count) == 0;
}

static void put(void *pool, void **objects, uint32_t count)
{
	rte_mempool_put_bulk(pool, objects, count);
}

static void *get_one(void *pool)
{
	void *object;

	return rte_mempool_get(pool, &object) == 0 ? object : NULL;
}

static void put_one(void *pool, void *object)
{
	rte_mempool_put(pool, object);
}

static const struct work_buffers objects = {
	.get = get, .put = put, .get_one = get_one, .put_one = put_one};

static uint64_t run_objects(void *work, uint64_t rounds)
{
	return work_buffers_run(&objects, work, rounds);
}

static void *create_objects(const struct options *options)
{
	return rte_mempool_create("objects", options->count, options->size + OPTIONS_HEADROOM,
		options->cache, 0, NULL, NULL, NULL, NULL, dpdk_socket(options), 0);
}

static const struct buffers_subject object_subject = {
	.buffers = &objects,
	.create = create_objects,
	.destroy = destroy_pool,
	.pages = dpdk_pages,
	.run = run_objects,
	.enter = dpdk_enter,
	.leave = dpdk_leave,
};

const struct bench dpdk_bench_mempool = {
	"mempool", "get objects of a mempool and put them back", bench_buffers, &object_subject};

static uint64_t run_handoff(void *work, uint64_t rounds)
{
	return work_handoff_run(&dpdk_mbufs, &dpdk_spsc, work, rounds);
}

static const struct handoff_subject handoff_subject = {
	.name = "spsc",
	.buffers = &dpdk_mbuf_subject,
	.ring = &dpdk_spsc_subject,
	.run = run_handoff,
};

/* A pointer is all that its rings carry for an mbuf. */
static const struct handoff_subject carried_subject = {
	.name = "carried",
	.buffers = &dpdk_mbuf_subject,
	.ring = &dpdk_spsc_subject,
	.run = run_handoff,
};

static const struct handoff_subject *const handoffs[] = {&handoff_subject, &carried_subject, NULL};

const struct bench dpdk_bench_handoff = {"handoff",
	"allocate and write on one core, read and free on another", bench_handoffs, handoffs};
