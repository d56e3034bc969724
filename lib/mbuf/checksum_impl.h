/* SPDX-License-Identifier: BSD-3-Clause */
/* checksum_impl.h: adding up 16-bit words: by vectors where the processor has them, and in plain C.
 *
 * Each adds words as they lie in memory, the last of an odd length with a 0 behind it. What they
 * return differs, and is the same once folded: RFC 1071 lets words be added in any size and order,
 * as long as carries go around. At most WEIR__SUM_BLOCK bytes for the vectors, so that no lane runs
 * over.
 */
#ifndef WEIR_CHECKSUM_IMPL_H
#define WEIR_CHECKSUM_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

/* 32,768 words of at most 2^15 either way fit in 31 bits, all lanes of a vector together. */
#define WEIR__SUM_BLOCK 65536

static inline uint64_t weir__sum_carry(uint64_t sum, uint64_t word)
{
	sum += word;
	return sum + (sum < word);
}

/* Fewer than 8 bytes. They are not gathered into one word: loading what was just stored in parts
 * would stall. */
static inline uint64_t weir__sum_rest(const uint8_t *bytes, size_t length)
{
	uint64_t sum = 0;
	uint32_t four;
	uint16_t two;

	if (length & 4) {
		memcpy(&four, bytes, sizeof(four));
		sum += four;
		bytes += sizeof(four);
	}
	if (length & 2) {
		memcpy(&two, bytes, sizeof(two));
		sum += two;
		bytes += sizeof(two);
	}
	if (length & 1) {
		const uint8_t last[2] = {*bytes, 0};

		memcpy(&two, last, sizeof(two));
		sum += two;
	}
	return sum;
}

/* A sum of 64-bit words, and its carries. */
__extension__ typedef unsigned __int128 weir__wide_sum;

/* The C twin: words of 64 bits, the carries counted aside. Two sums, so that they do not wait for
 * each other. */
static inline uint64_t weir__sum_plain(const uint8_t *bytes, size_t length)
{
	weir__wide_sum even = 0, odd;
	uint64_t word;

	odd = weir__sum_rest(bytes + (length & ~(size_t)7), length & 7);
	for (; length >= 16; bytes += 16, length -= 16) {
		memcpy(&word, bytes, 8);
		even += word;
		memcpy(&word, bytes + 8, 8);
		odd += word;
	}
	if (length & 8) {
		memcpy(&word, bytes, 8);
		even += word;
	}
	even += odd;
	return weir__sum_carry((uint64_t)even, (uint64_t)(even >> 64));
}

#if defined(__x86_64__)

static inline bool weir__sum_has_vector(void)
{
	return __builtin_cpu_supports("avx2");
}

/* 16 words less 2^15 each, which makes them signed, multiplied by ones and added in pairs. */
__attribute__((target("avx2"))) static inline __m256i weir__sum_pairs(const uint8_t *bytes)
{
	__m256i words = _mm256_loadu_si256((const __m256i *)(const void *)bytes);

	words = _mm256_xor_si256(words, _mm256_set1_epi16(INT16_MIN));
	return _mm256_madd_epi16(words, _mm256_set1_epi16(1));
}

__attribute__((target("avx2"))) static inline int32_t weir__sum_lanes(__m256i lanes)
{
	__m128i half =
		_mm_add_epi32(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));

	half = _mm_add_epi32(half, _mm_unpackhi_epi64(half, half));
	half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 1));
	return _mm_cvtsi128_si32(half);
}

__attribute__((target("avx2"))) static inline uint64_t weir__sum_vector(
	const uint8_t *bytes, size_t length)
{
	__m256i even = _mm256_setzero_si256(), odd = even;
	const uint8_t *end = bytes + length / 32 * 32;
	int64_t bias = (int64_t)(length / 32) * 16 * 32768;

	for (; end - bytes >= 64; bytes += 64) {
		even = _mm256_add_epi32(even, weir__sum_pairs(bytes));
		odd = _mm256_add_epi32(odd, weir__sum_pairs(bytes + 32));
	}
	if (bytes < end)
		even = _mm256_add_epi32(even, weir__sum_pairs(bytes));
	bias += weir__sum_lanes(_mm256_add_epi32(even, odd));
	return weir__sum_carry((uint64_t)bias, weir__sum_plain(end, length % 32));
}

#elif defined(__aarch64__)

/* Every 64-bit ARM has these vectors. */
static inline bool weir__sum_has_vector(void)
{
	return true;
}

/* Words are added in pairs to lanes of 32 bits: 2^12 times below 2^17. */
static inline uint64_t weir__sum_vector(const uint8_t *bytes, size_t length)
{
	uint32x4_t even = vdupq_n_u32(0), odd = even;
	const uint8_t *end = bytes + length / 32 * 32;

	for (; bytes < end; bytes += 32) {
		even = vpadalq_u16(even, vreinterpretq_u16_u8(vld1q_u8(bytes)));
		odd = vpadalq_u16(odd, vreinterpretq_u16_u8(vld1q_u8(bytes + 16)));
	}
	return weir__sum_carry(
		vaddlvq_u32(even) + vaddlvq_u32(odd), weir__sum_plain(end, length % 32));
}

#else

static inline bool weir__sum_has_vector(void)
{
	return false;
}

static inline uint64_t weir__sum_vector(const uint8_t *bytes, size_t length)
{
	return weir__sum_plain(bytes, length);
}

#endif

#endif
