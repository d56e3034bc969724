/* SPDX-License-Identifier: BSD-3-Clause */
/* router.h: what router.c, the way through, and the files about its ends share. */
#ifndef FW_ROUTER_H
#define FW_ROUTER_H

#include "apps/weir-fw/live_impl.h"
#include "apps/weir-fw/neighbour.h"
#include "apps/weir-fw/reply.h"

/* Headers that are written to lie in so many bytes, nearly always: IP with options inside an error
 * of ICMP inside IP with options, and some more of IPv6's. */
#define FW_ROUTER_HEADERS 512

/* Who is behind the ports, and what waits for them: router_hops.c. */
struct fw_hops {
	struct weir_stage *stage;
	struct fw_live *live;
	struct fw_neighbours *neighbours;
	uint64_t clock_ns; /* monotonic */
};

/* Of a frame that a thread behind others is to hear, not to send. */
#define FW_HOPS_HEARD (1u << 24)

struct fw_router {
	struct fw_view view;
	struct weir_stage *stage;
	struct fw_net *net;
	bool alone;                         /* no other thread judges: */
	struct fw_hops hops;                /* it knows the neighbours; else one behind it does */
	struct weir_reassembly *reassembly; /* for rules that ask for states */
	uint64_t fragments_dropped;         /* of these, as far as they are counted */
	uint32_t fragment_id;               /* of IPv6, the last one given */
	uint64_t clock_ns;                  /* of fragments and of errors, monotonic */
};

/* A packet while it is routed. */
struct fw_passage {
	struct weir_mbuf *mbuf;
	uint32_t in;
	bool whole;  /* it was put together, and may be cut again */
	bool copied; /* what rules and NAT see is a copy: see fw_view_read() */
};

static inline const uint8_t *fw_destination(const struct fw_packet *packet)
{
	return packet->network + (packet->family == FW_IP ? 16 : 24);
}

/* IPv6's addresses of a link, which a packet for one of them does not leave. */
static inline bool fw_stays_on_link(const struct fw_packet *packet, const uint8_t *hop)
{
	return packet->family == FW_IP6 && hop == fw_destination(packet) && hop[0] == 0xfe &&
	       (hop[1] & 0xc0) == 0x80;
}

static inline uint8_t fw_hops(const struct fw_packet *packet)
{
	return packet->network[packet->family == FW_IP ? 8 : 7];
}

/* Is a frame for the router, or for many? And of a packet in one: is the checksum of IPv4 right,
 * and is it not from many, or of a host's inside? */
bool fw_router_is_for_us(const struct fw_net *net, const struct weir_mbuf *mbuf);
bool fw_router_is_good(
	const struct fw_net *net, const struct fw_packet *packet, const struct weir_mbuf *mbuf);

/* router_known.c: hand the packet in view on if it is known that the rules let it; else it is to be
 * judged. */
bool fw_router_known(struct fw_router *router, const struct fw_passage *passage);

/* May the packet in view not be cut to fit the link? */
bool fw_router_is_too_long(
	const struct fw_router *router, const struct fw_passage *passage, uint32_t port);

/* It leaves by the port, with one hop less, for the next one. */
void fw_router_take_hop(const struct fw_packet *packet);
void fw_router_leave(struct fw_router *router, const struct fw_passage *passage, uint32_t port,
	const uint8_t *hop);

/* router_here.c: a packet for the router itself. */
void fw_router_take(struct fw_router *router, const struct fw_passage *passage);

/* router_send.c: how many bytes of a packet may be changed. */
uint32_t fw_router_headers(const struct fw_packet *packet);

/* Bring back to a packet what was changed in a copy of it, the view. */
void fw_router_put_back(const struct fw_router *router, struct weir_mbuf *mbuf);

/* Hand a packet on by a port to the next hop; it is the router's no more. */
void fw_router_send(struct fw_router *router, struct weir_mbuf *mbuf, uint32_t port, uint8_t family,
	const uint8_t *hop);

/* A packet of our own, Ethernet's header not filled in: through output and postrouting, and away.
 * The state of its connection, or 0: the tracker is asked. port: where it goes when it is
 * link-local. */
void fw_router_emit(
	struct fw_router *router, struct weir_mbuf *mbuf, uint32_t port, uint32_t ct_state);

/* Tell the sender of the packet in view, which came by a port. */
void fw_router_tell(
	struct fw_router *router, enum fw_reply_kind kind, uint32_t value, uint32_t port);

/* A frame with a message of neighbours came by a port, NULL: with none that makes sense. It is the
 * router's no more. */
void fw_router_hear(struct fw_router *router, const struct fw_message *message,
	struct weir_mbuf *mbuf, uint32_t port);

/* router_hops.c: hand a packet on by a port to a hop, and hear what neighbours say. */
int fw_hops_open(struct fw_hops *hops, struct weir_stage *stage, struct fw_live *live);
void fw_hops_close(struct fw_hops *hops);
void fw_hops_send(struct fw_hops *hops, struct weir_mbuf *mbuf, uint32_t port, uint8_t family,
	const uint8_t *hop);
/* Give up packets that have waited too long for a neighbour. */
void fw_hops_expire(struct fw_live *live);
/* See what became of the interfaces; and forget who was behind those that are others now. */
void fw_hops_look(struct fw_live *live);
void fw_hops_hear(struct fw_hops *hops, const struct fw_message *message, uint32_t port);

/* A header of Ethernet for a packet; to NULL: only what it is of. */
void fw_put_header(struct weir_mbuf *mbuf, const uint8_t *to, const uint8_t *from, uint8_t family);

/* A new frame of so many bytes, or NULL, and that is counted. */
struct weir_mbuf *fw_new_frame(
	struct weir_stage *stage, const struct fw_live *live, uint32_t length);

/* An address of the port to speak from: one of IPv6's link, if that is asked for. */
const uint8_t *fw_own_address(const struct fw_live *live, uint32_t port, uint8_t family);

void fw_router_drop(struct fw_router *router, uint32_t reason, struct weir_mbuf *mbuf);

#endif
