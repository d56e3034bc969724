/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/mem.h: regions, the memory everything else lies in.
 *
 * A region is one range of addresses from birth to death, on NUMA nodes of the caller's choice.
 * Pages are put under it and taken away again by the chunk:
 *
 *	base                                              base + max_size
 *	| chunk 0 | chunk 1 |  chunk 2 (free) | chunk 3 | ...           |
 *	  2M        2M         no pages         thp
 *
 * Each chunk lies on the largest pages that the request allows and the machine has. The memory is
 * anonymous: nothing is left behind when the process dies, however it dies. What was got, and why
 * nothing better, is kept as a sentence; weir_mem_report() has it for all regions.
 *
 * Every call may be made from any thread. Destroying a region while another thread uses it is not.
 */
#ifndef WEIR_MEM_H
#define WEIR_MEM_H

#include "weir/base.h"

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Kinds of pages. A request for ANY takes, for each chunk, the largest that the machine has free,
 * unless more than an eighth of the memory, or 1 MiB, would lie idle in the last page; then
 * transparent hugepages, then base pages. Any other request insists on its kind and fails without.
 *
 * A value of 12 and above is the base-2 logarithm of the size of reserved hugepages (hugetlb), of
 * which the kernel may offer several sizes. They are never taken back by the kernel. */
enum weir_pages {
	WEIR_PAGES_ANY,
	WEIR_PAGES_THP, /* transparent: 2 MiB where the kernel finds them, at least one */
	WEIR_PAGES_4K,  /* base pages, on some arm64 of 16 or 64 KiB */
	WEIR_PAGES_2M = 21,
	WEIR_PAGES_1G = 30,
	WEIR_PAGES_16G = 34, /* the largest any architecture has */
};

#define WEIR_PAGES_HUGE(log2_size) ((enum weir_pages)(log2_size))

/* "any", "thp", "4K", "2M", "1G": as options and reports write it. Valid until the next call in
 * this thread. */
WEIR_API const char *weir_pages_name(enum weir_pages pages);

/* The kind with this name; any power of two with K, M or G is a hugepage's size. 0, or -EINVAL with
 * weir_last_error(). */
WEIR_API int weir_pages_parse(const char *name, enum weir_pages *pages);

/* A node in a conf, so that a conf of zeros asks for any: WEIR_NODE(0) is the first. */
#define WEIR_NODE_ANY     0
#define WEIR_NODE(number) ((number) + 1)

/* What is to happen when the nodes asked for have too little. */
enum weir_placement {
	WEIR_PLACE_BIND,       /* fail */
	WEIR_PLACE_PREFERRED,  /* take other nodes, and say so; for one node */
	WEIR_PLACE_INTERLEAVE, /* fail; page by page on the nodes in turn */
};

struct weir_region_conf {
	const char *name;              /* for reports; NULL: "region". Copied. */
	size_t size;                   /* bytes with pages at birth, rounded up to whole pages */
	size_t max_size;               /* bytes of addresses; 0: size */
	size_t chunk;                  /* bytes of a chunk, rounded up to whole pages of the kind
					* asked for, at least 2 MiB. 0: all of max_size */
	enum weir_pages pages;         /* WEIR_PAGES_ANY by default */
	int node;                      /* WEIR_NODE(n), or WEIR_NODE_ANY */
	const char *nodes;             /* instead, several: "0-1,3", or "all" */
	enum weir_placement placement; /* WEIR_PLACE_BIND by default */
	bool shared;                   /* for weir_region_send(); then all chunks have one kind */
	bool locked;                   /* never swapped out (mlock) */
	bool lazy;                     /* base and transparent pages come with their first touch;
					* reserved ones are there from the start, since a missing
					* one would be a SIGBUS */
};

struct weir_region;

/* Reserve max_size bytes of addresses and put pages under the first size of them. They are zero.
 * NULL with errno and weir_last_error(), which names what to do:
 *	EINVAL	a size of 0 or too large, size above max_size, an unknown kind, bad nodes
 *	ENOMEM	the pages are not there, or may not be locked (ulimit -l)
 *	ENODEV	a node without memory, or not there
 *	EPERM	a node that this process may not use (cpuset), placement forbidden (a container's
 *		seccomp)
 *	ENOSYS	nodes asked for on a kernel without NUMA that has several
 *	ENOTSUP	transparent hugepages are switched off
 *	EXDEV	the kernel put pages on another node than the one asked for */
