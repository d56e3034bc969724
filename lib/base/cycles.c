/* SPDX-License-Identifier: BSD-3-Clause */
/* cycles.c: how fast the core's counter counts. */
#include "cycles_impl.h"

#include <pthread.h>
#include <time.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint64_t per_second;

static void measure(void)
{
#if defined(__aarch64__)
	__asm__("mrs %0, cntfrq_el0" : "=r"(per_second));
#else
	const struct timespec pause = {.tv_nsec = 1000000};
	uint64_t from_ns = weir__monotonic_ns(), from = weir__cycles(), ns;

	nanosleep(&pause, NULL);
	ns = weir__monotonic_ns() - from_ns;
	per_second = (uint64_t)((double)(weir__cycles() - from) * 1e9 / (double)ns);
#endif
}

uint64_t weir__cycles_per_second(void)
{
	pthread_once(&once, measure);
	return per_second;
}
