/* SPDX-License-Identifier: BSD-3-Clause */
/* rx.c: one readv() a packet, into the mbufs themselves.
 *
 * How long the next packet is nobody says, so each queue keeps as many mbufs ready as the longest
 * takes, and reads into all of them; those that got bytes are the packet, and are replaced. With
 * segmentation offload that is 64 KiB. Nothing is read unless all are there, so a dry pool leaves
 * packets in the kernel's queue.
 */
#include "tap_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static void place(const struct tap *tap, struct tap_receiver *receiver, uint32_t i)
{
	struct weir_mbuf *mbuf = receiver->ready[i];

	receiver->pieces[1 + i].iov_base = weir_mbuf_data(mbuf);
	receiver->pieces[1 + i].iov_len = weir_mbuf_pool_size(tap->port->pool);
}

/* Replace what was given away. */
static bool refill(struct tap *tap, struct tap_receiver *receiver)
{
	if (weir_likely(receiver->missing == 0))
		return true;
	if (weir_mbuf_alloc_bulk(tap->port->pool, receiver->ready, receiver->missing))
		return false;
	while (receiver->missing > 0)
		place(tap, receiver, --receiver->missing);
	return true;
}

/* The packet of length bytes that the first of the mbufs hold. */
static struct weir_mbuf *collect(struct tap *tap, struct tap_receiver *receiver, uint32_t length)
{
	uint32_t size = weir_mbuf_pool_size(tap->port->pool), left = length;
	struct weir_mbuf *head = receiver->ready[0], *last = NULL;

	do {
		struct weir_mbuf *mbuf = receiver->ready[receiver->missing++];

		mbuf->data_length = left < size ? left : size;
		left -= mbuf->data_length;
		if (last)
			weir_mbuf_set_next(last, mbuf);
		last = mbuf;
	} while (left > 0);
	head->length = length;
	if (tap->tun)
		weir_mbuf_set_link_type(head, tap->link_type);
	return head;
}

static void read_failed(struct tap *tap)
{
	if (errno == EBADFD)
		weir__tap_gone(tap);
	else if (errno != EAGAIN && errno != EINTR && errno != EIO)
		weir__port_fail(tap->port, weir__fail(errno, "%s: reading from %s: %s",
						   tap->port->name, tap->name, strerror(errno)));
}

/* The next packet; NULL when there is none, or none that makes sense. *more is whether to go on. */
static struct weir_mbuf *receive(
	struct tap *tap, struct tap_receiver *receiver, uint32_t queue, bool *more)
{
	uint32_t skip = tap->offload ? 0 : 1, header = tap->offload ? sizeof(struct weir__vnet) : 0;
	ssize_t got = readv(tap->fds[queue], receiver->pieces + skip, (int)(1 - skip + tap->ready));
	struct weir_mbuf *mbuf;

	*more = got >= 0;
	if (got < 0) {
		read_failed(tap);
		return NULL;
	}
	/* full is longer than anything that was to come, and cut */
	if ((uint32_t)got > header && (uint32_t)got - header < tap->capacity) {
		mbuf = collect(tap, receiver, (uint32_t)got - header);
		if (!tap->offload || weir__vnet_take(mbuf, &receiver->vnet))
			return mbuf;
		weir_mbuf_free(mbuf);
	}
	weir__count(&tap->port->rx[queue].dropped[WEIR_DROP_RX_DAMAGED], 1);
	return NULL;
}

uint32_t weir__tap_rx(void *priv, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count)
{
	struct tap *tap = priv;
	struct tap_receiver *receiver = &tap->receivers[queue];
	uint64_t bytes = 0;
	uint32_t got = 0;
	bool more = tap->ready > 0;

	while (got < count && more) {
		if (!refill(tap, receiver)) {
			weir__count(&tap->port->rx[queue].no_mbuf, 1);
			break;
		}
		mbufs[got] = receive(tap, receiver, queue, &more);
		if (mbufs[got])
			bytes += mbufs[got++]->length;
	}
	weir__count_packets(&tap->port->rx[queue], got, bytes);
	return got;
}

/* ---- open and close ---- */

static bool make_receiver(const struct tap *tap, struct tap_receiver *receiver)
{
	receiver->ready = calloc(tap->ready, sizeof(*receiver->ready));
	receiver->pieces = calloc(1 + tap->ready, sizeof(*receiver->pieces));
	if (!receiver->ready || !receiver->pieces)
		return false;
	receiver->missing = tap->ready;
	receiver->pieces[0].iov_base = &receiver->vnet;
	receiver->pieces[0].iov_len = sizeof(receiver->vnet);
	return true;
}

int weir__tap_open_rx(struct tap *tap)
{
	size_t size = tap->port->queues * sizeof(struct tap_receiver);

	tap->receivers = aligned_alloc(WEIR_CACHE_LINE, size);
	if (!tap->receivers)
		return weir__fail(ENOMEM, "%s: no memory", tap->port->name);
	memset(tap->receivers, 0, size);
	for (uint32_t i = 0; i < tap->port->queues && tap->ready; i++)
		if (!make_receiver(tap, &tap->receivers[i]))
			return weir__fail(ENOMEM, "%s: no memory", tap->port->name);
	return 0;
}

void weir__tap_close_rx(struct tap *tap)
{
	for (uint32_t i = 0; tap->receivers && i < tap->port->queues; i++) {
		struct tap_receiver *receiver = &tap->receivers[i];

		if (receiver->ready)
			weir_mbuf_free_bulk(receiver->ready + receiver->missing,
				tap->ready - receiver->missing);
		free(receiver->ready);
		free(receiver->pieces);
	}
	free(tap->receivers);
}
