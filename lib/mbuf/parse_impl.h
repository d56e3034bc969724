/* SPDX-License-Identifier: BSD-3-Clause */
/* parse_impl.h: a protocol as the parser knows it, and the place in a packet where it stands. */
#ifndef MBUF_PARSE_IMPL_H
#define MBUF_PARSE_IMPL_H

#include "base/big_impl.h"
#include "weir/chain.h"
#include "weir/parse.h"

/* The most bytes that a protocol needs to see of its header. */
#define WEIR__HEADER_MAX 40

/* A header is about to be read. A protocol's function sees its first bytes, and says how long it is
 * and what follows. */
struct weir__header {
	const uint8_t *bytes;
	uint32_t seen;    /* how many of bytes there are: from minimum to look of the protocol */
	uint32_t length;  /* the protocol's minimum, unless the function says more */
	uint32_t payload; /* what belongs to it, behind the header; UINT32_MAX: all there is */
	enum weir_protocol next;
	enum weir_parse_end end; /* why next is NONE */
	bool fragment;
	bool ipv6; /* extension headers may follow; stays from layer to layer */
};

/* Where in a packet a protocol stands, from outer to inner. */
enum weir__level {
	WEIR__LEVEL_LINK,
	WEIR__LEVEL_NETWORK,
	WEIR__LEVEL_EXTENSION,
	WEIR__LEVEL_TRANSPORT,
	WEIR__LEVEL_TUNNEL,
	WEIR__LEVEL_COUNT,
};

struct weir__protocol {
	/* WEIR_PARSE_DONE, or why these bytes are no header of the protocol. NULL: nothing to
	 * read. */
	enum weir_parse_end (*read)(struct weir__header *header);
	uint8_t minimum; /* bytes that it has at least */
	uint8_t look;    /* bytes that the function looks at, where there are as many */
	uint8_t level;
	uint16_t type; /* its bits of the packet type */
};

/* The tunnel that begins behind this UDP header, by its destination (RFC 7348, RFC 8926). */
static inline enum weir_protocol weir__udp_tunnel(const uint8_t *udp)
{
	switch (weir__big16(udp + 2)) {
	case 4789:
		return WEIR_PROTOCOL_VXLAN;
	case 6081:
		return WEIR_PROTOCOL_GENEVE;
	default:
		return WEIR_PROTOCOL_NONE;
	}
}

/* What follows; NONE is a protocol that is not known. */
static inline enum weir_parse_end weir__follow(struct weir__header *header, enum weir_protocol next)
{
	header->next = next;
	if (next == WEIR_PROTOCOL_NONE)
		header->end = WEIR_PARSE_UNKNOWN;
	return WEIR_PARSE_DONE;
}

/* The same for the protocol type of GRE and GENEVE. */
enum weir_parse_end weir__follow_tunnel(struct weir__header *header, uint16_t type);

/* The functions of the protocols. */
enum weir_parse_end weir__read_ethernet(struct weir__header *header);
enum weir_parse_end weir__read_tag(struct weir__header *header);
enum weir_parse_end weir__read_mpls(struct weir__header *header);
enum weir_parse_end weir__read_pppoe(struct weir__header *header);
enum weir_parse_end weir__read_ppp(struct weir__header *header);
enum weir_parse_end weir__read_sll(struct weir__header *header);
enum weir_parse_end weir__read_sll2(struct weir__header *header);
enum weir_parse_end weir__read_loopback(struct weir__header *header);
enum weir_parse_end weir__read_arp(struct weir__header *header);
enum weir_parse_end weir__read_ipv4(struct weir__header *header);
enum weir_parse_end weir__read_ipv6(struct weir__header *header);
enum weir_parse_end weir__read_extension(struct weir__header *header);
enum weir_parse_end weir__read_fragment(struct weir__header *header);
enum weir_parse_end weir__read_ah(struct weir__header *header);
enum weir_parse_end weir__read_tcp(struct weir__header *header);
enum weir_parse_end weir__read_udp(struct weir__header *header);
enum weir_parse_end weir__read_gre(struct weir__header *header);
enum weir_parse_end weir__read_vxlan(struct weir__header *header);
enum weir_parse_end weir__read_geneve(struct weir__header *header);

#endif
