/* SPDX-License-Identifier: BSD-3-Clause */
/* stress.h: the frame of a stress test: `stress_X [COUNT [SEED]]`, the seed printed so that a run
 * can be repeated as far as threads allow. A violation ends the program at once with status 1. */
#ifndef STRESS_H
#define STRESS_H

#include <stdbool.h>
#include <stdint.h>

/* Things to pass through, and what the random numbers start from. */
extern uint64_t stress_count;
extern uint64_t stress_seed;

/* Read the arguments; count when there is none. Prints name, count and seed. */
void stress_begin(const char *name, int argc, char **argv, uint64_t count);

/* Print the sentence and end with status 1 unless holds. */
void stress_check(bool holds, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Random numbers (Marsaglia's xorshift64, 2003): each thread keeps its own state, started by
 * stress_random_start() with a number of its own. */
uint64_t stress_random_start(uint64_t thread);
uint32_t stress_random(uint64_t *state, uint32_t below);

/* Let the other threads run: a waiting loop that spins takes their core. */
void stress_wait(void);

#endif
