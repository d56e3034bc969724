/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/fragment.h: IP packets in fragments, cut and put together again, without copying payload.
 *
 *	weir_fragment()       packet -> fragments that fit an MTU
 *	weir_reassembly_add() fragment -> NULL, NULL, ... the whole packet
 *	weir_reassembly_gather() fragment -> 0, 0, ... all fragments, as they came
 *
 * All take IPv4 (RFC 791) and IPv6 (RFC 8200), behind any link header that weir_parse() knows.
 *
 * A reassembly is made for traffic that somebody sends on purpose. What it holds is bounded: so
 * many packets in the making, so many fragments of each and of all; the oldest go first. A fragment
 * that overlaps another ends its packet (RFC 5722, and what Linux does for IPv4, too), but for one
 * that has nothing new: as in Linux, one that lies inside another, or inside several in a row that
 * came in order. A packet in which congestion was met by one fragment (ECN, RFC 3168) is marked so;
 * where some take part in ECN and others do not it is given up, and with a fragment of IPv4 that is
 * malformed goes its packet: as in Linux. Nothing is dropped without a count.
 *
 * Fragments belong together by addresses, identification, and for IPv4 protocol. Where the same
 * addresses are used twice, as in two VLANs, each needs a reassembly of its own.
 *
 * Threads: a reassembly belongs to one at a time. All fragments of a packet must come to the same:
 * spread them by their addresses only.
 */
#ifndef WEIR_FRAGMENT_H
#define WEIR_FRAGMENT_H

#include "weir/base.h"
#include "weir/mbuf.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Cut an IP packet into fragments of at most mtu bytes, counted from the IP header on, in order.
 * They share the packet's bytes (weir/clone.h); each has an mbuf for its headers. A packet that
 * fits is the only one. id is the identification for IPv6; IPv4 has its own. IPv6 headers up to the
 * routing header, and IPv4 options that say so, are in each. A fragment may be cut once more.
 *
 * How many; they are the caller's, and the packet no longer is. Or, with the packet as it was:
 * -EINVAL    no IP packet, or not all of it is there; or one that is to be cut into segments, or
 *            whose checksum is to be written to bytes that are shared (weir/offload.h)
 * -EMSGSIZE  it says "don't fragment", or mtu has no room for 8 bytes of payload, or there would be
 *            more than max, or headers of more than 1,024 bytes
 * -ENOBUFS   its pool is dry */
WEIR_API int weir_fragment(struct weir_mbuf *packet, uint32_t mtu, uint32_t id,
	struct weir_mbuf **fragments, uint32_t max);

struct weir_reassembly_conf {
	uint32_t packets;    /* that wait for fragments at the same time; 0: 1,024 */
	uint32_t fragments;  /* of one packet; 0: 64 */
	uint32_t held;       /* fragments of all packets; 0: four for each packet */
	uint64_t timeout_ns; /* that a packet waits, from its first fragment on; 0: 30 s */
	/* called with each fragment that is dropped, the callee's then; it is as it came only with
	 * weir_reassembly_gather(). It must not use the reassembly. NULL: they are freed */
	void (*dropped)(void *context, struct weir_mbuf *fragment);
	void *context;
};

struct weir_reassembly_stats {
	uint32_t waiting; /* packets, now */
	uint32_t held;    /* their fragments */
	uint64_t fragments;
	uint64_t packets;    /* that became whole */
	uint64_t duplicates; /* fragments that had nothing new */
	/* fragments: cut off, empty, or beyond what IP can say, if only behind the headers of the
	 * first */
	uint64_t malformed;
	uint64_t dropped; /* fragments: these two, and those of packets that were given up */
	/* packets that were given up */
	/* their fragments contradict each other, also in ECN; or one of IPv4 was malformed */
	uint64_t overlaps;
	uint64_t too_many; /* they came in more fragments than allowed */
	uint64_t evicted;  /* for newer ones, when packets or held was reached */
	uint64_t timeouts;
	uint64_t no_mbufs; /* the headers were shared, and the pool too dry to copy them */
};

struct weir_reassembly;

/* NULL with errno and weir_last_error(): EINVAL for more than 8,192 fragments, which is as many as
 * a packet can have, or more packets than a table can; ENOMEM. */
WEIR_API struct weir_reassembly *weir_reassembly_create(const struct weir_reassembly_conf *conf);

/* Frees what it holds. NULL is allowed. */
WEIR_API void weir_reassembly_destroy(struct weir_reassembly *reassembly);

/* Take a packet, parsed or not. Returns it when it is no fragment; the whole packet, parsed, when
 * it is the last fragment that was missing; else NULL: it is kept, or dropped and counted. now_ns
 * must not go back. */
WEIR_API struct weir_mbuf *weir_reassembly_add(
	struct weir_reassembly *reassembly, struct weir_mbuf *mbuf, uint64_t now_ns);

/* Virtual reassembly, for who judges whole packets and sends on their fragments as they came.
 * Takes a fragment, parsed or not, and changes none of its bytes. 0: it is kept, or dropped. When
 * it was the last that was missing: how many the packet has. They are the caller's again, in
 * fragments, which has room for conf.fragments, in the order of their places in the packet. Or
 * -EINVAL, and the caller still has it: it is no fragment. Those of different nets, such as VLANs,
 * do not belong together. A reassembly is used by this call or by add, not by both. */
WEIR_API int weir_reassembly_gather(struct weir_reassembly *reassembly, struct weir_mbuf *fragment,
	uint16_t net, uint64_t now_ns, struct weir_mbuf **fragments);

/* Write the packet that gathered fragments are to bytes, from the link header of its first on, with
 * the headers of a whole one. How long it is; 0: longer than size. 65,575 bytes and those of the
 * link header are enough. */
WEIR_API uint32_t weir_reassembly_flatten(
	struct weir_mbuf *const *fragments, uint32_t count, uint8_t *bytes, uint32_t size);

/* Drop the packets that have waited for too long, as add does when it gets a fragment. How many. */
WEIR_API uint32_t weir_reassembly_expire(struct weir_reassembly *reassembly, uint64_t now_ns);

WEIR_API void weir_reassembly_stats(
	const struct weir_reassembly *reassembly, struct weir_reassembly_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
