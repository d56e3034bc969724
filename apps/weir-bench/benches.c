/* SPDX-License-Identifier: BSD-3-Clause */
/* benches.c: options as the library takes them. */
#include "benches.h"

#include <weir/mempool.h>

int benches_pages(const char *name)
{
	enum weir_pages pages;

	return weir_pages_parse(name, &pages) ? WEIR_PAGES_ANY : (int)pages;
}

int benches_node(int node)
{
	return node < 0 ? WEIR_NODE_ANY : WEIR_NODE(node);
}

uint32_t benches_cache(uint32_t cache)
{
	return cache > 0 ? cache : WEIR_MEMPOOL_CACHE_NONE;
}

void benches_destroy(void *pool)
{
	if (weir_mempool_destroy(pool) != 0)
		fprintf(stderr, "weir-bench: %s\n", weir_last_error());
}

const char *benches_pages_of(void *pool)
{
	return weir_pages_name(weir_region_pages(weir_mempool_region(pool)));
}
