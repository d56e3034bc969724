/* SPDX-License-Identifier: BSD-3-Clause */
/* reassembly.c: fragments wait for those that are missing.
 *
 * A packet in the making is a flow (weir/flow.h) whose value lists the fragments that have come, in
 * the order of their place: no two overlap, so it is whole when they have as many bytes as the last
 * one's end says. All wait equally long: a list from the oldest to the newest says whose time is
 * over, and who goes when there is no room.
 *
 * A fragment is stripped as it comes: what is behind IP's end, and of all but the first its
 * headers. What is left is chained in the end.
 */
#include "fragment_impl.h"

#include "base/base_impl.h"

#include "weir/checksum.h"
#include "weir/flow.h"
#include "weir/parse.h"

#include <stdlib.h>

#define TIMEOUT_NS    30000000000ull /* of Linux: net.ipv4.ipfrag_time */
#define FRAGMENTS_MAX 8192           /* 65,535 bytes, 8 at least in each but the last */

struct key {
	uint8_t addresses[32];
	uint32_t id;
	uint8_t protocol; /* IPv4 only: 0 is IPv6 for us, and no protocol that IPv4 would carry */
	uint8_t ipv6;
	uint16_t unused;
};

static_assert(sizeof(struct key) % 8 == 0, "a key of weir/flow.h");

struct piece {
	struct weir_mbuf *mbuf;
	uint32_t start, end; /* in the payload of the whole packet */
};

struct packet {
	uint64_t since_ns;
	uint32_t older, newer; /* WEIR_FLOW_NONE at the ends */
	uint32_t have;         /* bytes of payload */
	uint32_t end;          /* of all of it; UINT32_MAX: not known */
	uint32_t count;
	struct piece pieces[]; /* by start */
};

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
		.value_size =
			(uint32_t)(sizeof(struct packet) + mine->fragments * sizeof(struct piece)),
	});
	if (!reassembly->table) {
		free(reassembly);
		return NULL;
	}
	return reassembly;
}

static struct packet *packet_at(const struct weir_reassembly *reassembly, uint32_t index)
{
	return weir_flow_value(reassembly->table, index);
}

static void link_newest(struct weir_reassembly *reassembly, uint32_t index)
{
	struct packet *packet = packet_at(reassembly, index);

	packet->older = reassembly->newest;
	packet->newer = WEIR_FLOW_NONE;
	if (packet->older == WEIR_FLOW_NONE)
		reassembly->oldest = index;
	else
		packet_at(reassembly, packet->older)->newer = index;
	reassembly->newest = index;
}

static void unlink_packet(struct weir_reassembly *reassembly, const struct packet *packet)
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
	struct packet *packet = packet_at(reassembly, index);

	unlink_packet(reassembly, packet);
	reassembly->stats.held -= packet->count;
	reassembly->stats.waiting--;
	weir_flow_remove(reassembly->table, index);
}

