/* SPDX-License-Identifier: BSD-3-Clause */
/* checks.h: what the doctor looks at. Each check adds its lines, at least one. */
#ifndef DOCTOR_CHECKS_H
#define DOCTOR_CHECKS_H

#include "lines.h"
#include "machine.h"

struct check {
	void (*look)(const struct machine *machine, struct lines *lines);
};

/* In the order of the report; ended by NULL. */
extern const struct check checks[];

/* library.c: does weir work here at all? Its line is the only one that decides. */
#define CHECK_LIBRARY "weir"
void check_library(const struct machine *machine, struct lines *lines);

void check_surroundings(const struct machine *machine, struct lines *lines);
void check_processors(const struct machine *machine, struct lines *lines);
void check_nodes(const struct machine *machine, struct lines *lines);
void check_hugepages(const struct machine *machine, struct lines *lines);
void check_transparent(const struct machine *machine, struct lines *lines);
void check_placement(const struct machine *machine, struct lines *lines);
void check_limits(const struct machine *machine, struct lines *lines);
void check_capabilities(const struct machine *machine, struct lines *lines);
void check_af_packet(const struct machine *machine, struct lines *lines);
void check_af_xdp(const struct machine *machine, struct lines *lines);
void check_tap(const struct machine *machine, struct lines *lines);
void check_clock(const struct machine *machine, struct lines *lines);

/* A line of what can only be tried, on a machine that is not this one. */
void line_not_tried(struct lines *lines, const char *name);

/* capabilities.c: cure a line by all capabilities that network ports miss. */
void cure_capabilities(struct line *line, const struct machine *machine);

#endif
