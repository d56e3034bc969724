/* SPDX-License-Identifier: BSD-3-Clause */
/* cycles_impl.h: the counter that every core has and that costs a few nanoseconds to read. */
#ifndef WEIR_CYCLES_IMPL_H
#define WEIR_CYCLES_IMPL_H

#include "base_impl.h"

#include <stdint.h>

/* Ticks since some moment, at a constant rate, of the core this runs on: the TSC of x86-64, the
 * virtual counter of arm64, else nanoseconds. */
static inline uint64_t weir__cycles(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
	uint64_t ticks;

	__asm__ __volatile__("mrs %0, cntvct_el0" : "=r"(ticks));
	return ticks;
#else
	return weir__monotonic_ns();
#endif
}

/* How many there are in a second. The first call takes a millisecond on x86-64, to measure. */
uint64_t weir__cycles_per_second(void);

#endif
