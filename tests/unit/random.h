/* SPDX-License-Identifier: BSD-3-Clause */
/* random.h: numbers at random, the same again for the same seed. */
#ifndef RANDOM_H
#define RANDOM_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t random_state = UINT64_C(0x9e3779b97f4a7c15);

/* Multiplied by Knuth's constant, so that small seeds differ in all bits; 0 would stay 0. */
static inline void random_seed(uint64_t seed)
{
	random_state = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
}

/* Begin with the seed that an argument or a variable of the environment gives, or 1; print it, for
 * whoever wants to see a failure again, and return it. */
static inline uint64_t random_begin(const char *text)
{
	uint64_t seed = text ? strtoull(text, NULL, 10) : 1;

	printf("seed %llu\n", (unsigned long long)seed);
	fflush(stdout);
	random_seed(seed);
	return seed;
}

/* xorshift64 (Marsaglia, 2003) */
static inline uint64_t random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* 0 to limit - 1. */
static inline uint32_t below(uint32_t limit)
{
	return (uint32_t)((random_next() >> 32) * limit >> 32);
}

#endif
