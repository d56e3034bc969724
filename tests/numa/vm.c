/* SPDX-License-Identifier: BSD-3-Clause */
/* vm.c: the virtual machine by the kernel's own words; see vm.h. */
#include "vm.h"

#include <numaif.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE    4096ul
#define ASK_MAX 4096

struct vm_node vm_nodes[VM_NODES_MAX];
unsigned int vm_node_count;

/* What vm_fill() holds. */
static struct {
	void *address;
	size_t size;
} filled[64];
static unsigned int filled_count;

/* A kernel that is told to ignore nodes has one. */
static void fold_nodes(void)
{
	char line[512] = "";
	FILE *file = fopen("/proc/cmdline", "r");

	if (file && fgets(line, sizeof(line), file) && strstr(line, "numa=off"))
		for (; vm_node_count > 1; vm_node_count--) {
			vm_nodes[0].cpus += vm_nodes[vm_node_count - 1].cpus;
			vm_nodes[0].mib += vm_nodes[vm_node_count - 1].mib;
		}
	if (file)
		fclose(file);
}

bool vm_init(void)
{
	const char *nodes = getenv("WEIR_VM_NODES");
	unsigned int cpu = 0;
	int used;

	if (!nodes || getpid() == 1) {
		fprintf(stderr, "skipped: this is for tests/numa/vm\n");
		return false;
	}
	for (; vm_node_count < VM_NODES_MAX; vm_node_count++) {
		struct vm_node *node = &vm_nodes[vm_node_count];

		if (sscanf(nodes, "%u:%zu%n", &node->cpus, &node->mib, &used) != 2)
			break;
		node->first_cpu = cpu;
		cpu += node->cpus;
		nodes += used + (nodes[used] == ',');
	}
	fold_nodes();
	setbuf(stdout, NULL);
	/* not chosen in place of the child that asked for too much */
	return vm_write("/proc/self/oom_score_adj", "-1000") && vm_node_count > 0;
}

unsigned int vm_memory_count(void)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < vm_node_count; i++)
		count += vm_nodes[i].mib > 0;
	return count;
}

const char *vm_memory_list(void)
{
	static char list[4 * VM_NODES_MAX];
	size_t used = 0;

	for (unsigned int i = 0; i < vm_node_count; i++)
		if (vm_nodes[i].mib)
			used += (size_t)snprintf(
				list + used, sizeof(list) - used, "%s%u", used ? "," : "", i);
	return list;
}

/* Up to ASK_MAX pages with one call. */
static void count_some(const char *address, size_t pages, struct vm_count *count)
{
	static void *addresses[ASK_MAX];
	static int nodes[ASK_MAX];

	for (size_t i = 0; i < pages; i++)
		addresses[i] = (void *)((uintptr_t)address + i * PAGE);
	CU_ASSERT_FATAL(move_pages(0, pages, addresses, NULL, nodes, 0) == 0);
	for (size_t i = 0; i < pages; i++) {
		if (nodes[i] >= 0 && nodes[i] < VM_NODES_MAX)
			count->on[nodes[i]]++;
		else
			count->absent++;
	}
}

struct vm_count vm_count_pages(const void *address, size_t size)
{
	struct vm_count count = {.total = size / PAGE};

	for (size_t done = 0; done < count.total; done += ASK_MAX)
		count_some((const char *)address + done * PAGE,
			count.total - done < ASK_MAX ? count.total - done : ASK_MAX, &count);
	return count;
}

static void print_count(const char *wanted, const struct vm_count *count)
{
	printf("\n    wanted %s; of %zu pages absent %zu, on nodes", wanted, count->total,
		count->absent);
	for (unsigned int i = 0; i < vm_node_count; i++)
		printf(" %zu", count->on[i]);
	printf("\n");
}

bool vm_all_on(const void *address, size_t size, unsigned int node)
{
	struct vm_count count = vm_count_pages(address, size);
	char wanted[32];

	if (size && count.on[node] == size / PAGE)
		return true;
	snprintf(wanted, sizeof(wanted), "all on node %u", node);
	print_count(wanted, &count);
	return false;
}

bool vm_even(const void *address, size_t size, size_t page)
{
	struct vm_count count = vm_count_pages(address, size);
	size_t least = SIZE_MAX, most = 0, elsewhere = count.absent;

	for (unsigned int i = 0; i < vm_node_count; i++) {
		if (!vm_nodes[i].mib) {
			elsewhere += count.on[i];
			continue;
		}
		least = count.on[i] < least ? count.on[i] : least;
		most = count.on[i] > most ? count.on[i] : most;
	}
	if (size && !elsewhere && most - least <= page / PAGE)
		return true;
	print_count("as many on each", &count);
	return false;
}

