/* SPDX-License-Identifier: BSD-3-Clause */
/* ladder.c: pages under one chunk: the largest the request allows and the machine has. What was not
 * taken leaves its reason in region->why. */
#include "mem_impl.h"

#include "base/base_impl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void weir__why(struct weir_region *region, const char *format, ...)
{
	size_t used = strlen(region->why);
	char reason[sizeof(region->why)];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	if (!strstr(region->why, reason))
		snprintf(region->why + used, sizeof(region->why) - used, "%s%s", used ? "; " : "",
			reason);
}

static uint8_t *chunk_address(const struct weir_region *region, size_t chunk)
{
	return region->base + chunk * region->chunk;
}

/* What a peer sent is the peer's: it is not emptied. */
static int empty_file(const struct weir_region *region, size_t chunk, size_t size)
{
	if (region->file < 0 || region->received)
		return 0;
	return weir__os_file_release(region->file, chunk * region->chunk, size);
}

int weir__chunk_release(struct weir_region *region, size_t chunk)
{
	size_t size = weir__chunk_mapped(region, chunk);
	int error = weir__os_unmap(chunk_address(region, chunk), size);

	if (error)
		return error;
	error = empty_file(region, chunk, size);
	region->chunks[chunk] = WEIR_PAGES_ANY;
	if (error)
		weir__ladder(region, chunk); /* as it was: the file has its content still */
	return error;
}

/* Mappings of a shared region are of its file, which the first chunk makes. */
static int map_file(
	struct weir_region *region, uint8_t *address, size_t size, enum weir_pages pages)
{
	if (region->file < 0) {
		int file = weir__os_file(
			region->name, region->reserved, weir__pages_huge(pages) ? pages : 0);

		if (file < 0)
			return file;
		region->file = file;
		region->file_pages = pages;
	}
	return weir__os_map_file(address, size, region->file, (size_t)(address - region->base));
}

/* Nothing was ever got with this file, so nobody has it, and a later one may be of other pages. */
static void forget_file(struct weir_region *region)
{
	if (region->file < 0 || region->file_used)
		return;
	weir__os_close(region->file);
	region->file = -1;
}

/* Take a chunk away that turned out not to be what was asked for. */
static void undo_chunk(struct weir_region *region, size_t chunk)
{
	uint8_t *address = chunk_address(region, chunk);
	size_t size = weir__chunk_mapped(region, chunk);

	if (weir__os_unmap(address, size))
		weir__os_discard(address, size); /* the next rung, or destroy, takes the rest */
	empty_file(region, chunk, size);
	region->chunks[chunk] = WEIR_PAGES_ANY;
	forget_file(region);
}

/* Forbidding transparent hugepages fails where there are none, or where it is forbidden itself:
 * then base pages are what comes, or probably. */
static int advise(struct weir_region *region, uint8_t *address, size_t size, bool huge)
{
	int error = weir__os_advise_huge(address, size, huge);

	if (!error || (!huge && weir__os_thp_never(region->shared)))
		return 0;
	weir__why(region, "madvise: %s", strerror(-error));
	return huge ? error : 0;
}

/* Place, touch, lock and check what was mapped. */
static int furnish(struct weir_region *region, uint8_t *address, size_t size, enum weir_pages pages)
{
	size_t step = weir__pages_unit(pages);
	int error = weir__place(region, address, size);

	if (error)
		weir__why(region, "mbind: %s", strerror(-error));
	else if (!weir__pages_huge(pages))
		error = advise(region, address, size, pages == WEIR_PAGES_THP);
	if (!error && (!region->lazy || weir__pages_huge(pages)))
		error = weir__warmup(address, size, step, 0);
	if (!error && region->locked && !weir__pages_huge(pages)) {
		error = weir__os_lock(address, size);
		if (error)
			weir__why(region, "locking: %s (ulimit -l, or CAP_IPC_LOCK)",
				strerror(-error));
	}
	return error ? error : weir__place_verify(region, address, size, step);
}

/* Put one kind of pages under a chunk: all of it or nothing. */
static int map_rung(struct weir_region *region, size_t chunk, enum weir_pages pages)
{
	uint8_t *address = chunk_address(region, chunk);
	char kind[64];
	size_t size;
	int error;

	region->chunks[chunk] = (uint8_t)pages;
	size = weir__chunk_mapped(region, chunk);
	if (region->file >= 0 || region->shared)
		error = map_file(region, address, size, pages);
	else
		error = weir__os_map(address, size, weir__pages_huge(pages) ? pages : 0);
	if (!error)
		error = furnish(region, address, size, pages);
	if (!error)
		return 0;
	undo_chunk(region, chunk);
	if (!weir__pages_huge(pages)) { /* weir__room_say_huge() has more to say */
		weir__pages_describe(pages, kind, sizeof(kind));
		weir__why(region, "%s: %s", kind, strerror(-error));
	}
	return error;
}

