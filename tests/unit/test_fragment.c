/* SPDX-License-Identifier: BSD-3-Clause */
/* test_fragment.c: IP packets are cut into fragments and put together again. */
#include "bytes.h"
#include "pool.h"
#include "segments.h"
#include "unit.h"

#include "weir/chain.h"
#include "weir/checksum.h"
#include "weir/clone.h"
#include "weir/fragment.h"
#include "weir/parse.h"

#include <errno.h>
#include <stdio.h>

#define LONGEST 9000
#define MOST    1200
#define SECOND  1000000000ull

static struct weir_mempool *pool;

/* Bytes of headers, and of all. */
struct sample {
	uint32_t headers, length;
	uint8_t bytes[LONGEST + 200];
};

static uint32_t put_ethernet(uint8_t *bytes, bool tagged, uint32_t type)
{
	memset(bytes, 2, 12);
	if (tagged) {
		memcpy(bytes + 12, "\x81\x00\x00\x07", 4);
		bytes += 4;
	}
	put16(bytes + 12, type);
	return tagged ? 18 : 14;
}

/* An IPv4 packet of UDP's number with random payload, behind a tag or not; options: 8 bytes, of
 * which the first 4 go into every fragment. */
static void make_ipv4(struct sample *sample, uint32_t id, uint32_t payload, bool options)
{
	uint32_t l3 = put_ethernet(sample->bytes, id & 1, 0x0800), bytes = options ? 28 : 20;
	uint8_t *header = sample->bytes + l3;

	memset(header, 0, bytes);
	header[0] = (uint8_t)(0x40 | bytes / 4);
	put16(header + 2, bytes + payload);
	put16(header + 4, id);
	header[8] = 64;
	header[9] = 17;
	memcpy(header + 12, "\xc0\x00\x02\x01\xc0\x00\x02\x02", 8);
	if (options)
		memcpy(header + 20, "\x94\x04\x00\x00\x07\x04\x04\x00", 8);
	weir_ipv4_checksum_set(header);
	sample->headers = l3 + bytes;
	sample->length = l3 + bytes + payload;
	fill_random(header + bytes, payload);
}

/* An IPv6 packet, with hop-by-hop options that go into every fragment, and destination options that
 * do not. */
