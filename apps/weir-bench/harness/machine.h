/* SPDX-License-Identifier: BSD-3-Clause */
/* machine.h: what the figures were measured on, and what disturbs them. */
#ifndef MACHINE_H
#define MACHINE_H

#include <jansson.h>
#include <stdio.h>

/* An object with what stays the same while the machine runs: host, cpu, cpus, kernel, tsc_mhz. The
 * caller owns it. */
json_t *machine_describe(void);

/* Were two rows measured on one machine? Same host, processor and number of processors. */
int machine_same(const json_t *a, const json_t *b);

/* One line for each thing that will disturb a measurement. */
void machine_warn(FILE *out);

#endif
