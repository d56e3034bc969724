/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/mem.h: regions, the memory everything else lies in.
 *
 * A region is one range of addresses from birth to death, on the largest pages that the request
 * allows and the machine has, on one NUMA node. It is anonymous memory: nothing is left behind when
 * the process dies, however it dies. What was got, and why nothing better, is kept as a sentence.
 */
#ifndef WEIR_MEM_H
#define WEIR_MEM_H

#include "weir/base.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Page sizes, from the largest. A request for ANY walks down the ladder and takes the first that
 * the machine has; any other insists on its own and fails without it. */
enum weir_pages {
	WEIR_PAGES_ANY,
	WEIR_PAGES_2M,  /* reserved hugepages (hugetlb), never taken back by the kernel */
	WEIR_PAGES_THP, /* transparent hugepages: 2 MiB where the kernel finds them, at least one */
	WEIR_PAGES_4K,  /* base pages */
};

/* A node in a conf, so that a conf of zeros asks for any: WEIR_NODE(0) is the first. */
#define WEIR_NODE_ANY     0
#define WEIR_NODE(number) ((number) + 1)

struct weir_region_conf {
	size_t size;           /* bytes, rounded up to whole pages */
	enum weir_pages pages; /* WEIR_PAGES_ANY by default */
	int node;              /* WEIR_NODE(n), or WEIR_NODE_ANY */
};

struct weir_region;

/* Map size bytes, zeroed and present: no page fault comes later. NULL with errno and
 * weir_last_error(): EINVAL for a size of 0 or beyond what size_t can round up, ENOMEM when the
 * pages are not there, ENODEV for a node that is not online. From any thread. */
WEIR_API struct weir_region *weir_region_create(const struct weir_region_conf *conf);

/* Unmap. Nothing may point into it any more. NULL is allowed. */
WEIR_API void weir_region_destroy(struct weir_region *region);

WEIR_API void *weir_region_base(const struct weir_region *region);
WEIR_API size_t weir_region_size(const struct weir_region *region);

/* What it lies on: never WEIR_PAGES_ANY. */
WEIR_API enum weir_pages weir_region_pages(const struct weir_region *region);

/* One line for a report: "20 MiB on transparent hugepages (18 MiB of it); 2 MiB hugepages: wanted
 * 10, free 0 (echo 10 > /proc/sys/vm/nr_hugepages)". Valid until destroy. */
WEIR_API const char *weir_region_describe(const struct weir_region *region);

/* "any", "2M", "thp", "4K": as options and reports write it. */
WEIR_API const char *weir_pages_name(enum weir_pages pages);

#ifdef __cplusplus
}
#endif

#endif
