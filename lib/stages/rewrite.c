/* SPDX-License-Identifier: BSD-3-Clause */
/* rewrite.c: other addresses, ports and hop limits, with the checksums kept right.
 *
 * Only what a packet has is changed. Headers must lie in one segment that is the packet's own;
 * where they do not, they are put there. A fragment whose checksum lies in another one is dropped.
 */
#include "stages/headers_impl.h"
#include "stages/maps_impl.h"
#include "stages/stages_impl.h"

#include "weir/parse.h"

#include "base/spec_impl.h"

#include <errno.h>
#include <net/ethernet.h>
#include <netinet/ether.h>
#include <string.h>

/* Hop limits: one for all, or more or less. */
enum ttl { TTL_STAYS, TTL_IS, TTL_MORE, TTL_LESS };

struct rewrite_conf {
	bool has_mac[2]; /* 0: source, 1: destination */
	struct ether_addr mac[2];
	struct weir__maps maps;
	enum ttl ttl;
	uint8_t ttl_value;
	bool deep; /* anything behind the addresses of Ethernet */
};

static int take_mac(
	struct weir_stage_args *args, const char *key, struct rewrite_conf *rewrite, uint32_t side)
{
	const char *mac = weir_stage_arg(args, key);

	if (mac && !ether_aton_r(mac, &rewrite->mac[side]))
		return weir_stage_fail(EINVAL, "%s=%s is no MAC address", key, mac);
	rewrite->has_mac[side] = mac != NULL;
	return 0;
}

static int take_ttl(struct weir_stage_args *args, struct rewrite_conf *rewrite)
{
	const char *text = weir_stage_arg(args, "ttl"), *digits = text;
	uint64_t number;

	if (!text)
		return 0;
	rewrite->ttl = *text == '+' ? TTL_MORE : *text == '-' ? TTL_LESS : TTL_IS;
	digits += rewrite->ttl != TTL_IS;
	if (!weir__number_parse(digits, 1, 255, &number))
		return weir_stage_fail(EINVAL, "ttl=%s is not as in 64, +1 or -1", text);
	rewrite->ttl_value = (uint8_t)number;
	return 0;
}

static int open_rewrite(struct weir_stage_args *args, void *conf)
{
	const uint32_t both = WEIR__SOURCE | WEIR__DESTINATION | WEIR__ARP;
	struct rewrite_conf *rewrite = conf;
	struct weir__maps *maps = &rewrite->maps;

	if (take_mac(args, "src_mac", rewrite, 0) || take_mac(args, "dst_mac", rewrite, 1) ||
		weir__arg_ip_maps(args, "src_ip", WEIR__SOURCE, maps) ||
		weir__arg_ip_maps(args, "dst_ip", WEIR__DESTINATION, maps) ||
		weir__arg_ip_maps(args, "ip", both, maps) ||
		weir__arg_port_maps(args, "src_port", WEIR__SOURCE, maps) ||
		weir__arg_port_maps(args, "dst_port", WEIR__DESTINATION, maps) ||
		weir__arg_port_maps(args, "port", both, maps) || take_ttl(args, rewrite))
		return -EINVAL;
	rewrite->deep = maps->ip_count || maps->port_count || rewrite->ttl;
	return 0;
}

static void rewrite_macs(const struct rewrite_conf *rewrite, uint8_t *frame)
{
	if (rewrite->has_mac[1])
		memcpy(frame, &rewrite->mac[1], ETH_ALEN);
	if (rewrite->has_mac[0])
		memcpy(frame + ETH_ALEN, &rewrite->mac[0], ETH_ALEN);
}

/* More and less end where there are no more: a packet that lives is to live on. */
static uint8_t new_ttl(const struct rewrite_conf *rewrite, uint8_t ttl)
{
	uint8_t by = rewrite->ttl_value;

	if (rewrite->ttl == TTL_MORE)
		return ttl > 255 - by ? 255 : (uint8_t)(ttl + by);
	if (rewrite->ttl == TTL_LESS)
		return ttl <= by ? 1 : (uint8_t)(ttl - by);
	return by;
}

static void rewrite_ip(
	const struct rewrite_conf *rewrite, const struct weir__headers *headers, uint8_t *data)
{
	for (uint32_t side = 0; side < 2; side++) {
		uint8_t *address = weir__headers_ip(data, headers, side), mapped[16];
		uint16_t port;

		if (weir__map_ip(&rewrite->maps, side, headers->ipv6, address, mapped))
			weir__headers_set_ip(data, headers, side, mapped);
		if (!headers->ports)
			continue;
		port = weir__headers_port(data, headers, side);
		if (weir__map_port(&rewrite->maps, side, &port))
			weir__headers_set_port(data, headers, side, port);
	}
	if (rewrite->ttl)
		weir__headers_set_ttl(
			data, headers, new_ttl(rewrite, weir__headers_ttl(data, headers)));
}

/* Who asks, and for whom: by the maps for both sides, so that hosts still find each other. */
static void rewrite_arp(
	const struct rewrite_conf *rewrite, const struct weir__headers *headers, uint8_t *data)
{
	for (uint32_t side = 0; side < 2; side++) {
		uint8_t *address = weir__headers_arp(data, headers, side), mapped[16];

		if (weir__map_ip(&rewrite->maps, WEIR__ARP_SIDE, false, address, mapped))
			memcpy(address, mapped, 4);
	}
}

static int rewrite_deep(const struct rewrite_conf *rewrite, struct weir_mbuf **packet)
{
	struct weir__headers headers;

	weir__headers_find(*packet, &headers);
	if (headers.lost && (rewrite->maps.ip_count || rewrite->maps.port_count))
		return -EPROTO;
	if (weir__headers_prepare(packet, headers.length))
		return -ENOBUFS;
	if (headers.ethernet)
		rewrite_macs(rewrite, weir_mbuf_data(*packet));
	if (headers.ipv4 || headers.ipv6)
		rewrite_ip(rewrite, &headers, weir_mbuf_data(*packet));
	if (headers.arp)
		rewrite_arp(rewrite, &headers, weir_mbuf_data(*packet));
	(*packet)->flags &= ~WEIR_MBUF_HASH;
	return 0;
}

/* 0, or -EPROTO for a fragment, -ENOBUFS when there is no room to write in. */
static int rewrite_one(const void *conf, struct weir_mbuf **packet)
{
	const struct rewrite_conf *rewrite = conf;

	if (rewrite->deep)
		return rewrite_deep(rewrite, packet);
	if (weir_mbuf_link_type(*packet) != WEIR_LINK_ETHERNET || (*packet)->length < ETH_HLEN)
		return 0;
	if (weir__headers_prepare(packet, ETH_HLEN))
		return -ENOBUFS;
	rewrite_macs(rewrite, weir_mbuf_data(*packet));
	return 0;
}

static void run(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	weir__edit_each(stage, mbufs, count, rewrite_one);
}

const struct weir_stage_type weir__stage_rewrite = {
	.name = "rewrite",
	.help = "other addresses, ports and hop limits",
	.edges = weir__stage_out,
	.counters = weir__edit_counters,
	.conf_size = sizeof(struct rewrite_conf),
	.open = open_rewrite,
	.run = run,
};
