/* SPDX-License-Identifier: BSD-3-Clause */
/* hash_impl.h: the hash of a key, with a secret.
 *
 * NH of UMAC (J. Black, S. Halevi, H. Krawczyk, T. Krovetz, P. Rogaway, "UMAC: fast and secure
 * message authentication", CRYPTO 1999) with words of 64 bits: each word of the key is added to one
 * of the secret, pairs of these sums are multiplied to 128 bits, and the products added up. Two
 * keys then have the same sum under at most one of 2^64 secrets, whatever the keys are. A further
 * product spreads the bits of the sum to the upper ones of the result.
 *
 * Not CRC32c, though there is an instruction for it: it is linear, so keys that collide under one
 * start value collide under all, and can be computed.
 */
#ifndef WEIR_FLOW_HASH_IMPL_H
#define WEIR_FLOW_HASH_IMPL_H

#include "weir/flow.h"

#include <string.h>

#define WEIR__FLOW_WORDS (WEIR_FLOW_KEY_MAX / 8)

struct weir__flow_secret {
	uint64_t words[WEIR__FLOW_WORDS];
	uint64_t last; /* odd */
};

__extension__ typedef unsigned __int128 weir__flow_wide;

static inline uint64_t weir__flow_word(const void *key, uint32_t word)
{
	uint64_t value;

	memcpy(&value, (const uint8_t *)key + word * sizeof(value), sizeof(value));
	return value;
}

/* The two halves of a product, one over the other. The lower half is multiplied anew: gcc 12 would
 * store the product and load it again, and a burst takes 7 % longer. */
static inline uint64_t weir__flow_fold(uint64_t a, uint64_t b)
{
	return (a * b) ^ (uint64_t)((weir__flow_wide)a * b >> 64);
}

/* size is a multiple of 8. Of an odd number of words the last is multiplied by its secret alone, as
 * if 0 followed. Of the result the upper 48 bits are good. */
static inline __attribute__((always_inline)) uint64_t weir__flow_hash(
	const struct weir__flow_secret *secret, const void *key, uint32_t size)
{
	uint32_t words = size / 8;
	weir__flow_wide sum = 0;

	if (size == 16) /* the same as below, without the sum */
		return weir__flow_fold(weir__flow_word(key, 0) + secret->words[0],
			       weir__flow_word(key, 1) + secret->words[1]) *
		       secret->last;
	_Pragma("GCC unroll 4") for (uint32_t i = 0; i + 1 < words; i += 2)
	{
		sum += (weir__flow_wide)(weir__flow_word(key, i) + secret->words[i]) *
		       (weir__flow_word(key, i + 1) + secret->words[i + 1]);
	}
	if (words % 2)
		sum += (weir__flow_wide)(weir__flow_word(key, words - 1) +
					 secret->words[words - 1]) *
		       secret->words[words];
	return ((uint64_t)sum ^ (uint64_t)(sum >> 64)) * secret->last;
}

#endif
