/* SPDX-License-Identifier: BSD-3-Clause */
/* headers_impl.h: change addresses, ports and hop limits of packets, with the checksums kept right
 * (RFC 1624).
 *
 *	weir__headers_find(mbuf, &headers)
 *	weir__headers_prepare(&mbuf, &headers)
 *	weir__headers_set_ip(weir_mbuf_data(mbuf), &headers, 0, address)
 *
 * The checksum of TCP and its likes lies in the first fragment of a packet: it is updated there,
 * and the others have only addresses.
 */
#ifndef WEIR_HEADERS_IMPL_H
#define WEIR_HEADERS_IMPL_H

#include "base/big_impl.h"
#include "weir/mbuf.h"
#include "weir/stage.h"

#include <stdbool.h>
#include <stdint.h>

/* What of a packet is known, and can be changed. */
struct weir__headers {
	bool ethernet, ipv4, ipv6; /* neither of the latter: not IP */
	bool arp;                  /* of IPv4 over Ethernet */
	bool ports;                /* of TCP, UDP and SCTP's likes, at l4 */
	bool udp;                  /* a checksum of 0 is none */
	bool lost;                 /* the checksum lies in another fragment */
	bool fragment;             /* of an IP packet, the first one, too */
	uint8_t protocol;
	uint32_t l3, l4;   /* l4 0: there is none in it */
	uint32_t header;   /* where the IP header ends, but for extensions */
	uint32_t checksum; /* where that of l4 lies; 0: it has none, or not one of addresses */
	uint32_t length;   /* bytes that may have to be changed, from the packet's first on */
};

/* Packets that were not are parsed. */
void weir__headers_find(struct weir_mbuf *mbuf, struct weir__headers *headers);

/* Which way a packet went, as enum weir_capture_direction: what it was captured with, or what Linux
 * says in a cooked header. */
uint8_t weir__headers_direction(const struct weir_mbuf *mbuf);

/* Let these bytes lie in one segment that is the packet's own. 0, or -ENOBUFS. */
int weir__headers_prepare(struct weir_mbuf **mbuf, uint32_t length);

/* Take bytes away from the front, put others there, undefined, and let length bytes from there be
 * writable in one segment. 0, or -ENOBUFS. */
int weir__headers_open(struct weir_mbuf **mbuf, uint32_t remove, uint32_t add, uint32_t length);

/* Run a stage that changes each packet by edit, which may put another mbuf in its place. One for
 * which it returns -EPROTO cannot be changed, one for which it returns -ENOBUFS finds no room to
 * write in: these are dropped, and counted under the names below. */
void weir__edit_each(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count,
	int (*edit)(const void *conf, struct weir_mbuf **packet));
extern const char *const weir__edit_counters[]; /* "no mbuf", "unfit" */

/* Of ARP: the sender's and the target's. */
static inline uint8_t *weir__headers_arp(
	uint8_t *data, const struct weir__headers *headers, uint32_t side)
{
	return data + headers->l3 + 14 + 10 * side;
}

/* The address of a side, 0 for the source and 1 for the destination: 4 or 16 bytes. */
uint8_t *weir__headers_ip(uint8_t *data, const struct weir__headers *headers, uint32_t side);

/* Put others there. */
void weir__headers_set_ip(
	uint8_t *data, const struct weir__headers *headers, uint32_t side, const uint8_t *address);
void weir__headers_set_port(
	uint8_t *data, const struct weir__headers *headers, uint32_t side, uint16_t port);
void weir__headers_set_ttl(uint8_t *data, const struct weir__headers *headers, uint8_t ttl);

/* Let the addresses of a packet be others in each pass: a unicast IPv4 address is moved by so many
 * networks of 16 bits, within those that are unicast, an IPv6 address by its second 16 bits. So no
 * two addresses become one, and both directions of a flow stay together. 0, or -ENOBUFS. */
int weir__shift_addresses(struct weir_mbuf **packet, uint64_t pass);

static inline uint16_t weir__headers_port(
	const uint8_t *data, const struct weir__headers *headers, uint32_t side)
{
	return weir__big16(data + headers->l4 + 2 * side);
}

static inline uint8_t weir__headers_ttl(const uint8_t *data, const struct weir__headers *headers)
{
	return data[headers->l3 + (headers->ipv4 ? 8u : 7u)];
}

#endif
