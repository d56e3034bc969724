/* SPDX-License-Identifier: BSD-3-Clause */
/* reassembly.c: fragments wait for those that are missing.
 *
 * A packet in the making is a flow (weir/flow.h) whose value lists the fragments that have come
 * (pieces_impl.h). All wait equally long: a list from the oldest to the newest says whose time is
 * over, and who goes when there is no room.
 *
 * A fragment to be added is stripped as it comes: what is behind IP's end, and of all but the first
 * its headers. What is left is chained in the end. One to be gathered stays as it came.
 */
#include "pieces_impl.h"

#include "base/base_impl.h"

#include "weir/flow.h"
#include "weir/parse.h"

#include <errno.h>
#include <stdlib.h>

#define TIMEOUT_NS    30000000000ull /* of Linux: net.ipv4.ipfrag_time */
#define FRAGMENTS_MAX 8192           /* 65,535 bytes, 8 at least in each but the last */

struct key {
	uint8_t addresses[32];
	uint32_t id;
	uint8_t protocol; /* IPv4 only: 0 is IPv6 for us, and no protocol that IPv4 would carry */
	uint8_t ipv6;
	uint16_t net;
};

static_assert(sizeof(struct key) % 8 == 0, "a key of weir/flow.h");

struct weir_reassembly {
	struct weir_flow_table *table;
	uint32_t oldest, newest;
	struct weir_reassembly_conf conf;
	struct weir_reassembly_stats stats;
};

struct weir_reassembly *weir_reassembly_create(const struct weir_reassembly_conf *conf)
{
	struct weir_reassembly *reassembly = calloc(1, sizeof(*reassembly));
	struct weir_reassembly_conf *mine = &reassembly->conf;

	if (!reassembly)
		return weir__fail_null(ENOMEM, "no memory for a reassembly");
	*mine = *conf;
	mine->packets = mine->packets ? mine->packets : 1024;
	mine->fragments = mine->fragments ? mine->fragments : 64;
	mine->held = mine->held ? mine->held : mine->packets * 4;
	mine->timeout_ns = mine->timeout_ns ? mine->timeout_ns : TIMEOUT_NS;
	reassembly->oldest = reassembly->newest = WEIR_FLOW_NONE;
	if (mine->fragments > FRAGMENTS_MAX) {
		free(reassembly);
		return weir__fail_null(EINVAL, "a packet has at most %u fragments, not %u",
			FRAGMENTS_MAX, conf->fragments);
	}
	reassembly->table = weir_flow_create(&(struct weir_flow_conf){
		.name = "reassembly",
		.count = mine->packets,
		.key_size = sizeof(struct key),
		.value_size = (uint32_t)(sizeof(struct weir__packet) +
					 mine->fragments * sizeof(struct weir__piece)),
	});
	if (!reassembly->table) {
		free(reassembly);
		return NULL;
	}
	return reassembly;
}

static struct weir__packet *packet_at(const struct weir_reassembly *reassembly, uint32_t index)
{
	return weir_flow_value(reassembly->table, index);
}

static void link_newest(struct weir_reassembly *reassembly, uint32_t index)
{
	struct weir__packet *packet = packet_at(reassembly, index);

	packet->older = reassembly->newest;
	packet->newer = WEIR_FLOW_NONE;
	if (packet->older == WEIR_FLOW_NONE)
		reassembly->oldest = index;
	else
		packet_at(reassembly, packet->older)->newer = index;
	reassembly->newest = index;
}

static void unlink_packet(struct weir_reassembly *reassembly, const struct weir__packet *packet)
{
	if (packet->older == WEIR_FLOW_NONE)
		reassembly->oldest = packet->newer;
	else
		packet_at(reassembly, packet->older)->newer = packet->newer;
	if (packet->newer == WEIR_FLOW_NONE)
		reassembly->newest = packet->older;
	else
		packet_at(reassembly, packet->newer)->older = packet->older;
}

/* No longer wait for the rest of a packet, whose fragments are somebody else's now. */
static void forget(struct weir_reassembly *reassembly, uint32_t index)
{
	struct weir__packet *packet = packet_at(reassembly, index);

	unlink_packet(reassembly, packet);
	reassembly->stats.held -= packet->count;
	reassembly->stats.waiting--;
	weir_flow_remove(reassembly->table, index);
}

