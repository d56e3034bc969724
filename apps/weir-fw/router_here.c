/* SPDX-License-Identifier: BSD-3-Clause */
/* router_here.c: packets for the router itself: pings and neighbours; it has no other services. */
#include "apps/weir-fw/router.h"

#include <string.h>

enum { ICMP = 1, TCP = 6, UDP = 17, ICMPV6 = 58 };

/* A ping becomes its answer. */
static void echo(struct fw_router *router, const struct fw_passage *passage)
{
	struct fw_packet *packet = &router->view.packet;
	uint32_t size = fw_address_size(packet->family);
	uint8_t *icmp = (uint8_t *)(uintptr_t)packet->transport;
	uint8_t *addresses = (uint8_t *)(uintptr_t)fw_destination(packet) - size, source[16];
	uint16_t before, after, checksum;

	memcpy(source, addresses, size);
	memcpy(addresses, addresses + size, size);
	memcpy(addresses + size, source, size);
	memcpy(&before, icmp, 2);
	icmp[0] = packet->family == FW_IP ? 0 : 129;
	memcpy(&after, icmp, 2);
	memcpy(&checksum, icmp + 2, 2);
	checksum = weir_checksum_update16(checksum, before, after);
	memcpy(icmp + 2, &checksum, 2);
	if (packet->family == FW_IP) {
		addresses[-4] = 64;
		weir_ipv4_checksum_set(addresses - 12);
	} else {
		addresses[-1] = 64;
	}
	if (passage->copied)
		fw_router_put_back(router, passage->mbuf);
	fw_router_emit(router, passage->mbuf, passage->in, 0);
}

static bool is_echo(const struct fw_packet *packet)
{
	bool four = packet->family == FW_IP;

	return packet->protocol == (four ? ICMP : ICMPV6) && packet->transport &&
	       !packet->in_fragments && packet->transport_length >= 8 &&
	       packet->transport[0] == (four ? 8 : 128) && !packet->transport[1];
}

void fw_router_take(struct fw_router *router, const struct fw_passage *passage)
{
	struct fw_packet *packet = &router->view.packet;
	struct fw_message message;

	if (packet->transport && fw_message_nd(packet, &message)) {
		fw_router_hear(router, &message, passage->mbuf, passage->in);
	} else if (is_echo(packet) &&
		   !fw_net_is_group(router->net, packet->family, fw_destination(packet))) {
		echo(router, passage);
	} else {
		if (packet->transport && packet->protocol == TCP)
			fw_router_tell(router, FW_REPLY_RESET, 0, passage->in);
		else if (packet->transport && packet->protocol == UDP)
			fw_router_tell(router, FW_REPLY_NO_PORT, 0, passage->in);
		fw_router_drop(router, FW_ROUTER_LOCAL, passage->mbuf);
	}
}
