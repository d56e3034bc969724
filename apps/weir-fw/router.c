/* SPDX-License-Identifier: BSD-3-Clause */
/* router.c: a packet's way through a router, as a kernel takes it:
 *
 *	prerouting -> where to? -> forward -> postrouting -> next hop
 *	                   \-> input -> here
 *
 * What is dropped with reject, has no hops left, is too long, or finds no route, its sender is told
 * of. The router itself answers pings, ARP and neighbour discovery, and else what a host without
 * services does. */
#include "apps/weir-fw/router.h"

#include "base/big_impl.h"

#include <string.h>
#include <sys/random.h>

enum { ETHERNET = 14, TYPE_ARP = 0x0806 };

static void decided(struct fw_router *router, const struct fw_decision *decision)
{
	struct fw_view *view = &router->view;

	if (view->judge.tracker)
		fw_tracker_decided(view->judge.tracker, decision->verdict == FW_ACCEPT);
	fw_totals_add(&view->totals, &view->packet, decision, view->packet.frame_wire_length);
}

/* A hook has dropped it. */
static void refuse(struct fw_router *router, const struct fw_passage *passage,
	const struct fw_decision *decision)
{
	uint8_t code;
	enum fw_reply_kind kind;

	decided(router, decision);
	if (decision->reject) {
		kind = fw_reply_of(decision->reject, &code);
		fw_router_tell(router, kind, code, passage->in);
	}
	fw_router_drop(router, FW_ROUTER_RULES, passage->mbuf);
}

/* The rules had nothing against it, but it goes no further. */
static void give_up(struct fw_router *router, const struct fw_passage *passage, uint32_t reason,
	enum fw_reply_kind kind, uint32_t value)
{
	const struct fw_decision decision = {.verdict = FW_DROP};

	decided(router, &decision);
	fw_router_tell(router, kind, value, passage->in);
	fw_router_drop(router, reason, passage->mbuf);
}

/* ---- here ---- */

static void input(struct fw_router *router, const struct fw_passage *passage)
{
	struct fw_decision decision = {.verdict = FW_ACCEPT};

	fw_judge_hook(&router->view.judge, FW_INPUT, &router->view.packet, &decision);
	if (decision.verdict != FW_ACCEPT) {
		refuse(router, passage, &decision);
		return;
	}
	decided(router, &decision);
	fw_router_take(router, passage);
}

/* ---- through ---- */

static void forward(struct fw_router *router, const struct fw_passage *passage, uint32_t port,
	const uint8_t *to)
{
	struct fw_view *view = &router->view;
	struct fw_packet *packet = &view->packet;
	struct fw_decision decision = {.verdict = FW_ACCEPT};
	bool to_many = packet->link_broadcast || packet->link_multicast;
	uint8_t hop[16];

	memcpy(hop, to, fw_address_size(packet->family));
	/* a frame to many: who else got it might send it on, too (RFC 1812, 5.3.4) */
	if (to_many || fw_hops(packet) <= 1) {
		give_up(router, passage, to_many ? FW_ROUTER_FOREIGN : FW_ROUTER_HOPS,
			FW_REPLY_HOPS, 0);
		return;
	}
	if (fw_router_is_too_long(router, passage, port)) {
		give_up(router, passage, FW_ROUTER_UNREACHABLE, FW_REPLY_TOO_BIG,
			fw_net_mtu(router->net, port));
		return;
	}
	fw_router_take_hop(packet);
	memcpy(packet->out, view->live->names[port], FW_IFNAMSIZ);
	fw_judge_hook(&view->judge, FW_FORWARD, packet, &decision);
	if (decision.verdict == FW_ACCEPT)
		fw_judge_hook(&view->judge, FW_POSTROUTING, packet, &decision);
	if (decision.verdict != FW_ACCEPT) {
		refuse(router, passage, &decision);
		return;
	}
	decided(router, &decision);
	fw_fast_learn(&view->fast, packet, fw_fast_way(passage->in, port));
	fw_router_leave(router, passage, port, hop);
}

