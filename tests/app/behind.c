/* SPDX-License-Identifier: BSD-3-Clause */
/* behind.c: a clock for tests of what happens after half a minute: with LD_PRELOAD it is 31 s
 * behind, until there is the file that WEIR_TEST_NOW names, and from then on right.
 *
 * It goes forward by that, and who has reckoned before until when to wait need wait no longer. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BEHIND_S 31

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *now)
{
	const char *file = getenv("WEIR_TEST_NOW");
	int error = (int)syscall(SYS_clock_gettime, clock, now);

	if (!error && (clock == CLOCK_MONOTONIC || clock == CLOCK_REALTIME) &&
		(!file || access(file, F_OK)))
		now->tv_sec -= BEHIND_S;
	return error;
}