/* The sum of what smaps has under this key for the mappings that lie in a range. */
static size_t smaps(const char *key, const void *address, size_t size)
{
	FILE *file = fopen("/proc/self/smaps", "r");
	unsigned long start = 0, end = 0, kib;
	uintptr_t from = (uintptr_t)address;
	size_t bytes = 0;
	char line[512], word[64];

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%lx-%lx ", &start, &end) != 2 && start < from + size &&
			end > from && sscanf(line, "%63s %lu", word, &kib) == 2 &&
			strcmp(word, key) == 0)
			bytes += kib << 10;
	fclose(file);
	return bytes;
}

size_t vm_page_size(const void *address)
{
	return smaps("KernelPageSize:", address, 1);
}

size_t vm_thp(const void *address, size_t size)
{
	return smaps("AnonHugePages:", address, size) + smaps("ShmemPmdMapped:", address, size);
}

static void reserved_path(
	char *path, size_t size, unsigned int node, enum weir_pages pages, const char *file)
{
	snprintf(path, size, "/sys/devices/system/node/node%u/hugepages/hugepages-%zukB/%s", node,
		((size_t)1 << pages) >> 10, file);
}

bool vm_write(const char *path, const char *word)
{
	FILE *file = fopen(path, "w");
	bool written;

	if (!file)
		return false;
	written = fputs(word, file) >= 0;
	return fclose(file) == 0 && written;
}

static long read_long(const char *path)
{
	FILE *file = fopen(path, "r");
	long number = -1;

	if (file && fscanf(file, "%ld", &number) != 1)
		number = -1;
	if (file)
		fclose(file);
	return number;
}

bool vm_reserve(unsigned int node, enum weir_pages pages, size_t count)
{
	char path[128], number[32];

	reserved_path(path, sizeof(path), node, pages, "nr_hugepages");
	snprintf(number, sizeof(number), "%zu", count);
	return vm_write(path, number) && read_long(path) == (long)count;
}

long vm_reserved_free(unsigned int node, enum weir_pages pages)
{
	char path[128];

	reserved_path(path, sizeof(path), node, pages, "free_hugepages");
	return read_long(path);
}

size_t vm_free_mib(unsigned int node)
{
	char path[64], line[256];
	unsigned long kib = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%u/meminfo", node);
	file = fopen(path, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	while (fgets(line, sizeof(line), file) &&
		sscanf(line, "Node %*u MemFree: %lu kB", &kib) != 1)
		;
	fclose(file);
	return kib >> 10;
}

void vm_fill(unsigned int node, size_t leave_mib)
{
	unsigned long mask = 1ul << node;
	size_t size;

	/* a few rounds, since the tables of pages take memory too */
	for (size_t free = vm_free_mib(node); free > leave_mib; free = vm_free_mib(node)) {
		void *address;

		CU_ASSERT_FATAL(filled_count < sizeof(filled) / sizeof(filled[0]));
		size = (free - leave_mib + 1) / 2 * MIB;
		address = mmap(
			NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		CU_ASSERT_FATAL(address != MAP_FAILED);
		CU_ASSERT_FATAL(mbind(address, size, MPOL_BIND, &mask, 8 * sizeof(mask), 0) == 0);
		memset(address, 1, size);
		filled[filled_count].address = address;
		filled[filled_count++].size = size;
	}
}

void vm_give_back(void)
{
	while (filled_count > 0) {
		filled_count--;
		munmap(filled[filled_count].address, filled[filled_count].size);
	}
}

int vm_child(int (*function)(const void *argument), const void *argument)
{
	pid_t child = fork();
	int status;

	CU_ASSERT_FATAL(child >= 0);
	if (child == 0) {
		vm_write("/proc/self/oom_score_adj", "1000");
		_exit(function(argument));
	}
	CU_ASSERT_FATAL(waitpid(child, &status, 0) == child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool vm_pin(unsigned int node)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	for (unsigned int i = 0; i < vm_nodes[node].cpus; i++)
		CPU_SET(vm_nodes[node].first_cpu + i, &cpus);
	return vm_nodes[node].cpus && sched_setaffinity(0, sizeof(cpus), &cpus) == 0;
}

void vm_unpin(void)
{
	cpu_set_t cpus;

	memset(&cpus, 0xff, sizeof(cpus));
	sched_setaffinity(0, sizeof(cpus), &cpus);
}

bool vm_says(const char *text, const char *words)
{
	bool says = strstr(text, words);

	if (!says)
		printf("\n    said   '%s'\n    wanted '%s'\n", text, words);
	return says;
}
