/* SPDX-License-Identifier: BSD-3-Clause */
/* test_checksum_l4.c: checksums inside IPv4 and IPv6: computed, verified and set on packets built
 * here, against a sum over a pseudo header written out; and every packet that has to be refused. */
#include "bytes.h"
#include "pool.h"
#include "segments.h"
#include "unit.h"

#include "weir/checksum.h"

#include <arpa/inet.h>
#include <errno.h>

#define L3   14 /* an Ethernet header in front */
#define ROOM 400

static const uint8_t protocols[] = {WEIR_PROTOCOL_NUMBER_TCP, WEIR_PROTOCOL_NUMBER_UDP,
	WEIR_PROTOCOL_NUMBER_ICMP, WEIR_PROTOCOL_NUMBER_ICMPV6, WEIR_PROTOCOL_NUMBER_SCTP};

static struct weir_mempool *pool;

/* A packet under construction. */
struct packet {
	uint8_t bytes[ROOM];
	uint32_t l4, end, length; /* end: of the IP packet */
	uint8_t protocol;
	uint8_t destination[16]; /* in the pseudo header */
};

static void begin(void)
{
	pool = make_pool(2048, ROOM);
}

static struct weir_mbuf *packet_of(const struct packet *packet, uint32_t most)
{
	return cut(pool, packet->bytes, packet->length, most);
}

/* Random bytes, an IPv4 header of words, and payload bytes of protocol behind it; some padding. */
static void build4(struct packet *packet, uint8_t protocol, uint32_t words, uint32_t payload)
{
	uint8_t *ip = packet->bytes + L3;

	fill_random(packet->bytes, ROOM);
	packet->protocol = protocol;
	packet->l4 = L3 + words * 4;
	packet->end = packet->l4 + payload;
	packet->length = packet->end + (uint32_t)rand() % 8;
	ip[0] = (uint8_t)(0x40 | words);
	put16(ip + 2, packet->end - L3);
	put16(ip + 6, 0x4000); /* don't fragment */
	ip[9] = protocol;
	if (protocol == WEIR_PROTOCOL_NUMBER_UDP)
		put16(packet->bytes + packet->l4 + 4, payload);
}

/* The same with IPv6 and extensions, bytes of them, written out. */
static void build6(struct packet *packet, uint8_t protocol, uint8_t first,
	const uint8_t *extensions, uint32_t bytes, uint32_t payload)
{
	uint8_t *ip = packet->bytes + L3;

	build4(packet, protocol, 10 + bytes / 4, payload);
	ip[0] = 0x60;
	put16(ip + 4, bytes + payload);
	ip[6] = bytes ? first : protocol;
	if (bytes)
		memcpy(ip + 40, extensions, bytes);
	memcpy(packet->destination, ip + 24, 16);
}

static uint32_t field_of(uint8_t protocol)
{
	switch (protocol) {
	case WEIR_PROTOCOL_NUMBER_TCP:
		return 16;
	case WEIR_PROTOCOL_NUMBER_UDP:
		return 6;
	case WEIR_PROTOCOL_NUMBER_SCTP:
		return 8;
	}
	return 2;
}

/* What belongs into the field, with the pseudo header written out and the field zeroed. */
static uint16_t expected(const struct packet *packet)
{
	const uint8_t *ip = packet->bytes + L3;
	uint32_t length = packet->end - packet->l4, size = 0;
	uint8_t all[ROOM + 40] = {0};

	if (ip[0] >> 4 == 6 && packet->protocol != WEIR_PROTOCOL_NUMBER_ICMP) {
		memcpy(all, ip + 8, 16);
		memcpy(all + 16, packet->destination, 16);
		put16(all + 34, length);
		all[39] = packet->protocol;
		size = 40;
	} else if (packet->protocol != WEIR_PROTOCOL_NUMBER_ICMP) {
		memcpy(all, ip + 12, 8);
		all[9] = packet->protocol;
		put16(all + 10, length);
		size = 12;
	}
	memcpy(all + size, packet->bytes + packet->l4, length);
	memset(all + size + field_of(packet->protocol), 0, 2);
	return weir_checksum(all, size + length);
}

