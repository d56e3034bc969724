/* SPDX-License-Identifier: BSD-3-Clause */
/* parse.c: walk over the headers of a packet.
 *
 *	weir_parse, weir_parse_burst -> plain()       Ethernet, IPv4, TCP or UDP, in one segment
 *	                             -> parse_any()   all others: weir_parse_layers(), summed up
 *
 * weir_parse_layers() knows no protocol: it shows the first bytes of a header to the function of
 * its protocol (parse_link.c, parse_ip.c), checks that the header is all there, and goes on with
 * what that function says is next. What plain() finds is what parse_any() would; the tests
 * compare. */
#include "parse_impl.h"

/* How many packets ahead an mbuf's line, and then its data, are asked for. */
#define MBUF_AHEAD 8
#define DATA_AHEAD 4

#define LINK      WEIR__LEVEL_LINK
#define NETWORK   WEIR__LEVEL_NETWORK
#define EXTENSION WEIR__LEVEL_EXTENSION
#define TRANSPORT WEIR__LEVEL_TRANSPORT
#define TUNNEL    WEIR__LEVEL_TUNNEL

static const struct weir__protocol protocols[WEIR_PROTOCOL_COUNT] = {
	[WEIR_PROTOCOL_ETHERNET] = {weir__read_ethernet, 14, 14, LINK, WEIR_L2_ETHERNET},
	[WEIR_PROTOCOL_VLAN] = {weir__read_tag, 4, 4, LINK, WEIR_L2_VLAN},
	[WEIR_PROTOCOL_MPLS] = {weir__read_mpls, 4, 5, LINK, WEIR_L2_MPLS},
	[WEIR_PROTOCOL_PPPOE] = {weir__read_pppoe, 6, 6, LINK, WEIR_L2_PPPOE},
	[WEIR_PROTOCOL_PPP] = {weir__read_ppp, 1, 4, LINK, WEIR_L2_PPP},
	[WEIR_PROTOCOL_C_HDLC] = {weir__read_tag, 4, 4, LINK, WEIR_L2_C_HDLC},
	[WEIR_PROTOCOL_SLL] = {weir__read_sll, 16, 16, LINK, WEIR_L2_COOKED},
	[WEIR_PROTOCOL_SLL2] = {weir__read_sll2, 20, 20, LINK, WEIR_L2_COOKED},
	[WEIR_PROTOCOL_LOOPBACK] = {weir__read_loopback, 4, 4, LINK, WEIR_L2_LOOPBACK},
	[WEIR_PROTOCOL_ARP] = {weir__read_arp, 8, 8, NETWORK, WEIR_L3_ARP},
	[WEIR_PROTOCOL_IPV4] = {weir__read_ipv4, 20, 20, NETWORK, WEIR_L3_IPV4},
	[WEIR_PROTOCOL_IPV6] = {weir__read_ipv6, 40, 40, NETWORK, WEIR_L3_IPV6},
	[WEIR_PROTOCOL_HOP_BY_HOP] = {weir__read_extension, 8, 8, EXTENSION, 0},
	[WEIR_PROTOCOL_ROUTING] = {weir__read_extension, 8, 8, EXTENSION, 0},
	[WEIR_PROTOCOL_FRAGMENT] = {weir__read_fragment, 8, 8, EXTENSION, 0},
	[WEIR_PROTOCOL_DESTINATION] = {weir__read_extension, 8, 8, EXTENSION, 0},
	[WEIR_PROTOCOL_MOBILITY] = {weir__read_extension, 8, 8, EXTENSION, 0},
	[WEIR_PROTOCOL_AH] = {weir__read_ah, 12, 12, EXTENSION, 0},
	[WEIR_PROTOCOL_TCP] = {weir__read_tcp, 20, 20, TRANSPORT, WEIR_L4_TCP},
	[WEIR_PROTOCOL_UDP] = {weir__read_udp, 8, 8, TRANSPORT, WEIR_L4_UDP},
	[WEIR_PROTOCOL_SCTP] = {NULL, 12, 12, TRANSPORT, WEIR_L4_SCTP},
	[WEIR_PROTOCOL_ICMP] = {NULL, 8, 8, TRANSPORT, WEIR_L4_ICMP},
	[WEIR_PROTOCOL_ICMPV6] = {NULL, 4, 4, TRANSPORT, WEIR_L4_ICMPV6},
	[WEIR_PROTOCOL_IGMP] = {NULL, 8, 8, TRANSPORT, WEIR_L4_IGMP},
	[WEIR_PROTOCOL_ESP] = {NULL, 8, 8, TRANSPORT, WEIR_L4_ESP},
	[WEIR_PROTOCOL_GRE] = {weir__read_gre, 4, 4, TUNNEL, WEIR_TUNNEL_GRE},
	[WEIR_PROTOCOL_VXLAN] = {weir__read_vxlan, 8, 8, TUNNEL, WEIR_TUNNEL_VXLAN},
	[WEIR_PROTOCOL_GENEVE] = {weir__read_geneve, 8, 8, TUNNEL, WEIR_TUNNEL_GENEVE},
};

