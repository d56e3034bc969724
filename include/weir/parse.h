/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/parse.h: which headers a packet begins with, and how long they are.
 *
 * Two depths. weir_parse() writes what most programs need into the mbuf: the packet type and the
 * lengths of the outer headers, so that the next ones need no second look. weir_parse_layers()
 * lists every header in order, through tunnels.
 *
 *	uint16_t type = weir_parse(mbuf);
 *
 *	if ((type & WEIR_TYPE_L4) == WEIR_L4_TCP)
 *		tcp = weir_mbuf_data_at(mbuf, mbuf->l2_length + mbuf->l3_length);
 *
 * (With the header in the first segment; weir_mbuf_peek() where it may not be.)
 *
 * Only what is there counts. A header that is cut, by the end of the packet or by what an outer
 * header gives as its length, is no layer; nor is one that contradicts itself, such as an IPv4
 * header of 16 bytes. Padding behind an IP packet is not taken for a header. Any bytes are safe, in
 * any number of segments.
 *
 * Bytes are not checked further: checksums, addresses and options are not looked at.
 *
 * Threads: an mbuf belongs to one thread at a time; there is no other state.
 */
#ifndef WEIR_PARSE_H
#define WEIR_PARSE_H

#include "weir/base.h"
#include "weir/mbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Link types that are understood besides Ethernet; packets of any other have no layers. */
#define WEIR_LINK_NULL     0 /* a family of 4 bytes, in the order of the machine that captured */
#define WEIR_LINK_PPP      9 /* with or without address and control bytes */
#define WEIR_LINK_PPP_HDLC 50
#define WEIR_LINK_RAW      101 /* IPv4 or IPv6, by the version */
#define WEIR_LINK_C_HDLC   104 /* Cisco */
#define WEIR_LINK_LOOP     108 /* as NULL, in network order */
#define WEIR_LINK_SLL      113 /* Linux cooked */
#define WEIR_LINK_IPV4     228
#define WEIR_LINK_IPV6     229
#define WEIR_LINK_SLL2     276

/* mbuf->packet_type has one value of each of the four enums below, or 0 where there is no such
 * header or none that is known. They speak of the outer headers: of a tunnel, of what carries it.
 * Each has its mask. */
#define WEIR_TYPE_L2     0x000fu
#define WEIR_TYPE_L3     0x00f0u
#define WEIR_TYPE_L4     0x0f00u
#define WEIR_TYPE_TUNNEL 0xf000u

/* Of several link headers, the last. l2_length is the sum of all. 0 when the packet starts with
 * IP. */
enum weir_l2 {
	WEIR_L2_ETHERNET = 0x0001,
	WEIR_L2_VLAN = 0x0002, /* Ethernet or cooked, with one tag */
	WEIR_L2_QINQ = 0x0003, /* with more */
	WEIR_L2_MPLS = 0x0004,
	WEIR_L2_PPPOE = 0x0005, /* l2_length has PPP's protocol, too */
	WEIR_L2_PPP = 0x0006,
	WEIR_L2_C_HDLC = 0x0007,
	WEIR_L2_COOKED = 0x0008,
	WEIR_L2_LOOPBACK = 0x0009,
};

/* l3_length has IPv6 extension headers, and AH, too. */
#define WEIR_TYPE_L3_FAMILY 0x0030u /* IPv4 and IPv6 with and without more */
enum weir_l3 {
	WEIR_L3_IPV4 = 0x0010,
	WEIR_L3_IPV6 = 0x0020,
	WEIR_L3_ARP = 0x0030,
	WEIR_L3_IPV4_MORE = 0x0050, /* options or AH: not 20 bytes */
	WEIR_L3_IPV6_MORE = 0x0060, /* extension headers: not 40 bytes */
};

/* l4_length is TCP's header with options, and 8 for UDP, ICMP, IGMP and ESP, 4 for ICMPv6, 12 for
 * SCTP. 0 for a fragment, the first of a packet, too, though that has a transport header:
 * weir_parse_layers() finds it. */
enum weir_l4 {
	WEIR_L4_TCP = 0x0100,
	WEIR_L4_UDP = 0x0200,
	WEIR_L4_SCTP = 0x0300,
	WEIR_L4_ICMP = 0x0400,
	WEIR_L4_ICMPV6 = 0x0500,
	WEIR_L4_IGMP = 0x0600,
	WEIR_L4_ESP = 0x0700,
	WEIR_L4_FRAGMENT = 0x0800,
};

