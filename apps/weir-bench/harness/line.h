/* SPDX-License-Identifier: BSD-3-Clause */
/* line.h: how long a cache line takes from one core to another.
 *
 * A virtual machine's processors may be two cores, or the two halves of one: the host decides, and
 * changes its mind. What two threads say to each other costs several times less in the second case,
 * so figures of the two must not be compared.
 */
#ifndef LINE_H
#define LINE_H

#include <stdatomic.h>
#include <stdint.h>

struct line {
	atomic_uint turn __attribute__((aligned(128)));
	char end[128 - sizeof(atomic_uint)];
};

/* Pass the turn to and fro with the thread of the other side, 0 or 1. Both call it, and *stop ends
 * it early. Returns the ticks of one way, the best of a few tries; 0 when it was stopped. The line
 * must be zeroed before each time. */
uint64_t line_pass(struct line *line, unsigned side, const atomic_bool *stop);

#endif
