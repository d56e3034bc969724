/* SPDX-License-Identifier: BSD-3-Clause */
/* args.c: the arguments of a stage: words, `key=value` or one value without a key. A value in
 * double quotes may have spaces. */
#include "runtime/pipeline_impl.h"

#include "base/base_impl.h"
#include "base/spec_impl.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int weir_stage_fail(int error, const char *format, ...)
{
	char sentence[1024];
	va_list more;

	va_start(more, format);
	vsnprintf(sentence, sizeof(sentence), format, more);
	va_end(more);
	return weir__fail(error, "%s", sentence);
}

static char *skip_spaces(char *text)
{
	while (isspace((unsigned char)*text))
		text++;
	return text;
}

/* The = behind a key, if there is one here: "pcap:rx=a" has none. */
static char *key_end(char *text)
{
	while (isalnum((unsigned char)*text) || *text == '_')
		text++;
	return *text == '=' ? text : NULL;
}

/* End the value that starts here; returns what follows, or NULL when a quote is not closed. */
static char *end_value(char **value)
{
	char *at = *value;

	if (*at == '"') {
		*value = at + 1;
		at = strchr(at + 1, '"');
		if (!at || (at[1] && !isspace((unsigned char)at[1])))
			return NULL;
	} else {
		at += strcspn(at, " \t");
	}
	if (*at)
		*at++ = 0;
	return at;
}

static int add_arg(struct weir_stage_args *args, const char *key, const char *value)
{
	if (args->count == WEIR__ARGS)
		return weir__fail(EINVAL, "more than %d arguments", WEIR__ARGS);
	for (uint32_t i = 0; i < args->count; i++) {
		const char *other = args->keys[i];

		if (key ? other && strcmp(other, key) == 0 : !other)
			return weir__fail(EINVAL, "%s%s is given twice: '%s' and '%s'",
				key ? "argument " : "what has no key", key ? key : "",
				args->values[i], value);
	}
	args->keys[args->count] = key;
	args->values[args->count++] = value;
	return 0;
}

int weir__args_parse(struct weir_stage_args *args, const char *text)
{
	char *at;
	int error = 0;

	args->text = strdup(text ? text : "");
	if (!args->text)
		return weir__fail(ENOMEM, "no memory for arguments");
	at = skip_spaces(args->text);
	while (*at && !error) {
		char *equals = key_end(at), *key = equals ? at : NULL;
		char *value = equals ? equals + 1 : at;

		if (equals)
			*equals = 0;
		at = end_value(&value);
		if (!at)
			return weir__fail(EINVAL, "a quote is not closed: \"%s", value);
		error = add_arg(args, key, value);
		at = skip_spaces(at);
	}
	return error;
}

void weir__args_free(struct weir_stage_args *args)
{
	free(args->text);
}

int weir__args_finish(const struct weir_stage_args *args)
{
	for (uint32_t i = 0; i < args->count; i++)
		if (!args->used[i])
			return weir__fail(EINVAL, "unknown argument '%s%s%s'",
				args->keys[i] ? args->keys[i] : "", args->keys[i] ? "=" : "",
				args->values[i]);
	return 0;
}

const char *weir_stage_arg(struct weir_stage_args *args, const char *key)
{
	for (uint32_t i = 0; i < args->count; i++) {
		const char *other = args->keys[i];

		if (key ? other && strcmp(other, key) == 0 : !other) {
			args->used[i] = true;
			return args->values[i];
		}
	}
	return NULL;
}

int weir_stage_arg_number(
	struct weir_stage_args *args, const char *key, uint64_t min, uint64_t max, uint64_t *number)
{
	const char *value = weir_stage_arg(args, key);

	if (!value || weir__number_parse(value, min, max, number))
		return 0;
	return weir__fail(EINVAL, "%s=%s is not a number from %llu to %llu", key, value,
		(unsigned long long)min, (unsigned long long)max);
}

int weir_stage_arg_word(struct weir_stage_args *args, const char *key, const char *const *words)
{
	const char *value = weir_stage_arg(args, key);
	char known[256] = "";

	if (!value)
		return 0;
	for (int i = 0; words[i]; i++) {
		size_t used = strlen(known);

		if (strcmp(words[i], value) == 0)
			return i;
		snprintf(known + used, sizeof(known) - used, "%s%s", i ? ", " : "", words[i]);
	}
	return weir__fail(EINVAL, "%s=%s: there are %s", key, value, known);
}

struct weir_stage_port *weir_stage_arg_port(struct weir_stage_args *args, const char *key)
{
	const char *name = weir_stage_arg(args, key);
	struct weir__port *port;

	if (!name) {
		weir__fail(EINVAL, "needs a port, as in pcap:rx=in.pcap");
		return NULL;
	}
	port = weir__pipeline_port(args->pipeline, name);
	return port ? &port->use : NULL;
}

void *weir_stage_data(struct weir_stage_args *args)
{
	return args->data;
}

struct weir_mempool *weir_stage_pool(struct weir_stage_args *args)
{
	return args->pipeline->conf.pool;
}
