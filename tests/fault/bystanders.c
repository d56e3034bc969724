/* SPDX-License-Identifier: BSD-3-Clause */
/* bystanders.c: a region, a shared region and a pool that exist while calls fail elsewhere. */
#include "plans.h"

#include "weir/mbuf.h"
#include "weir/mempool.h"

#include <stdio.h>
#include <string.h>

#define CHUNK ((size_t)2 << 20)
#define OUT   100

static struct weir_region *regions[2]; /* plain, shared */
static struct weir_mempool *pool;
static void *out[OUT];

static void write_pattern(struct weir_region *region)
{
	uint8_t *base = weir_region_base(region);

	for (size_t at = 0; at < CHUNK; at += 4096)
		memcpy(base + at, &at, sizeof(at));
}

static bool has_pattern(struct weir_region *region)
{
	uint8_t *base = weir_region_base(region);

	for (size_t at = 0; at < CHUNK; at += 4096)
		if (memcmp(base + at, &at, sizeof(at)) != 0)
			return false;
	return true;
}

bool bystanders_make(void)
{
	struct weir_region_conf conf = {.name = "bystander",
		.size = CHUNK,
		.max_size = 2 * CHUNK,
		.chunk = CHUNK,
		.pages = WEIR_PAGES_4K,
		.lazy = true};
	struct weir_mempool_conf of_pool = {
		.name = "bystander", .count = 1000, .size = 64, .pages = WEIR_PAGES_4K};

	regions[0] = weir_region_create(&conf);
	conf.shared = true;
	regions[1] = weir_region_create(&conf);
	pool = weir_mempool_create(&of_pool);
	if (!regions[0] || !regions[1] || !pool || weir_mempool_get_bulk(pool, out, OUT)) {
		fprintf(stderr, "no bystanders: %s\n", weir_last_error());
		return false;
	}
	write_pattern(regions[0]);
	write_pattern(regions[1]);
	return true;
}

void bystanders_check(void)
{
	void *more[16];

	for (unsigned int i = 0; i < 2; i++) {
		uint8_t *second = (uint8_t *)weir_region_base(regions[i]) + CHUNK;

		if (!has_pattern(regions[i]))
			complain("a bystander has other content");
		if (weir_region_commit(regions[i], CHUNK, CHUNK) || second[CHUNK - 1])
			complain("a bystander does not grow");
		second[CHUNK - 1] = 1;
		if (weir_region_release(regions[i], CHUNK, CHUNK))
			complain("a bystander does not shrink");
	}
	if (weir_mempool_in_use(pool) != OUT || weir_mempool_get_bulk(pool, more, 16))
		complain("a bystander pool counts wrong, or gives nothing");
	weir_mempool_put_bulk(pool, more, 16);
}

void bystanders_destroy(void)
{
	weir_mempool_put_bulk(pool, out, OUT);
	if (weir_mempool_destroy(pool))
		complain("the bystander pool cannot be destroyed: %s", weir_last_error());
	weir_region_destroy(regions[0]);
	weir_region_destroy(regions[1]);
}
