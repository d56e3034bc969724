/* SPDX-License-Identifier: BSD-3-Clause */
/* nat_change.c: packets get the addresses and ports of their connection, and checksums for them. */
#include "apps/weir-fw/nat.h"

#include "apps/weir-fw/track_impl.h"

#include <weir/checksum.h>

#include <string.h>

enum { ICMP = 1, TCP = 6, UDP = 17, DCCP = 33, ICMPV6 = 58, SCTP = 132, UDPLITE = 136 };

/* The bytes of a view, which are the packet's. */
static uint8_t *bytes_of(const uint8_t *at)
{
	return (uint8_t *)(uintptr_t)at;
}

/* Put bytes in the place of as many others, and what a checksum makes of that, if there is one. */
static void replace(const uint8_t *at, const uint8_t *with, uint32_t size, uint8_t *sum)
{
	uint16_t checksum;

	if (sum) {
		memcpy(&checksum, sum, 2);
		checksum = weir_checksum_update(checksum, at, with, size);
		memcpy(sum, &checksum, 2);
	}
	memcpy(bytes_of(at), with, size);
}

/* Where the checksum of the transport is that covers addresses, too; NULL: none, or not there. */
static uint8_t *sum_of(const struct fw_packet *packet)
{
	uint32_t at;

	switch (packet->protocol) {
	case TCP:
		at = 16;
		break;
	case UDP:
	case UDPLITE:
	case DCCP:
		at = 6;
		break;
	case ICMPV6:
		at = 2;
		break;
	default:
		return NULL;
	}
	return at + 2 <= packet->transport_length ? bytes_of(packet->transport + at) : NULL;
}

static bool is_zero(const uint8_t *sum)
{
	return sum && !sum[0] && !sum[1];
}

/* SCTP's has no short way, and no pseudo header (RFC 4960). */
static void renew_sctp(const struct fw_packet *packet)
{
	static const uint8_t zero[4];
	uint32_t crc;

	if (packet->protocol != SCTP || packet->transport_length < 12)
		return;
	memcpy(bytes_of(packet->transport + 8), zero, 4);
	crc = weir_crc32c(0, packet->transport, packet->transport_length);
	for (uint32_t i = 0; i < 4; i++)
		bytes_of(packet->transport + 8)[i] = (uint8_t)(crc >> (8 * i));
}

static void set_address(const struct fw_packet *packet, uint32_t end, const uint8_t *address)
{
	bool four = packet->family == FW_IP;
	uint32_t size = four ? 4 : 16;
	const uint8_t *at = packet->network + (four ? 12 : 8) + end * size;
	uint8_t *sum = sum_of(packet), now[16];

	/* UDP without a checksum stays so (RFC 768) */
	if (packet->protocol == UDP && is_zero(sum))
		sum = NULL;
	memcpy(now, at, size);
	replace(at, address, size, sum);
	if (packet->protocol == UDP && is_zero(sum))
		memset(sum, 0xff, 2);
	if (!four)
		return;
	memcpy(bytes_of(at), now, size); /* for the header's own */
	replace(at, address, size, bytes_of(packet->network + 10));
}

/* The port, or with identifier what ICMP has instead. */
static void set_port_of(
	const struct fw_packet *packet, uint32_t end, const uint8_t *port, bool identifier)
{
	bool ports = fw_track_ports(packet->protocol);
	uint8_t *sum = sum_of(packet);

	if (ports && packet->transport_length >= 4) {
		if (packet->protocol == UDP && is_zero(sum))
			sum = NULL;
		replace(packet->transport + 2 * end, port, 2, sum);
		if (packet->protocol == UDP && is_zero(sum))
			memset(sum, 0xff, 2);
		renew_sctp(packet);
	} else if (!ports && identifier && packet->transport_length >= 8 &&
		   (packet->protocol == ICMP || packet->protocol == ICMPV6)) {
		replace(packet->transport + 4, port, 2, bytes_of(packet->transport + 2));
	}
}

/* A quoted packet: what its change does to the checksum of the error around it. */
static void change_quoted(const struct fw_packet *packet, uint32_t end, const fw_key *tuple,
	uint32_t from, bool identifier)
{
	enum { HEADER = 40, PORTS = 20 }; /* of IPv6; of TCP to behind its checksum */
	struct fw_packet inner = {.family = packet->family};
	uint8_t network[HEADER], transport[PORTS], *sum = bytes_of(packet->transport + 2);
	uint32_t header = packet->family == FW_IP ? 20 : HEADER, length;
	uint16_t checksum;

	fw_packet_read_quoted(&inner, packet->transport + 8, packet->transport_length - 8);
	length = inner.transport_length < PORTS ? inner.transport_length : PORTS;
	memcpy(network, inner.network, header);
	memcpy(transport, inner.transport, length);
	/* of SCTP there is rarely enough to make its checksum anew, and nobody looks at it */
	inner.transport_length = length;
	set_address(&inner, end, tuple->address[from]);
	set_port_of(&inner, end, tuple->port[from], identifier);
	memcpy(&checksum, sum, 2);
	checksum = weir_checksum_update(checksum, network, inner.network, header);
	checksum = weir_checksum_update(checksum, transport, inner.transport, length);
	memcpy(sum, &checksum, 2);
}

/* One end of the packet as a tuple has one of its. */
static void change(const struct fw_packet *packet, const struct fw_asked *asked, uint32_t end,
	const fw_key *tuple, uint32_t from, bool identifier)
{
	if (asked->error)
		change_quoted(packet, !end, tuple, from, identifier);
	set_address(packet, end, tuple->address[from]);
	if (!asked->error)
		set_port_of(packet, end, tuple->port[from], identifier);
}

/* What the connection does at this place to packets of this side, as a bit of its nat. */
static uint8_t bit_of(enum fw_where_nat where, uint32_t side)
{
	return (uint8_t)(1u << (side ? !where : where));
}

/* Whose addresses are translated must not be told of other ways: they are of another network. */
static bool is_redirect(const struct fw_packet *packet)
{
	return packet->transport[0] == (packet->family == FW_IP ? 5 : 137);
}

bool fw_nat_apply(void *context, struct fw_packet *packet, enum fw_where_nat where)
{
	struct fw_tracker *tracker = context;
	struct fw_asked *asked = &tracker->asked;
	uint32_t end = where == FW_NAT_DESTINATION ? 1 : 0;
	uint8_t nat, bit;

	if (!asked->connection || !asked->connection->nat)
		return true;
	if (asked->error && is_redirect(packet))
		return false;
	/* two connections may have become one by their other end */
	if (tracker->pending && where == FW_NAT_SOURCE &&
		asked->connection->nat == 1 << FW_NAT_DESTINATION &&
		fw_nat_claim(tracker, &asked->tuples[1])) {
		if (!fw_nat_port(tracker, NULL, &asked->tuples[1]))
			return false;
		asked->connection->nat |= 1 << FW_NAT_SOURCE;
	}
	nat = asked->connection->nat;
	bit = bit_of(where, asked->side);
	if (nat & bit)
		change(packet, asked, end, &asked->tuples[!asked->side], !end,
			bit == 1 << FW_NAT_SOURCE);
	return true;
}

void fw_nat_undo(struct fw_tracker *tracker, struct fw_packet *packet)
{
	const struct fw_asked *asked = &tracker->asked;
	uint8_t bit = bit_of(FW_NAT_DESTINATION, asked->side);

	if (packet->ct_state && asked->connection && asked->connection->nat & bit)
		change(packet, asked, 1, &asked->tuples[asked->side], 1, bit == 1 << FW_NAT_SOURCE);
}
