/* SPDX-License-Identifier: BSD-3-Clause */
/* rewrite.c: other addresses and ports, with the checksums kept right.
 *
 * Only what a packet has is changed: IPv4 addresses of IPv4 packets, ports of TCP and UDP. The
 * headers must lie in one segment that is the packet's own; where they do not, they are put there.
 * A fragment whose IP addresses or ports would change is dropped, since its checksum lies in
 * another packet.
 */
#include "stages/stages_impl.h"

#include "weir/chain.h"
#include "weir/checksum.h"
#include "weir/clone.h"
#include "weir/parse.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/ether.h>
#include <string.h>

enum { FRAGMENT, NO_MBUF };

/* Where things lie: IEEE 802.3; RFC 791, 793, 768. */
#define IPV4_CHECKSUM 10
#define IPV4_SOURCE   12
#define IPV4_TO       16
#define TCP_CHECKSUM  16
#define UDP_CHECKSUM  6

struct rewrite_conf {
	bool has_mac[2], has_ip[2], has_port[2]; /* 0: source, 1: destination */
	struct ether_addr mac[2];
	uint32_t ip[2];   /* as in packets */
	uint16_t port[2]; /* likewise */
	bool deep;        /* anything behind the addresses of Ethernet */
};

static int take_side(struct weir_stage_args *args, struct rewrite_conf *rewrite, uint32_t side)
{
	static const char *const keys[2][3] = {
		{"src_mac", "src_ip", "src_port"}, {"dst_mac", "dst_ip", "dst_port"}};
	const char *mac = weir_stage_arg(args, keys[side][0]);
	const char *ip = weir_stage_arg(args, keys[side][1]);
	uint64_t port = 0;

	if (mac && !ether_aton_r(mac, &rewrite->mac[side]))
		return weir_stage_fail(EINVAL, "%s=%s is no MAC address", keys[side][0], mac);
	if (ip && inet_pton(AF_INET, ip, &rewrite->ip[side]) != 1)
		return weir_stage_fail(EINVAL, "%s=%s is no IPv4 address", keys[side][1], ip);
	rewrite->has_mac[side] = mac != NULL;
	rewrite->has_ip[side] = ip != NULL;
	rewrite->has_port[side] = weir_stage_arg(args, keys[side][2]) != NULL;
	if (weir_stage_arg_number(args, keys[side][2], 0, UINT16_MAX, &port))
		return -EINVAL;
	rewrite->port[side] = htons((uint16_t)port);
	rewrite->deep |= rewrite->has_ip[side] || rewrite->has_port[side];
	return 0;
}

static int open_rewrite(struct weir_stage_args *args, void *conf)
{
	int error = take_side(args, conf, 0);

	return error ? error : take_side(args, conf, 1);
}

/* Put value in place of the 4 bytes at field; returns what was there. */
static uint32_t swap32(uint8_t *field, uint32_t value)
{
	uint32_t before;

	memcpy(&before, field, sizeof(before));
	memcpy(field, &value, sizeof(value));
	return before;
}

static uint16_t swap16(uint8_t *field, uint16_t value)
{
	uint16_t before;

	memcpy(&before, field, sizeof(before));
	memcpy(field, &value, sizeof(value));
	return before;
}

/* 16-bit words count as 32-bit ones: what is in front of them is 0 before and after. */
static void fix(uint8_t *field, uint32_t before, uint32_t after, bool udp)
{
	uint16_t sum;

	memcpy(&sum, field, sizeof(sum));
	sum = udp ? weir_udp_checksum_update32(sum, before, after)
		  : weir_checksum_update32(sum, before, after);
	memcpy(field, &sum, sizeof(sum));
}

/* The headers in one segment, and that the packet's own. */
static int prepare(struct weir_mbuf **mbuf, uint32_t length)
{
	if (weir_unlikely((*mbuf)->data_length < length) && weir_mbuf_pull_up(mbuf, length))
		return -ENOBUFS;
	if (weir_unlikely(!weir_mbuf_is_private(*mbuf)))
		return weir_mbuf_make_writable(mbuf, 0, length);
	return 0;
}

static void rewrite_macs(const struct rewrite_conf *rewrite, uint8_t *frame)
{
	if (rewrite->has_mac[1])
		memcpy(frame, &rewrite->mac[1], ETH_ALEN);
	if (rewrite->has_mac[0])
		memcpy(frame + ETH_ALEN, &rewrite->mac[0], ETH_ALEN);
}

