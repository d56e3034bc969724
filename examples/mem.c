/* SPDX-License-Identifier: BSD-3-Clause */
/* mem.c: what memory of so many MiB would lie on, and why on nothing better; of given nodes, also
 * the report on where it lies.
 *
 *	mem 20 any
 *	mem 20 any 0-1
 */
#include <weir/weir.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ask for the memory and say what was got. */
static struct weir_region *describe(size_t size, enum weir_pages pages, const char *nodes)
{
	struct weir_region_conf conf = {.size = size, .pages = pages, .nodes = nodes};
	struct weir_region *region = weir_region_create(&conf);

	if (region)
		printf("%s\n", weir_region_describe(region));
	else
		fprintf(stderr, "mem: %s\n", weir_last_error());
	return region;
}

static void report(void)
{
	char *text = weir_mem_report(false);

	if (text)
		fputs(text, stdout);
	free(text);
}

int main(int argc, char **argv)
{
	size_t mib = argc >= 3 ? strtoul(argv[1], NULL, 10) : 0;
	struct weir_region *region;
	enum weir_pages pages;

	if (argc < 3 || argc > 4 || weir_pages_parse(argv[2], &pages)) {
		fprintf(stderr, "usage: mem MIB any|thp|4K|2M|1G [NODES]\n");
		return 2;
	}
	region = describe(mib << 20, pages, argc == 4 ? argv[3] : NULL);
	if (!region)
		return 1;
	if (argc == 4)
		report();
	weir_region_destroy(region);
	return 0;
}
