/* SPDX-License-Identifier: BSD-3-Clause */
/* router_known.c: through a router without asking the rules, and what that has in common with the
 * way through them. */
#include "apps/weir-fw/router.h"

#include <string.h>

void fw_router_take_hop(const struct fw_packet *packet)
{
	uint8_t *ip = (uint8_t *)(uintptr_t)packet->network;
	uint16_t before, after, checksum;

	if (packet->family == FW_IP6) {
		ip[7]--;
		return;
	}
	memcpy(&before, ip + 8, 2);
	ip[8]--;
	memcpy(&after, ip + 8, 2);
	memcpy(&checksum, ip + 10, 2);
	checksum = weir_checksum_update16(checksum, before, after);
	memcpy(ip + 10, &checksum, 2);
}

bool fw_router_is_too_long(
	const struct fw_router *router, const struct fw_passage *passage, uint32_t port)
{
	const struct fw_packet *packet = &router->view.packet;
	uint32_t mtu = fw_net_mtu(router->net, port);

	return mtu && packet->network_length > mtu && !passage->whole &&
	       !(passage->mbuf->flags & WEIR_MBUF_SEGMENT) &&
	       (packet->family == FW_IP6 || packet->network[6] & 0x40);
}

void fw_router_leave(struct fw_router *router, const struct fw_passage *passage, uint32_t port,
	const uint8_t *hop)
{
	if (passage->copied)
		fw_router_put_back(router, passage->mbuf);
	fw_router_send(router, passage->mbuf, port, router->view.packet.family, hop);
}

/* Would it go to another, by a port, if the rules let it? */
static bool find(const struct fw_router *router, const struct fw_passage *passage, uint32_t *port,
	const uint8_t **hop)
{
	const struct fw_packet *packet = &router->view.packet;

	*port = passage->in;
	return !passage->whole && !packet->link_broadcast && !packet->link_multicast &&
	       fw_hops(packet) > 1 &&
	       !fw_net_is_group(router->net, packet->family, fw_destination(packet)) &&
	       fw_net_find(router->net, packet->family, fw_destination(packet), port, hop) ==
		       FW_NEXT_PORT &&
	       !fw_stays_on_link(packet, *hop) && !fw_router_is_too_long(router, passage, *port);
}

bool fw_router_known(struct fw_router *router, const struct fw_passage *passage)
{
	static const struct fw_decision accepted = {.verdict = FW_ACCEPT};
	struct fw_view *view = &router->view;
	const uint8_t *hop;
	uint32_t port;

	if (!find(router, passage, &port, &hop)) {
		fw_fast_record(&view->fast, &view->judge);
		return false;
	}
	if (!fw_fast_one(&view->fast, &view->judge, &view->packet, fw_fast_way(passage->in, port)))
		return false;
	fw_totals_add(&view->totals, &view->packet, &accepted, view->packet.frame_wire_length);
	view->totals.known++;
	fw_router_take_hop(&view->packet);
	fw_router_leave(router, passage, port, hop);
	return true;
}
