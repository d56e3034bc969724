/* SPDX-License-Identifier: BSD-3-Clause */
/* track.c: the table of connections: which one a packet belongs to, how long it lives, and which
 * goes when there is no room. TCP has files of its own. */
#include "apps/weir-fw/track.h"

#include "apps/weir-fw/track_impl.h"

#include "base/base_impl.h"

#include <weir/flow.h>
#include <weir/flow_key.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ICMP = 1, TCP = 6, UDP = 17, DCCP = 33, GRE = 47, ICMPV6 = 58, SCTP = 132, UDPLITE = 136 };

/* Seconds; of Documentation/networking/nf_conntrack-sysctl.rst, but for the generic one, too. */
#define TIMEOUT_UDP        30
#define TIMEOUT_UDP_STREAM 120
#define TIMEOUT_ICMP       30
#define TIMEOUT_GENERIC    600
#define UDP_STREAM_AFTER   2 /* a stream is what still goes both ways after so long */
/* Flows that are looked at for each packet: those whose time has come, and those that may go early.
 */
#define EXPIRE_BUDGET 16
#define EARLY_BUDGET  64
#define TICK_NS       (FW_NS_PER_S / 4)

/* A key is the five-tuple of IPv6, IPv4 addresses in its first bytes; zero[0] is the family,
 * zero[1] the type of an ICMP request and one. */
typedef struct weir_flow_key_ipv6 key;

struct fw_tracker {
	struct weir_flow_table *table;
	uint32_t half_open_most, half_open;
	uint32_t cursor; /* where the next one that may go early is looked for */
	/* the packet asked about last, when it would make a connection */
	bool pending;
	key pending_key;
	struct fw_connection pending_connection;
	uint64_t pending_timeout_ns, now_ns;
	struct fw_track_stats stats;
};

struct fw_tracker *fw_tracker_create(uint32_t connections)
{
	const struct weir_flow_conf conf = {.name = "connections",
		.count = connections,
		.key_size = sizeof(key),
		.value_size = sizeof(struct fw_connection),
		.tick = TICK_NS,
		.node = WEIR_NODE_ANY};
	struct fw_tracker *tracker = calloc(1, sizeof(*tracker));

	if (!tracker)
		return weir__fail_null(ENOMEM, "no memory for a tracker of connections");
	tracker->half_open_most = connections / 4 ? connections / 4 : 1;
	tracker->table = weir_flow_create(&conf);
	if (tracker->table)
		return tracker;
	free(tracker);
	return NULL;
}

void fw_tracker_destroy(struct fw_tracker *tracker)
{
	if (tracker)
		weir_flow_destroy(tracker->table);
	free(tracker);
}

/* The request that a type of ICMP is, or answers; -1: neither. */
static int request_of(uint8_t protocol, uint8_t type, bool *answer)
{
	static const uint8_t v4[][2] = {{8, 0}, {13, 14}, {15, 16}, {17, 18}};
	static const uint8_t v6[][2] = {{128, 129}, {139, 140}};
	const uint8_t(*pairs)[2] = protocol == ICMP ? v4 : v6;
	uint32_t count = protocol == ICMP ? 4 : 2;

	for (uint32_t i = 0; i < count; i++)
		if (type == pairs[i][0] || type == pairs[i][1]) {
			*answer = type == pairs[i][1];
			return pairs[i][0];
		}
	return -1;
}

static bool has_ports(uint8_t protocol)
{
	return protocol == TCP || protocol == UDP || protocol == SCTP || protocol == DCCP ||
	       protocol == UDPLITE;
}

static void exchange(key *of)
{
	uint8_t address[16], port[2];

	memcpy(address, of->address[0], 16);
	memcpy(of->address[0], of->address[1], 16);
	memcpy(of->address[1], address, 16);
	memcpy(port, of->port[0], 2);
	memcpy(of->port[0], of->port[1], 2);
	memcpy(of->port[1], port, 2);
}

/* A key that is the same both ways, with what of it is in which place in *exchanged. False where a
 * packet cannot have one. */
static bool make_key(const uint8_t *network, uint8_t family, uint8_t protocol,
	const uint8_t *transport, uint32_t length, key *of, bool *exchanged)
{
	uint32_t size = family == FW_IP ? 4 : 16, at = family == FW_IP ? 12 : 8;
	int request;

	memset(of, 0, sizeof(*of));
	memcpy(of->address[0], network + at, size);
	memcpy(of->address[1], network + at + size, size);
	of->protocol = protocol;
	of->zero[0] = family;
	if (protocol == (family == FW_IP ? ICMP : ICMPV6)) {
		if (length < 8 || (request = request_of(protocol, transport[0], exchanged)) < 0)
			return false;
		memcpy(of->port[0], transport + 4, 2);
		memcpy(of->port[1], transport + 4, 2);
		of->zero[1] = (uint8_t)(request + 1);
		if (*exchanged)
			exchange(of);
		return true;
	}
	if (has_ports(protocol)) {
		if (length < 4)
			return false;
		memcpy(of->port[0], transport, 2);
		memcpy(of->port[1], transport + 2, 2);
	}
	*exchanged = weir_flow_key_sort_ipv6(of);
	return true;
}

