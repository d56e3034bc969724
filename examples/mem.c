/* SPDX-License-Identifier: BSD-3-Clause */
/* mem.c: what memory of so many MiB would lie on, and why on nothing better.
 *
 *	mem 20 any
 */
#include <weir/weir.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ask for the memory and say what was got. */
static int describe(size_t size, enum weir_pages pages)
{
	struct weir_region_conf conf = {.size = size, .pages = pages, .node = WEIR_NODE_ANY};
	struct weir_region *region = weir_region_create(&conf);

	if (!region) {
		fprintf(stderr, "mem: %s\n", weir_last_error());
		return 1;
	}
	printf("%s\n", weir_region_describe(region));
	weir_region_destroy(region);
	return 0;
}

int main(int argc, char **argv)
{
	size_t mib = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
	enum weir_pages pages;

	if (argc == 3 && weir_pages_parse(argv[2], &pages) == 0)
		return describe(mib << 20, pages);
	fprintf(stderr, "usage: mem MIB any|thp|4K|2M|1G\n");
	return 2;
}
