/* SPDX-License-Identifier: BSD-3-Clause */
/* commit.c: chunks of a region get pages, and give them back. */
#include "mem_impl.h"

#include "base/base_impl.h"

#include <errno.h>
#include <string.h>

static int commit_failed(struct weir_region *region, size_t size, int error)
{
	char bytes[32], place[128];

	weir__bytes_describe(size, bytes, sizeof(bytes));
	weir__place_describe(region, place, sizeof(place));
	return weir__fail(-error, "region '%s': no %s on %s pages%s: %s", region->name, bytes,
		weir_pages_name(region->wanted), place,
		region->why[0] ? region->why : strerror(-error));
}

/* Transparent ones count as larger than base pages. */
static size_t rank(enum weir_pages pages)
{
	return pages == WEIR_PAGES_THP ? WEIR__OS_HUGE_SIZE - 1 : weir__pages_unit(pages);
}

enum weir_pages weir__region_smallest(const struct weir_region *region)
{
	enum weir_pages smallest = WEIR_PAGES_ANY;

	for (size_t i = 0; i < region->chunk_count; i++) {
		enum weir_pages pages = region->chunks[i];

		if (pages != WEIR_PAGES_ANY &&
			(smallest == WEIR_PAGES_ANY || rank(pages) < rank(smallest)))
			smallest = pages;
	}
	return smallest;
}

/* Pages under one chunk. The reasons kept are those for the smallest pages of the region; of chunks
 * on the same pages those of the last. */
static int commit_chunk(struct weir_region *region, size_t chunk)
{
	enum weir_pages smallest = weir__region_smallest(region);
	char before[sizeof(region->why)];
	int error;

	memcpy(before, region->why, sizeof(before));
	region->why[0] = 0;
	error = weir__ladder(region, chunk);
	if (error)
		commit_failed(region, weir__chunk_bytes(region, chunk), error);
	else
		region->file_used = region->file >= 0;
	if (error || !region->why[0] ||
		(smallest != WEIR_PAGES_ANY && rank(region->chunks[chunk]) > rank(smallest)))
		memcpy(region->why, before, sizeof(before));
	return error;
}

/* Several chunks that are too much together are refused before the first one takes what is left of
 * the machine's memory; of each alone the ladder knows. */
static int check_chunks(struct weir_region *region, size_t first, size_t last)
{
	char before[sizeof(region->why)];
	size_t bytes = 0;
	int error;

	for (size_t i = first; i <= last; i++)
		if (region->chunks[i] == WEIR_PAGES_ANY)
			bytes += weir__chunk_bytes(region, i);
	memcpy(before, region->why, sizeof(before));
	region->why[0] = 0;
	error = weir__room_check_all(region, bytes);
	if (error)
		commit_failed(region, bytes, error);
	memcpy(region->why, before, sizeof(before));
	return error;
}

static int commit_chunks(struct weir_region *region, size_t first, size_t last)
{
	int error = first == last ? 0 : check_chunks(region, first, last);

	for (size_t i = first; i <= last && !error; i++)
		if (region->chunks[i] == WEIR_PAGES_ANY)
			error = commit_chunk(region, i);
	return error;
}

int weir_region_commit(struct weir_region *region, size_t offset, size_t size)
{
	int error;

	if (size == 0 || offset >= region->max_size || size > region->max_size - offset)
		return weir__fail(EINVAL, "region '%s': %zu bytes at %zu are not inside its %zu",
			region->name, size, offset, region->max_size);
	pthread_mutex_lock(&region->lock);
	error = commit_chunks(region, offset / region->chunk, (offset + size - 1) / region->chunk);
	pthread_mutex_unlock(&region->lock);
	return error;
}

static int release_chunk(struct weir_region *region, size_t chunk)
{
	int error;

	if (region->chunks[chunk] == WEIR_PAGES_ANY)
		return 0;
	error = weir__chunk_release(region, chunk);
	if (error)
		return weir__fail(-error, "region '%s': chunk %zu cannot be unmapped: %s",
			region->name, chunk, strerror(-error));
	return 0;
}

int weir_region_release(struct weir_region *region, size_t offset, size_t size)
{
	size_t first = offset / region->chunk + (offset % region->chunk != 0);
	int error = 0;

	pthread_mutex_lock(&region->lock);
	for (size_t i = first; i < region->chunk_count && !error; i++) {
		size_t end = i * region->chunk + weir__chunk_bytes(region, i);

		if (end - offset > size)
			break;
		error = release_chunk(region, i);
	}
	pthread_mutex_unlock(&region->lock);
	return error;
}
