/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz_fragment.c: libFuzzer on reassembly and on cutting.
 *
 * The input is a row of packets that begin with IP, each behind a byte with its length in units of
 * 8 bytes. They go through a small reassembly, so that its bounds are reached, and are gathered by
 * another one, which must come to the same bytes. What comes out must be in order, be cut into
 * fragments, and come together again; in the end every mbuf is back. */
#include "weir/chain.h"
#include "weir/fragment.h"
#include "weir/parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PACKETS   4
#define MOST      6 /* fragments of one */
#define HELD      12
#define FRAGMENTS 8192
#define FLAT      (65535 + 40 + 14)

#define TIMEOUT_NS 30000000000ull /* of a reassembly */

static struct weir_mempool *pool;
/* Emptied between inputs, which is a hundred times as fast as making them. */
static struct weir_reassembly *small, *gathering, *large;
static uint64_t now_ns;

static void check(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "%s: %s\n", what, weir_last_error());
	abort();
}

static struct weir_reassembly *make(uint32_t packets, uint32_t fragments, uint32_t held)
{
	struct weir_reassembly *reassembly = weir_reassembly_create(&(struct weir_reassembly_conf){
		.packets = packets, .fragments = fragments, .held = held});

	check(reassembly != NULL, "no reassembly");
	return reassembly;
}

/* The bits that say "don't fragment" would stop it; a fragment of a larger one stays one. */
static void there_and_back(struct weir_mbuf *mbuf, uint32_t mtu)
{
	static struct weir_mbuf *fragments[FRAGMENTS];
	struct weir_mbuf *copy = weir_mbuf_copy(mbuf, pool), *whole = NULL;
	int count = weir_fragment(copy, mtu, 1, fragments, 64);

	if (count < 0)
		weir_mbuf_free(copy);
	for (int i = 0; i < count; i++) {
		check(weir_mbuf_check(fragments[i]) == 0, "a fragment");
		check(whole == NULL, "whole before the last fragment");
		whole = weir_reassembly_add(large, fragments[i], now_ns);
	}
	if (whole) {
		check(weir_mbuf_check(whole) == 0, "the whole packet");
		check(whole->length <= mbuf->length, "longer than before");
	}
	weir_mbuf_free(whole);
	weir_reassembly_expire(large, now_ns + TIMEOUT_NS);
}

/* The same packets gathered. */
static void gather(struct weir_mbuf *mbuf, const struct weir_mbuf *whole)
{
	static uint8_t flat[FLAT], bytes[FLAT];
	struct weir_mbuf *fragments[MOST];
	int count = weir_reassembly_gather(gathering, mbuf, 0, now_ns, fragments);
	uint32_t length;

	if (count < 0) {
		check(whole != NULL, "gathered, and no fragment");
		weir_mbuf_free(mbuf);
		return;
	}
	check((count > 0) == (whole != NULL), "gathered otherwise");
	if (!count)
		return;
	length = weir_reassembly_flatten(fragments, (uint32_t)count, flat, sizeof(flat));
	check(length == whole->length, "of another length");
	weir_mbuf_read(whole, 0, bytes, length);
	check(memcmp(flat, bytes, length) == 0, "other bytes");
	weir_mbuf_free_bulk(fragments, (uint32_t)count);
}

static void add(const uint8_t *bytes, uint32_t length)
{
	struct weir_mbuf *again = weir_mbuf_from_bytes(pool, bytes, length);
	struct weir_mbuf *mbuf = weir_mbuf_from_bytes(pool, bytes, length);
	struct weir_reassembly_stats stats;

	check(mbuf != NULL && again != NULL, "no mbuf");
	weir_mbuf_set_link_type(mbuf, WEIR_LINK_RAW);
	weir_mbuf_set_link_type(again, WEIR_LINK_RAW);
	mbuf = weir_reassembly_add(small, mbuf, now_ns);
	gather(again, mbuf);
	weir_reassembly_stats(small, &stats);
	check(stats.waiting <= PACKETS && stats.held <= HELD && stats.waiting <= stats.held,
		"more than allowed");
	if (!mbuf)
		return;
	check(weir_mbuf_check(mbuf) == 0, "a packet");
	there_and_back(mbuf, 60 + bytes[0]);
	weir_mbuf_free(mbuf);
}

static void prepare(void)
{
	pool = weir_mbuf_pool_create(
		&(struct weir_mbuf_pool_conf){.count = 16384, .size = 256, .pages = WEIR_PAGES_4K});
	check(pool != NULL, "no pool");
	small = make(PACKETS, MOST, HELD);
	gathering = make(PACKETS, MOST, HELD);
	large = make(1, 64, FRAGMENTS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!pool)
		prepare();
	while (size > 1) {
		size_t length = data[0] * 8u;

		length = length && length < size - 1 ? length : size - 1;
		add(data + 1, (uint32_t)length);
		now_ns += (uint64_t)data[1] << 24; /* up to 4.3 s */
		data += 1 + length;
		size -= 1 + length;
	}
	now_ns += 2 * TIMEOUT_NS;
	weir_reassembly_expire(small, now_ns);
	weir_reassembly_expire(gathering, now_ns);
	check(weir_mempool_in_use(pool) == 0, "mbufs are out");
	return 0;
}
