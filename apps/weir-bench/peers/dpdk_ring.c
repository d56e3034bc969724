/* SPDX-License-Identifier: BSD-3-Clause */
/* dpdk_ring.c: pass pointers through DPDK's rings. */
#include "dpdk_calls.h"

static void *create_spsc(uint32_t count)
{
	return rte_ring_create("spsc", count, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
}

static void *create_mpmc(uint32_t count)
{
	return rte_ring_create("mpmc", count, SOCKET_ID_ANY, 0);
}

static void destroy(void *ring)
{
	rte_ring_free(ring);
}

static uint32_t enqueue_mpmc(void *ring, void *const *pointers, uint32_t count)
{
	return rte_ring_mp_enqueue_bulk(ring, pointers, count, NULL);
}

static uint32_t dequeue_mpmc(void *ring, void **pointers, uint32_t count)
{
	return rte_ring_mc_dequeue_bulk(ring, pointers, count, NULL);
}

static const struct work_ring mpmc = {enqueue_mpmc, dequeue_mpmc};

static uint64_t run_spsc(void *work, uint64_t rounds)
{
	return work_ring_run(&dpdk_spsc, work, rounds);
}

static uint64_t run_mpmc(void *work, uint64_t rounds)
{
	return work_ring_run(&mpmc, work, rounds);
}

const struct ring_subject dpdk_spsc_subject = {
	.name = "spsc",
	.ring = &dpdk_spsc,
	.create = create_spsc,
	.destroy = destroy,
	.run = run_spsc,
	.enter = dpdk_enter,
	.leave = dpdk_leave,
};

static const struct ring_subject mpmc_subject = {
	.name = "mpmc",
	.ring = &mpmc,
	.create = create_mpmc,
	.destroy = destroy,
	.run = run_mpmc,
	.many = true,
	.enter = dpdk_enter,
	.leave = dpdk_leave,
};

static const struct ring_subject *const subjects[] = {&dpdk_spsc_subject, &mpmc_subject, NULL};

const struct bench dpdk_bench_ring = {
	"ring", "pass pointers through a ring, between cores and on one", bench_rings, subjects};
