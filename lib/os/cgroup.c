/* SPDX-License-Identifier: BSD-3-Clause */
/* cgroup.c: what the memory control groups of this process leave it, of version 1 and 2.
 *
 * A group's limit holds for all below it, so the groups are looked at from this process' own up to
 * the root, and the least counts. In a container the path may be one of outside, which does not
 * exist here; the way up from it ends at the root, which is the container's own group.
 */
#include "os_impl.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

struct version {
	const char *mount, *max, *used;
	const char *inactive, *active; /* file pages in memory.stat, which the kernel gives up */
};

static const struct version version_2 = {
	"/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file ", "active_file "};
static const struct version version_1 = {"/sys/fs/cgroup/memory", "memory.limit_in_bytes",
	"memory.usage_in_bytes", "total_inactive_file ", "total_active_file "};

/* The number in a file, at the start of a line or behind the word that starts one. */
static bool read_number(const char *group, const char *name, const char *word, size_t *number)
{
	char path[PATH_MAX + 64], line[128];
	size_t skip = strlen(word);
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", group, name);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file))
		found = strncmp(line, word, skip) == 0 && sscanf(line + skip, "%zu", number) == 1;
	fclose(file);
	return found;
}

/* What one group leaves. "max", no number, is no limit, and so is a group that is not there. */
static size_t group_leaves(const struct version *version, const char *group)
{
	size_t max, used, active = 0, inactive = 0;

	if (!read_number(group, version->max, "", &max) ||
		!read_number(group, version->used, "", &used))
		return SIZE_MAX;
	read_number(group, "memory.stat", version->inactive, &inactive);
	read_number(group, "memory.stat", version->active, &active);
	used -= inactive + active < used ? inactive + active : used;
	return max > used ? max - used : 0;
}

static size_t groups_leave(const struct version *version, const char *path)
{
	char group[PATH_MAX];
	size_t root = strlen(version->mount), least = SIZE_MAX;

	snprintf(group, sizeof(group), "%s%s", version->mount, path);
	for (;;) {
		size_t left = group_leaves(version, group);
		char *slash = strrchr(group, '/');

		least = left < least ? left : least;
		if (strlen(group) <= root || !slash)
			return least;
		*slash = 0;
	}
}

size_t weir__os_cgroup_available(void)
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	size_t least = SIZE_MAX;
	char line[PATH_MAX];

	if (!file)
		return SIZE_MAX;
	/* ID:CONTROLLERS:PATH, without controllers in version 2 */
	while (fgets(line, sizeof(line), file)) {
		const char *path = strchr(line, '/');
		size_t left = SIZE_MAX;

		line[strcspn(line, "\n")] = 0;
		if (path && strncmp(line, "0::", 3) == 0)
			left = groups_leave(&version_2, path);
		else if (path && strstr(line, ":memory:"))
			left = groups_leave(&version_1, path);
		least = left < least ? left : least;
	}
	fclose(file);
	return least;
}