static void route(struct fw_router *router, const struct fw_passage *passage)
{
	struct fw_packet *packet = &router->view.packet;
	struct fw_decision decision = {.verdict = FW_ACCEPT};
	uint32_t port = passage->in;
	const uint8_t *hop;

	if (fw_router_known(router, passage))
		return;
	fw_judge_hook(&router->view.judge, FW_PREROUTING, packet, &decision);
	if (decision.verdict != FW_ACCEPT) {
		refuse(router, passage, &decision);
		return;
	}
	if (fw_net_is_group(router->net, packet->family, fw_destination(packet))) {
		input(router, passage);
		return;
	}
	switch (fw_net_find(router->net, packet->family, fw_destination(packet), &port, &hop)) {
	case FW_NEXT_HERE:
		input(router, passage);
		break;
	case FW_NEXT_PORT:
		/* addresses of a link stay there */
		if (fw_stays_on_link(packet, hop))
			give_up(router, passage, FW_ROUTER_UNREACHABLE, FW_REPLY_NO_ROUTE, 0);
		else
			forward(router, passage, port, hop);
		break;
	case FW_NEXT_NONE:
		give_up(router, passage, FW_ROUTER_UNREACHABLE, FW_REPLY_NO_ROUTE, 0);
		break;
	}
}

/* ---- in ---- */

bool fw_router_is_for_us(const struct fw_net *net, const struct weir_mbuf *mbuf)
{
	const uint8_t *to = weir_mbuf_data(mbuf);
	uint8_t own[6];

	fw_net_mac(net, mbuf->port, own);
	return weir_mbuf_link_type(mbuf) == WEIR_LINK_ETHERNET && mbuf->data_length >= ETHERNET &&
	       !(mbuf->flags & WEIR_MBUF_VLAN) && (to[0] & 1 || memcmp(to, own, 6) == 0);
}

static void hear_arp(struct fw_router *router, struct weir_mbuf *mbuf)
{
	struct fw_message message;
	bool good = fw_message_arp(weir_mbuf_data(mbuf), mbuf->data_length, &message);

	fw_router_hear(router, good ? &message : NULL, mbuf, mbuf->port);
}

/* Its headers can be written to, and the view is of it. */
static bool open_packet(struct fw_router *router, struct fw_passage *passage)
{
	uint32_t length = passage->mbuf->length, done = 0;

	length = length < FW_ROUTER_HEADERS ? length : FW_ROUTER_HEADERS;
	while (done < length) {
		if (weir_mbuf_make_writable(&passage->mbuf, 0, length)) {
			fw_router_drop(router, FW_ROUTER_POOL_DRY, passage->mbuf);
			return false;
		}
		passage->copied = fw_view_read(&router->view, passage->mbuf);
		done = length;
		length = fw_router_headers(&router->view.packet);
	}
	return true;
}

/* A part of a packet, which rules of ct cannot tell whose it is: it waits for the others, as in the
 * kernel. Returns whether the packet is whole now; else it has gone. */
static bool put_together(struct fw_router *router, struct fw_passage *passage)
{
	struct weir_mbuf *mbuf = passage->mbuf;

	mbuf = weir_reassembly_add(router->reassembly, mbuf, router->clock_ns);
	if (!mbuf) {
		weir_stage_took(router->stage, 1);
		return false;
	}
	mbuf->port = (uint16_t)passage->in;
	passage->mbuf = mbuf;
	passage->whole = true;
	if (!open_packet(router, passage))
		return false;
	if (router->view.packet.kind == FW_KIND_IP)
		return true;
	fw_router_drop(router, FW_ROUTER_MALFORMED, passage->mbuf);
	return false;
}

bool fw_router_is_good(
	const struct fw_net *net, const struct fw_packet *packet, const struct weir_mbuf *mbuf)
{
	const uint8_t *to = fw_destination(packet), *from = to - fw_address_size(packet->family);

	if (fw_net_is_group(net, packet->family, from) ||
		fw_net_is_loopback(packet->family, from) || fw_net_is_loopback(packet->family, to))
		return false;
	return packet->family != FW_IP || mbuf->flags & WEIR_MBUF_L3_CHECKSUM ||
	       weir_ipv4_checksum_verify(packet->network);
}