/* By the version in the first byte; without one, either is cut. */
static enum weir_protocol first_of_raw(const struct weir_mbuf *mbuf)
{
	uint8_t bounce;
	const uint8_t *byte = weir_mbuf_peek(mbuf, 0, 1, &bounce);

	switch (byte ? *byte >> 4 : 4) {
	case 4:
		return WEIR_PROTOCOL_IPV4;
	case 6:
		return WEIR_PROTOCOL_IPV6;
	default:
		return WEIR_PROTOCOL_NONE;
	}
}

/* Cisco's HDLC goes by the same link types; its address is for one or for all. */
static enum weir_protocol first_of_ppp(const struct weir_mbuf *mbuf)
{
	uint8_t bounce;
	const uint8_t *address = weir_mbuf_peek(mbuf, 0, 1, &bounce);

	if (address && (*address == 0x0f || *address == 0x8f))
		return WEIR_PROTOCOL_C_HDLC;
	return WEIR_PROTOCOL_PPP;
}

static enum weir_protocol first_protocol(const struct weir_mbuf *mbuf)
{
	switch (weir_mbuf_link_type(mbuf)) {
	case WEIR_LINK_ETHERNET:
		return WEIR_PROTOCOL_ETHERNET;
	case WEIR_LINK_NULL:
	case WEIR_LINK_LOOP:
		return WEIR_PROTOCOL_LOOPBACK;
	case WEIR_LINK_PPP:
	case WEIR_LINK_PPP_HDLC:
		return first_of_ppp(mbuf);
	case WEIR_LINK_C_HDLC:
		return WEIR_PROTOCOL_C_HDLC;
	case WEIR_LINK_RAW:
		return first_of_raw(mbuf);
	case WEIR_LINK_SLL:
		return WEIR_PROTOCOL_SLL;
	case WEIR_LINK_SLL2:
		return WEIR_PROTOCOL_SLL2;
	case WEIR_LINK_IPV4:
		return WEIR_PROTOCOL_IPV4;
	case WEIR_LINK_IPV6:
		return WEIR_PROTOCOL_IPV6;
	default:
		return WEIR_PROTOCOL_NONE;
	}
}

/* Read the header of protocol at offset, of which at most left bytes are there. */
static enum weir_parse_end read_header(const struct weir_mbuf *mbuf, uint32_t offset, uint32_t left,
	const struct weir__protocol *protocol, struct weir__header *header)
{
	uint8_t bounce[WEIR__HEADER_MAX];
	enum weir_parse_end end;

	if (left < protocol->minimum)
		return WEIR_PARSE_CUT;
	header->seen = left < protocol->look ? left : protocol->look;
	header->bytes = weir_mbuf_peek(mbuf, offset, header->seen, bounce);
	header->length = protocol->minimum;
	header->payload = UINT32_MAX;
	header->next = WEIR_PROTOCOL_NONE;
	header->end = WEIR_PARSE_DONE;
	header->fragment = false;
	end = protocol->read ? protocol->read(header) : WEIR_PARSE_DONE;
	return end == WEIR_PARSE_DONE && header->length > left ? WEIR_PARSE_CUT : end;
}

void weir_parse_layers(const struct weir_mbuf *mbuf, struct weir_layers *layers)
{
	struct weir__header header = {.next = first_protocol(mbuf), .end = WEIR_PARSE_UNKNOWN};
	uint32_t offset = 0, left = mbuf->length, count = 0;

	while (header.next != WEIR_PROTOCOL_NONE) {
		struct weir_layer *layer = &layers->layer[count];
		enum weir_protocol protocol = header.next;
		enum weir_parse_end end = WEIR_PARSE_FULL;

		if (count < WEIR_LAYERS_MAX)
			end = read_header(mbuf, offset, left, &protocols[protocol], &header);
		if (end != WEIR_PARSE_DONE) {
			header.end = end;
			break;
		}
		*layer = (struct weir_layer){.offset = offset,
			.length = (uint16_t)header.length,
			.protocol = (uint8_t)protocol,
			.fragment = header.fragment};
		count++;
		offset += header.length;
		left -= header.length;
		if (left > header.payload)
			left = header.payload;
	}
	layers->count = count;
	layers->end = header.end;
	layers->payload_offset = offset;
	layers->payload_length = left;
}

/* The packet type with one more link header. */
static uint16_t link_type(uint16_t type, uint16_t added)
{
	if (added == WEIR_L2_VLAN && (type == WEIR_L2_VLAN || type == WEIR_L2_QINQ))
		return WEIR_L2_QINQ;
	if (added == WEIR_L2_PPP && type == WEIR_L2_PPPOE)
		return type;
	return added;
}

