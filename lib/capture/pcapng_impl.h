/* SPDX-License-Identifier: BSD-3-Clause */
/* pcapng_impl.h: the times of a pcapng interface. */
#ifndef WEIR_PCAPNG_IMPL_H
#define WEIR_PCAPNG_IMPL_H

#include "capture_impl.h"

/* Read the options that say how this interface counts time. NULL, or what is wrong with them. */
const char *weir__interface_times(
	struct weir__interface *interface, const uint8_t *options, size_t size, bool swapped);

/* Nanoseconds since 1970 for a time in the interface's units, exact and rounded down; times before
 * 1970 become 0, times after 2554 the largest number. */
uint64_t weir__interface_ns_slow(const struct weir__interface *interface, uint64_t time);

static inline uint64_t weir__interface_ns(const struct weir__interface *interface, uint64_t time)
{
	uint64_t ns;

	if (interface->whole && !__builtin_mul_overflow(time, interface->multiply, &ns))
		return ns;
	return weir__interface_ns_slow(interface, time);
}

#endif
