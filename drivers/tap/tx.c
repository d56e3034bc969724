/* SPDX-License-Identifier: BSD-3-Clause */
/* tx.c: one writev() a packet, out of the mbufs themselves. */
#include "tap_impl.h"

#include "weir/chain.h"
#include "weir/parse.h"

#include <errno.h>
#include <unistd.h>

enum outcome { SENT, DROPPED, STOP };

/* tun tells IPv4 and IPv6 by the first byte; tap takes any frame. */
static bool is_fit(const struct tap *tap, const struct weir_mbuf *mbuf)
{
	uint16_t link_type = weir_mbuf_link_type(mbuf);

	if (tap->tun)
		return link_type == WEIR_LINK_RAW || link_type == WEIR_LINK_IPV4 ||
		       link_type == WEIR_LINK_IPV6;
	return link_type == WEIR_LINK_ETHERNET;
}

static enum outcome drop(
	struct tap *tap, uint32_t queue, struct weir_mbuf *mbuf, enum weir_drop reason)
{
	weir__count(&tap->port->tx[queue].dropped[reason], 1);
	weir_mbuf_free(mbuf);
	return DROPPED;
}

/* Say once that packets are dropped, and once that they are no more. */
static void set_down(struct tap *tap, bool down)
{
	/* relaxed: says why tx_or_drop drops, and no more */
	if (weir_likely(atomic_load_explicit(&tap->port->down, memory_order_relaxed) == down))
		return;
	if (atomic_exchange_explicit(&tap->port->down, down, memory_order_relaxed) == down)
		return;
	if (down)
		weir__log(WEIR_LOG_WARNING,
			"%s: %s is down, what is sent there is lost: `sudo ip link set %s up`",
			tap->port->name, tap->name, tap->name);
	else
		weir__log(WEIR_LOG_INFO, "%s: %s is up again", tap->port->name, tap->name);
}

/* The kernel did not take it: is that about the packet, or about the device? */
static enum outcome write_failed(struct tap *tap, uint32_t queue, struct weir_mbuf *mbuf)
{
	switch (errno) {
	case EBADFD:
		weir__tap_gone(tap);
		return STOP;
	case EIO: /* the interface is down */
		set_down(tap, true);
		return STOP;
	case EAGAIN:
	case EINTR:
		return STOP;
	}
	return drop(tap, queue, mbuf, WEIR_DROP_TX_REFUSED);
}

static enum outcome send_one(struct tap *tap, uint32_t queue, struct weir_mbuf **packet)
{
	struct tap_sender *sender = &tap->senders[queue];
	uint32_t skip = tap->offload ? 0 : 1, pieces;
	int error;

	if (!is_fit(tap, *packet))
		return drop(tap, queue, *packet, WEIR_DROP_TX_REFUSED);
	error = tap->offload ? weir__vnet_make(packet, &sender->vnet) : 0;
	if (error == -ENOBUFS) {
		weir__count(&tap->port->tx[queue].no_mbuf, 1);
		return STOP;
	}
	pieces = weir_mbuf_iovec(*packet, 0, (*packet)->length, sender->pieces + 1, TAP_PIECES);
	if (error || pieces > TAP_PIECES)
		return drop(tap, queue, *packet, WEIR_DROP_TX_UNFIT);
	if (writev(tap->fds[queue], sender->pieces + skip, (int)(1 - skip + pieces)) < 0)
		return write_failed(tap, queue, *packet);
	return SENT;
}

uint32_t weir__tap_tx(void *priv, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count)
{
	struct tap *tap = priv;
	uint64_t bytes = 0, sent = 0;
	uint32_t done;

	for (done = 0; done < count; done++) {
		enum outcome outcome = send_one(tap, queue, &mbufs[done]);

		if (outcome == STOP)
			break;
		if (outcome == DROPPED)
			continue;
		bytes += mbufs[done]->length;
		mbufs[sent++] = mbufs[done];
	}
	if (sent == 0)
		return done;
	weir_mbuf_free_bulk(mbufs, (uint32_t)sent);
	set_down(tap, false);
	weir__count_packets(&tap->port->tx[queue], sent, bytes);
	return done;
}
