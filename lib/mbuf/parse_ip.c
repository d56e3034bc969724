/* SPDX-License-Identifier: BSD-3-Clause */
/* parse_ip.c: IP and what it carries, tunnels too: how long each header is and what follows. */
#include "parse_impl.h"

/* IANA, "Assigned Internet Protocol Numbers". */
enum {
	IP_HOP_BY_HOP = 0,
	IP_ICMP = 1,
	IP_IGMP = 2,
	IP_IPV4 = 4,
	IP_TCP = 6,
	IP_UDP = 17,
	IP_IPV6 = 41,
	IP_ROUTING = 43,
	IP_FRAGMENT = 44,
	IP_GRE = 47,
	IP_ESP = 50,
	IP_AH = 51,
	IP_ICMPV6 = 58,
	IP_NOTHING = 59,
	IP_DESTINATION = 60,
	IP_SCTP = 132,
	IP_MOBILITY = 135,
};

static enum weir_protocol extension(uint8_t number)
{
	switch (number) {
	case IP_HOP_BY_HOP:
		return WEIR_PROTOCOL_HOP_BY_HOP;
	case IP_ROUTING:
		return WEIR_PROTOCOL_ROUTING;
	case IP_FRAGMENT:
		return WEIR_PROTOCOL_FRAGMENT;
	case IP_DESTINATION:
		return WEIR_PROTOCOL_DESTINATION;
	case IP_MOBILITY:
		return WEIR_PROTOCOL_MOBILITY;
	default:
		return WEIR_PROTOCOL_NONE;
	}
}

static enum weir_parse_end follow_ip(struct weir__header *header, uint8_t number)
{
	switch (number) {
	case IP_TCP:
		return weir__follow(header, WEIR_PROTOCOL_TCP);
	case IP_UDP:
		return weir__follow(header, WEIR_PROTOCOL_UDP);
	case IP_ICMP:
		return weir__follow(header, WEIR_PROTOCOL_ICMP);
	case IP_ICMPV6:
		return weir__follow(header, WEIR_PROTOCOL_ICMPV6);
	case IP_IGMP:
		return weir__follow(header, WEIR_PROTOCOL_IGMP);
	case IP_SCTP:
		return weir__follow(header, WEIR_PROTOCOL_SCTP);
	case IP_IPV4:
		return weir__follow(header, WEIR_PROTOCOL_IPV4);
	case IP_IPV6:
		return weir__follow(header, WEIR_PROTOCOL_IPV6);
	case IP_GRE:
		return weir__follow(header, WEIR_PROTOCOL_GRE);
	case IP_ESP:
		return weir__follow(header, WEIR_PROTOCOL_ESP);
	case IP_AH:
		return weir__follow(header, WEIR_PROTOCOL_AH);
	case IP_NOTHING:
		return WEIR_PARSE_DONE;
	default:
		return weir__follow(header, header->ipv6 ? extension(number) : WEIR_PROTOCOL_NONE);
	}
}

/* A total length of 0 is what a capture shows of a packet that the network card will segment. */
enum weir_parse_end weir__read_ipv4(struct weir__header *header)
{
	const uint8_t *bytes = header->bytes;
	uint32_t total = weir__big16(bytes + 2), fragment = weir__big16(bytes + 6) & 0x3fff;

	header->length = (bytes[0] & 15u) * 4;
	if (bytes[0] >> 4 != 4 || header->length < 20 || (total && total < header->length))
		return WEIR_PARSE_MALFORMED;
	if (total)
		header->payload = total - header->length;
	header->ipv6 = false;
	header->fragment = fragment != 0; /* the bit for more, or an offset */
	if (fragment & 0x1fff) {
		header->end = WEIR_PARSE_FRAGMENT;
		return WEIR_PARSE_DONE;
	}
	return follow_ip(header, bytes[9]);
}

/* A payload length of 0 is a jumbogram's, or one of a packet to be segmented. */
enum weir_parse_end weir__read_ipv6(struct weir__header *header)
{
	const uint8_t *bytes = header->bytes;
	uint32_t payload = weir__big16(bytes + 4);

	if (bytes[0] >> 4 != 6)
		return WEIR_PARSE_MALFORMED;
	if (payload)
		header->payload = payload;
	header->ipv6 = true;
	return follow_ip(header, bytes[6]);
}

enum weir_parse_end weir__read_extension(struct weir__header *header)
{
	header->length = (header->bytes[1] + 1u) * 8;
	return follow_ip(header, header->bytes[0]);
}

/* A fragment header on a whole packet is allowed (RFC 6946): offset 0 and no more to come. */
enum weir_parse_end weir__read_fragment(struct weir__header *header)
{
	uint16_t place = weir__big16(header->bytes + 2);

	header->fragment = (place & 0xfff9) != 0;
	if (place & 0xfff8) {
		header->end = WEIR_PARSE_FRAGMENT;
		return WEIR_PARSE_DONE;
	}
	return follow_ip(header, header->bytes[0]);
}

enum weir_parse_end weir__read_ah(struct weir__header *header)
{
	header->length = (header->bytes[1] + 2u) * 4;
	if (header->length < 12)
		return WEIR_PARSE_MALFORMED;
	return follow_ip(header, header->bytes[0]);
}

enum weir_parse_end weir__read_tcp(struct weir__header *header)
{
	header->length = (header->bytes[12] >> 4) * 4u;
	return header->length < 20 ? WEIR_PARSE_MALFORMED : WEIR_PARSE_DONE;
}

/* A length of 0 is a packet that is to be segmented, or a jumbogram (RFC 2675). */
enum weir_parse_end weir__read_udp(struct weir__header *header)
{
	uint16_t length = weir__big16(header->bytes + 4);

	if (length)
		header->payload = length < 8 ? 0 : length - 8u;
	if (header->payload)
		header->next = weir__udp_tunnel(header->bytes);
	return WEIR_PARSE_DONE;
}

/* RFC 2784 and 2890, and version 1 of RFC 2637, in which a packet without a sequence number is a
 * bare acknowledgement. With routing (RFC 1701) its length is not in its first bytes. */
enum weir_parse_end weir__read_gre(struct weir__header *header)
{
	const uint16_t checksum = 0x8000, routing = 0x4000, key = 0x2000, sequence = 0x1000,
		       acknowledgement = 0x0080;
	uint16_t flags = weir__big16(header->bytes), version = flags & 7;

	if (version > 1 || flags & routing)
		return WEIR_PARSE_UNKNOWN;
	header->length += flags & checksum ? 4 : 0;
	header->length += flags & key ? 4 : 0;
	header->length += flags & sequence ? 4 : 0;
	if (version == 1) {
		header->length += flags & acknowledgement ? 4 : 0;
		if (!(flags & sequence))
			return WEIR_PARSE_DONE;
	}
	return weir__follow_tunnel(header, weir__big16(header->bytes + 2));
}

/* The bit that says that there is a network identifier must be set. */
enum weir_parse_end weir__read_vxlan(struct weir__header *header)
{
	if (!(header->bytes[0] & 0x08))
		return WEIR_PARSE_UNKNOWN;
	return weir__follow(header, WEIR_PROTOCOL_ETHERNET);
}

enum weir_parse_end weir__read_geneve(struct weir__header *header)
{
	if (header->bytes[0] >> 6 != 0) /* the version */
		return WEIR_PARSE_UNKNOWN;
	header->length += (header->bytes[0] & 63u) * 4;
	return weir__follow_tunnel(header, weir__big16(header->bytes + 2));
}
