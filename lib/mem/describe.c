/* SPDX-License-Identifier: BSD-3-Clause */
/* describe.c: what a region got, in one sentence. */
#include "mem_impl.h"

#include <stdio.h>
#include <string.h>

#define KINDS_MAX 40 /* above the largest log2 of a page size */

/* Put words behind those in text. */
static void add(char *text, size_t size, const char *before, const char *words)
{
	size_t used = strlen(text);

	snprintf(text + used, size - used, "%s%s", used ? before : "", words);
}

static void describe_kind(const struct weir_region *region, enum weir_pages pages, size_t bytes,
	char *text, size_t text_size)
{
	size_t on_huge = SIZE_MAX;
	char size[32], kind[64], huge[32];

	weir__bytes_describe(bytes, size, sizeof(size));
	weir__pages_describe(pages, kind, sizeof(kind));
	if (pages == WEIR_PAGES_THP)
		on_huge = weir__os_thp_bytes(region->base, region->reserved);
	weir__bytes_describe(on_huge, huge, sizeof(huge));
	if (on_huge == SIZE_MAX)
		snprintf(text, text_size, "%s on %s", size, kind);
	else
		snprintf(text, text_size, "%s on %s (%s of it)", size, kind, huge);
}

void weir__region_why(const struct weir_region *region, char *text, size_t size)
{
	weir__place_why(region, text, size);
	if (region->why[0])
		add(text, size, "; ", region->why);
}

void weir__region_describe(const struct weir_region *region, char *text, size_t size)
{
	size_t bytes[KINDS_MAX] = {0};
	char words[192], why[768];

	for (size_t i = 0; i < region->chunk_count; i++)
		if (region->chunks[i] != WEIR_PAGES_ANY)
			bytes[region->chunks[i]] += weir__chunk_mapped(region, i);
	text[0] = 0;
	for (unsigned int kind = KINDS_MAX; kind-- > WEIR_PAGES_THP;) {
		if (!bytes[kind])
			continue;
		describe_kind(region, (enum weir_pages)kind, bytes[kind], words, sizeof(words));
		add(text, size, ", ", words);
	}
	if (!text[0])
		add(text, size, "", "no pages");
	weir__place_describe(region, words, sizeof(words));
	add(text, size, "", words);
	weir__region_why(region, why, sizeof(why));
	if (why[0])
		add(text, size, "; ", why);
}

const char *weir_region_describe(struct weir_region *region)
{
	static _Thread_local char text[1024];

	pthread_mutex_lock(&region->lock);
	weir__region_describe(region, text, sizeof(text));
	pthread_mutex_unlock(&region->lock);
	return text;
}