static void check_bits(struct packet *packet)
{
	for (uint32_t bit = packet->l4 * 8; bit < packet->end * 8; bit++) {
		struct weir_mbuf *mbuf;
		int state;

		packet->bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		mbuf = packet_of(packet, 0);
		state = weir_l4_checksum_verify(mbuf, L3, packet->l4, packet->protocol);
		/* another length of UDP may be none at all */
		CU_ASSERT(state == WEIR_CHECKSUM_BAD ||
			  (state == -EINVAL && packet->protocol == WEIR_PROTOCOL_NUMBER_UDP));
		weir_mbuf_free(mbuf);
		packet->bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

/* Compute, set and verify, in one segment and in many. */
static void check(struct packet *packet)
{
	static const uint32_t most[] = {0, 1, 2, 7, 50};
	uint16_t right = expected(packet), field;

	if (packet->protocol == WEIR_PROTOCOL_NUMBER_UDP && right == 0)
		right = 0xffff;
	for (uint32_t i = 0; i < sizeof(most) / sizeof(*most); i++) {
		struct weir_mbuf *mbuf = packet_of(packet, most[i]);
		uint32_t at = packet->l4 + field_of(packet->protocol);
		bool sctp = packet->protocol == WEIR_PROTOCOL_NUMBER_SCTP;

		CU_ASSERT_EQUAL(weir_l4_checksum(mbuf, L3, packet->l4, packet->protocol),
			sctp ? -EPROTONOSUPPORT : right);
		CU_ASSERT_EQUAL(weir_l4_checksum_set(mbuf, L3, packet->l4, packet->protocol), 0);
		CU_ASSERT_EQUAL(weir_l4_checksum_verify(mbuf, L3, packet->l4, packet->protocol),
			WEIR_CHECKSUM_GOOD);
		weir_mbuf_read(mbuf, at, &field, 2);
		CU_ASSERT(sctp || field == right);
		weir_mbuf_read(mbuf, at, packet->bytes + at, sctp ? 4 : 2);
		weir_mbuf_free(mbuf);
	}
	check_bits(packet);
}

static void test_ipv4(void)
{
	struct packet packet;

	begin();
	for (uint32_t i = 0; i < 50; i++) {
		build4(&packet, protocols[i % 5], 5 + i % 11, 20 + i);
		check(&packet);
	}
	end_pool(pool);
}

static void test_ipv6(void)
{
	struct packet packet;

	begin();
	for (uint32_t i = 0; i < 25; i++) {
		build6(&packet, protocols[i % 5], 0, NULL, 0, 20 + i);
		check(&packet);
	}
	end_pool(pool);
}

/* Options, a whole "fragment", authentication, and destination options in a row. */
static void test_extensions(void)
{
	static const uint8_t extensions[48] = {[0] = 44, [8] = 51, [16] = 60, [17] = 4, [40] = 17};
	struct packet packet;

	begin();
	build6(&packet, WEIR_PROTOCOL_NUMBER_UDP, 0, extensions, 48, 31);
	check(&packet);
	end_pool(pool);
}

/* The pseudo header has the address where the packet goes last. */
static void test_routes(void)
{
	static const uint8_t types[] = {0, 2, 4}, last[] = {24, 24, 8};
	struct packet packet;

	begin();
	for (int i = 0; i < 3; i++) {
		uint8_t route[40] = {6, 4, types[i], 1};

		memset(route + 8, 0x11, 16);
		memset(route + 24, 0x22, 16);
		build6(&packet, WEIR_PROTOCOL_NUMBER_TCP, 43, route, 40, 40);
		memcpy(packet.destination, route + last[i], 16);
		check(&packet);
		route[3] = 0; /* there already */
		build6(&packet, WEIR_PROTOCOL_NUMBER_TCP, 43, route, 40, 40);
		check(&packet);
	}
	end_pool(pool);
}

/* Set on one that comes out as 0, and verified where there is none. */
static void test_udp_zero(void)
{
	struct packet packet;
	struct weir_mbuf *mbuf;
	uint16_t field;

	begin();
	for (uint32_t version = 4; version <= 6; version += 2) {
		if (version == 4)
			build4(&packet, WEIR_PROTOCOL_NUMBER_UDP, 5, 20);
		else
			build6(&packet, WEIR_PROTOCOL_NUMBER_UDP, 0, NULL, 0, 20);
		memset(packet.bytes + packet.l4 + 10, 0, 2);
		field = expected(&packet); /* as a word of the data it makes the sum 0xffff */
		memcpy(packet.bytes + packet.l4 + 10, &field, 2);
		CU_ASSERT_EQUAL(expected(&packet), 0);
		mbuf = packet_of(&packet, 0);
		CU_ASSERT_EQUAL(
			weir_l4_checksum(mbuf, L3, packet.l4, WEIR_PROTOCOL_NUMBER_UDP), 0xffff);
		CU_ASSERT_EQUAL(
			weir_l4_checksum_set(mbuf, L3, packet.l4, WEIR_PROTOCOL_NUMBER_UDP), 0);
		CU_ASSERT_EQUAL(
			weir_l4_checksum_verify(mbuf, L3, packet.l4, WEIR_PROTOCOL_NUMBER_UDP),
			WEIR_CHECKSUM_GOOD);
		memset(weir_mbuf_data_at(mbuf->next, packet.l4 + 6), 0, 2);
		CU_ASSERT_EQUAL(
			weir_l4_checksum_verify(mbuf, L3, packet.l4, WEIR_PROTOCOL_NUMBER_UDP),
			version == 4 ? WEIR_CHECKSUM_NONE : WEIR_CHECKSUM_BAD);
		weir_mbuf_free(mbuf);
	}
	end_pool(pool);
}

/* What all three calls say to a packet. */
static void check_refused(const struct packet *packet, uint32_t l3, uint32_t l4, int error)
{
	struct weir_mbuf *mbuf = packet_of(packet, 20), *before = weir_mbuf_copy(mbuf, pool);
	uint8_t bytes[2][ROOM];

	CU_ASSERT_EQUAL(weir_l4_checksum(mbuf, l3, l4, packet->protocol), error);
	CU_ASSERT_EQUAL(weir_l4_checksum_verify(mbuf, l3, l4, packet->protocol), error);
	CU_ASSERT_EQUAL(weir_l4_checksum_set(mbuf, l3, l4, packet->protocol), error);
	weir_mbuf_read(mbuf, 0, bytes[0], packet->length);
	weir_mbuf_read(before, 0, bytes[1], packet->length);
	CU_ASSERT_EQUAL(memcmp(bytes[0], bytes[1], packet->length), 0);
	weir_mbuf_free(mbuf);
	weir_mbuf_free(before);
}

static void test_refused4(void)
{
	struct packet packet;

	begin();
	build4(&packet, WEIR_PROTOCOL_NUMBER_UDP, 6, 40);
	check_refused(&packet, L3, L3 + 20, -EINVAL); /* inside the options */
	check_refused(&packet, L3, L3 - 1, -EINVAL);
	check_refused(&packet, L3, packet.end - 7, -EINVAL); /* less than a header left */
	check_refused(&packet, L3, packet.end + 1, -EINVAL);
	check_refused(&packet, L3, UINT32_MAX, -EINVAL);
	check_refused(&packet, packet.length - 19, packet.length, -EINVAL);
	check_refused(&packet, UINT32_MAX - 3, UINT32_MAX, -EINVAL);
	put16(packet.bytes + packet.l4 + 4, 41); /* UDP longer than IP */
	check_refused(&packet, L3, packet.l4, -EINVAL);
	put16(packet.bytes + packet.l4 + 4, 7);
	check_refused(&packet, L3, packet.l4, -EINVAL);
	put16(packet.bytes + packet.l4 + 4, 40);
	packet.length = packet.end - 1; /* cut by a capture */
	check_refused(&packet, L3, packet.l4, -EINVAL);
	packet.length = packet.end;
	packet.bytes[L3] = 0x56; /* version 5 */
	check_refused(&packet, L3, packet.l4, -EINVAL);
	packet.bytes[L3] = 0x44; /* a header below 20 bytes */
	check_refused(&packet, L3, packet.l4, -EINVAL);
	packet.bytes[L3] = 0x46;
	packet.bytes[L3 + 6] = 0x20; /* the first fragment, and another one */
	check_refused(&packet, L3, packet.l4, -ENOTSUP);
	put16(packet.bytes + L3 + 6, 1);
	check_refused(&packet, L3, packet.l4, -ENOTSUP);
	packet.protocol = 47;
	check_refused(&packet, L3, packet.l4, -EPROTONOSUPPORT);
	end_pool(pool);
}

static void test_refused6(void)
{
	static const uint8_t fragment[8] = {17, 0, 0, 1}, later[8] = {17, 0, 0, 8};
	static const uint8_t route[24] = {17, 2, 9, 1}, unknown[8] = {17}, empty[8] = {17, 0, 0, 1};
	struct packet packet;

	begin();
	build6(&packet, WEIR_PROTOCOL_NUMBER_UDP, 44, fragment, 8, 40);
	check_refused(&packet, L3, packet.l4, -ENOTSUP);
	build6(&packet, WEIR_PROTOCOL_NUMBER_UDP, 44, later, 8, 40);
	check_refused(&packet, L3, packet.l4, -ENOTSUP);
	build6(&packet, WEIR_PROTOCOL_NUMBER_UDP, 43, route, 24, 40); /* a type that nobody knows */
	check_refused(&packet, L3, packet.l4, -ENOTSUP);
	build6(&packet, WEIR_PROTOCOL_NUMBER_UDP, 43, empty, 8,
		40); /* segments left, but no address */
	check_refused(&packet, L3, packet.l4, -ENOTSUP);
	build6(&packet, WEIR_PROTOCOL_NUMBER_UDP, 50, unknown, 8,
		40); /* ESP, as if it could be read */
	check_refused(&packet, L3, packet.l4, -EINVAL);
	build6(&packet, WEIR_PROTOCOL_NUMBER_UDP, 60, unknown, 8, 40);
	check_refused(&packet, L3, packet.l4 - 4, -EINVAL); /* inside an extension */
	check_refused(&packet, L3, L3 + 39, -EINVAL);
	packet.bytes[L3 + 41] = 255; /* an extension that runs out of the packet */
	check_refused(&packet, L3, packet.l4, -EINVAL);
	packet.length = L3 + 39;
	check_refused(&packet, L3, L3 + 40, -EINVAL);
	end_pool(pool);
}

/* Where IP says 0 the packet's end is what counts. */
static void test_no_length(void)
{
	struct packet packet;

	begin();
	build4(&packet, WEIR_PROTOCOL_NUMBER_TCP, 5, 40);
	packet.length = packet.end;
	put16(packet.bytes + L3 + 2, 0);
	check(&packet);
	build6(&packet, WEIR_PROTOCOL_NUMBER_UDP, 0, NULL, 0, 40);
	packet.length = packet.end;
	put16(packet.bytes + L3 + 4, 0);
	put16(packet.bytes + packet.l4 + 4, 0);
	check(&packet);
	end_pool(pool);
}

/* Nothing is written while others read it. */
static void test_shared(void)
{
	struct packet packet;
	struct weir_mbuf *mbuf;

	begin();
	for (uint32_t i = 0; i < 5; i++) {
		build4(&packet, protocols[i], 5, 40);
		mbuf = packet_of(&packet, 3);
		weir_mbuf_ref(mbuf, 1);
		CU_ASSERT_EQUAL(weir_l4_checksum_set(mbuf, L3, packet.l4, protocols[i]), -EROFS);
		weir_mbuf_free(mbuf);
		CU_ASSERT_EQUAL(weir_l4_checksum_set(mbuf, L3, packet.l4, protocols[i]), 0);
		weir_mbuf_free(mbuf);
	}
	end_pool(pool);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"inside IPv4", test_ipv4},
		{"inside IPv6", test_ipv6},
		{"behind extension headers", test_extensions},
		{"behind routing headers", test_routes},
		{"UDP's zero", test_udp_zero},
		{"IPv4 packets that are refused", test_refused4},
		{"IPv6 packets that are refused", test_refused6},
		{"a length of 0", test_no_length},
		{"a shared packet", test_shared},
		CU_TEST_INFO_NULL,
	};

	return unit_run("checksum_l4", tests);
}
