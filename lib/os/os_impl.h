/* SPDX-License-Identifier: BSD-3-Clause */
/* os_impl.h: every system call the library makes for memory, each with what must hold before it.
 * All return 0 or -errno and leave sentences to the caller. */
#ifndef WEIR_OS_IMPL_H
#define WEIR_OS_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR__OS_HUGE_SIZE (2ul << 20) /* the hugepage of x86-64, and of arm64 with 4 KiB pages */

/* Bytes of a base page. */
size_t weir__os_page_size(void);

/* Map size bytes of private anonymous memory, size a multiple of the page size; with huge, of
 * reserved 2 MiB pages, size a multiple of those. Otherwise the address is a multiple of 2 MiB when
 * size is at least that, so that transparent hugepages fit. Nothing is touched. */
int weir__os_map(size_t size, bool huge, void **address);
void weir__os_unmap(void *address, size_t size);

/* Let the kernel use transparent hugepages for the range, or forbid it. -EINVAL on a kernel
 * without. */
int weir__os_advise_huge(void *address, size_t size, bool huge);

/* Place the pages of the range on the node when they are touched. Before the first touch. */
int weir__os_bind(void *address, size_t size, int node);

/* Touch every page for writing. Where reserved hugepages are missing on the node this fails;
 * touching them by hand would be a SIGBUS. */
int weir__os_populate(void *address, size_t size, bool huge);

/* 2 MiB pages reserved in all, and those of them free now; 0 when the kernel has none. */
size_t weir__os_huge_total(void);
size_t weir__os_huge_free(void);

/* What /sys/kernel/mm/transparent_hugepage/enabled says: is "never" chosen, or is it missing? */
bool weir__os_thp_never(void);

/* Bytes of the range that lie on transparent hugepages. */
size_t weir__os_thp_bytes(const void *address, size_t size);

/* Is there such a node with memory? Without NUMA there is one, 0. */
bool weir__os_node_exists(int node);

#endif
