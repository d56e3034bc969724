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

static uint64_t produce_spsc(void *work, uint64_t rounds)
{
	return work_produce(&call_spsc, work, rounds);
}

static uint64_t consume_spsc(void *work, uint64_t rounds)
{
	return work_consume(&call_spsc, work, rounds);
}

static uint64_t exchange_spsc(void *work, uint64_t rounds)
{
	return work_exchange(&call_spsc, work, rounds);
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

static uint64_t produce_mpmc(void *work, uint64_t rounds)
{
	return work_produce(&mpmc, work, rounds);
}

static uint64_t consume_mpmc(void *work, uint64_t rounds)
{
	return work_consume(&mpmc, work, rounds);
}

static uint64_t exchange_mpmc(void *work, uint64_t rounds)
{
	return work_exchange(&mpmc, work, rounds);
}

const struct ring_subject spsc_subject = {
	.name = "spsc",
	.ring = &call_spsc,
	.create = create_spsc,
	.destroy = destroy,
	.produce = produce_spsc,
	.consume = consume_spsc,
	.exchange = exchange_spsc,
};

static const struct ring_subject mpmc_subject = {
	.name = "mpmc",
	.ring = &mpmc,
	.create = create_mpmc,
	.destroy = destroy,
	.produce = produce_mpmc,
	.consume = consume_mpmc,
	.exchange = exchange_mpmc,
	.many = true,
};

static const struct ring_subject *const subjects[] = {&spsc_subject, &mpmc_subject, NULL};

const struct bench bench_ring = {
	"ring", "pass pointers through a ring, between cores and on one", bench_rings, subjects};
