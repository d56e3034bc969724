/* SPDX-License-Identifier: BSD-3-Clause */
/* tx.c: mbufs into the send ring, and out of the completion ring back into the thread's cache.
 *
 * What lies in the pool is sent where it lies, whoever else has it. A plain mbuf is the kernel's
 * until it is completed. Of anything else, for each descriptor a reference is taken to the mbuf
 * whose buffer it points to, be it the segment or who lent its bytes, and then the packet is freed:
 * so a completion gives back one reference, whichever it was. Bytes that lie elsewhere are copied.
 */
#include "af_xdp_impl.h"

#include "weir/chain.h"

#include "base/base_impl.h"
#include "mbuf/mbuf_impl.h"

#include <errno.h>
#include <sys/socket.h>

/* Completions taken at a time: a batch of the pool. */
#define COMPLETE_BATCH 64

/* Give up what was sent once by each of these. */
static void give_back(struct xdp_queue *queue, struct weir_mbuf **mbufs, uint32_t count, bool plain)
{
	struct weir_mempool *pool = queue->port->umem.pool;

	if (weir_likely(plain && !pool->track)) {
		weir_mempool_put_bulk(pool, (void *const *)(void *)mbufs, count);
		return;
	}
	for (uint32_t i = 0; i < count; i++)
		weir__mbuf_drop(mbufs[i]);
}

void weir__xdp_complete(struct xdp_queue *queue)
{
	const struct weir__xdp_umem *umem = &queue->port->umem;
	uint32_t plain = umem->pool->head.mbuf_plain;
	struct xdp_tx *tx = &queue->tx;
	uint32_t index, count;

	while ((count = xsk_ring_cons__peek(&tx->completion, COMPLETE_BATCH, &index)) > 0) {
		struct weir_mbuf *mbufs[COMPLETE_BATCH];
		uint32_t odd = 0;

		for (uint32_t i = 0; i < count; i++) {
			uint64_t place = weir__xdp_sent_place(
				*xsk_ring_cons__comp_addr(&tx->completion, index + i));

			mbufs[i] = weir__xdp_mbuf(umem, place);
			--*weir__xdp_held(tx->held, place);
			odd |= weir_ref_look(&mbufs[i]->state) ^ plain;
		}
		xsk_ring_cons__release(&tx->completion, count);
		tx->under_way -= count;
		give_back(queue, mbufs, count, odd == 0);
	}
}

/* Write a descriptor for bytes in the buffer of holder; the kernel sees it with the submit. */
static inline void describe(struct xdp_queue *queue, uint32_t index, const struct weir_mbuf *holder,
	uint64_t offset, uint32_t length, uint32_t options)
{
	uint64_t place = weir__xdp_place(&queue->port->umem, holder);
	struct xdp_desc *desc = xsk_ring_prod__tx_desc(&queue->tx.ring, index);

	desc->addr = weir__xdp_send_address(place, offset);
	desc->len = length;
	desc->options = options;
	++*weir__xdp_held(queue->tx.held, place);
}

/* Can the kernel have it just so? */
static inline bool is_easy(const struct weir__xdp_umem *umem, const struct weir_mbuf *mbuf)
{
	/* one without bytes wraps, and is not */
	return weir_ref_look(&mbuf->state) == umem->pool->head.mbuf_plain &&
	       mbuf->data_length - 1 < umem->plain_max;
}

/* Then its reference goes to the kernel with it. */
static inline void describe_easy(struct xdp_queue *queue, const struct weir_mbuf *mbuf)
{
	uint32_t index = 0;

	xsk_ring_prod__reserve(&queue->tx.ring, 1, &index);
	describe(queue, index, mbuf, queue->port->umem.first + mbuf->offset, mbuf->data_length, 0);
}

/* ---- packets that are not one plain mbuf ---- */

/* The mbuf whose buffer a segment's bytes lie in, or NULL when the kernel cannot be pointed to
 * them: they are in no mbuf of this pool, or too far from its start. */
