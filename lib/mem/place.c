/* SPDX-License-Identifier: BSD-3-Clause */
/* place.c: on which nodes a region lies: what was asked for, whether it can be, whether it is.
 *
 * The order matters: map, then place, then touch. A policy that comes after the first touch moves
 * nothing, and mapping over a range forgets the policy it had.
 */
#include "mem_impl.h"

#include "base/base_impl.h"
#include "base/list_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Pages asked about with one call: what lies on the stack is 12 KiB then. */
#define ASK_MAX 1024

unsigned int weir__nodes_next(const struct weir__nodes *nodes, unsigned int from)
{
	while (from < WEIR__NODES_MAX && !weir__nodes_has(nodes, from))
		from++;
	return from;
}

unsigned int weir__nodes_count(const struct weir__nodes *nodes)
{
	unsigned int count = 0;

	for (unsigned int i = weir__nodes_next(nodes, 0); i < WEIR__NODES_MAX;
		i = weir__nodes_next(nodes, i + 1))
		count++;
	return count;
}

void weir__nodes_list(const struct weir__nodes *nodes, char *text, size_t size)
{
	size_t used = 0;

	text[0] = 0;
	for (unsigned int i = weir__nodes_next(nodes, 0);
		i < WEIR__NODES_MAX && used + 12 < size;) {
		unsigned int last = i;

		while (weir__nodes_has(nodes, last + 1))
			last++;
		used += (size_t)snprintf(text + used, size - used, "%s%u", used ? "," : "", i);
		if (last > i)
			used += (size_t)snprintf(text + used, size - used, "-%u", last);
		i = weir__nodes_next(nodes, last + 1);
	}
}

/* Which nodes the conf means; all of them also means those that the cpuset allows. */
static int parse_nodes(struct weir_region *region, const struct weir_region_conf *conf)
{
	int error = 0;

	if (conf->node < 0 || conf->node > WEIR__NODES_MAX)
		return weir__fail(conf->node < 0 ? EINVAL : ENODEV,
			"region '%s': node is %d: say WEIR_NODE(n) or WEIR_NODE_ANY", region->name,
			conf->node);
	if (conf->node != WEIR_NODE_ANY && conf->nodes)
		return weir__fail(EINVAL, "region '%s': has node and nodes: say one", region->name);
	if (conf->node != WEIR_NODE_ANY)
		region->nodes.bits[(conf->node - 1) / 64] = 1ul << (conf->node - 1) % 64;
	else if (strcmp(conf->nodes, "all") == 0)
		weir__os_nodes_allowed(&region->nodes);
	else
		error = weir__list_parse(conf->nodes, region->nodes.bits, WEIR__NODES_MAX);
	if (error == -ERANGE)
		return weir__fail(
			ENODEV, "region '%s': no such nodes: %s", region->name, conf->nodes);
	if (error)
		return weir__fail(EINVAL, "region '%s': nodes '%s': say a list as 0-1,3, or all",
			region->name, conf->nodes);
	return 0;
}

/* Have they memory, and may we use it? */
static int check_nodes(const struct weir_region *region)
{
	struct weir__nodes memory, allowed;
	char list[64];

	weir__os_nodes_with_memory(&memory);
	weir__os_nodes_allowed(&allowed);
	if (weir__os_numa())
		allowed = region->nodes; /* not to be asked: probe() will say why */
	for (unsigned int i = weir__nodes_next(&region->nodes, 0); i < WEIR__NODES_MAX;
		i = weir__nodes_next(&region->nodes, i + 1)) {
		if (!weir__nodes_has(&memory, i)) {
			weir__nodes_list(&memory, list, sizeof(list));
			return weir__fail(ENODEV, "region '%s': node %u %s; nodes with memory: %s",
				region->name, i,
				weir__os_node_exists(i) ? "has no memory" : "is not there", list);
		}
		if (!weir__nodes_has(&allowed, i)) {
			weir__nodes_list(&allowed, list, sizeof(list));
			return weir__fail(EPERM,
				"region '%s': this process may use memory of node %s only "
				"(Mems_allowed_list "
				"in /proc/self/status); node %u needs another cpuset",
				region->name, list, i);
		}
	}
	return 0;
}

/* "not placed on node 1: this kernel has no NUMA" */
static void describe_unplaced(const struct weir_region *region, char *text, size_t size)
{
	const char *reason = strerror(-region->unplaced);
	char list[64];

	if (region->unplaced == -ENOSYS)
		reason = "this kernel has no NUMA";
	if (region->unplaced == -EPERM)
		reason = "mbind is forbidden here, as in containers (docker run --cap-add "
			 "SYS_NICE)";
	weir__nodes_list(&region->nodes, list, sizeof(list));
	snprintf(text, size, "not placed on node%s %s: %s",
		weir__nodes_count(&region->nodes) > 1 ? "s" : "", list, reason);
}

