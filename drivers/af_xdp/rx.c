/* SPDX-License-Identifier: BSD-3-Clause */
/* rx.c: mbufs out of the thread's cache into the fill ring, and back with packets out of the
 * receive ring.
 *
 * A clean mbuf needs nothing done to become a place to receive into, so filling touches no
 * metadata; it is written when the packet comes, while its line is on the way here anyhow. */
#include "af_xdp_impl.h"

#include <string.h>
#include <sys/timex.h>

/* How far ahead the metadata of what was received is fetched: a packet takes some 10 ns here,
 * memory 100. */
#define PREFETCH 8

/* The mbuf that nothing can be received into is kept aside until the port closes. */
static uint32_t put_aside(struct xdp_queue *queue, void **mbufs, uint32_t count)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint64_t place = weir__xdp_place(&queue->port->umem, mbufs[i]);

		if (weir__xdp_can_receive(&queue->port->umem, place))
			mbufs[kept++] = mbufs[i];
		else
			queue->port->unfit = mbufs[i];
	}
	queue->port->unfit_about = kept == count;
	return kept;
}

/* Into the fill ring, which has room; the kernel sees them with the submit. */
static void fill(struct xdp_queue *queue, void **mbufs, uint32_t count)
{
	const struct weir__xdp_umem *umem = &queue->port->umem;
	struct xdp_rx *rx = &queue->rx;
	uint32_t index = 0;

	if (weir_unlikely(queue->port->unfit_about))
		count = put_aside(queue, mbufs, count);
	/* it has room for all that are not with the kernel yet */
	xsk_ring_prod__reserve(&rx->fill, count, &index);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t place = weir__xdp_place(umem, mbufs[i]);

		*weir__xdp_held(rx->held, place) = 1;
		*xsk_ring_prod__fill_addr(&rx->fill, index + i) =
			weir__xdp_fill_address(umem, place);
	}
	xsk_ring_prod__submit(&rx->fill, count);
	rx->filled += count;
}

/* Up to count mbufs out of this thread's cache, or, when that has not as many, the pool. Those of a
 * cache are used where they lie. */
static uint32_t take(struct weir_mempool *pool, void ***mbufs, uint32_t count)
{
	void **top = weir__mempool_pop(weir__mempool_cache(pool), count);

	if (weir_likely(top != NULL)) {
		*mbufs = top;
		return count;
	}
	while (count && weir_mempool_get_bulk(pool, *mbufs, count))
		count /= 2;
	return count;
}

void weir__xdp_refill(struct xdp_queue *queue)
{
	struct xdp_rx *rx = &queue->rx;

	while (rx->target - rx->filled >= rx->batch) {
		void *some[WEIR__XDP_FILL_BATCH], **mbufs = some;
		uint32_t got = take(queue->port->umem.pool, &mbufs, rx->batch);

		if (got)
			fill(queue, mbufs, got);
		if (got == rx->batch)
			continue;
		weir__count(&queue->counters->no_mbuf, 1);
		weir__xdp_go_on(queue);
		return;
	}
}

/* The mbuf of a descriptor, with its data. */
static inline struct weir_mbuf *received(struct xdp_queue *queue, const struct xdp_desc *desc)
{
	const struct weir__xdp_umem *umem = &queue->port->umem;
	uint64_t place = weir__xdp_filled_place(umem, desc->addr);
	struct weir_mbuf *mbuf = weir__xdp_mbuf(umem, place);
	/* what the kernel left in front: its 256 bytes, more if a driver put something there */
	uint32_t headroom = umem->headroom + (uint32_t)(desc->addr >> 48) - WEIR__XDP_HEADROOM;
	const weir__mbuf_empty empty = {headroom, desc->len, desc->len, 0};

	/* another core has written there; it arrives while the rest of the burst is looked at */
	__builtin_prefetch(umem->base + place + umem->first + headroom);
	*weir__xdp_held(queue->rx.held, place) = 0;
	weir__mbuf_reset(mbuf, empty);
	return mbuf;
}

