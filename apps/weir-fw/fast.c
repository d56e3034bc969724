/* SPDX-License-Identifier: BSD-3-Clause */
/* fast.c: verdicts that are known.
 *
 * A burst goes through three loops, so that the lines of memory that one asks for come while it
 * works on other packets:
 *
 *	add    is it plain, and where is its hint?
 *	look   which connection does the hint name?
 *	take   is that its own, is the verdict known, and does the tracker see nothing unusual?
 *
 * The first that its hint does not lead to its connection is looked up in the table, together with
 * all others behind it. */
#include "apps/weir-fw/fast.h"

#include "apps/weir-fw/track_plain_impl.h"

void fw_fast_begin(
	struct fw_fast *fast, const struct fw_judge *judge, uint32_t generation, uint32_t count)
{
	fast->count = count;
	fast->looked_up = false;
	fast->tracker = judge->rules->stateful ? judge->tracker : NULL;
	if (fast->generation != generation)
		fast->path_count = 0;
	fast->generation = generation;
}

void fw_fast_look(struct fw_fast *fast)
{
	const struct fw_tracker *tracker = fast->tracker;

	for (uint32_t i = 0; tracker && i < fast->count; i++) {
		struct fw_plain *plain = &fast->plain[i];

		plain->found = tracker->hints[plain->hint];
		plain->entry = fw_track_entry(tracker->table, plain->found / 2);
		/* time, key and what is known lie in a line; what is kept of TCP in two others */
		__builtin_prefetch(plain->entry, 1);
		__builtin_prefetch((uint8_t *)plain->entry + 64, 1);
		__builtin_prefetch((uint8_t *)plain->entry + 128, 1);
	}
}

/* Keys of those that no hint led to, from number *i on. */
static uint32_t collect(struct fw_fast *fast, uint32_t *i, struct fw_plain **plain, fw_key *keys)
{
	const struct weir_flow_table *table = fast->tracker->table;
	uint32_t count = 0;

	for (; *i < fast->count && count < WEIR_FLOW_BULK; ++*i) {
		struct fw_plain *of = &fast->plain[*i];
		bool exchanged;

		/* one that is gone has left its key there */
		if (!fw_plain_has_ports(of->kind[0]) ||
			(fw_plain_has_key(of, &of->entry->key) && of->entry->connection.expires_ns))
			continue;
		fw_key_make(of->transport + of->length - of->total, of->kind[1], of->kind[0],
			of->transport, of->length, &keys[count], &exchanged);
		/* until it is found: number and entry name the same connection, here the first */
		of->found = exchanged;
		of->entry = fw_track_entry(table, 0);
		plain[count++] = of;
	}
	return count;
}

static __attribute__((noinline)) void look_up(struct fw_fast *fast, uint32_t i)
{
	struct fw_tracker *tracker = fast->tracker;
	struct fw_plain *plain[WEIR_FLOW_BULK];
	uint32_t indices[WEIR_FLOW_BULK], count;
	fw_key keys[WEIR_FLOW_BULK];
	uint64_t there;

	while ((count = collect(fast, &i, plain, keys)) > 0) {
		there = weir_flow_lookup_bulk(tracker->table, keys, count, indices);
		for (; there; there &= there - 1) {
			uint32_t j = (uint32_t)__builtin_ctzll(there);

			plain[j]->found += 2 * indices[j];
			plain[j]->entry = fw_track_entry(tracker->table, indices[j]);
			tracker->hints[plain[j]->hint] = plain[j]->found;
		}
	}
	fast->looked_up = true;
}

static inline bool take_udp(const struct fw_connection *connection, const struct fw_plain *plain,
	uint64_t now_ns, uint64_t *timeout_ns)
{
	const uint32_t says = fw_big16(plain->transport + 4);

	*timeout_ns = fw_udp_timeout(fw_udp_is_stream(connection, now_ns));
	return says <= plain->length && says >= 8;
}

