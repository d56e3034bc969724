/* SPDX-License-Identifier: BSD-3-Clause */
/* packet.c: where the headers of a packet are. */
#include "apps/weir-fw/packet.h"

#include "base/big_impl.h"

#include <weir/parse.h>

#include <string.h>

enum { ETHERNET = 14, TAG = 4, IPV4 = 20, IPV6 = 40 };
enum { TYPE_IPV4 = 0x0800, TYPE_IPV6 = 0x86dd, TYPE_VLAN = 0x8100, TYPE_QINQ = 0x88a8 };
enum { HOP_BY_HOP = 0, ROUTING = 43, FRAGMENT = 44, AH = 51, NOTHING = 59, DESTINATION = 60 };

/* NULL, or why a host drops it. */
static const char *read_ipv4(struct fw_packet *packet, const uint8_t *data, uint32_t length)
{
	uint32_t header, total;

	if (length < IPV4)
		return "cut in the IPv4 header";
	header = (data[0] & 15u) * 4;
	total = weir__big16(data + 2);
	if (data[0] >> 4 != 4 || header < IPV4)
		return "no IPv4 header";
	if (length < header || length < total || total < header)
		return "shorter than its IPv4 header says";
	packet->kind = FW_KIND_IP;
	packet->family = FW_IP;
	packet->network = data;
	packet->network_length = total;
	packet->protocol = data[9];
	packet->has_protocol = true;
	packet->fragment = (weir__big16(data + 6) & 0x1fff) != 0;
	packet->in_fragments = (weir__big16(data + 6) & 0x3fff) != 0;
	*(packet->fragment ? &packet->mistaken : &packet->transport) = data + header;
	packet->transport_length = total - header;
	return NULL;
}

static bool is_extension(uint8_t number)
{
	return number == HOP_BY_HOP || number == ROUTING || number == FRAGMENT || number == AH ||
	       number == NOTHING || number == DESTINATION;
}

/* A walk over the headers of an IPv6 packet. */
struct walk {
	uint8_t next; /* what stands at at */
	uint32_t at;
	bool fragment;     /* at is in the middle of a packet: next is of its start */
	bool in_fragments; /* it is a part of a packet */
	bool failed;
	bool cut; /* in the header at at, behind which the transport would be */
};

/* One header further; false at the transport, or where it goes no further. */
static bool step(const struct fw_packet *packet, struct walk *walk)
{
	const uint8_t *header = packet->network + walk->at;
	uint32_t left = packet->network_length - walk->at, length;

	if (!is_extension(walk->next) || walk->next == AH || walk->next == NOTHING)
		return false;
	if (left < 8) {
		walk->failed = true;
		return false;
	}
	walk->in_fragments |= walk->next == FRAGMENT && weir__big16(header + 2) & 0xfff9;
	length = walk->next == FRAGMENT ? 8 : (header[1] + 1u) * 8;
	if (walk->next == FRAGMENT && weir__big16(header + 2) & 0xfff8) {
		walk->fragment = true;
		walk->next = header[0];
		walk->failed = is_extension(walk->next) && walk->next != NOTHING;
		return false;
	}
	if (left < length) {
		walk->failed = true;
		walk->cut = !is_extension(header[0]);
		return false;
	}
	walk->next = header[0];
	walk->at += length;
	return true;
}

static const char *read_ipv6(struct fw_packet *packet, const uint8_t *data, uint32_t length)
{
	struct walk walk = {.at = IPV6};
	uint32_t total;

	if (length < IPV6)
		return "cut in the IPv6 header";
	if (data[0] >> 4 != 6)
		return "no IPv6 header";
	total = IPV6 + weir__big16(data + 4);
	if (length < total)
		return "shorter than its IPv6 header says";
	packet->kind = FW_KIND_IP;
	packet->family = FW_IP6;
	packet->network = data;
	packet->network_length = total;
	walk.next = data[6];
	while (step(packet, &walk))
		;
	packet->in_fragments = walk.in_fragments;
	packet->cut = walk.cut;
	if (walk.failed || (walk.next == NOTHING && !walk.fragment))
		return NULL;
	packet->has_protocol = true;
	packet->protocol = walk.next;
	packet->fragment = walk.fragment;
	/* ipv6_find_hdr() of the kernel leaves the place at 0 then */
	walk.at = walk.fragment ? 0 : walk.at;
	*(walk.fragment ? &packet->mistaken : &packet->transport) = data + walk.at;
	packet->transport_length = packet->network_length - walk.at;
	return NULL;
}