/* Try to place the addresses themselves, before there are pages. */
static int probe(struct weir_region *region)
{
	struct weir__nodes memory;
	int error = weir__os_numa();
	char text[160];

	if (!error)
		error = weir__place(region, region->base, region->reserved);
	if (!error)
		return 0;
	weir__os_nodes_with_memory(&memory);
	region->anywhere = true;
	if (weir__nodes_count(&memory) == 1)
		return 0; /* there is but one place */
	region->unplaced = error;
	if (region->placement == WEIR_PLACE_PREFERRED)
		return 0;
	describe_unplaced(region, text, sizeof(text));
	return weir__fail(-error, "region '%s': %s", region->name, text);
}

int weir__place_init(struct weir_region *region, const struct weir_region_conf *conf)
{
	int error;

	region->placement = conf->placement;
	if ((unsigned int)conf->placement > WEIR_PLACE_INTERLEAVE)
		return weir__fail(EINVAL, "region '%s': placement %d: say one of WEIR_PLACE_*",
			region->name, (int)conf->placement);
	if (conf->node == WEIR_NODE_ANY && !conf->nodes) {
		region->anywhere = true;
		return 0;
	}
	error = parse_nodes(region, conf);
	if (error)
		return error;
	if (conf->placement == WEIR_PLACE_PREFERRED && weir__nodes_count(&region->nodes) > 1)
		return weir__fail(
			EINVAL, "region '%s': several nodes are preferred: say one", region->name);
	error = check_nodes(region);
	return error ? error : probe(region);
}

int weir__place(const struct weir_region *region, void *address, size_t size)
{
	if (region->anywhere)
		return 0;
	switch (region->placement) {
	case WEIR_PLACE_PREFERRED:
		return weir__os_prefer(address, size, weir__nodes_next(&region->nodes, 0));
	case WEIR_PLACE_INTERLEAVE:
		return weir__os_interleave(address, size, &region->nodes);
	default:
		return weir__os_bind(address, size, &region->nodes);
	}
}

int weir__place_count(uint8_t *address, size_t size, size_t step, size_t *bytes, unsigned int max)
{
	void *pages[ASK_MAX];
	int nodes[ASK_MAX], error;

	for (size_t at = 0; at < size;) {
		size_t count = 0;

		for (size_t next = at; count < ASK_MAX && next < size; next += step)
			pages[count++] = address + next;
		error = weir__os_nodes_of(pages, count, nodes);
		if (error)
			return error;
		for (size_t i = 0; i < count; i++, at += step)
			if (nodes[i] >= 0 && (unsigned int)nodes[i] < max)
				bytes[nodes[i]] += size - at < step ? size - at : step;
	}
	return 0;
}

/* Where the nodes are to be used in turn, the kernel takes another one when a node is full. */
static int verify_turns(struct weir_region *region, const size_t *bytes, size_t step)
{
	size_t least = SIZE_MAX, most = 0;
	unsigned int poor = 0;
	char has[32], others[32];

	for (unsigned int i = weir__nodes_next(&region->nodes, 0); i < WEIR__NODES_MAX;
		i = weir__nodes_next(&region->nodes, i + 1)) {
		poor = bytes[i] < least ? i : poor;
		least = bytes[i] < least ? bytes[i] : least;
		most = bytes[i] > most ? bytes[i] : most;
	}
	/* a transparent hugepage counts as one */
	if (most - least <= (step > WEIR__OS_HUGE_SIZE ? step : WEIR__OS_HUGE_SIZE))
		return 0;
	weir__bytes_describe(least, has, sizeof(has));
	weir__bytes_describe(most, others, sizeof(others));
	weir__why(region, "node %u got %s, others up to %s", poor, has, others);
	return -ENOMEM;
}

int weir__place_verify(struct weir_region *region, uint8_t *address, size_t size, size_t step)
{
	size_t bytes[WEIR__NODES_MAX] = {0};
	char text[32];
	int error;

	if (region->anywhere)
		return 0;
	error = weir__place_count(address, size, step, bytes, WEIR__NODES_MAX);
	if (error)
		weir__why(region, "not verified where it lies: move_pages: %s", strerror(-error));
	for (unsigned int i = 0; i < WEIR__NODES_MAX; i++) {
		if (!bytes[i] || weir__nodes_has(&region->nodes, i))
			continue;
		weir__bytes_describe(bytes[i], text, sizeof(text));
		weir__why(region, "%s came to lie on node %u", text, i);
		if (region->placement != WEIR_PLACE_PREFERRED)
			return -EXDEV;
	}
	if (!error && region->placement == WEIR_PLACE_INTERLEAVE)
		return verify_turns(region, bytes, step);
	return 0;
}

void weir__place_describe(const struct weir_region *region, char *text, size_t size)
{
	bool one = weir__nodes_count(&region->nodes) == 1;
	char list[64];

	text[0] = 0;
	if (region->anywhere)
		return;
	weir__nodes_list(&region->nodes, list, sizeof(list));
	snprintf(text, size, " on node%s %s%s", one ? "" : "s", list,
		region->placement == WEIR_PLACE_INTERLEAVE  ? " in turn"
		: region->placement == WEIR_PLACE_PREFERRED ? " if possible"
							    : "");
}

void weir__place_why(const struct weir_region *region, char *text, size_t size)
{
	text[0] = 0;
	if (region->unplaced)
		describe_unplaced(region, text, size);
}
