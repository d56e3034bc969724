/* SPDX-License-Identifier: BSD-3-Clause */
/* spec.c: take "name:key=value,..." apart. */
#include "spec_impl.h"

#include "base_impl.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Does a key and its = start here? */
static bool starts_key(const char *text)
{
	const char *end = text;

	while (isalnum((unsigned char)*end) || *end == '_')
		end++;
	return end > text && *end == '=';
}

/* Is value in quotes up to its end? Then where the last one is, else NULL. */
static char *quote_end(char *value)
{
	char *end = *value == '"' || *value == '\'' ? strchr(value + 1, *value) : NULL;

	if (end && (end[1] == '\0' || (end[1] == ',' && starts_key(end + 2))))
		return end;
	return NULL;
}

/* Cut text at its next comma that a key follows, or at its end; returns what follows. */
static char *cut(char *text)
{
	for (; *text; text++) {
		if (*text == ',' && starts_key(text + 1)) {
			*text = '\0';
			return text + 1;
		}
	}
	return NULL;
}

static int parse_keys(struct weir__spec *spec, char *at, const char *text)
{
	while (at) {
		char *equals = strchr(at, '='), *quote = quote_end(equals + 1);
		char *next = cut(quote ? quote : at);

		if (spec->count == WEIR__SPEC_KEYS)
			return weir__fail(
				EINVAL, "'%s' has more than %d keys", text, WEIR__SPEC_KEYS);
		*equals = '\0';
		for (uint32_t i = 0; i < spec->count; i++)
			if (strcmp(spec->keys[i], at) == 0)
				return weir__fail(EINVAL, "'%s' has the key '%s' twice", text, at);
		spec->keys[spec->count] = at;
		spec->values[spec->count++] = quote ? equals + 2 : equals + 1;
		if (quote)
			*quote = '\0';
		at = next;
	}
	return 0;
}

int weir__spec_parse(struct weir__spec *spec, const char *text)
{
	char *colon, *rest;
	int error;

	memset(spec, 0, sizeof(*spec));
	spec->text = strdup(text);
	if (!spec->text)
		return weir__fail(ENOMEM, "no memory for '%s'", text);
	spec->name = spec->text;
	colon = strchr(spec->text, ':');
	if (!colon)
		return 0;
	*colon = '\0';
	rest = colon + 1;
	if (*rest && !starts_key(rest)) {
		spec->argument = rest;
		rest = cut(rest);
	}
	error = parse_keys(spec, rest && *rest ? rest : NULL, text);
	if (error)
		weir__spec_free(spec);
	return error;
}

int weir__spec_make(struct weir__spec *spec, const char *name, const char *key, const char *value)
{
	*spec = (struct weir__spec){.text = strdup(value), .name = name, .keys = {key}, .count = 1};
	spec->values[0] = spec->text;
	return spec->text ? 0 : weir__fail(ENOMEM, "no memory for '%s'", value);
}

void weir__spec_free(struct weir__spec *spec)
{
	free(spec->text);
	spec->text = NULL;
}

const char *weir__spec_get(struct weir__spec *spec, const char *key)
{
	for (uint32_t i = 0; i < spec->count; i++) {
		if (strcmp(spec->keys[i], key) == 0) {
			spec->used[i] = true;
			return spec->values[i];
		}
	}
	return NULL;
}

bool weir__number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *number)
{
	unsigned long long got;
	char *end;

	errno = 0;
	got = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || errno || got < min || got > max)
		return false;
	*number = got;
	return true;
}

int weir__spec_number(
	struct weir__spec *spec, const char *key, uint64_t min, uint64_t max, uint64_t *number)
{
	const char *value = weir__spec_get(spec, key);

	if (!value || weir__number_parse(value, min, max, number))
		return 0;
	return weir__fail(EINVAL, "%s: %s=%s is not a number from %llu to %llu", spec->name, key,
		value, (unsigned long long)min, (unsigned long long)max);
}

int weir__spec_finish(struct weir__spec *spec, const char *known)
{
	for (uint32_t i = 0; i < spec->count; i++)
		if (!spec->used[i])
			return weir__fail(EINVAL, "%s: unknown key '%s'; there are: %s", spec->name,
				spec->keys[i], known);
	return 0;
}
