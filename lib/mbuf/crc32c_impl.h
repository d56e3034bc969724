/* SPDX-License-Identifier: BSD-3-Clause */
/* crc32c_impl.h: the remainder of CRC32c (Castagnoli), by the processor's instruction and in C.
 *
 * Both take and return the remainder itself, its lowest bit the highest power of x, without the
 * inversions at the start and the end.
 */
#ifndef WEIR_CRC32C_IMPL_H
#define WEIR_CRC32C_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

/* The C twin, 4 bits at a time. The table: what 0 to 15 leave when divided by the polynomial
 * 0x1edc6f41 of RFC 3309, all bits mirrored. tests/unit/test_crc32c.c works it out again. */
static inline uint32_t weir__crc32c_plain(uint32_t crc, const uint8_t *bytes, size_t length)
{
	static const uint32_t left[16] = {0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1,
		0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6,
		0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};

	for (; length; length--) {
		crc ^= *bytes++;
		crc = crc >> 4 ^ left[crc & 15];
		crc = crc >> 4 ^ left[crc & 15];
	}
	return crc;
}

#if defined(__x86_64__)

#define WEIR__CRC32C_TARGET __attribute__((target("sse4.2")))

static inline bool weir__crc32c_has_instruction(void)
{
	return __builtin_cpu_supports("sse4.2");
}

WEIR__CRC32C_TARGET static inline uint32_t weir__crc32c_word(uint32_t crc, uint64_t word)
{
	return (uint32_t)_mm_crc32_u64(crc, word);
}

WEIR__CRC32C_TARGET static inline uint32_t weir__crc32c_half(uint32_t crc, uint32_t half)
{
	return _mm_crc32_u32(crc, half);
}

WEIR__CRC32C_TARGET static inline uint32_t weir__crc32c_byte(uint32_t crc, uint8_t byte)
{
	return _mm_crc32_u8(crc, byte);
}

#elif defined(__aarch64__)

#define WEIR__CRC32C_TARGET __attribute__((target("+crc")))

static inline bool weir__crc32c_has_instruction(void)
{
	return getauxval(AT_HWCAP) & HWCAP_CRC32;
}

WEIR__CRC32C_TARGET static inline uint32_t weir__crc32c_word(uint32_t crc, uint64_t word)
{
	return __crc32cd(crc, word);
}

WEIR__CRC32C_TARGET static inline uint32_t weir__crc32c_half(uint32_t crc, uint32_t half)
{
	return __crc32cw(crc, half);
}

WEIR__CRC32C_TARGET static inline uint32_t weir__crc32c_byte(uint32_t crc, uint8_t byte)
{
	return __crc32cb(crc, byte);
}

#endif

#ifdef WEIR__CRC32C_TARGET

WEIR__CRC32C_TARGET static inline uint32_t weir__crc32c_instruction(
	uint32_t crc, const uint8_t *bytes, size_t length)
{
	uint64_t word;
	uint32_t half;

	for (; length >= sizeof(word); bytes += sizeof(word), length -= sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		crc = weir__crc32c_word(crc, word);
	}
	if (length & 4) {
		memcpy(&half, bytes, sizeof(half));
		crc = weir__crc32c_half(crc, half);
		bytes += sizeof(half);
		length -= sizeof(half);
	}
	for (; length; length--)
		crc = weir__crc32c_byte(crc, *bytes++);
	return crc;
}

#else

static inline bool weir__crc32c_has_instruction(void)
{
	return false;
}

static inline uint32_t weir__crc32c_instruction(uint32_t crc, const uint8_t *bytes, size_t length)
{
	return weir__crc32c_plain(crc, bytes, length);
}

#endif

#endif
