/* SPDX-License-Identifier: BSD-3-Clause */
/* need.h: does a pool fit this machine, and what makes it fit? */
#ifndef DOCTOR_NEED_H
#define DOCTOR_NEED_H

#include "lines.h"
#include "machine.h"

#include <weir/weir.h>

#include <stdbool.h>
#include <stdint.h>

#define NEED_MAX 64

struct need {
	uint32_t count;
	uint32_t size;
	int node; /* -1: any */
	enum weir_pages pages;
	uint64_t bytes; /* as the library lays out the pool */
};

/* "pool=COUNT x SIZE, node=N, pages=KIND": NULL, or what is wrong with it. */
const char *need_parse(const char *text, struct need *need);

/* Say for each pool, with all in front of it made, whether it fits. machine is used up by it. */
bool needs_fit(
	struct machine *machine, const struct need *needs, uint32_t count, struct lines *lines);

#endif
