/* SPDX-License-Identifier: BSD-3-Clause */
/* lcore.c: the logical cores there are and those this process may use. */
#include "os_impl.h"

#include "base/list_impl.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static_assert(sizeof(cpu_set_t) == sizeof(struct weir__lcores), "both have a bit for each of 1024");

static void only_lcore_0(struct weir__lcores *lcores)
{
	*lcores = (struct weir__lcores){.bits = {1}};
}

static bool read_list(const char *path, struct weir__lcores *lcores)
{
	FILE *file = fopen(path, "re");
	char line[4096];
	bool found;

	if (!file)
		return false;
	found = fgets(line, sizeof(line), file) &&
		weir__list_parse(line, lcores->bits, WEIR__LCORES_MAX) == 0;
	fclose(file);
	return found;
}

void weir__os_lcores_affinity(struct weir__lcores *lcores)
{
	if (sched_getaffinity(0, sizeof(*lcores), (cpu_set_t *)(void *)lcores) != 0)
		only_lcore_0(lcores);
}

void weir__os_lcores_online(struct weir__lcores *lcores)
{
	if (!read_list("/sys/devices/system/cpu/online", lcores))
		weir__os_lcores_affinity(lcores);
}

bool weir__os_lcores_isolated(struct weir__lcores *lcores)
{
	return read_list("/sys/devices/system/cpu/isolated", lcores);
}

bool weir__os_lcores_of_node(unsigned int node, struct weir__lcores *lcores)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%u/cpulist", node);
	if (read_list(path, lcores))
		return true;
	if (node == 0 && access("/sys/devices/system/node", F_OK) != 0) {
		weir__os_lcores_online(lcores);
		return true;
	}
	return false;
}

/* A thread that asks for all gets what the cpuset has. */
static void *ask_for_all(void *lcores)
{
	cpu_set_t all;

	memset(&all, 0xff, sizeof(all));
	sched_setaffinity(0, sizeof(all), &all);
	weir__os_lcores_affinity(lcores);
	return NULL;
}

void weir__os_lcores_cpuset(struct weir__lcores *lcores)
{
	pthread_t thread;

	/* in a thread of its own, so that nobody's affinity changes */
	if (pthread_create(&thread, NULL, ask_for_all, lcores) == 0)
		pthread_join(thread, NULL);
	else
		weir__os_lcores_affinity(lcores);
}

int weir__os_node_of_lcore(unsigned int lcore)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u", lcore);
	if (access(path, F_OK) != 0 && errno == ENOENT && access("/sys/devices", F_OK) == 0)
		return -ENODEV;
	for (int node = 0; node < WEIR__NODES_MAX; node++) {
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/node%d", lcore, node);
		if (access(path, F_OK) == 0)
			return node;
	}
	return 0;
}

int weir__os_set_affinity(const struct weir__lcores *lcores)
{
	return sched_setaffinity(0, sizeof(*lcores), (const cpu_set_t *)(const void *)lcores)
		       ? -errno
		       : 0;
}

uint32_t weir__os_thread(void)
{
	return (uint32_t)gettid();
}
