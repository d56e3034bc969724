/* SPDX-License-Identifier: BSD-3-Clause */
/* map.c: addresses and the pages under them. */
#include "os_impl.h"

#include <errno.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT 26 /* linux/mman.h */
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* linux/mman.h since 5.14; libc of Debian 12 has it too */
#endif

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000 /* linux/mman.h since 4.17; before, a mere wish */
#endif

#define ASK_MAX 1024 /* pages asked about with one call: so many bytes on the stack */

#define ADDRESSES_ONLY (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

size_t weir__os_page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static int give_up(void *address, size_t size)
{
	int error = -errno;

	munmap(address, size);
	return error;
}

/* Reserve more by align and give back what sticks out on both sides. */
int weir__os_reserve(size_t size, size_t align, void **address)
{
	uintptr_t start, aligned;
	uint8_t *got;

	if (size > SIZE_MAX - align)
		return -ENOMEM;
	got = mmap(NULL, size + align, PROT_NONE, ADDRESSES_ONLY, -1, 0);
	if (got == MAP_FAILED)
		return -errno;
	start = (uintptr_t)got;
	aligned = (start + align - 1) & ~(align - 1);
	if (aligned > start && munmap(got, aligned - start))
		return give_up(got, size + align);
	got += aligned - start;
	if (munmap(got + size, start + align - aligned))
		return give_up(got, size + start + align - aligned);
	*address = got;
	return 0;
}

/* Replace what lies under the address. */
static int replace(void *address, size_t size, int protection, int flags, int file, size_t offset)
{
	void *got = mmap(address, size, protection, flags | MAP_FIXED, file, (off_t)offset);

	return got == MAP_FAILED ? -errno : 0;
}

/* Where the kernel cannot have a mapping, for lack of hugepages say, it may find out only after it
 * has removed the one that was there (Linux 6.18 does). The hole is then anyone's: the next mapping
 * of another thread may lie in it, and we would replace that. So see elsewhere first whether it can
 * be had, and if it then fails all the same, close the hole at once. */
static int map(void *address, size_t size, int flags, int file, size_t offset)
{
	int protection = PROT_READ | PROT_WRITE, error;
	void *elsewhere = mmap(NULL, size, protection, flags, file, (off_t)offset);

	if (elsewhere == MAP_FAILED)
		return -errno;
	weir__os_unreserve(elsewhere, size);
	error = replace(address, size, protection, flags, file, offset);
	if (error)
		mmap(address, size, PROT_NONE, ADDRESSES_ONLY | MAP_FIXED_NOREPLACE, -1, 0);
	return error;
}

int weir__os_map(void *address, size_t size, unsigned int huge_log2)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS;

	/* for base pages the kernel knows before, and twice the addresses may be too many */
	if (!huge_log2)
		return replace(address, size, PROT_READ | PROT_WRITE, flags, -1, 0);
	return map(address, size, flags | MAP_HUGETLB | (int)(huge_log2 << MAP_HUGE_SHIFT), -1, 0);
}

int weir__os_map_file(void *address, size_t size, int file, size_t offset)
{
	return map(address, size, MAP_SHARED, file, offset);
}

int weir__os_unmap(void *address, size_t size)
{
	return replace(address, size, PROT_NONE, ADDRESSES_ONLY, -1, 0);
}

void weir__os_unreserve(void *address, size_t size)
{
	/* The kernel refuses when it would have to cut one mapping into more than the process may
	 * have (vm.max_map_count). The addresses are lost then, but not the memory. */
	if (munmap(address, size) && weir__os_unmap(address, size))
		weir__os_discard(address, size);
}

int weir__os_advise_huge(void *address, size_t size, bool huge)
{
	return madvise(address, size, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE) ? -errno : 0;
}

int weir__os_populate(void *address, size_t size, size_t step)
{
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

size_t weir__os_present(const void *address, size_t size)
{
	unsigned char present[ASK_MAX];
	size_t page = weir__os_page_size(), pages = 0;

	for (size_t at = 0; at < size; at += ASK_MAX * page) {
		size_t bytes = size - at < ASK_MAX * page ? size - at : ASK_MAX * page;

		if (mincore((void *)((uintptr_t)address + at), bytes, present))
			return size;
		for (size_t i = 0; i < bytes / page; i++)
			pages += present[i] & 1;
	}
	return pages * page;
}

void weir__os_discard(void *address, size_t size)
{
	madvise(address, size, MADV_DONTNEED);
}

int weir__os_lock(void *address, size_t size)
{
	return mlock(address, size) ? -errno : 0;
}

unsigned int weir__os_processors(void)
{
	cpu_set_t processors;

	/* EINVAL on machines with more than the 1,024 of a cpu_set_t: then any number will do */
	if (sched_getaffinity(0, sizeof(processors), &processors))
		return CPU_SETSIZE;
	return (unsigned int)CPU_COUNT(&processors);
}
