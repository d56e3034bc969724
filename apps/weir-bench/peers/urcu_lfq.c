/* SPDX-License-Identifier: BSD-3-Clause */
/* urcu_lfq.c: the lock-free queue of liburcu (rculfqueue), under QSBR.
 *
 * A node that was taken may be used again after a grace period. So the circle (urcu_circle.h) is
 * two halves, each of them larger than what is under way at most, and the producer waits for one
 * grace period before it enters a half: all of that half was taken before the other was left. The
 * dummy node that the queue makes when it runs empty goes back by call_rcu(), as its header wants.
 *
 * Every call at the ring is a read-side section, and reports a quiescent state at its end.
 */
#define _LGPL_SOURCE /* the calls inlined, as in an application that wants speed */
#include "../harness/bench.h"
#include "urcu_circle.h"

#include <urcu-qsbr.h>
#include <urcu/rculfqueue.h>

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Halves of as many nodes: at 4 times the slots, a grace period of some µs for each 4,096 nodes is
 * below the noise, and both halves fit a core's L2 cache. */
#define HALF (4 * BENCH_RING_SLOTS)

struct slot {
	struct cds_lfq_node_rcu node;
	void *pointer;
};

static_assert(offsetof(struct slot, node) == 0, "a node is where its slot is");

struct queue {
	struct cds_lfq_queue_rcu list __attribute__((aligned(64)));
	struct circle circle;
	struct slot slots[2 * HALF] __attribute__((aligned(64)));
};

static int enter(void)
{
	rcu_register_thread();
	return 0;
}

static void leave(void)
{
	rcu_unregister_thread();
}

static void *create(uint32_t count)
{
	struct queue *queue = aligned_alloc(64, sizeof(*queue));

	if (!queue)
		return NULL;
	memset((void *)queue, 0, sizeof(*queue));
	cds_lfq_init_rcu(&queue->list, call_rcu);
	queue->circle.size = count;
	return queue;
}

static uint32_t enqueue(void *to, void *const *pointers, uint32_t count)
{
	struct queue *queue = to;

	if (!circle_has_room(&queue->circle, count)) {
		rcu_quiescent_state();
		return 0;
	}
	for (uint32_t i = 0; i < count; i++) {
		uint32_t index = queue->circle.filled++;
		struct slot *slot = &queue->slots[index % (2 * HALF)];

		if (index % HALF == 0)
			synchronize_rcu();
		slot->pointer = pointers[i];
		cds_lfq_node_init_rcu(&slot->node);
		rcu_read_lock();
		cds_lfq_enqueue_rcu(&queue->list, &slot->node);
		rcu_read_unlock();
	}
	rcu_quiescent_state();
	return count;
}

static uint32_t dequeue(void *from, void **pointers, uint32_t count)
{
	struct queue *queue = from;
	uint32_t done = 0;

	for (; done < count; done++) {
		struct cds_lfq_node_rcu *node;

		rcu_read_lock();
		node = cds_lfq_dequeue_rcu(&queue->list);
		if (node)
			pointers[done] = ((struct slot *)node)->pointer;
		rcu_read_unlock();
		if (!node)
			break;
	}
	rcu_quiescent_state();
	circle_taken(&queue->circle, done);
	return done;
}

static void destroy(void *queue)
{
	struct queue *old = queue;
	void *pointer;

	enter();
	while (dequeue(queue, &pointer, 1))
		;
	cds_lfq_destroy_rcu(&old->list);
	leave();
	rcu_barrier();
	free(queue);
}

static const struct work_ring lfq = {enqueue, dequeue};

static uint64_t run_lfq(void *work, uint64_t rounds)
{
	return work_ring_run(&lfq, work, rounds);
}

static const struct ring_subject mpmc_subject = {
	.name = "mpmc",
	.ring = &lfq,
	.create = create,
	.destroy = destroy,
	.run = run_lfq,
	.enter = enter,
	.leave = leave,
};

static const struct ring_subject *const subjects[] = {&mpmc_subject, NULL};

static const struct bench bench_ring = {
	"ring", "pass pointers through a queue, between cores and on one", bench_rings, subjects};

static const struct bench *const benches[] = {&bench_ring, NULL};

static const struct bench_program program = {
	.impl = "urcu-lfq",
	.doc = "Measure liburcu's rculfqueue as weir-bench measures weir's rings."
	       "\vWhat can be measured:",
	.benches = benches,
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, &program);
}
