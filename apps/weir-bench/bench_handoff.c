/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_handoff.c: mbufs allocated and written on one core, read and freed on
 * another; as bare pointers, and through a channel that carries what the
 * receiver needs. */
#include "benches.h"

#include "calls.h"

#include <weir/handoff.h>

static uint64_t run_pointers(void *work, uint64_t rounds)
{
	return work_handoff_run(&call_mbufs, &call_spsc, work, rounds);
}

static const struct handoff_subject pointers = {
	.name = "spsc",
	.buffers = &mbuf_subject,
	.ring = &spsc_subject,
	.run = run_pointers,
};

/* What the receiver has of the last burst; its buffers are pointers to these.
 */
static struct weir_handed received[WORK_BURST_MAX];

static void *create_carrying(uint32_t count)
{
	return weir_handoff_create(count);
}

static void destroy_carrying(void *handoff)
{
	weir_handoff_destroy(handoff);
}

static inline uint32_t enqueue_carrying(void *handoff, void *const *mbufs, uint32_t count)
{
	struct weir_mbuf *const *packets = (struct weir_mbuf *const *)(const void *)mbufs;

	return weir_handoff_send_bulk(handoff, packets, count) == 0 ? count : 0;
}

/* Bursts are sent whole and so received whole. */
static inline uint32_t dequeue_carrying(void *handoff, void **buffers, uint32_t count)
{
	count = weir_handoff_receive_burst(handoff, received, count);
	for (uint32_t i = 0; i < count; i++)
		buffers[i] = &received[i];
	return count;
}

static inline void put_received(void *pool, void **buffers, uint32_t count)
{
	(void)pool;
	weir_handed_free_bulk(buffers[0], count);
}

static inline uint8_t *data_of_received(void *buffer)
{
	return weir_handed_data(buffer);
}

static const struct work_ring carrying = {enqueue_carrying, dequeue_carrying};
static const struct work_buffers call_received = {.put = put_received, .data = data_of_received};

static uint64_t run_carried(void *work, uint64_t rounds)
{
	if (((struct work *)work)->role == WORK_PRODUCE)
		return work_hand_over(&call_mbufs, &carrying, work, rounds);
	return work_take_over(&call_received, &carrying, work, rounds);
}

static const struct ring_subject carrying_subject = {
	.name = "carrying",
	.ring = &carrying,
	.create = create_carrying,
	.destroy = destroy_carrying,
};

static const struct handoff_subject carried = {
	.name = "carried",
	.buffers = &mbuf_subject,
	.ring = &carrying_subject,
	.put = put_received,
	.run = run_carried,
};

static const struct handoff_subject *const subjects[] = {&pointers, &carried, NULL};

const struct bench bench_handoff = {"handoff",
	"allocate and write on one core, read and free on another", bench_handoffs, subjects};
