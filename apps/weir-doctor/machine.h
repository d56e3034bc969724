/* SPDX-License-Identifier: BSD-3-Clause */
/* machine.h: the facts about this machine that more than one check needs.
 *
 * They are read below a root: "" for this machine, or the folder of --sysroot, where a copy of
 * another machine's /sys and /proc lies. Only on this machine (live) may a check call the kernel.
 */
#ifndef DOCTOR_MACHINE_H
#define DOCTOR_MACHINE_H

#include "lines.h"

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NODE_MAX      1024 /* of the kernel: CONFIG_NODES_SHIFT is at most 10 */
#define HUGE_MAX      8    /* sizes of hugepages; arm64 has 4, others fewer */
#define PATH_MAX_TEXT 512
#define LIST_SIZE     256 /* of a printed list of processors or nodes */

/* Hugepages of one size, on a node or of all. */
struct huge {
	uint64_t total;
	uint64_t free;
	uint64_t reserved; /* of the free ones, promised to somebody; known of all only */
};

struct node {
	int number;
	bool allowed; /* by the cpuset this process is in */
	cpu_set_t cpus;
	uint64_t memory;    /* bytes */
	uint64_t available; /* free, and what the kernel would free for it */
	struct huge huge[HUGE_MAX];
};

/* What keeps a process from doing what root may do on a bare machine. */
enum container {
	CONTAINER_NONE,
	CONTAINER_USER_NAMESPACE, /* and nothing else, as unshare -r makes it */
	CONTAINER_DOCKER,
	CONTAINER_PODMAN,
	CONTAINER_KUBERNETES,
	CONTAINER_OTHER,
};

/* A limit of a control group, the tightest from the group of this process upwards. */
struct limit {
	bool set;
	uint64_t max;
	uint64_t room; /* what is left of it */
	char file[PATH_MAX_TEXT];
};

#define CAP_BIT(number) (UINT64_C(1) << (number))

struct machine {
	const char *root;
	bool live;
	bool has_sys;
	bool has_proc;

	enum container container;
	char container_how[160]; /* how that is known */
	bool user_namespace;
	bool no_new_privileges;
	uint64_t capabilities; /* CAP_BIT() of each that is effective */
	uint64_t bounding;     /* and of each that a program could still be given */
	uint64_t seccomp;      /* mode: 0 none, 2 a filter */
	uint64_t memlock;      /* bytes; UINT64_MAX: no limit */
	uint64_t memlock_hard;
	uint64_t address_space;
	uint64_t address_space_hard;

	cpu_set_t online;
	cpu_set_t allowed;
	cpu_set_t isolated;

	bool numa;      /* the kernel knows nodes; else there is one here, number 0 */
	cpu_set_t mems; /* nodes, by number, that this process may use */
	struct node nodes[NODE_MAX];
	uint32_t node_count;
	uint64_t available; /* memory of all nodes, bytes */

	bool hugetlb;
	uint64_t huge_sizes[HUGE_MAX]; /* bytes, the largest first */
	struct huge huge[HUGE_MAX];    /* of all nodes */
	uint32_t huge_count;

	struct limit memory_limit;
	struct limit huge_limits[HUGE_MAX];
	struct limit cpu_limit; /* microseconds of each 100,000 */
};

/* machine.c: read it all. */
void machine_read(struct machine *machine, const char *root);

/* A path below the root, in a buffer that the next call overwrites. */
const char *machine_path(const struct machine *machine, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A list such as "0-3,8" in the first line of a file; none when there is no such file. */
void machine_list(const struct machine *machine, const char *path, cpu_set_t *list);

/* A set as text: "0-3,8", or "none". */
const char *machine_print_list(const cpu_set_t *list, char buffer[LIST_SIZE]);

/* The node with this number, NULL without one. */
const struct node *machine_node(const struct machine *machine, int number);

/* Does this capability count here? Some mean nothing inside a user namespace. */
bool machine_has(const struct machine *machine, int capability);

/* Its parts, each in the file of that name. */
void read_surroundings(struct machine *machine);
void read_process(struct machine *machine);
void read_pages(struct machine *machine);
void read_nodes(struct machine *machine);
void read_cgroups(struct machine *machine);

/* Where a write to this file below /proc or /sys would be obeyed. */
enum where where_to_write(const struct machine *machine, const char *path);

/* Where a command of root's that needs this capability would be obeyed. */
enum where where_to_run(const struct machine *machine, int capability);

/* Cure a line by an option for whoever starts the container, where it is known which: docker's
 * (podman has the same). No cure elsewhere. */
void cure_at_start(struct line *line, const struct machine *machine, const char *option);

/* "2M", "1G", "64K": weir_pages_name() of hugepages of this size, in bytes. */
const char *page_size_name(uint64_t size);

/* The file with the number of hugepages of this size, of a node or, with node -1, of all. */
const char *huge_file(uint64_t size, int node, char buffer[PATH_MAX_TEXT]);

/* Read the hugepages of a size in a directory of them, of a node or of all. */
void read_huge(
	const struct machine *machine, const char *directory, uint64_t size, struct huge *huge);

/* Hugepages of one of the sizes, by its index, that a region could get: on a node or, with node -1,
 * on all that are allowed. */
uint64_t huge_usable(const struct machine *machine, uint32_t size, int node);

/* The mode that a file of transparent hugepages has in brackets; empty without it. */
const char *thp_mode(const struct machine *machine, const char *file, char buffer[64]);

/* Could a region get transparent hugepages? */
bool thp_usable(const struct machine *machine);

#endif
