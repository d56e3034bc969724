/* SPDX-License-Identifier: BSD-3-Clause */
/* room.c: is there as much left as a region wants, where it may lie? And the sentence when not.
 *
 * Base and transparent pages are counted before they are touched: who touches more than there is
 * gets killed. For reserved hugepages the kernel says no in time, and only the reason is found
 * here.
 */
#include "mem_impl.h"

#include "base/base_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Is what other nodes have of no use? */
static bool confined(const struct weir_region *region)
{
	return !region->anywhere && region->placement != WEIR_PLACE_PREFERRED;
}

static bool in_turn(const struct weir_region *region)
{
	return confined(region) && region->placement == WEIR_PLACE_INTERLEAVE;
}

/* Of so many things, each node in turn gets as many. */
static size_t share_of(const struct weir_region *region, size_t things)
{
	size_t nodes = weir__nodes_count(&region->nodes);

	return (things + nodes - 1) / nodes;
}

static int say_full(struct weir_region *region, const char *who, size_t want, size_t have)
{
	char wanted[32], available[32];

	weir__bytes_describe(want, wanted, sizeof(wanted));
	weir__bytes_describe(have, available, sizeof(available));
	weir__why(region, "%s full: wanted %s, available %s", who, wanted, available);
	return -ENOMEM;
}

static int check_node(struct weir_region *region, unsigned int node, size_t bytes)
{
	size_t available = weir__os_available((int)node);
	char who[32];

	if (bytes <= available)
		return 0;
	snprintf(who, sizeof(who), "node %u is", node);
	return say_full(region, who, bytes, available);
}

/* All nodes together. */
static int check_nodes(struct weir_region *region, size_t bytes)
{
	const struct weir__nodes *nodes = &region->nodes;
	size_t sum = 0;
	char who[80], list[64];

	for (unsigned int i = weir__nodes_next(nodes, 0); i < WEIR__NODES_MAX;
		i = weir__nodes_next(nodes, i + 1)) {
		size_t available = weir__os_available((int)i);

		if (available >= bytes)
			return 0;
		sum += available;
	}
	if (bytes <= sum)
		return 0;
	weir__nodes_list(nodes, list, sizeof(list));
	snprintf(who, sizeof(who), weir__nodes_count(nodes) == 1 ? "node %s is" : "nodes %s are",
		list);
	return say_full(region, who, bytes, sum);
}

/* Those that the region is confined to. */
static int check_confines(struct weir_region *region, size_t bytes)
{
	const struct weir__nodes *nodes = &region->nodes;
	int error = 0;

	if (!in_turn(region))
		return check_nodes(region, bytes);
	for (unsigned int i = weir__nodes_next(nodes, 0); i < WEIR__NODES_MAX && !error;
		i = weir__nodes_next(nodes, i + 1))
		error = check_node(region, i, share_of(region, bytes));
	return error;
}

int weir__room_check(struct weir_region *region, size_t bytes)
{
	size_t available = weir__os_available(WEIR__OS_ALL_NODES);
	int error = confined(region) ? check_confines(region, bytes) : 0;

	/* A memory cgroup may allow less. Tables of pages, and whatever else the process does, need
	 * some, too: a 64th and 1 MiB more. */
	if (!error && bytes + bytes / 64 + (1 << 20) > available)
		error = say_full(region, "memory is", bytes, available);
	return error;
}

/* Bytes of the reserved hugepages there are for a region besides base pages. */
static size_t free_reserved(const struct weir_region *region)
{
	uint64_t sizes = region->wanted == WEIR_PAGES_ANY ? weir__os_huge_sizes() : 0;
	struct weir__os_huge huge;
	size_t bytes = 0;

	for (unsigned int log2_size = WEIR_PAGES_4K + 1; log2_size < 64; log2_size++)
		if (sizes >> log2_size & 1 && weir__os_huge(log2_size, WEIR__OS_ALL_NODES, &huge))
			bytes += huge.free << log2_size;
	return bytes;
}

int weir__room_check_all(struct weir_region *region, size_t bytes)
{
	size_t reserved;

	if ((region->lazy && !region->locked) || weir__pages_huge(region->wanted))
		return 0;
	reserved = free_reserved(region);
	return bytes > reserved ? weir__room_check(region, bytes - reserved) : 0;
}

/* Reserved hugepages that a region finds free, on a node or in all; what it wants of them there. */
struct reserved {
	int node;
	bool counted;
	size_t want;
	struct weir__os_huge huge;
};

/* The node, of those the region is confined to, that has the fewest free. */
static struct reserved least_free(
	const struct weir_region *region, size_t want, enum weir_pages pages)
{
	struct reserved least = {.node = WEIR__OS_ALL_NODES}, here;

	for (unsigned int i = weir__nodes_next(&region->nodes, 0); i < WEIR__NODES_MAX;
		i = weir__nodes_next(&region->nodes, i + 1)) {
		here = (struct reserved){.node = (int)i, .want = share_of(region, want)};
		here.counted = weir__os_huge(pages, here.node, &here.huge);
		if (least.node == WEIR__OS_ALL_NODES || here.huge.free < least.huge.free)
			least = here;
	}
	return least;
}

static struct reserved count_reserved(
	const struct weir_region *region, size_t want, enum weir_pages pages)
{
	struct reserved all = {.node = WEIR__OS_ALL_NODES, .want = want};

	if (confined(region) && (in_turn(region) || weir__nodes_count(&region->nodes) == 1))
		return least_free(region, want, pages);
	all.counted = weir__os_huge(pages, all.node, &all.huge);
	return all;
}

static void nr_hugepages_path(char *path, size_t size, enum weir_pages pages, int node)
{
	size_t kib = weir__pages_unit(pages) >> 10;

	if (node != WEIR__OS_ALL_NODES)
		snprintf(path, size,
			"/sys/devices/system/node/node%d/hugepages/hugepages-%zukB/nr_hugepages",
			node, kib);
	else if (pages == WEIR_PAGES_2M)
		snprintf(path, size, "/proc/sys/vm/nr_hugepages");
	else
		snprintf(path, size, "/sys/kernel/mm/hugepages/hugepages-%zukB/nr_hugepages", kib);
}

void weir__room_say_huge(struct weir_region *region, size_t bytes, enum weir_pages pages, int error)
{
	size_t unit = weir__pages_unit(pages);
	struct reserved found = count_reserved(region, weir__round_up(bytes, unit) / unit, pages);
	char kind[64], on[32] = "", path[128];

	weir__pages_describe(pages, kind, sizeof(kind));
	if (!found.counted && !weir__os_sees_pages()) {
		weir__why(region, "no %s: %s; /sys is not here to say how many are free", kind,
			strerror(-error));
		return;
	}
	if (found.node != WEIR__OS_ALL_NODES)
		snprintf(on, sizeof(on), " on node %d", found.node);
	if (!found.counted) {
		weir__why(region, "%s%s: wanted %zu: %s", kind, on, found.want, strerror(-error));
		return;
	}
	if (error != -ENOMEM || found.huge.free >= found.want) {
		weir__why(region, "%s%s: wanted %zu, free %zu, but %s", kind, on, found.want,
			found.huge.free, strerror(-error));
		return;
	}
	nr_hugepages_path(path, sizeof(path), pages, found.node);
	/* the number in nr_hugepages is of all pages, those in use by others too */
	weir__why(region, "%s%s: wanted %zu, free %zu (echo %zu > %s)", kind, on, found.want,
		found.huge.free, found.huge.total + found.want - found.huge.free, path);
}
