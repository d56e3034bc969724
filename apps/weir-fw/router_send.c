/* SPDX-License-Identifier: BSD-3-Clause */
/* router_send.c: the way out of a router: neighbours, what is too long, and what it says itself. */
#include "apps/weir-fw/router.h"

#include <string.h>

enum { ETHERNET = 14, FRAGMENTS = 64 };
#define NS UINT64_C(1000000000)
/* Errors are told at most so often a second, and so many at once; as net.ipv4.icmp_msgs_per_sec and
 * icmp_msgs_burst of the kernel. */
#define ERRORS       1000
#define ERRORS_BURST 50

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

/* ---- neighbours ---- */

static void put_header(
	struct weir_mbuf *mbuf, const uint8_t *to, const uint8_t *from, uint8_t family)
{
	uint8_t *frame = weir_mbuf_data(mbuf);

	memcpy(frame, to, 6);
	memcpy(frame + 6, from, 6);
	frame[12] = family == FW_IP ? 0x08 : 0x86;
	frame[13] = family == FW_IP ? 0x00 : 0xdd;
}

static struct weir_mbuf *new_frame(struct fw_router *router, uint32_t length)
{
	struct weir_mbuf *mbuf = weir_mbuf_alloc(router->view.live->bridge.run.app.pool);

	if (mbuf && weir_mbuf_append(mbuf, length)) {
		weir_stage_made(router->stage, 1);
		return mbuf;
	}
	weir_mbuf_free(mbuf);
	weir_stage_count(router->stage, FW_ROUTER_POOL_DRY, 1);
	return NULL;
}

/* A frame of ARP or of neighbour discovery: no rule sees it. */
static void send_frame(
	struct fw_router *router, uint32_t port, const uint8_t *frame, uint32_t length)
{
	struct weir_mbuf *mbuf = new_frame(router, length);

	if (!mbuf)
		return;
	memcpy(weir_mbuf_data(mbuf), frame, length);
	weir_stage_next(router->stage, port, mbuf);
}

/* An address of the port to speak from: one of IPv6's link, if that is asked for. */
static const uint8_t *own_address(const struct fw_router *router, uint32_t port, uint8_t family)
{
	const char *name = router->view.live->names[port];
	const uint8_t *address = fw_host_address(&router->net->host, name, family);

	for (uint32_t i = 0; !address && i < router->net->host.count; i++)
		if (router->net->addresses[i].family == family)
			address = router->net->addresses[i].bytes;
	return address;
}

static void ask(struct fw_router *router, const struct fw_neighbour *entry)
{
	const uint8_t *source = own_address(router, entry->port, entry->family);
	uint8_t frame[FW_NEIGHBOUR_FRAME];

	if (source)
		send_frame(router, entry->port, frame,
			fw_neighbour_question(frame, entry->family,
				router->net->interfaces[entry->port].mac, source, entry->address));
}

static struct fw_neighbour *make_entry(
	struct fw_router *router, uint32_t port, uint8_t family, const uint8_t *address)
{
	struct weir_mbuf *lost[FW_NEIGHBOUR_HELD];
	uint32_t count;
	struct fw_neighbour *entry =
		fw_neighbour_make(router->neighbours, port, family, address, lost, &count);

	weir_stage_made(router->stage, count);
	weir_stage_drop(router->stage, FW_ROUTER_NEIGHBOUR, lost, count);
	return entry;
}

/* Those that waited go, or are dropped when it is away. */
static void release(struct fw_router *router, struct fw_neighbour *entry)
{
	struct weir_mbuf *held[FW_NEIGHBOUR_HELD];
	uint32_t count = fw_neighbour_release(router->neighbours, entry, held);

	weir_stage_made(router->stage, count);
	for (uint32_t i = 0; i < count && entry->known; i++) {
		put_header(held[i], entry->mac, router->net->interfaces[entry->port].mac,
			entry->family);
		weir_stage_next(router->stage, entry->port, held[i]);
	}
	if (!entry->known)
		weir_stage_drop(router->stage, FW_ROUTER_NEIGHBOUR, held, count);
}

static void hold(struct fw_router *router, struct fw_neighbour *entry, struct weir_mbuf *mbuf)
{
	struct weir_mbuf *lost[FW_NEIGHBOUR_HELD];
	uint32_t count = fw_neighbour_hold(router->neighbours, entry, mbuf, lost);

	weir_stage_took(router->stage, 1);
	weir_stage_made(router->stage, count);
	weir_stage_drop(router->stage, FW_ROUTER_NEIGHBOUR, lost, count);
}

