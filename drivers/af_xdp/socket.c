/* SPDX-License-Identifier: BSD-3-Clause */
/* socket.c: the UMEM and the sockets of a port's queues, opened in the best way that works.
 *
 * The first queue's socket has the UMEM registered, the others share it; each has rings of its own.
 * Whether a driver can do without copies, and take packets in several pieces, is found out by
 * asking for it. */
#include "af_xdp_impl.h"

#include "base/base_impl.h"
#include "drivers/interface_impl.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/socket.h>

#ifndef SO_PREFER_BUSY_POLL
#define SO_PREFER_BUSY_POLL 69
#define SO_BUSY_POLL_BUDGET 70
#endif

/* Pieces of a packet that the kernel's copy takes: it builds a buffer of at most 17 fragments
 * (MAX_SKB_FRAGS). A driver without copies may take fewer, and says so only by netlink; all that
 * exist take five. */
#define SEGMENTS_COPIED 16
#define SEGMENTS_ZERO   5

/* How long a queue may seem to be in use that is not: ns. Measured 1 ms, and 15 with the machine
 * busy. */
#define RELEASE_NS 300000000

/* A frame of the interface's MTU has this much around it: Ethernet and two tags. */
#define FRAME_EXTRA 22

static uint32_t frame_max(const struct xdp_port *own)
{
	struct weir_port_link link;

	return weir__interface_link(own->ifindex, &link) ? UINT32_MAX : link.mtu + FRAME_EXTRA;
}

/* What helps, where the kernel has it; where it has not, all works without. */
static void tune(const struct xdp_port *own, const struct xdp_queue *queue)
{
	int yes = 1, us = (int)own->busy_poll_us, budget = (int)own->busy_poll_budget;
	/* what is under way may be all of the ring, and counts with some 1 KiB of overhead each */
	int bytes = (int)own->ring * (int)(own->umem.chunk_size + 1024);

	if (setsockopt(queue->fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)))
		setsockopt(queue->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	setsockopt(queue->fd, SOL_XDP, XDP_MAX_TX_SKB_BUDGET, &own->ring, sizeof(own->ring));
	if (!us)
		return;
	setsockopt(queue->fd, SOL_SOCKET, SO_PREFER_BUSY_POLL, &yes, sizeof(yes));
	setsockopt(queue->fd, SOL_SOCKET, SO_BUSY_POLL, &us, sizeof(us));
	setsockopt(queue->fd, SOL_SOCKET, SO_BUSY_POLL_BUDGET, &budget, sizeof(budget));
}

int weir__xdp_receive_all(struct xdp_port *own)
{
	/* relaxed: written by who calls this */
	const struct packet_mreq all = {.mr_type = PACKET_MR_PROMISC,
		.mr_ifindex = (int)atomic_load_explicit(&own->ifindex, memory_order_relaxed)};

	/* of no protocol: it receives nothing itself, and goes with the process */
	own->membership = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (own->membership < 0 ||
		setsockopt(own->membership, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)))
		return weir__xdp_fail(
			errno, own->interface, "receiving all that is on the wire (promisc=1)");
	return 0;
}

/* libxdp writes to a ring only what is not zero at birth. */
static void clear_rings(struct xdp_queue *queue)
{
	memset(&queue->rx.ring, 0, sizeof(queue->rx.ring));
	memset(&queue->rx.fill, 0, sizeof(queue->rx.fill));
	memset(&queue->tx.ring, 0, sizeof(queue->tx.ring));
	memset(&queue->tx.completion, 0, sizeof(queue->tx.completion));
}

static int make_umem(struct xdp_port *own)
{
	const struct xsk_umem_config conf = {
		.fill_size = own->ring,
		.comp_size = own->ring,
		.frame_size = own->umem.chunk_size,
		.flags = XDP_UMEM_UNALIGNED_CHUNK_FLAG,
	};
	struct xdp_queue *first = &own->queues[0];

	return xsk_umem__create(&own->xsk_umem, own->umem.base, own->umem.size, &first->rx.fill,
		&first->tx.completion, &conf);
}

static int make_socket(struct xdp_port *own, uint32_t number, uint16_t flags)
{
	const struct xsk_socket_config conf = {
		.rx_size = own->ring,
		.tx_size = own->ring,
		.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
		.bind_flags = flags,
	};
	struct xdp_queue *queue = &own->queues[number];
	bool receives = own->port->pool;
	int error = xsk_socket__create_shared(&queue->socket, own->interface,
		own->first_queue + number, own->xsk_umem, receives ? &queue->rx.ring : NULL,
		&queue->tx.ring, &queue->rx.fill, &queue->tx.completion, &conf);

	if (error) {
		queue->socket = NULL;
		return error;
	}
	queue->fd = xsk_socket__fd(queue->socket);
	tune(own, queue);
	return 0;
}

/* What the kernel has counted of a socket. */
static void look_at_figures(int fd, struct xdp_statistics *figures)
{
	socklen_t size = sizeof(*figures);

	if (getsockopt(fd, SOL_XDP, XDP_STATISTICS, figures, &size))
		memset(figures, 0, sizeof(*figures));
}

/* rx_dropped: it had no mbuf to receive into, or not enough for a large packet, or that may not
 * come in pieces. */
