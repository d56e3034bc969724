/* SPDX-License-Identifier: BSD-3-Clause */
/* router.h: what router.c, its main stage, and router_send.c share. */
#ifndef FW_ROUTER_H
#define FW_ROUTER_H

#include "apps/weir-fw/live_impl.h"
#include "apps/weir-fw/neighbour.h"
#include "apps/weir-fw/reply.h"

struct fw_router {
	struct fw_view view;
	struct weir_stage *stage;
	struct fw_net *net;
	struct fw_neighbours *neighbours;
	uint64_t clock_ns;                /* of neighbours and of errors, monotonic */
	uint64_t errors_ns, error_credit; /* see router_send.c */
};

/* router_send.c: hand a packet on by a port to the next hop; it is the router's no more. */
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

/* A message of neighbours came by a port. */
void fw_router_hear(struct fw_router *router, const struct fw_message *message, uint32_t port);

void fw_router_drop(struct fw_router *router, uint32_t reason, struct weir_mbuf *mbuf);

#endif
