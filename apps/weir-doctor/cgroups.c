/* SPDX-License-Identifier: BSD-3-Clause */
/* cgroups.c: limits of the control groups, version 1 and 2, that this process is in.
 *
 * A limit of a group holds for all groups below it. So it is looked for from the group of this
 * process up to the root of the hierarchy, and the one that leaves the least counts. Inside a
 * container the group's path may be one of outside that does not exist here; climbing up from it
 * ends at the root, which is the container's own group.
 */
#include "machine.h"

#include "apps/common/files.h"
#include "apps/common/units.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PERIOD_US 100000 /* the kernel's default, and what cpu_limit is given in */

/* What version 1 says where it has no limit is 2^63 rounded down to whole pages. */
#define NO_LIMIT (UINT64_C(1) << 62)

/* The files of one limit. */
struct files {
	const char *max;
	const char *used;
	const char *reclaimable; /* a key's start in memory.stat: the kernel frees this; NULL */
};

/* Where a hierarchy is mounted, and the group of this process in it. */
struct hierarchy {
	const char *mount;
	char group[PATH_MAX_TEXT / 2];
};

/* The group in /proc/self/cgroup: lines are ID:CONTROLLERS:PATH, without controllers in version 2.
 */
static bool find_group(
	const struct machine *machine, const char *controller, char *group, size_t size)
{
	FILE *file = fopen(machine_path(machine, "/proc/self/cgroup"), "re");
	char line[1024];
	bool found = false;

	*group = '\0';
	while (file && !found && fgets(line, sizeof(line), file)) {
		char *rest = line, *word;
		char *controllers = strsep(&rest, ":") ? strsep(&rest, ":") : NULL;

		if (!controllers || !rest)
			continue;
		found = !*controllers && !*controller;
		while (!found && (word = strsep(&controllers, ",")))
			found = *word && strcmp(word, controller) == 0;
		if (found)
			snprintf(group, size, "%.*s", (int)strcspn(rest, "\n"), rest);
	}
	if (file)
		fclose(file);
	/* one outside of the mount, as a namespace shows it */
	if (strstr(group, "/.."))
		*group = '\0';
	return found;
}

static uint64_t read_reclaimable(
	const struct machine *machine, const char *directory, const char *prefix)
{
	uint64_t sum = 0, bytes;
	char key[64], text[64];

	for (int active = 0; active < 2; active++) {
		snprintf(key, sizeof(key), "%s%s_file ", prefix, active ? "active" : "inactive");
		if (app_read_line(machine_path(machine, "%s/memory.stat", directory), key, text,
			    sizeof(text)) &&
			app_parse_number(text, 0, UINT64_MAX, &bytes))
			sum += bytes;
	}
	return sum;
}

/* Take the limit of one group when it leaves less than the one so far. */
static void tighten(const struct machine *machine, struct limit *limit, const char *directory,
	const struct files *files)
{
	uint64_t max, used = 0, free = 0, room;

	if (!app_read_number(machine_path(machine, "%s/%s", directory, files->max), &max) ||
		max >= NO_LIMIT)
		return;
	app_read_number(machine_path(machine, "%s/%s", directory, files->used), &used);
	if (files->reclaimable)
		free = read_reclaimable(machine, directory, files->reclaimable);
	used -= free < used ? free : used;
	room = used < max ? max - used : 0;
	if (limit->set && limit->room <= room)
		return;
	limit->set = true;
	limit->max = max;
	limit->room = room;
	snprintf(limit->file, sizeof(limit->file), "%s/%s", directory, files->max);
}

/* The directory of this process' group, then those above it. */
static bool climb(struct hierarchy *hierarchy, char *directory, size_t size, bool first)
{
	char *slash = strrchr(hierarchy->group, '/');

	if (!first) {
		if (!*hierarchy->group)
			return false;
		*(slash ? slash : hierarchy->group) = '\0';
	}
	snprintf(directory, size, "%s%s", hierarchy->mount,
		strcmp(hierarchy->group, "/") == 0 ? "" : hierarchy->group);
	return true;
}

static void find_limit(const struct machine *machine, struct limit *limit,
	const struct hierarchy *hierarchy, const struct files *files)
{
	struct hierarchy at = *hierarchy;
	char directory[PATH_MAX_TEXT / 2 + 64];

	for (bool more = climb(&at, directory, sizeof(directory), true); more;
		more = climb(&at, directory, sizeof(directory), false))
		tighten(machine, limit, directory, files);
}

