/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/port.h: where packets come from and go to.
 *
 * A port is opened by a spec, "driver:key=value,...":
 *
 *	pcap:rx=in.pcap,tx=out.pcapng   files (docs/drivers.md has every key)
 *	null:size=64                    endless packets in, a sink out
 *	pair:name                       two ports of one process joined by rings
 *	in.pcap                         a bare path is pcap:rx=in.pcap
 *
 * With filter=EXPR, in the language of tcpdump, any port receives only what the filter lets
 * through.
 *
 * Packets move in bursts of mbufs over numbered queues. Which calls may run at the same time on one
 * port:
 *
 *	           rx q   tx q   rx r   tx r   stats   open/close
 *	rx q       no     yes    yes    yes    yes     no
 *	tx q       yes    no     yes    yes    yes     no
 *	stats      yes    yes    yes    yes    yes     no
 *
 * (q and r are different queues.) Ports do not share anything: two threads may use two ports
 * freely.
 */
#ifndef WEIR_PORT_H
#define WEIR_PORT_H

#include "weir/base.h"
#include "weir/mbuf.h"
#include "weir/mempool.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weir_port;

/* Reasons why a port drops a packet, each with a counter; the same for every driver. */
enum weir_drop {
	WEIR_DROP_TX_FULL,     /* tx_or_drop: the port took no more */
	WEIR_DROP_TX_FAILED,   /* tx_or_drop: the port has failed for good */
	WEIR_DROP_TX_DRY,      /* the mempool had none to cut or copy the packet into */
	WEIR_DROP_TX_UNFIT,    /* its headers are not what its flags say, or the port cannot send it
				*/
	WEIR_DROP_TX_DOWN,     /* the interface is down or gone */
	WEIR_DROP_TX_TOO_LONG, /* longer than the interface can send */
	WEIR_DROP_TX_REFUSED,  /* the kernel took it and threw it away, or would not have it */
	WEIR_DROP_RX_KERNEL,   /* by the kernel: packets came faster than they were received */
	WEIR_DROP_RX_DAMAGED,  /* arrived incomplete, or larger than all of the mempool */
	WEIR_DROP_RX_FILTERED, /* filter= did not let it through; what the kernel filters is not
				* counted */
	WEIR_DROP_COUNT,
};

/* Packets and bytes are counted when they change hands; bytes are those of the packet. */
struct weir_port_stats {
	uint64_t rx_packets;
	uint64_t rx_bytes;
	uint64_t rx_no_mbuf; /* times a receive waited because the mempool was dry; nothing is lost
			      */
	uint64_t tx_packets;
	uint64_t tx_bytes;
	uint64_t tx_no_mbuf; /* times a send could not cut or copy since the mempool was dry */
	uint64_t dropped[WEIR_DROP_COUNT];
};

/* Where a port stands, as weir_port_state() returns it; a failure is negative, -errno. */
enum weir_port_state {
	WEIR_PORT_UP = 0,    /* receive may bring more */
	WEIR_PORT_ENDED = 1, /* the input is finished: a file at its end, a peer gone and drained */
};

/* The interface behind a port. Ports that have none are up, with no name and no limit. */
struct weir_port_link {
	char name[16]; /* its name now: it may have been renamed */
	uint32_t mtu;  /* bytes of the longest packet behind its Ethernet header; 0: no limit */
	uint32_t speed_mbps; /* 0: unknown */
	uint32_t ifindex;    /* its number, another one when it was made anew; 0: none */
	uint8_t mac[6];      /* zero without one */
	bool up;             /* set up, and its carrier is there */
	bool gone;           /* deleted, or moved where this process does not see it */
};

/* Open a port. Its received packets come from pool, which must outlive it; a port that only sends
 * may have pool NULL. NULL with errno and weir_last_error(): EINVAL for a bad spec (the sentence
 * names the driver or key), ENODEV for an unknown driver, or what the driver met. */
WEIR_API struct weir_port *weir_port_open(const char *spec, struct weir_mempool *pool);

/* The same, and a capture file to receive from is taken from cache (weir/trace.h), mapped and
 * indexed already if it is there. Who opens files again and again keeps one; it outlives its ports.
 * NULL: none. */
struct weir_trace_cache;
WEIR_API struct weir_port *weir_port_open_cached(
	const char *spec, struct weir_mempool *pool, struct weir_trace_cache *cache);

/* Close: what was sent reaches its destination first. Mbufs the port still holds go back to their
 * pools. 0, or -errno when something sent did not arrive (a full disk); the port is closed all the
 * same. NULL is allowed. */
WEIR_API int weir_port_close(struct weir_port *port);

/* The spec it was opened by, and the number of its queues, at least 1. */
WEIR_API const char *weir_port_name(const struct weir_port *port);
WEIR_API uint32_t weir_port_queues(const struct weir_port *port);

