/* SPDX-License-Identifier: BSD-3-Clause */
/* pages.c: which kinds of pages the machine has and how many are free, from /sys and /proc. */
#include "os_impl.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
		return 0;
	errno = 0;
	while ((entry = readdir(folder)))
		if (sscanf(entry->d_name, "hugepages-%lukB", &kib) == 1 && kib)
			sizes |= kib << 10; /* a power of two is its own bit */
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
		return true;
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

/* What a node has free, and the half of its clean file pages that it gives up without a fight. */
static size_t node_available(int node)
{
	size_t free, files = 0, shared = 0;
	char path[64];

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/meminfo", node);
	if (!read_number(path, "MemFree:", &free))
		return SIZE_MAX;
	if (read_number(path, "FilePages:", &files) && read_number(path, "Shmem:", &shared))
		free += (files - shared) / 2;
	return free << 10;
}

/* What the memory cgroup of this process has left. Version 2; in a container its own is the root.
 * */
static size_t cgroup_available(void)
{
	char line[256], max[320], current[320];
	FILE *file = fopen("/proc/self/cgroup", "re");
	size_t limit, used, left = SIZE_MAX;

	if (!file)
		return SIZE_MAX;
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = 0;
		if (strncmp(line, "0::", 3) != 0)
			continue;
		snprintf(max, sizeof(max), "/sys/fs/cgroup%s/memory.max", line + 3);
		snprintf(current, sizeof(current), "/sys/fs/cgroup%s/memory.current", line + 3);
		/* "max", no number, is no limit */
		if (read_number(max, NULL, &limit) && read_number(current, NULL, &used))
			left = limit > used ? limit - used : 0;
	}
	fclose(file);
	return left;
}

size_t weir__os_available(int node)
{
	size_t machine, group;

	if (node != WEIR__OS_ALL_NODES)
		return node_available(node);
	group = cgroup_available();
	if (!read_number("/proc/meminfo", "MemAvailable:", &machine))
		return group;
	machine <<= 10;
	return machine < group ? machine : group;
}
