/* SPDX-License-Identifier: BSD-3-Clause */
/* test_mac_table.c: the table of a bridge: learning, moving, aging, and its bound. */
#include "unit.h"

#include "apps/common/mac_table.h"

#include <stddef.h>

#define SECOND UINT64_C(1000000000)
#define AGE    (300 * SECOND)
#define NOW    (7 * SECOND)

/* The address with this number. */
struct mac {
	uint8_t bytes[MAC_LENGTH];
};

static struct mac mac(uint64_t number)
{
	struct mac mac = {{0x02}};

	for (int i = MAC_LENGTH - 1; i > 0; i--, number >>= 8)
		mac.bytes[i] = (uint8_t)number;
	return mac;
}

static void learn(struct mac_table *table, uint64_t number, uint32_t port, uint64_t now_ns)
{
	mac_table_learn(table, mac(number).bytes, port, now_ns);
}

static uint32_t find(struct mac_table *table, uint64_t number, uint64_t now_ns)
{
	return mac_table_find(table, mac(number).bytes, now_ns);
}

static void test_empty(void)
{
	static const uint8_t zero[MAC_LENGTH];
	struct mac_table *table = mac_table_create(16, AGE);

	CU_ASSERT_EQUAL(find(table, 1, 0), MAC_TABLE_UNKNOWN);
	CU_ASSERT_EQUAL(find(table, 1, NOW), MAC_TABLE_UNKNOWN);
	/* what unused places look like */
	CU_ASSERT_EQUAL(mac_table_find(table, zero, 0), MAC_TABLE_UNKNOWN);
	CU_ASSERT_EQUAL(mac_table_find(table, zero, NOW), MAC_TABLE_UNKNOWN);
	CU_ASSERT_EQUAL(mac_table_count(table, NOW), 0);
	mac_table_destroy(table);
	mac_table_destroy(NULL);
}

static void test_learn(void)
{
	struct mac_table *table = mac_table_create(1024, AGE);

	for (uint32_t i = 0; i < 64; i++)
		learn(table, i, i, NOW);
	for (uint32_t i = 0; i < 64; i++)
		CU_ASSERT_EQUAL(find(table, i, NOW), i);
	CU_ASSERT_EQUAL(find(table, 64, NOW), MAC_TABLE_UNKNOWN);
	CU_ASSERT_EQUAL(mac_table_count(table, NOW), 64);
	CU_ASSERT_EQUAL(mac_table_evictions(table), 0);
	learn(table, 1, 65535, NOW);
	CU_ASSERT_EQUAL(find(table, 1, NOW), 65535);
	mac_table_destroy(table);
}

/* Addresses that differ in one bit are different stations, whichever bit it is. */
static void test_every_bit(void)
{
	for (int bit = 0; bit < 48; bit++) {
		struct mac_table *table = mac_table_create(1, AGE);
		uint8_t one[MAC_LENGTH] = {0xa5, 0x5a, 0xa5, 0x5a, 0xa5, 0x5a}, other[MAC_LENGTH];

		for (int i = 0; i < MAC_LENGTH; i++)
			other[i] = one[i];
		other[bit / 8] ^= (uint8_t)(1 << bit % 8);
		mac_table_learn(table, one, 1, NOW);
		CU_ASSERT_EQUAL(mac_table_find(table, other, NOW), MAC_TABLE_UNKNOWN);
		mac_table_learn(table, other, 2, NOW);
		CU_ASSERT_EQUAL(mac_table_find(table, one, NOW), 1);
		CU_ASSERT_EQUAL(mac_table_find(table, other, NOW), 2);
		mac_table_destroy(table);
	}
}

static void test_move(void)
{
	struct mac_table *table = mac_table_create(16, AGE);

	learn(table, 1, 3, NOW);
	learn(table, 1, 4, NOW);
	CU_ASSERT_EQUAL(find(table, 1, NOW), 4);
	CU_ASSERT_EQUAL(mac_table_count(table, NOW), 1);
	CU_ASSERT_EQUAL(mac_table_evictions(table), 0);
	mac_table_destroy(table);
}