static void handle(struct fw_router *router, struct weir_mbuf *mbuf)
{
	const struct fw_packet *packet = &router->view.packet;
	struct fw_passage passage = {.mbuf = mbuf, .in = mbuf->port};

	if (!fw_router_is_for_us(router->net, mbuf)) {
		fw_router_drop(router, FW_ROUTER_FOREIGN, mbuf);
		return;
	}
	if (weir__big16(weir_mbuf_data(mbuf) + 12) == TYPE_ARP) {
		hear_arp(router, mbuf);
		return;
	}
	if (!open_packet(router, &passage))
		return;
	if (packet->kind == FW_KIND_OTHER || packet->vlan)
		fw_router_drop(router, FW_ROUTER_FOREIGN, passage.mbuf);
	else if (packet->kind == FW_KIND_MALFORMED ||
		 !fw_router_is_good(router->net, packet, passage.mbuf))
		fw_router_drop(router, FW_ROUTER_MALFORMED, passage.mbuf);
	else if (!fw_parts_wants(router->view.judge.rules, packet) ||
		 put_together(router, &passage))
		route(router, &passage);
}

/* Those that the reassembly has dropped since the last time. */
static void count_fragments(struct fw_router *router)
{
	struct weir_reassembly_stats stats;

	weir_reassembly_stats(router->reassembly, &stats);
	weir_stage_count(
		router->stage, FW_ROUTER_FRAGMENTS, stats.dropped - router->fragments_dropped);
	router->fragments_dropped = stats.dropped;
}

static void expire_fragments(struct fw_router *router, uint64_t now_ns)
{
	weir_reassembly_expire(router->reassembly, now_ns);
	count_fragments(router);
}

static void expire_parts(struct fw_view *view)
{
	expire_fragments((struct fw_router *)view, app_now_ns()); /* the view is its first member */
}

static void run(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	struct fw_router *router = stage->state;

	router->clock_ns = router->hops.clock_ns = app_now_ns();
	fw_view_begin(&router->view);
	fw_fast_begin(&router->view.fast, &router->view.judge, router->view.generation, 1);
	for (uint32_t i = 0; i < count; i++)
		handle(router, mbufs[i]);
	fw_view_end(&router->view);
	expire_fragments(router, router->clock_ns);
}

static int open_router(struct weir_stage_args *args, void *conf)
{
	*(const struct fw_live **)conf = weir_stage_data(args);
	return 0;
}

static int set_up(struct weir_stage *stage)
{
	struct fw_router *router = stage->state;
	struct fw_live *live = *(struct fw_live **)stage->conf;
	const uint32_t most = fw_held_most(live);
	const struct weir_reassembly_conf parts = {.packets = 256, .held = most};

	fw_view_open(&router->view, live, stage->worker);
	router->view.judge.bind = fw_nat_bind;
	router->view.judge.translate = fw_nat_apply;
	router->view.expire_parts = expire_parts;
	router->stage = stage;
	router->net = &live->net;
	router->alone = stage->workers == 1;
	router->reassembly = weir_reassembly_create(&parts);
	if (!router->reassembly ||
		getrandom(&router->fragment_id, sizeof(router->fragment_id), 0) < 0)
		return weir_stage_fail(ENOMEM, "no memory for fragments");
	/* no two threads may give the same number */
	router->fragment_id -= router->fragment_id % stage->workers + stage->worker;
	if (stage->worker == 0)
		fw_net_open(router->net, &live->bridge.run.app, live->names);
	return router->alone ? fw_hops_open(&router->hops, stage, live) : 0;
}

static void tear_down(struct weir_stage *stage)
{
	struct fw_router *router = stage->state;

	if (router->alone)
		fw_hops_close(&router->hops);
	/* what is not whole now never will be */
	expire_fragments(router, UINT64_MAX);
	weir_reassembly_destroy(router->reassembly);
}

static const char *const counters[] = {[FW_ROUTER_FOREIGN] = "not for us",
	[FW_ROUTER_MALFORMED] = "malformed",
	[FW_ROUTER_RULES] = "rules",
	[FW_ROUTER_UNREACHABLE] = "unreachable",
	[FW_ROUTER_HOPS] = "no hops left",
	[FW_ROUTER_NEIGHBOUR] = "no neighbour",
	[FW_ROUTER_LOCAL] = "no service",
	[FW_ROUTER_POOL_DRY] = "pool dry",
	[FW_ROUTER_FRAGMENTS] = "fragments",
	[FW_ROUTER_REASONS] = NULL};

const struct weir_stage_type fw_router_type = {
	.name = "firewall",
	.help = "judge by rules, translate and route",
	.edges = app_bridge_edges,
	.counters = counters,
	.conf_size = sizeof(struct fw_live *),
	.state_size = sizeof(struct fw_router),
	.open = open_router,
	.setup = set_up,
	.teardown = tear_down,
	.run = run,
};