WEIR_API struct weir_region *weir_region_create(const struct weir_region_conf *conf);

/* Unmap. Nothing may point into it any more. NULL is allowed. */
WEIR_API void weir_region_destroy(struct weir_region *region);

/* Put zeroed pages under every chunk that [offset, offset + size) touches and that has none: 0, or
 * -errno as for create. ENOMEM for all of them together leaves them as they were; else the chunks
 * in front of the one that failed have theirs then. */
WEIR_API int weir_region_commit(struct weir_region *region, size_t offset, size_t size);

/* Take the pages away from every chunk that lies in [offset, offset + size). Touching one then is a
 * SIGSEGV. 0, or -errno (-ENOMEM) with weir_last_error() when the kernel could not split its
 * mapping: that chunk and those behind it have their pages still. */
WEIR_API int weir_region_release(struct weir_region *region, size_t offset, size_t size);

/* Touch every page there is with up to threads threads, 0 for as many as there are processors for
 * it, so that no page fault comes later. 0, or -errno (-ENOMEM) with weir_last_error(). create and
 * commit have done so unless the region is lazy. */
WEIR_API int weir_region_warmup(struct weir_region *region, unsigned int threads);

WEIR_API void *weir_region_base(const struct weir_region *region);

/* Bytes that have pages, of addresses in all, and of a chunk. */
WEIR_API size_t weir_region_size(struct weir_region *region);
WEIR_API size_t weir_region_max_size(const struct weir_region *region);
WEIR_API size_t weir_region_chunk(const struct weir_region *region);

/* What the chunk at this offset lies on; WEIR_PAGES_ANY when it has no pages. */
WEIR_API enum weir_pages weir_region_pages_at(struct weir_region *region, size_t offset);

/* What all of it lies on; of several kinds the smallest. */
WEIR_API enum weir_pages weir_region_pages(struct weir_region *region);

/* The node that the page with this address lies on, asked of the kernel. -ENOENT when it was not
 * touched yet, or -errno. */
WEIR_API int weir_region_node_of(const struct weir_region *region, const void *address);

/* One line for a report: "20 MiB on transparent hugepages (18 MiB of it); 2 MiB hugepages: wanted
 * 10, free 0 (echo 10 > /proc/sys/vm/nr_hugepages)". Valid until the next call in this thread. */
WEIR_API const char *weir_region_describe(struct weir_region *region);

/* All regions of the process: what each asked for and got, how many bytes lie on which pages and on
 * which node (of more than 262,144 pages so many are asked for), and why it is nothing better; as a
 * table, or as a JSON array of objects. The caller frees it with free(). NULL with errno ENOMEM. */
WEIR_API char *weir_mem_report(bool json);

/* ---- another process ----
 *
 * A shared region can be sent to another process through a unix socket (SOCK_STREAM or
 * SOCK_SEQPACKET, blocking). It lies at another address there: pass offsets, not pointers. Either
 * process may die at any time; the memory stays for the other. Chunks committed later by one are
 * not seen by the other, so send a region when it has its pages.
 *
 * The sender owns the memory: a chunk that it releases is emptied for all, and who touches one of
 * hugepages then may get a SIGBUS. A receiver releases for itself only, and commits what the sender
 * has there. Nobody can shorten the memory; but who has it can write anything into it, or empty it:
 * believe what lies there as far as you believe the other process. */

/* 0, or -errno with weir_last_error(): -EINVAL for a region that is not shared. The region stays
 * the caller's. */
WEIR_API int weir_region_send(struct weir_region *region, int socket);

/* Wait for a region and map it. NULL with errno and weir_last_error(): EPROTO when what came is no
 * region, or its memory could still be shortened; EMFILE when this process has no descriptor left;
 * or as for create. To be destroyed by weir_region_destroy(), which does not touch the sender's. */
WEIR_API struct weir_region *weir_region_receive(int socket);

#ifdef __cplusplus
}
#endif

#endif