static inline void prefetch(const struct weir__xdp_umem *umem, const struct xdp_desc *desc)
{
	__builtin_prefetch(weir__xdp_mbuf(umem, weir__xdp_filled_place(umem, desc->addr)), 1);
}

/* Put a piece behind those of its packet. Returns the packet when it is complete. */
static struct weir_mbuf *gather(struct xdp_rx *rx, struct weir_mbuf *mbuf, bool goes_on)
{
	struct weir_mbuf *head = rx->head;

	if (head) {
		weir_mbuf_set_next(rx->last, mbuf);
		head->length += mbuf->data_length;
	} else {
		head = mbuf;
	}
	rx->last = mbuf;
	rx->head = goes_on ? head : NULL;
	return goes_on ? NULL : head;
}

void weir__xdp_look_at_clock(struct xdp_rx *rx)
{
	struct timex clock = {0};

	if (adjtimex(&clock) >= 0)
		rx->tai_ns = (uint64_t)clock.tai * 1000000000;
}

/* Take the time that the program has put in front of a packet. */
static void take_time(const struct xdp_rx *rx, struct weir_mbuf *mbuf)
{
	uint8_t *place = weir_mbuf_data(mbuf) - sizeof(struct weir__xdp_time);
	struct weir__xdp_time time;

	memcpy(&time, place, sizeof(time));
	if (time.mark != WEIR__XDP_TIME_MARK)
		return;
	mbuf->timestamp_ns = time.tai_ns - rx->tai_ns;
	mbuf->flags |= WEIR_MBUF_TIMESTAMP;
	/* whatever is received here next, a stale time is none */
	memset(place, 0, sizeof(time));
}

/* Nothing came: does the kernel wait for a call? */
static bool wants_call(const struct xdp_queue *queue)
{
	return queue->port->busy_poll_us || xsk_ring_prod__needs_wakeup(&queue->rx.fill);
}

/* Packets out of the ring. How many; a large one takes several descriptors. */
static uint32_t take_packets(struct xdp_queue *queue, struct weir_mbuf **mbufs, uint32_t count)
{
	const struct weir__xdp_umem *umem = &queue->port->umem;
	struct xdp_rx *rx = &queue->rx;
	uint32_t index, descs = xsk_ring_cons__peek(&rx->ring, count, &index), got = 0;
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < descs; i++) {
		const struct xdp_desc *desc = xsk_ring_cons__rx_desc(&rx->ring, index + i);
		struct weir_mbuf *mbuf = received(queue, desc);

		/* not beyond the last: the kernel is about to write there */
		if (i + PREFETCH < descs)
			prefetch(umem, xsk_ring_cons__rx_desc(&rx->ring, index + i + PREFETCH));
		bytes += desc->len;
		if (weir_unlikely(queue->port->timed) && !rx->head)
			take_time(rx, mbuf);
		if (weir_unlikely(rx->head || desc->options & XDP_PKT_CONTD))
			mbuf = gather(rx, mbuf, desc->options & XDP_PKT_CONTD);
		if (weir_likely(mbuf != NULL))
			mbufs[got++] = mbuf;
	}
	if (descs) {
		xsk_ring_cons__release(&rx->ring, descs);
		rx->filled -= descs;
		weir__count_packets(queue->counters, got, bytes);
	} else if (wants_call(queue)) {
		weir__xdp_look(queue);
	}
	return got;
}

uint32_t weir__xdp_rx(void *priv, uint32_t number, struct weir_mbuf **mbufs, uint32_t count)
{
	struct xdp_port *own = priv;
	struct xdp_queue *queue = &own->queues[number];
	uint32_t got;

	if (weir_unlikely(!own->port->pool))
		return 0;
	/* seq_cst: see weir__xdp_enter() */
	atomic_store_explicit(&queue->rx.busy, true, memory_order_seq_cst);
	if (weir_unlikely(!weir__xdp_enter(own, &queue->rx.busy)))
		return 0;
	if (weir_unlikely(queue->rx.armed))
		weir__xdp_disarm(queue);
	got = take_packets(queue, mbufs, count);
	weir__xdp_refill(queue);
	weir__xdp_look_sometimes(queue);
	weir__xdp_leave(&queue->rx.busy);
	return got;
}