static void send_one(struct fw_router *router, struct weir_mbuf *mbuf, uint32_t port,
	uint8_t family, const uint8_t *hop)
{
	struct fw_neighbour *entry = fw_neighbour_find(router->neighbours, port, family, hop);
	enum fw_neighbour_state state;
	bool due;

	if (!entry)
		entry = make_entry(router, port, family, hop);
	state = fw_neighbour_use(entry, router->clock_ns, &due);
	if (due)
		ask(router, entry);
	if (state == FW_NEIGHBOUR_KNOWN) {
		put_header(mbuf, entry->mac, router->net->interfaces[port].mac, family);
		weir_stage_next(router->stage, port, mbuf);
	} else if (state == FW_NEIGHBOUR_WAIT) {
		hold(router, entry, mbuf);
	} else {
		release(router, entry);
		fw_router_drop(router, FW_ROUTER_NEIGHBOUR, mbuf);
	}
}

void fw_router_send(struct fw_router *router, struct weir_mbuf *mbuf, uint32_t port, uint8_t family,
	const uint8_t *hop)
{
	uint32_t mtu = router->net->interfaces[port].mtu;
	struct weir_mbuf *fragments[FRAGMENTS];
	uint8_t next[16];
	int count;

	/* it may lie in the packet */
	memcpy(next, hop, fw_address_size(family));
	if (!mtu || mbuf->length - ETHERNET <= mtu || mbuf->flags & WEIR_MBUF_SEGMENT) {
		send_one(router, mbuf, port, family, next);
		return;
	}
	count = weir_fragment(mbuf, mtu, ++router->fragment_id, fragments, FRAGMENTS);
	if (count < 0) {
		fw_router_drop(router, FW_ROUTER_UNREACHABLE, mbuf);
		return;
	}
	weir_stage_made(router->stage, (uint64_t)count - 1);
	for (int i = 0; i < count; i++)
		send_one(router, fragments[i], port, family, next);
}

void fw_router_hear(struct fw_router *router, const struct fw_message *message, uint32_t port)
{
	const char *name = router->view.live->names[port];
	bool ours = message->question &&
		    fw_net_is_own(router->net, message->family, message->target, name);
	const uint8_t *about = message->question ? message->sender : message->target;
	uint8_t frame[FW_NEIGHBOUR_FRAME];
	struct fw_neighbour *entry;

	/* one that nobody asked for may only say something new of a neighbour that is known */
	entry = about && message->mac
			? fw_neighbour_find(router->neighbours, port, message->family, about)
			: NULL;
	if (!entry && ours && about && message->mac)
		entry = make_entry(router, port, message->family, about);
	if (entry) {
		fw_neighbour_heard(entry, message->mac, router->clock_ns);
		release(router, entry);
	}
	if (ours && message->sender && message->mac)
		send_frame(router, port, frame,
			fw_neighbour_answer(frame, message->family,
				router->net->interfaces[port].mac, message->target, message->sender,
				message->mac));
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

/* A bucket of errors that fills with time. */
static bool may_tell(struct fw_router *router)
{
	uint64_t now_ns = router->clock_ns, more = now_ns - router->errors_ns;

	router->errors_ns = now_ns;
	router->error_credit += more;
	if (router->error_credit > ERRORS_BURST * NS / ERRORS)
		router->error_credit = ERRORS_BURST * NS / ERRORS;
	if (router->error_credit < NS / ERRORS)
		return false;
	router->error_credit -= NS / ERRORS;
	return true;
}

void fw_router_tell(
	struct fw_router *router, enum fw_reply_kind kind, uint32_t value, uint32_t port)
{
	struct fw_packet *packet = &router->view.packet;
	const uint8_t *from = own_address(router, port, packet->family);
	bool reset = kind == FW_REPLY_RESET;
	uint8_t bytes[FW_REPLY_MAX];
	struct weir_mbuf *mbuf;
	uint32_t length;

	if (fw_reply_is_silent(packet, kind) || (!reset && (!from || !may_tell(router))) ||
		fw_net_is_group(router->net, packet->family,
			packet->network + (packet->family == FW_IP ? 16 : 24)))
		return;
	if (router->view.judge.tracker)
		fw_nat_undo(router->view.judge.tracker, packet);
	length = fw_reply_write(bytes, packet, kind, from, value);
	mbuf = new_frame(router, ETHERNET + length);
	if (!mbuf)
		return;
	memset(weir_mbuf_data(mbuf), 0, ETHERNET);
	weir_mbuf_data(mbuf)[12] = packet->family == FW_IP ? 0x08 : 0x86;
	weir_mbuf_data(mbuf)[13] = packet->family == FW_IP ? 0x00 : 0xdd;
	memcpy(weir_mbuf_data_at(mbuf, ETHERNET), bytes, length);
	/* it belongs to the connection of what it is about */
	fw_router_emit(router, mbuf, port, reset ? FW_CT_ESTABLISHED : FW_CT_RELATED);
}
