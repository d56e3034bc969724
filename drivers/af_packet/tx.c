/* SPDX-License-Identifier: BSD-3-Clause */
/* tx.c: packets to the kernel, many in one call, out of the mbufs themselves.
 *
 * A burst goes as it is by one socket, or, when one of its packets leaves something to be done, by
 * the other, with a header in front of each: that one costs 5 % more.
 */
#include "af_packet_impl.h"

#include "weir/chain.h"
#include "weir/offload.h"

#include <errno.h>
#include <sys/socket.h>

/* What became of a packet that the kernel did not take. */
enum outcome { STOP, AGAIN, DROPPED };

static void set_down(struct afp *afp)
{
	/* relaxed: says why tx_or_drop drops, and no more */
	atomic_store_explicit(&afp->port->down, true, memory_order_relaxed);
}

/* The interface does not send: has it gone, or is there another one now? Asked now and then. */
static enum outcome interface_failed(struct afp *afp, struct afp_tx *tx, int error)
{
	set_down(afp);
	if (!weir__afp_look_sometimes(afp, &tx->look_at))
		return STOP;
	if (error != ENETDOWN)
		weir__afp_lost(afp, tx->generation);
	return STOP;
}

/* The queue of the interface dropped the packet. It is full, or will never take it, as a shaper one
 * that is longer than its bucket: so it is tried again, for so long. */
#define FULL_NS UINT64_C(1000000000)

static bool may_fit_later(struct afp_tx *tx)
{
	uint64_t now_ns = weir__monotonic_ns();

	if (tx->full_since_ns == 0)
		tx->full_since_ns = now_ns;
	if (now_ns - tx->full_since_ns < FULL_NS)
		return true;
	tx->full_since_ns = 0;
	return false;
}

static enum outcome failed(struct afp *afp, struct afp_tx *tx, int error, enum weir_drop *reason)
{
	switch (error) {
	case EAGAIN:
	case EINTR:
		return STOP;
	case ENOBUFS:
		if (may_fit_later(tx))
			return STOP;
		break;
	case ENETDOWN:
	case ENODEV:
	case ENXIO:
		return interface_failed(afp, tx, error);
	case EMSGSIZE:
		*reason = WEIR_DROP_TX_TOO_LONG;
		return DROPPED;
	case EINVAL: /* shorter than an Ethernet header, too many pieces, or flags without sense */
		*reason = WEIR_DROP_TX_UNFIT;
		return DROPPED;
	}
	*reason = WEIR_DROP_TX_REFUSED;
	return DROPPED;
}

/* Say in the header what a packet leaves to be done. 0, or -errno. */
static int say_undone(const struct afp *afp, struct weir_mbuf **packet, struct weir__vnet *header)
{
	int error = weir__vnet_make(packet, header);
	uint32_t l3_headers = header->hdr_len - (*packet)->l2_length;

	/* the kernel asks that of packets only that are not to be cut */
	if (!error && header->gso_size > 0 && l3_headers + header->gso_size > afp_mtu(afp))
		return -EMSGSIZE;
	return error;
}

/* Lay out a packet, behind its header if there is one, in so many pieces at most, of which there is
 * one. How many it takes, or -errno. */
static inline int lay_out_one(const struct afp *afp, struct weir_mbuf **packet,
	struct weir__vnet *header, struct iovec *pieces, uint32_t max)
{
	uint32_t used = 0, need = 1;
	int error = 0;

	if (weir_unlikely(header)) {
		error = say_undone(afp, packet, header);
		pieces[used++] = (struct iovec){header, sizeof(*header)};
	}
	if (weir_unlikely((*packet)->next))
		need = weir_mbuf_iovec(*packet, 0, (*packet)->length, pieces + used, max - used);
	else if (weir_likely(used < max))
		pieces[used] = (struct iovec){weir_mbuf_data(*packet), (*packet)->data_length};
	if (weir_unlikely(error))
		return error;
	return used + need <= max ? (int)(used + need) : -EINVAL;
}

/* Lay out packets for one call. How many, or -errno when already the first cannot be sent. */
static int lay_out(const struct afp *afp, struct afp_tx *tx, struct weir_mbuf **mbufs,
	uint32_t count, bool undone)
{
	uint32_t used = 0, i;
	int need = -EINVAL;

	for (i = 0; i < count && i < AFP_BATCH && used < AFP_PIECES; i++) {
		need = lay_out_one(afp, &mbufs[i], undone ? &tx->headers[i] : NULL,
			tx->pieces + used, AFP_PIECES - used);
		if (need < 0)
			break;
		tx->messages[i].msg_hdr.msg_iov = tx->pieces + used;
		tx->messages[i].msg_hdr.msg_iovlen = (size_t)need;
		used += (uint32_t)need;
	}
	return i > 0 ? (int)i : need;
}

static void sent(struct afp *afp, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < count; i++)
		bytes += mbufs[i]->length;
	weir_mbuf_free_bulk(mbufs, count);
	weir__count_packets(&afp->port->tx[queue], count, bytes);
}

static void drop(struct afp *afp, uint32_t queue, struct weir_mbuf *mbuf, enum weir_drop reason)
{
	weir_mbuf_free(mbuf);
	weir__count(&afp->port->tx[queue].dropped[reason], 1);
}

/* Is the socket bound to the interface as it is now? */
static bool is_ready(struct afp *afp, uint32_t queue)
{
	struct afp_tx *tx = &afp->tx[queue];

	if (weir_unlikely(tx->generation != afp_generation(afp)))
		weir__afp_open_tx(afp, queue);
	else if (weir_unlikely(!tx->ready))
		interface_failed(afp, tx, ENXIO);
	return tx->ready;
}

/* Does any of them leave something to be done? */
static bool leave_undone(struct weir_mbuf *const *mbufs, uint32_t count)
{
	uint32_t flags = 0;

	for (uint32_t i = 0; i < count; i++)
		flags |= mbufs[i]->flags;
	return flags & WEIR_OFFLOADS;
}

uint32_t weir__afp_tx(void *priv, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count)
{
	struct afp *afp = priv;
	struct afp_tx *tx = &afp->tx[queue];
	bool undone = afp->conf.offload && leave_undone(mbufs, count);
	enum weir_drop reason = WEIR_DROP_TX_UNFIT;
	uint32_t done = 0;

	if (weir_unlikely(!is_ready(afp, queue)))
		return 0;
	while (done < count) {
		int some = lay_out(afp, tx, mbufs + done, count - done, undone), got = -1, error;

		if (weir_likely(some > 0))
			got = sendmmsg(undone ? tx->undone_fd : tx->fd, tx->messages,
				(uint32_t)some, MSG_DONTWAIT);
		if (weir_likely(got > 0)) {
			tx->full_since_ns = 0;
			sent(afp, queue, mbufs + done, (uint32_t)got);
			done += (uint32_t)got;
			continue;
		}
		if (some == -ENOBUFS) {
			weir__count(&afp->port->tx[queue].no_mbuf, 1);
			break;
		}
		error = some > 0 ? errno : -some;
		if (failed(afp, tx, error, &reason) == STOP)
			break;
		drop(afp, queue, mbufs[done++], reason);
	}
	return done;
}
