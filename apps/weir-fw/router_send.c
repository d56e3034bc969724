/* SPDX-License-Identifier: BSD-3-Clause */
/* router_send.c: the way out of a router: what is too long, and what it says itself. */
#include "apps/weir-fw/router.h"

#include <string.h>

enum { ETHERNET = 14, FRAGMENTS = 64 };

void fw_router_drop(struct fw_router *router, uint32_t reason, struct weir_mbuf *mbuf)
{
	weir_stage_drop(router->stage, reason, &mbuf, 1);
}

uint32_t fw_router_headers(const struct fw_packet *packet)
{
	enum { ICMP = 1, ICMPV6 = 58, TRANSPORT = 128 };
	uint32_t most = FW_ROUTER_HEADERS;

	/* extension headers may go on and on, also in the packet that an error quotes */
	if (packet->protocol == ICMP || packet->protocol == ICMPV6 ||
		(packet->transport && packet->transport - packet->frame + TRANSPORT > most))
		most = UINT32_MAX;
	return packet->frame_length < most ? packet->frame_length : most;
}

void fw_router_put_back(const struct fw_router *router, struct weir_mbuf *mbuf)
{
	weir_mbuf_write(mbuf, 0, router->view.flat, fw_router_headers(&router->view.packet));
}

/* ---- out ---- */

/* To the next hop; or to the thread that knows where it is, which asks for it once more. */
static void send_one(struct fw_router *router, struct weir_mbuf *mbuf, uint32_t port,
	uint8_t family, const uint8_t *hop)
{
	if (router->alone) {
		fw_hops_send(&router->hops, mbuf, port, family, hop);
		return;
	}
	fw_put_header(mbuf, NULL, NULL, family);
	weir_stage_next(router->stage, port, mbuf);
}

void fw_router_send(struct fw_router *router, struct weir_mbuf *mbuf, uint32_t port, uint8_t family,
	const uint8_t *hop)
{
	uint32_t mtu = fw_net_mtu(router->net, port);
	struct weir_mbuf *fragments[FRAGMENTS];
	uint8_t next[16];
	int count;

	/* it may lie in the packet */
	memcpy(next, hop, fw_address_size(family));
	if (!mtu || mbuf->length - ETHERNET <= mtu || mbuf->flags & WEIR_MBUF_SEGMENT) {
		send_one(router, mbuf, port, family, next);
		return;
	}
	router->fragment_id += router->stage->workers;
	count = weir_fragment(mbuf, mtu, router->fragment_id, fragments, FRAGMENTS);
	if (count < 0) {
		fw_router_drop(router, FW_ROUTER_UNREACHABLE, mbuf);
		return;
	}
	weir_stage_made(router->stage, (uint64_t)count - 1);
	for (int i = 0; i < count; i++)
		send_one(router, fragments[i], port, family, next);
}

void fw_router_hear(struct fw_router *router, const struct fw_message *message,
	struct weir_mbuf *mbuf, uint32_t port)
{
	if (message && !router->alone) {
		mbuf->flags |= FW_HOPS_HEARD;
		weir_stage_next(router->stage, port, mbuf);
		return;
	}
	if (message)
		fw_hops_hear(&router->hops, message, port);
	weir_stage_took(router->stage, 1);
	weir_mbuf_free(mbuf);
}

/* ---- our own packets ---- */

void fw_router_emit(
	struct fw_router *router, struct weir_mbuf *mbuf, uint32_t port, uint32_t ct_state)
{
	static const enum fw_hook hooks[] = {FW_OUTPUT, FW_POSTROUTING};
	struct fw_view *view = &router->view;
	struct fw_packet *packet = &view->packet;
	struct fw_decision decision = {.verdict = FW_ACCEPT};
	const uint8_t *to, *hop;
	bool copied;

	mbuf->port = (uint16_t)port;
	copied = fw_view_read(view, mbuf);
	memset(packet->in, 0, FW_IFNAMSIZ);
	to = packet->network + (packet->family == FW_IP ? 16 : 24);
	if (fw_net_find(router->net, packet->family, to, &port, &hop) != FW_NEXT_PORT) {
		fw_router_drop(router, FW_ROUTER_UNREACHABLE, mbuf);
		return;
	}
	packet->ct_state = ct_state;
	memcpy(packet->out, view->live->names[port], FW_IFNAMSIZ);
	for (uint32_t i = 0; i < 2 && decision.verdict == FW_ACCEPT; i++)
		fw_judge_hook(&view->judge, hooks[i], packet, &decision);
	if (!ct_state && view->judge.tracker)
		fw_tracker_decided(view->judge.tracker, decision.verdict == FW_ACCEPT);
	if (copied)
		fw_router_put_back(router, mbuf);
	if (decision.verdict == FW_ACCEPT)
		fw_router_send(router, mbuf, port, packet->family, hop);
	else
		fw_router_drop(router, FW_ROUTER_RULES, mbuf);
}

/* All threads together have the rate. */
static bool may_tell(struct fw_live *live, uint64_t now_ns)
{
	const struct fw_packet error = {.time_ns = now_ns};

	return fw_limit_allows(&live->errors, &error);
}

void fw_router_tell(
	struct fw_router *router, enum fw_reply_kind kind, uint32_t value, uint32_t port)
{
	struct fw_packet *packet = &router->view.packet;
	const uint8_t *from = fw_own_address(router->view.live, port, packet->family);
	bool reset = kind == FW_REPLY_RESET;
	uint8_t bytes[FW_REPLY_MAX];
	struct weir_mbuf *mbuf;
	uint32_t length;

	if (fw_reply_is_silent(packet, kind) ||
		(!reset && (!from || !may_tell(router->view.live, router->clock_ns))) ||
		fw_net_is_group(router->net, packet->family,
			packet->network + (packet->family == FW_IP ? 16 : 24)))
		return;
	if (router->view.judge.tracker)
		fw_nat_undo(router->view.judge.tracker, packet);
	length = fw_reply_write(bytes, packet, kind, from, value);
	mbuf = fw_new_frame(router->stage, router->view.live, ETHERNET + length);
	if (!mbuf)
		return;
	memset(weir_mbuf_data(mbuf), 0, ETHERNET);
	fw_put_header(mbuf, NULL, NULL, packet->family);
	memcpy(weir_mbuf_data_at(mbuf, ETHERNET), bytes, length);
	/* it belongs to the connection of what it is about */
	fw_router_emit(router, mbuf, port, reset ? FW_CT_ESTABLISHED : FW_CT_RELATED);
}
