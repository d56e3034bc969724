/* SPDX-License-Identifier: BSD-3-Clause */
/* pages.c: kinds of pages and their names. */
#include "mem_impl.h"

#include "base/base_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* log2 of K, M, G is 10 times their place here */
static const char units[] = " KMG";

#define LOG2_MIN 12 /* below is no hugepage of any architecture */
#define LOG2_MAX 39

static bool is_kind(enum weir_pages pages)
{
	return (unsigned int)pages <= WEIR_PAGES_4K ||
	       ((unsigned int)pages >= LOG2_MIN && (unsigned int)pages <= LOG2_MAX);
}

const char *weir_pages_name(enum weir_pages pages)
{
	static const char *const names[] = {"any", "thp", "4K"};
	static _Thread_local char huge[8];

	if (!is_kind(pages))
		return "unknown";
	if (!weir__pages_huge(pages))
		return names[pages];
	snprintf(huge, sizeof(huge), "%u%c", 1u << pages % 10, units[pages / 10]);
	return huge;
}

int weir_pages_parse(const char *name, enum weir_pages *pages)
{
	for (int i = WEIR_PAGES_ANY; i <= LOG2_MAX; i++) {
		if (!is_kind((enum weir_pages)i) || i == LOG2_MIN)
			continue; /* "4K" means base pages */
		if (strcasecmp(name, weir_pages_name((enum weir_pages)i)) == 0) {
			*pages = (enum weir_pages)i;
			return 0;
		}
	}
	return weir__fail(EINVAL,
		"no pages are called '%s': say any, thp, 4K, or a size of hugepages such as 2M or "
		"1G",
		name);
}

size_t weir__pages_unit(enum weir_pages pages)
{
	return weir__pages_huge(pages) ? (size_t)1 << pages : weir__os_page_size();
}

void weir__bytes_describe(size_t bytes, char *text, size_t size)
{
	if (bytes >= (size_t)1 << 40)
		snprintf(text, size, "%.4g TiB", (double)(bytes >> 30) / (1 << 10));
	else if (bytes >= (size_t)1 << 30)
		snprintf(text, size, "%.4g GiB", (double)bytes / (1 << 30));
	else if (bytes >= 1 << 20)
		snprintf(text, size, "%.4g MiB", (double)bytes / (1 << 20));
	else
		snprintf(text, size, "%zu KiB", bytes >> 10);
}

void weir__pages_describe(enum weir_pages pages, char *text, size_t size)
{
	char unit[32];

	weir__bytes_describe(weir__pages_unit(pages), unit, sizeof(unit));
	if (pages == WEIR_PAGES_THP)
		snprintf(text, size, "transparent hugepages");
	else
		snprintf(
			text, size, "%s %s", unit, weir__pages_huge(pages) ? "hugepages" : "pages");
}

bool weir__pages_too_large(enum weir_pages pages, size_t bytes)
{
	size_t idle = weir__round_up(bytes, weir__pages_unit(pages)) - bytes;

	return idle > bytes / 8 && idle > WEIR__OS_HUGE_SIZE / 2;
}
