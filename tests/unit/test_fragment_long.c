/* SPDX-License-Identifier: BSD-3-Clause */
/* test_fragment_long.c: fragments that fit, of a packet that does not. */
#include "unit.h"

#include "weir/chain.h"
#include "weir/fragment.h"
#include "weir/mbuf_pool.h"

#include <string.h>

static struct weir_mempool *pool;

static void put16(uint8_t *bytes, uint32_t value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

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

int main(void)
{
	static CU_TestInfo tests[] = {
		{"fragments of more than a packet", test_too_long},
		CU_TEST_INFO_NULL,
	};
	int failed;

	pool = weir_mbuf_pool_create(
		&(struct weir_mbuf_pool_conf){.count = 256, .pages = WEIR_PAGES_4K});
	failed = unit_run("fragment_long", tests);
	return weir_mempool_destroy(pool) ? 1 : failed;
}