const uint8_t *fw_packet_extension(const struct fw_packet *packet, uint8_t number, uint32_t *length)
{
	struct walk walk = {.next = packet->network[6], .at = IPV6};

	while (walk.next != number)
		if (!step(packet, &walk) || walk.fragment)
			return NULL;
	*length = packet->network_length - walk.at;
	return packet->network + walk.at;
}

bool fw_packet_read_quoted(struct fw_packet *packet, const uint8_t *data, uint32_t length)
{
	uint32_t header = length ? (data[0] & 15u) * 4 : 0;
	struct walk walk = {.at = IPV6};

	packet->network = data;
	packet->network_length = length;
	if (packet->family == FW_IP) {
		if (length < IPV4 || data[0] >> 4 != 4 || header < IPV4 || length < header + 8 ||
			weir__big16(data + 6) & 0x1fff)
			return false;
		packet->protocol = data[9];
		walk.at = header;
	} else {
		if (length < IPV6 + 8 || data[0] >> 4 != 6)
			return false;
		walk.next = data[6];
		while (step(packet, &walk))
			;
		if (walk.failed || walk.fragment || length - walk.at < 8)
			return false;
		packet->protocol = walk.next;
	}
	packet->transport = data + walk.at;
	packet->transport_length = length - walk.at;
	return true;
}

static void read_network(
	struct fw_packet *packet, uint32_t type, const uint8_t *data, uint32_t length)
{
	if (type == TYPE_IPV4)
		packet->malformed = read_ipv4(packet, data, length);
	else if (type == TYPE_IPV6)
		packet->malformed = read_ipv6(packet, data, length);
	if (packet->malformed)
		packet->kind = FW_KIND_MALFORMED;
}

static void read_ethernet(struct fw_packet *packet, const uint8_t *data, uint32_t length)
{
	static const uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	uint32_t at = ETHERNET, type;

	if (length < ETHERNET)
		return;
	packet->link = data;
	packet->link_broadcast = memcmp(data, all, sizeof(all)) == 0;
	packet->link_multicast = !packet->link_broadcast && (data[0] & 1);
	type = weir__big16(data + 12);
	while ((type == TYPE_VLAN || type == TYPE_QINQ) && length >= at + TAG) {
		if (!packet->vlan)
			packet->vlan = data + at;
		type = weir__big16(data + at + 2);
		at += TAG;
	}
	read_network(packet, type, data + at, length - at);
}

static void read_raw(struct fw_packet *packet, const uint8_t *data, uint32_t length)
{
	if (length)
		read_network(packet, data[0] >> 4 == 6 ? TYPE_IPV6 : TYPE_IPV4, data, length);
}

void fw_packet_read(
	struct fw_packet *packet, const uint8_t *data, uint32_t length, uint16_t link_type)
{
	enum { SLL = 16, SLL2 = 20 };

	packet->kind = FW_KIND_OTHER;
	packet->malformed = NULL;
	packet->frame = data;
	packet->frame_length = packet->frame_wire_length = length;
	packet->link_type = link_type;
	packet->link = packet->vlan = packet->network = NULL;
	packet->transport = packet->mistaken = NULL;
	packet->network_length = packet->transport_length = 0;
	packet->protocol = 0;
	packet->has_protocol = packet->fragment = packet->in_fragments = packet->cut = false;
	packet->link_broadcast = packet->link_multicast = false;
	packet->ct_state = 0;
	packet->first = packet->translated = false;
	switch (link_type) {
	case WEIR_LINK_ETHERNET:
		read_ethernet(packet, data, length);
		break;
	case WEIR_LINK_RAW:
	case WEIR_LINK_IPV4:
	case WEIR_LINK_IPV6:
		read_raw(packet, data, length);
		break;
	case WEIR_LINK_SLL:
		if (length >= SLL)
			read_network(packet, weir__big16(data + 14), data + SLL, length - SLL);
		break;
	case WEIR_LINK_SLL2:
		if (length >= SLL2)
			read_network(packet, weir__big16(data), data + SLL2, length - SLL2);
		break;
	default:
		break;
	}
}
