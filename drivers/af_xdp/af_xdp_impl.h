/* SPDX-License-Identifier: BSD-3-Clause */
/* af_xdp_impl.h: what a port of this driver is, and what its files do for each other.
 *
 *	af_xdp.c	keys, open, close	program.c	the XDP program
 *	socket.c	sockets, rings, figures	umem.c		the pool as the kernel sees it
 *	rx.c		fill ring, receive	tx.c		send, completion ring
 *	watch.c		down, gone, back; waiting
 */
#ifndef WEIR_AF_XDP_IMPL_H
#define WEIR_AF_XDP_IMPL_H

#include "drivers/driver_impl.h"

#include "program_impl.h"
#include "umem_impl.h"

#include <net/if.h>
#include <pthread.h>
#include <xdp/xsk.h>

#ifndef XDP_USE_SG
#define XDP_USE_SG (1 << 4) /* Linux 6.6 */
#endif
#ifndef XDP_PKT_CONTD
#define XDP_PKT_CONTD (1 << 0) /* Linux 6.6: the packet goes on in the next descriptor */
#endif
#ifndef XDP_MAX_TX_SKB_BUDGET
#define XDP_MAX_TX_SKB_BUDGET 9 /* Linux 6.17: how many packets one sendto() sends */
#endif

/* Mbufs that go into the fill ring at a time, at most: a batch of the pool. */
#define WEIR__XDP_FILL_BATCH 64

struct xdp_port;

/* The receiving side of a queue: of the thread that receives on it. */
struct xdp_rx {
	struct xsk_ring_cons ring;
	struct xsk_ring_prod fill;
	uint32_t filled; /* mbufs that the kernel has to receive into, */
	uint32_t target; /* how many it should have, */
	uint32_t batch;  /* and how many it is given at a time */
	uint16_t *held;
	struct weir_mbuf *head, *last; /* a packet of which more pieces are to come */
	uint64_t look_at;              /* cycles: when to look whether the interface is there */
	WEIR_ATOMIC(bool) busy;        /* a thread is receiving */
	uint64_t tai_ns;               /* what CLOCK_TAI is ahead of the time of day, then */
	bool armed;                    /* epoll waits for the socket, too */
} __attribute__((aligned(WEIR_CACHE_LINE)));

/* The sending side. */
struct xdp_tx {
	struct xsk_ring_prod ring;
	struct xsk_ring_cons completion;
	uint32_t under_way; /* descriptors sent and not completed */
	uint64_t copied;    /* packets that had to be */
	uint16_t *held;
	WEIR_ATOMIC(bool) busy; /* a thread is sending */
} __attribute__((aligned(WEIR_CACHE_LINE)));

struct xdp_queue {
	struct xdp_rx rx;
	struct xdp_tx tx;
	struct xdp_port *port;
	struct weir__counters *counters; /* of receiving */
	struct xsk_socket *socket;
	WEIR_ATOMIC(int) fd;                 /* of the socket; -1: closed */
	int epoll;                           /* what waits for it and for the timer */
	WEIR_ATOMIC(uint64_t) past_rx_drops; /* the kernel's, of sockets that were closed */
	WEIR_ATOMIC(uint64_t) past_tx_drops;
};

struct xdp_port {
	struct weir_port *port;
	struct weir__xdp_umem umem;
	struct weir_mempool *own_pool; /* for copies, when the port was given none */
	bool unfit_about;              /* an mbuf that cannot be received into may turn up, */
	struct weir_mbuf *unfit;       /* and here it is: it stays until the port closes */
	struct weir__xdp_program *program;
	struct xsk_umem *xsk_umem;
	struct xdp_queue *queues;
	char interface[IF_NAMESIZE]; /* that was asked for */
	char name[IF_NAMESIZE];      /* it has now; under the lock */
	WEIR_ATOMIC(uint32_t) ifindex;
	/* what the keys say */
	uint32_t first_queue, ring;
	enum weir__xdp_mode mode;
	uint16_t copy; /* XDP_COPY, XDP_ZEROCOPY, or 0: what works */
	uint32_t busy_poll_us, busy_poll_budget;
	bool promiscuous;
	bool timed; /* packets come with their time */
	/* what was got */
	uint16_t bound; /* flags of the bind that worked */
	uint32_t segments_max;
	int membership; /* a packet socket: for as long as it is open all is received; -1: none */
	/* the interface is gone, and the sockets are useless or closed (watch.c) */
	WEIR_ATOMIC(bool) lost;
	pthread_mutex_t lock; /* of who looks for it */
	uint64_t search_at;   /* ns */
	int timer;
};

