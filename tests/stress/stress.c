/* SPDX-License-Identifier: BSD-3-Clause */
/* stress.c: arguments, random numbers and failing, for every stress test. */
#include "stress.h"

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

uint64_t stress_count;
uint64_t stress_seed;

void stress_begin(const char *name, int argc, char **argv, uint64_t count)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	stress_count = argc > 1 ? strtoull(argv[1], NULL, 10) : count;
	stress_seed = argc > 2 ? strtoull(argv[2], NULL, 10)
			       : (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	printf("%s: count %llu, seed %llu\n", name, (unsigned long long)stress_count,
		(unsigned long long)stress_seed);
	fflush(stdout);
}

void stress_check(bool holds, const char *format, ...)
{
	va_list args;

	if (holds)
		return;
	va_start(args, format);
	fprintf(stderr, "FAILED: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	_Exit(1); /* other threads are running: no handlers */
}

uint64_t stress_random_start(uint64_t thread)
{
	/* the golden ratio in 64 bits keeps the streams apart (Knuth, 6.4) */
	uint64_t state = stress_seed + (thread + 1) * 0x9e3779b97f4a7c15u;

	return state ? state : 1;
}

uint32_t stress_random(uint64_t *state, uint32_t below)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)((*state >> 32) % below);
}

void stress_wait(void)
{
	sched_yield();
}