/* What a port does itself of what the flags of packets ask for (weir/offload.h), and of chains, by
 * its driver or what is below it; the rest is done by weir_port_tx(). */
enum weir_port_offload {
	WEIR_PORT_L3_CHECKSUM = 1 << 0,
	WEIR_PORT_L4_CHECKSUM = 1 << 1,
	WEIR_PORT_TCP_SEGMENTS = 1 << 2,
	WEIR_PORT_UDP_SEGMENTS = 1 << 3,
	WEIR_PORT_CHAINS = 1 << 4,          /* packets in several segments */
	WEIR_PORT_TUNNEL_SEGMENTS = 1 << 5, /* segments of what is in a tunnel */
};
WEIR_API uint32_t weir_port_offloads(const struct weir_port *port);

/* Can it send? A capture file opened only to receive from cannot: a send there makes it fail. */
WEIR_API bool weir_port_sends(const struct weir_port *port);

/* Receive up to count packets on queue into mbufs; the caller owns them. Returns how many; never
 * blocks. 0 says "not now", "ended" or "failed": weir_port_state() tells which. */
static inline uint32_t weir_port_rx(
	struct weir_port *port, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count);

/* Send up to count packets on queue. The port owns the first ones, as many as it returns; the
 * caller keeps the rest. Never blocks.
 *
 * What packets ask for and the port cannot do is done here: checksums, segments, chains put into
 * one piece. A packet whose segments the port did not take all stays the caller's, shortened to
 * those that are left. One that cannot be sent is taken, freed and counted as WEIR_DROP_TX_UNFIT or
 * WEIR_DROP_TX_DRY. */
static inline uint32_t weir_port_tx(
	struct weir_port *port, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count);

/* Send count packets; those the port does not take are freed and counted as WEIR_DROP_TX_FULL, or
 * as WEIR_DROP_TX_FAILED once it has failed, or as WEIR_DROP_TX_DRY. None is the caller's
 * afterwards. Returns how many were sent. */
WEIR_API uint32_t weir_port_tx_or_drop(
	struct weir_port *port, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count);

/* WEIR_PORT_UP, WEIR_PORT_ENDED, or -errno of the failure that stopped the port for good, with the
 * sentence in weir_port_error(). From any thread. */
WEIR_API int weir_port_state(const struct weir_port *port);

/* The sentence of the failure; "" without one. Valid until close. */
WEIR_API const char *weir_port_error(const struct weir_port *port);

/* How far the input is: bytes read, and bytes in all or 0 when that has no end. For a progress bar.
 */
WEIR_API void weir_port_progress(const struct weir_port *port, uint64_t *position, uint64_t *size);

/* Start the input again at its first packet, also after its end: what a capture file can. Called by
 * who receives. 0, or -errno with weir_last_error(): -ENOTSUP for a port that cannot, -ESPIPE for a
 * pipe. */
WEIR_API int weir_port_rewind(struct weir_port *port);

/* Sum of all queues; reads while others count, so the figures are of about now. */
WEIR_API void weir_port_stats(const struct weir_port *port, struct weir_port_stats *stats);

/* Those of one queue. */
WEIR_API void weir_port_queue_stats(
	const struct weir_port *port, uint32_t queue, struct weir_port_stats *stats);

/* How the interface is now: 0, or -errno with weir_last_error(). From any thread. */
WEIR_API int weir_port_link(const struct weir_port *port, struct weir_port_link *link);

/* Sleep until a receive on any queue of these ports may bring something, for at most timeout_ms
 * milliseconds, -1: without end. Returns 1 when it may: at once for ports that cannot be waited on,
 * such as a file, and when all of them have ended; 0 when the time is over; or -errno with
 * weir_last_error(): -E2BIG for more than WEIR_PORT_WAIT_MAX queues. Counts as a receive on all of
 * them in the table above. */
#define WEIR_PORT_WAIT_MAX 256
WEIR_API int weir_port_wait(struct weir_port *const *ports, uint32_t count, int timeout_ms);

/* The name of a reason, as reports print it: "tx full". */
WEIR_API const char *weir_drop_name(enum weir_drop reason);

/* The fast path: the driver's two hot calls lie in the port itself. */
struct weir_port_ops {
	uint32_t (*rx)(void *context, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count);
	uint32_t (*tx)(void *context, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count);
	void *rx_context, *tx_context;
};

static inline uint32_t weir_port_rx(
	struct weir_port *port, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count)
{
	const struct weir_port_ops *ops = (const struct weir_port_ops *)(const void *)port;

	return ops->rx(ops->rx_context, queue, mbufs, count);
}

static inline uint32_t weir_port_tx(
	struct weir_port *port, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count)
{
	const struct weir_port_ops *ops = (const struct weir_port_ops *)(const void *)port;

	return ops->tx(ops->tx_context, queue, mbufs, count);
}

#ifdef __cplusplus
}
#endif

#endif
