/* SPDX-License-Identifier: BSD-3-Clause */
/* test_stages_edit.c: stages that change packets, whatever segments these lie in and whoever else
 * has their bytes. What they make of packets is compared with other programs in
 * tests/app/test_edit.py. */
#include "stages_frame.h"

#include "weir/clone.h"
#include "weir/parse.h"

/* A packet in every pair of segments, and one whose bytes others have. */
static uint32_t give_all(struct weir_mbuf **others_of)
{
	uint32_t count = 0;

	for (uint32_t first = 1; first <= SIZE; first++, count++)
		give_one(make(17, false, first));
	*others_of = make(17, false, SIZE);
	give_one(weir_mbuf_clone(*others_of, pool));
	return count + 1;
}

/* The bytes are the same in all that came, and those of others are as they were. */
static void check_all(uint32_t count, struct weir_mbuf *others_of, uint8_t *bytes, uint32_t length)
{
	uint8_t other[SIZE + 64];
	struct weir_mbuf *fresh = make(17, false, SIZE);

	CU_ASSERT_EQUAL_FATAL(kept[0].count, count);
	for (uint32_t i = 0; i < count; i++) {
		struct weir_mbuf *mbuf = kept[0].mbufs[i];

		CU_ASSERT_EQUAL_FATAL(mbuf->length, length);
		CU_ASSERT_EQUAL(weir_mbuf_check(mbuf), 0);
		CU_ASSERT_EQUAL(weir_mbuf_read(mbuf, 0, i ? other : bytes, length), 0);
		CU_ASSERT_TRUE(i == 0 || memcmp(bytes, other, length) == 0);
	}
	CU_ASSERT_EQUAL(weir_mbuf_compare(others_of, fresh), 0);
	weir_mbuf_free(others_of);
	weir_mbuf_free(fresh);
}

/* Put all through one stage. */
static void edit(const char *type, const char *args, uint8_t *bytes, uint32_t length)
{
	struct weir_pipeline *pipeline = create(type, args, NULL);
	struct weir_mbuf *others_of;
	uint32_t count = give_all(&others_of);

	turn_all(pipeline);
	check_all(count, others_of, bytes, length);
	finish(pipeline);
}

static void test_vlan(void)
{
	uint8_t bytes[SIZE + 64];

	edit("vlan", "push=291 priority=5", bytes, SIZE + 4);
	CU_ASSERT_EQUAL(memcmp(bytes, frame, 12), 0);
	CU_ASSERT_EQUAL(memcmp(bytes + 12, (uint8_t[]){0x81, 0, 0xa1, 0x23, 8, 0}, 6), 0);
	edit("vlan", "strip=all", bytes, SIZE); /* there is none */
}

static void test_vlan_strip(void)
{
	struct weir_pipeline *pipeline = create("vlan", "strip=outer", NULL);
	uint8_t bytes[SIZE];

	for (uint32_t first = 1; first <= SIZE + 4; first++)
		give_one(make(6, true, first));
	turn_all(pipeline);
	CU_ASSERT_EQUAL_FATAL(kept[0].count, SIZE + 4);
	for (uint32_t i = 0; i < kept[0].count; i++) {
		CU_ASSERT_EQUAL(kept[0].mbufs[i]->length, SIZE);
		CU_ASSERT_EQUAL(weir_mbuf_read(kept[0].mbufs[i], 0, bytes, SIZE), 0);
		CU_ASSERT_EQUAL(memcmp(bytes, frame, 14), 0);
		CU_ASSERT_TRUE(is_right(kept[0].mbufs[i], 6, 14));
	}
	finish(pipeline);
}

static void test_rewrite_and_truncate(void)
{
	uint8_t bytes[SIZE + 64];

	edit("rewrite", "ip=192.0.2.0/24:10.0.0.0/8 port=50-60:7 ttl=-1", bytes, SIZE);
	CU_ASSERT_EQUAL(memcmp(bytes + 26, (uint8_t[]){10, 0, 2, 1, 10, 0, 2, 2, 0, 7}, 10), 0);
	CU_ASSERT_EQUAL(bytes[22], 63);
	edit("truncate", "mtu=20", bytes, 34);
	edit("truncate", "snap=13", bytes, 13);
	edit("checksum", "lengths=fix", bytes, SIZE);
}

/* Wrong ones become right, wherever they lie, but UDP's that is not there. */
static void test_checksum(void)
{
	struct weir_pipeline *pipeline = create("checksum", NULL, NULL);

	for (uint32_t first = 1; first <= SIZE; first++) {
		struct weir_mbuf *mbuf = make(6, false, first);

		weir_mbuf_write(mbuf, 24, "\x12\x34", 2);
		weir_mbuf_write(mbuf, 50, "\x56\x78", 2);
		give_one(mbuf);
	}
	turn_all(pipeline);
	CU_ASSERT_EQUAL_FATAL(kept[0].count, SIZE);
	for (uint32_t i = 0; i < SIZE; i++)
		CU_ASSERT_TRUE(is_right(kept[0].mbufs[i], 6, 14));
	finish(pipeline);
}

