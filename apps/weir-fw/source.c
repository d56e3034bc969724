/* SPDX-License-Identifier: BSD-3-Clause */
/* source.c: memory of a rule set, the text it is made from, and errors that point into it. */
#include "apps/weir-fw/syntax.h"

#include <errno.h>
#include <glob.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What is taken from malloc() at a time: hundreds of rules. */
#define CHUNK 65536
/* A rule file beyond this is a mistake: 10,000 rules are 1 MB. */
#define FILE_MAX (256u << 20)

struct chunk {
	struct chunk *next;
	size_t used, size;
	max_align_t memory[];
};
struct fw_arena {
	struct chunk *chunks;
};

static void *get(size_t size)
{
	void *memory = calloc(1, size);

	if (!memory) {
		fputs("weir-fw: out of memory\n", stderr);
		exit(1);
	}
	return memory;
}

struct fw_arena *fw_arena_create(void)
{
	return get(sizeof(struct fw_arena));
}

void fw_arena_destroy(struct fw_arena *arena)
{
	while (arena && arena->chunks) {
		struct chunk *chunk = arena->chunks;

		arena->chunks = chunk->next;
		free(chunk);
	}
	free(arena);
}

void *fw_alloc(struct fw_arena *arena, size_t size)
{
	struct chunk *chunk = arena->chunks;
	size_t rounded = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t);
	void *memory;

	if (!chunk || chunk->size - chunk->used < rounded) {
		size_t units = rounded > CHUNK / sizeof(max_align_t) ? rounded
								     : CHUNK / sizeof(max_align_t);

		chunk = get(sizeof(*chunk) + units * sizeof(max_align_t));
		chunk->size = units;
		chunk->next = arena->chunks;
		arena->chunks = chunk;
	}
	memory = &chunk->memory[chunk->used];
	chunk->used += rounded;
	return memory;
}

char *fw_copy(struct fw_arena *arena, const char *text, size_t length)
{
	char *copy = fw_alloc(arena, length + 1);

	memcpy(copy, text, length);
	return copy;
}

struct fw_source *fw_source_read(struct fw_arena *arena, const char *path)
{
	FILE *file = fopen(path, "re");
	struct fw_source *source = NULL;
	struct stat status;
	char *text;

	if (!file)
		return NULL;
	if (fstat(fileno(file), &status) == 0 && S_ISDIR(status.st_mode))
		errno = EISDIR;
	else if (status.st_size > FILE_MAX)
		errno = EFBIG;
	else {
		size_t size = S_ISREG(status.st_mode) ? (size_t)status.st_size : CHUNK * 16;

		text = fw_alloc(arena, size + 1);
		source = fw_alloc(arena, sizeof(*source));
		*source = (struct fw_source){.name = fw_copy(arena, path, strlen(path)),
			.text = text,
			.length = fread(text, 1, size, file)};
		if (ferror(file))
			source = NULL;
	}
	fclose(file);
	return source;
}

static const char *line_of(const struct fw_where *where, size_t *length)
{
	const char *at = where->source->text, *end = at + where->source->length, *newline;

	for (uint32_t line = 1; line < where->line && at < end; line++) {
		newline = memchr(at, '\n', (size_t)(end - at));
		at = newline ? newline + 1 : end;
	}
	newline = memchr(at, '\n', (size_t)(end - at));
	*length = (size_t)((newline ? newline : end) - at);
	return at;
}

void fw_where_text(const struct fw_where *where, char *text, size_t size)
{
	size_t length, start = where->column - 1;
	const char *line = line_of(where, &length);

	if (start >= length)
		snprintf(text, size, "the end of the line");
	else
		snprintf(text, size, "'%.*s'",
			(int)(where->length < length - start ? where->length : length - start),
			line + start);
}

/* The line, and marks under what is meant; tabs stay, so that both fit. */
static void print_line(FILE *out, const struct fw_where *where)
{
	size_t length;
	const char *line = line_of(where, &length);
	uint32_t marks = where->length ? where->length : 1;

	fprintf(out, "%.*s\n", (int)length, line);
	for (uint32_t i = 1; i < where->column && i <= length; i++)
		fputc(line[i - 1] == '\t' ? '\t' : ' ', out);
	for (uint32_t i = 0; i < marks && (i == 0 || where->column + i <= length); i++)
		fputc('^', out);
	fputc('\n', out);
}

bool fw_error(struct fw_ruleset *rules, struct fw_where where, const char *format, ...)
{
	va_list arguments;
	size_t size;
	FILE *out;

	if (rules->error)
		return false;
	out = open_memstream(&rules->error, &size);
	if (!out)
		return false;
	fprintf(out, "%s:%u:%u: ", where.source->name, where.line, where.column);
	va_start(arguments, format);
	vfprintf(out, format, arguments);
	va_end(arguments);
	fputc('\n', out);
	print_line(out, &where);
	fclose(out);
	return false;
}

static bool include_one(struct fw_parser *parser, struct fw_where where, const char *path)
{
	struct fw_source *source = fw_source_read(parser->arena, path);

	if (!source)
		return fw_error(
			parser->rules, where, "cannot include '%s': %s", path, strerror(errno));
	if (!fw_scanner_push(parser, source))
		return fw_error(parser->rules, where,
			"'%s' is included more than %d files deep: does it include itself?", path,
			FW_INCLUDES);
	return true;
}

/* Files of a pattern, the first of them on top: the scanner reads the last pushed first. */
static int include_pattern(struct fw_parser *parser, struct fw_where where, const char *path)
{
	glob_t found;
	int count = -1;

	if (glob(path, 0, NULL, &found) == 0) {
		count = (int)found.gl_pathc;
		for (int i = count - 1; i >= 0 && !parser->rules->error; i--)
			include_one(parser, where, found.gl_pathv[i]);
	}
	globfree(&found);
	return count;
}

/* As nft does: a path with a slash in front, or with ./, is one; others are looked for in the
 * folders of -I, then here. */
bool fw_include(struct fw_parser *parser, struct fw_where where, const char *pattern)
{
	bool bare = pattern[0] != '/' && strncmp(pattern, "./", 2) != 0;
	char path[4096];

	for (const char *const *folder = parser->folders; bare && folder && *folder; folder++) {
		snprintf(path, sizeof(path), "%s/%s", *folder, pattern);
		if (include_pattern(parser, where, path) > 0)
			return !parser->rules->error;
	}
	if (include_pattern(parser, where, pattern) > 0)
		return !parser->rules->error;
	/* a pattern that nothing fits is no error, a file that is not there is one */
	if (strpbrk(pattern, "*?["))
		return true;
	return include_one(parser, where, pattern);
}
