/* SPDX-License-Identifier: BSD-3-Clause */
/* fields.c: the table of fields. Places in headers are those of the standards: RFC 791, 8200, 9293,
 * 768, 792, 4443, 4302, 4303, 9260, 3828, 4340 and IEEE 802.1Q. */
#include "apps/weir-fw/fields.h"

#include <string.h>

enum { ICMP = 1, IGMP = 2, TCP = 6, UDP = 17, DCCP = 33, ESP = 50, AH = 51, ICMPV6 = 58 };
enum { SCTP = 132, UDPLITE = 136 };
enum { HOP_BY_HOP = 0, ROUTING = 43, FRAGMENT = 44, DESTINATION = 60 };

#define META(name, type, bits, meta)                                                       \
	{                                                                                  \
		"meta", name, FW_TYPE_##type, FW_BASE_META, 0, bits, FW_META_##meta, 0, -1 \
	}
#define LINK(header, name, type, base, bit, bits)                                 \
	{                                                                         \
		header, name, FW_TYPE_##type, FW_BASE_##base, bit, bits, 0, 0, -1 \
	}
#define NET(header, name, type, bit, bits, family)                                      \
	{                                                                               \
		header, name, FW_TYPE_##type, FW_BASE_NETWORK, bit, bits, 0, family, -1 \
	}
#define L4(header, name, type, bit, bits, family, protocol)                                     \
	{                                                                                       \
		header, name, FW_TYPE_##type, FW_BASE_TRANSPORT, bit, bits, 0, family, protocol \
	}
#define EXT(header, name, type, bit, bits, number)                                             \
	{                                                                                      \
		header, name, FW_TYPE_##type, FW_BASE_EXTENSION, bit, bits, number, FW_IP6, -1 \
	}
#define PRESENT(name, number)                                                             \
	{                                                                                 \
		"exthdr", name, FW_TYPE_EXISTS, FW_BASE_PRESENT, 0, 8, number, FW_IP6, -1 \
	}

