/* SPDX-License-Identifier: BSD-3-Clause */
/* bytes.h: numbers in network order, for packets that a test makes. */
#ifndef BYTES_H
#define BYTES_H

#include <stdint.h>

/* The lower 16 bits of value. */
static inline void put16(uint8_t *bytes, uint32_t value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

#endif