void weir__xdp_kernel_drops(const void *priv, uint32_t number, uint64_t *dropped)
{
	const struct xdp_port *own = priv;
	const struct xdp_queue *queue = &own->queues[number];
	struct xdp_statistics now;

	/* relaxed: figures */
	look_at_figures(atomic_load_explicit(&queue->fd, memory_order_relaxed), &now);
	dropped[WEIR_DROP_RX_KERNEL] +=
		now.rx_dropped + now.rx_ring_full + weir__counted(&queue->past_rx_drops);
	dropped[WEIR_DROP_TX_REFUSED] +=
		now.tx_invalid_descs + weir__counted(&queue->past_tx_drops);
}

static void close_socket(struct xdp_queue *queue)
{
	struct xdp_statistics last;

	if (!queue->socket)
		return;
	look_at_figures(queue->fd, &last);
	weir__count(&queue->past_rx_drops, last.rx_dropped + last.rx_ring_full);
	weir__count(&queue->past_tx_drops, last.tx_invalid_descs);
	/* relaxed: who looks at figures meanwhile gets none of a closed file */
	atomic_store_explicit(&queue->fd, -1, memory_order_relaxed);
	xsk_socket__delete(queue->socket);
	queue->socket = NULL;
}

void weir__xdp_sockets_close(struct xdp_port *own)
{
	for (uint32_t i = own->port->queues; i-- > 0;)
		close_socket(&own->queues[i]);
	if (own->xsk_umem)
		xsk_umem__delete(own->xsk_umem);
	own->xsk_umem = NULL;
}

/* All sockets with these flags. 0 or -errno, and none. */
static int try_once(struct xdp_port *own, uint16_t flags)
{
	int error;

	for (uint32_t i = 0; i < own->port->queues; i++)
		clear_rings(&own->queues[i]);
	error = make_umem(own);
	for (uint32_t i = 0; !error && i < own->port->queues; i++)
		error = make_socket(own, i, flags | XDP_USE_NEED_WAKEUP);
	if (error)
		weir__xdp_sockets_close(own);
	return error;
}

/* The kernel gives a queue free some time after its socket was closed, or its process killed. */
static int try(struct xdp_port *own, uint16_t flags)
{
	uint64_t deadline = weir__monotonic_ns() + RELEASE_NS;
	uint32_t times = 0;
	int error;

	while ((error = try_once(own, flags)) == -EBUSY && weir__monotonic_ns() < deadline)
		weir__back_off(times++);
	return error;
}

/* May these flags be tried, by the keys and by the size of frames? */
static bool may_try(const struct xdp_port *own, uint16_t flags)
{
	bool zero = flags & XDP_ZEROCOPY;

	if (zero && own->program && weir__xdp_program_mode(own->program) == WEIR__XDP_GENERIC)
		return false;
	if (own->copy && !(own->copy & flags))
		return false;
	/* without copies, but blind to large packets: not where there may be any */
	return !zero || flags & XDP_USE_SG ||
	       frame_max(own) <= own->umem.chunk_size - WEIR__XDP_HEADROOM;
}

static int explain(const struct xdp_port *own, int error)
{
	const char *interface = own->interface;
	uint32_t last = own->first_queue + own->port->queues - 1;

	switch (error) {
	case -EBUSY:
		return weir__fail(EBUSY,
			"af_xdp: %s: a queue from %u to %u has an AF_XDP socket already, of this "
			"or "
			"another process; take others with queue= and queues=",
			interface, own->first_queue, last);
	case -EINVAL:
		return weir__fail(EINVAL,
			"af_xdp: %s: no socket on queues %u to %u; has it as many? (ethtool -l %s)",
			interface, own->first_queue, last, interface);
	case -ENOBUFS:
		return weir__fail(ENOBUFS,
			"af_xdp: %s: pool '%s' may not be pinned: %zu KiB are more than ulimit -l; "
			"raise it, or: setcap cap_ipc_lock,cap_net_admin,cap_net_raw,cap_bpf+ep "
			"PROGRAM",
			interface, weir_mempool_name(own->umem.pool), own->umem.size / 1024);
	case -EOPNOTSUPP:
		return weir__fail(EOPNOTSUPP,
			"af_xdp: the driver of %s cannot do without copies; say copy=auto",
			interface);
	case -EAFNOSUPPORT:
		return weir__fail(EAFNOSUPPORT, "af_xdp: this kernel has no AF_XDP sockets");
	default:
		return weir__xdp_fail(-error, interface, "an AF_XDP socket");
	}
}

int weir__xdp_sockets_open(struct xdp_port *own)
{
	static const uint16_t ladder[] = {
		XDP_ZEROCOPY | XDP_USE_SG, XDP_ZEROCOPY, XDP_COPY | XDP_USE_SG, XDP_COPY};
	int error = -EOPNOTSUPP;

	for (size_t i = 0; i < sizeof(ladder) / sizeof(*ladder); i++) {
		if (!may_try(own, ladder[i]))
			continue;
		error = try(own, ladder[i]);
		if (!error) {
			own->bound = ladder[i];
			break;
		}
		if (error != -EOPNOTSUPP && error != -EINVAL)
			break;
	}
	if (error)
		return explain(own, error);
	own->segments_max = !(own->bound & XDP_USE_SG)  ? 1
			    : own->bound & XDP_ZEROCOPY ? SEGMENTS_ZERO
							: SEGMENTS_COPIED;
	for (uint32_t i = 0; own->program && !error && i < own->port->queues; i++)
		error = xsk_socket__update_xskmap(
			own->queues[i].socket, weir__xdp_program_map(own->program));
	if (!error)
		return 0;
	weir__xdp_sockets_close(own);
	return weir__xdp_fail(-error, own->interface, "its map of sockets");
}
