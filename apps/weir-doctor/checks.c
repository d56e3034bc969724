/* SPDX-License-Identifier: BSD-3-Clause */
/* checks.c: all checks, and the one on where this runs. */
#include "checks.h"

#include <linux/capability.h>

const struct check checks[] = {
	{check_library},
	{check_surroundings},
	{check_processors},
	{check_clock},
	{check_nodes},
	{check_placement},
	{check_hugepages},
	{check_transparent},
	{check_limits},
	{check_capabilities},
	{check_af_packet},
	{check_af_xdp},
	{check_tap},
	{NULL},
};

void line_not_tried(struct lines *lines, const char *name)
{
	line_say(line_begin(lines, "%s", name), STATUS_ABSENT, "not tried: --sysroot is given");
}

static void check_seccomp(const struct machine *machine, struct lines *lines)
{
	struct line *line = line_begin(lines, "seccomp");

	line_say(line, STATUS_OK, "%s", machine->seccomp ? "a filter" : "none");
	if (machine->seccomp)
		line_why(line, "what it forbids of what weir calls shows below");
}

static void check_mounted(const struct machine *machine, struct lines *lines, bool there,
	const char *path, const char *type)
{
	struct line *line;

	if (there)
		return;
	line = line_begin(lines, "%s", type);
	line_say(line, STATUS_WARN, "%s is not there", path);
	line_why(line, "what is said below is less, and so is what weir says when memory lacks");
	if (machine->live && where_to_run(machine, CAP_SYS_ADMIN) == WHERE_HERE)
		line_cure(line, WHERE_HERE, "mkdir -p %s && mount -t %s %s %s", path, type, type,
			path);
}

void check_surroundings(const struct machine *machine, struct lines *lines)
{
	static const char *const names[] = {
		[CONTAINER_NONE] = "no",
		[CONTAINER_USER_NAMESPACE] = "a user namespace",
		[CONTAINER_DOCKER] = "docker",
		[CONTAINER_PODMAN] = "podman",
		[CONTAINER_KUBERNETES] = "kubernetes",
		[CONTAINER_OTHER] = "yes",
	};
	struct line *line = line_begin(lines, "container");

	line_say(line, STATUS_OK, "%s (%s)%s", names[machine->container], machine->container_how,
		machine->user_namespace && machine->container != CONTAINER_USER_NAMESPACE
			? ", in a user namespace"
			: "");
	if (machine->container != CONTAINER_NONE)
		line_why(line, "commands that change the machine have to be run outside");
	check_mounted(machine, lines, machine->has_proc, "/proc", "proc");
	check_mounted(machine, lines, machine->has_sys, "/sys", "sysfs");
	check_seccomp(machine, lines);
}