static void let_go(const struct weir_reassembly *reassembly, struct weir_mbuf *fragment)
{
	if (reassembly->conf.dropped)
		reassembly->conf.dropped(reassembly->conf.context, fragment);
	else
		weir_mbuf_free(fragment);
}

static void give_up(struct weir_reassembly *reassembly, uint32_t index, uint64_t *reason)
{
	struct weir__packet *packet = packet_at(reassembly, index);

	for (uint32_t i = 0; i < packet->count; i++)
		let_go(reassembly, packet->pieces[i].mbuf);
	reassembly->stats.dropped += packet->count;
	forget(reassembly, index);
	++*reason;
}

void weir_reassembly_destroy(struct weir_reassembly *reassembly)
{
	if (!reassembly)
		return;
	while (reassembly->oldest != WEIR_FLOW_NONE)
		give_up(reassembly, reassembly->oldest, &reassembly->stats.evicted);
	weir_flow_destroy(reassembly->table);
	free(reassembly);
}

uint32_t weir_reassembly_expire(struct weir_reassembly *reassembly, uint64_t now_ns)
{
	uint32_t count = 0;

	while (reassembly->oldest != WEIR_FLOW_NONE &&
		now_ns - packet_at(reassembly, reassembly->oldest)->since_ns >=
			reassembly->conf.timeout_ns) {
		give_up(reassembly, reassembly->oldest, &reassembly->stats.timeouts);
		count++;
	}
	return count;
}

void weir_reassembly_stats(
	const struct weir_reassembly *reassembly, struct weir_reassembly_stats *stats)
{
	*stats = reassembly->stats;
}

static void make_key(
	const struct weir_mbuf *mbuf, const struct weir__ip *ip, uint16_t net, struct key *key)
{
	*key = (struct key){
		.id = ip->id,
		.net = net,
		.protocol = ip->ipv6 ? 0 : ip->protocol,
		.ipv6 = ip->ipv6,
	};
	weir_mbuf_read(mbuf, ip->l3 + (ip->ipv6 ? 8 : 12), key->addresses, ip->ipv6 ? 32 : 8);
}

/* The packet that a fragment belongs to, a new one if need be. */
static uint32_t find(struct weir_reassembly *reassembly, const struct key *key, uint64_t now_ns)
{
	uint32_t index;
	int found;

	while ((found = weir_flow_insert(reassembly->table, key, now_ns, &index)) < 0)
		give_up(reassembly, reassembly->oldest, &reassembly->stats.evicted);
	if (found == 1) {
		struct weir__packet *packet = packet_at(reassembly, index);

		packet->since_ns = now_ns;
		packet->end = UINT32_MAX;
		link_newest(reassembly, index);
		reassembly->stats.waiting++;
	}
	return index;
}

static struct weir_mbuf *chain(const struct weir__packet *packet)
{
	struct weir_mbuf *head = packet->pieces[0].mbuf, *last = weir_mbuf_last(head);

	for (uint32_t i = 1; i < packet->count; i++) {
		struct weir_mbuf *mbuf = packet->pieces[i].mbuf;

		weir_mbuf_set_next(last, mbuf);
		head->length += mbuf->length;
		last = weir_mbuf_last(mbuf);
	}
	return head;
}

static void drop_one(struct weir_reassembly *reassembly, struct weir_mbuf *mbuf)
{
	let_go(reassembly, mbuf);
	reassembly->stats.dropped++;
}

static void drop_malformed(struct weir_reassembly *reassembly, struct weir_mbuf *mbuf)
{
	reassembly->stats.malformed++;
	drop_one(reassembly, mbuf);
}

