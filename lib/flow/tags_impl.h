/* SPDX-License-Identifier: BSD-3-Clause */
/* tags_impl.h: which of a bucket's 8 tags are equal to one: by a vector, and in plain C. Bit i of
 * the result is for tag i. */
#ifndef WEIR_FLOW_TAGS_IMPL_H
#define WEIR_FLOW_TAGS_IMPL_H

#include <stdint.h>

#if defined(__x86_64__)
#include <emmintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define WEIR__TAGS 8

/* The C twin. */
static inline uint32_t weir__tags_equal_plain(const uint16_t *tags, uint16_t tag)
{
	uint32_t equal = 0;

	for (uint32_t i = 0; i < WEIR__TAGS; i++)
		equal |= (uint32_t)(tags[i] == tag) << i;
	return equal;
}

#if defined(__x86_64__)

/* SSE2, which every x86-64 has; tags lie at a multiple of 16. */
static inline uint32_t weir__tags_equal(const uint16_t *tags, uint16_t tag)
{
	__m128i have = _mm_load_si128((const __m128i *)(const void *)tags);
	__m128i equal = _mm_cmpeq_epi16(have, _mm_set1_epi16((short)tag));

	/* a byte for each, and zeros */
	return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(equal, _mm_setzero_si128()));
}

#elif defined(__aarch64__)

static inline uint32_t weir__tags_equal(const uint16_t *tags, uint16_t tag)
{
	static const uint16_t bits[WEIR__TAGS] = {1, 2, 4, 8, 16, 32, 64, 128};
	uint16x8_t equal = vceqq_u16(vld1q_u16(tags), vdupq_n_u16(tag));

	return vaddvq_u16(vandq_u16(equal, vld1q_u16(bits)));
}

#else

static inline uint32_t weir__tags_equal(const uint16_t *tags, uint16_t tag)
{
	return weir__tags_equal_plain(tags, tag);
}

#endif

#endif