/* af_xdp.c: get the program and sockets, and give the kernel mbufs to receive into: 0, or -errno
 * with a sentence, and nothing; and the reverse. Nobody else uses the port. */
int weir__xdp_attach(struct xdp_port *own);
void weir__xdp_detach(struct xdp_port *own);

/* socket.c: open and close the sockets of all queues. 0, or -errno with a sentence. */
int weir__xdp_sockets_open(struct xdp_port *own);
void weir__xdp_sockets_close(struct xdp_port *own);

/* socket.c: have the interface receive what is for others, too. 0, or -errno with a sentence. */
int weir__xdp_receive_all(struct xdp_port *own);

/* socket.c: the driver's kernel_drops. */
void weir__xdp_kernel_drops(const void *priv, uint32_t number, uint64_t *dropped);

/* watch.c: begin and end watching; begin: 0, or -errno with a sentence. */
int weir__xdp_watch_begin(struct xdp_port *own);
void weir__xdp_watch_end(struct xdp_port *own);

/* watch.c: the driver's wait. */
int weir__xdp_wait(void *priv, uint32_t queue);

/* watch.c: nobody waits any more for a queue's socket, which is armed. */
void weir__xdp_disarm(struct xdp_queue *queue);

/* watch.c: a call on a socket ended with this errno, or 0. */
void weir__xdp_heed(struct xdp_port *own, int error);

/* watch.c: ask the socket, or do so when it is time. */
void weir__xdp_look(struct xdp_queue *queue);
void weir__xdp_look_sometimes(struct xdp_queue *queue);

/* watch.c: the interface is gone: look for it, when it is time. */
void weir__xdp_search(struct xdp_port *own);

/* A side of a queue is about to use its rings, and has said that it is busy, seq_cst. May it? If so
 * it says when it has. */
static inline bool weir__xdp_enter(struct xdp_port *own, WEIR_ATOMIC(bool) * busy)
{
	/* seq_cst, both: pairs with is_busy() in watch.c, which explains it */
	if (weir_likely(!atomic_load_explicit(&own->lost, memory_order_seq_cst)))
		return true;
	atomic_store_explicit(busy, false, memory_order_release);
	weir__xdp_search(own);
	return false;
}

static inline void weir__xdp_leave(WEIR_ATOMIC(bool) * busy)
{
	/* release: what was done to the rings comes before they are torn down */
	atomic_store_explicit(busy, false, memory_order_release);
}

/* Descriptors in the ring that the kernel has not looked at. */
static inline uint32_t weir__xdp_unsent(const struct xdp_tx *tx)
{
	/* acquire: as everywhere where the kernel has written */
	return tx->ring.cached_prod - __atomic_load_n(tx->ring.consumer, __ATOMIC_ACQUIRE);
}

/* rx.c */
uint32_t weir__xdp_rx(void *priv, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count);

/* rx.c: ask how CLOCK_TAI and the time of day differ. */
void weir__xdp_look_at_clock(struct xdp_rx *rx);

/* rx.c: give the kernel mbufs to receive into, as many as are missing and can be had. */
void weir__xdp_refill(struct xdp_queue *queue);

/* tx.c */
uint32_t weir__xdp_tx(void *priv, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count);

/* tx.c: for who receives: go on sending what lies in the ring, and take back what was sent, in case
 * nobody does: an application with nothing to send may have all its mbufs there. */
void weir__xdp_go_on(struct xdp_queue *queue);

/* tx.c: take back what the kernel has sent. */
void weir__xdp_complete(struct xdp_queue *queue);

/* tx.c: ask the kernel to send what lies in the ring. */
void weir__xdp_kick(struct xdp_queue *queue);

#endif
