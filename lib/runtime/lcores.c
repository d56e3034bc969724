/* SPDX-License-Identifier: BSD-3-Clause */
/* lcores.c: "0-3,node1,isolated" into a set of cores. */
#include "weir/lcores.h"

#include "base/base_impl.h"
#include "base/list_impl.h"
#include "os/os_impl.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static_assert(WEIR_LCORE_MAX == WEIR__LCORES_MAX, "one limit");
static_assert(sizeof(struct weir_lcores) == sizeof(struct weir__lcores), "the same bits");

int weir_lcores_next(const struct weir_lcores *lcores, int after)
{
	for (int i = after + 1; i < WEIR_LCORE_MAX; i++)
		if (weir_lcores_has(lcores, (uint32_t)i))
			return i;
	return -1;
}

uint32_t weir_lcores_count(const struct weir_lcores *lcores)
{
	int count = 0;

	for (uint32_t i = 0; i < WEIR_LCORE_MAX / 64; i++)
		count += __builtin_popcountll(lcores->bits[i]);
	return (uint32_t)count;
}

int weir_lcore_node(uint32_t number)
{
	return number < WEIR_LCORE_MAX ? weir__os_node_of_lcore(number) : -ENODEV;
}

/* into |= those of from that limit has. */
static void add(
	struct weir_lcores *into, const struct weir__lcores *from, const struct weir__lcores *limit)
{
	for (uint32_t i = 0; i < WEIR_LCORE_MAX; i++)
		if (from->bits[i / 64] & limit->bits[i / 64] & 1ul << i % 64)
			weir_lcores_add(into, i);
}

/* Numbers: each must be there and allowed. */
static int add_numbers(struct weir_lcores *into, const char *text)
{
	struct weir__lcores named, online, cpuset;
	int error = weir__list_parse(text, named.bits, WEIR__LCORES_MAX);

	if (error)
		return weir__fail(-error,
			"lcores '%s': say numbers below %d as in 0-3,8, nodeN, isolated or all",
			text, WEIR_LCORE_MAX);
	weir__os_lcores_online(&online);
	weir__os_lcores_cpuset(&cpuset);
	for (uint32_t i = 0; i < WEIR_LCORE_MAX; i++) {
		unsigned long bit = 1ul << i % 64;

		if (!(named.bits[i / 64] & bit))
			continue;
		if (!(online.bits[i / 64] & bit))
			return weir__fail(ENODEV,
				"lcore %u is not there, or offline; "
				"see /sys/devices/system/cpu/online",
				i);
		if (!(cpuset.bits[i / 64] & bit))
			return weir__fail(EPERM,
				"lcore %u is not in the cpuset of this process (systemd: "
				"AllowedCPUs=, docker: --cpuset-cpus)",
				i);
	}
	add(into, &named, &cpuset);
	return 0;
}

static int add_node(struct weir_lcores *into, const char *number)
{
	struct weir__lcores cores, affinity;
	unsigned long node;
	char *end;

	node = strtoul(number, &end, 10);
	if (*number == 0 || *end || node >= WEIR__NODES_MAX ||
		!weir__os_lcores_of_node((unsigned int)node, &cores))
		return weir__fail(
			ENODEV, "lcores: there is no node '%s'; see `numactl -H`", number);
	weir__os_lcores_affinity(&affinity);
	add(into, &cores, &affinity);
	return 0;
}

/* One word between commas. */
static int add_word(struct weir_lcores *into, const char *word)
{
	struct weir__lcores cores, limit;

	if (strncmp(word, "node", 4) == 0)
		return add_node(into, word + 4);
	if (strcmp(word, "all") == 0) {
		weir__os_lcores_affinity(&cores);
		add(into, &cores, &cores);
		return 0;
	}
	if (strcmp(word, "isolated") != 0)
		return add_numbers(into, word);
	weir__os_lcores_cpuset(&limit);
	if (weir__os_lcores_isolated(&cores))
		add(into, &cores, &limit);
	return 0;
}

int weir_lcores_parse(struct weir_lcores *lcores, const char *text)
{
	struct weir_lcores found = {{0}};
	char *copy = strdup(text), *rest = copy, *word;
	int error = 0;

	if (!copy)
		return weir__fail(ENOMEM, "no memory for the lcores '%s'", text);
	while (!error && (word = strsep(&rest, ",")))
		error = add_word(&found, word);
	free(copy);
	if (!error && weir_lcores_count(&found) == 0)
		error = weir__fail(ENODEV, "lcores '%s': that is no core that may be used", text);
	if (!error)
		*lcores = found;
	return error;
}
