/* SPDX-License-Identifier: BSD-3-Clause */
/* track.c: which connection a packet belongs to, and how long that lives. TCP has files of its own.
 */
#include "apps/weir-fw/track.h"

#include "apps/weir-fw/flows.h"
#include "apps/weir-fw/places.h"

#include <string.h>

enum { ICMP = 1, TCP = 6, UDP = 17, ICMPV6 = 58, UDPLITE = 136 };

/* Seconds; of Documentation/networking/nf_conntrack-sysctl.rst, but for the generic one, too. */
#define TIMEOUT_ICMP    30
#define TIMEOUT_GENERIC 600

typedef fw_key key;

/* Keep in mind whose packet it is. */
static void note(struct fw_tracker *tracker, struct fw_packet *packet, uint32_t index,
	uint32_t side, bool error)
{
	struct fw_connection *connection = fw_track_at(tracker, index);
	struct fw_asked *asked = &tracker->asked;

	asked->connection = connection;
	asked->side = side;
	asked->error = error;
	packet->translated = connection->nat;
	if (!error)
		fw_track_count(connection, side, packet->network_length);
	if (connection->nat)
		fw_track_tuples(tracker, index, asked->tuples);
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
	*timeout_ns = fw_udp_timeout(fw_udp_is_stream(connection, now_ns));
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
	struct fw_tracker *tracker, struct fw_packet *packet, const key *of, bool exchanged)
{
	struct fw_connection *connection = &tracker->pending_connection;
	struct fw_asked *asked = &tracker->asked;
	bool answer = of->zero[1] && exchanged; /* an answer of ICMP that nobody asked for */

	*connection = (struct fw_connection){.exchanged = exchanged, .begun_ns = tracker->now_ns};
	if (answer || track(tracker, connection, packet, 0, &tracker->pending_timeout_ns) ==
			      FW_TRACK_INVALID)
		return FW_CT_INVALID;
	tracker->pending = packet->first = true;
	fw_track_count(connection, 0, packet->network_length);
	asked->connection = connection;
	asked->side = 0;
	asked->error = false;
	asked->tuples[0] = *of;
	if (exchanged)
		fw_key_exchange(&asked->tuples[0]);
	asked->tuples[1] = asked->tuples[0];
	fw_key_exchange(&asked->tuples[1]);
	return FW_CT_NEW;
}

/* What others are told of when it changes. */
struct progress {
	uint8_t tcp_state;
	bool answered, assured;
};

static struct progress progress_of(const struct fw_connection *connection)
{
	return (struct progress){connection->tcp.state, connection->answered, connection->assured};
}

static bool has_changed(const struct progress *before, const struct fw_connection *connection)
{
	return before->tcp_state != connection->tcp.state ||
	       before->answered != connection->answered || before->assured != connection->assured;
}

/* A packet of a connection. */
static uint32_t track_next(struct fw_tracker *tracker, struct fw_packet *packet, uint32_t index,
	uint32_t side, const key *of, bool exchanged)
{
	struct fw_connection *connection = fw_track_at(tracker, index);
	uint32_t state = side || connection->answered ? FW_CT_ESTABLISHED : FW_CT_NEW;
	const struct progress before = progress_of(connection);
	uint64_t timeout_ns = 0;

	switch (track(tracker, connection, packet, side, &timeout_ns)) {
	case FW_TRACK_INVALID:
		return FW_CT_INVALID;
	case FW_TRACK_REOPEN:
		fw_track_forget(tracker, index, FW_GONE_REPLACED);
		return track_first(tracker, packet, of, exchanged);
	case FW_TRACK_REMOVE:
		/* this packet of it is yet to be translated */
		note(tracker, packet, index, side, false);
		tracker->pending_connection = *connection;
		tracker->asked.connection = &tracker->pending_connection;
		fw_track_forget(tracker, index, FW_GONE_RESET);
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
		fw_track_keep(tracker->table, fw_track_entry(tracker->table, index), index,
			tracker->now_ns + timeout_ns);
	note(tracker, packet, index, side, false);
	if (has_changed(&before, connection))
		fw_track_tell(tracker, index, FW_EVENT_UPDATE, 0);
	return state;
}

/* An error of ICMP belongs to the connection of the packet in it, when it goes to who sent that. */
static uint32_t track_error(struct fw_tracker *tracker, struct fw_packet *packet)
{
	uint32_t size = packet->family == FW_IP ? 4 : 16, at = packet->family == FW_IP ? 12 : 8;
	struct fw_packet inner = {.family = packet->family};
	uint32_t index, side;
	bool exchanged;
	key of;

	if (packet->transport_length < 8 ||
		!fw_packet_read_quoted(&inner, packet->transport + 8, packet->transport_length - 8))
		return FW_CT_INVALID;
	if (!fw_key_make(inner.network, inner.family, inner.protocol, inner.transport,
		    inner.transport_length, &of, &exchanged))
		return FW_CT_INVALID;
	/* it goes the other way than what it quotes */
	index = fw_track_find(tracker, &of, !exchanged, &side);
	if (index == WEIR_FLOW_NONE || side == FW_NO_SIDE ||
		memcmp(packet->network + at + size, inner.network + at, size) != 0)
		return FW_CT_INVALID;
	note(tracker, packet, index, side, true);
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
	uint32_t index, side;
	key of;

	if (!packet->has_protocol || !packet->transport || packet->in_fragments)
		return FW_CT_INVALID;
	if (icmp && packet->transport_length < 8)
		return FW_CT_INVALID;
	if (icmp && is_of_link(packet))
		return FW_CT_UNTRACKED;
	if (fw_track_is_error(packet))
		return track_error(tracker, packet);
	if (!fw_key_make(packet->network, packet->family, packet->protocol, packet->transport,
		    packet->transport_length, &of, &exchanged))
		return FW_CT_INVALID;
	index = fw_track_find(tracker, &of, exchanged, &side);
	if (index == WEIR_FLOW_NONE)
		return track_first(tracker, packet, &of, exchanged);
	if (side == FW_NO_SIDE)
		return FW_CT_INVALID;
	return track_next(tracker, packet, index, side, &of, exchanged);
}

uint32_t fw_tracker_state(void *context, struct fw_packet *packet)
{
	struct fw_tracker *tracker = context;
	uint32_t state;

	/* packets of a file may go back in time, connections do not */
	if (packet->time_ns > tracker->now_ns)
		tracker->now_ns = packet->time_ns;
	fw_track_expire(tracker);
	tracker->pending = false;
	fw_places_unclaim(tracker);
	tracker->asked.connection = NULL;
	state = track_packet(tracker, packet);
	tracker->stats.invalid += state == FW_CT_INVALID;
	return state;
}
