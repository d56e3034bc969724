/* SPDX-License-Identifier: BSD-3-Clause */
/* os_impl.h: every system call the library makes for memory and cores, each with what must hold
 * before it. All return 0 or -errno, or a figure, and leave sentences to the caller.
 *
 *	map.c	addresses and pages
 *	pages.c	which kinds of pages there are
 *	node.c	NUMA nodes
 *	lcore.c	logical cores
 *	share.c	memory for other processes
 *	random.c	secrets
 */
#ifndef WEIR_OS_IMPL_H
#define WEIR_OS_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A transparent hugepage of x86-64, and of arm64 with 4 KiB pages. */
#define WEIR__OS_HUGE_LOG2 21
#define WEIR__OS_HUGE_SIZE (1ul << WEIR__OS_HUGE_LOG2)

/* ---- map.c ---- */

/* Bytes of a base page. */
size_t weir__os_page_size(void);

/* Reserve size bytes of addresses at a multiple of align; both multiples of the page size. Nothing
 * may be touched there yet. */
int weir__os_reserve(size_t size, size_t align, void **address);

/* Put private pages under reserved addresses: base pages for huge_log2 0, otherwise reserved
 * hugepages of that size, of which address and size are multiples. Nothing is touched. */
int weir__os_map(void *address, size_t size, unsigned int huge_log2);

/* Put the pages of a memory file from offset on there. */
int weir__os_map_file(void *address, size_t size, int file, size_t offset);

/* Take pages away and keep the addresses reserved. */
int weir__os_unmap(void *address, size_t size);

/* Give the addresses up, too. Where the kernel refuses that, at least the memory. */
void weir__os_unreserve(void *address, size_t size);

/* Let the kernel use transparent hugepages for the range, or forbid it. */
int weir__os_advise_huge(void *address, size_t size, bool huge);

/* Touch every page for writing, of the size step. Where reserved hugepages are missing on the node
 * this fails with -ENOMEM; touching them by hand would be a SIGBUS. */
int weir__os_populate(void *address, size_t size, size_t step);

/* Bytes of mapped addresses that have pages; all of them when the kernel does not say. */
size_t weir__os_present(const void *address, size_t size);

/* Give the content of whole base pages back: they read as zero, or as before, from now on. */
void weir__os_discard(void *address, size_t size);

int weir__os_lock(void *address, size_t size);

/* Processors this thread may run on. */
unsigned int weir__os_processors(void);

/* ---- pages.c ---- */

/* Reserved hugepages of a size, of the machine or, from node 0 on, of a node. */
struct weir__os_huge {
	size_t total;
	size_t free;
};

#define WEIR__OS_ALL_NODES (-1)

/* Is /sys here to say which pages there are? In a bare container it is not. */
bool weir__os_sees_pages(void);

/* False with errno: ENOENT when the kernel has no such size. */
bool weir__os_huge(unsigned int log2_size, int node, struct weir__os_huge *huge);

/* The sizes there are, as bits: bit 21 for 2 MiB, and that one alone when none can be seen. 0 with
 * errno, ENOENT when there are none. */
uint64_t weir__os_huge_sizes(void);

/* Are transparent hugepages switched off (errno is 0 then), missing (ENOENT), or is that not to be
 * found out (another errno)? shared: for memory files. */
bool weir__os_thp_never(bool shared);

/* Bytes of the range that lie on transparent hugepages. SIZE_MAX when unknown. */
size_t weir__os_thp_bytes(const void *address, size_t size);

/* Bytes that this process can still get before the kernel kills something: what is available on the
 * machine or a node, for the machine also what its memory cgroup allows. SIZE_MAX when unknown. */
size_t weir__os_available(int node);

/* cgroup.c: what its control groups leave of memory. SIZE_MAX without a limit. */
size_t weir__os_cgroup_available(void);

/* ---- node.c ---- */

/* The kernel's limit, CONFIG_NODES_SHIFT, is 10 at most. */
#define WEIR__NODES_MAX 1024

struct weir__nodes {
	unsigned long bits[WEIR__NODES_MAX / (8 * sizeof(unsigned long))];
};

static inline bool weir__nodes_has(const struct weir__nodes *nodes, unsigned int node)
{
	return node < WEIR__NODES_MAX && nodes->bits[node / 64] >> node % 64 & 1;
}

/* Has this kernel NUMA calls that this process may use? 0, -ENOSYS or -EPERM. */
int weir__os_numa(void);

/* The nodes with memory, and those of them that the cpuset allows. Node 0 without NUMA. */
void weir__os_nodes_with_memory(struct weir__nodes *nodes);
void weir__os_nodes_allowed(struct weir__nodes *nodes);

/* Is there such a node, with or without memory? */
bool weir__os_node_exists(unsigned int node);

/* Place the pages of the range when they are touched; before the first touch. */
int weir__os_bind(void *address, size_t size, const struct weir__nodes *nodes);
int weir__os_prefer(void *address, size_t size, unsigned int node);
int weir__os_local(void *address, size_t size); /* of the processor that touches them */
int weir__os_interleave(void *address, size_t size, const struct weir__nodes *nodes);

/* The nodes of count pages, or -errno for each: -ENOENT without a page. */
int weir__os_nodes_of(void **addresses, size_t count, int *nodes);

/* ---- lcore.c ---- */

#define WEIR__LCORES_MAX 1024

struct weir__lcores {
	unsigned long bits[WEIR__LCORES_MAX / (8 * sizeof(unsigned long))];
};

/* Those the calling thread may run on, those there are, and those of this process' cpuset; core 0
 * when the kernel says nothing. */
void weir__os_lcores_affinity(struct weir__lcores *lcores);
void weir__os_lcores_online(struct weir__lcores *lcores);
void weir__os_lcores_cpuset(struct weir__lcores *lcores);

/* Those that are isolated, and those of a node; false when there are none, or no such node. */
bool weir__os_lcores_isolated(struct weir__lcores *lcores);
bool weir__os_lcores_of_node(unsigned int node, struct weir__lcores *lcores);

/* The node of a core, 0 without NUMA, or -ENODEV. */
int weir__os_node_of_lcore(unsigned int lcore);

/* The number that the kernel knows the calling thread by. */
uint32_t weir__os_thread(void);

/* Let the calling thread run on these only; -EINVAL when the cpuset has none of them. */
int weir__os_set_affinity(const struct weir__lcores *lcores);

/* ---- share.c ---- */

/* A file of size bytes in memory, on hugepages of that size unless huge_log2 is 0, whose size
 * nobody can change. Returns its descriptor. */
int weir__os_file(const char *name, size_t size, unsigned int huge_log2);

/* Give a part of the file's memory back. */
int weir__os_file_release(int file, size_t offset, size_t size);

void weir__os_close(int file);

/* Send bytes and, unless file is -1, a descriptor. */
int weir__os_send(int socket, void *bytes, size_t size, int file);

/* Receive size bytes and a descriptor, -1 when none came. -EPROTO for another size, the end or more
 * descriptors, -EMFILE when this process can have no more. */
int weir__os_receive(int socket, void *bytes, size_t size, int *file);

/* What the kernel says of a file that came from elsewhere. */
struct weir__os_file_facts {
	uint64_t size;
	size_t huge; /* bytes of the hugepages it is made of, or 0 */
	bool fixed;  /* nobody can shorten it */
};

int weir__os_file_facts(int file, struct weir__os_file_facts *facts);

/* ---- random.c ---- */

/* Bytes that nobody outside can guess; at most 256. */
int weir__os_random(void *bytes, size_t size);

#endif
