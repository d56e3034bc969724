/* SPDX-License-Identifier: BSD-3-Clause */
/* neighbour.c: the table of neighbours: sets of a few places each, where the one that was not used
 * for longest goes. So somebody who has packets sent to many addresses takes no memory. */
#include "apps/weir-fw/neighbour.h"

#include <stdlib.h>
#include <string.h>

#define SETS   256
#define PLACES 8
#define NS     UINT64_C(1000000000)
/* RFC 4861, 10: asked 3 times, once a second; reachable for 30 s after it was heard. */
#define ASKS      3
#define AGAIN     NS
#define REACHABLE (30 * NS)
#define AWAY      (10 * NS) /* until one that is away is asked once more */

/* A packet that waits, in the list of its neighbour or of the places that are free. */
struct place {
	struct weir_mbuf *mbuf;
	uint32_t next;
};

struct fw_neighbours {
	struct fw_neighbour sets[SETS][PLACES];
	uint32_t held, most; /* packets that wait for any of them */
	uint32_t hand;       /* where those are looked for that wait no longer */
	uint32_t free;       /* the first one; there are some while held is below most */
	struct place places[];
};

struct fw_neighbours *fw_neighbours_create(uint32_t most)
{
	struct fw_neighbours *neighbours =
		calloc(1, sizeof(*neighbours) + most * sizeof(neighbours->places[0]));

	if (!neighbours)
		return NULL;
	neighbours->most = most;
	for (uint32_t i = 0; i < most; i++)
		neighbours->places[i].next = i + 1;
	return neighbours;
}

static struct fw_neighbour *set_of(
	struct fw_neighbours *neighbours, uint32_t port, uint8_t family, const uint8_t *address)
{
	uint32_t hash = weir_crc32c(port, address, fw_address_size(family));

	return neighbours->sets[hash % SETS];
}

void fw_neighbours_destroy(struct fw_neighbours *neighbours)
{
	struct weir_mbuf *held[FW_NEIGHBOUR_HELD];

	for (uint32_t i = 0; neighbours && i < SETS * PLACES; i++)
		weir_mbuf_free_bulk(held, fw_neighbour_release(neighbours,
						  &neighbours->sets[i / PLACES][i % PLACES], held));
	free(neighbours);
}

struct fw_neighbour *fw_neighbour_find(
	struct fw_neighbours *neighbours, uint32_t port, uint8_t family, const uint8_t *address)
{
	struct fw_neighbour *set = set_of(neighbours, port, family, address);

	for (uint32_t i = 0; i < PLACES; i++)
		if (set[i].family == family && set[i].port == port &&
			memcmp(set[i].address, address, fw_address_size(family)) == 0)
			return &set[i];
	return NULL;
}

/* Free ones, then by when they were used, those that are fixed last. */
static bool goes_first(const struct fw_neighbour *a, const struct fw_neighbour *b)
{
	if (a->fixed != b->fixed)
		return b->fixed;
	return a->used_ns < b->used_ns;
}

struct fw_neighbour *fw_neighbour_make(struct fw_neighbours *neighbours, uint32_t port,
	uint8_t family, const uint8_t *address, struct weir_mbuf **lost, uint32_t *lost_count)
{
	struct fw_neighbour *entry = fw_neighbour_find(neighbours, port, family, address);
	struct fw_neighbour *set = set_of(neighbours, port, family, address);

	*lost_count = 0;
	if (entry)
		return entry;
	entry = set;
	for (uint32_t i = 1; i < PLACES; i++)
		if (goes_first(&set[i], entry))
			entry = &set[i];
	*lost_count = fw_neighbour_release(neighbours, entry, lost);
	*entry = (struct fw_neighbour){.family = family, .port = port};
	memcpy(entry->address, address, fw_address_size(family));
	return entry;
}

uint32_t fw_neighbour_release(
	struct fw_neighbours *neighbours, struct fw_neighbour *entry, struct weir_mbuf **mbufs)
{
	uint32_t count = entry->held_count, at = entry->first;

	if (count == 0)
		return 0;
	for (uint32_t i = 0; i < count; i++, at = neighbours->places[at].next)
		mbufs[i] = neighbours->places[at].mbuf;
	neighbours->places[entry->last].next = neighbours->free;
	neighbours->free = entry->first;
	entry->held_count = 0;
	neighbours->held -= count;
	return count;
}