static const struct fw_field fields[] = {
	META("length", INTEGER, 32, LENGTH),
	META("protocol", ETHERTYPE, 16, PROTOCOL),
	META("nfproto", NFPROTO, 8, NFPROTO),
	META("l4proto", PROTO, 8, L4PROTO),
	META("mark", MARK, 32, MARK),
	META("iif", IFINDEX, 128, IIF),
	META("oif", IFINDEX, 128, OIF),
	META("iifname", IFNAME, 128, IIF),
	META("oifname", IFNAME, 128, OIF),
	META("pkttype", PKTTYPE, 8, PKTTYPE),
	{"ct", "state", FW_TYPE_CT_STATE, FW_BASE_META, 0, 32, FW_META_CT_STATE, 0, -1},
	LINK("ether", "daddr", ETHER, LINK, 0, 48),
	LINK("ether", "saddr", ETHER, LINK, 48, 48),
	LINK("ether", "type", ETHERTYPE, LINK, 96, 16),
	LINK("vlan", "pcp", INTEGER, VLAN, 0, 3),
	LINK("vlan", "dei", INTEGER, VLAN, 3, 1),
	LINK("vlan", "id", INTEGER, VLAN, 4, 12),
	LINK("vlan", "type", ETHERTYPE, VLAN, 16, 16),
	NET("ip", "version", INTEGER, 0, 4, FW_IP),
	NET("ip", "hdrlength", INTEGER, 4, 4, FW_IP),
	NET("ip", "dscp", DSCP, 8, 6, FW_IP),
	NET("ip", "ecn", ECN, 14, 2, FW_IP),
	NET("ip", "length", INTEGER, 16, 16, FW_IP),
	NET("ip", "id", INTEGER, 32, 16, FW_IP),
	NET("ip", "frag-off", INTEGER, 48, 16, FW_IP),
	NET("ip", "ttl", INTEGER, 64, 8, FW_IP),
	NET("ip", "protocol", PROTO, 72, 8, FW_IP),
	NET("ip", "checksum", INTEGER, 80, 16, FW_IP),
	NET("ip", "saddr", IPV4, 96, 32, FW_IP),
	NET("ip", "daddr", IPV4, 128, 32, FW_IP),
	NET("ip6", "version", INTEGER, 0, 4, FW_IP6),
	NET("ip6", "dscp", DSCP, 4, 6, FW_IP6),
	NET("ip6", "ecn", ECN, 10, 2, FW_IP6),
	NET("ip6", "flowlabel", INTEGER, 12, 20, FW_IP6),
	NET("ip6", "length", INTEGER, 32, 16, FW_IP6),
	NET("ip6", "nexthdr", PROTO, 48, 8, FW_IP6),
	NET("ip6", "hoplimit", INTEGER, 56, 8, FW_IP6),
	NET("ip6", "saddr", IPV6, 64, 128, FW_IP6),
	NET("ip6", "daddr", IPV6, 192, 128, FW_IP6),
	L4("tcp", "sport", SERVICE, 0, 16, 0, TCP),
	L4("tcp", "dport", SERVICE, 16, 16, 0, TCP),
	L4("tcp", "sequence", INTEGER, 32, 32, 0, TCP),
	L4("tcp", "ackseq", INTEGER, 64, 32, 0, TCP),
	L4("tcp", "doff", INTEGER, 96, 4, 0, TCP),
	L4("tcp", "flags", TCP_FLAG, 104, 8, 0, TCP),
	L4("tcp", "window", INTEGER, 112, 16, 0, TCP),
	L4("tcp", "checksum", INTEGER, 128, 16, 0, TCP),
	L4("udp", "sport", SERVICE, 0, 16, 0, UDP),
	L4("udp", "dport", SERVICE, 16, 16, 0, UDP),
	L4("udp", "length", INTEGER, 32, 16, 0, UDP),
	L4("udp", "checksum", INTEGER, 48, 16, 0, UDP),
	L4("udplite", "sport", SERVICE, 0, 16, 0, UDPLITE),
	L4("udplite", "dport", SERVICE, 16, 16, 0, UDPLITE),
	L4("udplite", "checksum", INTEGER, 48, 16, 0, UDPLITE),
	L4("sctp", "sport", SERVICE, 0, 16, 0, SCTP),
	L4("sctp", "dport", SERVICE, 16, 16, 0, SCTP),
	L4("sctp", "vtag", INTEGER, 32, 32, 0, SCTP),
	L4("dccp", "sport", SERVICE, 0, 16, 0, DCCP),
	L4("dccp", "dport", SERVICE, 16, 16, 0, DCCP),
	L4("th", "sport", SERVICE, 0, 16, 0, -1),
	L4("th", "dport", SERVICE, 16, 16, 0, -1),
	L4("icmp", "type", ICMP_TYPE, 0, 8, FW_IP, ICMP),
	L4("icmp", "code", ICMP_CODE, 8, 8, FW_IP, ICMP),
	L4("icmp", "checksum", INTEGER, 16, 16, FW_IP, ICMP),
	L4("icmp", "id", INTEGER, 32, 16, FW_IP, ICMP),
	L4("icmp", "sequence", INTEGER, 48, 16, FW_IP, ICMP),
	L4("icmpv6", "type", ICMPV6_TYPE, 0, 8, FW_IP6, ICMPV6),
	L4("icmpv6", "code", ICMPV6_CODE, 8, 8, FW_IP6, ICMPV6),
	L4("icmpv6", "checksum", INTEGER, 16, 16, FW_IP6, ICMPV6),
	L4("igmp", "type", IGMP_TYPE, 0, 8, FW_IP, IGMP),
	L4("igmp", "group", IPV4, 32, 32, FW_IP, IGMP),
	L4("esp", "spi", INTEGER, 0, 32, 0, ESP),
	L4("esp", "sequence", INTEGER, 32, 32, 0, ESP),
	L4("ah", "spi", INTEGER, 32, 32, 0, AH),
	L4("ah", "sequence", INTEGER, 64, 32, 0, AH),
	EXT("frag", "nexthdr", PROTO, 0, 8, FRAGMENT),
	EXT("frag", "frag-off", INTEGER, 16, 13, FRAGMENT),
	EXT("frag", "more-fragments", INTEGER, 31, 1, FRAGMENT),
	EXT("frag", "id", INTEGER, 32, 32, FRAGMENT),
	EXT("hbh", "nexthdr", PROTO, 0, 8, HOP_BY_HOP),
	EXT("hbh", "hdrlength", INTEGER, 8, 8, HOP_BY_HOP),
	EXT("rt", "nexthdr", PROTO, 0, 8, ROUTING),
	EXT("rt", "hdrlength", INTEGER, 8, 8, ROUTING),
	EXT("rt", "type", INTEGER, 16, 8, ROUTING),
	EXT("dst", "nexthdr", PROTO, 0, 8, DESTINATION),
	EXT("dst", "hdrlength", INTEGER, 8, 8, DESTINATION),
	PRESENT("hbh", HOP_BY_HOP),
	PRESENT("rt", ROUTING),
	PRESENT("frag", FRAGMENT),
	PRESENT("dst", DESTINATION),
};
#define FIELDS (sizeof(fields) / sizeof(*fields))

const struct fw_field *fw_field_find(const char *header, const char *name)
{
	for (size_t i = 0; i < FIELDS; i++)
		if (strcmp(fields[i].header, header) == 0 && strcmp(fields[i].name, name) == 0)
			return &fields[i];
	return NULL;
}

const struct fw_field *fw_field_meta(enum fw_meta meta)
{
	for (size_t i = 0; i < FIELDS; i++)
		if (fields[i].base == FW_BASE_META && fields[i].number == meta)
			return &fields[i];
	return NULL;
}

void fw_field_names(const char *header, char *text, size_t size)
{
	size_t length = 0;

	snprintf(text, size, "none");
	for (size_t i = 0; i < FIELDS && length < size; i++)
		if (strcmp(fields[i].header, header) == 0)
			length += (size_t)snprintf(text + length, size - length, "%s%s",
				length ? ", " : "", fields[i].name);
}

/* Those that nft prints without the word meta. */
static bool is_bare(const struct fw_field *field)
{
	return field->type == FW_TYPE_IFNAME || field->type == FW_TYPE_IFINDEX;
}

void fw_field_print(FILE *out, const struct fw_field *field)
{
	if (is_bare(field))
		fputs(field->name, out);
	else
		fprintf(out, "%s %s", field->header, field->name);
}

bool fw_field_is_fixed(const struct fw_field *field)
{
	static const char *const names[] = {
		"saddr", "daddr", "protocol", "nexthdr", "version", "hdrlength", "sport", "dport"};

	if (field->base == FW_BASE_META)
		return field->number != FW_META_LENGTH && field->number != FW_META_PKTTYPE;
	if (field->base != FW_BASE_NETWORK && field->base != FW_BASE_TRANSPORT)
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(field->name, names[i]) == 0)
			return true;
	return false;
}
