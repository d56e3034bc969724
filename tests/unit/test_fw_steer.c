/* SPDX-License-Identifier: BSD-3-Clause */
/* test_fw_steer.c: packets that are spread over several trackers are to each of them what they are
 * to one that sees all: both directions, pings, errors of ICMP and what they quote, of both
 * families, with options and tags in front. A hash that knows only one direction must fail it.
 *
 * FW_STEER_PACKETS sets how many, 20,000 by default, and FW_SEED what they are made from.
 */
#include "apps/weir-fw/steer.h"
#include "bytes.h"
#include "random.h"
#include "unit.h"

#include <weir/checksum.h>
#include <weir/spread.h>

#include <stdlib.h>

enum { ICMP = 1, TCP = 6, UDP = 17, ICMPV6 = 58, SCTP = 132, SYN = 2, ACK = 16 };
#define TRACKERS 5
#define SEED     UINT64_C(0x0123456789abcdef)

/* Who talks to whom. */
struct ends {
	uint8_t family, protocol, host[2];
	uint16_t port[2];
};

static struct ends some_ends(void)
{
	static const uint8_t protocols[] = {TCP, UDP, TCP, UDP, ICMP, SCTP, 47};
	struct ends ends = {.family = below(2) ? FW_IP : FW_IP6,
		.protocol = protocols[below(sizeof(protocols))],
		.host = {(uint8_t)below(6), (uint8_t)(6 + below(6))},
		.port = {(uint16_t)(1024 + below(4)), (uint16_t)below(3)}};

	if (ends.protocol == ICMP && ends.family == FW_IP6)
		ends.protocol = ICMPV6;
	return ends;
}

static uint32_t put_transport(uint8_t *at, const struct ends *ends, bool back)
{
	memset(at, 0, 40);
	if (ends->protocol == ICMP || ends->protocol == ICMPV6) {
		at[0] = ends->protocol == ICMP ? (back ? 0 : 8) : (back ? 129 : 128);
		put16(at + 4, ends->port[0]);
		return 16;
	}
	put16(at, ends->port[back]);
	put16(at + 2, ends->port[!back]);
	if (ends->protocol == UDP)
		put16(at + 4, 16);
	if (ends->protocol != TCP)
		return 16;
	at[7] = (uint8_t)below(3);
	at[12] = 5 << 4;
	at[13] = below(4) ? ACK : back ? SYN | ACK : SYN;
	put16(at + 14, 9000);
	return 20;
}

/* A header in front of length bytes; how long it is. */
static uint32_t put_ip(uint8_t *at, const struct ends *ends, bool back, bool more, uint32_t length)
{
	uint32_t header = ends->family == FW_IP ? (more ? 24 : 20) : (more ? 48 : 40);

	memset(at, 0, header);
	if (ends->family == FW_IP) {
		at[0] = (uint8_t)(0x40 | header / 4);
		put16(at + 2, header + length);
		at[8] = 64;
		at[9] = ends->protocol;
		at[12] = at[16] = 10;
		at[15] = ends->host[back];
		at[19] = ends->host[!back];
		if (more)
			memset(at + 20, 1, 4);
		return header;
	}
	at[0] = 0x60;
	put16(at + 4, header - 40 + length);
	at[6] = more ? 60 : ends->protocol; /* options for the destination */
	at[7] = 64;
	at[8] = at[24] = 0xfd;
	at[23] = ends->host[back];
	at[39] = ends->host[!back];
	if (more) {
		at[40] = ends->protocol;
		at[42] = 1;
		at[43] = 4;
	}
	return header;
}

static uint32_t put_packet(uint8_t *at, const struct ends *ends, bool back, bool more)
{
	uint8_t transport[40];
	uint32_t length = put_transport(transport, ends, back);
	uint32_t header = put_ip(at, ends, back, more, length);

	memcpy(at + header, transport, length);
	return header + length;
}

/* An error about a packet of these ends, to who sent that. */
static uint32_t put_error(uint8_t *at, const struct ends *ends, bool back)
{
	struct ends outer = *ends;
	uint8_t message[8 + 128] = {0};
	uint32_t length, header;

	length = 8 + put_packet(message + 8, ends, !back, false);
	message[0] = ends->family == FW_IP ? 3 : 1;
	outer.protocol = ends->family == FW_IP ? ICMP : ICMPV6;
	/* a router on the way may say so, too */
	outer.host[back] = below(2) ? ends->host[back] : 99;
	header = put_ip(at, &outer, back, false, length);
	memcpy(at + header, message, length);
	return header + length;
}

/* In a frame, with a tag in front or not; its length. */
static uint32_t put_frame(uint8_t *frame, const struct ends *ends)
{
	uint32_t link = below(8) ? 14 : 18;
	bool back = below(2);

	memset(frame, 2, 12);
	if (link == 18) {
		put16(frame + 12, 0x8100);
		put16(frame + 14, 5);
	}
	put16(frame + link - 2, ends->family == FW_IP ? 0x0800 : 0x86dd);
	if (below(6) == 0)
		return link + put_error(frame + link, ends, back);
	return link + put_packet(frame + link, ends, back, below(8) == 0);
}