/* Packets that wait for one go, for each in its turn. There are some. */
static uint32_t release_next(struct fw_neighbours *neighbours, struct weir_mbuf **mbufs)
{
	struct fw_neighbour *entry;

	do {
		entry = &neighbours->sets[neighbours->hand / PLACES][neighbours->hand % PLACES];
		neighbours->hand = (neighbours->hand + 1) % (SETS * PLACES);
	} while (entry->held_count == 0);
	return fw_neighbour_release(neighbours, entry, mbufs);
}

uint32_t fw_neighbour_hold(struct fw_neighbours *neighbours, struct fw_neighbour *entry,
	struct weir_mbuf *mbuf, struct weir_mbuf **lost)
{
	uint32_t count = 0, at;

	if (entry->held_count == FW_NEIGHBOUR_HELD) {
		*lost = mbuf;
		return 1;
	}
	if (neighbours->held >= neighbours->most)
		count = release_next(neighbours, lost);
	at = neighbours->free;
	neighbours->free = neighbours->places[at].next;
	neighbours->places[at].mbuf = mbuf;
	if (entry->held_count++ == 0)
		entry->first = at;
	else
		neighbours->places[entry->last].next = at;
	entry->last = at;
	neighbours->held++;
	return count;
}

uint32_t fw_neighbours_expire(
	struct fw_neighbours *neighbours, uint64_t now_ns, uint32_t *at, struct weir_mbuf **lost)
{
	for (; neighbours->held > 0 && *at < SETS * PLACES; ++*at) {
		struct fw_neighbour *entry = &neighbours->sets[*at / PLACES][*at % PLACES];

		if (entry->held_count > 0 && now_ns - entry->asked_ns >= ASKS * AGAIN)
			return fw_neighbour_release(neighbours, entry, lost);
	}
	return 0;
}

enum fw_neighbour_state fw_neighbour_use(struct fw_neighbour *entry, uint64_t now_ns, bool *ask)
{
	entry->used_ns = now_ns;
	*ask = false;
	if (entry->fixed || (entry->known && now_ns - entry->heard_ns < REACHABLE))
		return FW_NEIGHBOUR_KNOWN;
	if (entry->asked >= ASKS && now_ns - entry->asked_ns >= AGAIN) {
		entry->known = false;
		if (now_ns - entry->asked_ns < AWAY)
			return FW_NEIGHBOUR_AWAY;
		entry->asked = 0;
	}
	if (!entry->asked || now_ns - entry->asked_ns >= AGAIN) {
		entry->asked++;
		entry->asked_ns = now_ns;
		*ask = true;
	}
	/* one that was there is, until it does not answer */
	return entry->known ? FW_NEIGHBOUR_KNOWN : FW_NEIGHBOUR_WAIT;
}

void fw_neighbour_heard(struct fw_neighbour *entry, const uint8_t *mac, uint64_t now_ns)
{
	if (entry->fixed)
		return;
	memcpy(entry->mac, mac, 6);
	entry->known = true;
	entry->asked = 0;
	entry->heard_ns = now_ns;
}

void fw_neighbours_forget(struct fw_neighbours *neighbours, uint64_t ports)
{
	for (uint32_t i = 0; i < SETS * PLACES; i++) {
		struct fw_neighbour *entry = &neighbours->sets[i / PLACES][i % PLACES];

		if (entry->fixed || !(ports >> entry->port & 1))
			continue;
		entry->known = false;
		entry->asked = 0;
	}
}

/* ---- messages ---- */

enum { ETHERNET = 14, ARP = 28, REQUEST = 1, REPLY = 2, SOLICIT = 135, ADVERT = 136 };
enum { SOURCE_MAC = 1, TARGET_MAC = 2, ICMPV6 = 58, HOPS = 255 };

bool fw_message_arp(const uint8_t *frame, uint32_t length, struct fw_message *message)
{
	static const uint8_t head[] = {0, 1, 8, 0, 6, 4, 0}; /* Ethernet and IPv4 */
	const uint8_t *arp = frame + ETHERNET;

	if (length < ETHERNET + ARP || memcmp(arp, head, sizeof(head)) != 0 ||
		(arp[7] != REQUEST && arp[7] != REPLY) || arp[8] & 1)
		return false;
	*message = (struct fw_message){.family = FW_IP,
		.question = arp[7] == REQUEST,
		.mac = arp + 8,
		.sender = arp + 14,
		.target = arp + 24};
	/* an answer is about who sends it */
	if (!message->question)
		message->target = message->sender;
	return true;
}

/* The link-layer address of an option of this kind, or NULL. */
static const uint8_t *mac_option(const uint8_t *options, uint32_t length, uint8_t kind)
{
	while (length >= 8 && options[1]) {
		if (options[0] == kind)
			return options + 2;
		if (options[1] * 8u > length)
			return NULL;
		length -= options[1] * 8u;
		options += options[1] * 8u;
	}
	return NULL;
}

