/* SPDX-License-Identifier: BSD-3-Clause */
/* headers.c: find and change addresses, ports and hop limits. */
#include "stages/headers_impl.h"

#include "mbuf/part_impl.h"
#include "weir/capture.h"
#include "weir/chain.h"
#include "weir/checksum.h"
#include "weir/clone.h"
#include "weir/parse.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <string.h>

/* Where things lie: RFC 791, RFC 8200. */
#define IPV4_LENGTH   20
#define IPV4_CHECKSUM 10
#define IPV4_SOURCE   12
#define IPV6_LENGTH   40
#define IPV6_SOURCE   8
#define ARP_LENGTH    28
/* Extension headers of IPv6 that are gone over; more are an attack. */
#define EXTENSIONS 8

/* IANA, "Assigned Internet Protocol Numbers". */
enum {
	TCP = 6,
	UDP = 17,
	DCCP = 33,
	ROUTING = 43,
	FRAGMENT = 44,
	ICMPV6 = 58,
	DESTINATION = 60,
	SCTP = 132,
	UDP_LITE = 136,
};

/* Where the checksum lies in a transport header that has one over addresses, too: RFC 793, 768,
 * 4340, 4443, 3828. 0: it has none. */
static uint32_t checksum_of(uint8_t protocol, bool ipv6)
{
	switch (protocol) {
	case TCP:
		return 16;
	case UDP:
	case UDP_LITE:
	case DCCP:
		return 6;
	case ICMPV6:
		return ipv6 ? 2 : 0;
	default:
		return 0;
	}
}

static bool has_ports(uint8_t protocol)
{
	return protocol == TCP || protocol == UDP || protocol == UDP_LITE || protocol == DCCP;
}

/* The transport header, of a packet or its first fragment, as far as there are bytes of it. */
static void find_l4(struct weir_mbuf *mbuf, struct weir__headers *headers, bool more)
{
	uint32_t checksum = checksum_of(headers->protocol, headers->ipv6);

	headers->length = headers->l4;
	if (has_ports(headers->protocol) && mbuf->length >= headers->l4 + 4) {
		headers->ports = true;
		headers->length = headers->l4 + 4;
	}
	if (checksum == 0)
		return;
	if (mbuf->length >= headers->l4 + checksum + 2) {
		headers->checksum = headers->l4 + checksum;
		headers->length = headers->checksum + 2;
	} else {
		/* what a capture has cut needs no checksum; what is a fragment does */
		headers->lost = more;
	}
	headers->udp = headers->protocol == UDP;
}

static void find_ipv4(struct weir_mbuf *mbuf, struct weir__headers *headers)
{
	uint8_t bounce[IPV4_LENGTH];
	const uint8_t *ip = weir_mbuf_peek(mbuf, headers->l3, IPV4_LENGTH, bounce);
	uint32_t fragment;

	if (!ip)
		return;
	fragment = weir__big16(ip + 6);
	headers->ipv4 = true;
	headers->protocol = ip[9];
	headers->fragment = fragment & 0x3fff;
	headers->header = headers->l3 + (ip[0] & 15u) * 4;
	headers->length = headers->l3 + IPV4_LENGTH;
	if ((fragment & 0x1fff) != 0 || mbuf->length < headers->header)
		return;
	headers->l4 = headers->header;
	find_l4(mbuf, headers, fragment & 0x2000);
}

/* Over the extension headers. */
static void find_ipv6(struct weir_mbuf *mbuf, struct weir__headers *headers)
{
	uint8_t bounce[IPV6_LENGTH];
	const uint8_t *ip = weir_mbuf_peek(mbuf, headers->l3, IPV6_LENGTH, bounce);
	uint8_t next = ip ? ip[6] : 0;
	uint32_t at = headers->l3 + IPV6_LENGTH, fragment = 0;

	if (!ip)
		return;
	headers->ipv6 = true;
	headers->length = headers->header = at;
	for (uint32_t i = 0; i < EXTENSIONS; i++) {
		const uint8_t *bytes;

		if (next != 0 && next != ROUTING && next != FRAGMENT && next != DESTINATION)
			break;
		bytes = weir_mbuf_peek(mbuf, at, 8, bounce);
		if (!bytes)
			return;
		if (next == FRAGMENT)
			fragment = weir__big16(bytes + 2);
		at += next == FRAGMENT ? 8 : (bytes[1] + 1u) * 8;
		next = bytes[0];
		headers->fragment |= (fragment & 0xfff9) != 0;
		if (fragment & 0xfff8)
			return;
	}
	headers->protocol = next;
	if (at > mbuf->length)
		return;
	headers->l4 = at;
	find_l4(mbuf, headers, fragment & 1);
}

/* RFC 826. */
static void find_arp(struct weir_mbuf *mbuf, struct weir__headers *headers)
{
	static const uint8_t begin[6] = {0, 1, 8, 0, 6, 4};
	uint8_t bounce[ARP_LENGTH];
	const uint8_t *arp = weir_mbuf_peek(mbuf, headers->l3, ARP_LENGTH, bounce);

	if (!arp || memcmp(arp, begin, sizeof(begin)) != 0)
		return;
	headers->arp = true;
	headers->length = headers->l3 + ARP_LENGTH;
}

