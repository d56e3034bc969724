/* SPDX-License-Identifier: BSD-3-Clause */
/* region.c: the page ladder: take the largest pages the request allows and the machine has, and
 * keep the reason why nothing larger was taken. */
#include "weir/mem.h"

#include "base/base_impl.h"
#include "os/os_impl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct weir_region {
	void *base;
	size_t size;
	enum weir_pages pages;
	char why[320];      /* not better, while walking down */
	char describe[448]; /* for a report */
};

const char *weir_pages_name(enum weir_pages pages)
{
	static const char *const names[] = {"any", "2M", "thp", "4K"};

	return (unsigned int)pages < 4 ? names[pages] : "unknown";
}

/* Map on one rung, bind and populate: all of it or nothing. */
static int map_rung(struct weir_region *region, size_t size, enum weir_pages pages, int node)
{
	bool huge = pages == WEIR_PAGES_2M;
	size_t unit = huge ? WEIR__OS_HUGE_SIZE : weir__os_page_size();
	int error;

	region->size = weir__round_up(size, unit);
	error = weir__os_map(region->size, huge, &region->base);
	if (error)
		return error;
	if (!huge)
		weir__os_advise_huge(region->base, region->size, pages == WEIR_PAGES_THP);
	if (node != WEIR_NODE_ANY)
		error = weir__os_bind(region->base, region->size, node - 1);
	if (!error)
		error = weir__os_populate(region->base, region->size, huge);
	if (error)
		weir__os_unmap(region->base, region->size);
	else
		region->pages = pages;
	return error;
}

/* Why a rung was not taken, behind what was said of those above it. */
static void add_why(struct weir_region *region, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void add_why(struct weir_region *region, const char *format, ...)
{
	size_t used = strlen(region->why);
	va_list args;

	if (used > 0 && used + 2 < sizeof(region->why)) {
		memcpy(region->why + used, "; ", 3);
		used += 2;
	}
	va_start(args, format);
	vsnprintf(region->why + used, sizeof(region->why) - used, format, args);
	va_end(args);
}

static int try_2m(struct weir_region *region, const struct weir_region_conf *conf)
{
	size_t want = weir__round_up(conf->size, WEIR__OS_HUGE_SIZE) / WEIR__OS_HUGE_SIZE;
	size_t have;
	int error;

	/* A tiny pool is not worth a page that serves a thousand packets elsewhere. */
	if (conf->pages == WEIR_PAGES_ANY && conf->size < WEIR__OS_HUGE_SIZE / 2) {
		add_why(region, "too small for a 2 MiB hugepage");
		return -ENOMEM;
	}
	error = map_rung(region, conf->size, WEIR_PAGES_2M, conf->node);
	if (!error)
		return 0;
	have = weir__os_huge_free();
	/* the number in nr_hugepages is of all pages, those in use by others too */
	if (have < want)
		add_why(region,
			"2 MiB hugepages: wanted %zu, free %zu (echo %zu > "
			"/proc/sys/vm/nr_hugepages)",
			want, have, weir__os_huge_total() + want - have);
	else
		add_why(region, "2 MiB hugepages: wanted %zu, free %zu, but %s", want, have,
			strerror(-error));
	return error;
}

static int try_thp(struct weir_region *region, const struct weir_region_conf *conf)
{
	int error;

	if (weir__os_thp_never()) {
		add_why(region, "transparent hugepages are off (echo madvise > "
				"/sys/kernel/mm/transparent_hugepage/enabled)");
		return -ENOTSUP;
	}
	if (conf->size < WEIR__OS_HUGE_SIZE) {
		if (conf->pages == WEIR_PAGES_THP)
			add_why(region, "too small for a transparent hugepage of 2 MiB");
		return -ENOMEM;
	}
	error = map_rung(region, conf->size, WEIR_PAGES_THP, conf->node);
	if (error || weir__os_thp_bytes(region->base, region->size) > 0)
		return error;
	weir__os_unmap(region->base, region->size);
	add_why(region, "the kernel gave no transparent hugepages");
	return -ENOMEM;
}

static int walk_ladder(struct weir_region *region, const struct weir_region_conf *conf)
{
	switch (conf->pages) {
	case WEIR_PAGES_2M:
		return try_2m(region, conf);
	case WEIR_PAGES_THP:
		return try_thp(region, conf);
	case WEIR_PAGES_4K:
		return map_rung(region, conf->size, WEIR_PAGES_4K, conf->node);
	default:
		break;
	}
	if (try_2m(region, conf) == 0 || try_thp(region, conf) == 0)
		return 0;
	return map_rung(region, conf->size, WEIR_PAGES_4K, conf->node);
}

static void describe_size(char *text, size_t text_size, size_t bytes)
{
	if (bytes >= 1 << 20)
		snprintf(text, text_size, "%.4g MiB", (double)bytes / (1 << 20));
	else
		snprintf(text, text_size, "%zu KiB", bytes >> 10);
}

static void describe(struct weir_region *region)
{
	char size[32], thp[64], huge[32];
	const char *on = "4 KiB pages";

	describe_size(size, sizeof(size), region->size);
	if (region->pages == WEIR_PAGES_2M)
		on = "2 MiB hugepages";
	if (region->pages == WEIR_PAGES_THP) {
		describe_size(huge, sizeof(huge), weir__os_thp_bytes(region->base, region->size));
		snprintf(thp, sizeof(thp), "transparent hugepages (%s of it)", huge);
		on = thp;
	}
	snprintf(region->describe, sizeof(region->describe), "%s on %s%s%s", size, on,
		region->why[0] ? "; " : "", region->why);
}

struct weir_region *weir_region_create(const struct weir_region_conf *conf)
{
	struct weir_region *region;
	int error;

	if (conf->size == 0 || conf->size > SIZE_MAX / 2 ||
		(unsigned int)conf->pages > WEIR_PAGES_4K)
		return weir__fail_null(EINVAL,
			"region of %zu bytes on pages %d: size must be above 0 and below 2^63, "
			"and pages one of WEIR_PAGES_*",
			conf->size, (int)conf->pages);
	if (conf->node < 0)
		return weir__fail_null(
			EINVAL, "node is %d: WEIR_NODE(n) or WEIR_NODE_ANY", conf->node);
	if (conf->node != WEIR_NODE_ANY && !weir__os_node_exists(conf->node - 1))
		return weir__fail_null(ENODEV,
			"NUMA node %d has no memory here; see `ls /sys/devices/system/node`",
			conf->node - 1);
	region = calloc(1, sizeof(*region));
	if (!region)
		return weir__fail_null(ENOMEM, "no memory for a region");
	error = walk_ladder(region, conf);
	if (error) {
		weir__fail(-error, "region of %zu bytes on %s pages: %s%s%s", conf->size,
			weir_pages_name(conf->pages), strerror(-error), region->why[0] ? "; " : "",
			region->why);
		free(region);
		return NULL;
	}
	describe(region);
	return region;
}

void weir_region_destroy(struct weir_region *region)
{
	if (!region)
		return;
	weir__os_unmap(region->base, region->size);
	free(region);
}

void *weir_region_base(const struct weir_region *region)
{
	return region->base;
}

size_t weir_region_size(const struct weir_region *region)
{
	return region->size;
}

enum weir_pages weir_region_pages(const struct weir_region *region)
{
	return region->pages;
}

const char *weir_region_describe(const struct weir_region *region)
{
	return region->describe;
}
