/* SPDX-License-Identifier: BSD-3-Clause */
/* pages.c: which kinds of pages the machine has and how many are free, from /sys and /proc. */
#include "os_impl.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HUGE_DIR "/sys/kernel/mm/hugepages"

/* The number at the start of a file, or behind a word in it. False with errno. */
static bool read_number(const char *path, const char *word, size_t *number)
{
	FILE *file = fopen(path, "re");
	char line[256];
	bool found = false;

	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file)) {
		const char *at = word ? strstr(line, word) : line;

		found = at && sscanf(at + (word ? strlen(word) : 0), "%zu", number) == 1;
	}
	fclose(file);
	if (!found)
		errno = ENODATA;
	return found;
}

static void huge_path(char *path, size_t size, unsigned int log2_size, int node, const char *name)
{
	unsigned long kib = 1ul << (log2_size - 10);

	if (node == WEIR__OS_ALL_NODES)
		snprintf(path, size, HUGE_DIR "/hugepages-%lukB/%s", kib, name);
	else
		snprintf(path, size, "/sys/devices/system/node/node%d/hugepages/hugepages-%lukB/%s",
			node, kib, name);
}

bool weir__os_sees_pages(void)
{
	return access("/sys/kernel/mm", F_OK) == 0 || errno != ENOENT;
}

/* What could not be opened because there is no /sys at all says nothing about pages. */
static bool no_sys(int error)
{
	bool missing = error == ENOENT && !weir__os_sees_pages();

	errno = error;
	return missing;
}

bool weir__os_huge(unsigned int log2_size, int node, struct weir__os_huge *huge)
{
	char total[128], free[128];

	huge_path(total, sizeof(total), log2_size, node, "nr_hugepages");
	huge_path(free, sizeof(free), log2_size, node, "free_hugepages");
	return read_number(total, NULL, &huge->total) && read_number(free, NULL, &huge->free);
}

uint64_t weir__os_huge_sizes(void)
{
	DIR *folder = opendir(HUGE_DIR);
	struct dirent *entry;
	uint64_t sizes = 0;
	unsigned long kib;
	int error;

	if (!folder)
		return no_sys(errno) ? WEIR__OS_HUGE_SIZE : 0; /* a power of two is its own bit */
	errno = 0;
	while ((entry = readdir(folder)))
		if (sscanf(entry->d_name, "hugepages-%lukB", &kib) == 1 && kib)
			sizes |= kib << 10;
	error = errno;
	closedir(folder);
	errno = error ? error : ENOENT;
	return error ? 0 : sizes;
}

bool weir__os_thp_never(bool shared)
{
	FILE *file = fopen(shared ? "/sys/kernel/mm/transparent_hugepage/shmem_enabled"
				  : "/sys/kernel/mm/transparent_hugepage/enabled",
		"re");
	char line[128] = "";
	bool read, never;

	if (!file)
		return !no_sys(errno);
	read = fgets(line, sizeof(line), file);
	never = !read || strstr(line, "[never]") || strstr(line, "[deny]");
	fclose(file);
	errno = read ? 0 : EIO;
	return never;
}

size_t weir__os_thp_bytes(const void *address, size_t size)
{
	FILE *file = fopen("/proc/self/smaps", "re");
	unsigned long start = 0, end = 0, kib;
	uintptr_t from = (uintptr_t)address, to = from + size;
	size_t bytes = 0;
	char line[512];

	if (!file)
		return SIZE_MAX;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			continue;
		if (start < to && end > from &&
			(sscanf(line, "AnonHugePages: %lu kB", &kib) == 1 ||
				sscanf(line, "ShmemPmdMapped: %lu kB", &kib) == 1))
			bytes += kib << 10;
	}
	if (!feof(file))
		bytes = SIZE_MAX;
	fclose(file);
	if (bytes == SIZE_MAX)
		return bytes;
	/* a neighbour may have been merged into the same mapping */
	return bytes < size ? bytes : size;
}

/* The pages of a zone that the kernel keeps from programs: up to its high mark, and for those that
 * only this zone serves. */
struct zone {
	size_t free, high, kept;
};

static size_t zone_available(const struct zone *zone)
{
	size_t kept = zone->high + zone->kept;

	return zone->free > kept ? zone->free - kept : 0;
}

/* The largest number in "protection: (0, 1894, 1894)". */
static size_t largest(const char *list)
{
	size_t number, most = 0;
	int used;

	for (; sscanf(list, "%*[^0-9]%zu%n", &number, &used) == 1; list += used)
		most = number > most ? number : most;
	return most;
}

/* Bytes of free pages of a node that programs may have, SIZE_MAX when the file ends too early. A
 * zone's protection is the last line of it that is read here. */
static size_t zones_available(FILE *file, int node)
{
	struct zone zone = {0, 0, 0};
	size_t pages = 0;
	int of = -1;
	char line[512];

	while (fgets(line, sizeof(line), file)) {
		const char *protection = strstr(line, "protection:");

		if (sscanf(line, "Node %d, zone", &of) == 1 || of != node)
			continue;
		if (protection) {
			zone.kept = largest(protection);
			pages += zone_available(&zone);
		} else if (sscanf(line, " pages free %zu", &zone.free) != 1) {
			sscanf(line, " high %zu", &zone.high);
		}
	}
	return feof(file) ? pages * weir__os_page_size() : SIZE_MAX;
}

/* What a node has free for programs, and the half of its clean file pages, which it gives up
 * without a fight. */
static size_t node_available(int node)
{
	FILE *file = fopen("/proc/zoneinfo", "re");
	size_t bytes, active = 0, inactive = 0;
	char path[64];

	if (!file)
		return SIZE_MAX;
	bytes = zones_available(file, node);
	fclose(file);
	if (bytes == SIZE_MAX)
		return SIZE_MAX;
	snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/meminfo", node);
	if (read_number(path, "Active(file):", &active) &&
		read_number(path, "Inactive(file):", &inactive))
		bytes += (active + inactive) / 2 << 10;
	return bytes;
}

size_t weir__os_available(int node)
{
	size_t machine, group;

	if (node != WEIR__OS_ALL_NODES)
		return node_available(node);
	group = weir__os_cgroup_available();
	if (!read_number("/proc/meminfo", "MemAvailable:", &machine))
		return group;
	machine <<= 10;
	return machine < group ? machine : group;
}