void weir__headers_find(struct weir_mbuf *mbuf, struct weir__headers *headers)
{
	uint32_t family;

	*headers = (struct weir__headers){
		.ethernet = weir_mbuf_link_type(mbuf) == WEIR_LINK_ETHERNET &&
			    mbuf->length >= ETH_HLEN};
	if (!(mbuf->flags & WEIR_MBUF_LAYERS))
		weir_parse(mbuf);
	headers->l3 = mbuf->l2_length;
	family = mbuf->packet_type & WEIR_TYPE_L3_FAMILY;
	if (family == WEIR_L3_IPV4)
		find_ipv4(mbuf, headers);
	else if (family == WEIR_L3_IPV6)
		find_ipv6(mbuf, headers);
	else if (family == WEIR_L3_ARP)
		find_arp(mbuf, headers);
	if (headers->length < ETH_HLEN && headers->ethernet)
		headers->length = ETH_HLEN;
}

uint8_t weir__headers_direction(const struct weir_mbuf *mbuf)
{
	uint16_t link_type = weir_mbuf_link_type(mbuf);
	uint8_t type[2] = {0}, direction = weir__mbuf_direction(mbuf);
	int error;

	if (direction || (link_type != WEIR_LINK_SLL && link_type != WEIR_LINK_SLL2))
		return direction;
	/* two bytes at the start of the first version, one at 10 of the second */
	error = link_type == WEIR_LINK_SLL ? weir_mbuf_read(mbuf, 0, type, 2)
					   : weir_mbuf_read(mbuf, 10, type + 1, 1);
	if (error || type[0] != 0)
		return WEIR_CAPTURE_UNKNOWN;
	return type[1] == PACKET_OUTGOING ? WEIR_CAPTURE_OUTBOUND : WEIR_CAPTURE_INBOUND;
}

int weir__headers_prepare(struct weir_mbuf **mbuf, uint32_t length)
{
	if (weir_unlikely((*mbuf)->data_length < length) && weir_mbuf_pull_up(mbuf, length))
		return -ENOBUFS;
	if (weir_unlikely(!weir_mbuf_is_private(*mbuf)))
		return weir_mbuf_make_writable(mbuf, 0, length);
	return 0;
}

int weir__headers_open(struct weir_mbuf **mbuf, uint32_t remove, uint32_t add, uint32_t length)
{
	struct weir_mbuf *first;

	if (remove > 0 && weir_mbuf_adj(*mbuf, remove))
		return -ENOBUFS;
	if (add > 0 && !weir_mbuf_extend_head(mbuf, add))
		return -ENOBUFS;
	first = *mbuf;
	if (first->flags & WEIR_MBUF_WIRE_LENGTH)
		first->wire_length += add - remove;
	first->flags &= ~WEIR_MBUF_LAYERS;
	return weir__headers_prepare(mbuf, length);
}

const char *const weir__edit_counters[] = {"no mbuf", "unfit", NULL};
enum { NO_MBUF, UNFIT };

void weir__edit_each(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count,
	int (*edit)(const void *conf, struct weir_mbuf **packet))
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < count; i++) {
		int error = edit(stage->conf, &mbufs[i]);

		if (weir_unlikely(error))
			weir_stage_drop(stage, error == -EPROTO ? UNFIT : NO_MBUF, &mbufs[i], 1);
		else
			mbufs[kept++] = mbufs[i];
	}
	weir_stage_pass(stage, 0, mbufs, kept);
}

/* ---- changes ---- */

/* Update the checksum at field, for bytes that were and are; at an even offset of what it covers,
 * or, for one byte, with another in front. */
static void fix(
	uint8_t *field, const uint8_t *before, const uint8_t *after, uint32_t size, bool udp)
{
	uint16_t sum, updated;

	memcpy(&sum, field, sizeof(sum));
	if (udp && sum == 0)
		return;
	updated = weir_checksum_update(sum, before, after, size);
	if (udp && updated == 0)
		updated = 0xffff;
	memcpy(field, &updated, sizeof(updated));
}

uint8_t *weir__headers_ip(uint8_t *data, const struct weir__headers *headers, uint32_t side)
{
	uint8_t *l3 = data + headers->l3;

	return headers->ipv4 ? l3 + IPV4_SOURCE + 4 * side : l3 + IPV6_SOURCE + 16 * side;
}

void weir__headers_set_ip(
	uint8_t *data, const struct weir__headers *headers, uint32_t side, const uint8_t *address)
{
	uint8_t *field = weir__headers_ip(data, headers, side);
	uint32_t size = headers->ipv4 ? 4 : 16;

	if (headers->checksum)
		fix(data + headers->checksum, field, address, size, headers->udp);
	if (headers->ipv4)
		fix(data + headers->l3 + IPV4_CHECKSUM, field, address, size, false);
	memcpy(field, address, size);
}

void weir__headers_set_port(
	uint8_t *data, const struct weir__headers *headers, uint32_t side, uint16_t port)
{
	uint8_t *field = data + headers->l4 + 2 * side;
	const uint8_t bytes[2] = {(uint8_t)(port >> 8), (uint8_t)port};

	if (headers->checksum)
		fix(data + headers->checksum, field, bytes, 2, headers->udp);
	memcpy(field, bytes, 2);
}

void weir__headers_set_ttl(uint8_t *data, const struct weir__headers *headers, uint8_t ttl)
{
	uint8_t *ip = data + headers->l3;

	if (headers->ipv4) {
		const uint8_t word[2] = {ttl, ip[9]};

		fix(ip + IPV4_CHECKSUM, ip + 8, word, 2, false);
		ip[8] = ttl;
	} else {
		ip[7] = ttl;
	}
}