static struct fw_connection *connection_at(const struct fw_tracker *tracker, uint32_t index)
{
	return weir_flow_value(tracker->table, index);
}

/* A connection is going. */
static void forget(struct fw_tracker *tracker, uint32_t index)
{
	tracker->half_open -= !connection_at(tracker, index)->answered;
	weir_flow_remove(tracker->table, index);
	tracker->stats.removed++;
}

static void on_expired(void *context, struct weir_flow_table *table, uint32_t index)
{
	struct fw_tracker *tracker = context;
	const struct fw_connection *connection = weir_flow_value(table, index);

	tracker->half_open -= !connection->answered;
	tracker->stats.expired++;
}

/* The connection of a key that still lives. */
static uint32_t find(struct fw_tracker *tracker, const key *of)
{
	uint32_t index = weir_flow_lookup(tracker->table, of);

	if (index == WEIR_FLOW_NONE || weir_flow_expires(tracker->table, index) > tracker->now_ns)
		return index;
	tracker->half_open -= !connection_at(tracker, index)->answered;
	weir_flow_remove(tracker->table, index);
	tracker->stats.expired++;
	return WEIR_FLOW_NONE;
}

static enum fw_tracked track_udp(const struct fw_connection *connection,
	const struct fw_packet *packet, uint64_t now_ns, uint64_t *timeout_ns)
{
	uint32_t length;

	if (packet->transport_length < 8)
		return FW_TRACK_INVALID;
	length = (uint32_t)(packet->transport[4] << 8 | packet->transport[5]);
	if (packet->protocol == UDP && (length > packet->transport_length || length < 8))
		return FW_TRACK_INVALID;
	*timeout_ns = TIMEOUT_UDP * FW_NS_PER_S;
	if (connection->answered && now_ns > connection->begun_ns + UDP_STREAM_AFTER * FW_NS_PER_S)
		*timeout_ns = TIMEOUT_UDP_STREAM * FW_NS_PER_S;
	return FW_TRACKED;
}

static enum fw_tracked track(const struct fw_tracker *tracker, struct fw_connection *connection,
	const struct fw_packet *packet, uint32_t side, uint64_t *timeout_ns)
{
	switch (packet->protocol) {
	case TCP:
		return fw_tcp_packet(connection, packet, side, timeout_ns);
	case UDP:
	case UDPLITE:
		return track_udp(connection, packet, tracker->now_ns, timeout_ns);
	case ICMP:
	case ICMPV6:
		*timeout_ns = TIMEOUT_ICMP * FW_NS_PER_S;
		return FW_TRACKED;
	default:
		*timeout_ns = TIMEOUT_GENERIC * FW_NS_PER_S;
		return FW_TRACKED;
	}
}

/* A packet that no connection has. It makes one when it is accepted. */
static uint32_t track_first(
	struct fw_tracker *tracker, const struct fw_packet *packet, const key *of, bool exchanged)
{
	struct fw_connection *connection = &tracker->pending_connection;
	bool answer = of->zero[1] && exchanged; /* an answer of ICMP that nobody asked for */

	*connection = (struct fw_connection){.exchanged = exchanged, .begun_ns = tracker->now_ns};
	if (answer || track(tracker, connection, packet, 0, &tracker->pending_timeout_ns) ==
			      FW_TRACK_INVALID)
		return FW_CT_INVALID;
	tracker->pending = true;
	tracker->pending_key = *of;
	return FW_CT_NEW;
}

/* A packet of a connection. */
static uint32_t track_next(struct fw_tracker *tracker, struct fw_packet *packet, uint32_t index,
	const key *of, bool exchanged)
{
	struct fw_connection *connection = connection_at(tracker, index);
	uint32_t side = connection->exchanged != exchanged;
	uint32_t state = side || connection->answered ? FW_CT_ESTABLISHED : FW_CT_NEW;
	uint64_t timeout_ns = 0;

	switch (track(tracker, connection, packet, side, &timeout_ns)) {
	case FW_TRACK_INVALID:
		return FW_CT_INVALID;
	case FW_TRACK_REOPEN:
		forget(tracker, index);
		return track_first(tracker, packet, of, exchanged);
	case FW_TRACK_REMOVE:
		forget(tracker, index);
		return state;
	case FW_TRACKED:
		break;
	}
	if (side && !connection->answered) {
		connection->answered = true;
		tracker->half_open--;
	}
	if (packet->protocol != TCP && connection->answered)
		connection->assured = true;
	if (timeout_ns)
		weir_flow_keep(tracker->table, index, tracker->now_ns + timeout_ns);
	return state;
}