bool fw_message_nd(const struct fw_packet *packet, struct fw_message *message)
{
	static const uint8_t none[16];
	const uint8_t *icmp = packet->transport, *source = packet->network + 8;
	bool question;

	if (packet->family != FW_IP6 || packet->protocol != ICMPV6 ||
		packet->transport_length < 24 || packet->network[7] != HOPS || icmp[1] ||
		(icmp[0] != SOLICIT && icmp[0] != ADVERT))
		return false;
	question = icmp[0] == SOLICIT;
	*message = (struct fw_message){.family = FW_IP6,
		.question = question,
		.sender = memcmp(source, none, 16) == 0 ? NULL : source,
		.mac = mac_option(icmp + 24, packet->transport_length - 24,
			question ? SOURCE_MAC : TARGET_MAC),
		.target = icmp + 8};
	return icmp[8] != 0xff && (!message->mac || !(message->mac[0] & 1));
}

static void ethernet(uint8_t *frame, const uint8_t *to, const uint8_t *from, uint16_t type)
{
	memcpy(frame, to, 6);
	memcpy(frame + 6, from, 6);
	frame[12] = (uint8_t)(type >> 8);
	frame[13] = (uint8_t)type;
}

static uint32_t arp(uint8_t *frame, uint8_t operation, const uint8_t *mac, const uint8_t *source,
	const uint8_t *to_mac, const uint8_t *to)
{
	uint8_t *at = frame + ETHERNET;

	memcpy(at, (const uint8_t[]){0, 1, 8, 0, 6, 4, 0, operation}, 8);
	memcpy(at + 8, mac, 6);
	memcpy(at + 14, source, 4);
	memcpy(at + 18, to_mac, 6);
	memcpy(at + 24, to, 4);
	return ETHERNET + ARP;
}

/* A message with one option, of 32 bytes, behind IPv6. */
static uint32_t nd(uint8_t *frame, uint8_t type, const uint8_t *source, const uint8_t *to,
	const uint8_t *target, const uint8_t *mac)
{
	enum { LENGTH = 32, SOLICITED_OVERRIDE_ROUTER = 0xe0 };
	uint8_t *ip = frame + ETHERNET, *icmp = ip + 40;
	uint16_t checksum;

	memset(ip, 0, 40 + LENGTH);
	ip[0] = 0x60;
	ip[5] = LENGTH;
	ip[6] = ICMPV6;
	ip[7] = HOPS;
	memcpy(ip + 8, source, 16);
	memcpy(ip + 24, to, 16);
	icmp[0] = type;
	icmp[4] = type == ADVERT ? SOLICITED_OVERRIDE_ROUTER : 0;
	memcpy(icmp + 8, target, 16);
	icmp[24] = type == ADVERT ? TARGET_MAC : SOURCE_MAC;
	icmp[25] = 1;
	memcpy(icmp + 26, mac, 6);
	checksum = weir_checksum_finish(
		weir_checksum_add(weir_ipv6_pseudo_sum(ip, ICMPV6, LENGTH), icmp, LENGTH));
	memcpy(icmp + 2, &checksum, 2);
	return ETHERNET + 40 + LENGTH;
}

uint32_t fw_neighbour_question(uint8_t *frame, uint8_t family, const uint8_t *mac,
	const uint8_t *source, const uint8_t *target)
{
	static const uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, none[6];
	uint8_t group[16] = {0xff, 0x02, [11] = 1, 0xff}; /* RFC 4291, 2.7.1 */
	uint8_t group_mac[6] = {0x33, 0x33, 0xff};

	if (family == FW_IP) {
		ethernet(frame, all, mac, 0x0806);
		return arp(frame, REQUEST, mac, source, none, target);
	}
	memcpy(group + 13, target + 13, 3);
	memcpy(group_mac + 3, target + 13, 3);
	ethernet(frame, group_mac, mac, 0x86dd);
	return nd(frame, SOLICIT, source, group, target, mac);
}

uint32_t fw_neighbour_answer(uint8_t *frame, uint8_t family, const uint8_t *mac,
	const uint8_t *target, const uint8_t *to, const uint8_t *to_mac)
{
	ethernet(frame, to_mac, mac, family == FW_IP ? 0x0806 : 0x86dd);
	if (family == FW_IP)
		return arp(frame, REPLY, mac, target, to_mac, to);
	return nd(frame, ADVERT, target, to, target, mac);
}
