/* SPDX-License-Identifier: BSD-3-Clause */
/* parse_text.c: protocols, layers and packet types in words. */
#include "weir/parse.h"

#include <stdio.h>

const char *weir_protocol_name(enum weir_protocol protocol)
{
	static const char *const names[WEIR_PROTOCOL_COUNT] = {
		[WEIR_PROTOCOL_NONE] = "none",
		[WEIR_PROTOCOL_ETHERNET] = "eth",
		[WEIR_PROTOCOL_VLAN] = "vlan",
		[WEIR_PROTOCOL_MPLS] = "mpls",
		[WEIR_PROTOCOL_PPPOE] = "pppoe",
		[WEIR_PROTOCOL_PPP] = "ppp",
		[WEIR_PROTOCOL_C_HDLC] = "chdlc",
		[WEIR_PROTOCOL_SLL] = "sll",
		[WEIR_PROTOCOL_SLL2] = "sll2",
		[WEIR_PROTOCOL_LOOPBACK] = "loopback",
		[WEIR_PROTOCOL_ARP] = "arp",
		[WEIR_PROTOCOL_IPV4] = "ipv4",
		[WEIR_PROTOCOL_IPV6] = "ipv6",
		[WEIR_PROTOCOL_HOP_BY_HOP] = "hop-by-hop",
		[WEIR_PROTOCOL_ROUTING] = "routing",
		[WEIR_PROTOCOL_FRAGMENT] = "fragment",
		[WEIR_PROTOCOL_DESTINATION] = "destination",
		[WEIR_PROTOCOL_MOBILITY] = "mobility",
		[WEIR_PROTOCOL_AH] = "ah",
		[WEIR_PROTOCOL_TCP] = "tcp",
		[WEIR_PROTOCOL_UDP] = "udp",
		[WEIR_PROTOCOL_SCTP] = "sctp",
		[WEIR_PROTOCOL_ICMP] = "icmp",
		[WEIR_PROTOCOL_ICMPV6] = "icmpv6",
		[WEIR_PROTOCOL_IGMP] = "igmp",
		[WEIR_PROTOCOL_ESP] = "esp",
		[WEIR_PROTOCOL_GRE] = "gre",
		[WEIR_PROTOCOL_VXLAN] = "vxlan",
		[WEIR_PROTOCOL_GENEVE] = "geneve",
	};

	return (unsigned)protocol < WEIR_PROTOCOL_COUNT ? names[protocol] : "?";
}

const char *weir_parse_end_name(enum weir_parse_end end)
{
	static const char *const names[WEIR_PARSE_END_COUNT] = {
		[WEIR_PARSE_DONE] = "done",
		[WEIR_PARSE_CUT] = "cut",
		[WEIR_PARSE_MALFORMED] = "malformed",
		[WEIR_PARSE_UNKNOWN] = "unknown",
		[WEIR_PARSE_FRAGMENT] = "fragment",
		[WEIR_PARSE_FULL] = "full",
	};

	return (unsigned)end < WEIR_PARSE_END_COUNT ? names[end] : "?";
}

/* Text of any length in a buffer of size bytes. */
struct line {
	char *text;
	size_t size;
	size_t length; /* of the whole */
};

/* Add a word, behind a stroke when it is not the first. */
static void add_word(struct line *line, const char *word)
{
	size_t room = line->length < line->size ? line->size - line->length : 0;

	line->length += (size_t)snprintf(room ? line->text + line->length : NULL, room, "%s%s",
		line->length ? "/" : "", word);
}

static int end_line(const struct line *line)
{
	if (line->size && !line->length)
		line->text[0] = '\0';
	return (int)line->length;
}

int weir_layers_text(const struct weir_layers *layers, char *text, size_t size)
{
	struct line line = {text, size, 0};

	for (uint32_t i = 0; i < layers->count; i++)
		add_word(&line, weir_protocol_name(layers->layer[i].protocol));
	return end_line(&line);
}

int weir_packet_type_name(uint16_t type, char *text, size_t size)
{
	static const char *const names[4][16] = {
		{NULL, "eth", "vlan", "qinq", "mpls", "pppoe", "ppp", "chdlc", "cooked",
			"loopback"},
		{NULL, "ipv4", "ipv6", "arp", NULL, "ipv4+", "ipv6+"},
		{NULL, "tcp", "udp", "sctp", "icmp", "icmpv6", "igmp", "esp", "fragment"},
		{NULL, "ip", "gre", "vxlan", "geneve"},
	};
	struct line line = {text, size, 0};

	for (uint32_t i = 0; i < 4; i++) {
		uint32_t value = type >> (4 * i) & 15;

		if (value)
			add_word(&line, names[i][value] ? names[i][value] : "?");
	}
	return end_line(&line);
}
