/* SPDX-License-Identifier: BSD-3-Clause */
/* parse_link.c: the headers in front of IP, and ARP: how long each is and what follows. */
#include "parse_impl.h"

/* IEEE 802 numbers, "EtherTypes". */
enum {
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_ARP = 0x0806,
	ETHERTYPE_BRIDGING = 0x6558, /* Ethernet in a tunnel */
	ETHERTYPE_VLAN = 0x8100,
	ETHERTYPE_IPV6 = 0x86dd,
	ETHERTYPE_PPP = 0x880b,
	ETHERTYPE_MPLS = 0x8847,
	ETHERTYPE_MPLS_UPSTREAM = 0x8848,
	ETHERTYPE_PPPOE_DISCOVERY = 0x8863,
	ETHERTYPE_PPPOE_SESSION = 0x8864,
	ETHERTYPE_SERVICE_VLAN = 0x88a8, /* the outer tag of 802.1ad */
	ETHERTYPE_OLD_QINQ = 0x9100,     /* the outer tag before that */
};

static enum weir_parse_end follow_ethertype(struct weir__header *header, uint16_t type)
{
	switch (type) {
	case ETHERTYPE_IPV4:
		return weir__follow(header, WEIR_PROTOCOL_IPV4);
	case ETHERTYPE_IPV6:
		return weir__follow(header, WEIR_PROTOCOL_IPV6);
	case ETHERTYPE_ARP:
		return weir__follow(header, WEIR_PROTOCOL_ARP);
	case ETHERTYPE_VLAN:
	case ETHERTYPE_SERVICE_VLAN:
	case ETHERTYPE_OLD_QINQ:
		return weir__follow(header, WEIR_PROTOCOL_VLAN);
	case ETHERTYPE_MPLS:
	case ETHERTYPE_MPLS_UPSTREAM:
		return weir__follow(header, WEIR_PROTOCOL_MPLS);
	case ETHERTYPE_PPPOE_DISCOVERY:
	case ETHERTYPE_PPPOE_SESSION:
		return weir__follow(header, WEIR_PROTOCOL_PPPOE);
	default:
		return weir__follow(header, WEIR_PROTOCOL_NONE);
	}
}

/* In a tunnel Ethernet and PPP have numbers of their own. */
enum weir_parse_end weir__follow_tunnel(struct weir__header *header, uint16_t type)
{
	if (type == ETHERTYPE_BRIDGING)
		return weir__follow(header, WEIR_PROTOCOL_ETHERNET);
	if (type == ETHERTYPE_PPP)
		return weir__follow(header, WEIR_PROTOCOL_PPP);
	return follow_ethertype(header, type);
}

enum weir_parse_end weir__read_ethernet(struct weir__header *header)
{
	return follow_ethertype(header, weir__big16(header->bytes + 12));
}

/* Two bytes of other things, and an EtherType: a VLAN tag, or Cisco HDLC. */
enum weir_parse_end weir__read_tag(struct weir__header *header)
{
	return follow_ethertype(header, weir__big16(header->bytes + 2));
}

/* Nothing in a label tells what is behind the last; IP is known by its version. */
enum weir_parse_end weir__read_mpls(struct weir__header *header)
{
	bool last = header->bytes[2] & 1;

	if (!last)
		return weir__follow(header, WEIR_PROTOCOL_MPLS);
	if (header->seen < 5) {
		header->end = WEIR_PARSE_CUT;
		return WEIR_PARSE_DONE;
	}
	switch (header->bytes[4] >> 4) {
	case 4:
		return weir__follow(header, WEIR_PROTOCOL_IPV4);
	case 6:
		return weir__follow(header, WEIR_PROTOCOL_IPV6);
	default:
		return weir__follow(header, WEIR_PROTOCOL_NONE);
	}
}

/* RFC 2516: version and type are 1; only code 0 carries a session. */
enum weir_parse_end weir__read_pppoe(struct weir__header *header)
{
	if (header->bytes[0] != 0x11)
		return WEIR_PARSE_MALFORMED;
	header->payload = weir__big16(header->bytes + 4);
	return header->bytes[1] == 0 ? weir__follow(header, WEIR_PROTOCOL_PPP) : WEIR_PARSE_DONE;
}

/* RFC 1661: address and control may be left out, and so may the first byte of a protocol below
 * 256, which is odd. No protocol begins as the address does. */
enum weir_parse_end weir__read_ppp(struct weir__header *header)
{
	const uint8_t *bytes = header->bytes;
	uint32_t at = bytes[0] == 0xff ? 2 : 0;
	bool compressed = header->seen > at && bytes[at] & 1;
	uint16_t protocol;

	header->length = at + (compressed ? 1 : 2);
	if (header->length > header->seen)
		return WEIR_PARSE_CUT;
	if (at && bytes[1] != 0x03)
		return WEIR_PARSE_MALFORMED;
	protocol = compressed ? bytes[at] : weir__big16(bytes + at);
	switch (protocol) {
	case 0x0021:
		return weir__follow(header, WEIR_PROTOCOL_IPV4);
	case 0x0057:
		return weir__follow(header, WEIR_PROTOCOL_IPV6);
	case 0x0281:
	case 0x0283:
		return weir__follow(header, WEIR_PROTOCOL_MPLS);
	default:
		return weir__follow(header, WEIR_PROTOCOL_NONE);
	}
}

/* https://www.tcpdump.org/linktypes.html: with these hardware types (linux/if_arp.h) the protocol
 * is something else than an EtherType. */
static enum weir_parse_end follow_cooked(
	struct weir__header *header, uint16_t hardware, uint16_t protocol)
{
	switch (hardware) {
	case 770: /* Frame Relay */
	case 801: /* 802.11 */
	case 802: /* 802.11 with a Prism header */
	case 803: /* 802.11 with a radiotap header */
	case 824: /* netlink */
		return weir__follow(header, WEIR_PROTOCOL_NONE);
	default:
		return follow_ethertype(header, protocol);
	}
}

enum weir_parse_end weir__read_sll(struct weir__header *header)
{
	const uint8_t *bytes = header->bytes;

	return follow_cooked(header, weir__big16(bytes + 2), weir__big16(bytes + 14));
}

enum weir_parse_end weir__read_sll2(struct weir__header *header)
{
	const uint8_t *bytes = header->bytes;

	return follow_cooked(header, weir__big16(bytes + 8), weir__big16(bytes));
}

/* A family is a small number, so its bytes tell their order. IPv6 has one number for each system:
 * NetBSD and OpenBSD, FreeBSD, Darwin. */
enum weir_parse_end weir__read_loopback(struct weir__header *header)
{
	const uint8_t *bytes = header->bytes;
	uint32_t high = weir__big16(bytes), low = weir__big16(bytes + 2);
	uint32_t family = high ? (uint32_t)(bytes[1] << 8 | bytes[0]) : low;

	if (high && low)
		family = 0;
	switch (family) {
	case 2:
		return weir__follow(header, WEIR_PROTOCOL_IPV4);
	case 24:
	case 28:
	case 30:
		return weir__follow(header, WEIR_PROTOCOL_IPV6);
	default:
		return weir__follow(header, WEIR_PROTOCOL_NONE);
	}
}

/* Two hardware and two protocol addresses, whose lengths it gives. */
enum weir_parse_end weir__read_arp(struct weir__header *header)
{
	header->length = 8 + 2 * ((uint32_t)header->bytes[4] + header->bytes[5]);
	return WEIR_PARSE_DONE;
}