/* Do pages of this size end where the next chunk begins, and inside the addresses? */
static bool fits(const struct weir_region *region, size_t chunk, size_t unit)
{
	size_t start = chunk * region->chunk, bytes = weir__chunk_bytes(region, chunk);

	return ((uintptr_t)region->base + start) % unit == 0 &&
	       start + weir__round_up(bytes, unit) <= region->reserved &&
	       (chunk + 1 == region->chunk_count || bytes % unit == 0);
}

/* Has the kernel pages of this size, as far as can be seen, and has somebody set them up? */
static bool worth_trying(struct weir_region *region, enum weir_pages pages, bool insist)
{
	struct weir__os_huge huge;
	char kind[64];
	int error;

	/* nobody expects more than the usual size unless it was set up */
	if (weir__os_huge(pages, WEIR__OS_ALL_NODES, &huge))
		return insist || pages == WEIR_PAGES_2M || huge.total > 0;
	error = errno;
	if (error == ENOENT && !weir__os_sees_pages())
		return true;
	weir__pages_describe(pages, kind, sizeof(kind));
	if (error == ENOENT)
		weir__why(region, "this kernel has no %s", kind);
	else
		weir__why(region, "%s: no look at how many are free: %s", kind, strerror(error));
	return false;
}

static int try_huge(struct weir_region *region, size_t chunk, enum weir_pages pages)
{
	size_t bytes = weir__chunk_bytes(region, chunk);
	bool insist = region->wanted == pages;
	int error;

	if (!worth_trying(region, pages, insist))
		return -ENOMEM;
	if (!insist && weir__pages_too_large(pages, bytes)) {
		if (pages == WEIR_PAGES_2M)
			weir__why(region, "too small for a 2 MiB hugepage");
		return -ENOMEM;
	}
	if (!fits(region, chunk, weir__pages_unit(pages)))
		return -ENOMEM;
	error = map_rung(region, chunk, pages);
	if (error)
		weir__room_say_huge(region, bytes, pages, error);
	return error;
}

/* Locking touches, too. */
static int check_room(struct weir_region *region, size_t bytes)
{
	return region->lazy && !region->locked ? 0 : weir__room_check(region, bytes);
}

static int say_thp_never(struct weir_region *region, int error)
{
	if (error == 0)
		weir__why(region,
			"transparent hugepages%s are off (echo %s > "
			"/sys/kernel/mm/transparent_hugepage/%s)",
			region->shared ? " for shared memory" : "",
			region->shared ? "advise" : "madvise",
			region->shared ? "shmem_enabled" : "enabled");
	else if (error == ENOENT)
		weir__why(region, "this kernel has no transparent hugepages");
	else
		weir__why(region,
			"transparent hugepages: no look at whether they are switched on: %s",
			strerror(error));
	return -ENOTSUP;
}

static int try_thp(struct weir_region *region, size_t chunk)
{
	size_t bytes = weir__chunk_bytes(region, chunk);
	uint8_t *address = chunk_address(region, chunk);
	int error;

	if (weir__os_thp_never(region->shared))
		return say_thp_never(region, errno);
	if (bytes < WEIR__OS_HUGE_SIZE) {
		if (region->wanted == WEIR_PAGES_THP)
			weir__why(region, "too small for a transparent hugepage of 2 MiB");
		return -ENOMEM;
	}
	error = check_room(region, bytes);
	if (!error)
		error = map_rung(region, chunk, WEIR_PAGES_THP);
	/* For the first chunk only: the kernel finds this out by walking all of the process. */
	if (error || region->lazy || chunk > 0 || weir__os_thp_bytes(address, bytes) > 0)
		return error;
	undo_chunk(region, chunk);
	weir__why(region, "the kernel gave no transparent hugepages");
	return -ENOMEM;
}

static int try_base(struct weir_region *region, size_t chunk)
{
	int error = check_room(region, weir__chunk_bytes(region, chunk));

	return error ? error : map_rung(region, chunk, WEIR_PAGES_4K);
}

static int try_rung(struct weir_region *region, size_t chunk, enum weir_pages pages)
{
	if (pages == WEIR_PAGES_THP)
		return try_thp(region, chunk);
	return pages == WEIR_PAGES_4K ? try_base(region, chunk) : try_huge(region, chunk, pages);
}

int weir__ladder(struct weir_region *region, size_t chunk)
{
	uint64_t sizes;

	/* a file is of one kind */
	if (region->file >= 0)
		return try_rung(region, chunk, region->file_pages);
	if (region->wanted != WEIR_PAGES_ANY)
		return try_rung(region, chunk, region->wanted);
	sizes = weir__os_huge_sizes();
	if (sizes == 0)
		weir__why(region, "no hugepages in /sys/kernel/mm/hugepages: %s", strerror(errno));
	for (int log2_size = 63; log2_size > WEIR_PAGES_4K; log2_size--)
		if (sizes >> log2_size & 1 &&
			try_huge(region, chunk, (enum weir_pages)log2_size) == 0)
			return 0;
	if (try_thp(region, chunk) == 0)
		return 0;
	return try_base(region, chunk);
}
