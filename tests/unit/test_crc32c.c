/* SPDX-License-Identifier: BSD-3-Clause */
/* test_crc32c.c: CRC32c by the processor's instruction, in plain C, in pieces and over segments;
 * the checksum of SCTP. Everything is held against a division bit by bit. */
#include "pool.h"
#include "segments.h"
#include "unit.h"

#include "mbuf/crc32c_impl.h"
#include "weir/checksum.h"

#include <errno.h>

#define LENGTHS 2001

/* One more byte of the dividend: RFC 3309, with the polynomial and the bits mirrored. */
static uint32_t add_byte(uint32_t remainder, uint8_t byte)
{
	remainder ^= byte;
	for (int bit = 0; bit < 8; bit++)
		remainder = remainder >> 1 ^ (remainder & 1 ? 0x82f63b78 : 0);
	return remainder;
}

static uint32_t naive(const uint8_t *bytes, size_t length)
{
	uint32_t remainder = UINT32_MAX;

	for (size_t i = 0; i < length; i++)
		remainder = add_byte(remainder, bytes[i]);
	return ~remainder;
}

/* RFC 3720, appendix B.4, has these as bytes of a packet, low byte first. */
static void test_known(void)
{
	uint8_t bytes[32] = {0};

	CU_ASSERT_EQUAL(weir_crc32c(0, "123456789", 9), 0xe3069283);
	CU_ASSERT_EQUAL(weir_crc32c(0, NULL, 0), 0);
	CU_ASSERT_EQUAL(weir_crc32c(0, bytes, 32), 0x8a9136aa);
	memset(bytes, 0xff, 32);
	CU_ASSERT_EQUAL(weir_crc32c(0, bytes, 32), 0x62a8ab43);
	for (uint8_t i = 0; i < 32; i++)
		bytes[i] = i;
	CU_ASSERT_EQUAL(weir_crc32c(0, bytes, 32), 0x46dd794e);
	for (uint8_t i = 0; i < 32; i++)
		bytes[i] = 31 - i;
	CU_ASSERT_EQUAL(weir_crc32c(0, bytes, 32), 0x113fdb5c);
}

/* Both ways of the library at all lengths; the end of each block is watched by AddressSanitizer. */
static void test_twins(void)
{
	uint32_t wrong = 0;

	for (size_t length = 1; length < LENGTHS; length++) {
		uint8_t *bytes = malloc(length);
		uint32_t expected;

		fill_random(bytes, length);
		expected = naive(bytes, length);
		wrong += ~weir__crc32c_plain(UINT32_MAX, bytes, length) != expected;
		if (weir__crc32c_has_instruction())
			wrong += ~weir__crc32c_instruction(UINT32_MAX, bytes, length) != expected;
		wrong += weir_crc32c(0, bytes, length) != expected;
		free(bytes);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

/* From any place in a line. */
static void test_places(void)
{
	uint8_t bytes[256 + 64];

	fill_random(bytes, sizeof(bytes));
	for (size_t place = 0; place < 64; place++)
		for (size_t length = 0; length < 256; length++)
			CU_ASSERT_EQUAL(weir_crc32c(0, bytes + place, length),
				naive(bytes + place, length));
}

static void test_segments(void)
{
	struct weir_mempool *pool = make_pool(2048, 100);
	uint8_t bytes[600];

	fill_random(bytes, sizeof(bytes));
	for (uint32_t round = 0; round < 2000; round++) {
		uint32_t length = (uint32_t)rand() % sizeof(bytes), offset, part, crc, pieces = 0;
		struct weir_mbuf *mbuf = cut(pool, bytes, length, round % 64 + 1);

		offset = (uint32_t)rand() % (length + 1);
		part = (uint32_t)rand() % (length - offset + 1);
		crc = weir_crc32c(0, bytes, offset);
		CU_ASSERT_EQUAL(weir_mbuf_crc32c(mbuf, offset, part, &crc), 0);
		CU_ASSERT_EQUAL(crc, naive(bytes, offset + part));
		CU_ASSERT_EQUAL(
			weir_mbuf_crc32c(mbuf, offset, length - offset + 1, &pieces), -EINVAL);
		CU_ASSERT_EQUAL(pieces, 0);
		weir_mbuf_free(mbuf);
	}
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
}

/* The field counts as zeros, and is the number's low byte first. */
static void test_sctp(void)
{
	struct weir_mempool *pool = make_pool(2048, 100);
	uint8_t bytes[100], zeroed[100];

	fill_random(bytes, sizeof(bytes));
	memcpy(zeroed, bytes, sizeof(bytes));
	memset(zeroed + 20 + 8, 0, 4);
	for (uint32_t length = 12; length <= 80; length++) {
		struct weir_mbuf *mbuf = cut(pool, bytes, sizeof(bytes), length);
		uint32_t crc = naive(zeroed + 20, length), checksum;
		uint8_t stored[4];

		CU_ASSERT_EQUAL(weir_sctp_checksum(mbuf, 20, length, &checksum), 0);
		memcpy(stored, &checksum, 4);
		for (int i = 0; i < 4; i++)
			CU_ASSERT_EQUAL(stored[i], (uint8_t)(crc >> 8 * i));
		CU_ASSERT_EQUAL(weir_sctp_checksum(mbuf, 20, 11, &checksum), -EINVAL);
		CU_ASSERT_EQUAL(weir_sctp_checksum(mbuf, 20, 81, &checksum), -EINVAL);
		CU_ASSERT_EQUAL(weir_sctp_checksum(mbuf, 101, 12, &checksum), -EINVAL);
		weir_mbuf_free(mbuf);
	}
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"numbers of RFC 3720", test_known},
		{"the instruction and the C twin: lengths 1 to 2,000", test_twins},
		{"64 places", test_places},
		{"segments of any length", test_segments},
		{"SCTP", test_sctp},
		CU_TEST_INFO_NULL,
	};

	return unit_run("crc32c", tests);
}
