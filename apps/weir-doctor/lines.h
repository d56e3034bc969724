/* SPDX-License-Identifier: BSD-3-Clause */
/* lines.h: what the doctor found, a line for each thing it looked at. */
#ifndef DOCTOR_LINES_H
#define DOCTOR_LINES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum status {
	STATUS_OK,
	STATUS_WARN,    /* works, and could work better */
	STATUS_PROBLEM, /* does not work */
	STATUS_ABSENT,  /* not there, not needed, or not looked at */
};

/* Where a command has to be run to be obeyed, the nearest first. */
enum where {
	WHERE_HERE,
	WHERE_ROOT,  /* here, by root */
	WHERE_OUT,   /* outside of this container or user namespace */
	WHERE_START, /* where this container is started */
};

struct line {
	char *name;
	enum status status;
	char *value; /* what is */
	char *why;   /* what that means; NULL when the value says it all */
	char *cure;  /* a command; NULL when there is nothing to cure, or no command that does */
	enum where where;
};

struct lines {
	struct line *all;
	uint32_t count;
};

/* Begin a line, STATUS_ABSENT so far. Valid until the next is begun. */
struct line *line_begin(struct lines *lines, const char *name, ...)
	__attribute__((format(printf, 2, 3)));

/* What was found, which replaces what was said before; what it means, and what to run, which go
 * behind what was said before. */
void line_say(struct line *line, enum status status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void line_why(struct line *line, const char *format, ...) __attribute__((format(printf, 2, 3)));
void line_cure(struct line *line, enum where where, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* How many lines have this status. */
uint32_t lines_with(const struct lines *lines, enum status status);

void lines_free(struct lines *lines);

/* The lines as a table: in colour, and with the meaning of what is right as well. */
void lines_print(const struct lines *lines, FILE *to, bool colour, bool verbose);

/* The lines as an array of JSON (jansson's json_t), which the caller owns. */
struct json_t *lines_json(const struct lines *lines);

#endif