/* What begins behind the outer headers; that is behind UDP for VXLAN and GENEVE, else behind L3. */
enum weir_tunnel {
	WEIR_TUNNEL_IP = 0x1000, /* IPv4 or IPv6 in either */
	WEIR_TUNNEL_GRE = 0x2000,
	WEIR_TUNNEL_VXLAN = 0x3000,  /* UDP to port 4789 */
	WEIR_TUNNEL_GENEVE = 0x4000, /* UDP to port 6081 */
};

/* Set packet_type, l2_length, l3_length, l4_length and the flag WEIR_MBUF_LAYERS by what the packet
 * is. Returns packet_type. */
WEIR_API uint16_t weir_parse(struct weir_mbuf *mbuf);

/* The same for count packets; faster, since it looks ahead. */
WEIR_API void weir_parse_burst(struct weir_mbuf **mbufs, uint32_t count);

enum weir_protocol {
	WEIR_PROTOCOL_NONE,
	WEIR_PROTOCOL_ETHERNET,
	WEIR_PROTOCOL_VLAN, /* 802.1Q and 802.1ad, a layer for each tag */
	WEIR_PROTOCOL_MPLS, /* a layer for each label */
	WEIR_PROTOCOL_PPPOE,
	WEIR_PROTOCOL_PPP,
	WEIR_PROTOCOL_C_HDLC,
	WEIR_PROTOCOL_SLL,
	WEIR_PROTOCOL_SLL2,
	WEIR_PROTOCOL_LOOPBACK,
	WEIR_PROTOCOL_ARP,
	WEIR_PROTOCOL_IPV4, /* with options */
	WEIR_PROTOCOL_IPV6, /* without extension headers: each is a layer */
	WEIR_PROTOCOL_HOP_BY_HOP,
	WEIR_PROTOCOL_ROUTING,
	WEIR_PROTOCOL_FRAGMENT, /* of IPv6 */
	WEIR_PROTOCOL_DESTINATION,
	WEIR_PROTOCOL_MOBILITY,
	WEIR_PROTOCOL_AH,
	WEIR_PROTOCOL_TCP,
	WEIR_PROTOCOL_UDP,
	WEIR_PROTOCOL_SCTP,
	WEIR_PROTOCOL_ICMP,
	WEIR_PROTOCOL_ICMPV6,
	WEIR_PROTOCOL_IGMP,
	WEIR_PROTOCOL_ESP,
	WEIR_PROTOCOL_GRE,
	WEIR_PROTOCOL_VXLAN,
	WEIR_PROTOCOL_GENEVE,
	WEIR_PROTOCOL_COUNT,
};

/* Why there is no further layer. */
enum weir_parse_end {
	WEIR_PARSE_DONE,      /* a payload follows, or nothing */
	WEIR_PARSE_CUT,       /* the next header is not all there */
	WEIR_PARSE_MALFORMED, /* the next header contradicts itself */
	WEIR_PARSE_UNKNOWN,   /* the next header is of no protocol above */
	WEIR_PARSE_FRAGMENT,  /* not the first fragment: the next header is in another packet */
	WEIR_PARSE_FULL,      /* more than WEIR_LAYERS_MAX */
	WEIR_PARSE_END_COUNT,
};

struct weir_layer {
	uint32_t offset; /* from the start of the packet */
	uint16_t length; /* of this header */
	uint8_t protocol;
	bool fragment; /* IPv4 and FRAGMENT: what follows is not a whole packet */
};

/* Headers before it gives up: the outer and inner ones of two tunnels, with tags and labels. */
#define WEIR_LAYERS_MAX 24

struct weir_layers {
	uint32_t count;
	enum weir_parse_end end;
	/* Behind the last layer: the bytes that belong to it, without padding. */
	uint32_t payload_offset;
	uint32_t payload_length;
	struct weir_layer layer[WEIR_LAYERS_MAX]; /* count are set */
};

/* List the headers of a packet, the outermost first. */
WEIR_API void weir_parse_layers(const struct weir_mbuf *mbuf, struct weir_layers *layers);

/* Short names: "eth", "ipv4", "udp"; "cut", "unknown"; "?" for other numbers. */
WEIR_API const char *weir_protocol_name(enum weir_protocol protocol);
WEIR_API const char *weir_parse_end_name(enum weir_parse_end end);

/* Write the layers as one line, "eth/vlan/ipv4/udp/vxlan/eth/ipv4/tcp", or a packet type,
 * "qinq/ipv4/udp/vxlan", to text; what does not fit into size bytes is left out, a zero byte ends
 * it. Both return the length that the whole has, as snprintf(3) does. Nothing known is "". */
WEIR_API int weir_layers_text(const struct weir_layers *layers, char *text, size_t size);
WEIR_API int weir_packet_type_name(uint16_t type, char *text, size_t size);

#ifdef __cplusplus
}
#endif

#endif
