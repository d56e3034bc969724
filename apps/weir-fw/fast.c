/* SPDX-License-Identifier: BSD-3-Clause */
/* fast.c: verdicts that are known. The frames that it takes are those without anything between
 * Ethernet, IP and TCP or UDP, so that what rules may ask of them is what the key says. */
#include "apps/weir-fw/fast.h"

#include "apps/weir-fw/track_tcp_impl.h"

#include <string.h>

enum { ETHERNET = 14, IPV4 = 20, IPV6 = 40, TCP = 6, UDP = 17 };

/* Where the transport of a plain frame begins; 0: it is none of those. */
static inline uint32_t transport_of(const struct fw_frame *frame, uint8_t *protocol, uint32_t *end)
{
	const uint8_t *bytes = frame->bytes, *ip = bytes + ETHERNET;
	uint32_t length;

	if (frame->length < ETHERNET + IPV4 + 8)
		return 0;
	if (bytes[12] == 0x08 && bytes[13] == 0x00 && ip[0] == 0x45 && !((ip[6] & 0x3f) | ip[7])) {
		length = (uint32_t)(ip[2] << 8 | ip[3]);
		*protocol = ip[9];
		*end = ETHERNET + length;
		return *end <= frame->length && length >= IPV4 + 8 ? ETHERNET + IPV4 : 0;
	}
	if (bytes[12] == 0x86 && bytes[13] == 0xdd && ip[0] >> 4 == 6 &&
		frame->length >= ETHERNET + IPV6 + 8) {
		length = (uint32_t)(ip[4] << 8 | ip[5]);
		*protocol = ip[6];
		*end = ETHERNET + IPV6 + length;
		return *end <= frame->length && length >= 8 ? ETHERNET + IPV6 : 0;
	}
	return 0;
}

static inline uint64_t end_of_ipv4(const uint8_t *address, const uint8_t *port)
{
	uint32_t number;

	memcpy(&number, address, 4);
	return (uint64_t)__builtin_bswap32(number) << 16 | (uint64_t)(port[0] << 8 | port[1]);
}

/* As fw_key_make(): the lower end first. */
static inline bool key_of_ipv4(const uint8_t *ip, uint8_t protocol, fw_key *key)
{
	const uint8_t *transport = ip + IPV4;
	bool exchanged = end_of_ipv4(ip + 12, transport) > end_of_ipv4(ip + 16, transport + 2);

	memset(key, 0, sizeof(*key));
	memcpy(key->address[exchanged], ip + 12, 4);
	memcpy(key->address[!exchanged], ip + 16, 4);
	memcpy(key->port[exchanged], transport, 2);
	memcpy(key->port[!exchanged], transport + 2, 2);
	key->protocol = protocol;
	key->zero[0] = FW_IP;
	return exchanged;
}

/* A key of something else is none that a connection has. */
static inline bool key_of(const struct fw_frame *frame, fw_key *key)
{
	const uint8_t *ip = frame->bytes + ETHERNET;
	uint8_t protocol = 0;
	uint32_t end, at = transport_of(frame, &protocol, &end);
	bool exchanged = false;

	if (at == ETHERNET + IPV4 && (protocol == TCP || protocol == UDP))
		return key_of_ipv4(ip, protocol, key);
	memset(key, 0, sizeof(*key));
	if (at && (protocol == TCP || protocol == UDP))
		fw_key_make(ip, FW_IP6, protocol, ip + IPV6, 8, key, &exchanged);
	return exchanged;
}

static uint64_t changes_of(const struct fw_tracker *tracker)
{
	return tracker->stats.removed + tracker->stats.expired;
}

void fw_fast_look(struct fw_fast *fast, const struct fw_judge *judge, uint32_t generation,
	const struct fw_frame *frames, uint32_t count)
{
	struct fw_tracker *tracker = judge->tracker;

	fast->known = 0;
	fast->tracker = judge->rules->stateful ? tracker : NULL;
	if (!fast->tracker)
		return;
	if (fast->generation != generation)
		fast->path_count = 0;
	fast->generation = generation;
	for (uint32_t i = 0; i < count; i++)
		fast->exchanged[i] = key_of(&frames[i], &fast->keys[i]);
	fast->known = weir_flow_lookup_bulk(tracker->table, fast->keys, count, fast->indices);
	fast->changes = changes_of(tracker);
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t *connection;

		if (!(fast->known >> i & 1))
			continue;
		connection = (const uint8_t *)fw_track_at(tracker, fast->indices[i]);
		__builtin_prefetch(connection, 1);
		__builtin_prefetch(connection + 64, 1);
		__builtin_prefetch(connection + 128, 1);
	}
}

