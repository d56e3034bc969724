/* SPDX-License-Identifier: BSD-3-Clause */
/* test_spread.c: the hash against Toeplitz's, bit by bit; both directions of a flow go one way. */
#include "unit.h"

#include "weir/chain.h"
#include "weir/spread.h"

#include <stdlib.h>
#include <string.h>

static struct weir_mempool *pool;

/* The definition: for each bit of the input that is set, the 32 bits of the key that begin at its
 * position. */
static uint32_t reference(const uint8_t *input, uint32_t length)
{
	uint32_t hash = 0;

	for (uint32_t bit = 0; bit < 8 * length; bit++) {
		uint64_t key = UINT64_C(0x6d5a6d5a6d5a6d5a);

		if (input[bit / 8] >> (7 - bit % 8) & 1)
			hash ^= (uint32_t)(key >> (32 - bit % 16));
	}
	return hash;
}

static void fill_random(uint8_t *bytes, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)rand();
}

/* Ethernet, IP with random addresses, and behind it 20 bytes that start with random ports. fields
 * gets addresses and ports in a row; returns how many bytes. */
static uint32_t make(uint8_t *packet, bool ipv6, uint8_t protocol, uint8_t *fields)
{
	uint32_t header = ipv6 ? 40 : 20, addresses = ipv6 ? 32 : 8, at = ipv6 ? 8 : 12;

	fill_random(fields, addresses + 4);
	memset(packet, 0, 14 + header + 20);
	packet[12] = ipv6 ? 0x86 : 0x08;
	packet[13] = ipv6 ? 0xdd : 0x00;
	packet[14] = ipv6 ? 0x60 : 0x45;
	if (ipv6) {
		packet[14 + 5] = 20;
		packet[14 + 6] = protocol;
	} else {
		packet[14 + 3] = 40;
		packet[14 + 9] = protocol;
	}
	memcpy(packet + 14 + at, fields, addresses);
	memcpy(packet + 14 + header, fields + addresses, 4);
	packet[14 + header + (protocol == 6 ? 12 : 5)] = protocol == 6 ? 0x50 : 20;
	return addresses + 4;
}

/* The hash of a packet that begins in a segment of first bytes. */
static uint32_t hash_of(const uint8_t *packet, uint32_t length, uint32_t first)
{
	struct weir_mbuf *mbuf = weir_mbuf_from_bytes(pool, packet, first);
	struct weir_mbuf *rest = weir_mbuf_from_bytes(pool, packet + first, length - first);
	uint32_t hash;

	weir_mbuf_concat(mbuf, rest);
	weir_spread_hash(&mbuf, 1);
	CU_ASSERT_TRUE(mbuf->flags & WEIR_MBUF_HASH);
	hash = mbuf->hash;
	weir_mbuf_free(mbuf);
	return hash;
}

static void test_reference(void)
{
	uint8_t packet[74], fields[36];

	for (uint32_t round = 0; round < 2000; round++) {
		bool ipv6 = round & 1, udp = round & 2;
		uint32_t length = ipv6 ? 74 : 54, first = 1 + (uint32_t)rand() % (length - 1);
		uint32_t size = make(packet, ipv6, udp ? 17 : 6, fields);

		CU_ASSERT_EQUAL(hash_of(packet, length, first), reference(fields, size));
		make(packet, ipv6, 1, fields); /* what has no ports */
		CU_ASSERT_EQUAL(hash_of(packet, length, first), reference(fields, size - 4));
	}
}

static void swap(uint8_t *a, uint8_t *b, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++) {
		uint8_t byte = a[i];

		a[i] = b[i];
		b[i] = byte;
	}
}

static void test_symmetric(void)
{
	uint8_t packet[54], fields[36];

	for (uint32_t round = 0; round < 100; round++) {
		uint32_t hash;

		make(packet, false, 6, fields);
		hash = hash_of(packet, sizeof(packet), 20);
		swap(packet + 26, packet + 30, 4);
		swap(packet + 34, packet + 36, 2);
		CU_ASSERT_EQUAL(hash_of(packet, sizeof(packet), 20), hash);
	}
}

/* All fragments of a packet go one way: also the first, which has ports. */
static void test_fragments(void)
{
	uint8_t packet[54], fields[36];
	uint32_t size = make(packet, false, 17, fields);

	packet[20] = 0x20; /* more fragments */
	CU_ASSERT_EQUAL(hash_of(packet, sizeof(packet), 20), reference(fields, size - 4));
	packet[21] = 100; /* not the first */
	CU_ASSERT_EQUAL(hash_of(packet, sizeof(packet), 20), reference(fields, size - 4));
	packet[12] = 0x12; /* no IP */
	CU_ASSERT_EQUAL(hash_of(packet, sizeof(packet), 20), 0);
}

static void test_port_hash_stays(void)
{
	struct weir_mbuf *mbufs[10];
	uint8_t packet[54], fields[36];
	uint32_t size = make(packet, false, 6, fields);

	for (uint32_t i = 0; i < 10; i++)
		mbufs[i] = weir_mbuf_from_bytes(pool, packet, sizeof(packet));
	mbufs[3]->hash = 1234;
	mbufs[3]->flags |= WEIR_MBUF_HASH;
	weir_spread_hash(mbufs, 10);
	for (uint32_t i = 0; i < 10; i++)
		CU_ASSERT_EQUAL(mbufs[i]->hash, i == 3 ? 1234 : reference(fields, size));
	weir_mbuf_free_bulk(mbufs, 10);
}

static void test_pick(void)
{
	uint32_t counts[5] = {0};

	for (uint32_t hash = 0; hash < 65536; hash++)
		counts[weir_spread_pick(hash << 16 | hash, 5)]++;
	for (uint32_t i = 0; i < 5; i++)
		CU_ASSERT(counts[i] > 13000 && counts[i] < 13200);
	CU_ASSERT_EQUAL(weir_spread_pick(UINT32_MAX, 1), 0);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"Toeplitz, bit by bit", test_reference},
		{"both directions are one flow", test_symmetric},
		{"fragments go by addresses", test_fragments},
		{"the port's hash stays", test_port_hash_stays},
		{"shares are equal", test_pick},
		CU_TEST_INFO_NULL,
	};
	struct weir_mbuf_pool_conf conf = {.name = "spread", .count = 64};

	pool = weir_mbuf_pool_create(&conf);
	return !pool || unit_run("spread", tests) || weir_mempool_destroy(pool);
}