static void make_ipv6(struct sample *sample, uint32_t payload, bool options)
{
	static const uint8_t hop_by_hop[8] = {60, 0, 1, 4}, destination[8] = {17, 0, 1, 4};
	uint32_t l3 = put_ethernet(sample->bytes, false, 0x86dd), more = options ? 16 : 0;
	uint8_t *header = sample->bytes + l3;

	memset(header, 0, 40);
	header[0] = 0x60;
	put16(header + 4, more + payload);
	header[6] = options ? 0 : 17;
	header[7] = 64;
	memcpy(header + 8, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	memcpy(header + 24, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2", 16);
	if (options) {
		memcpy(header + 40, hop_by_hop, 8);
		memcpy(header + 48, destination, 8);
	}
	sample->headers = l3 + 40 + more;
	sample->length = l3 + 40 + more + payload;
	fill_random(header + 40 + more, payload);
}

static void make_any(struct sample *sample, uint32_t id, uint32_t payload)
{
	if (rand() & 1)
		make_ipv4(sample, id, payload, rand() & 1);
	else
		make_ipv6(sample, payload, rand() & 1);
}

static struct weir_mbuf *packet_of(const struct sample *sample, uint32_t most)
{
	if (most)
		return cut(pool, sample->bytes, sample->length, most);
	return weir_mbuf_from_bytes(pool, sample->bytes, sample->length);
}

static bool is_sample(const struct weir_mbuf *mbuf, const struct sample *sample)
{
	static uint8_t bytes[sizeof(sample->bytes)];

	return mbuf && mbuf->length == sample->length && weir_mbuf_check(mbuf) == 0 &&
	       weir_mbuf_read(mbuf, 0, bytes, mbuf->length) == 0 &&
	       memcmp(bytes, sample->bytes, mbuf->length) == 0;
}

static struct weir_reassembly *make(const struct weir_reassembly_conf *conf)
{
	struct weir_reassembly *reassembly = weir_reassembly_create(conf);

	CU_ASSERT_PTR_NOT_NULL_FATAL(reassembly);
	return reassembly;
}

static void end(struct weir_reassembly *reassembly)
{
	weir_reassembly_destroy(reassembly);
	CU_ASSERT_EQUAL(weir_mempool_in_use(pool), 0);
}

static struct weir_reassembly_stats stats_of(const struct weir_reassembly *reassembly)
{
	struct weir_reassembly_stats stats;

	weir_reassembly_stats(reassembly, &stats);
	return stats;
}

static void shuffle(struct weir_mbuf **mbufs, uint32_t count)
{
	for (uint32_t i = count; i > 1; i--) {
		uint32_t j = (uint32_t)rand() % i;
		struct weir_mbuf *mbuf = mbufs[i - 1];

		mbufs[i - 1] = mbufs[j];
		mbufs[j] = mbuf;
	}
}

/* What every fragment must be by itself. */
static void check_fragment(const struct weir_mbuf *mbuf, uint32_t mtu)
{
	uint8_t header[60];
	uint32_t l3 = mbuf->l2_length;

	CU_ASSERT_EQUAL(weir_mbuf_check(mbuf), 0);
	CU_ASSERT(mbuf->length - l3 <= mtu);
	CU_ASSERT_EQUAL(mbuf->packet_type & WEIR_TYPE_L4, WEIR_L4_FRAGMENT);
	if ((mbuf->packet_type & WEIR_TYPE_L3_FAMILY) != WEIR_L3_IPV4)
		return;
	CU_ASSERT_EQUAL(weir_mbuf_read(mbuf, l3, header, 20), 0);
	CU_ASSERT_EQUAL(weir_mbuf_read(mbuf, l3, header, (header[0] & 15u) * 4), 0);
	CU_ASSERT(weir_ipv4_checksum_verify(header));
	CU_ASSERT_EQUAL((uint32_t)header[2] << 8 | header[3], mbuf->length - l3);
}

/* Cut a sample into fragments with 520 bytes of payload. */
static int cut_520(const struct sample *sample, struct weir_mbuf **fragments)
{
	return weir_fragment(packet_of(sample, 0), 520 + 20, 0, fragments, 64);
}

static void test_there_and_back(void)
{
	static struct sample sample;
	struct weir_mbuf *fragments[MOST], *whole;

	for (uint32_t round = 0; round < 300; round++) {
		struct weir_reassembly *reassembly =
			make(&(struct weir_reassembly_conf){.fragments = MOST, .held = MOST});
		uint32_t mtu = 100 + (uint32_t)rand() % 1500;
		int count;

		make_any(&sample, round, 1 + (uint32_t)rand() % LONGEST);
		whole = packet_of(&sample, round % 3 ? 0 : 20 + (uint32_t)rand() % 700);
		count = weir_fragment(whole, mtu, 0xfedcba98, fragments, MOST);
		CU_ASSERT_FATAL(count > 0);
		if (count > 1)
			for (int i = 0; i < count; i++)
				check_fragment(fragments[i], mtu);
		shuffle(fragments, (uint32_t)count);
		for (int i = 0; i + 1 < count; i++)
			CU_ASSERT_PTR_NULL(weir_reassembly_add(reassembly, fragments[i], round));
		whole = weir_reassembly_add(reassembly, fragments[count - 1], round);
		CU_ASSERT(is_sample(whole, &sample));
		weir_mbuf_free(whole);
		CU_ASSERT_EQUAL(stats_of(reassembly).held, 0);
		CU_ASSERT_EQUAL(stats_of(reassembly).packets, count > 1);
		end(reassembly);
	}
}

/* What lies inside of what came in order has nothing new; else it contradicts, as in Linux. */
static void test_nothing_new(void)
{
	/* the order that they come in, and what the two in the middle, as one, is then */
	static const struct {
		int order[4];
		uint32_t duplicates, overlaps;
	} rows[] = {{{0, 1, 2, -1}, 1, 0}, {{1, 2, -1, -1}, 1, 0}, {{2, 1, -1, -1}, 0, 1},
		{{2, 0, 1, -1}, 0, 1}, {{0, 2, 1, -1}, 0, 1}, {{0, 1, -1, -1}, 0, 1}};
	static struct sample sample;
	struct weir_mbuf *fragments[64], *large[64];

	for (uint32_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct weir_reassembly *reassembly = make(&(struct weir_reassembly_conf){0});

		make_ipv4(&sample, 2, 2000, false);
		CU_ASSERT_EQUAL_FATAL(cut_520(&sample, fragments), 4);
		CU_ASSERT_EQUAL_FATAL(
			weir_fragment(packet_of(&sample, 0), 1040 + 20, 0, large, 64), 2);
		/* now it is of the second and the third */
		weir_mbuf_write(large[0], 14 + 6, "\x20\x41", 2);
		for (uint32_t j = 0; j < 4 && rows[i].order[j] >= 0; j++) {
			weir_reassembly_add(reassembly, fragments[rows[i].order[j]], 1);
			fragments[rows[i].order[j]] = NULL;
		}
		CU_ASSERT_PTR_NULL(weir_reassembly_add(reassembly, large[0], 1));
		CU_ASSERT_EQUAL(stats_of(reassembly).duplicates, rows[i].duplicates);
		CU_ASSERT_EQUAL(stats_of(reassembly).overlaps, rows[i].overlaps);
		weir_mbuf_free(large[1]);
		for (uint32_t j = 0; j < 4; j++)
			weir_mbuf_free(fragments[j]);
		end(reassembly);
	}
}

static struct weir_mbuf *let_go[8];
static uint32_t let_go_count;

static void on_dropped(void *context, struct weir_mbuf *fragment)
{
	CU_ASSERT_PTR_EQUAL(context, let_go);
	let_go[let_go_count++] = fragment;
}

/* Gathered: they come back as they were, in order, and flat they are what was cut. */
static void test_gather(void)
{
	static struct sample sample;
	static uint8_t flat[sizeof(sample.bytes)];
	struct weir_mbuf *fragments[MOST], *copies[MOST], *back[MOST];
	struct weir_reassembly *reassembly =
		make(&(struct weir_reassembly_conf){.fragments = MOST, .held = MOST});

	for (uint32_t round = 0; round < 60; round++) {
		struct weir_mbuf *packet;
		int count;

		make_any(&sample, round, 600 + (uint32_t)rand() % (LONGEST - 600));
		packet = packet_of(&sample, round % 3 ? 0 : 20 + (uint32_t)rand() % 700);
		count = weir_fragment(packet, 100 + (uint32_t)rand() % 400, 77, fragments, MOST);
		CU_ASSERT_FATAL(count > 1);
		for (int i = 0; i < count; i++) {
			/* what is behind IP's end stays, and is none of the packet's */
			weir_mbuf_append_bytes(fragments[i], "padding", round % 8);
			copies[i] = weir_mbuf_copy(fragments[i], pool);
		}
		memcpy(back, fragments, sizeof(back));
		shuffle(back, (uint32_t)count);
		for (int i = 0; i + 1 < count; i++)
			CU_ASSERT_EQUAL(
				weir_reassembly_gather(reassembly, back[i], 5, round, back), 0);
		CU_ASSERT_EQUAL(
			weir_reassembly_gather(reassembly, back[count - 1], 5, round, back), count);
		for (int i = 0; i < count; i++) {
			CU_ASSERT_PTR_EQUAL(back[i], fragments[i]);
			CU_ASSERT_EQUAL(weir_mbuf_compare(back[i], copies[i]), 0);
		}
		CU_ASSERT_EQUAL(weir_reassembly_flatten(back, (uint32_t)count, flat, sizeof(flat)),
			sample.length);
		CU_ASSERT_EQUAL(memcmp(flat, sample.bytes, sample.length), 0);
		CU_ASSERT_EQUAL(
			weir_reassembly_flatten(back, (uint32_t)count, flat, sample.length - 1), 0);
		weir_mbuf_free_bulk(fragments, (uint32_t)count);
		weir_mbuf_free_bulk(copies, (uint32_t)count);
	}
	CU_ASSERT_EQUAL(stats_of(reassembly).packets, 60);
	end(reassembly);
}

/* What never becomes whole is handed to who wants it, as it came. */
static void test_gather_in_vain(void)
{
	static struct sample sample;
	struct weir_mbuf *fragments[64], *back[64], *packet;
	struct weir_reassembly *reassembly = make(&(struct weir_reassembly_conf){
		.timeout_ns = SECOND, .dropped = on_dropped, .context = let_go});

	make_ipv4(&sample, 2, 1000, false);
	packet = packet_of(&sample, 0);
	CU_ASSERT_EQUAL(weir_reassembly_gather(reassembly, packet, 0, 1, back), -EINVAL);
	CU_ASSERT_EQUAL_FATAL(weir_fragment(packet, 400, 0, fragments, 64), 3);
	CU_ASSERT_EQUAL(weir_reassembly_gather(reassembly, fragments[0], 1, 1, back), 0);
	CU_ASSERT_EQUAL(weir_reassembly_gather(reassembly, fragments[1], 1, 1, back), 0);
	/* of another net */
	CU_ASSERT_EQUAL(weir_reassembly_gather(reassembly, fragments[2], 2, 1, back), 0);
	CU_ASSERT_EQUAL(stats_of(reassembly).waiting, 2);
	CU_ASSERT_EQUAL(let_go_count, 0);
	CU_ASSERT_EQUAL(weir_reassembly_expire(reassembly, SECOND + 1), 2);
	CU_ASSERT_EQUAL_FATAL(let_go_count, 3);
	for (uint32_t i = 0; i < 3; i++) {
		CU_ASSERT_PTR_EQUAL(let_go[i], fragments[i]);
		CU_ASSERT_EQUAL(weir_mbuf_check(fragments[i]), 0);
	}
	weir_mbuf_free_bulk(fragments, 3);
	CU_ASSERT_EQUAL(stats_of(reassembly).dropped, 3);
	end(reassembly);
}

/* Fragments of fragments, by a smaller link on the way. */
static void test_twice(void)
{
	static struct sample sample;
	struct weir_mbuf *large[16], *small[64];
	struct weir_reassembly *reassembly = make(&(struct weir_reassembly_conf){0});
	struct weir_mbuf *whole = NULL;
	int count;

	for (uint32_t round = 0; round < 2; round++) {
		if (round)
			make_ipv6(&sample, 4000, true);
		else
			make_ipv4(&sample, 9, 4000, true);
		count = weir_fragment(packet_of(&sample, 0), 1400, 5, large, 16);
		CU_ASSERT_EQUAL_FATAL(count, 3);
		for (int i = 0; i < count; i++) {
			int parts = weir_fragment(large[i], 600, 6, small, 64);

			CU_ASSERT_FATAL(parts > 1);
			for (int j = 0; j < parts; j++) {
				CU_ASSERT_PTR_NULL(whole);
				check_fragment(small[j], 600);
				whole = weir_reassembly_add(reassembly, small[j], 1);
			}
		}
		CU_ASSERT(is_sample(whole, &sample));
		weir_mbuf_free(whole);
		whole = NULL;
	}
	end(reassembly);
}

static void test_not_to_be_cut(void)
{
	static struct sample sample;
	struct weir_mbuf *fragments[4], *packet;

	make_ipv4(&sample, 2, 1000, false);
	packet = packet_of(&sample, 0);
	CU_ASSERT_EQUAL(weir_fragment(packet, 27, 0, fragments, 4), -EMSGSIZE);
	CU_ASSERT_EQUAL(weir_fragment(packet, 200, 0, fragments, 4), -EMSGSIZE);
	CU_ASSERT_EQUAL(weir_fragment(packet, 2000, 0, fragments, 4), 1);
	CU_ASSERT_PTR_EQUAL(fragments[0], packet);
	CU_ASSERT(is_sample(packet, &sample));
	sample.bytes[14 + 6] |= 0x40; /* don't fragment */
	weir_mbuf_write(packet, 20, sample.bytes + 20, 1);
	CU_ASSERT_EQUAL(weir_fragment(packet, 500, 0, fragments, 4), -EMSGSIZE);
	weir_mbuf_trim(packet, 1);
	CU_ASSERT_EQUAL(weir_fragment(packet, 500, 0, fragments, 4), -EINVAL);
	weir_mbuf_free(packet);
	packet = weir_mbuf_from_bytes(pool, "no IP packet at all", 19);
	CU_ASSERT_EQUAL(weir_fragment(packet, 500, 0, fragments, 4), -EINVAL);
	weir_mbuf_free(packet);
	CU_ASSERT_EQUAL(weir_mempool_in_use(pool), 0);
}

/* The pool runs dry at every mbuf in turn. */
static void test_shortage(void)
{
	static struct sample sample;
	struct weir_mempool *small = make_pool(2048, 2048);
	struct weir_mbuf *fragments[8], *packet, *others[2048];
	uint32_t left = 0;
	int count;

	make_ipv4(&sample, 2, 1900, true);
	packet = weir_mbuf_from_bytes(small, sample.bytes, sample.length);
	for (;; left++) {
		uint32_t taken = 2047 - left;

		CU_ASSERT_EQUAL_FATAL(weir_mbuf_alloc_bulk(small, others, taken), 0);
		count = weir_fragment(packet, 600, 0, fragments, 8);
		weir_mbuf_free_bulk(others, taken);
		if (count > 0)
			break;
		CU_ASSERT_EQUAL(count, -ENOBUFS);
		CU_ASSERT(is_sample(packet, &sample));
		CU_ASSERT_EQUAL(weir_mempool_in_use(small), 1);
	}
	CU_ASSERT_EQUAL(left, 2 * (uint32_t)count);
	weir_mbuf_free_bulk(fragments, (uint32_t)count);
	CU_ASSERT_EQUAL(weir_mempool_destroy(small), 0);
}

static void test_duplicates(void)
{
	static struct sample sample;
	struct weir_mbuf *fragments[64], *again, *whole = NULL;
	struct weir_reassembly *reassembly = make(&(struct weir_reassembly_conf){0});
	int count;

	make_ipv4(&sample, 2, 2000, false);
	count = cut_520(&sample, fragments);
	CU_ASSERT_EQUAL_FATAL(count, 4);
	for (int i = 0; i < count; i++) {
		again = weir_mbuf_copy(fragments[i], pool);
		whole = weir_reassembly_add(reassembly, fragments[i], 1);
		if (whole)
			weir_mbuf_free(again);
		else
			CU_ASSERT_PTR_NULL(weir_reassembly_add(reassembly, again, 1));
	}
	CU_ASSERT(is_sample(whole, &sample));
	weir_mbuf_free(whole);
	CU_ASSERT_EQUAL(stats_of(reassembly).duplicates, 3);
	CU_ASSERT_EQUAL(stats_of(reassembly).dropped, 3);
	end(reassembly);
}

static void test_overlaps(void)
{
	static struct sample sample;
	struct weir_mbuf *fragments[64];
	struct weir_reassembly *reassembly = make(&(struct weir_reassembly_conf){0});

	make_ipv4(&sample, 2, 2000, false);
	/* one that begins 8 bytes early */
	CU_ASSERT_EQUAL_FATAL(cut_520(&sample, fragments), 4);
	CU_ASSERT_PTR_NULL(weir_reassembly_add(reassembly, fragments[0], 1));
	CU_ASSERT_PTR_NULL(weir_reassembly_add(reassembly, fragments[2], 1));
	weir_mbuf_write(fragments[1], 14 + 7, "\x40", 1);
	CU_ASSERT_PTR_NULL(weir_reassembly_add(reassembly, fragments[1], 1));
	CU_ASSERT_EQUAL(stats_of(reassembly).overlaps, 1);
	CU_ASSERT_EQUAL(stats_of(reassembly).dropped, 3);
	CU_ASSERT_EQUAL(stats_of(reassembly).waiting, 0);
	weir_mbuf_free(fragments[3]);
	/* an end before what is there */
	cut_520(&sample, fragments);
	CU_ASSERT_PTR_NULL(weir_reassembly_add(reassembly, fragments[2], 1));
	weir_mbuf_write(fragments[1], 14 + 6, "\0", 1);
	CU_ASSERT_PTR_NULL(weir_reassembly_add(reassembly, fragments[1], 1));
	CU_ASSERT_EQUAL(stats_of(reassembly).overlaps, 2);
	/* another end than the one that is known, and more behind it */
	for (int i = 0; i < 2; i++) {
		weir_mbuf_write(fragments[0], 14 + 6, i ? "\x21\x04" : "\x00\x82", 2);
		weir_mbuf_write(fragments[3], 14 + 6, "\x00\xc3", 2);
		CU_ASSERT_PTR_NULL(weir_reassembly_add(reassembly, fragments[3], 1));
		CU_ASSERT_PTR_NULL(weir_reassembly_add(reassembly, fragments[0], 1));
		CU_ASSERT_EQUAL(stats_of(reassembly).overlaps, 3u + (uint32_t)i);
		cut_520(&sample, fragments);
		weir_mbuf_free_bulk(fragments + 1, 2);
	}
	weir_mbuf_free(fragments[0]);
	weir_mbuf_free(fragments[3]);
	CU_ASSERT_EQUAL(stats_of(reassembly).held, 0);
	end(reassembly);
}

/* The fragment before last of a packet with this identification is never sent. */
static void add_incomplete(struct weir_reassembly *reassembly, uint32_t id, uint64_t now_ns)
{
	static struct sample sample;
	struct weir_mbuf *fragments[64];

	make_ipv4(&sample, id, 2000, false);
	CU_ASSERT_EQUAL_FATAL(cut_520(&sample, fragments), 4);
	for (int i = 0; i < 4; i++)
		if (i == 2)
			weir_mbuf_free(fragments[i]);
		else
			CU_ASSERT_PTR_NULL(weir_reassembly_add(reassembly, fragments[i], now_ns));
}

static void test_bounds(void)
{
	struct weir_reassembly *reassembly =
		make(&(struct weir_reassembly_conf){.packets = 10, .fragments = 3, .held = 100});

	for (uint32_t id = 0; id < 25; id++)
		add_incomplete(reassembly, id, 1);
	CU_ASSERT_EQUAL(stats_of(reassembly).evicted, 15);
	CU_ASSERT_EQUAL(stats_of(reassembly).waiting, 10);
	CU_ASSERT_EQUAL(stats_of(reassembly).held, 30);
	CU_ASSERT_EQUAL(weir_reassembly_expire(reassembly, 30 * SECOND), 0);
	CU_ASSERT_EQUAL(weir_reassembly_expire(reassembly, 30 * SECOND + 1), 10);
	CU_ASSERT_EQUAL(stats_of(reassembly).timeouts, 10);
	CU_ASSERT_EQUAL(stats_of(reassembly).dropped, 75);
	weir_reassembly_destroy(reassembly);

	reassembly = make(&(struct weir_reassembly_conf){.packets = 10, .held = 10});
	for (uint32_t id = 0; id < 25; id++)
		add_incomplete(reassembly, id, 1);
	CU_ASSERT_EQUAL(stats_of(reassembly).evicted, 22);
	CU_ASSERT_EQUAL(stats_of(reassembly).held, 9);
	CU_ASSERT_EQUAL(stats_of(reassembly).dropped, 66);
	weir_reassembly_destroy(reassembly);

	reassembly = make(&(struct weir_reassembly_conf){.fragments = 2, .timeout_ns = SECOND});
	add_incomplete(reassembly, 2, 1);
	CU_ASSERT_EQUAL(stats_of(reassembly).too_many, 1);
	CU_ASSERT_EQUAL(stats_of(reassembly).dropped, 3);
	/* the one that came too late stands for nothing */
	CU_ASSERT_EQUAL(stats_of(reassembly).waiting, 0);
	add_incomplete(reassembly, 4, 5 * SECOND);
	CU_ASSERT_EQUAL(stats_of(reassembly).too_many, 2);
	end(reassembly);
	CU_ASSERT_PTR_NULL(
		weir_reassembly_create(&(struct weir_reassembly_conf){.fragments = 8193}));
	CU_ASSERT_EQUAL(errno, EINVAL);
}

static void test_malformed(void)
{
	static const struct {
		uint32_t at;
		const char *bytes;
	} rows[] = {
		{14 + 2, "\x02\x1d"}, /* longer than what is there */
		{14 + 2, "\x00\x14"}, /* no payload */
		{14 + 6, "\x3f\xff"}, /* ends behind 65,535 */
		{14 + 2, "\x00\x1b"}, /* 7 bytes, and more to come */
	};
	static struct sample sample;
	struct weir_reassembly *reassembly = make(&(struct weir_reassembly_conf){0});
	struct weir_mbuf *fragments[64];

	for (uint32_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		make_ipv4(&sample, 2, 2000, false);
		CU_ASSERT_EQUAL_FATAL(cut_520(&sample, fragments), 4);
		weir_mbuf_write(fragments[1], rows[i].at, rows[i].bytes, 2);
		CU_ASSERT_PTR_NULL(weir_reassembly_add(reassembly, fragments[1], 1));
		CU_ASSERT_EQUAL(stats_of(reassembly).malformed, i + 1);
		CU_ASSERT_EQUAL(stats_of(reassembly).dropped, i + 1);
		weir_mbuf_free(fragments[0]);
		weir_mbuf_free_bulk(fragments + 2, 2);
	}
	end(reassembly);
}

/* Somebody else reads the fragments meanwhile: they stay as they were. */
static void test_shared(void)
{
	static struct sample sample;
	struct weir_reassembly *reassembly = make(&(struct weir_reassembly_conf){0});
	struct weir_mbuf *fragments[64], *clones[64], *copies[64], *whole = NULL;

	for (uint32_t round = 0; round < 2; round++) {
		int count;

		if (round)
			make_ipv6(&sample, 3000, true);
		else
			make_ipv4(&sample, 2, 3000, true);
		count = cut_520(&sample, fragments);
		for (int i = 0; i < count; i++) {
			clones[i] = weir_mbuf_clone(fragments[i], pool);
			copies[i] = weir_mbuf_copy(fragments[i], pool);
			whole = weir_reassembly_add(reassembly, fragments[i], 1);
		}
		CU_ASSERT(is_sample(whole, &sample));
		for (int i = 0; i < count; i++)
			CU_ASSERT_EQUAL(weir_mbuf_compare(clones[i], copies[i]), 0);
		weir_mbuf_free_bulk(clones, (uint32_t)count);
		weir_mbuf_free_bulk(copies, (uint32_t)count);
		weir_mbuf_free(whole);
	}
	end(reassembly);
}

int main(int argc, char **argv)
{
	static CU_TestInfo tests[] = {
		{"there and back", test_there_and_back},
		{"nothing new", test_nothing_new},
		{"gathered", test_gather},
		{"gathered in vain", test_gather_in_vain},
		{"cut twice", test_twice},
		{"packets that are not cut", test_not_to_be_cut},
		{"a pool that runs dry", test_shortage},
		{"duplicates", test_duplicates},
		{"overlaps", test_overlaps},
		{"no more than allowed", test_bounds},
		{"fragments that are none", test_malformed},
		{"fragments that others read", test_shared},
		CU_TEST_INFO_NULL,
	};
	unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : 1;
	int failed;

	printf("fragment: seed %u\n", seed);
	srand(seed);
	pool = weir_mbuf_pool_create(
		&(struct weir_mbuf_pool_conf){.count = 16384, .pages = WEIR_PAGES_4K});
	failed = unit_run("fragment", tests);
	return weir_mempool_destroy(pool) ? 1 : failed;
}