/* Lengths that are more than there is: so what was cut has checksums, too. */
static void test_lengths(void)
{
	struct weir_pipeline *pipeline = create("checksum", "lengths=fix", NULL);
	struct weir_mbuf *mbuf = make(17, false, SIZE);

	weir_mbuf_trim(mbuf, 10);
	give_one(mbuf);
	turn_all(pipeline);
	CU_ASSERT_EQUAL_FATAL(kept[0].count, 1);
	CU_ASSERT_TRUE(is_right(kept[0].mbufs[0], 17, 14));
	CU_ASSERT_EQUAL(weir_mbuf_data_at(kept[0].mbufs[0], 16)[1], 36);
	CU_ASSERT_EQUAL(weir_mbuf_data_at(kept[0].mbufs[0], 38)[1], 16);
	finish(pipeline);
}

static void test_ethernet(void)
{
	struct weir_pipeline *pipeline =
		create("ethernet", "src_mac=2:0:0:0:0:2 dst_mac=2:0:0:0:0:1", NULL);
	uint32_t given_count = 0;
	struct weir_mbuf *mbuf;

	for (uint32_t first = 1; first <= SIZE; first++, given_count++) {
		mbuf = make(17, false, first);
		weir_mbuf_adj(mbuf, 14);
		weir_mbuf_set_link_type(mbuf, WEIR_LINK_RAW);
		mbuf->wire_length = 1000;
		mbuf->flags |= WEIR_MBUF_WIRE_LENGTH;
		give_one(mbuf);
	}
	mbuf = make(17, false, SIZE);
	weir_mbuf_set_link_type(mbuf, WEIR_LINK_PPP);
	give_one(mbuf);
	turn_all(pipeline);
	CU_ASSERT_EQUAL_FATAL(kept[0].count, given_count);
	CU_ASSERT_EQUAL(counter(pipeline, "a", 1), 1);
	for (uint32_t i = 0; i < given_count; i++) {
		struct weir_mbuf *right = make(17, false, SIZE);

		CU_ASSERT_EQUAL(weir_mbuf_compare(kept[0].mbufs[i], right), 0);
		CU_ASSERT_EQUAL(weir_mbuf_link_type(kept[0].mbufs[i]), WEIR_LINK_ETHERNET);
		CU_ASSERT_EQUAL(weir_mbuf_wire_length(kept[0].mbufs[i]), 1014);
		weir_mbuf_free(right);
	}
	finish(pipeline);
}

/* More flows than there is room for are counted, and lost by nobody. */
static void test_split_is_full(void)
{
	struct weir_pipeline *pipeline = create("split", "client=first flows=4", "a.b");

	for (uint32_t i = 0; i < 16; i++) {
		struct weir_mbuf *mbuf = make(17, false, SIZE);

		weir_mbuf_data_at(mbuf, 34)[0] = (uint8_t)(i % 8);
		give_one(mbuf);
	}
	turn_all(pipeline);
	CU_ASSERT_EQUAL(kept[0].count, 16);
	CU_ASSERT_EQUAL(counter(pipeline, "a", 0), 8);
	finish(pipeline);
}

static void test_refused(void)
{
	static const struct refusal refusals[] = {
		{"rewrite", "ip=10.0.0.0/8", "10.0.0.0/8:172.16.0.0/12"},
		{"rewrite", "ip=[fd00::/8:1.1.1.1/8", "as in"},
		{"rewrite", "port=1-2-3:4", "80:8080"},
		{"rewrite", "ttl=+0", "64, +1 or -1"},
		{"vlan", "", "needs push="},
		{"vlan", "push=1 strip=all", "exclude"},
		{"vlan", "set=1 type=802.1ad", "for push="},
		{"truncate", "", "either"},
		{"checksum", "lengths=guess", "keep, fix"},
		{"ethernet", "src_mac=x", "no MAC"},
		{"split", "", "needs interface=0"},
		{"split", "mac=2:0:0:0:0:1 client=first", "exclude"},
		{"play", "x.pcap speed=0.5", "2.5x"},
		{"play", "x.pcap rate=1kpps gap=1ms", "exclude"},
		{"play", "x.pcap rate=0.0005pps", "0.5pps"},
		{"play", "\"\"", "needs files"},
		{"play", "x.pcap cache=0", "64M"},
		{"play", "x.pcap cache=1M preload=no", "exclude"},
		{NULL, NULL, NULL},
	};

	check_refusals(refusals);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"vlan", test_vlan},
		{"vlan strip", test_vlan_strip},
		{"rewrite and truncate", test_rewrite_and_truncate},
		{"checksum", test_checksum},
		{"lengths", test_lengths},
		{"ethernet", test_ethernet},
		{"split is full", test_split_is_full},
		{"refused", test_refused},
		CU_TEST_INFO_NULL,
	};
	struct weir_mbuf_pool_conf conf = {
		.name = "stages", .count = 2048, .size = 256, .pages = WEIR_PAGES_4K};
	int failed;

	pool = weir_mbuf_pool_create(&conf);
	failed = unit_run("stages edit", tests);
	weir_mempool_destroy(pool);
	return failed;
}
