/* SPDX-License-Identifier: BSD-3-Clause */
/* test_fragment_long.c: fragments that are all right, of a packet that is not: too long, or with
 * marks of ECN that do not go together; and what becomes of a packet with one that is none. */
#include "bytes.h"
#include "unit.h"

#include "weir/chain.h"
#include "weir/checksum.h"
#include "weir/fragment.h"
#include "weir/mbuf_pool.h"

#include <string.h>

static struct weir_mempool *pool;

/* A fragment of IPv6, behind so many bytes of hop-by-hop options. */
static struct weir_mbuf *make_part(uint32_t options, uint32_t start, uint32_t size, bool more)
{
	uint8_t bytes[14 + 40 + 64 + 8 + 1208] = {0}, *header = bytes + 14;

	put16(bytes + 12, 0x86dd);
	header[0] = 0x60;
	put16(header + 4, options + 8 + size);
	header[6] = options ? 0 : 44;
	header += 40;
	if (options)
		memcpy(header, (uint8_t[]){44, (uint8_t)(options / 8 - 1)}, 2);
	header += options;
	header[0] = 17;
	put16(header + 2, start | more);
	return weir_mbuf_from_bytes(pool, bytes, 14 + 40 + options + 8 + size);
}

/* Each fragment is short enough, and headers that only the first has make all of them too long. */
static void test_too_long(void)
{
	enum { SIZE = 1208, LAST = 54 * SIZE };
	const uint32_t at_most = 65535 - 64;
	struct weir_reassembly_stats stats;
	struct weir_reassembly *reassembly =
		weir_reassembly_create(&(struct weir_reassembly_conf){0});
	struct weir_mbuf *whole, *gathered[64];

	for (uint32_t i = 0; i < 4; i++) {
		uint32_t last = at_most - LAST + i / 2;
		bool add = i % 2;
		int count = 0;

		for (uint32_t start = 0; start <= LAST; start += SIZE) {
			bool more = start < LAST;
			struct weir_mbuf *part =
				make_part(start ? 0 : 64, start, more ? SIZE : last, more);

			whole = NULL;
			if (add)
				whole = weir_reassembly_add(reassembly, part, 1);
			else
				count = weir_reassembly_gather(reassembly, part, 0, 1, gathered);
		}
		weir_reassembly_stats(reassembly, &stats);
		CU_ASSERT_EQUAL(stats.packets, i < 2 ? i + 1 : 2);
		CU_ASSERT_EQUAL(stats.malformed, i < 2 ? 0 : i - 1);
		CU_ASSERT_EQUAL(stats.held, 0);
		CU_ASSERT_EQUAL(count, i == 0 ? 55 : 0);
		CU_ASSERT_EQUAL(whole ? whole->length : 0, i == 1 ? 14 + 40 + 65535 : 0);
		weir_mbuf_free_bulk(gathered, (uint32_t)count);
		weir_mbuf_free(whole);
	}
	weir_reassembly_destroy(reassembly);
	CU_ASSERT_EQUAL(weir_mempool_in_use(pool), 0);
}

#define CLASS 0xb8 /* in front of ECN */

/* A fragment of UDP, of 16 bytes or less, and its ECN. */
static struct weir_mbuf *make_marked(
	bool ipv6, uint32_t ecn, uint32_t start, uint32_t size, bool more)
{
	uint8_t bytes[14 + 48 + 16] = {0}, *header = bytes + 14;

	put16(bytes + 12, ipv6 ? 0x86dd : 0x0800);
	if (!ipv6) {
		memcpy(header, (uint8_t[]){0x45, (uint8_t)(CLASS | ecn)}, 2);
		put16(header + 2, 20 + size);
		put16(header + 6, start / 8 | more << 13);
		header[9] = 17;
		weir_ipv4_checksum_set(header);
		return weir_mbuf_from_bytes(pool, bytes, 14 + 20 + size);
	}
	put16(header, 6u << 12 | (CLASS | ecn) << 4);
	put16(header + 4, 8 + size);
	header[6] = 44;
	header[40] = 17;
	put16(header + 42, start | more);
	return weir_mbuf_from_bytes(pool, bytes, 14 + 48 + size);
}

