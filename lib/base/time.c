/* SPDX-License-Identifier: BSD-3-Clause */
/* time.c: the two clocks the library reads. */
#include "base_impl.h"

#include <time.h>

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t weir__monotonic_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t weir__realtime_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}