static void test_age(void)
{
	struct mac_table *table = mac_table_create(16, AGE);

	learn(table, 1, 3, NOW);
	learn(table, 2, 3, NOW);
	CU_ASSERT_EQUAL(find(table, 1, NOW + AGE - 1), 3);
	learn(table, 2, 3, NOW + AGE - 1); /* heard again */
	CU_ASSERT_EQUAL(find(table, 1, NOW + AGE), MAC_TABLE_UNKNOWN);
	CU_ASSERT_EQUAL(find(table, 2, NOW + AGE), 3);
	CU_ASSERT_EQUAL(mac_table_count(table, NOW + AGE), 1);
	learn(table, 1, 5, NOW + 2 * AGE);
	CU_ASSERT_EQUAL(find(table, 1, NOW + 2 * AGE), 5);
	mac_table_destroy(table);
}

/* An age of nothing: never learn. */
static void test_no_age(void)
{
	struct mac_table *table = mac_table_create(16, 0);

	learn(table, 1, 3, NOW);
	CU_ASSERT_EQUAL(find(table, 1, NOW), MAC_TABLE_UNKNOWN);
	mac_table_destroy(table);
}

/* Far more stations than places: it stays bounded, the newest are known, and nobody is found behind
 * the wrong port. */
static void test_bound(void)
{
	const uint32_t places = 1024, stations = 100000;
	struct mac_table *table = mac_table_create(places, AGE);
	uint32_t known = 0, wrong = 0;

	for (uint32_t i = 0; i < stations; i++) {
		learn(table, i, i % 7, NOW + i);
		if (find(table, i, NOW + i) != i % 7)
			wrong++;
	}
	for (uint32_t i = 0; i < stations; i++) {
		uint32_t port = find(table, i, NOW + stations);

		known += port != MAC_TABLE_UNKNOWN;
		wrong += port != MAC_TABLE_UNKNOWN && port != i % 7;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_TRUE(known <= places);
	CU_ASSERT_TRUE(known >= places * 9 / 10);
	CU_ASSERT_EQUAL(mac_table_count(table, NOW + stations), known);
	CU_ASSERT_EQUAL(mac_table_evictions(table) + known, stations);
	mac_table_destroy(table);
}

/* A station that goes on talking stays through a flood of addresses that are heard once: it is
 * never the one silent the longest. */
static void test_flood(void)
{
	struct mac_table *table = mac_table_create(64, AGE);
	uint32_t lost = 0;

	learn(table, 1, 1, NOW);
	for (uint32_t i = 0; i < 10000; i++) {
		learn(table, 1000 + i, 2, NOW + 2 * i);
		lost += find(table, 1, NOW + 2 * i) != 1;
		learn(table, 1, 1, NOW + 2 * i + 1);
	}
	CU_ASSERT_EQUAL(lost, 0);
	CU_ASSERT_TRUE(mac_table_evictions(table) > 9000);
	mac_table_destroy(table);
}

/* A place whose station has aged is taken without counting as an eviction. */
static void test_reuse(void)
{
	struct mac_table *table = mac_table_create(8, AGE);

	for (uint32_t i = 0; i < 1000; i++)
		learn(table, i, 1, NOW + i * AGE);
	CU_ASSERT_EQUAL(mac_table_evictions(table), 0);
	CU_ASSERT_EQUAL(mac_table_count(table, NOW + 999 * AGE), 1);
	mac_table_destroy(table);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"empty", test_empty},
		{"learn", test_learn},
		{"addresses differ by any bit", test_every_bit},
		{"a station moves", test_move},
		{"aging", test_age},
		{"age 0", test_no_age},
		{"bounded", test_bound},
		{"talking stations survive a flood", test_flood},
		{"aged places are reused", test_reuse},
		CU_TEST_INFO_NULL,
	};

	return unit_run("mac_table", tests);
}
