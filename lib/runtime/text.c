/* SPDX-License-Identifier: BSD-3-Clause */
/* text.c: a pipeline from a short text: a line a stage, `name: type arguments`, a line a connection
 * or several, `a -> b.edge -> c`; # starts a comment. */
#include "runtime/pipeline_impl.h"

#include "base/base_impl.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Without the spaces around it. */
static char *trim(char *text)
{
	char *end;

	while (isspace((unsigned char)*text))
		text++;
	end = text + strlen(text);
	while (end > text && isspace((unsigned char)end[-1]))
		end--;
	*end = 0;
	return text;
}

/* Cut off a comment: # outside of quotes, at the start of a word. */
static void cut_comment(char *line)
{
	bool quoted = false;

	for (char *at = line; *at; at++) {
		quoted ^= *at == '"';
		if (*at == '#' && !quoted && (at == line || isspace((unsigned char)at[-1]))) {
			*at = 0;
			return;
		}
	}
}

static int add_stage(struct weir_pipeline *pipeline, char *name, char *rest)
{
	char *type = trim(rest), *args = type + strcspn(type, " \t");

	if (*args)
		*args++ = 0;
	if (*type == 0)
		return weir__fail(EINVAL, "stage '%s' needs a type", name);
	return weir_pipeline_add(pipeline, name, type, args, NULL);
}

/* "a.x -> b -> c": connect each to the next. */
static int connect_all(struct weir_pipeline *pipeline, char *from, char *rest)
{
	while (rest) {
		char *arrow = strstr(rest, "->"), *to;
		size_t length;
		char *bare;
		int error;

		if (arrow)
			*arrow = 0;
		to = trim(rest);
		length = strcspn(to, ".");
		if (!arrow && to[length])
			return weir__fail(
				EINVAL, "'%s': packets go to a stage, not to its edge", to);
		bare = strndup(to, length);
		error = bare ? weir_pipeline_connect(pipeline, from, bare)
			     : weir__fail(ENOMEM, "no memory for a connection");
		free(bare);
		if (error)
			return error;
		from = to;
		rest = arrow ? arrow + 2 : NULL;
	}
	return 0;
}

static int parse_line(struct weir_pipeline *pipeline, char *line)
{
	char *colon, *arrow;

	cut_comment(line);
	line = trim(line);
	colon = strchr(line, ':');
	arrow = strstr(line, "->");
	if (*line == 0)
		return 0;
	if (colon && (!arrow || colon < arrow)) {
		*colon = 0;
		return add_stage(pipeline, trim(line), colon + 1);
	}
	if (!arrow)
		return weir__fail(
			EINVAL, "'%s' is neither 'name: type arguments' nor 'from -> to'", line);
	*arrow = 0;
	return connect_all(pipeline, trim(line), arrow + 2);
}

static int with_line(const struct weir_pipeline *pipeline, int error)
{
	char sentence[1024];

	snprintf(sentence, sizeof(sentence), "%s", weir_last_error());
	if (pipeline->file)
		return weir__fail(-error, "%s:%u: %s", pipeline->file, pipeline->line, sentence);
	return weir__fail(-error, "line %u: %s", pipeline->line, sentence);
}

int weir_pipeline_parse(struct weir_pipeline *pipeline, const char *text)
{
	char *copy = strdup(text), *rest = copy, *line;
	int error = 0;

	if (!copy)
		return weir__fail(ENOMEM, "no memory for the text of a pipeline");
	pipeline->line = 0;
	while (!error && (line = strsep(&rest, "\n"))) {
		pipeline->line++;
		error = parse_line(pipeline, line);
	}
	if (error)
		error = with_line(pipeline, error);
	pipeline->line = 0;
	free(copy);
	return error;
}

static char *read_all(FILE *file)
{
	char *text = NULL;
	size_t size = 0;

	/* to the zero byte that a text has not */
	if (getdelim(&text, &size, 0, file) >= 0)
		return text;
	free(text);
	return ferror(file) ? NULL : strdup("");
}

int weir_pipeline_read(struct weir_pipeline *pipeline, const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = file ? read_all(file) : NULL;
	int error;

	if (!text)
		error = weir__fail(errno, "%s: %s", path, strerror(errno));
	if (file)
		fclose(file);
	if (!text)
		return error;
	pipeline->file = path;
	error = weir_pipeline_parse(pipeline, text);
	pipeline->file = NULL;
	free(text);
	return error;
}
