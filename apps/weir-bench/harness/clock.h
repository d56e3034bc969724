/* SPDX-License-Identifier: BSD-3-Clause */
/* clock.h: the time-stamp counter, and how fast the core runs against it.
 *
 * A calibration is two short loops without memory accesses. The chain is of additions that each
 * need the one before: one core cycle each on every core we know, so its length in ticks tells the
 * core clock. The wide loop runs four chains at once and so needs most of a core's width: when a
 * neighbour on the same physical core takes part of that, it gets longer and the chain does not.
 * (The additions take registers: some cores fold additions of constants away.)
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>
#include <time.h>

struct calibration {
	uint64_t chain; /* ticks */
	uint64_t wide;  /* ticks */
};

/* What one run of the chain costs in core cycles: some 1.5 us at 2.7 GHz, so that the calibrations
 * are 1 % of a slice. */
#define CLOCK_CHAIN_CYCLES 4096

static inline uint64_t clock_ticks(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
	uint64_t ticks;

	__asm__ __volatile__("mrs %0, cntvct_el0" : "=r"(ticks)::"memory");
	return ticks;
#else
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
#endif
}

/* Ticks in a second. The first call takes 20 ms where the machine does not say. */
double clock_hz(void);

double clock_ns(uint64_t ticks);
uint64_t clock_ticks_of(uint64_t ns);

struct calibration clock_calibrate(void);

/* The core clock that a calibration shows, in Hz. */
double clock_core_hz(const struct calibration *calibration);

/* Keep the fastest loops seen in *best. */
void clock_keep_best(struct calibration *best, const struct calibration *calibration);

/* Did the core run at full speed, and alone? Within CLOCK_TOLERANCE of the best. */
#define CLOCK_TOLERANCE 1.06
int clock_is_full_speed(const struct calibration *best, const struct calibration *calibration);

#endif
