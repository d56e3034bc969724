/* SPDX-License-Identifier: BSD-3-Clause */
/* test_checksum.c: the sum of RFC 1071 in plain C, by vectors, in pieces and over segments; IPv4
 * headers; updates. Everything is held against a sum made byte by byte. */
#include "pool.h"
#include "segments.h"
#include "unit.h"

#include "mbuf/checksum_impl.h"
#include "weir/checksum.h"

#include <arpa/inet.h>
#include <errno.h>

#define LENGTHS 2001 /* 0 to 2,000 */

static struct weir_mempool *pool;

/* Add byte number i to a sum, as RFC 1071 defines it: big endian words, carries around. */
static uint32_t add_byte(uint32_t sum, size_t i, uint8_t byte)
{
	sum += i % 2 ? byte : (uint32_t)byte << 8;
	return (sum & 0xffff) + (sum >> 16);
}

static uint16_t naive(const uint8_t *bytes, size_t length)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < length; i++)
		sum = add_byte(sum, i, bytes[i]);
	return htons((uint16_t)~sum);
}

/* The numbers of RFC 1071, section 3. */
static void test_known(void)
{
	const uint8_t bytes[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

	CU_ASSERT_EQUAL(weir_checksum(bytes, 8), htons(0x220d));
	CU_ASSERT_EQUAL(weir_checksum(bytes, 7), htons(0x2304));
	CU_ASSERT_EQUAL(weir_checksum(bytes, 2), htons(0xfffe));
	CU_ASSERT_EQUAL(weir_checksum(bytes, 1), 0xffff);
	CU_ASSERT_EQUAL(weir_checksum(NULL, 0), 0xffff);
	CU_ASSERT_EQUAL(weir_checksum_finish(0), 0xffff);
}

/* All lengths at all places of a vector: the vectors, the C twin, and what chooses. */
static void test_twins(void)
{
	static uint8_t room[LENGTHS + 64];
	uint32_t wrong = 0;

	fill_random(room, sizeof(room));
	for (size_t place = 0; place < 64; place++) {
		const uint8_t *bytes = room + place;
		uint32_t sum = 0;

		for (size_t length = 0; length < LENGTHS; length++) {
			uint16_t expected = htons((uint16_t)sum), inverse = (uint16_t)~expected;

			wrong += weir__checksum_fold(weir__sum_plain(bytes, length)) != expected;
			if (weir__sum_has_vector())
				wrong += weir__checksum_fold(weir__sum_vector(bytes, length)) !=
					 expected;
			wrong += weir_checksum(bytes, length) != inverse;
			sum = add_byte(sum, length, bytes[length]);
		}
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

/* Nothing behind the end is read: AddressSanitizer watches the end of each block. */
static void test_ends_where_it_should(void)
{
	for (size_t length = 1; length < LENGTHS; length++) {
		uint8_t *bytes = malloc(length);
		uint16_t expected;

		fill_random(bytes, length);
		expected = naive(bytes, length);
		CU_ASSERT_EQUAL(weir_checksum(bytes, length), expected);
		expected = (uint16_t)~expected;
		if (weir__sum_has_vector())
			CU_ASSERT_EQUAL(
				weir__checksum_fold(weir__sum_vector(bytes, length)), expected);
		free(bytes);
	}
}

/* The largest and the smallest words, around the length at which the vectors are emptied, and far
 * beyond. */
static void test_extremes(void)
{
	static const uint8_t fills[] = {0xff, 0x00, 0x80, 0x7f};
	static const size_t lengths[] = {WEIR__SUM_BLOCK - 1, WEIR__SUM_BLOCK, WEIR__SUM_BLOCK + 1,
		3 * WEIR__SUM_BLOCK + 77, 5000001};
	uint8_t *bytes = malloc(5000001);

	for (size_t i = 0; i < sizeof(fills); i++) {
		memset(bytes, fills[i], 5000001);
		for (size_t j = 0; j < sizeof(lengths) / sizeof(*lengths); j++)
			CU_ASSERT_EQUAL(weir_checksum(bytes, lengths[j]), naive(bytes, lengths[j]));
	}
	fill_random(bytes, 5000001);
	CU_ASSERT_EQUAL(weir_checksum(bytes, 5000001), naive(bytes, 5000001));
	free(bytes);
}

static void test_pieces(void)
{
	uint8_t bytes[512];

	fill_random(bytes, sizeof(bytes));
	for (uint32_t round = 0; round < 20000; round++) {
		size_t length = (uint32_t)rand() % sizeof(bytes), done = 0;
		uint32_t sum = 0;

		while (done < length) {
			size_t piece = (uint32_t)rand() % (length - done + 1);

			sum = weir_checksum_add(sum, bytes + done, piece);
			done += piece;
		}
		CU_ASSERT_EQUAL(weir_checksum_finish(sum), naive(bytes, length));
	}
}

static void begin(void)
{
	pool = make_pool(2048, 2000);
}

/* Any part of a packet cut anywhere is what it is in a row. */
static void test_segments(void)
{
	static const uint32_t most[] = {1, 3, 16, 100, 2000};
	uint8_t bytes[LENGTHS];

	begin();
	fill_random(bytes, sizeof(bytes));
	for (uint32_t round = 0; round < 5000; round++) {
		uint32_t length = (uint32_t)rand() % (round % 5 ? LENGTHS : 300);
		struct weir_mbuf *mbuf = cut(pool, bytes, length, most[round % 5]);

		for (uint32_t i = 0; i < 10; i++) {
			uint32_t offset = (uint32_t)rand() % (length + 1);
			uint32_t part =
				i ? (uint32_t)rand() % (length - offset + 1) : length - offset;

			CU_ASSERT_EQUAL(weir_mbuf_checksum(mbuf, offset, part),
				naive(bytes + offset, part));
		}
		weir_mbuf_free(mbuf);
	}
	end_pool(pool);
}

static void test_too_short(void)
{
	const uint8_t bytes[100] = {1};
	struct weir_mbuf *mbuf;
	uint32_t sum = 4711;

	begin();
	mbuf = cut(pool, bytes, 100, 30);
	CU_ASSERT_EQUAL(weir_mbuf_checksum(mbuf, 0, 101), -EINVAL);
	CU_ASSERT_EQUAL(weir_mbuf_checksum(mbuf, 100, 1), -EINVAL);
	CU_ASSERT_EQUAL(weir_mbuf_checksum(mbuf, 101, 0), -EINVAL);
	CU_ASSERT_EQUAL(weir_mbuf_checksum(mbuf, UINT32_MAX, 2), -EINVAL);
	CU_ASSERT_EQUAL(weir_mbuf_checksum(mbuf, 2, UINT32_MAX), -EINVAL);
	CU_ASSERT_EQUAL(weir_mbuf_checksum_add(mbuf, 50, 51, &sum), -EINVAL);
	CU_ASSERT_EQUAL(sum, 4711);
	CU_ASSERT_EQUAL(weir_mbuf_checksum(mbuf, 100, 0), 0xffff);
	weir_mbuf_free(mbuf);
	end_pool(pool);
}

/* Headers of every length; a wrong bit anywhere is seen. */
static void test_ipv4(void)
{
	uint8_t header[60];

	for (uint32_t words = 5; words <= 15; words++) {
		fill_random(header, sizeof(header));
		header[0] = (uint8_t)(0x40 | words);
		weir_ipv4_checksum_set(header);
		CU_ASSERT_EQUAL(naive(header, words * 4), 0);
		CU_ASSERT_TRUE(weir_ipv4_checksum_verify(header));
		for (uint32_t bit = 8; bit < words * 32; bit++) {
			header[bit / 8] ^= (uint8_t)(1 << bit % 8);
			CU_ASSERT_FALSE(weir_ipv4_checksum_verify(header));
			header[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		memset(header + 10, 0, 2);
		CU_ASSERT_EQUAL(weir_ipv4_checksum(header), naive(header, words * 4));
	}
	header[0] = 0x44;
	weir_ipv4_checksum_set(header);
	CU_ASSERT_FALSE(weir_ipv4_checksum_verify(header));
}

/* RFC 1624, section 4: the case that earlier equations get wrong. */
static void test_update_known(void)
{
	uint16_t checksum = htons(0xdd2f), before = htons(0x5555), after = htons(0x3285);

	CU_ASSERT_EQUAL(weir_checksum_update16(checksum, before, after), 0);
	CU_ASSERT_EQUAL(weir_udp_checksum_update16(checksum, before, after), 0xffff);
	CU_ASSERT_EQUAL(weir_udp_checksum_update32(checksum, before, after), 0xffff);
	CU_ASSERT_EQUAL(weir_udp_checksum_update16(0, before, after), 0);
	CU_ASSERT_EQUAL(weir_udp_checksum_update32(0, 1, 2), 0);
}

/* An update is what computing anew gives, for words that like to be all zeros or all ones. */
static void test_update_random(void)
{
	uint8_t bytes[40], before[16];

	for (uint32_t round = 0; round < 200000; round++) {
		uint32_t offset = (uint32_t)rand() % 13 * 2, size = 2u << (uint32_t)rand() % 4;
		uint16_t checksum, old, word, anew;

		fill_random(bytes, sizeof(bytes));
		bytes[39] |= 1; /* never all zero */
		checksum = weir_checksum(bytes, sizeof(bytes));
		memcpy(before, bytes + offset, size);
		memcpy(&old, before, 2);
		fill_random(bytes + offset, size);
		if ((uint32_t)rand() % 2)
			memset(bytes + offset, (uint32_t)rand() % 2 ? 0 : 0xff, size);
		memcpy(&word, bytes + offset, 2);
		anew = naive(bytes, sizeof(bytes));
		CU_ASSERT_EQUAL(weir_checksum_update(checksum, before, bytes + offset, size), anew);
		if (size == 2) {
			CU_ASSERT_EQUAL(weir_checksum_update16(checksum, old, word), anew);
			CU_ASSERT_EQUAL(weir_udp_checksum_update16(checksum, old, word),
				checksum && !anew ? 0xffff
				: checksum        ? anew
						  : 0);
		}
		if (size == 4) {
			uint32_t words[2];

			memcpy(&words[0], before, 4);
			memcpy(&words[1], bytes + offset, 4);
			CU_ASSERT_EQUAL(weir_checksum_update32(checksum, words[0], words[1]), anew);
		}
	}
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"numbers of RFC 1071", test_known},
		{"vectors and the C twin: lengths 0 to 2,000, 64 places", test_twins},
		{"nothing behind the end is read", test_ends_where_it_should},
		{"extreme words, long blocks", test_extremes},
		{"pieces of any length", test_pieces},
		{"segments of any length", test_segments},
		{"more than the packet has", test_too_short},
		{"IPv4 headers with and without options", test_ipv4},
		{"numbers of RFC 1624, and UDP's zero", test_update_known},
		{"updates against computing anew", test_update_random},
		CU_TEST_INFO_NULL,
	};

	return unit_run("checksum", tests);
}
