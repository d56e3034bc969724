/* SPDX-License-Identifier: BSD-3-Clause */
/* tx.c: packets to the kernel, many in one call, out of the mbufs themselves. */
#include "af_packet_impl.h"

#include "weir/chain.h"

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

static enum outcome failed(struct afp *afp, struct afp_tx *tx, enum weir_drop *reason)
{
	switch (errno) {
	case EAGAIN:
	case EINTR:
		return STOP;
	case ENETDOWN:
	case ENODEV:
	case ENXIO:
		return interface_failed(afp, tx, errno);
	case EMSGSIZE:
		*reason = WEIR_DROP_TX_TOO_LONG;
		return DROPPED;
	case EINVAL: /* shorter than an Ethernet header */
		*reason = WEIR_DROP_TX_UNFIT;
		return DROPPED;
	}
	*reason = WEIR_DROP_TX_REFUSED;
	return DROPPED;
}

/* Lay out packets for one call. How many; 0 when the first has too many pieces. */
static uint32_t lay_out(struct afp_tx *tx, struct weir_mbuf *const *mbufs, uint32_t count)
{
	uint32_t used = 0, i;

	for (i = 0; i < count && i < AFP_BATCH; i++) {
		struct iovec *pieces = tx->pieces + used;
		uint32_t need = 1;

		if (weir_likely(!mbufs[i]->next)) {
			if (used == AFP_PIECES)
				break;
			pieces->iov_base = weir_mbuf_data(mbufs[i]);
			pieces->iov_len = mbufs[i]->data_length;
		} else {
			need = weir_mbuf_iovec(
				mbufs[i], 0, mbufs[i]->length, pieces, AFP_PIECES - used);
			if (need > AFP_PIECES - used)
				break;
		}
		tx->messages[i].msg_hdr.msg_iov = pieces;
		tx->messages[i].msg_hdr.msg_iovlen = need;
		used += need;
	}
	return i;
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

uint32_t weir__afp_tx(void *priv, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count)
{
	struct afp *afp = priv;
	struct afp_tx *tx = &afp->tx[queue];
	enum weir_drop reason = WEIR_DROP_TX_UNFIT;
	uint32_t done = 0;

	if (weir_unlikely(!is_ready(afp, queue)))
		return 0;
	while (done < count) {
		uint32_t some = lay_out(tx, mbufs + done, count - done);
		int got = some ? sendmmsg(tx->fd, tx->messages, some, MSG_DONTWAIT) : -1;

		if (weir_likely(got > 0)) {
			sent(afp, queue, mbufs + done, (uint32_t)got);
			done += (uint32_t)got;
			continue;
		}
		if (some > 0 && failed(afp, tx, &reason) == STOP)
			break;
		drop(afp, queue, mbufs[done++], reason);
	}
	return done;
}
