/* SPDX-License-Identifier: BSD-3-Clause */
/* clock.c: the frequency of the time-stamp counter, and the calibration loops. */
#include "clock.h"

/* One addition needs the one before it; eight in a row, so that the loop costs nothing extra. */
#if defined(__x86_64__)
#define STEP(r, s) "add " s ", " r "\n"
#elif defined(__aarch64__)
#define STEP(r, s) "add " r ", " r ", " s "\n"
#endif

#define STEPS_IN_TURN 8

#ifdef STEP
static uint64_t run_chain(uint64_t turns)
{
	uint64_t a = 1, step = 3;

	for (uint64_t i = 0; i < turns; i++)
		__asm__ __volatile__(STEP("%0", "%1") STEP("%0", "%1") STEP("%0", "%1") STEP("%0",
			"%1") STEP("%0", "%1") STEP("%0", "%1") STEP("%0", "%1") STEP("%0", "%1")
				     : "+r"(a)
				     : "r"(step)
				     : "cc");
	return a;
}

#define STEP4 STEP("%0", "%4") STEP("%1", "%4") STEP("%2", "%4") STEP("%3", "%4")

static uint64_t run_wide(uint64_t turns)
{
	uint64_t a = 1, b = 2, c = 3, d = 4, step = 3;

	for (uint64_t i = 0; i < turns; i++)
		__asm__ __volatile__(STEP4 STEP4 STEP4 STEP4 STEP4 STEP4 STEP4 STEP4
				     : "+r"(a), "+r"(b), "+r"(c), "+r"(d)
				     : "r"(step)
				     : "cc");
	return a + b + c + d;
}
#else
/* The compiler cannot know step, so each addition stays. */
static uint64_t run_chain(uint64_t turns)
{
	uint64_t a = 1, step = 3;

	for (uint64_t i = 0; i < turns * STEPS_IN_TURN; i++) {
		__asm__ __volatile__("" : "+r"(a), "+r"(step));
		a += step;
	}
	return a;
}

static uint64_t run_wide(uint64_t turns)
{
	return run_chain(turns);
}
#endif

static uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_RAW, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Against the kernel's clock, over 20 ms: right to some 10 ppm. */
static double measure_hz(void)
{
	uint64_t ns = monotonic_ns(), ticks = clock_ticks(), now;

	do
		now = monotonic_ns();
	while (now - ns < 20000000);
	return (double)(clock_ticks() - ticks) * 1e9 / (double)(now - ns);
}

double clock_hz(void)
{
	static double hz;

	if (hz == 0) {
#if defined(__aarch64__)
		uint64_t frequency;

		__asm__ __volatile__("mrs %0, cntfrq_el0" : "=r"(frequency));
		hz = (double)frequency;
#endif
		if (hz == 0)
			hz = measure_hz();
	}
	return hz;
}

double clock_ns(uint64_t ticks)
{
	return (double)ticks * 1e9 / clock_hz();
}

uint64_t clock_ticks_of(uint64_t ns)
{
	return (uint64_t)((double)ns * clock_hz() / 1e9);
}

struct calibration clock_calibrate(void)
{
	struct calibration calibration;
	uint64_t start = clock_ticks(), middle;

	run_chain(CLOCK_CHAIN_CYCLES / STEPS_IN_TURN);
	middle = clock_ticks();
	run_wide(CLOCK_CHAIN_CYCLES / STEPS_IN_TURN);
	calibration.chain = middle - start;
	calibration.wide = clock_ticks() - middle;
	return calibration;
}

double clock_core_hz(const struct calibration *calibration)
{
	if (calibration->chain == 0)
		return 0;
	return CLOCK_CHAIN_CYCLES * clock_hz() / (double)calibration->chain;
}

void clock_keep_best(struct calibration *best, const struct calibration *calibration)
{
	if (best->chain == 0 || calibration->chain < best->chain)
		best->chain = calibration->chain;
	if (best->wide == 0 || calibration->wide < best->wide)
		best->wide = calibration->wide;
}

int clock_is_full_speed(const struct calibration *best, const struct calibration *calibration)
{
	double chain = (double)calibration->chain / (double)best->chain;
	double wide = (double)calibration->wide / (double)best->wide;

	/* a slower clock stretches both alike, a neighbour only the wide one */
	return chain <= CLOCK_TOLERANCE && wide <= chain * CLOCK_TOLERANCE;
}
