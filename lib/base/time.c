/* SPDX-License-Identifier: BSD-3-Clause */
/* time.c: the two clocks the library reads, and waiting a little. */
#include "base_impl.h"

#include <sched.h>
#include <time.h>

/* Before it sleeps; and for how long: a core does a few hundred packets in it. */
#define YIELDS   64
#define SLEEP_NS 20000

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

void weir__back_off(uint32_t times)
{
	const struct timespec pause = {.tv_nsec = SLEEP_NS};

	if (times < YIELDS)
		sched_yield();
	else
		nanosleep(&pause, NULL);
}