/* What the outer headers are, up to the first that is a tunnel's or a fragment's. */
struct outer {
	uint16_t type;
	uint8_t level;                      /* of the last one */
	uint16_t length[WEIR__LEVEL_COUNT]; /* of those of each level */
};

/* Add a layer; false when it is not an outer one. */
static bool add_layer(struct outer *outer, const struct weir_layer *layer)
{
	const struct weir__protocol *protocol = &protocols[layer->protocol];

	if (protocol->level == WEIR__LEVEL_NETWORK && outer->level >= WEIR__LEVEL_NETWORK) {
		outer->type |= WEIR_TUNNEL_IP;
		return false;
	}
	if (protocol->level == WEIR__LEVEL_LINK)
		outer->type = link_type(outer->type, protocol->type);
	else
		outer->type |= protocol->type;
	outer->level = protocol->level;
	outer->length[protocol->level] += layer->length;
	if (layer->fragment)
		outer->type |= WEIR_L4_FRAGMENT;
	return !layer->fragment && protocol->level != WEIR__LEVEL_TUNNEL;
}

/* All four at once: they are neighbours in the mbuf. */
static inline uint16_t set(
	struct weir_mbuf *mbuf, uint32_t type, uint32_t l2, uint32_t l3, uint32_t l4)
{
	mbuf->packet_type = (uint16_t)type;
	mbuf->l3_length = (uint16_t)l3;
	mbuf->l2_length = (uint8_t)l2;
	mbuf->l4_length = (uint8_t)l4;
	mbuf->flags |= WEIR_MBUF_LAYERS;
	return (uint16_t)type;
}

static uint16_t parse_any(struct weir_mbuf *mbuf)
{
	const uint16_t more = WEIR_L3_IPV4_MORE ^ WEIR_L3_IPV4;
	struct outer outer = {0};
	struct weir_layers layers;
	uint32_t l3, i = 0;

	weir_parse_layers(mbuf, &layers);
	while (i < layers.count && add_layer(&outer, &layers.layer[i]))
		i++;
	l3 = outer.length[WEIR__LEVEL_NETWORK] + outer.length[WEIR__LEVEL_EXTENSION];
	if ((outer.type & WEIR_TYPE_L3) == WEIR_L3_IPV4 && l3 != 20)
		outer.type |= more;
	if ((outer.type & WEIR_TYPE_L3) == WEIR_L3_IPV6 && l3 != 40)
		outer.type |= more;
	return set(mbuf, outer.type, outer.length[WEIR__LEVEL_LINK], l3,
		outer.length[WEIR__LEVEL_TRANSPORT]);
}

/* Ethernet, IPv4 of 20 bytes that is no fragment, and TCP or UDP without a tunnel, all in the first
 * segment. 0 for anything else. */
static inline uint16_t plain(struct weir_mbuf *mbuf)
{
	const uint8_t *data = weir_mbuf_data(mbuf), *ip = data + 14, *transport = ip + 20;
	uint32_t there = mbuf->data_length - 14, total, length;

	if (mbuf->data_length < 14 + 20 + 20 || weir_mbuf_link_type(mbuf) != WEIR_LINK_ETHERNET)
		return 0;
	if (weir__big16(data + 12) != 0x0800 || ip[0] != 0x45 || weir__big16(ip + 6) & 0x3fff)
		return 0;
	total = weir__big16(ip + 2);
	if (ip[9] == 6) {
		length = (transport[12] >> 4) * 4u;
		if (length < 20 || total < 20 + length || there < 20 + length)
			return 0;
		return set(mbuf, WEIR_L2_ETHERNET | WEIR_L3_IPV4 | WEIR_L4_TCP, 14, 20, length);
	}
	if (ip[9] != 17 || total < 20 + 8 || weir__udp_tunnel(transport))
		return 0;
	return set(mbuf, WEIR_L2_ETHERNET | WEIR_L3_IPV4 | WEIR_L4_UDP, 14, 20, 8);
}

static inline uint16_t parse(struct weir_mbuf *mbuf)
{
	uint16_t type = plain(mbuf);

	return weir_likely(type) ? type : parse_any(mbuf);
}

uint16_t weir_parse(struct weir_mbuf *mbuf)
{
	return parse(mbuf);
}

void weir_parse_burst(struct weir_mbuf **mbufs, uint32_t count)
{
	for (uint32_t i = 0; i < count && i < DATA_AHEAD; i++)
		__builtin_prefetch(weir_mbuf_data(mbufs[i]));
	for (uint32_t i = 0; i < count; i++) {
		if (i + MBUF_AHEAD < count)
			__builtin_prefetch(mbufs[i + MBUF_AHEAD], 1);
		if (i + DATA_AHEAD < count)
			__builtin_prefetch(weir_mbuf_data(mbufs[i + DATA_AHEAD]));
		parse(mbufs[i]);
	}
}
