/* SPDX-License-Identifier: BSD-3-Clause */
/* types.c: the types of values, with the names that some values have. Numbers are those of IANA's
 * registries and of linux/netfilter; the names are nft's. */
#include "apps/weir-fw/fields.h"

#include <stdlib.h>
#include <string.h>

static const struct fw_symbol icmp_types[] = {{"echo-reply", 0}, {"destination-unreachable", 3},
	{"source-quench", 4}, {"redirect", 5}, {"echo-request", 8}, {"router-advertisement", 9},
	{"router-solicitation", 10}, {"time-exceeded", 11}, {"parameter-problem", 12},
	{"timestamp-request", 13}, {"timestamp-reply", 14}, {"info-request", 15},
	{"info-reply", 16}, {"address-mask-request", 17}, {"address-mask-reply", 18}, {0}};
static const struct fw_symbol icmp_codes[] = {{"net-unreachable", 0}, {"host-unreachable", 1},
	{"prot-unreachable", 2}, {"port-unreachable", 3}, {"frag-needed", 4}, {"net-prohibited", 9},
	{"host-prohibited", 10}, {"admin-prohibited", 13}, {0}};
static const struct fw_symbol icmpv6_types[] = {{"destination-unreachable", 1},
	{"packet-too-big", 2}, {"time-exceeded", 3}, {"parameter-problem", 4},
	{"echo-request", 128}, {"echo-reply", 129}, {"mld-listener-query", 130},
	{"mld-listener-report", 131}, {"mld-listener-done", 132}, {"mld-listener-reduction", 132},
	{"nd-router-solicit", 133}, {"nd-router-advert", 134}, {"nd-neighbor-solicit", 135},
	{"nd-neighbor-advert", 136}, {"nd-redirect", 137}, {"router-renumbering", 138},
	{"ind-neighbor-solicit", 141}, {"ind-neighbor-advert", 142}, {"mld2-listener-report", 143},
	{0}};
static const struct fw_symbol icmpv6_codes[] = {{"no-route", 0}, {"admin-prohibited", 1},
	{"addr-unreachable", 3}, {"port-unreachable", 4}, {"policy-fail", 5}, {"reject-route", 6},
	{0}};
static const struct fw_symbol icmpx_codes[] = {{"no-route", 0}, {"port-unreachable", 1},
	{"host-unreachable", 2}, {"admin-prohibited", 3}, {0}};
static const struct fw_symbol igmp_types[] = {{"membership-query", 17},
	{"membership-report-v1", 18}, {"membership-report-v2", 22}, {"membership-report-v3", 34},
	{"leave-group", 23}, {0}};
static const struct fw_symbol dscps[] = {{"cs0", 0x00}, {"cs1", 0x08}, {"cs2", 0x10}, {"cs3", 0x18},
	{"cs4", 0x20}, {"cs5", 0x28}, {"cs6", 0x30}, {"cs7", 0x38}, {"df", 0x00}, {"be", 0x00},
	{"lephb", 0x01}, {"af11", 0x0a}, {"af12", 0x0c}, {"af13", 0x0e}, {"af21", 0x12},
	{"af22", 0x14}, {"af23", 0x16}, {"af31", 0x1a}, {"af32", 0x1c}, {"af33", 0x1e},
	{"af41", 0x22}, {"af42", 0x24}, {"af43", 0x26}, {"va", 0x2c}, {"ef", 0x2e}, {0}};
static const struct fw_symbol ecns[] = {{"not-ect", 0}, {"ect1", 1}, {"ect0", 2}, {"ce", 3}, {0}};
static const struct fw_symbol tcp_flags[] = {{"fin", 0x01}, {"syn", 0x02}, {"rst", 0x04},
	{"psh", 0x08}, {"ack", 0x10}, {"urg", 0x20}, {"ecn", 0x40}, {"cwr", 0x80}, {0}};
static const struct fw_symbol ct_states[] = {{"invalid", 0x01}, {"established", 0x02},
	{"related", 0x04}, {"new", 0x08}, {"untracked", 0x40}, {0}};
static const struct fw_symbol ethertypes[] = {{"ip", 0x0800}, {"arp", 0x0806}, {"ip6", 0x86dd},
	{"8021q", 0x8100}, {"8021ad", 0x88a8}, {"vlan", 0x8100}, {0}};
static const struct fw_symbol nfprotos[] = {{"ipv4", FW_IP}, {"ipv6", FW_IP6}, {0}};
static const struct fw_symbol pkttypes[] = {
	{"host", 0}, {"unicast", 0}, {"broadcast", 1}, {"multicast", 2}, {"other", 3}, {0}};