static bool has_ethernet(const struct weir_mbuf *mbuf)
{
	return weir_mbuf_link_type(mbuf) == WEIR_LINK_ETHERNET && mbuf->length >= ETH_HLEN;
}

/* What of a packet is known, and can be changed. */
struct headers {
	bool ethernet, ipv4, ports, udp, fragment;
	uint32_t l3, l4, length; /* where they begin, and all of them end */
};

static struct headers look(const struct rewrite_conf *rewrite, struct weir_mbuf *mbuf)
{
	struct headers found = {.ethernet = has_ethernet(mbuf)};
	uint32_t family, l4;

	found.length = found.ethernet ? ETH_HLEN : 0;
	if (!rewrite->deep)
		return found;
	if (!(mbuf->flags & WEIR_MBUF_LAYERS))
		weir_parse(mbuf);
	family = mbuf->packet_type & WEIR_TYPE_L3_FAMILY;
	l4 = mbuf->packet_type & WEIR_TYPE_L4;
	if (family != WEIR_L3_IPV4 && family != WEIR_L3_IPV6)
		return found;
	found.ipv4 = family == WEIR_L3_IPV4;
	found.udp = l4 == WEIR_L4_UDP;
	found.ports = found.udp || l4 == WEIR_L4_TCP;
	found.fragment = l4 == WEIR_L4_FRAGMENT;
	found.l3 = mbuf->l2_length;
	found.l4 = found.l3 + mbuf->l3_length;
	found.length = found.l4 + (found.ports ? mbuf->l4_length : 0u);
	return found;
}

/* Addresses of an IPv4 packet, and ports. */
static void rewrite_ip(
	const struct rewrite_conf *rewrite, const struct headers *found, uint8_t *data)
{
	uint8_t *l3 = data + found->l3, *l4 = data + found->l4;
	uint8_t *l4_sum = l4 + (found->udp ? UDP_CHECKSUM : TCP_CHECKSUM);

	for (uint32_t side = 0; side < 2; side++) {
		if (rewrite->has_ip[side] && found->ipv4) {
			uint8_t *field = l3 + (side ? IPV4_TO : IPV4_SOURCE);
			uint32_t before = swap32(field, rewrite->ip[side]);

			fix(l3 + IPV4_CHECKSUM, before, rewrite->ip[side], false);
			if (found->ports)
				fix(l4_sum, before, rewrite->ip[side], found->udp);
		}
		if (rewrite->has_port[side] && found->ports) {
			uint16_t before = swap16(l4 + 2 * side, rewrite->port[side]);

			fix(l4_sum, before, rewrite->port[side], found->udp);
		}
	}
}

/* 0, or -EPROTO for a fragment, -ENOBUFS when there is no room to write in. */
static int rewrite_one(const struct rewrite_conf *rewrite, struct weir_mbuf **packet)
{
	struct headers found = look(rewrite, *packet);
	uint8_t *data;

	if (found.fragment)
		return -EPROTO;
	if (prepare(packet, found.length))
		return -ENOBUFS;
	data = weir_mbuf_data(*packet);
	if (found.ethernet)
		rewrite_macs(rewrite, data);
	if (found.ports || found.ipv4)
		rewrite_ip(rewrite, &found, data);
	if (rewrite->deep)
		(*packet)->flags &= ~WEIR_MBUF_HASH;
	return 0;
}

static void run(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	const struct rewrite_conf *rewrite = stage->conf;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < count; i++) {
		int error = rewrite_one(rewrite, &mbufs[i]);

		if (weir_unlikely(error))
			weir_stage_drop(stage, error == -EPROTO ? FRAGMENT : NO_MBUF, &mbufs[i], 1);
		else
			mbufs[kept++] = mbufs[i];
	}
	weir_stage_pass(stage, 0, mbufs, kept);
}

static const char *const counters[] = {"fragment", "no mbuf", NULL};

const struct weir_stage_type weir__stage_rewrite = {
	.name = "rewrite",
	.help = "other addresses and ports",
	.edges = weir__stage_out,
	.counters = counters,
	.conf_size = sizeof(struct rewrite_conf),
	.open = open_rewrite,
	.run = run,
};
