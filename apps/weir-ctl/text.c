/* SPDX-License-Identifier: BSD-3-Clause */
/* text.c: JSON in lines, each level moved in. What a program sends may hold anything: control
 * characters do not reach the terminal. */
#include "apps/weir-ctl/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define INDENT 2

static void print_string(FILE *to, const char *text)
{
	for (; *text; text++)
		fputc((unsigned char)*text < 0x20 && *text != '\n' && *text != '\t' ? '?'
			: *text == 0x7f                                             ? '?'
										    : *text,
			to);
}

static void print_plain(FILE *to, const json_t *value)
{
	if (json_is_string(value))
		print_string(to, json_string_value(value));
	else if (json_is_integer(value))
		fprintf(to, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_real(value))
		fprintf(to, "%.6g", json_real_value(value));
	else
		fputs(json_is_true(value) ? "yes" : json_is_false(value) ? "no" : "-", to);
}

static bool is_plain(const json_t *value)
{
	return !json_is_object(value) && !json_is_array(value);
}

static void print_value(FILE *to, const json_t *value, int indent);

static int widest_key(const json_t *object)
{
	const char *key;
	json_t *value;
	int widest = 0;

	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		if (is_plain(value) && (int)strlen(key) > widest)
			widest = (int)strlen(key);
	}
	return widest;
}

static void print_object(FILE *to, const json_t *object, int indent)
{
	int width = widest_key(object);
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		fprintf(to, "%*s", indent, "");
		print_string(to, key);
		if (is_plain(value)) {
			fprintf(to, "%*s", width + 2 - (int)strlen(key), "");
			print_plain(to, value);
			fputc('\n', to);
		} else {
			fputs(":\n", to);
			print_value(to, value, indent + INDENT);
		}
	}
}

static void print_array(FILE *to, const json_t *array, int indent)
{
	for (size_t i = 0; i < json_array_size(array); i++) {
		const json_t *value = json_array_get(array, i);

		if (is_plain(value)) {
			fprintf(to, "%*s", indent, "");
			print_plain(to, value);
			fputc('\n', to);
			continue;
		}
		if (i)
			fputc('\n', to);
		print_value(to, value, indent);
	}
}

static void print_value(FILE *to, const json_t *value, int indent)
{
	if (json_is_object(value))
		print_object(to, value, indent);
	else
		print_array(to, value, indent);
}

void text_print(FILE *to, const json_t *value)
{
	const char *text = json_string_value(value);

	if (!is_plain(value)) {
		print_value(to, value, 0);
		return;
	}
	print_plain(to, value);
	if (!text || !*text || text[strlen(text) - 1] != '\n')
		fputc('\n', to);
}
