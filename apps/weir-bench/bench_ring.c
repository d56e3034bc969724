/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_ring.c: pass pointers through weir's rings. */
#include "benches.h"

#include "calls.h"

static void *create_spsc(uint32_t count)
{
	return weir_ring_create(count, sizeof(void *), WEIR_RING_SPSC);
}

static void *create_mpmc(uint32_t count)
{
	return weir_ring_create(count, sizeof(void *), WEIR_RING_MPMC);
}

static void destroy(void *ring)
{
	weir_ring_destroy(ring);
}

static uint32_t enqueue_mpmc(void *ring, void *const *pointers, uint32_t count)
{
	return weir_ring_enqueue_bulk_mpmc(ring, pointers, sizeof(void *), count) == 0 ? count : 0;
}

static uint32_t dequeue_mpmc(void *ring, void **pointers, uint32_t count)
{
	return weir_ring_dequeue_bulk_mpmc(ring, pointers, sizeof(void *), count) == 0 ? count : 0;
}

static const struct work_ring mpmc = {enqueue_mpmc, dequeue_mpmc};

static uint64_t run_spsc(void *work, uint64_t rounds)
{
	return work_ring_run(&call_spsc, work, rounds);
}

static uint64_t run_mpmc(void *work, uint64_t rounds)
{
	return work_ring_run(&mpmc, work, rounds);
}

const struct ring_subject spsc_subject = {
	.name = "spsc",
	.ring = &call_spsc,
	.create = create_spsc,
	.destroy = destroy,
	.run = run_spsc,
};

static const struct ring_subject mpmc_subject = {
	.name = "mpmc",
	.ring = &mpmc,
	.create = create_mpmc,
	.destroy = destroy,
	.run = run_mpmc,
	.many = true,
};

static const struct ring_subject *const subjects[] = {&spsc_subject, &mpmc_subject, NULL};

const struct bench bench_ring = {
	"ring", "pass pointers through a ring, between cores and on one", bench_rings, subjects};