static inline bool take_udp(const struct fw_connection *connection, const uint8_t *udp,
	uint32_t length, uint64_t now_ns, uint64_t *timeout_ns)
{
	uint32_t says = (uint32_t)(udp[4] << 8 | udp[5]);

	*timeout_ns = fw_udp_timeout(connection, now_ns);
	return says <= length && says >= 8;
}

bool fw_fast_take(struct fw_fast *fast, uint32_t i, const struct fw_frame *frame, uint32_t in,
	uint64_t ways, uint64_t now_ns)
{
	struct fw_tracker *tracker = fast->tracker;
	struct fw_connection *connection;
	const struct fw_path *path;
	uint32_t at, end = 0, side;
	uint64_t timeout_ns = 0;
	uint8_t protocol = 0;
	bool taken;

	if (!(fast->known >> i & 1) || changes_of(tracker) != fast->changes)
		return false;
	connection = fw_track_at(tracker, fast->indices[i]);
	side = connection->exchanged != fast->exchanged[i];
	if (connection->known[side].generation != fast->generation ||
		connection->known[side].in != in ||
		UINT64_C(1) << connection->known[side].out != ways)
		return false;
	if (now_ns < tracker->now_ns)
		now_ns = tracker->now_ns;
	if (weir_flow_expires(tracker->table, fast->indices[i]) <= now_ns)
		return false;
	at = transport_of(frame, &protocol, &end);
	taken = protocol == TCP
			? fw_tcp_plain(connection, frame->bytes + at, end - at, side, &timeout_ns)
			: take_udp(connection, frame->bytes + at, end - at, now_ns, &timeout_ns);
	if (!taken)
		return false;
	tracker->now_ns = now_ns;
	weir_flow_keep(tracker->table, fast->indices[i], now_ns + timeout_ns);
	fw_track_count(connection, side, end - ETHERNET);
	path = &fast->paths[connection->known[side].path];
	for (uint32_t j = 0; j < path->count; j++)
		fw_count(path->counters[j], 1, end - ETHERNET);
	return true;
}

void fw_fast_record(struct fw_fast *fast, struct fw_judge *judge)
{
	fast->path.count = 0;
	fast->path.varies = !fast->tracker;
	judge->record = fast->tracker ? &fast->path : NULL;
}

/* The number of the recorded way; FW_FAST_PATHS: there are too many. */
static uint32_t path_number(struct fw_fast *fast)
{
	const struct fw_path *path = &fast->path;
	uint32_t i = 0;

	while (i < fast->path_count &&
		(fast->paths[i].count != path->count ||
			memcmp(fast->paths[i].counters, path->counters,
				path->count * sizeof(path->counters[0])) != 0))
		i++;
	if (i == fast->path_count && i < FW_FAST_PATHS)
		fast->paths[fast->path_count++] = *path;
	return i;
}

void fw_fast_learn(struct fw_fast *fast, const struct fw_packet *packet, uint32_t in, uint64_t ways)
{
	const struct fw_frame frame = {packet->frame, packet->frame_length};
	struct fw_asked *asked;
	uint8_t protocol;
	uint32_t end, number;

	if (fast->path.varies || packet->ct_state != FW_CT_ESTABLISHED || !ways ||
		ways & (ways - 1) || packet->link_broadcast || packet->link_multicast)
		return;
	asked = &fast->tracker->asked;
	/* one that has ended with this packet is no longer in the table */
	if (!asked->connection || asked->connection == &fast->tracker->pending_connection ||
		asked->error || asked->connection->nat || !transport_of(&frame, &protocol, &end) ||
		(protocol != TCP && protocol != UDP))
		return;
	number = path_number(fast);
	if (number < FW_FAST_PATHS)
		asked->connection->known[asked->side] =
			(struct fw_known){.generation = fast->generation,
				.path = (uint8_t)number,
				.in = (uint8_t)in,
				.out = (uint8_t)__builtin_ctzll(ways)};
}
