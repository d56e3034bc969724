/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel.h: what the kernel says of this process: pages under an address, and all that could leak.
 */
#ifndef KERNEL_H
#define KERNEL_H

#include <stdbool.h>
#include <stddef.h>

/* A sanitizer has mappings and a heap of its own, and looks for leaks by itself. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/* Of the mapping that holds an address, from smaps. */
struct kernel_mapping {
	unsigned long page_kib; /* KernelPageSize; 0: nothing is mapped there */
	bool accessible;        /* for reading and writing */
	bool locked;
	bool no_huge; /* transparent hugepages are forbidden */
};

struct kernel_mapping kernel_mapping(const void *address);

/* All that a call could forget to give back. */
struct kernel_holdings {
	size_t files;
	size_t mappings, bytes; /* without heap and stack; 0 with a sanitizer */
	size_t heap;            /* bytes of malloc in use; 0 with a sanitizer */
};

struct kernel_holdings kernel_holdings(void);

#endif
