/* SPDX-License-Identifier: BSD-3-Clause */
/* node.c: NUMA nodes: which there are, which this process may use, and where pages lie. */
#include "os_impl.h"

#include "base/list_impl.h"

#include <errno.h>
#include <numaif.h>
#include <stdio.h>
#include <unistd.h>

/* The kernel takes one bit fewer than it is told. */
#define MASK_BITS (WEIR__NODES_MAX + 1)

int weir__os_numa(void)
{
	return get_mempolicy(NULL, NULL, 0, NULL, 0) ? -errno : 0;
}

static void only_node_0(struct weir__nodes *nodes)
{
	*nodes = (struct weir__nodes){.bits = {1}};
}

void weir__os_nodes_allowed(struct weir__nodes *nodes)
{
	only_node_0(nodes);
	if (get_mempolicy(NULL, nodes->bits, MASK_BITS, NULL, MPOL_F_MEMS_ALLOWED))
		only_node_0(nodes);
}

void weir__os_nodes_with_memory(struct weir__nodes *nodes)
{
	FILE *file = fopen("/sys/devices/system/node/has_memory", "re");
	char line[512];

	/* without /sys the kernel still says what is allowed, and allows only what has memory */
	if (!file || !fgets(line, sizeof(line), file) ||
		weir__list_parse(line, nodes->bits, WEIR__NODES_MAX))
		weir__os_nodes_allowed(nodes);
	if (file)
		fclose(file);
}

bool weir__os_node_exists(unsigned int node)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%u", node);
	return access(path, F_OK) == 0 || errno != ENOENT;
}

static int place(void *address, size_t size, int policy, const struct weir__nodes *nodes)
{
	return mbind(address, size, policy, nodes->bits, MASK_BITS, 0) ? -errno : 0;
}

int weir__os_bind(void *address, size_t size, const struct weir__nodes *nodes)
{
	return place(address, size, MPOL_BIND, nodes);
}

int weir__os_prefer(void *address, size_t size, unsigned int node)
{
	struct weir__nodes nodes = {.bits = {0}};

	nodes.bits[node / 64] = 1ul << node % 64;
	return place(address, size, MPOL_PREFERRED, &nodes);
}

int weir__os_local(void *address, size_t size)
{
	/* no node at all means the nearest */
	return mbind(address, size, MPOL_PREFERRED, NULL, 0, 0) ? -errno : 0;
}

int weir__os_interleave(void *address, size_t size, const struct weir__nodes *nodes)
{
	return place(address, size, MPOL_INTERLEAVE, nodes);
}

int weir__os_nodes_of(void **addresses, size_t count, int *nodes)
{
	/* without target nodes nothing is moved */
	return move_pages(0, count, addresses, NULL, nodes, 0) < 0 ? -errno : 0;
}
