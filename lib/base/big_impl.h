/* SPDX-License-Identifier: BSD-3-Clause */
/* big_impl.h: numbers in the order of bytes that networks have, at any address. */
#ifndef WEIR_BIG_IMPL_H
#define WEIR_BIG_IMPL_H

#include <stdint.h>

/* As an operand this is an int, and cannot be shifted by 16: that is what the next one is for. */
static inline uint16_t weir__big16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static inline uint32_t weir__big32(const uint8_t *bytes)
{
	return (uint32_t)weir__big16(bytes) << 16 | weir__big16(bytes + 2);
}

/* The lower 16 bits of value. */
static inline void weir__big16_put(uint8_t *bytes, uint32_t value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

#endif