/* Keep a fragment, or give up what it belongs to. Returns whether the packet is whole. */
static bool keep(struct weir_reassembly *reassembly, uint32_t index,
	const struct weir__piece *piece, const struct weir__ip *ip)
{
	struct weir__packet *packet = packet_at(reassembly, index);
	struct weir_reassembly_stats *stats = &reassembly->stats;
	uint32_t place;
	enum weir__fit fit = weir__piece_place(packet, piece, &place);

	if (weir__piece_is_beyond(packet, piece, ip->more))
		fit = WEIR__OVERLAP;
	if (fit != WEIR__FITS || packet->count == reassembly->conf.fragments) {
		drop_one(reassembly, piece->mbuf);
		if (fit == WEIR__DUPLICATE)
			stats->duplicates++;
		else
			give_up(reassembly, index,
				fit == WEIR__OVERLAP ? &stats->overlaps : &stats->too_many);
		return false;
	}
	weir__piece_add(packet, piece, place, ip);
	stats->held++;
	if (packet->have == packet->end) {
		if (packet->headers + packet->end > WEIR__IP_MAX)
			give_up(reassembly, index, &stats->malformed);
		else if (!weir__packet_has_one_ecn(packet))
			give_up(reassembly, index, &stats->overlaps);
		else
			return true;
	}
	while (stats->held > reassembly->conf.held)
		give_up(reassembly, reassembly->oldest, &stats->evicted);
	return false;
}

static bool is_fragment(struct weir_mbuf *mbuf)
{
	if (!(mbuf->flags & WEIR_MBUF_LAYERS))
		weir_parse(mbuf);
	return (mbuf->packet_type & WEIR_TYPE_L4) == WEIR_L4_FRAGMENT;
}

/* Take a fragment, stripped or not: the packet that it makes whole, or WEIR_FLOW_NONE. */
static uint32_t take(struct weir_reassembly *reassembly, struct weir_mbuf *mbuf, bool stripped,
	uint16_t net, uint64_t now_ns)
{
	struct weir__piece piece = {.mbuf = mbuf};
	struct weir__ip ip;
	struct key key;
	uint32_t index;

	weir_reassembly_expire(reassembly, now_ns);
	reassembly->stats.fragments++;
	if (!weir__ip_read(mbuf, &ip)) {
		drop_malformed(reassembly, mbuf);
		return WEIR_FLOW_NONE;
	}
	make_key(mbuf, &ip, net, &key);
	if (!weir__piece_measure(&ip, &piece)) {
		drop_malformed(reassembly, mbuf);
		/* as Linux has it, the packet goes with it */
		index = ip.ipv6 ? WEIR_FLOW_NONE : weir_flow_lookup(reassembly->table, &key);
		if (index != WEIR_FLOW_NONE)
			give_up(reassembly, index, &reassembly->stats.overlaps);
		return WEIR_FLOW_NONE;
	}
	if (stripped)
		weir__whole_strip(mbuf, &ip);
	index = find(reassembly, &key, now_ns);
	return keep(reassembly, index, &piece, &ip) ? index : WEIR_FLOW_NONE;
}

struct weir_mbuf *weir_reassembly_add(
	struct weir_reassembly *reassembly, struct weir_mbuf *mbuf, uint64_t now_ns)
{
	struct weir_mbuf *whole;
	uint32_t index, count;
	uint8_t ecn;

	if (!is_fragment(mbuf))
		return mbuf;
	index = take(reassembly, mbuf, true, 0, now_ns);
	if (index == WEIR_FLOW_NONE)
		return NULL;
	count = packet_at(reassembly, index)->count;
	ecn = weir__whole_ecn(packet_at(reassembly, index)->ecn);
	whole = chain(packet_at(reassembly, index));
	forget(reassembly, index);
	if (weir__whole_mend(&whole, ecn)) {
		reassembly->stats.no_mbufs++;
		reassembly->stats.dropped += count;
		let_go(reassembly, whole);
		return NULL;
	}
	reassembly->stats.packets++;
	return whole;
}

int weir_reassembly_gather(struct weir_reassembly *reassembly, struct weir_mbuf *fragment,
	uint16_t net, uint64_t now_ns, struct weir_mbuf **fragments)
{
	const struct weir__packet *packet;
	uint32_t index, count;

	if (!is_fragment(fragment))
		return -EINVAL;
	index = take(reassembly, fragment, false, net, now_ns);
	if (index == WEIR_FLOW_NONE)
		return 0;
	packet = packet_at(reassembly, index);
	count = packet->count;
	for (uint32_t i = 0; i < count; i++)
		fragments[i] = packet->pieces[i].mbuf;
	forget(reassembly, index);
	reassembly->stats.packets++;
	return (int)count;
}