/* What three with these marks are together; UINT32_MAX: nothing. add: by weir_reassembly_add(). */
static uint32_t whole_ecn(
	struct weir_reassembly *reassembly, bool ipv6, bool add, const uint32_t marks[3])
{
	struct weir_mbuf *gathered[64] = {NULL}, *whole = NULL;
	uint8_t bytes[14 + 48 + 48];
	int count = 0;

	for (uint32_t i = 0; i < 3; i++) {
		struct weir_mbuf *part = make_marked(ipv6, marks[i], i * 16, 16, i < 2);

		if (add)
			whole = weir_reassembly_add(reassembly, part, 1);
		else
			count = weir_reassembly_gather(reassembly, part, 0, 1, gathered);
	}
	if (!whole && !count)
		return UINT32_MAX;
	if (whole)
		weir_mbuf_read(whole, 0, bytes, 14 + 40);
	else
		weir_reassembly_flatten(gathered, (uint32_t)count, bytes, sizeof(bytes));
	weir_mbuf_free(whole);
	weir_mbuf_free_bulk(gathered, (uint32_t)count);
	if (ipv6)
		return ((uint32_t)bytes[14] << 4 & 0xf0) | bytes[15] >> 4;
	CU_ASSERT(weir_ipv4_checksum_verify(bytes + 14));
	return bytes[15];
}

/* All that three fragments may say, as the table ip_frag_ecn_table of Linux has it. */
static void test_ecn(void)
{
	struct weir_reassembly *reassembly =
		weir_reassembly_create(&(struct weir_reassembly_conf){0});
	struct weir_reassembly_stats stats;
	uint32_t given_up = 0;

	for (uint32_t i = 0; i < 4 * 4 * 4 * 4; i++) {
		const uint32_t marks[3] = {i % 4, i / 4 % 4, i / 16 % 4};
		bool none = !marks[0] || !marks[1] || !marks[2];
		bool all_none = !marks[0] && !marks[1] && !marks[2];
		bool met = marks[0] == 3 || marks[1] == 3 || marks[2] == 3;
		uint32_t is = whole_ecn(reassembly, i / 64 % 2, i / 128, marks);

		given_up += none && !all_none;
		CU_ASSERT_EQUAL(is, none && !all_none ? UINT32_MAX : CLASS | (met ? 3 : marks[0]));
	}
	weir_reassembly_stats(reassembly, &stats);
	CU_ASSERT_EQUAL(stats.overlaps, given_up);
	CU_ASSERT_EQUAL(stats.held, 0);
	weir_reassembly_destroy(reassembly);
	CU_ASSERT_EQUAL(weir_mempool_in_use(pool), 0);
}

/* One without payload ends a packet of IPv4; of IPv6 it alone is dropped. */
static void test_empty(void)
{
	struct weir_reassembly_stats stats;
	struct weir_mbuf *whole;

	for (uint32_t ipv6 = 0; ipv6 < 2; ipv6++) {
		struct weir_reassembly *reassembly =
			weir_reassembly_create(&(struct weir_reassembly_conf){0});

		weir_reassembly_add(reassembly, make_marked(ipv6, 0, 0, 16, true), 1);
		weir_reassembly_add(reassembly, make_marked(ipv6, 0, 16, 0, true), 1);
		weir_reassembly_stats(reassembly, &stats);
		CU_ASSERT_EQUAL(stats.malformed, 1);
		CU_ASSERT_EQUAL(stats.overlaps, !ipv6);
		CU_ASSERT_EQUAL(stats.waiting, ipv6);
		CU_ASSERT_EQUAL(stats.dropped, ipv6 ? 1 : 2);
		whole = weir_reassembly_add(reassembly, make_marked(ipv6, 0, 16, 8, false), 1);
		CU_ASSERT_EQUAL(!!whole, ipv6);
		weir_mbuf_free(whole);
		weir_reassembly_destroy(reassembly);
	}
	CU_ASSERT_EQUAL(weir_mempool_in_use(pool), 0);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"fragments of more than a packet", test_too_long},
		{"ECN", test_ecn},
		{"fragments without payload", test_empty},
		CU_TEST_INFO_NULL,
	};
	int failed;

	pool = weir_mbuf_pool_create(
		&(struct weir_mbuf_pool_conf){.count = 256, .pages = WEIR_PAGES_4K});
	failed = unit_run("fragment_long", tests);
	return weir_mempool_destroy(pool) ? 1 : failed;
}
