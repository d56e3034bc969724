/* SPDX-License-Identifier: BSD-3-Clause */
/* test_flow_key.c: keys of packets of either family, whole and on segments of a byte, fragments and
 * what is no IP; and both directions of a flow as one. */
#include "pool.h"
#include "segments.h"
#include "unit.h"

#include "weir/flow_key.h"
#include "weir/parse.h"

#define ETH_IPV4 "0200000000010200000000020800"
#define ETH_IPV6 "02000000000102000000000286dd"
#define FROM4    "c0000201"
#define TO4      "c6336402"
#define FROM6    "20010db8000000000000000000000001"
#define TO6      "20010db8000000000000000000000002"
#define TCP      "9c4000090000000100000001501803e800000000"
#define UDP      "9c400009000c0000"

/* A packet, and its key; NULL: none. */
static const struct row {
	const char *name, *packet, *key;
	bool ipv6;
} rows[] = {
	{"tcp", ETH_IPV4 "450000280001000040060000" FROM4 TO4 TCP,
		FROM4 TO4 "9c400009"
			  "06"
			  "000000",
		false},
	{"udp, vlan",
		"020000000001020000000002"
		"8100"
		"0001"
		"0800"
		"4500001c0001000040110000" FROM4 TO4 UDP,
		FROM4 TO4 "9c400009"
			  "11"
			  "000000",
		false},
	{"options", ETH_IPV4 "460000200001000040110000" FROM4 TO4 "94040000" UDP,
		FROM4 TO4 "9c400009"
			  "11"
			  "000000",
		false},
	{"icmp", ETH_IPV4 "4500001c0001000040010000" FROM4 TO4 "0800000000010001",
		FROM4 TO4 "00000000"
			  "01"
			  "000000",
		false},
	{"a protocol that is not known", ETH_IPV4 "450000180001000040590000" FROM4 TO4 "64617461",
		FROM4 TO4 "00000000"
			  "59"
			  "000000",
		false},
	{"first fragment", ETH_IPV4 "450000280001200040060000" FROM4 TO4 TCP,
		FROM4 TO4 "00000000"
			  "00"
			  "000000",
		false},
	{"another fragment", ETH_IPV4 "450000280001000340060000" FROM4 TO4 TCP,
		FROM4 TO4 "00000000"
			  "00"
			  "000000",
		false},
	{"ipv6, udp", ETH_IPV6 "6000000000081140" FROM6 TO6 UDP,
		FROM6 TO6 "9c400009"
			  "11"
			  "000000",
		true},
	{"ipv6, hop by hop, tcp", ETH_IPV6 "60000000001c0040" FROM6 TO6 "0600010400000000" TCP,
		FROM6 TO6 "9c400009"
			  "06"
			  "000000",
		true},
	{"ipv6, a protocol that is not known", ETH_IPV6 "6000000000045940" FROM6 TO6 "64617461",
		FROM6 TO6 "00000000"
			  "59"
			  "000000",
		true},
	{"ipv6, fragment", ETH_IPV6 "6000000000102c40" FROM6 TO6 "1100000100000001" UDP,
		FROM6 TO6 "00000000"
			  "00"
			  "000000",
		true},
	{"arp",
		"0200000000010200000000020806"
		"0001080006040001",
		NULL, false},
	{"cut", ETH_IPV4 "45000028000100004006", NULL, false},
};

static uint32_t read_hex(uint8_t *bytes, const char *hex)
{
	uint32_t length = 0;

	for (; *hex; hex += 2) {
		char digits[3] = {hex[0], hex[1], '\0'};

		bytes[length++] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return length;
}

/* On segments of 0 to most bytes; most 0: on one. */
static void check(struct weir_mempool *pool, const struct row *row, uint32_t most)
{
	uint8_t bytes[256], expected[40];
	struct weir_mbuf *mbuf = cut(pool, bytes, read_hex(bytes, row->packet), most);
	struct weir_flow_key_ipv4 ipv4;
	struct weir_flow_key_ipv6 ipv6;

	CU_ASSERT_FALSE(weir_flow_key_ipv4(mbuf, &ipv4));
	weir_parse(mbuf);
	CU_ASSERT_EQUAL(weir_flow_key_ipv4(mbuf, &ipv4), row->key && !row->ipv6);
	CU_ASSERT_EQUAL(weir_flow_key_ipv6(mbuf, &ipv6), row->key && row->ipv6);
	if (row->key) {
		uint32_t size = read_hex(expected, row->key);
		const void *got = row->ipv6 ? (const void *)&ipv6 : &ipv4;

		CU_ASSERT_EQUAL_FATAL(size, row->ipv6 ? sizeof(ipv6) : sizeof(ipv4));
		CU_ASSERT_EQUAL(memcmp(got, expected, size), 0);
		if (memcmp(got, expected, size) != 0)
			printf("%s\n", row->name);
	}
	weir_mbuf_free(mbuf);
}

static void test_packets(void)
{
	struct weir_mempool *pool = make_pool(2048, 256);

	for (uint32_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		for (uint32_t most = 0; most < 4; most++)
			check(pool, &rows[i], most);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
}

/* Of two directions one is turned; with equal addresses the ports decide. */
static void test_sort(void)
{
	struct weir_flow_key_ipv4 up = {{{10, 0, 0, 1}, {10, 0, 0, 2}}, {{0, 80}, {0, 9}}, 6, {0}};
	struct weir_flow_key_ipv4 down = {
		{{10, 0, 0, 2}, {10, 0, 0, 1}}, {{0, 9}, {0, 80}}, 6, {0}};
	struct weir_flow_key_ipv4 self = {
		{{10, 0, 0, 1}, {10, 0, 0, 1}}, {{1, 0}, {0, 255}}, 6, {0}};
	struct weir_flow_key_ipv4 same = {{{1, 1, 1, 1}, {1, 1, 1, 1}}, {{1, 0}, {1, 0}}, 6, {0}};
	struct weir_flow_key_ipv6 one, other;

	CU_ASSERT_FALSE(weir_flow_key_sort_ipv4(&up));
	CU_ASSERT_TRUE(weir_flow_key_sort_ipv4(&down));
	CU_ASSERT_EQUAL(memcmp(&up, &down, sizeof(up)), 0);
	CU_ASSERT_FALSE(weir_flow_key_sort_ipv4(&down));
	CU_ASSERT_TRUE(weir_flow_key_sort_ipv4(&self));
	CU_ASSERT_EQUAL(self.port[0][1], 255);
	CU_ASSERT_FALSE(weir_flow_key_sort_ipv4(&same));
	for (uint32_t round = 0; round < 1000; round++) {
		fill_random((uint8_t *)&one, sizeof(one));
		other = one;
		memcpy(other.address[0], one.address[1], 16);
		memcpy(other.address[1], one.address[0], 16);
		memcpy(other.port[0], one.port[1], 2);
		memcpy(other.port[1], one.port[0], 2);
		CU_ASSERT_EQUAL(weir_flow_key_sort_ipv6(&one) + weir_flow_key_sort_ipv6(&other), 1);
		CU_ASSERT_EQUAL(memcmp(&one, &other, sizeof(one)), 0);
	}
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"keys of packets", test_packets},
		{"both directions", test_sort},
		CU_TEST_INFO_NULL,
	};

	return unit_run("flow key", tests);
}
