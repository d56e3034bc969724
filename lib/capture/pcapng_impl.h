/* SPDX-License-Identifier: BSD-3-Clause */
/* pcapng_impl.h: the times of a pcapng interface, and the options of packets. */
#ifndef WEIR_PCAPNG_IMPL_H
#define WEIR_PCAPNG_IMPL_H

#include "capture_impl.h"

/* Read the options that say how this interface counts time. NULL, or what is wrong with them. */
const char *weir__interface_times(
	struct weir__interface *interface, const uint8_t *options, size_t size, bool swapped);

/* Nanoseconds since 1970 for a time in the interface's units, exact and rounded down; times before
 * 1970 become 0, times after 2554 the largest number. */
uint64_t weir__interface_ns_slow(const struct weir__interface *interface, uint64_t time);

/* What epb_flags says in the options behind a packet: enum weir_capture_direction. Options that are
 * cut short end there. */
uint8_t weir__packet_direction_slow(const uint8_t *options, size_t size, bool swapped);

/* The same for a packet and its options in so much room; few have any. */
static inline uint8_t weir__packet_direction(
	const uint8_t *data, uint32_t length, uint32_t room, bool swapped)
{
	size_t padded = ((size_t)length + 3) & ~(size_t)3;

	if (weir_likely(padded >= room))
		return WEIR_CAPTURE_UNKNOWN;
	return weir__packet_direction_slow(data + padded, room - padded, swapped);
}

static inline uint64_t weir__interface_ns(const struct weir__interface *interface, uint64_t time)
{
	uint64_t ns;

	if (interface->whole && !__builtin_mul_overflow(time, interface->multiply, &ns))
		return ns;
	return weir__interface_ns_slow(interface, time);
}

#endif
