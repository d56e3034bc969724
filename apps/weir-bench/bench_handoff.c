/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_handoff.c: mbufs allocated and written on one core, read and freed on another; as bare
 * pointers, and as handoffs, which carry what their receiver needs. */
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

/* What the receiver has of the last burst; its buffers are pointers to these. */
static struct weir_handoff received[WORK_BURST_MAX];

static void *create_carrying(uint32_t count)
{
	return weir_ring_create(count, sizeof(struct weir_handoff), WEIR_RING_SPSC);
}

static void destroy_carrying(void *ring)
{
	weir_ring_destroy(ring);
}

static uint32_t enqueue_carrying(void *ring, void *const *mbufs, uint32_t count)
{
	struct weir_handoff handoffs[WORK_BURST_MAX];

	weir_handoff_pack(weir_mbuf_pool(mbufs[0]), (struct weir_mbuf *const *)(const void *)mbufs,
		handoffs, count);
	return weir_ring_enqueue_bulk_spsc(ring, handoffs, sizeof(*handoffs), count) == 0 ? count
											  : 0;
}

static uint32_t dequeue_carrying(void *ring, void **buffers, uint32_t count)
{
	if (weir_ring_dequeue_bulk_spsc(ring, received, sizeof(*received), count))
		return 0;
	for (uint32_t i = 0; i < count; i++)
		buffers[i] = &received[i];
	return count;
}

/* Always the whole burst. */
static void put_received(void *pool, void **buffers, uint32_t count)
{
	weir_handoff_free_bulk(pool, buffers[0], count);
}

static uint8_t *data_of_received(void *buffer)
{
	return weir_handoff_data(buffer);
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
