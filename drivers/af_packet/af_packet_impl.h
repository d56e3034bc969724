/* SPDX-License-Identifier: BSD-3-Clause */
/* af_packet_impl.h: what the files of this driver share.
 *
 *	af_packet.c	the keys, open and close
 *	socket.c	sockets, and the rings that receive
 *	rx.c, tx.c	packets
 *	watch.c		what happens to the interface meanwhile
 *
 * Each queue has a socket that receives, of one thread, and one that sends, or two, of another: a
 * socket takes packets as on a wire, or with a header in front of each. When the interface is not
 * the one any more that they are bound to, watch.c counts up generation; the thread of a socket
 * sees that and opens it again. The number of a file stays the same for life, so that other threads
 * may ask the kernel for figures of it.
 */
#ifndef AF_PACKET_IMPL_H
#define AF_PACKET_IMPL_H

#include "drivers/driver_impl.h"
#include "drivers/vnet_impl.h"

#include <linux/if_packet.h>
#include <net/if.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* Packets handed to the kernel in one call, and the pieces they have in all: one packet may have
 * as many as the kernel takes (UIO_MAXIOV). */
#define AFP_BATCH  64
#define AFP_PIECES 1024

/* Bytes of the longest packet that the kernel puts together, unless told otherwise (GSO_MAX_SIZE of
 * linux/netdevice.h), and its headers. */
#define AFP_LONGEST (65536 + 256)

struct afp_conf {
	uint32_t version; /* 2 or 3, of TPACKET */
	uint32_t ring;    /* bytes for each queue */
	uint32_t block;   /* bytes, of version 3 */
	uint32_t frame;   /* bytes, of version 2; 0: what the MTU needs */
	uint32_t timeout; /* ms until a block that is not full is handed over, version 3 */
	uint32_t queues;
	bool fanout;
	uint16_t group; /* 0: one of the port's own */
	uint16_t mode;  /* PACKET_FANOUT_* */
	bool promiscuous;
	bool bypass;
	bool offload; /* headers say what the kernel leaves undone, and what is left to it */
};

/* Belongs to the thread that receives on the queue, but for fd and drops. */
struct afp_rx {
	int fd;
	int waiter; /* an epoll: fd or the watch has something; -1 until somebody waits */
	bool ready; /* bound, with a ring */
	uint32_t generation;
	uint8_t *ring;
	size_t ring_size;
	uint32_t frame_size, block_size, block_count, frames_per_block;
	uint32_t block;   /* the next frame is in this one */
	uint32_t left;    /* frames of version 2 up to its end; packets of version 3 in it */
	uint8_t *next;    /* the next frame */
	uint64_t look_at; /* the watch, at this time */
	uint32_t bursts;
	/* One that did not fit its frame of version 2, behind its header: AFP_LONGEST bytes. */
	uint8_t *longest;
	uint32_t fetched;            /* bytes; 0: none */
	WEIR_ATOMIC(uint64_t) drops; /* what the kernel said when asked */
} __attribute__((aligned(WEIR_CACHE_LINE)));

/* Belongs to the thread that sends on the queue. */
struct afp_tx {
	int fd;
	int undone_fd; /* with a header that says what is left to be done; -1 without offload */
	bool ready;
	uint32_t generation;
	uint64_t look_at;
	uint64_t full_since_ns; /* the queue of the interface drops; 0: it does not */
	struct mmsghdr messages[AFP_BATCH];
	struct iovec pieces[AFP_PIECES];
	struct weir__vnet headers[AFP_BATCH];
} __attribute__((aligned(WEIR_CACHE_LINE)));

struct afp {
	struct weir_port *port;
	struct afp_conf conf;
	struct afp_rx *rx; /* NULL without a pool */
	struct afp_tx *tx;

	/* watch.c; the rest is under the lock */
	WEIR_ATOMIC(uint32_t) generation;
	WEIR_ATOMIC(int) ifindex;  /* changed under the lock; 0: gone */
	WEIR_ATOMIC(uint32_t) mtu; /* likewise */
	pthread_mutex_t lock;
	int netlink, control;
	char wanted[IFNAMSIZ]; /* as the spec has it */
	char name[IFNAMSIZ];   /* as it is called now */
	short flags;           /* IFF_* */
	uint32_t group_generation;
	uint16_t group;
};

/* socket.c: 0, or -errno with a sentence. To open one that is open already is to bind it anew, to
 * the interface as it is now. */
int weir__afp_open_rx(struct afp *afp, uint32_t queue);
int weir__afp_open_tx(struct afp *afp, uint32_t queue);
void weir__afp_close_rx(struct afp_rx *rx);
void weir__afp_close_tx(struct afp_tx *tx);
void weir__afp_kernel_drops(const void *priv, uint32_t queue, uint64_t *dropped);
int weir__afp_wait(void *priv, uint32_t queue);

/* rx.c, tx.c */
uint32_t weir__afp_rx(void *priv, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count);
uint32_t weir__afp_tx(void *priv, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count);

/* watch.c: find the interface. 0, or -errno with a sentence. */
int weir__afp_watch_begin(struct afp *afp, const char *name);
void weir__afp_watch_end(struct afp *afp);
/* Has anything happened to the interface? Says so in the log. From any thread. */
void weir__afp_look(struct afp *afp);
/* The same, of a thread that has nothing to do and comes by often: now and then, and then true.
 * *look_at is its own. */
bool weir__afp_look_sometimes(struct afp *afp, uint64_t *look_at);
/* A socket has lost its interface, or never had one: all are to be bound anew. */
void weir__afp_lost(struct afp *afp, uint32_t generation);
int weir__afp_link(const void *priv, struct weir_port_link *link);

static inline int afp_ifindex(const struct afp *afp)
{
	/* relaxed: a number for the kernel, which knows whether it is still right */
	return atomic_load_explicit(&afp->ifindex, memory_order_relaxed);
}

static inline void afp_set_ifindex(struct afp *afp, int ifindex)
{
	atomic_store_explicit(&afp->ifindex, ifindex, memory_order_relaxed);
}

static inline uint32_t afp_mtu(const struct afp *afp)
{
	/* relaxed: a number, which the kernel may change at any time */
	return atomic_load_explicit(&afp->mtu, memory_order_relaxed);
}

static inline void afp_set_mtu(struct afp *afp, uint32_t mtu)
{
	atomic_store_explicit(&afp->mtu, mtu, memory_order_relaxed);
}

static inline uint32_t afp_generation(const struct afp *afp)
{
	/* acquire: what the watch found out goes with it */
	return atomic_load_explicit(&afp->generation, memory_order_acquire);
}

#endif
