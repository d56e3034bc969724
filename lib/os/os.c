/* SPDX-License-Identifier: BSD-3-Clause */
/* os.c: memory from the kernel. */
#include "os_impl.h"

#include <errno.h>
#include <numa.h>
#include <numaif.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MAP_HUGE_2MB
#define MAP_HUGE_2MB (21 << 26) /* linux/mman.h: log2 of the size above MAP_HUGE_SHIFT */
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* linux/mman.h since 5.14; libc of Debian 12 has it too */
#endif

size_t weir__os_page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static int map(size_t size, int flags, void **address)
{
	void *got = mmap(
		NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	if (got == MAP_FAILED)
		return -errno;
	*address = got;
	return 0;
}

/* Map one hugepage more than asked and give back what sticks out on both sides. */
static int map_aligned(size_t size, void **address)
{
	uintptr_t start, aligned;
	size_t before, after;
	void *got = NULL;
	int error = map(size + WEIR__OS_HUGE_SIZE, 0, &got);

	if (error)
		return error;
	start = (uintptr_t)got;
	aligned = (start + WEIR__OS_HUGE_SIZE - 1) & ~(WEIR__OS_HUGE_SIZE - 1);
	before = aligned - start;
	after = WEIR__OS_HUGE_SIZE - before;
	if (before)
		munmap(got, before);
	if (after)
		munmap((uint8_t *)got + before + size, after);
	*address = (uint8_t *)got + before;
	return 0;
}

int weir__os_map(size_t size, bool huge, void **address)
{
	if (huge)
		return map(size, MAP_HUGETLB | MAP_HUGE_2MB, address);
	if (size < WEIR__OS_HUGE_SIZE)
		return map(size, 0, address);
	if (size > SIZE_MAX - WEIR__OS_HUGE_SIZE)
		return -ENOMEM;
	return map_aligned(size, address);
}

void weir__os_unmap(void *address, size_t size)
{
	munmap(address, size);
}

int weir__os_advise_huge(void *address, size_t size, bool huge)
{
	return madvise(address, size, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE) ? -errno : 0;
}

int weir__os_bind(void *address, size_t size, int node)
{
	struct bitmask *nodes;
	long result;

	if (numa_available() < 0)
		return 0; /* one node, and weir__os_node_exists() let only 0 pass */
	nodes = numa_allocate_nodemask();
	numa_bitmask_setbit(nodes, (unsigned int)node);
	result = mbind(address, size, MPOL_BIND, nodes->maskp, nodes->size + 1, 0);
	numa_bitmask_free(nodes);
	return result ? -errno : 0;
}

int weir__os_populate(void *address, size_t size, bool huge)
{
	size_t step = huge ? WEIR__OS_HUGE_SIZE : weir__os_page_size();

	if (madvise(address, size, MADV_POPULATE_WRITE) == 0)
		return 0;
	if (errno == EFAULT)
		return -ENOMEM; /* no page on that node */
	if (errno != EINVAL)
		return -errno;
	/* Before Linux 5.14. The map call has reserved the hugepages then, so this is safe unless
	 * the node was bound, which such a kernel answers with a SIGBUS we cannot prevent. */
	for (size_t at = 0; at < size; at += step)
		((uint8_t *)address)[at] = 0;
	return 0;
}

static size_t read_count(const char *path)
{
	FILE *file = fopen(path, "re");
	size_t pages = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%zu", &pages) != 1)
		pages = 0;
	fclose(file);
	return pages;
}

size_t weir__os_huge_total(void)
{
	return read_count("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages");
}

size_t weir__os_huge_free(void)
{
	return read_count("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
}

bool weir__os_thp_never(void)
{
	FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "re");
	char line[128] = "";
	bool never;

	if (!file)
		return true;
	never = !fgets(line, sizeof(line), file) || strstr(line, "[never]");
	fclose(file);
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
		return 0;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			continue;
		if (start < to && end > from && sscanf(line, "AnonHugePages: %lu kB", &kib) == 1)
			bytes += kib << 10;
	}
	fclose(file);
	/* a neighbour may have been merged into the same mapping */
	return bytes < size ? bytes : size;
}

bool weir__os_node_exists(int node)
{
	if (numa_available() < 0)
		return node == 0;
	return node >= 0 && node <= numa_max_node() && numa_node_size64(node, NULL) > 0;
}
