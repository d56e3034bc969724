/* SPDX-License-Identifier: BSD-3-Clause */
/* flows.c: copies of connections, and their text. The keys are part of the interface
 * (docs/firewall.md). */
#include "apps/weir-fw/flows.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	uint8_t number;
} protocols[] = {{"icmp", 1}, {"tcp", 6}, {"udp", 17}, {"dccp", 33}, {"gre", 47}, {"icmpv6", 58},
	{"sctp", 132}, {"udplite", 136}};

static const char *const tcp_states[FW_TCP_STATES] = {[FW_TCP_NONE] = "none",
	[FW_TCP_SYN_SENT] = "syn-sent",
	[FW_TCP_SYN_RECV] = "syn-received",
	[FW_TCP_ESTABLISHED] = "established",
	[FW_TCP_FIN_WAIT] = "fin-wait",
	[FW_TCP_CLOSE_WAIT] = "close-wait",
	[FW_TCP_LAST_ACK] = "last-ack",
	[FW_TCP_TIME_WAIT] = "time-wait",
	[FW_TCP_CLOSE] = "closed",
	[FW_TCP_SYN_SENT2] = "syn-sent-by-both"};

void fw_flow_copy(const struct fw_tracker *tracker, uint32_t index, struct fw_flow *flow)
{
	const struct fw_connection *connection = fw_track_at(tracker, index);

	flow->index = index;
	fw_track_tuples(tracker, index, flow->tuples);
	for (uint32_t i = 0; i < 2; i++)
		flow->seen[i] = (struct fw_counter){connection->packets[i], connection->bytes[i]};
	flow->begun_ns = connection->begun_ns;
	flow->expires_ns = connection->expires_ns;
	flow->nat = connection->nat;
	flow->tcp_state = connection->tcp.state;
	flow->answered = connection->answered;
	flow->assured = connection->assured;
	flow->now_ns = tracker->now_ns;
}

uint32_t fw_flows_copy(const struct fw_tracker *tracker, uint64_t now_ns, uint32_t *place,
	struct fw_flow flows[FW_FLOWS_LOOK])
{
	uint32_t bound = weir_flow_bound(tracker->table), index = *place, count = 0;
	uint32_t end =
		index < bound && bound - index > FW_FLOWS_LOOK ? index + FW_FLOWS_LOOK : bound;

	if (!now_ns)
		now_ns = tracker->now_ns;
	for (; index < end; index++) {
		if (fw_track_at(tracker, index)->expires_ns <= now_ns)
			continue;
		fw_flow_copy(tracker, index, &flows[count]);
		flows[count++].now_ns = now_ns;
	}
	*place = end < bound ? end : WEIR_FLOW_NONE;
	return count;
}

/* ---- text ---- */

static const char *name_of(uint8_t protocol)
{
	for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++)
		if (protocols[i].number == protocol)
			return protocols[i].name;
	return NULL;
}

int fw_flow_protocol(const char *text)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (*text >= '0' && *text <= '9' && !*end && number <= UINT8_MAX)
		return (int)number;
	for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++)
		if (strcmp(protocols[i].name, text) == 0)
			return protocols[i].number;
	return -1;
}

static void print_address(FILE *out, const char *key, const fw_key *tuple, int end)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(tuple->zero[0] == FW_IP ? AF_INET : AF_INET6, tuple->address[end], text,
		sizeof(text));
	fprintf(out, "\"%s\":\"%s\",", key, text);
}

static unsigned int port_of(const fw_key *tuple, int end)
{
	return (unsigned int)(tuple->port[end][0] << 8 | tuple->port[end][1]);
}

/* What its packets come with, and how many there were. */
static void print_side(FILE *out, const fw_key *tuple, const struct fw_counter *seen)
{
	print_address(out, "source", tuple, 0);
	print_address(out, "destination", tuple, 1);
	if (fw_track_ports(tuple->protocol))
		fprintf(out, "\"source_port\":%u,\"destination_port\":%u,", port_of(tuple, 0),
			port_of(tuple, 1));
	else if (tuple->zero[1])
		fprintf(out, "\"id\":%u,", port_of(tuple, 0));
	fprintf(out, "\"packets\":%llu,\"bytes\":%llu", (unsigned long long)seen->packets,
		(unsigned long long)seen->bytes);
}

static const char *state_of(const struct fw_flow *flow)
{
	if (flow->tcp_state)
		return tcp_states[flow->tcp_state];
	return flow->answered ? "answered" : "unanswered";
}

static const char *nat_of(const struct fw_flow *flow)
{
	const bool source = flow->nat & 1u << FW_NAT_SOURCE;
	const bool destination = flow->nat & 1u << FW_NAT_DESTINATION;

	return source && destination ? "both" : source ? "source" : "destination";
}

void fw_flow_print(FILE *out, const struct fw_flow *flow)
{
	const char *name = name_of(flow->tuples[0].protocol);
	uint64_t left_ns = flow->expires_ns > flow->now_ns ? flow->expires_ns - flow->now_ns : 0;

	if (name)
		fprintf(out, "\"protocol\":\"%s\",", name);
	else
		fprintf(out, "\"protocol\":%u,", flow->tuples[0].protocol);
	fprintf(out, "\"state\":\"%s\",\"assured\":%s,\"timeout\":%llu,", state_of(flow),
		flow->assured ? "true" : "false",
		(unsigned long long)((left_ns + FW_NS_PER_S - 1) / FW_NS_PER_S));
	if (flow->nat)
		fprintf(out, "\"nat\":\"%s\",", nat_of(flow));
	print_side(out, &flow->tuples[0], &flow->seen[0]);
	fputs(",\"answers\":{", out);
	print_side(out, &flow->tuples[1], &flow->seen[1]);
	fputc('}', out);
}
