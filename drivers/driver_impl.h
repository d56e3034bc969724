/* SPDX-License-Identifier: BSD-3-Clause */
/* driver_impl.h: what a driver is, and what the port gives it.
 *
 * A driver is one constant struct in the array of drivers.c. Its port's private memory comes
 * zeroed; open fills it, rx and tx get it, close empties it. open and close may block; rx and tx
 * never do, and allocate nothing but mbufs. drivers/null/null.c is the one to copy.
 */
#ifndef WEIR_DRIVER_IMPL_H
#define WEIR_DRIVER_IMPL_H

#include "weir/mbuf.h"
#include "weir/port.h"

#include "base/base_impl.h"
#include "base/count_impl.h"
#include "base/spec_impl.h"

#define WEIR__QUEUE_MAX 64

/* Counters of one queue and direction: written by the one thread that uses it, read by any. */
struct weir__counters {
	WEIR_ATOMIC(uint64_t) packets __attribute__((aligned(WEIR_CACHE_LINE)));
	WEIR_ATOMIC(uint64_t) bytes;
	WEIR_ATOMIC(uint64_t) no_mbuf;
	WEIR_ATOMIC(uint64_t) dropped[WEIR_DROP_COUNT];
};

struct weir__driver;
struct weir__filter;

/* The common part of every port; weir_port points to it. */
struct weir_port {
	struct weir_port_ops ops; /* first: the inline calls see only this */
	const struct weir__driver *driver;
	struct weir_mempool *pool;      /* NULL: the port only sends */
	struct weir_trace_cache *cache; /* of capture files; NULL: none */
	uint32_t queues;                /* 1 unless open says more */
	bool sends;                     /* true unless open says otherwise */
	uint32_t offloads;      /* enum weir_port_offload: the driver's unless open says less */
	uint32_t tx_flags;      /* of packets, that weir_port_tx() is to look at (complete.c) */
	uint32_t tx_states;     /* and bits of their state */
	WEIR_ATOMIC(bool) down; /* the interface cannot send now: why tx_or_drop drops */
	/* filter=, NULL without: mbuf/filter_impl.h. A driver whose kernel does it all, or which
	 * calls weir__filter_matches() itself, sets filters in open; else the library filters. */
	struct weir__filter *filter;
	bool filters;
	uint8_t *filter_copies; /* WEIR__FILTER_COPIED bytes for each queue; after open */
	void *priv;
	WEIR_ATOMIC(int) state; /* enum weir_port_state, or -errno */
	char *name;
	char error[1024];          /* written once, before the state turns negative */
	struct weir__counters *rx; /* by queue */
	struct weir__counters *tx;
};

struct weir__driver {
	const char *name;
	size_t private_size;
	/* enum weir_port_offload: what tx does itself. It never sees what it does not say. */
	uint32_t offloads;
	/* Take what the keys say. 0, or -errno with a sentence; then close is not called. */
	int (*open)(struct weir_port *port, void *priv, struct weir__spec *spec);
	/* 0, or -errno with a sentence when something sent did not arrive. */
	int (*close)(struct weir_port *port, void *priv);
	uint32_t (*rx)(void *priv, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count);
	uint32_t (*tx)(void *priv, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count);
	/* May be NULL: no end is known. */
	void (*progress)(const void *priv, uint64_t *position, uint64_t *size);
	/* Start the input again; the state is the port's to set. 0, or -errno with a sentence. May
	 * be NULL: it cannot. */
	int (*rewind)(void *priv);

	/* The rest may be NULL, too. The thread that receives on the queue is about to sleep: a
	 * file that poll() finds readable once rx may bring something, or WEIR__WAIT_NOW when it
	 * may at once. What arrives after the call must make the file readable; so look for packets
	 * last. NULL: always WEIR__WAIT_NOW. */
	int (*wait)(void *priv, uint32_t queue);
	/* Fill what is known; *link is zero but for up. 0, or -errno with a sentence. From any
	 * thread. */
	int (*link)(const void *priv, struct weir_port_link *link);
	/* Add the kernel's figures of a queue to dropped[], by reason, summed since open. From any
	 * thread. */
	void (*kernel_drops)(const void *priv, uint32_t queue, uint64_t *dropped);
};

#define WEIR__WAIT_NOW (-1)

extern const struct weir__driver weir__driver_af_packet;
extern const struct weir__driver weir__driver_af_xdp; /* with WEIR_HAVE_XDP */
extern const struct weir__driver weir__driver_live;
extern const struct weir__driver weir__driver_null;
extern const struct weir__driver weir__driver_pair;
extern const struct weir__driver weir__driver_pcap;
extern const struct weir__driver weir__driver_tap;
extern const struct weir__driver weir__driver_tun;

/* All of them, NULL at the end. */
extern const struct weir__driver *const weir__drivers[];

/* Every one of enum weir_port_offload: for a driver that sends to nobody, or to another port. */
#define WEIR__OFFLOADS_ALL                                                        \
	(WEIR_PORT_L3_CHECKSUM | WEIR_PORT_L4_CHECKSUM | WEIR_PORT_TCP_SEGMENTS | \
		WEIR_PORT_UDP_SEGMENTS | WEIR_PORT_TUNNEL_SEGMENTS | WEIR_PORT_CHAINS)

/* The input is at its end. */
void weir__port_end(struct weir_port *port);

/* The port has failed for good; the sentence is weir_last_error(). The first failure stays. */
void weir__port_fail(struct weir_port *port, int error);

static inline void weir__count_packets(
	struct weir__counters *counters, uint64_t packets, uint64_t bytes)
{
	weir__count(&counters->packets, packets);
	weir__count(&counters->bytes, bytes);
}

#endif