/* "2MB", "1GB", "64KB": how control groups write the size of a page. */
static const char *huge_name(uint64_t size, char buffer[32])
{
	static const char units[] = "KMG";
	int unit = 0;

	for (size >>= 10; size >= 1024 && unit < 2; unit++)
		size >>= 10;
	snprintf(buffer, 32, "%llu%cB", (unsigned long long)size, units[unit]);
	return buffer;
}

static void find_huge(struct machine *machine, const struct hierarchy *hierarchy, const char *max,
	const char *used)
{
	for (uint32_t i = 0; i < machine->huge_count; i++) {
		char size[32], names[2][64];
		struct files files = {.max = names[0], .used = names[1]};

		huge_name(machine->huge_sizes[i], size);
		snprintf(names[0], sizeof(names[0]), "hugetlb.%s.%s", size, max);
		snprintf(names[1], sizeof(names[1]), "hugetlb.%s.%s", size, used);
		find_limit(machine, &machine->huge_limits[i], hierarchy, &files);
	}
}

/* cpu.max is QUOTA PERIOD, version 1 has two files; either may say that there is no quota. */
static void find_cpu(struct machine *machine, const struct hierarchy *hierarchy, bool version2)
{
	struct hierarchy at = *hierarchy;
	char directory[PATH_MAX_TEXT / 2 + 64], text[64];
	struct limit *limit = &machine->cpu_limit;

	for (bool more = climb(&at, directory, sizeof(directory), true); more;
		more = climb(&at, directory, sizeof(directory), false)) {
		const char *name = version2 ? "cpu.max" : "cpu.cfs_quota_us";
		unsigned long long quota, period = PERIOD_US;
		uint64_t number;

		if (!app_read_line(machine_path(machine, "%s/%s", directory, name), NULL, text,
			    sizeof(text)) ||
			sscanf(text, "%llu %llu", &quota, &period) < 1 || *text == '-')
			continue;
		if (!version2 &&
			app_read_number(
				machine_path(machine, "%s/cpu.cfs_period_us", directory), &number))
			period = number;
		quota = period ? quota * PERIOD_US / period : quota;
		if (limit->set && limit->max <= quota)
			continue;
		limit->set = true;
		limit->max = quota;
		snprintf(limit->file, sizeof(limit->file), "%s/%s", directory, name);
	}
}

static void read_version2(struct machine *machine)
{
	static const struct files memory = {"memory.max", "memory.current", ""};
	static const char *const mounts[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
	struct hierarchy hierarchy;

	if (!find_group(machine, "", hierarchy.group, sizeof(hierarchy.group)))
		return;
	for (size_t i = 0; i < sizeof(mounts) / sizeof(*mounts); i++) {
		hierarchy.mount = mounts[i];
		find_limit(machine, &machine->memory_limit, &hierarchy, &memory);
		find_huge(machine, &hierarchy, "max", "current");
		find_huge(machine, &hierarchy, "rsvd.max", "rsvd.current");
		find_cpu(machine, &hierarchy, true);
	}
}

static void read_version1(struct machine *machine)
{
	static const struct files memory = {
		"memory.limit_in_bytes", "memory.usage_in_bytes", "total_"};
	struct hierarchy hierarchy = {.mount = "/sys/fs/cgroup/memory"};

	if (find_group(machine, "memory", hierarchy.group, sizeof(hierarchy.group)))
		find_limit(machine, &machine->memory_limit, &hierarchy, &memory);
	hierarchy.mount = "/sys/fs/cgroup/hugetlb";
	if (find_group(machine, "hugetlb", hierarchy.group, sizeof(hierarchy.group))) {
		find_huge(machine, &hierarchy, "limit_in_bytes", "usage_in_bytes");
		find_huge(machine, &hierarchy, "rsvd.limit_in_bytes", "rsvd.usage_in_bytes");
	}
	hierarchy.mount = "/sys/fs/cgroup/cpu";
	if (find_group(machine, "cpu", hierarchy.group, sizeof(hierarchy.group)))
		find_cpu(machine, &hierarchy, false);
}

void read_cgroups(struct machine *machine)
{
	read_version2(machine);
	read_version1(machine);
}
