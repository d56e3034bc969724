/* SPDX-License-Identifier: BSD-3-Clause */
/* track_key.c: by which bytes the packets of a connection know each other. */
#include "apps/weir-fw/track_impl.h"

#include <string.h>

typedef fw_key key;

enum { ICMP = 1, TCP = 6, UDP = 17, DCCP = 33, ICMPV6 = 58, SCTP = 132, UDPLITE = 136 };

/* The request that a type of ICMP is, or answers; -1: neither. */
static int request_of(uint8_t protocol, uint8_t type, bool *answer)
{
	static const uint8_t v4[][2] = {{8, 0}, {13, 14}, {15, 16}, {17, 18}};
	static const uint8_t v6[][2] = {{128, 129}, {139, 140}};
	const uint8_t(*pairs)[2] = protocol == ICMP ? v4 : v6;
	uint32_t count = protocol == ICMP ? 4 : 2;

	for (uint32_t i = 0; i < count; i++)
		if (type == pairs[i][0] || type == pairs[i][1]) {
			*answer = type == pairs[i][1];
			return pairs[i][0];
		}
	return -1;
}

bool fw_track_ports(uint8_t protocol)
{
	return protocol == TCP || protocol == UDP || protocol == SCTP || protocol == DCCP ||
	       protocol == UDPLITE;
}

void fw_key_exchange(key *of)
{
	uint8_t address[16], port[2];

	memcpy(address, of->address[0], 16);
	memcpy(of->address[0], of->address[1], 16);
	memcpy(of->address[1], address, 16);
	memcpy(port, of->port[0], 2);
	memcpy(of->port[0], of->port[1], 2);
	memcpy(of->port[1], port, 2);
}

bool fw_key_sort(key *of)
{
	if (!of->zero[1])
		return weir_flow_key_sort_ipv6(of);
	/* only tuples of answers get here: the key is that of the request */
	fw_key_exchange(of);
	return true;
}

bool fw_track_is_error(const struct fw_packet *packet)
{
	uint8_t type;

	if (packet->protocol != (packet->family == FW_IP ? ICMP : ICMPV6) ||
		packet->transport_length < 8)
		return false;
	type = packet->transport[0];
	if (packet->protocol == ICMPV6)
		return type < 128;
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

bool fw_key_make(const uint8_t *network, uint8_t family, uint8_t protocol, const uint8_t *transport,
	uint32_t length, key *of, bool *exchanged)
{
	uint32_t size = family == FW_IP ? 4 : 16, at = family == FW_IP ? 12 : 8;
	int request;

	memset(of, 0, sizeof(*of));
	memcpy(of->address[0], network + at, size);
	memcpy(of->address[1], network + at + size, size);
	of->protocol = protocol;
	of->zero[0] = family;
	if (protocol == (family == FW_IP ? ICMP : ICMPV6)) {
		if (length < 8 || (request = request_of(protocol, transport[0], exchanged)) < 0)
			return false;
		memcpy(of->port[0], transport + 4, 2);
		memcpy(of->port[1], transport + 4, 2);
		of->zero[1] = (uint8_t)(request + 1);
		if (*exchanged)
			fw_key_exchange(of);
		return true;
	}
	if (fw_track_ports(protocol)) {
		if (length < 4)
			return false;
		memcpy(of->port[0], transport, 2);
		memcpy(of->port[1], transport + 2, 2);
	}
	*exchanged = weir_flow_key_sort_ipv6(of);
	return true;
}
