/* SPDX-License-Identifier: BSD-3-Clause */
/* ck.c: the rings of Concurrency Kit, which move one pointer at a time: a burst is a loop. */
#include "../harness/bench.h"

#include <ck_ring.h>

#include <stdlib.h>

struct ring {
	ck_ring_t ring;
	ck_ring_buffer_t slots[];
};

static void *create(uint32_t count)
{
	size_t size = sizeof(struct ring) + count * sizeof(ck_ring_buffer_t);
	struct ring *ring = aligned_alloc(64, (size + 63) / 64 * 64);

	if (ring)
		ck_ring_init(&ring->ring, count);
	return ring;
}

static uint32_t enqueue_spsc(void *to, void *const *pointers, uint32_t count)
{
	struct ring *ring = to;
	uint32_t done = 0;

	while (done < count && ck_ring_enqueue_spsc(&ring->ring, ring->slots, pointers[done]))
		done++;
	return done;
}

static uint32_t dequeue_spsc(void *from, void **pointers, uint32_t count)
{
	struct ring *ring = from;
	uint32_t done = 0;

	while (done < count && ck_ring_dequeue_spsc(&ring->ring, ring->slots, pointers + done))
		done++;
	return done;
}

static uint32_t enqueue_mpmc(void *to, void *const *pointers, uint32_t count)
{
	struct ring *ring = to;
	uint32_t done = 0;

	while (done < count && ck_ring_enqueue_mpmc(&ring->ring, ring->slots, pointers[done]))
		done++;
	return done;
}

static uint32_t dequeue_mpmc(void *from, void **pointers, uint32_t count)
{
	struct ring *ring = from;
	uint32_t done = 0;

	while (done < count && ck_ring_dequeue_mpmc(&ring->ring, ring->slots, pointers + done))
		done++;
	return done;
}

static const struct work_ring spsc = {enqueue_spsc, dequeue_spsc};
static const struct work_ring mpmc = {enqueue_mpmc, dequeue_mpmc};

static uint64_t run_spsc(void *work, uint64_t rounds)
{
	return work_ring_run(&spsc, work, rounds);
}

static uint64_t run_mpmc(void *work, uint64_t rounds)
{
	return work_ring_run(&mpmc, work, rounds);
}

static const struct ring_subject spsc_subject = {
	.name = "spsc",
	.ring = &spsc,
	.create = create,
	.destroy = free,
	.run = run_spsc,
};

static const struct ring_subject mpmc_subject = {
	.name = "mpmc",
	.ring = &mpmc,
	.create = create,
	.destroy = free,
	.run = run_mpmc,
	.many = true,
};

static const struct ring_subject *const subjects[] = {&spsc_subject, &mpmc_subject, NULL};

static const struct bench bench_ring = {
	"ring", "pass pointers through a ring, between cores and on one", bench_rings, subjects};

static const struct bench *const benches[] = {&bench_ring, NULL};

static const struct bench_program program = {
	.impl = "ck",
	.doc = "Measure Concurrency Kit's rings as weir-bench measures weir's."
	       "\vWhat can be measured:",
	.benches = benches,
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, &program);
}
