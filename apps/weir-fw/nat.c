/* SPDX-License-Identifier: BSD-3-Clause */
/* nat.c: which addresses and ports a connection gets, and its packets with them. */
#include "apps/weir-fw/nat.h"

#include "apps/weir-fw/track_impl.h"

#include <weir/checksum.h>

#include <string.h>

enum { ICMP = 1, TCP = 6, UDP = 17, DCCP = 33, ICMPV6 = 58, SCTP = 132, UDPLITE = 136 };

/* Ports that are tried until one is free. */
#define TRIES 256

const uint8_t *fw_host_address(const struct fw_host *host, const char *interface, uint8_t family)
{
	for (uint32_t i = 0; host && i < host->count; i++)
		if (host->addresses[i].family == family &&
			strncmp(host->addresses[i].name, interface, FW_IFNAMSIZ) == 0)
			return host->addresses[i].bytes;
	return NULL;
}

/* ---- choose ---- */

/* A step of a linear congruential generator (Knuth, TAOCP 2, 3.3.4: 6364136223846793005); its upper
 * half is well mixed. Who must not guess a port asks for random: the start is the kernel's. */
static uint32_t random32(struct fw_tracker *tracker)
{
	tracker->random = tracker->random * UINT64_C(6364136223846793005) + 1;
	return (uint32_t)(tracker->random >> 32);
}

static uint16_t big16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

/* Where a port may be moved to: below 512, below 1024 and above stay among themselves, since
 * servers trust the low ones (as nf_nat_l4proto_unique_tuple has it). */
static void port_range(const struct fw_nat *nat, const fw_key *tuple, uint16_t *low, uint16_t *high)
{
	uint16_t port = big16(tuple->port[1]);

	if (nat && nat->has_ports) {
		*low = nat->port_low;
		*high = nat->port_high;
	} else if (tuple->zero[1]) { /* an identifier of ICMP */
		*low = 0;
		*high = UINT16_MAX;
	} else {
		*low = port < 512 ? 1 : port < 1024 ? 600 : 1024;
		*high = port < 512 ? 511 : port < 1024 ? 1023 : UINT16_MAX;
	}
}

static void set_port(fw_key *tuple, uint32_t end, uint16_t port)
{
	tuple->port[end][0] = (uint8_t)(port >> 8);
	tuple->port[end][1] = (uint8_t)port;
	if (tuple->zero[1]) /* an identifier is both */
		memcpy(tuple->port[!end], tuple->port[end], 2);
}

/* Let answers go to a port that makes their tuple this connection's only: its own if it may. false:
 * none is free. */
static bool choose_port(struct fw_tracker *tracker, const struct fw_nat *nat, fw_key *answer)
{
	bool random = nat && (nat->random || nat->fully_random);
	uint16_t port = big16(answer->port[1]), low, high;
	uint32_t count, start;

	port_range(nat, answer, &low, &high);
	if (!random && (!nat || !nat->has_ports || (port >= low && port <= high)) &&
		!fw_tuple_taken(tracker, answer))
		return true;
	if (!fw_track_ports(answer->protocol) && !answer->zero[1])
		return !fw_tuple_taken(tracker, answer);
	count = (uint32_t)(high - low) + 1;
	start = random32(tracker) % count;
	for (uint32_t i = 0; i < count && i < TRIES; i++) {
		set_port(answer, 1, (uint16_t)(low + (start + i) % count));
		if (!fw_tuple_taken(tracker, answer))
			return true;
	}
	return false;
}

static uint32_t big32(const uint8_t *bytes)
{
	return (uint32_t)big16(bytes) << 16 | big16(bytes + 2);
}

/* An address of the range; the same for the same client, and with persistent whatever it asks. */
static void choose_address(
	const struct fw_nat *nat, const fw_key *tuple, uint8_t family, uint8_t *address)
{
	uint32_t size = family == FW_IP ? 4 : 16, low = big32(nat->low + size - 4);
	uint64_t count = (uint64_t)big32(nat->high + size - 4) - low + 1;
	uint32_t hash = weir_crc32c(0, tuple->address[0], size);

	if (!nat->persistent)
		hash = weir_crc32c(hash, tuple->address[1], size);
	low += (uint32_t)(hash % count);
	memcpy(address, nat->low, size);
	for (uint32_t i = 0; i < 4; i++)
		address[size - 4 + i] = (uint8_t)(low >> (24 - 8 * i));
}

/* NULL: there is none. */
static const uint8_t *address_of(const struct fw_tracker *tracker, const struct fw_packet *packet,
	const struct fw_nat *nat, uint8_t chosen[16])
{
	if (nat->kind == FW_MASQUERADE)
		return fw_host_address(tracker->host, packet->out, packet->family);
	if (nat->kind == FW_REDIRECT)
		return fw_host_address(tracker->host, packet->in, packet->family);
	if (nat->prefix) {
		/* answers still have the address that it is about */
		const uint8_t *own = tracker->asked.tuples[1].address[nat->kind == FW_SNAT];

		for (uint32_t i = 0; i < 16; i++)
			chosen[i] = (uint8_t)((own[i] & (nat->low[i] ^ nat->high[i])) |
					      (nat->low[i] & ~(nat->low[i] ^ nat->high[i])));
		return chosen;
	}
	memset(chosen, 0, 16);
	choose_address(nat, &tracker->asked.tuples[0], packet->family, chosen);
	return chosen;
}

bool fw_nat_bind(void *context, const struct fw_packet *packet, const struct fw_nat *nat)
{
	struct fw_tracker *tracker = context;
	fw_key *answer = &tracker->asked.tuples[1];
	bool source = nat->kind == FW_SNAT || nat->kind == FW_MASQUERADE;
	bool from_host = nat->kind == FW_MASQUERADE || nat->kind == FW_REDIRECT;
	uint8_t chosen[16];
	const uint8_t *address;

	if (nat->has_address || from_host) {
		address = address_of(tracker, packet, nat, chosen);
		if (!address)
			return false;
		memcpy(answer->address[source], address, packet->family == FW_IP ? 4 : 16);
	}
	tracker->pending_connection.nat |=
		(uint8_t)(1u << (source ? FW_NAT_SOURCE : FW_NAT_DESTINATION));
	if (source)
		return choose_port(tracker, nat, answer);
	if (nat->has_ports && fw_track_ports(packet->protocol))
		set_port(answer, 0,
			(uint16_t)(nat->port_low +
				   random32(tracker) %
					   ((uint32_t)(nat->port_high - nat->port_low) + 1)));
	return true;
}

/* ---- change ---- */

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
		fw_tuple_taken(tracker, &asked->tuples[1])) {
		if (!choose_port(tracker, NULL, &asked->tuples[1]))
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