static void give_up(struct weir_reassembly *reassembly, uint32_t index, uint64_t *reason)
{
	struct packet *packet = packet_at(reassembly, index);

	for (uint32_t i = 0; i < packet->count; i++)
		weir_mbuf_free(packet->pieces[i].mbuf);
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

static void make_key(const struct weir_mbuf *mbuf, const struct weir__ip *ip, struct key *key)
{
	*key = (struct key){
		.id = ip->id,
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
		struct packet *packet = packet_at(reassembly, index);

		packet->since_ns = now_ns;
		packet->end = UINT32_MAX;
		link_newest(reassembly, index);
		reassembly->stats.waiting++;
	}
	return index;
}

enum fit {
	FITS,
	DUPLICATE,
	OVERLAP,
};

/* Where a fragment belongs among the others. They mostly come in order. */
static enum fit find_place(const struct packet *packet, const struct piece *piece, uint32_t *place)
{
	uint32_t at = packet->count;

	while (at > 0 && packet->pieces[at - 1].start >= piece->start)
		at--;
	*place = at;
	if (at < packet->count) {
		const struct piece *next = &packet->pieces[at];

		if (next->start == piece->start && next->end == piece->end)
			return DUPLICATE;
		if (next->start < piece->end)
			return OVERLAP;
	}
	if (at > 0 && packet->pieces[at - 1].end > piece->start)
		return OVERLAP;
	return FITS;
}

/* Does a fragment contradict where the others say that the packet ends? */
static bool is_beyond(const struct packet *packet, const struct piece *piece, bool more)
{
	if (more)
		return piece->end > packet->end;
	if (packet->end != UINT32_MAX)
		return piece->end != packet->end;
	return packet->count && packet->pieces[packet->count - 1].end > piece->end;
}

static void add_piece(struct packet *packet, const struct piece *piece, uint32_t place, bool more)
{
	memmove(&packet->pieces[place + 1], &packet->pieces[place],
		(packet->count - place) * sizeof(*piece));
	packet->pieces[place] = *piece;
	packet->count++;
	packet->have += piece->end - piece->start;
	if (!more)
		packet->end = piece->end;
}

/* Remove what a fragment has beside its part of the payload, but for the headers of the first. */
static bool strip(struct weir_mbuf *mbuf, struct weir__ip *ip, struct piece *piece)
{
	uint32_t payload = ip->total - ip->headers;

	if (ip->more && !ip->ipv6)
		payload &= ~7u; /* as Linux does */
	*piece = (struct piece){mbuf, ip->start, ip->start + payload};
	if (payload == 0 || (ip->more && payload % 8) ||
		piece->end + ip->headers > WEIR__IP_MAX + (ip->ipv6 ? 40 : 0))
		return false;
	weir_mbuf_trim(mbuf, mbuf->length - ip->l3 - ip->headers - payload);
	if (ip->start)
		weir_mbuf_adj(mbuf, ip->l3 + ip->headers);
	return true;
}

static struct weir_mbuf *chain(const struct packet *packet)
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

static void mend_ipv4(struct weir_mbuf *mbuf, const struct weir__ip *ip)
{
	uint8_t header[60];

	weir_mbuf_read(mbuf, ip->l3, header, ip->common);
	weir__ip_put16(header + 2, mbuf->length - ip->l3);
	weir__ip_put16(header + 6, 0);
	weir_ipv4_checksum_set(header);
	weir_mbuf_write(mbuf, ip->l3, header, ip->common);
}

static void mend_ipv6(struct weir_mbuf *mbuf, const struct weir__ip *ip)
{
	uint8_t length[2];

	weir_mbuf_remove(mbuf, ip->l3 + ip->common, WEIR__FRAGMENT_HEADER);
	weir__ip_put16(length, mbuf->length - ip->l3 - 40);
	weir_mbuf_write(mbuf, ip->l3 + 4, length, sizeof(length));
	weir_mbuf_write(mbuf, ip->l3 + ip->next_at, &ip->protocol, 1);
}

/* Make the first fragment's headers those of the whole packet. NULL, with the packet freed, when
 * they are shared and cannot be copied. */
static struct weir_mbuf *mend(struct weir_reassembly *reassembly, struct weir_mbuf *mbuf)
{
	struct weir__ip ip;

	/* as it came: so this cannot fail */
	weir__ip_read(mbuf, &ip);
	if (weir_mbuf_make_writable(&mbuf, ip.l3, ip.headers)) {
		reassembly->stats.no_mbufs++;
		weir_mbuf_free(mbuf);
		return NULL;
	}
	if (ip.ipv6)
		mend_ipv6(mbuf, &ip);
	else
		mend_ipv4(mbuf, &ip);
	mbuf->flags &= ~(WEIR_MBUF_LAYERS | WEIR_MBUF_WIRE_LENGTH | WEIR_MBUF_HASH | WEIR_OFFLOADS);
	weir_parse(mbuf);
	reassembly->stats.packets++;
	return mbuf;
}

/* A fragment alone. */
static void drop(struct weir_reassembly *reassembly, struct weir_mbuf *mbuf)
{
	weir_mbuf_free(mbuf);
	reassembly->stats.dropped++;
}

/* Keep a fragment, or give up what it belongs to. The whole packet when it was the last. */
static struct weir_mbuf *keep(
	struct weir_reassembly *reassembly, uint32_t index, const struct piece *piece, bool more)
{
	struct packet *packet = packet_at(reassembly, index);
	struct weir_reassembly_stats *stats = &reassembly->stats;
	uint32_t place;
	enum fit fit = find_place(packet, piece, &place);
	struct weir_mbuf *whole;

	if (fit != DUPLICATE && is_beyond(packet, piece, more))
		fit = OVERLAP;
	if (fit != FITS || packet->count == reassembly->conf.fragments) {
		drop(reassembly, piece->mbuf);
		if (fit == DUPLICATE)
			stats->duplicates++;
		else
			give_up(reassembly, index,
				fit == OVERLAP ? &stats->overlaps : &stats->too_many);
		return NULL;
	}
	add_piece(packet, piece, place, more);
	stats->held++;
	if (packet->have == packet->end) {
		uint32_t count = packet->count;

		whole = chain(packet);
		forget(reassembly, index);
		whole = mend(reassembly, whole);
		if (!whole)
			stats->dropped += count;
		return whole;
	}
	while (stats->held > reassembly->conf.held)
		give_up(reassembly, reassembly->oldest, &stats->evicted);
	return NULL;
}

struct weir_mbuf *weir_reassembly_add(
	struct weir_reassembly *reassembly, struct weir_mbuf *mbuf, uint64_t now_ns)
{
	struct weir__ip ip;
	struct piece piece;
	struct key key;
	bool right;

	if (!(mbuf->flags & WEIR_MBUF_LAYERS))
		weir_parse(mbuf);
	if ((mbuf->packet_type & WEIR_TYPE_L4) != WEIR_L4_FRAGMENT)
		return mbuf;
	weir_reassembly_expire(reassembly, now_ns);
	reassembly->stats.fragments++;
	right = weir__ip_read(mbuf, &ip);
	if (right) {
		make_key(mbuf, &ip, &key);
		right = strip(mbuf, &ip, &piece);
	}
	if (!right) {
		reassembly->stats.malformed++;
		drop(reassembly, mbuf);
		return NULL;
	}
	return keep(reassembly, find(reassembly, &key, now_ns), &piece, ip.more);
}