static struct weir_mbuf *holder_of(const struct weir__xdp_umem *umem, struct weir_mbuf *segment)
{
	uint32_t state = weir_ref_look(&segment->state);
	struct weir_mbuf *holder = segment;
	uint64_t end;

	if (state & WEIR__MBUF_BORROWED)
		holder = weir__mbuf_lender(weir__mbuf_state_pool(state), segment)->owner;
	if (!holder || weir_mbuf_pool(holder) != umem->pool ||
		weir_ref_look(&holder->state) & WEIR__MBUF_PART ||
		weir_mbuf_refs(holder) > WEIR_REF_MASK / 2)
		return NULL;
	end = (uint64_t)(weir_mbuf_data(segment) - (uint8_t *)holder) + segment->data_length;
	return end <= UINT16_MAX ? holder : NULL;
}

/* How many descriptors the packet takes; 0: it must be copied. */
static uint32_t count_descriptors(const struct weir__xdp_umem *umem, struct weir_mbuf *packet)
{
	uint32_t count = 0;

	for (; packet; packet = packet->next) {
		if (!packet->data_length)
			continue;
		if (!holder_of(umem, packet))
			return 0;
		count += (packet->data_length - 1) / umem->chunk_size + 1;
	}
	return count;
}

/* Write them, and have the kernel hold what they point to. */
static void describe_packet(struct xdp_queue *queue, struct weir_mbuf *packet, uint32_t count)
{
	const struct weir__xdp_umem *umem = &queue->port->umem;
	uint32_t index = 0;

	xsk_ring_prod__reserve(&queue->tx.ring, count, &index);
	for (struct weir_mbuf *segment = packet; segment; segment = segment->next) {
		struct weir_mbuf *holder = holder_of(umem, segment);
		uint64_t offset = (uint64_t)(weir_mbuf_data(segment) - (uint8_t *)holder);
		uint32_t left = segment->data_length;

		while (left) {
			uint32_t length = left < umem->chunk_size ? left : umem->chunk_size;

			weir__sharing_note(holder, WEIR__REFERENCED);
			weir_ref_take(&holder->state, 1);
			describe(queue, index++, holder, offset, length,
				--count ? XDP_PKT_CONTD : 0);
			offset += length;
			left -= length;
		}
	}
	weir_mbuf_free(packet);
}

/* What became of a packet. */
enum outcome { SENT, NO_ROOM, DRY, IMPOSSIBLE };

/* Send a packet that is not one plain mbuf with a few bytes. */
static enum outcome send_odd(struct xdp_queue *queue, struct weir_mbuf *packet, uint32_t *room)
{
	struct xdp_port *own = queue->port;
	uint32_t count = count_descriptors(&own->umem, packet);
	struct weir_mbuf *copy;

	if (count > *room)
		return NO_ROOM;
	if (count && count <= own->segments_max) {
		describe_packet(queue, packet, count);
		*room -= count;
		return SENT;
	}
	if (!packet->length)
		return IMPOSSIBLE;
	copy = weir_mbuf_copy(packet, own->umem.pool);
	if (!copy)
		return DRY;
	if (weir_likely(is_easy(&own->umem, copy))) {
		describe_easy(queue, copy);
		weir_mbuf_free(packet);
		queue->tx.copied++;
		--*room;
		return SENT;
	}
	count = count_descriptors(&own->umem, copy);
	if (!count || count > own->segments_max || count > *room) {
		weir_mbuf_free(copy);
		return count && count <= own->segments_max ? NO_ROOM : IMPOSSIBLE;
	}
	describe_packet(queue, copy, count);
	weir_mbuf_free(packet);
	queue->tx.copied++;
	*room -= count;
	return SENT;
}

static void drop(struct weir__counters *counters, struct weir_mbuf *packet)
{
	enum weir_drop reason = packet->length ? WEIR_DROP_TX_TOO_LONG : WEIR_DROP_TX_UNFIT;

	weir_mbuf_free(packet);
	weir__count(&counters->dropped[reason], 1);
}

