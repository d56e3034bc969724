/* SPDX-License-Identifier: BSD-3-Clause */
/* need.c: reading --need. */
#include "need.h"

#include "apps/common/units.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define GRAMMAR "must be pool=COUNT x SIZE, node=N, pages=any|thp|4K|2M|1G"

static char *trim(char *text)
{
	size_t length;

	while (isspace((unsigned char)*text))
		text++;
	length = strlen(text);
	while (length > 0 && isspace((unsigned char)text[length - 1]))
		text[--length] = '\0';
	return text;
}

static const char *parse_pool(char *value, struct need *need)
{
	uint64_t count, size;
	char *times = strchr(value, 'x');

	if (!times)
		return "pool must be COUNT x SIZE, as in 1M x 2KiB";
	*times = '\0';
	if (!app_parse_size(trim(value), UINT32_MAX, &count) || count == 0)
		return "the count of the pool must be a number from 1 to 4294967295, as in 1M";
	if (!app_parse_size(trim(times + 1), UINT32_MAX, &size) || size == 0)
		return "the size of the pool must be a number from 1 to 4294967295, as in 2KiB";
	need->count = (uint32_t)count;
	need->size = (uint32_t)size;
	return NULL;
}

static const char *parse_node(const char *value, struct need *need)
{
	uint64_t node;

	if (!app_parse_number(value, 0, NODE_MAX - 1, &node))
		return "node must be a number from 0 to 1023";
	need->node = (int)node;
	return NULL;
}

static const char *parse_pair(char *pair, struct need *need)
{
	char *value = strchr(pair, '=');
	const char *key = pair;

	if (!value)
		return GRAMMAR;
	*value++ = '\0';
	key = trim(pair);
	value = trim(value);
	if (strcmp(key, "pool") == 0)
		return need->count ? "one pool in each --need" : parse_pool(value, need);
	if (strcmp(key, "node") == 0)
		return parse_node(value, need);
	if (strcmp(key, "pages") == 0)
		return weir_pages_parse(value, &need->pages) ? weir_last_error() : NULL;
	return GRAMMAR;
}

const char *need_parse(const char *text, struct need *need)
{
	char *copy = strdup(text), *rest = copy, *pair;
	const char *wrong = NULL;

	*need = (struct need){.node = -1};
	while (!wrong && (pair = strsep(&rest, ",")))
		wrong = parse_pair(pair, need);
	free(copy);
	if (wrong)
		return wrong;
	if (!need->count)
		return GRAMMAR;
	need->bytes = weir_mbuf_pool_memory(
		&(struct weir_mbuf_pool_conf){.count = need->count, .size = need->size});
	return need->bytes ? NULL : weir_last_error();
}