/* Does the tracker see nothing unusual in a packet of a connection? It has seen it then. */
static inline bool track(struct fw_connection *connection, const struct fw_plain *plain,
	uint64_t now_ns, uint64_t *timeout_ns)
{
	const uint32_t side = connection->exchanged != plain->found % 2;

	if (plain->kind[0] == FW_PLAIN_UDP) {
		if (!take_udp(connection, plain, now_ns, timeout_ns))
			return false;
	} else if (!fw_tcp_plain(
			   &connection->tcp, plain->transport, plain->length, side, timeout_ns)) {
		return false;
	}
	fw_track_count(connection, side, plain->total);
	return true;
}

/* The first of these that is not of a connection of which this is known, or at which the tracker
 * has to look. */
static __attribute__((noinline)) const struct fw_plain *take_run(struct fw_tracker *tracker,
	struct fw_counter *moved, const struct fw_plain *plain, const struct fw_plain *end,
	uint64_t known)
{
	uint64_t now_ns = tracker->now_ns, timeout_ns, bytes = 0;

	for (; plain < end; plain++) {
		struct fw_entry *entry = plain->entry;

		if (entry->connection.known[plain->found % 2] != known ||
			!fw_plain_has_key(plain, &entry->key))
			break;
		now_ns = plain->time_ns > now_ns ? plain->time_ns : now_ns;
		if (entry->connection.expires_ns <= now_ns ||
			!track(&entry->connection, plain, now_ns, &timeout_ns))
			break;
		fw_track_keep(tracker->table, entry, plain->found / 2, now_ns + timeout_ns);
		bytes += plain->total;
	}
	tracker->now_ns = now_ns;
	moved->bytes += bytes;
	return plain;
}

static uint32_t take(struct fw_fast *fast, uint32_t first, uint32_t end, uint16_t way)
{
	const uint64_t paths = (FW_KNOWN_CALM - 1) >> FW_KNOWN_PATH << FW_KNOWN_PATH;
	const uint64_t want = fast->generation | (uint64_t)way << FW_KNOWN_WAY | FW_KNOWN_CALM;
	const struct fw_plain *plain = &fast->plain[first], *next;

	for (; plain < &fast->plain[end]; plain = next) {
		const uint64_t known = plain->entry->connection.known[plain->found % 2];
		const uint32_t path = (uint32_t)((known & paths) >> FW_KNOWN_PATH);

		/* what is known may be of another connection, and of rules that are gone */
		if ((known & ~paths) != want)
			break;
		next = take_run(fast->tracker, &fast->moves[path], plain, &fast->plain[end], known);
		if (next == plain)
			break;
		fast->moved |= UINT64_C(1) << path;
		fast->moves[path].packets += (uint64_t)(next - plain);
	}
	return (uint32_t)(plain - &fast->plain[first]);
}

uint32_t fw_fast_take(struct fw_fast *fast, uint32_t i, uint32_t end, uint16_t way)
{
	uint32_t taken;

	if (!fast->tracker)
		return 0;
	taken = take(fast, i, end, way);
	if (taken || fast->looked_up)
		return taken;
	look_up(fast, i);
	return take(fast, i, end, way);
}

void fw_fast_end(struct fw_fast *fast)
{
	for (; fast->moved; fast->moved &= fast->moved - 1) {
		uint32_t i = (uint32_t)__builtin_ctzll(fast->moved);
		const struct fw_path *path = &fast->paths[i];

		for (uint32_t j = 0; j < path->count; j++)
			fw_count(path->counters[j], fast->moves[i].packets, fast->moves[i].bytes);
		fast->moves[i] = (struct fw_counter){0};
	}
}

void fw_fast_record(struct fw_fast *fast, struct fw_judge *judge)
{
	fast->path.count = 0;
	fast->path.varies = !fast->tracker;
	judge->record = fast->tracker ? &fast->path : NULL;
}

bool fw_fast_one(
	struct fw_fast *fast, struct fw_judge *judge, const struct fw_packet *packet, uint16_t way)
{
	bool known = false;

	if (fast->tracker && packet->link_type == WEIR_LINK_ETHERNET) {
		fast->count = 1;
		fast->looked_up = false;
		fw_fast_add(fast, 0, packet->frame, packet->frame_length, packet->time_ns);
		fw_fast_look(fast);
		known = fw_fast_take(fast, 0, 1, way);
		fw_fast_end(fast);
	}
	if (!known)
		fw_fast_record(fast, judge);
	return known;
}
