/* SPDX-License-Identifier: BSD-3-Clause */
/* nodes.c: NUMA nodes, their memory and their processors. */
#include "checks.h"

#include "apps/common/files.h"
#include "apps/common/units.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NODES "/sys/devices/system/node"

/* ---- reading ---- */

/* Bytes of a line "KEY: 123 kB"; 0 without it. */
static uint64_t read_kilobytes(const char *path, const char *key)
{
	char text[64];

	return app_read_line(path, key, text, sizeof(text)) ? strtoull(text, NULL, 10) << 10 : 0;
}

static uint64_t read_node_memory(const struct machine *machine, int number, const char *what)
{
	char key[64];

	snprintf(key, sizeof(key), "Node %d %s:", number, what);
	return read_kilobytes(machine_path(machine, NODES "/node%d/meminfo", number), key);
}

/* What is free, and half of the cached files. So the library counts, too, before it takes any. */
static uint64_t read_node_available(const struct machine *machine, int number)
{
	return read_node_memory(machine, number, "MemFree") +
	       (read_node_memory(machine, number, "FilePages") -
		       read_node_memory(machine, number, "Shmem")) /
		       2;
}

static void read_node(struct machine *machine, int number)
{
	struct node *node = &machine->nodes[machine->node_count++];
	char path[PATH_MAX_TEXT];

	node->number = number;
	node->allowed = CPU_ISSET(number, &machine->mems);
	snprintf(path, sizeof(path), NODES "/node%d/cpulist", number);
	machine_list(machine, path, &node->cpus);
	node->memory = read_node_memory(machine, number, "MemTotal");
	node->available = read_node_available(machine, number);
	snprintf(path, sizeof(path), NODES "/node%d/hugepages", number);
	for (uint32_t i = 0; i < machine->huge_count; i++)
		read_huge(machine, path, machine->huge_sizes[i], &node->huge[i]);
}

static uint64_t read_available(const struct machine *machine)
{
	uint64_t available = read_kilobytes(machine_path(machine, "/proc/meminfo"), "MemAvailable");

	if (!available && machine->live)
		available = (uint64_t)sysconf(_SC_AVPHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	return available;
}

/* A machine without nodes, or without /sys to tell of them, is one node with all there is. */
static void make_one_node(struct machine *machine)
{
	struct node *node = &machine->nodes[machine->node_count++];

	node->allowed = true;
	node->cpus = machine->online;
	node->memory = read_kilobytes(machine_path(machine, "/proc/meminfo"), "MemTotal");
	if (!node->memory && machine->live)
		node->memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	node->available = machine->available;
	memcpy(node->huge, machine->huge, sizeof(node->huge));
}

/* No more than the nodes have that may be used. */
static void limit_available(struct machine *machine)
{
	uint64_t sum = 0;
	bool all = true;

	for (uint32_t i = 0; i < machine->node_count; i++) {
		const struct node *node = &machine->nodes[i];

		all &= node->allowed || node->memory == 0;
		sum += node->allowed ? node->available : 0;
	}
	if (!all && sum < machine->available)
		machine->available = sum;
}

void read_nodes(struct machine *machine)
{
	cpu_set_t numbers;

	machine_list(machine, NODES "/online", &numbers);
	machine->numa = CPU_COUNT(&numbers) > 0;
	machine->available = read_available(machine);
	for (int number = 0; number < NODE_MAX; number++)
		if (CPU_ISSET(number, &numbers))
			read_node(machine, number);
	if (!machine->numa)
		make_one_node(machine);
	limit_available(machine);
}

/* ---- checking ---- */

/* The numbers of all nodes that have memory. */
static void list_memory(const struct machine *machine, char list[LIST_SIZE])
{
	cpu_set_t numbers;

	CPU_ZERO(&numbers);
	for (uint32_t i = 0; i < machine->node_count; i++)
		if (machine->nodes[i].memory > 0)
			CPU_SET(machine->nodes[i].number, &numbers);
	machine_print_list(&numbers, list);
}

static void check_forbidden(const struct machine *machine, struct line *line)
{
	char list[LIST_SIZE], option[LIST_SIZE + 32];

	list_memory(machine, list);
	line->status = STATUS_WARN;
	line_why(line, "the cpuset of this process does not allow the memory of this node");
	snprintf(option, sizeof(option), "--cpuset-mems=%s", list);
	cure_at_start(line, machine, option);
}

static void check_node(const struct machine *machine, struct lines *lines, const struct node *node)
{
	struct line *line = line_begin(lines, "node%d", node->number);
	char memory[APP_BYTES_SIZE], available[APP_BYTES_SIZE], cpus[LIST_SIZE];

	machine_print_list(&node->cpus, cpus);
	if (node->memory == 0) {
		line_say(line, STATUS_WARN, "no memory; processors %s", cpus);
		line_why(line, "pools cannot lie on this node, and its processors take packets "
			       "from memory of another");
		return;
	}
	line_say(line, STATUS_OK, "%s, %s available; processors %s",
		app_bytes(node->memory, memory), app_bytes(node->available, available), cpus);
	if (CPU_COUNT(&node->cpus) == 0)
		line_why(line, "memory without processors: a pool lies here only when asked to");
	if (!node->allowed)
		check_forbidden(machine, line);
}

void check_nodes(const struct machine *machine, struct lines *lines)
{
	struct line *line = line_begin(lines, "nodes");
	char list[LIST_SIZE];

	list_memory(machine, list);
	if (machine->numa)
		line_say(line, STATUS_OK, "%u, with memory: %s", machine->node_count, list);
	else if (machine->has_sys)
		line_say(line, STATUS_ABSENT, "the kernel knows none: all memory is one node");
	else
		line_say(line, STATUS_ABSENT, "unknown without /sys: taken as one");
	for (uint32_t i = 0; i < machine->node_count; i++)
		check_node(machine, lines, &machine->nodes[i]);
}

void check_processors(const struct machine *machine, struct lines *lines)
{
	struct line *line = line_begin(lines, "processors");
	char online[LIST_SIZE], allowed[LIST_SIZE], isolated[LIST_SIZE];
	cpu_set_t idle;

	line_say(line, STATUS_OK, "%d online (%s), %d allowed (%s), isolated: %s",
		CPU_COUNT(&machine->online), machine_print_list(&machine->online, online),
		CPU_COUNT(&machine->allowed), machine_print_list(&machine->allowed, allowed),
		machine_print_list(&machine->isolated, isolated));
	CPU_AND(&idle, &machine->isolated, &machine->allowed);
	if (CPU_COUNT(&machine->isolated) > 0 && CPU_COUNT(&idle) == 0)
		line_why(line,
			"the isolated ones are not in the set of this process; --lcores %s "
			"takes them where the cpuset allows it",
			isolated);
	else if (CPU_COUNT(&machine->allowed) < CPU_COUNT(&machine->online))
		line_why(line, "an affinity (taskset) or a cpuset leaves out the others");
}
