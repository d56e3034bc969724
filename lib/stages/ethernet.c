/* SPDX-License-Identifier: BSD-3-Clause */
/* ethernet.c: packets that were captured without Ethernet get it, so that they can be sent: IP as
 * it is (RAW), behind a family (NULL, LOOP), and what Linux makes for "any" (SLL, SLL2). */
#include "stages/headers_impl.h"
#include "stages/stages_impl.h"

#include "mbuf/part_impl.h"
#include "weir/chain.h"
#include "weir/parse.h"

#include <errno.h>
#include <net/ethernet.h>
#include <netinet/ether.h>
#include <string.h>

/* The longest header there is to be taken away, and a byte of IP behind it. */
#define HEADERS 21

struct ethernet_conf {
	struct ether_addr source, target;
	bool fixed_source;
};

/* What is to go in front, instead of a header of so many bytes. */
struct change {
	uint32_t remove;
	uint16_t type;       /* or length, for LLC */
	const uint8_t *from; /* an address that the packet came with; NULL: none */
};

/* Addresses of nobody: locally administered (IEEE 802). */
static const struct ether_addr nobody[2] = {{{2, 0, 0, 0, 0, 1}}, {{2, 0, 0, 0, 0, 2}}};

static int open_ethernet(struct weir_stage_args *args, void *conf)
{
	struct ethernet_conf *ethernet = conf;
	const char *source = weir_stage_arg(args, "src_mac"),
		   *target = weir_stage_arg(args, "dst_mac");

	ethernet->source = nobody[0];
	ethernet->target = nobody[1];
	ethernet->fixed_source = source != NULL;
	if (source && !ether_aton_r(source, &ethernet->source))
		return weir_stage_fail(EINVAL, "src_mac=%s is no MAC address", source);
	if (target && !ether_aton_r(target, &ethernet->target))
		return weir_stage_fail(EINVAL, "dst_mac=%s is no MAC address", target);
	return 0;
}

/* By the version: the families of NULL differ from system to system. */
static uint16_t type_of_ip(uint8_t first)
{
	return first >> 4 == 4 ? ETHERTYPE_IP : first >> 4 == 6 ? ETHERTYPE_IPV6 : 0;
}

/* protocol is a type of Ethernet, or a number of Linux (linux/if_ether.h), of which 4 is LLC, whose
 * frames have their length there. */
static bool look_at_cooked(struct change *change, uint16_t protocol, const uint8_t *address,
	uint32_t size, uint32_t length)
{
	if (size == ETH_ALEN)
		change->from = address;
	change->type = protocol;
	if (protocol == 4 && length - change->remove <= ETHERMTU)
		change->type = (uint16_t)(length - change->remove);
	return protocol >= 0x600 || change->type != protocol;
}

/* head is what the packet starts with, HEADERS bytes, 0 where there are fewer. */
static bool look(const struct weir_mbuf *mbuf, const uint8_t *head, struct change *change)
{
	uint32_t length = mbuf->length;

	*change = (struct change){0};
	switch (weir_mbuf_link_type(mbuf)) {
	case WEIR_LINK_RAW:
	case WEIR_LINK_IPV4:
	case WEIR_LINK_IPV6:
		change->type = type_of_ip(head[0]);
		return change->type && length > 0;
	case WEIR_LINK_NULL:
	case WEIR_LINK_LOOP:
		change->remove = 4;
		change->type = type_of_ip(head[4]);
		return change->type && length > 4;
	case WEIR_LINK_SLL:
		change->remove = 16;
		return length >= 16 && look_at_cooked(change, weir__big16(head + 14), head + 6,
					       weir__big16(head + 4), length);
	case WEIR_LINK_SLL2:
		change->remove = 20;
		return length >= 20 &&
		       look_at_cooked(change, weir__big16(head), head + 12, head[11], length);
	default:
		return false;
	}
}

static int convert(const void *conf, struct weir_mbuf **packet)
{
	const struct ethernet_conf *ethernet = conf;
	uint8_t head[HEADERS] = {0}, *frame;
	struct change change;
	uint32_t direction;

	if (weir_mbuf_link_type(*packet) == WEIR_LINK_ETHERNET)
		return 0;
	direction = weir__headers_direction(*packet);
	weir_mbuf_read(*packet, 0, head, (*packet)->length < HEADERS ? (*packet)->length : HEADERS);
	if (!look(*packet, head, &change))
		return -EPROTO;
	if (weir__headers_open(packet, change.remove, ETH_HLEN, ETH_HLEN))
		return -ENOBUFS;
	frame = weir_mbuf_data(*packet);
	memcpy(frame, &ethernet->target, ETH_ALEN);
	memcpy(frame + ETH_ALEN,
		change.from && !ethernet->fixed_source ? change.from
						       : ethernet->source.ether_addr_octet,
		ETH_ALEN);
	weir__big16_put(frame + 12, change.type);
	(*packet)->flags &= ~WEIR_MBUF_LINK_TYPE;
	(*packet)->flags |= direction << WEIR__MBUF_DIRECTION_SHIFT;
	return 0;
}

static void run(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	weir__edit_each(stage, mbufs, count, convert);
}

const struct weir_stage_type weir__stage_ethernet = {
	.name = "ethernet",
	.help = "make Ethernet of packets from other links",
	.edges = weir__stage_out,
	.counters = weir__edit_counters,
	.conf_size = sizeof(struct ethernet_conf),
	.open = open_ethernet,
	.run = run,
};
