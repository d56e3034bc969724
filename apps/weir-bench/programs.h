/* SPDX-License-Identifier: BSD-3-Clause */
/* programs.h: the programs that compare runs in turn. */
#ifndef PROGRAMS_H
#define PROGRAMS_H

#include "harness/bench.h"

struct program {
	const char *name;    /* as its rows say */
	const char *file;    /* of the program */
	const char *benches; /* a list */
};

/* Ended by one without a name. */
extern const struct program programs_peers[];

/* Was it built, or installed? */
bool programs_exists(const struct program *program);

/* Run one bench of a program, NULL for weir-bench itself, with the options of run and once, and
 * append its rows. 0, or 1 after a sentence on stderr. */
int programs_run(struct bench_run *run, const struct program *program, const char *bench);

#endif
