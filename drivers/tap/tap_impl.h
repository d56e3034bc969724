/* SPDX-License-Identifier: BSD-3-Clause */
/* tap_impl.h: what the files of this driver share.
 *
 *	tap.c		the keys, open and close
 *	device.c	/dev/net/tun: the device and its queues
 *	interface.c	what ip(8) would set on it: MTU, MAC, up
 *	netlink.c	and addresses; the kernel's figures
 *	rx.c, tx.c	packets
 */
#ifndef TAP_TAP_IMPL_H
#define TAP_TAP_IMPL_H

#include "drivers/driver_impl.h"
#include "drivers/vnet_impl.h"

#include <limits.h>
#include <net/if.h>
#include <string.h>
#include <sys/uio.h>

/* The kernel takes as many pieces in one call (UIO_MAXIOV), one of which is the header. */
#define TAP_PIECES 1023

/* Belongs to the thread that receives on it, but for fd. */
struct tap_receiver {
	/* Mbufs for one packet of any length, each with its place in pieces. */
	struct weir_mbuf **ready;
	struct iovec *pieces; /* [0] is the header */
	uint32_t missing;     /* the first so many of ready have been given away */
	struct weir__vnet vnet;
} __attribute__((aligned(WEIR_CACHE_LINE)));

/* Belongs to the thread that sends on it. */
struct tap_sender {
	struct iovec pieces[1 + TAP_PIECES];
	struct weir__vnet vnet;
} __attribute__((aligned(WEIR_CACHE_LINE)));

struct tap {
	struct weir_port *port;
	char name[IFNAMSIZ]; /* as it was made */
	uint32_t index;
	uint64_t drops_before; /* that the kernel counted before open */
	bool tun;              /* IP packets, no Ethernet */
	bool offload;          /* there are vnet headers */
	uint16_t link_type;
	uint32_t ready;    /* mbufs for the longest packet */
	uint32_t capacity; /* bytes they take */
	int fds[WEIR__QUEUE_MAX];
	struct tap_receiver *receivers;
	struct tap_sender *senders;
};

/* What the keys say of the device; numbers are 0 or -1, texts NULL where they say nothing. */
struct tap_wants {
	const char *owner, *group, *mac, *address;
	uint64_t mtu;
	int persist, up, offload;
};

/* device.c: make the device or take one that is there, with port->queues queues. 0, or -errno with
 * a sentence. */
int weir__tap_open_device(struct tap *tap, const struct tap_wants *wants);
void weir__tap_close_device(struct tap *tap);

/* interface.c: 0, or -errno with a sentence. */
int weir__tap_set_interface(const struct tap *tap, const struct tap_wants *wants);
/* Bytes, or 0 when the interface is gone. */
uint32_t weir__tap_mtu(const char *name);

/* netlink.c: put addresses on the interface: 0, or -errno with a sentence. Packets of the host that
 * the kernel dropped since the interface was made; 0 when nobody knows. */
int weir__tap_add_addresses(const struct tap *tap, const char *list);
uint64_t weir__tap_kernel_drops(const struct tap *tap);

/* rx.c, tx.c */
int weir__tap_open_rx(struct tap *tap);
void weir__tap_close_rx(struct tap *tap);
uint32_t weir__tap_rx(void *priv, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count);
uint32_t weir__tap_tx(void *priv, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count);

/* The device was deleted: the port ends here. */
void weir__tap_gone(struct tap *tap);

#endif
