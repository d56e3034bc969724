/* SPDX-License-Identifier: BSD-3-Clause */
/* vm.h: what the tests inside the virtual machine know of it, not by way of the library. */
#ifndef VM_H
#define VM_H

#include "unit/unit.h"

#include "weir/mem.h"

#include <stdbool.h>
#include <stddef.h>

#define VM_NODES_MAX 8
#define MIB          ((size_t)1 << 20)

/* As tests/numa/vm was asked for them. */
struct vm_node {
	unsigned int cpus, first_cpu;
	size_t mib;
};

extern struct vm_node vm_nodes[VM_NODES_MAX];
extern unsigned int vm_node_count;

/* Learn the nodes. False, with a word on stderr, outside the virtual machine: these tests fill
 * memory and change settings. Then exit with 77. */
bool vm_init(void);

/* The nodes with memory, as "0,2", and how many these are. */
const char *vm_memory_list(void);
unsigned int vm_memory_count(void);

/* Base pages of a range by node, each asked of the kernel with move_pages. */
struct vm_count {
	size_t on[VM_NODES_MAX];
	size_t absent;
	size_t total;
};

struct vm_count vm_count_pages(const void *address, size_t size);

/* Is every base page of the range there, and on this node? */
bool vm_all_on(const void *address, size_t size, unsigned int node);

/* Is the difference between the fullest and the emptiest node at most one page of this size, and is
 * nothing on others than those with memory? */
bool vm_even(const void *address, size_t size, size_t page);

/* Bytes of the page under an address, and bytes of the range on transparent hugepages: smaps. */
size_t vm_page_size(const void *address);
size_t vm_thp(const void *address, size_t size);

/* Have so many reserved hugepages on a node. False when the kernel gives others. */
bool vm_reserve(unsigned int node, enum weir_pages pages, size_t count);

/* The free ones; -1 when there is no such file. */
long vm_reserved_free(unsigned int node, enum weir_pages pages);

/* Write a word into a file. */
bool vm_write(const char *path, const char *word);

/* Take the node's memory until so many MiB are free. For vm_give_back(). */
void vm_fill(unsigned int node, size_t leave_mib);
void vm_give_back(void);
size_t vm_free_mib(unsigned int node);

/* Run a function in a child process, the first to be killed when memory is out: what it returns, or
 * 128 and above for a signal. */
int vm_child(int (*function)(const void *argument), const void *argument);

/* Run on the CPUs of a node only; or on any. */
bool vm_pin(unsigned int node);
void vm_unpin(void);

/* Does weir_last_error() have these words? Printed when not. */
bool vm_says(const char *text, const char *words);

#endif