/* ---- sending ---- */

void weir__xdp_kick(struct xdp_queue *queue)
{
	struct xdp_tx *tx = &queue->tx;

	if (!xsk_ring_prod__needs_wakeup(&tx->ring))
		return;
	/* An older kernel sends 32 packets at a time and says EAGAIN while there are more. */
	for (uint32_t tries = tx->ring.size / 32; tries; tries--) {
		int error = sendto(queue->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) < 0 ? errno : 0;

		if (error != EAGAIN) {
			weir__xdp_heed(queue->port, error);
			return;
		}
		/* those completed make room for more to be */
		weir__xdp_complete(queue);
	}
}

/* Descriptors that may be written: those of the ring, as far as their completions have room. */
static uint32_t room_for(struct xdp_tx *tx)
{
	uint32_t free_now = xsk_prod_nb_free(&tx->ring, tx->ring.size);
	uint32_t completions = tx->completion.size - tx->under_way;

	return free_now < completions ? free_now : completions;
}

static void submit(struct xdp_queue *queue, uint32_t descriptors)
{
	if (descriptors) {
		xsk_ring_prod__submit(&queue->tx.ring, descriptors);
		queue->tx.under_way += descriptors;
	}
	if (queue->tx.under_way)
		weir__xdp_kick(queue);
}

/* Write descriptors for packets, as far as there is room. How many the port has then. */
static uint32_t describe_all(struct xdp_queue *queue, struct weir__counters *counters,
	struct weir_mbuf **mbufs, uint32_t count)
{
	const struct weir__xdp_umem *umem = &queue->port->umem;
	uint32_t all = room_for(&queue->tx), room = all, failed = 0, done;
	uint64_t bytes = 0;

	for (done = 0; done < count && room; done++) {
		struct weir_mbuf *mbuf = mbufs[done];
		uint32_t length = mbuf->length;
		enum outcome outcome;

		if (weir_likely(is_easy(umem, mbuf))) {
			describe_easy(queue, mbuf);
			room--;
			bytes += length;
			continue;
		}
		outcome = send_odd(queue, mbuf, &room);
		if (outcome == SENT) {
			bytes += length;
		} else if (outcome == IMPOSSIBLE) {
			drop(counters, mbuf);
			failed++;
		} else {
			weir__count(&counters->no_mbuf, outcome == DRY);
			break;
		}
	}
	submit(queue, all - room);
	weir__count_packets(counters, done - failed, bytes);
	return done;
}

void weir__xdp_go_on(struct xdp_queue *queue)
{
	struct xdp_tx *tx = &queue->tx;

	/* acquire: pairs with weir__xdp_leave() of who had it before */
	if (atomic_exchange_explicit(&tx->busy, true, memory_order_acquire))
		return; /* whoever is sending does it */
	weir__xdp_complete(queue);
	if (tx->under_way && weir__xdp_unsent(tx))
		weir__xdp_kick(queue);
	weir__xdp_leave(&tx->busy);
}

/* The side may be in the hands of who receives, for a moment. */
static bool enter(struct xdp_port *own, struct xdp_tx *tx)
{
	/* seq_cst: pairs with is_busy() in watch.c, and with weir__xdp_leave() */
	for (uint32_t times = 0; atomic_exchange_explicit(&tx->busy, true, memory_order_seq_cst);)
		weir__back_off(times++);
	return weir__xdp_enter(own, &tx->busy);
}

uint32_t weir__xdp_tx(void *priv, uint32_t number, struct weir_mbuf **mbufs, uint32_t count)
{
	struct xdp_port *own = priv;
	struct xdp_queue *queue = &own->queues[number];

	if (weir_unlikely(!enter(own, &queue->tx)))
		return 0;
	weir__xdp_complete(queue);
	count = describe_all(queue, &own->port->tx[number], mbufs, count);
	weir__xdp_leave(&queue->tx.busy);
	return count;
}
