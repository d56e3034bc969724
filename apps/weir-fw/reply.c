/* SPDX-License-Identifier: BSD-3-Clause */
/* reply.c: ICMP errors and resets, as bytes. */
#include "apps/weir-fw/reply.h"

#include "base/big_impl.h"

#include <weir/checksum.h>

#include <string.h>

enum { ICMP = 1, TCP = 6, ICMPV6 = 58, IPV4 = 20, IPV6 = 40 };
enum { TTL = 64 };        /* IANA's default */
enum { QUOTE_MAX = 576 }; /* bytes of an error of IPv4: RFC 1812, 4.3.2.3 */
enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };

enum fw_reply_kind fw_reply_of(const struct fw_statement *reject, uint8_t *code)
{
	/* NFT_REJECT_ICMPX_*: no-route, port-unreachable, host-unreachable, admin-prohibited */
	static const enum fw_reply_kind both[] = {
		FW_REPLY_NO_ROUTE, FW_REPLY_NO_PORT, FW_REPLY_NO_HOST, FW_REPLY_PROHIBITED};

	*code = reject->reject.code;
	switch (reject->reject.kind) {
	case FW_REJECT_TCP:
		return FW_REPLY_RESET;
	case FW_REJECT_ICMPX:
		return both[*code & 3];
	case FW_REJECT_ICMP:
	case FW_REJECT_ICMPV6:
		return FW_REPLY_CODE;
	default:
		return FW_REPLY_NO_PORT;
	}
}

static bool is_error(const struct fw_packet *packet)
{
	uint8_t type;

	if (packet->protocol != (packet->family == FW_IP ? ICMP : ICMPV6))
		return false;
	if (!packet->transport || !packet->transport_length)
		return true;
	type = packet->transport[0];
	return packet->family == FW_IP6
		       ? type < 128 || type == 137
		       : type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

/* A source that no answer goes to: none, a group, broadcast. */
static bool is_nobody(const struct fw_packet *packet)
{
	static const uint8_t none[16];
	const uint8_t *source = packet->network + (packet->family == FW_IP ? 12 : 8);

	if (packet->family == FW_IP6)
		return source[0] == 0xff || memcmp(source, none, 16) == 0;
	return source[0] >= 224 || source[0] == 127 || memcmp(source, none, 4) == 0;
}

bool fw_reply_is_silent(const struct fw_packet *packet, enum fw_reply_kind kind)
{
	if (packet->fragment || packet->link_broadcast || packet->link_multicast ||
		is_error(packet) || is_nobody(packet))
		return true;
	return kind == FW_REPLY_RESET &&
	       (packet->protocol != TCP || !packet->transport || packet->transport_length < 20 ||
		       packet->transport[13] & RST);
}

/* A header of IP in front of length bytes; how long it is. */
static uint32_t ip(uint8_t *out, uint8_t family, uint8_t protocol, const uint8_t *from,
	const uint8_t *to, uint32_t length)
{
	if (family == FW_IP6) {
		memset(out, 0, IPV6);
		out[0] = 0x60;
		weir__big16_put(out + 4, length);
		out[6] = protocol;
		out[7] = TTL;
		memcpy(out + 8, from, 16);
		memcpy(out + 24, to, 16);
		return IPV6;
	}
	memset(out, 0, IPV4);
	out[0] = 0x45;
	weir__big16_put(out + 2, IPV4 + length);
	out[6] = 0x40; /* don't fragment */
	out[8] = TTL;
	out[9] = protocol;
	memcpy(out + 12, from, 4);
	memcpy(out + 16, to, 4);
	weir_ipv4_checksum_set(out);
	return IPV4;
}

static uint32_t pseudo(const uint8_t *out, uint8_t family, uint8_t protocol, uint32_t length)
{
	return family == FW_IP6 ? weir_ipv6_pseudo_sum(out, protocol, length)
				: weir_ipv4_pseudo_sum(out, protocol, length);
}

static uint32_t reset(uint8_t *out, const struct fw_packet *packet)
{
	const uint8_t *tcp = packet->transport, *source, *to;
	uint32_t size = packet->family == FW_IP ? 4 : 16, header, end;
	uint8_t *at;
	uint16_t checksum;

	source = packet->network + (packet->family == FW_IP ? 12 : 8);
	to = source + size;
	header = ip(out, packet->family, TCP, to, source, 20);
	at = out + header;
	memset(at, 0, 20);
	memcpy(at, tcp + 2, 2);
	memcpy(at + 2, tcp, 2);
	at[12] = 5 << 4;
	at[13] = RST;
	if (tcp[13] & ACK) {
		memcpy(at + 4, tcp + 8, 4);
	} else {
		end = weir__big32(tcp + 4) + packet->transport_length - (tcp[12] >> 4) * 4u +
		      !!(tcp[13] & SYN) + !!(tcp[13] & FIN);
		weir__big16_put(at + 8, end >> 16);
		weir__big16_put(at + 10, end);
		at[13] |= ACK;
	}
	checksum = weir_checksum_finish(
		weir_checksum_add(pseudo(out, packet->family, TCP, 20), at, 20));
	memcpy(at + 16, &checksum, 2);
	return header + 20;
}

/* The type and code of ICMP (first) and of ICMPv6. */
static const uint8_t errors[][2][2] = {[FW_REPLY_NO_ROUTE] = {{3, 0}, {1, 0}},
	[FW_REPLY_NO_HOST] = {{3, 1}, {1, 3}},
	[FW_REPLY_NO_PORT] = {{3, 3}, {1, 4}},
	[FW_REPLY_PROHIBITED] = {{3, 13}, {1, 1}},
	[FW_REPLY_HOPS] = {{11, 0}, {3, 0}},
	[FW_REPLY_TOO_BIG] = {{3, 4}, {2, 0}},
	[FW_REPLY_CODE] = {{3, 0}, {1, 0}}};

uint32_t fw_reply_write(uint8_t *out, const struct fw_packet *packet, enum fw_reply_kind kind,
	const uint8_t *from, uint32_t value)
{
	bool six = packet->family == FW_IP6;
	uint32_t header = six ? IPV6 : IPV4, room, quoted, sum;
	uint8_t protocol = six ? ICMPV6 : ICMP, *at = out + header;
	uint16_t checksum;

	if (kind == FW_REPLY_RESET)
		return reset(out, packet);
	room = (six ? FW_REPLY_MAX : QUOTE_MAX) - header - 8;
	quoted = packet->network_length < room ? packet->network_length : room;
	ip(out, packet->family, protocol, from, packet->network + (six ? 8 : 12), 8 + quoted);
	memset(at, 0, 8);
	memcpy(at, errors[kind][six], 2);
	if (kind == FW_REPLY_CODE)
		at[1] = (uint8_t)value;
	if (kind == FW_REPLY_TOO_BIG)
		weir__big16_put(at + 6, value);
	memcpy(at + 8, packet->network, quoted);
	sum = six ? pseudo(out, packet->family, protocol, 8 + quoted) : 0;
	checksum = weir_checksum_finish(weir_checksum_add(sum, at, 8 + quoted));
	memcpy(at + 2, &checksum, 2);
	return header + 8 + quoted;
}