typedef uint32_t steer(const uint8_t *frame, uint32_t length, const struct fw_packet *packet);

/* As live_steer.c does. */
static uint32_t by_connection(const uint8_t *frame, uint32_t length, const struct fw_packet *packet)
{
	struct fw_plain plain;
	uint32_t hash = fw_steer_plain(frame, length, SEED, &plain);
	uint32_t looked = fw_steer_packet(packet, SEED);

	CU_ASSERT_TRUE(!hash || hash == looked);
	return looked;
}

/* A mistake: who it is from counts more than who it is for. */
static uint32_t one_way(const uint8_t *frame, uint32_t length, const struct fw_packet *packet)
{
	const uint8_t *source = packet->network + (packet->family == FW_IP ? 12 : 8);

	(void)frame;
	(void)length;
	return weir_crc32c(0, source, packet->family == FW_IP ? 8 : 32);
}

/* Another: an error goes where its own addresses say. */
static uint32_t not_of_errors(const uint8_t *frame, uint32_t length, const struct fw_packet *packet)
{
	struct fw_packet outside = *packet;

	if (fw_track_is_error(packet))
		outside.has_protocol = false;
	return by_connection(frame, fw_track_is_error(packet) ? 0 : length, &outside);
}

static uint32_t ask(struct fw_tracker *tracker, const struct fw_packet *packet)
{
	struct fw_packet own = *packet;
	uint32_t now = fw_tracker_state(tracker, &own);

	fw_tracker_decided(tracker, now != FW_CT_INVALID);
	return now;
}

/* How many packets are something else to one of several trackers than to the only one. */
static uint32_t differences(steer *to, uint32_t used[TRACKERS])
{
	const char *packets = getenv("FW_STEER_PACKETS");
	uint32_t count = packets ? (uint32_t)atoi(packets) : 20000, different = 0, seen = 0;
	struct fw_tracker *all = fw_tracker_create(10000), *of[TRACKERS];

	for (uint32_t i = 0; i < TRACKERS; i++)
		of[i] = fw_tracker_create(10000);
	for (uint32_t i = 0; i < count; i++) {
		const struct ends ends = some_ends();
		struct fw_packet packet = {.time_ns = i * UINT64_C(1000000)};
		uint8_t frame[256] = {0};
		uint32_t length = put_frame(frame, &ends), number, expected;

		fw_packet_read(&packet, frame, length, WEIR_LINK_ETHERNET);
		CU_ASSERT_EQUAL_FATAL(packet.kind, FW_KIND_IP);
		number = weir_spread_pick(to(frame, length, &packet), TRACKERS);
		expected = ask(all, &packet);
		different += ask(of[number], &packet) != expected;
		seen |= expected;
		used[number]++;
	}
	CU_ASSERT_EQUAL(seen, FW_CT_NEW | FW_CT_ESTABLISHED | FW_CT_RELATED | FW_CT_INVALID);
	for (uint32_t i = 0; i < TRACKERS; i++)
		fw_tracker_destroy(of[i]);
	fw_tracker_destroy(all);
	return different;
}

static void test_as_one(void)
{
	uint32_t used[TRACKERS] = {0};

	random_begin(getenv("FW_SEED"));
	CU_ASSERT_EQUAL(differences(by_connection, used), 0);
	for (uint32_t i = 0; i < TRACKERS; i++)
		CU_ASSERT_TRUE(used[i] > 0);
}

static void test_mistakes_show(void)
{
	uint32_t used[TRACKERS];

	CU_ASSERT_TRUE(differences(one_way, used) > 100);
	CU_ASSERT_TRUE(differences(not_of_errors, used) > 100);
}

/* Each of 16 gets about a sixteenth of many connections: 625, with a deviation of 24. */
static void test_even(void)
{
	uint32_t used[16] = {0};

	for (uint32_t i = 0; i < 10000; i++) {
		const uint8_t ends[8] = {10, 0, (uint8_t)(i >> 8), (uint8_t)i, 10, 1, 0, 1};
		const uint8_t ports[4] = {0x80, 1, 0, 80};

		used[weir_spread_pick(fw_steer_ends(ends, FW_IP, ports, SEED), 16)]++;
	}
	for (uint32_t i = 0; i < 16; i++)
		CU_ASSERT_TRUE(used[i] > 500 && used[i] < 750);
}

static void test_named(void)
{
	for (uint32_t count = 1; count <= 64; count++)
		for (uint32_t i = 0; i < count; i++)
			CU_ASSERT_EQUAL(weir_spread_pick(weir_spread_hash_of(i, count), count), i);
}

int main(void)
{
	static CU_TestInfo tests[] = {{"several trackers are as one", test_as_one},
		{"wrong hashes are found", test_mistakes_show}, {"evenly spread", test_even},
		{"a hash for a number", test_named}, CU_TEST_INFO_NULL};

	return unit_run("fw steer", tests);
}
