/* SPDX-License-Identifier: BSD-3-Clause */
/* lines.c: the lines of the report, collected and printed. */
#include "lines.h"

#include "apps/common/json.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char *const status_names[] = {"ok", "warn", "problem", "absent"};
static const char *const where_names[] = {"here", "root", "outside", "start"};

/* ---- collecting ---- */

/* A few hundred bytes: a machine that does not have them runs no packets either. */
static char *print(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));

static char *print(const char *format, va_list arguments)
{
	char *text;

	if (vasprintf(&text, format, arguments) < 0)
		abort();
	return text;
}

struct line *line_begin(struct lines *lines, const char *name, ...)
{
	struct line *line;
	va_list arguments;

	lines->all = realloc(lines->all, (lines->count + 1) * sizeof(*lines->all));
	if (!lines->all)
		abort();
	line = &lines->all[lines->count++];
	*line = (struct line){.status = STATUS_ABSENT};
	va_start(arguments, name);
	line->name = print(name, arguments);
	va_end(arguments);
	return line;
}

void line_say(struct line *line, enum status status, const char *format, ...)
{
	va_list arguments;

	free(line->value);
	line->status = status;
	va_start(arguments, format);
	line->value = print(format, arguments);
	va_end(arguments);
}

/* Put more behind text, which may be NULL, with something between. */
static void add(char **text, const char *between, char *more)
{
	char *old = *text;

	if (!old)
		*text = more;
	else if (asprintf(text, "%s%s%s", old, between, more) < 0)
		abort();
	else
		free(more);
	free(old);
}

void line_why(struct line *line, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add(&line->why, "; ", print(format, arguments));
	va_end(arguments);
}

void line_cure(struct line *line, enum where where, const char *format, ...)
{
	va_list arguments;

	if (!line->cure || where > line->where)
		line->where = where;
	va_start(arguments, format);
	add(&line->cure, " && ", print(format, arguments));
	va_end(arguments);
}

uint32_t lines_with(const struct lines *lines, enum status status)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < lines->count; i++)
		count += lines->all[i].status == status;
	return count;
}

void lines_free(struct lines *lines)
{
	for (uint32_t i = 0; i < lines->count; i++) {
		free(lines->all[i].name);
		free(lines->all[i].value);
		free(lines->all[i].why);
		free(lines->all[i].cure);
	}
	free(lines->all);
	*lines = (struct lines){0};
}

/* ---- printing ---- */

/* Green, yellow, red and grey (ECMA-48). */
static const char *const colours[] = {"\033[32m", "\033[33m", "\033[31m", "\033[90m"};

static int widest_name(const struct lines *lines)
{
	size_t widest = 0;

	for (uint32_t i = 0; i < lines->count; i++)
		if (strlen(lines->all[i].name) > widest)
			widest = strlen(lines->all[i].name);
	return (int)widest;
}

static bool same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

/* A command that cures several things in a row is said once. Returns the line that has it. */
static const struct line *print_cure(
	const struct line *line, const struct line *before, FILE *to, int indent)
{
	static const char *const labels[] = {
		"run:", "run as root:", "run outside:", "start it so:"};

	if (before && same(line->cure, before->cure)) {
		fprintf(to, "%*srun: as for %s\n", indent, "", before->name);
		return before;
	}
	fprintf(to, "%*s%s %s\n", indent, "", labels[line->where], line->cure);
	return line;
}

void lines_print(const struct lines *lines, FILE *to, bool colour, bool verbose)
{
	int width = widest_name(lines);
	const struct line *before = NULL;

	for (uint32_t i = 0; i < lines->count; i++) {
		const struct line *line = &lines->all[i];
		int indent = (int)strlen("problem ") + width + 2;
		bool bad = line->status == STATUS_WARN || line->status == STATUS_PROBLEM;

		fprintf(to, "%s%-8s%s%-*s  %s\n", colour ? colours[line->status] : "",
			status_names[line->status], colour ? "\033[0m" : "", width, line->name,
			line->value ? line->value : "");
		if (line->why && (bad || verbose))
			fprintf(to, "%*s%s\n", indent, "", line->why);
		if (line->cure)
			before = print_cure(line, before, to, indent);
	}
}

json_t *lines_json(const struct lines *lines)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < lines->count; i++) {
		const struct line *line = &lines->all[i];
		const char *where = line->cure ? where_names[line->where] : NULL;

		json_array_append_new(
			array, json_pack("{ss ss so so so ss*}", "name", line->name, "status",
				       status_names[line->status], "value",
				       app_json_text(line->value), "why", app_json_text(line->why),
				       "cure", app_json_text(line->cure), "where", where));
	}
	return array;
}
