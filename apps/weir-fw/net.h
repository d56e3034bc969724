/* SPDX-License-Identifier: BSD-3-Clause */
/* net.h: the networks that a router is in: addresses of its interfaces, and where packets go. */
#ifndef FW_NET_H
#define FW_NET_H

#include "apps/common/app.h"
#include "apps/weir-fw/nat.h"

#include <weir/atomic.h>

#include <string.h>

#define FW_NET_ADDRESSES  128
#define FW_NET_ROUTES     128
#define FW_NET_NEIGHBOURS 128

struct fw_route {
	uint8_t family, length;
	uint8_t bytes[16], gateway[16];
	bool via; /* a gateway; else all that it matches is on the link */
	uint32_t port;
};

struct fw_fixed { /* a neighbour that is never asked for */
	uint8_t family, address[16], mac[6];
};

/* What it is like, which may change while packets are routed: one thread looks, all others read. */
struct fw_interface {
	WEIR_ATOMIC(uint64_t) mac;  /* 6 bytes as they lie in memory, to be read at once */
	WEIR_ATOMIC(uint32_t) mtu;  /* 0: no limit */
	struct weir_port_link link; /* of who looks: what it has seen last */
};

struct fw_net {
	struct fw_address addresses[FW_NET_ADDRESSES];
	struct fw_host host; /* of these */
	struct fw_route routes[FW_NET_ROUTES];
	uint32_t route_count;
	struct fw_fixed fixed[FW_NET_NEIGHBOURS];
	uint32_t fixed_count;
	struct fw_interface interfaces[APP_PORT_MAX];
};

/* Options: "lan0=192.168.1.1/24", "default=192.0.2.1", "192.0.2.1=02:00:00:00:00:01"; what is
 * wrong is refused. */
void fw_net_address(struct fw_net *net, struct argp_state *state, const char *text);
void fw_net_route(struct fw_net *net, struct argp_state *state, const char *text);
void fw_net_neighbour(struct fw_net *net, struct argp_state *state, const char *text);

/* All options are there, and so many ports have these names: routes know theirs, the longest
 * prefixes are first. */
void fw_net_finish(
	struct fw_net *net, struct argp_state *state, char (*names)[FW_IFNAMSIZ], uint32_t count);

/* The ports are open: their addresses of Ethernet, and those of IPv6's links, which follow, and
 * stay when others do not. */
void fw_net_open(struct fw_net *net, const struct app *app, char (*names)[FW_IFNAMSIZ]);

/* See what became of the interface of a port meanwhile. Returns whether neighbours behind it may be
 * others now: it was away, or down, or has another address of Ethernet. */
bool fw_net_look(struct fw_net *net, const struct app *app, uint32_t port);
/* The MAC that it has at this moment, which the last look may not have seen. From any thread. */
void fw_net_mac_now(struct fw_net *net, const struct app *app, uint32_t port, uint8_t mac[6]);

/* What an interface is like now. */
static inline void fw_net_mac(const struct fw_net *net, uint32_t port, uint8_t mac[6])
{
	/* relaxed: nothing else is told by it */
	uint64_t bytes = atomic_load_explicit(&net->interfaces[port].mac, memory_order_relaxed);

	memcpy(mac, &bytes, 6);
}

static inline uint32_t fw_net_mtu(const struct fw_net *net, uint32_t port)
{
	/* relaxed: as above */
	return atomic_load_explicit(&net->interfaces[port].mtu, memory_order_relaxed);
}

/* ADDRESS or ADDRESS/LENGTH, of so many characters; and have two addresses these first bits in
 * common? */
bool fw_prefix_read(
	const char *text, size_t length, uint8_t *family, uint8_t address[16], uint8_t *bits);
bool fw_prefix_has(const uint8_t *a, const uint8_t *b, uint32_t bits);

enum fw_next { FW_NEXT_NONE, FW_NEXT_HERE, FW_NEXT_PORT };

/* Where an address is: here, or behind a port by *hop, which may be the address itself. A port that
 * is asked for with link-local addresses of IPv6 is the one that they are of. */
enum fw_next fw_net_find(const struct fw_net *net, uint8_t family, const uint8_t *address,
	uint32_t *port, const uint8_t **hop);

/* Is it ours on this port? */
bool fw_net_is_own(
	const struct fw_net *net, uint8_t family, const uint8_t *address, const char *name);

/* Of no host on a link: 127.0.0.0/8, ::1 (RFC 4291, 2.5.3). */
bool fw_net_is_loopback(uint8_t family, const uint8_t *address);

/* To many: of no use as a source, and never forwarded. */
bool fw_net_is_group(const struct fw_net *net, uint8_t family, const uint8_t *address);

static inline uint32_t fw_address_size(uint8_t family)
{
	return family == FW_IP ? 4 : 16;
}

#endif
