/* SPDX-License-Identifier: BSD-3-Clause */
/* flow_key.c: the five-tuples of packets. */
#include "weir/flow_key.h"

#include "weir/chain.h"
#include "weir/parse.h"

#define IPV4_HEADER 20
#define IPV6_HEADER 40
#define PORTS       4

/* IANA, "Assigned Internet Protocol Numbers": of what the parser found, or rest. */
static uint8_t protocol_of(const struct weir_mbuf *mbuf, uint8_t rest)
{
	static const uint8_t numbers[] = {
		[WEIR_L4_TCP >> 8] = 6,
		[WEIR_L4_UDP >> 8] = 17,
		[WEIR_L4_SCTP >> 8] = 132,
		[WEIR_L4_ICMP >> 8] = 1,
		[WEIR_L4_ICMPV6 >> 8] = 58,
		[WEIR_L4_IGMP >> 8] = 2,
		[WEIR_L4_ESP >> 8] = 50,
	};
	uint32_t l4 = (mbuf->packet_type & WEIR_TYPE_L4) >> 8;

	return l4 > 0 && l4 < sizeof(numbers) ? numbers[l4] : rest;
}

static bool is_of(const struct weir_mbuf *mbuf, enum weir_l3 family)
{
	return mbuf->flags & WEIR_MBUF_LAYERS &&
	       (mbuf->packet_type & WEIR_TYPE_L3_FAMILY) == (uint16_t)family;
}

static bool is_fragment(const struct weir_mbuf *mbuf)
{
	return (mbuf->packet_type & WEIR_TYPE_L4) == WEIR_L4_FRAGMENT;
}

static void copy_ports(const struct weir_mbuf *mbuf, uint8_t (*port)[2])
{
	uint32_t l4 = mbuf->packet_type & WEIR_TYPE_L4;
	uint8_t bounce[PORTS];
	const void *ports = NULL;

	if (l4 == WEIR_L4_TCP || l4 == WEIR_L4_UDP || l4 == WEIR_L4_SCTP)
		ports = weir_mbuf_peek(
			mbuf, (uint32_t)mbuf->l2_length + mbuf->l3_length, PORTS, bounce);
	if (ports)
		memcpy(port, ports, PORTS);
}

bool weir_flow_key_ipv4(const struct weir_mbuf *mbuf, struct weir_flow_key_ipv4 *key)
{
	uint8_t bounce[IPV4_HEADER];
	const uint8_t *ip;

	if (!is_of(mbuf, WEIR_L3_IPV4))
		return false;
	ip = weir_mbuf_peek(mbuf, mbuf->l2_length, IPV4_HEADER, bounce);
	if (!ip)
		return false;
	memset(key, 0, sizeof(*key));
	memcpy(key->address, ip + 12, sizeof(key->address));
	if (!is_fragment(mbuf)) {
		key->protocol = protocol_of(mbuf, ip[9]);
		copy_ports(mbuf, key->port);
	}
	return true;
}

bool weir_flow_key_ipv6(const struct weir_mbuf *mbuf, struct weir_flow_key_ipv6 *key)
{
	uint8_t bounce[IPV6_HEADER];
	const uint8_t *ip;

	if (!is_of(mbuf, WEIR_L3_IPV6))
		return false;
	ip = weir_mbuf_peek(mbuf, mbuf->l2_length, IPV6_HEADER, bounce);
	if (!ip)
		return false;
	memset(key, 0, sizeof(*key));
	memcpy(key->address, ip + 8, sizeof(key->address));
	if (!is_fragment(mbuf)) {
		key->protocol = protocol_of(mbuf, mbuf->l3_length == IPV6_HEADER ? ip[6] : 0);
		copy_ports(mbuf, key->port);
	}
	return true;
}

/* Exchange two neighbours of size bytes each, 16 at most. */
static void exchange(uint8_t *first, size_t size)
{
	uint8_t kept[16];

	memcpy(kept, first, size);
	memcpy(first, first + size, size);
	memcpy(first + size, kept, size);
}

/* Size bytes of address are decided first, then the ports. */
static bool sort(uint8_t *addresses, size_t size, uint8_t *ports)
{
	int order = memcmp(addresses, addresses + size, size);

	if (order == 0)
		order = memcmp(ports, ports + 2, 2);
	if (order <= 0)
		return false;
	exchange(addresses, size);
	exchange(ports, 2);
	return true;
}

bool weir_flow_key_sort_ipv4(struct weir_flow_key_ipv4 *key)
{
	return sort(key->address[0], sizeof(key->address[0]), key->port[0]);
}

bool weir_flow_key_sort_ipv6(struct weir_flow_key_ipv6 *key)
{
	return sort(key->address[0], sizeof(key->address[0]), key->port[0]);
}
