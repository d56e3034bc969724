/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel.c: /proc/self, read. */
#include "kernel.h"

#include <dirent.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct kernel_mapping kernel_mapping(const void *address)
{
	struct kernel_mapping mapping = {.page_kib = 0};
	FILE *file = fopen("/proc/self/smaps", "re");
	unsigned long start, end, at = (uintptr_t)address;
	bool inside = false;
	char line[512], rights[5];

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx %4s", &start, &end, rights) == 3) {
			inside = at >= start && at < end;
			if (inside)
				mapping.accessible = strncmp(rights, "rw", 2) == 0;
		} else if (inside && strncmp(line, "VmFlags:", 8) == 0) {
			mapping.locked = strstr(line, " lo");
			mapping.no_huge = strstr(line, " nh");
		} else if (inside) {
			sscanf(line, "KernelPageSize: %lu kB", &mapping.page_kib);
		}
	}
	if (file)
		fclose(file);
	return mapping;
}

static void count_mappings(struct kernel_holdings *holdings)
{
	FILE *file = fopen("/proc/self/maps", "re");
	unsigned long start, end;
	char line[512];

	while (file && fgets(line, sizeof(line), file)) {
		if (strstr(line, "[heap]") || strstr(line, "[stack]") ||
			sscanf(line, "%lx-%lx ", &start, &end) != 2)
			continue;
		holdings->mappings++;
		holdings->bytes += end - start;
	}
	if (file)
		fclose(file);
}

struct kernel_holdings kernel_holdings(void)
{
	struct kernel_holdings holdings = {.files = 0};
	DIR *folder = opendir("/proc/self/fd");

	while (folder && readdir(folder))
		holdings.files++;
	if (folder)
		closedir(folder);
	if (SANITIZED)
		return holdings;
	holdings.heap = mallinfo2().uordblks;
	count_mappings(&holdings);
	return holdings;
}