static bool is_error(const struct fw_packet *packet)
{
	uint8_t type = packet->transport[0];

	if (packet->protocol == ICMPV6)
		return type < 128;
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

/* An error of ICMP belongs to the connection of the packet in it, when it goes to who sent that. */
static uint32_t track_error(struct fw_tracker *tracker, const struct fw_packet *packet)
{
	uint32_t size = packet->family == FW_IP ? 4 : 16, at = packet->family == FW_IP ? 12 : 8;
	struct fw_packet inner = {.family = packet->family};
	bool exchanged;
	key of;

	if (packet->transport_length < 8 ||
		!fw_packet_read_quoted(&inner, packet->transport + 8, packet->transport_length - 8))
		return FW_CT_INVALID;
	if (!make_key(inner.network, inner.family, inner.protocol, inner.transport,
		    inner.transport_length, &of, &exchanged) ||
		find(tracker, &of) == WEIR_FLOW_NONE)
		return FW_CT_INVALID;
	if (memcmp(packet->network + at + size, inner.network + at, size) != 0)
		return FW_CT_INVALID;
	return FW_CT_RELATED;
}

/* Neighbours and groups of a link: no connection has them (RFC 4861, 2710, 3810). */
static bool is_of_link(const struct fw_packet *packet)
{
	uint8_t type = packet->transport[0];

	return packet->protocol == ICMPV6 && ((type >= 130 && type <= 136) || type == 143);
}

static uint32_t track_packet(struct fw_tracker *tracker, struct fw_packet *packet)
{
	bool icmp = packet->protocol == (packet->family == FW_IP ? ICMP : ICMPV6), exchanged;
	uint32_t index;
	key of;

	if (!packet->has_protocol || !packet->transport || packet->in_fragments)
		return FW_CT_INVALID;
	if (icmp && packet->transport_length < 8)
		return FW_CT_INVALID;
	if (icmp && is_of_link(packet))
		return FW_CT_UNTRACKED;
	if (icmp && is_error(packet))
		return track_error(tracker, packet);
	if (!make_key(packet->network, packet->family, packet->protocol, packet->transport,
		    packet->transport_length, &of, &exchanged))
		return FW_CT_INVALID;
	index = find(tracker, &of);
	if (index == WEIR_FLOW_NONE)
		return track_first(tracker, packet, &of, exchanged);
	return track_next(tracker, packet, index, &of, exchanged);
}

uint32_t fw_tracker_state(void *context, struct fw_packet *packet)
{
	struct fw_tracker *tracker = context;
	uint32_t state;

	/* packets of a file may go back in time, connections do not */
	if (packet->time_ns > tracker->now_ns)
		tracker->now_ns = packet->time_ns;
	weir_flow_expire(tracker->table, tracker->now_ns, EXPIRE_BUDGET, on_expired, tracker);
	tracker->pending = false;
	state = track_packet(tracker, packet);
	tracker->stats.invalid += state == FW_CT_INVALID;
	return state;
}

/* Make room: one that was not answered both ways goes, among the next few. */
static bool remove_early(struct fw_tracker *tracker)
{
	uint32_t index = tracker->cursor;

	for (uint32_t i = 0; i < EARLY_BUDGET; i++) {
		index = weir_flow_next(tracker->table, index);
		if (index == WEIR_FLOW_NONE) {
			index = 0;
			continue;
		}
		if (!connection_at(tracker, index)->assured) {
			tracker->cursor = index + 1;
			forget(tracker, index);
			tracker->stats.early++;
			return true;
		}
		index++;
	}
	tracker->cursor = index;
	return false;
}

static uint32_t insert(struct fw_tracker *tracker)
{
	uint32_t index;

	if (tracker->half_open >= tracker->half_open_most)
		remove_early(tracker);
	if (weir_flow_insert(tracker->table, &tracker->pending_key, tracker->now_ns, &index) < 0 &&
		remove_early(tracker))
		weir_flow_insert(tracker->table, &tracker->pending_key, tracker->now_ns, &index);
	return index;
}

void fw_tracker_decided(struct fw_tracker *tracker, bool accepted)
{
	uint32_t index;

	if (!tracker->pending || !accepted)
		return;
	tracker->pending = false;
	index = insert(tracker);
	if (index == WEIR_FLOW_NONE) {
		tracker->stats.refused++;
		return;
	}
	*connection_at(tracker, index) = tracker->pending_connection;
	weir_flow_keep(tracker->table, index, tracker->now_ns + tracker->pending_timeout_ns);
	tracker->half_open++;
	tracker->stats.made++;
}

void fw_tracker_stats(const struct fw_tracker *tracker, struct fw_track_stats *stats)
{
	struct weir_flow_stats flows;

	weir_flow_stats(tracker->table, &flows);
	*stats = tracker->stats;
	stats->now = flows.flows;
	stats->half_open = tracker->half_open;
}
