/* SPDX-License-Identifier: BSD-3-Clause */
/* region.c: a range of addresses in chunks, from its reservation to its end, and what is asked of
 * it. */
#include "mem_impl.h"

#include "base/base_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t weir__chunk_bytes(const struct weir_region *region, size_t chunk)
{
	size_t start = chunk * region->chunk;

	return region->max_size - start < region->chunk ? region->max_size - start : region->chunk;
}

size_t weir__chunk_mapped(const struct weir_region *region, size_t chunk)
{
	return weir__round_up(
		weir__chunk_bytes(region, chunk), weir__pages_unit(region->chunks[chunk]));
}

static int check_conf(const struct weir_region_conf *conf, const char *name)
{
	size_t most = conf->max_size ? conf->max_size : conf->size;

	if (most == 0 || most > SIZE_MAX / 4 || conf->size > most || conf->chunk > SIZE_MAX / 4)
		return weir__fail(EINVAL,
			"region '%s': size %zu, max_size %zu, chunk %zu: size must be above 0, not "
			"above "
			"max_size, and all below 2^62",
			name, conf->size, conf->max_size, conf->chunk);
	if (strcmp(weir_pages_name(conf->pages), "unknown") == 0)
		return weir__fail(EINVAL, "region '%s': pages %d: say one of WEIR_PAGES_*", name,
			(int)conf->pages);
	return 0;
}

static size_t round_up(size_t value, size_t unit)
{
	return (value + unit - 1) / unit * unit;
}

/* Interleaving begins anew with every mapping of reserved pages, so a chunk must hold a page of
 * each node to be even. */
static size_t interleave_unit(const struct weir_region *region)
{
	if (region->anywhere || region->placement != WEIR_PLACE_INTERLEAVE)
		return 1;
	return weir__nodes_count(&region->nodes);
}

static void choose_chunk(struct weir_region *region, size_t chunk)
{
	size_t unit = WEIR__OS_HUGE_SIZE;

	if (weir__pages_unit(region->wanted) > unit)
		unit = weir__pages_unit(region->wanted);
	/* a single one is rounded up to its pages only */
	if (chunk == 0 || chunk >= region->max_size)
		region->chunk = region->max_size;
	else
		region->chunk = round_up(chunk, unit * interleave_unit(region));
	if (region->chunk > region->max_size)
		region->chunk = region->max_size;
}

/* The largest page a chunk may lie on decides where the region may begin. */
static size_t choose_alignment(const struct weir_region *region)
{
	uint64_t sizes = weir__os_huge_sizes();
	size_t align =
		region->max_size < WEIR__OS_HUGE_SIZE ? weir__os_page_size() : WEIR__OS_HUGE_SIZE;

	if (weir__pages_huge(region->wanted))
		return weir__pages_unit(region->wanted);
	if (region->wanted != WEIR_PAGES_ANY)
		return align;
	for (int log2_size = WEIR_PAGES_4K + 1; log2_size < 64; log2_size++)
		if (sizes >> log2_size & 1 && (size_t)1 << log2_size > align &&
			!weir__pages_too_large((enum weir_pages)log2_size, region->chunk))
			align = (size_t)1 << log2_size;
	return align;
}

/* Addresses. Those of a received region need be aligned for its own pages only, and for transparent
 * ones. */
static int reserve(struct weir_region *region, size_t reserved)
{
	size_t align = choose_alignment(region);
	int error;

	region->reserved = reserved ? reserved : weir__round_up(region->max_size, align);
	error = weir__os_reserve(region->reserved, align, (void **)&region->base);
	if (error == -ENOMEM)
		return weir__fail(ENOMEM,
			"region '%s': no %zu bytes of memory addresses are left (ulimit -v, or "
			"vm.max_map_count)",
			region->name, region->max_size);
	if (error)
		return weir__fail(-error, "region '%s': no memory addresses: %s", region->name,
			strerror(-error));
	return 0;
}

