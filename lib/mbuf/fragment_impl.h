/* SPDX-License-Identifier: BSD-3-Clause */
/* fragment_impl.h: an IP packet as fragmentation sees it. */
#ifndef MBUF_FRAGMENT_IMPL_H
#define MBUF_FRAGMENT_IMPL_H

#include "mbuf_impl.h"

#include "base/big_impl.h"
#include "weir/fragment.h"

#define WEIR__FRAGMENT_HEADER 8      /* of IPv6 */
#define WEIR__IP_MAX          0xffff /* bytes that a length field can say */

struct weir__ip {
	bool ipv6;
	bool fragment;   /* it is one */
	bool more;       /* and not the last one */
	bool whole_only; /* it must not be cut */
	uint32_t l3;     /* where its header is, from the packet's first byte on */
	/* Bytes from l3 on: headers that go into every fragment, of IPv6 up to where a fragment
	 * header is or belongs; all headers in front of what is cut; and the packet, without
	 * padding. */
	uint32_t common, headers, total;
	uint32_t next_at; /* IPv6: the byte that names what is behind common, from l3 on */
	uint32_t start;   /* of its payload in that of the whole packet */
	uint32_t id;
	uint8_t protocol; /* IPv4's, or what follows IPv6's fragment header */
	uint8_t ecn;      /* RFC 3168 */
};

/* Read the outer IP header of a packet. False when there is none, or the packet is shorter than it
 * says. The packet is parsed, if it was not. */
bool weir__ip_read(struct weir_mbuf *mbuf, struct weir__ip *ip);

/* whole.c: remove what a fragment has beside its part of the payload, but for the headers of the
 * first. */
void weir__whole_strip(struct weir_mbuf *mbuf, const struct weir__ip *ip);

/* Make the headers of the first fragment, which a packet begins with, those of a whole one, with
 * this of ECN beside their own. 0, or -ENOBUFS: they are shared, and the pool is too dry to copy
 * them. */
int weir__whole_mend(struct weir_mbuf **packet, uint8_t ecn);

/* ECN of fragments (RFC 3168, 5.3). */
enum { WEIR__ECN_NONE, WEIR__ECN_CONGESTED = 3 };

/* Of a packet, beside that of its first fragment, by those of all, a bit for each. */
static inline uint8_t weir__whole_ecn(uint32_t seen)
{
	return seen & 1u << WEIR__ECN_CONGESTED ? WEIR__ECN_CONGESTED : 0;
}

/* How much payload a fragment counts for. Of those with more behind them that is 8 bytes, or a
 * multiple; IPv4's are cut to that, as in Linux. */
static inline uint32_t weir__ip_payload(const struct weir__ip *ip)
{
	uint32_t payload = ip->total - ip->headers;

	return ip->more && !ip->ipv6 ? payload & ~7u : payload;
}

#endif
