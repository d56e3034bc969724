/* SPDX-License-Identifier: BSD-3-Clause */
/* packet.h: what rules see of a packet, and the seam to those who know more than it says.
 *
 * The view holds pointers into the packet's bytes, which lie in one piece and outlive it. Headers
 * are found as netfilter finds them (nft_set_pktinfo_ipv4 and _ipv6 of the kernel), which is not
 * what weir_parse() does: the transport of IPv6 begins at the first header that is no extension,
 * or at AH, and a fragment that is not the first has none.
 *
 * A tracker of connections sits behind fw_state: it is asked once for each packet, and only by
 * rule sets that say `ct`.
 */
#ifndef FW_PACKET_H
#define FW_PACKET_H

#include "apps/weir-fw/fw.h"

/* What ct state is made of: the bits of enum ip_conntrack_info, as nft has them. */
enum fw_ct_state {
	FW_CT_INVALID = 1 << 0,
	FW_CT_ESTABLISHED = 1 << 1,
	FW_CT_RELATED = 1 << 2,
	FW_CT_NEW = 1 << 3,
	FW_CT_UNTRACKED = 1 << 6,
};

enum fw_kind {
	FW_KIND_IP,        /* IPv4 or IPv6, as a host or router hands it to the hooks */
	FW_KIND_OTHER,     /* no IP: no hook of IP sees it */
	FW_KIND_MALFORMED, /* IP that a host drops before the first hook */
};

struct fw_packet {
	enum fw_kind kind;
	const char *malformed; /* why */
	const uint8_t *frame;
	uint32_t frame_length, frame_wire_length;
	uint16_t link_type;
	const uint8_t *link; /* Ethernet; NULL without it */
	const uint8_t *vlan; /* first tag: TCI and type; NULL without one */
	const uint8_t *network;
	const uint8_t *transport; /* NULL: none is known, or not the first fragment */
	/* of a later fragment: where Linux looks for it all the same, see load.c */
	const uint8_t *mistaken;
	uint32_t network_length;   /* as the header says: what meta length is */
	uint32_t transport_length; /* or behind the mistaken one */
	uint8_t family;            /* FW_IP or FW_IP6 */
	uint8_t protocol;
	bool has_protocol;
	bool fragment;     /* not the first: no transport header here */
	bool in_fragments; /* the first, or another: a part of a packet */
	bool cut;          /* in the header of IPv6 that names the transport */
	bool link_broadcast, link_multicast;
	bool routed; /* a router has taken one off the TTL, as it does before the hook forward */
	uint32_t mark;
	uint64_t time_ns;
	char in[FW_IFNAMSIZ], out[FW_IFNAMSIZ]; /* "" where there is none */
	uint32_t ct_state;                      /* of enum fw_ct_state; 0: not asked for yet */
	bool first;      /* it begins a connection, which may be translated */
	bool translated; /* so may it be: its connection is */
};

/* Fill a view from bytes of a link type; in and out, mark and time are left alone. */
void fw_packet_read(
	struct fw_packet *packet, const uint8_t *data, uint32_t length, uint16_t link_type);

/* The start of a packet that an ICMP error quotes, of the family that packet has; 8 bytes of its
 * transport must be there. */
bool fw_packet_read_quoted(struct fw_packet *packet, const uint8_t *data, uint32_t length);

/* The place of an extension header of IPv6, or NULL: not there, or cut. */
const uint8_t *fw_packet_extension(
	const struct fw_packet *packet, uint8_t number, uint32_t *length);

/* The state of a packet's connection; may keep the packet in mind. */
typedef uint32_t fw_state(void *tracker, struct fw_packet *packet);

/* What rules of nat ask of a tracker: nat.h. */
enum fw_where_nat { FW_NAT_DESTINATION, FW_NAT_SOURCE };
typedef bool fw_bind(void *tracker, const struct fw_packet *packet, const struct fw_nat *nat);
typedef bool fw_translate(void *tracker, struct fw_packet *packet, enum fw_where_nat where);

/* Read a field as fw_field_size() bytes; false where the packet does not have it, and then a match
 * does not hold, whatever it asks. */
struct fw_field;
bool fw_field_load(const struct fw_field *field, const struct fw_packet *packet, uint8_t *value);

#endif
