/* SPDX-License-Identifier: BSD-3-Clause */
/* urcu.c: the wait-free concurrent queue of liburcu (wfcqueue).
 *
 * The row mpmc differs in taking with the queue's lock, as with several consumers; appending is the
 * same for any number. urcu_circle.h says where its nodes come from.
 */
#define _LGPL_SOURCE /* the calls inlined, as in an application that wants speed */
#include "../harness/bench.h"
#include "urcu_circle.h"

#include <urcu/wfcqueue.h>

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct slot {
	struct cds_wfcq_node node;
	void *pointer;
};

struct queue {
	struct cds_wfcq_head head __attribute__((aligned(64)));
	struct cds_wfcq_tail tail __attribute__((aligned(64)));
	struct circle circle;
	struct slot slots[] __attribute__((aligned(64)));
};

static void *create(uint32_t count)
{
	size_t size = sizeof(struct queue) + count * sizeof(struct slot);
	struct queue *queue = aligned_alloc(64, (size + 63) / 64 * 64);

	if (!queue)
		return NULL;
	memset((void *)queue, 0, size);
	cds_wfcq_init(&queue->head, &queue->tail);
	queue->circle.size = count;
	return queue;
}

static void destroy(void *queue)
{
	cds_wfcq_destroy(&((struct queue *)queue)->head, &((struct queue *)queue)->tail);
	free(queue);
}

static void append(struct queue *queue, uint32_t index, void *pointer)
{
	struct slot *slot = &queue->slots[index % queue->circle.size];

	slot->pointer = pointer;
	cds_wfcq_node_init(&slot->node);
	cds_wfcq_enqueue(&queue->head, &queue->tail, &slot->node);
}

static_assert(offsetof(struct slot, node) == 0, "a node is where its slot is");

static void *pointer_of(struct cds_wfcq_node *node)
{
	return ((struct slot *)node)->pointer;
}

static uint32_t enqueue_spsc(void *to, void *const *pointers, uint32_t count)
{
	struct queue *queue = to;

	if (!circle_has_room(&queue->circle, count))
		return 0;
	for (uint32_t i = 0; i < count; i++)
		append(queue, queue->circle.filled++, pointers[i]);
	return count;
}

static uint32_t dequeue_spsc(void *from, void **pointers, uint32_t count)
{
	struct queue *queue = from;
	uint32_t done = 0;

	for (; done < count; done++) {
		/* the only consumer needs no lock; where a node is half appended, waiting for it
		 * would sleep 10 ms */
		struct cds_wfcq_node *node =
			__cds_wfcq_dequeue_nonblocking(&queue->head, &queue->tail);

		if (!node || node == CDS_WFCQ_WOULDBLOCK)
			break;
		pointers[done] = pointer_of(node);
	}
	circle_taken(&queue->circle, done);
	return done;
}

static uint32_t dequeue_mpmc(void *from, void **pointers, uint32_t count)
{
	struct queue *queue = from;
	uint32_t done;

	cds_wfcq_dequeue_lock(&queue->head, &queue->tail);
	done = dequeue_spsc(queue, pointers, count);
	cds_wfcq_dequeue_unlock(&queue->head, &queue->tail);
	return done;
}

static const struct work_ring spsc = {enqueue_spsc, dequeue_spsc};
static const struct work_ring mpmc = {enqueue_spsc, dequeue_mpmc};

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
	.destroy = destroy,
	.run = run_spsc,
};

static const struct ring_subject mpmc_subject = {
	.name = "mpmc",
	.ring = &mpmc,
	.create = create,
	.destroy = destroy,
	.run = run_mpmc,
};

static const struct ring_subject *const subjects[] = {&spsc_subject, &mpmc_subject, NULL};

static const struct bench bench_ring = {
	"ring", "pass pointers through a queue, between cores and on one", bench_rings, subjects};

static const struct bench *const benches[] = {&bench_ring, NULL};

static const struct bench_program program = {
	.impl = "urcu",
	.doc = "Measure liburcu's wfcqueue as weir-bench measures weir's rings."
	       "\vWhat can be measured:",
	.benches = benches,
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, &program);
}