static const struct fw_symbol exists[] = {{"exists", 1}, {"missing", 0}, {0}};
/* the first name of a number is the one that is printed */
static const struct fw_symbol protocols[] = {{"ip", 0}, {"icmp", 1}, {"igmp", 2}, {"ggp", 3},
	{"ipencap", 4}, {"st", 5}, {"tcp", 6}, {"egp", 8}, {"igp", 9}, {"pup", 12}, {"udp", 17},
	{"hmp", 20}, {"xns-idp", 22}, {"rdp", 27}, {"iso-tp4", 29}, {"dccp", 33}, {"xtp", 36},
	{"ddp", 37}, {"idpr-cmtp", 38}, {"ipv6", 41}, {"ipv6-route", 43}, {"ipv6-frag", 44},
	{"idrp", 45}, {"rsvp", 46}, {"gre", 47}, {"esp", 50}, {"ah", 51}, {"skip", 57},
	{"ipv6-icmp", 58}, {"icmpv6", 58}, {"ipv6-nonxt", 59}, {"ipv6-opts", 60}, {"rspf", 73},
	{"vmtp", 81}, {"eigrp", 88}, {"ospf", 89}, {"ax.25", 93}, {"ipip", 94}, {"etherip", 97},
	{"encap", 98}, {"pim", 103}, {"ipcomp", 108}, {"comp", 108}, {"vrrp", 112}, {"l2tp", 115},
	{"isis", 124}, {"sctp", 132}, {"fc", 133}, {"mobility-header", 135}, {"udplite", 136},
	{"mpls-in-ip", 137}, {0}};

static const struct fw_type types[] = {
	{FW_TYPE_INTEGER, "integer", "a number", 0, false, 0, NULL},
	{FW_TYPE_IPV4, "ipv4_addr", "an IPv4 address", 4, false, 0, NULL},
	{FW_TYPE_IPV6, "ipv6_addr", "an IPv6 address", 16, false, 0, NULL},
	{FW_TYPE_ETHER, "ether_addr", "an Ethernet address", 6, false, 0, NULL},
	{FW_TYPE_SERVICE, "inet_service", "a port or the name of a service", 2, false, 0, NULL},
	{FW_TYPE_PROTO, "inet_proto", "a protocol of IP", 1, false, 0, protocols},
	{FW_TYPE_MARK, "mark", "a mark", 4, false, 8, NULL},
	{FW_TYPE_IFNAME, "ifname", "the name of an interface", FW_IFNAMSIZ, false, 0, NULL},
	{FW_TYPE_IFINDEX, "iface_index", "the name of an interface", FW_IFNAMSIZ, false, 0, NULL},
	{FW_TYPE_ICMP_TYPE, "icmp_type", "a type of ICMP", 1, false, 0, icmp_types},
	{FW_TYPE_ICMP_CODE, "icmp_code", "a code of ICMP", 1, false, 0, icmp_codes},
	{FW_TYPE_ICMPV6_TYPE, "icmpv6_type", "a type of ICMPv6", 1, false, 0, icmpv6_types},
	{FW_TYPE_ICMPV6_CODE, "icmpv6_code", "a code of ICMPv6", 1, false, 0, icmpv6_codes},
	{FW_TYPE_ICMPX_CODE, "icmpx_code", "a code for both ICMP and ICMPv6", 1, false, 0,
		icmpx_codes},
	{FW_TYPE_IGMP_TYPE, "igmp_type", "a type of IGMP", 1, false, 0, igmp_types},
	{FW_TYPE_DSCP, "dscp", "a DSCP", 1, false, 2, dscps},
	{FW_TYPE_ECN, "ecn", "an ECN", 1, false, 2, ecns},
	{FW_TYPE_TCP_FLAG, "tcp_flag", "flags of TCP", 1, true, 1, tcp_flags},
	{FW_TYPE_CT_STATE, "ct_state", "states of a connection", 4, true, 1, ct_states},
	{FW_TYPE_ETHERTYPE, "ether_type", "an Ethernet type", 2, false, 4, ethertypes},
	{FW_TYPE_NFPROTO, "nf_proto", "ipv4 or ipv6", 1, false, 0, nfprotos},
	{FW_TYPE_PKTTYPE, "pkt_type", "host, broadcast, multicast or other", 1, false, 0, pkttypes},
	{FW_TYPE_EXISTS, "boolean", "exists or missing", 1, false, 0, exists},
	{FW_TYPE_VERDICT, "verdict", "a verdict", 0, false, 0, NULL},
};

const struct fw_type *fw_type(enum fw_type_id id)
{
	return &types[id];
}

const struct fw_type *fw_type_find(const char *name)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (types[i].id != FW_TYPE_INTEGER && types[i].id != FW_TYPE_EXISTS &&
			types[i].id != FW_TYPE_ICMPX_CODE && strcmp(types[i].name, name) == 0)
			return &types[i];
	return NULL;
}

int fw_protocol_find(const char *name)
{
	char *end;
	unsigned long number = strtoul(name, &end, 0);

	for (size_t i = 0; protocols[i].name; i++)
		if (strcmp(protocols[i].name, name) == 0)
			return (int)protocols[i].value;
	return *name >= '0' && *name <= '9' && *end == 0 && number < 256 ? (int)number : -1;
}

const char *fw_protocol_name(uint32_t number)
{
	for (size_t i = 0; protocols[i].name; i++)
		if (protocols[i].value == number)
			return protocols[i].name;
	return NULL;
}