static int get_chunks(struct weir_region *region, size_t chunk, bool received)
{
	if (received)
		region->chunk = chunk;
	else
		choose_chunk(region, chunk);
	region->chunk_count = (region->max_size + region->chunk - 1) / region->chunk;
	region->chunks = calloc(region->chunk_count, sizeof(*region->chunks));
	return region->chunks ? 0 : weir__fail(ENOMEM, "no memory for region '%s'", region->name);
}

struct weir_region *weir__region_new(const struct weir_region_conf *conf, size_t reserved)
{
	const char *name = conf->name ? conf->name : "region";
	struct weir_region *region;
	int error;

	if (check_conf(conf, name))
		return NULL;
	region = calloc(1, sizeof(*region));
	if (!region)
		return weir__fail_null(ENOMEM, "no memory for region '%s'", name);
	pthread_mutex_init(&region->lock, NULL);
	snprintf(region->name, sizeof(region->name), "%s", name);
	region->file = -1;
	region->wanted = conf->pages;
	region->shared = conf->shared;
	region->locked = conf->locked;
	region->lazy = conf->lazy;
	region->max_size =
		weir__round_up(conf->max_size ? conf->max_size : conf->size, weir__os_page_size());
	region->chunk = region->max_size;
	region->received = reserved > 0;
	if (!reserve(region, reserved) && !weir__place_init(region, conf) &&
		!get_chunks(region, conf->chunk, region->received))
		return region;
	error = errno;
	weir_region_destroy(region);
	errno = error;
	return NULL;
}

struct weir_region *weir_region_create(const struct weir_region_conf *conf)
{
	struct weir_region *region = weir__region_new(conf, 0);

	if (!region)
		return NULL;
	if (conf->size && weir_region_commit(region, 0, conf->size)) {
		int error = errno;

		weir_region_destroy(region);
		errno = error;
		return NULL;
	}
	weir__regions_add(region);
	return region;
}

void weir_region_destroy(struct weir_region *region)
{
	if (!region)
		return;
	weir__regions_remove(region);
	if (region->base)
		weir__os_unreserve(region->base, region->reserved);
	if (region->file >= 0)
		weir__os_close(region->file);
	pthread_mutex_destroy(&region->lock);
	free(region->chunks);
	free(region);
}

void *weir_region_base(const struct weir_region *region)
{
	return region->base;
}

size_t weir_region_size(struct weir_region *region)
{
	size_t size = 0;

	pthread_mutex_lock(&region->lock);
	for (size_t i = 0; i < region->chunk_count; i++)
		if (region->chunks[i] != WEIR_PAGES_ANY)
			size += weir__chunk_mapped(region, i);
	pthread_mutex_unlock(&region->lock);
	return size;
}

size_t weir_region_max_size(const struct weir_region *region)
{
	return region->max_size;
}

size_t weir_region_chunk(const struct weir_region *region)
{
	return region->chunk;
}

enum weir_pages weir_region_pages_at(struct weir_region *region, size_t offset)
{
	enum weir_pages pages = WEIR_PAGES_ANY;

	if (offset >= region->max_size)
		return pages;
	pthread_mutex_lock(&region->lock);
	pages = region->chunks[offset / region->chunk];
	pthread_mutex_unlock(&region->lock);
	return pages;
}

enum weir_pages weir_region_pages(struct weir_region *region)
{
	enum weir_pages pages;

	pthread_mutex_lock(&region->lock);
	pages = weir__region_smallest(region);
	pthread_mutex_unlock(&region->lock);
	return pages;
}

int weir_region_node_of(const struct weir_region *region, const void *address)
{
	size_t offset = (size_t)((const uint8_t *)address - region->base);
	void *page = region->base + (offset & ~(weir__os_page_size() - 1));
	int node, error;

	if (offset >= region->reserved)
		return -EINVAL;
	error = weir__os_nodes_of(&page, 1, &node);
	return error ? error : node;
}
