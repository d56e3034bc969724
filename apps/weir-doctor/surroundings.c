/* SPDX-License-Identifier: BSD-3-Clause */
/* surroundings.c: is this a container, and where would a command be obeyed?
 *
 * No single sign is proof: an image of docker may run as a machine, and a container may hide all
 * signs. So a sign counts only where a namespace of this process is not the machine's own.
 */
#include "machine.h"

#include "apps/common/files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Inodes of the namespaces that the kernel makes at boot (include/linux/proc_ns.h of Linux). */
#define FIRST_CGROUP 4026531835u
#define FIRST_PID    4026531836u
#define FIRST_USER   4026531837u
#define FIRST_UTS    4026531838u
#define FIRST_IPC    4026531839u

/* Is this process in another namespace than the one from boot? Not where that cannot be seen. */
static bool is_apart(const struct machine *machine, const char *kind, unsigned int first)
{
	char text[64] = "";
	const char *inode;

	if (readlink(machine_path(machine, "/proc/self/ns/%s", kind), text, sizeof(text) - 1) < 0)
		return false;
	inode = strchr(text, '[');
	return inode && strtoul(inode + 1, NULL, 10) != first;
}

static bool in_user_namespace(const struct machine *machine)
{
	char map[128];
	unsigned long inside, outside, count;

	if (is_apart(machine, "user", FIRST_USER))
		return true;
	return app_read_line(machine_path(machine, "/proc/self/uid_map"), NULL, map, sizeof(map)) &&
	       sscanf(map, "%lu %lu %lu", &inside, &outside, &count) == 3 &&
	       (inside != 0 || outside != 0 || count != UINT32_MAX);
}

struct sign {
	const char *path;
	enum container container;
};

/* The most telling first: the containers of kubernetes have signs of others, too. */
static const struct sign *find_sign(const struct machine *machine)
{
	static const struct sign signs[] = {
		{"/var/run/secrets/kubernetes.io", CONTAINER_KUBERNETES},
		{"/run/.containerenv", CONTAINER_PODMAN},
		{"/.dockerenv", CONTAINER_DOCKER},
		{"/run/systemd/container", CONTAINER_OTHER},
	};

	for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++)
		if (access(machine_path(machine, "%s", signs[i].path), F_OK) == 0)
			return &signs[i];
	return NULL;
}

static void set_container(struct machine *machine, enum container container, const char *how)
{
	machine->container = container;
	snprintf(machine->container_how, sizeof(machine->container_how), "%s", how);
}

static void look_for_container(struct machine *machine)
{
	bool pid = is_apart(machine, "pid", FIRST_PID);
	bool apart = pid || is_apart(machine, "cgroup", FIRST_CGROUP) ||
		     is_apart(machine, "uts", FIRST_UTS) || is_apart(machine, "ipc", FIRST_IPC);
	const struct sign *sign = find_sign(machine);
	char how[128];

	if (sign)
		snprintf(how, sizeof(how), "%s is there%s", sign->path,
			apart ? "" : ", but all namespaces are the machine's own");
	if (sign && (apart || !machine->has_proc))
		set_container(machine, sign->container, how);
	else if (pid)
		set_container(machine, CONTAINER_OTHER, "the pid namespace is not the machine's");
	else if (machine->user_namespace)
		set_container(machine, CONTAINER_USER_NAMESPACE,
			"/proc/self/uid_map and ns/user are not the machine's");
	else if (sign)
		set_container(machine, CONTAINER_NONE, how);
	else
		set_container(machine, CONTAINER_NONE,
			machine->has_proc ? "the namespaces are the machine's own"
					  : "nothing tells of one, but /proc is not there");
}

void read_surroundings(struct machine *machine)
{
	machine->user_namespace = in_user_namespace(machine);
	look_for_container(machine);
}

static enum where elsewhere(const struct machine *machine)
{
	return machine->container == CONTAINER_NONE ? WHERE_ROOT : WHERE_OUT;
}

enum where where_to_write(const struct machine *machine, const char *path)
{
	/* asks for the mount being read-only, too, and for the user namespace */
	if (faccessat(AT_FDCWD, machine_path(machine, "%s", path), W_OK, AT_EACCESS) == 0)
		return WHERE_HERE;
	return elsewhere(machine);
}

enum where where_to_run(const struct machine *machine, int capability)
{
	return machine_has(machine, capability) ? WHERE_HERE : elsewhere(machine);
}

void cure_at_start(struct line *line, const struct machine *machine, const char *option)
{
	if (machine->container == CONTAINER_DOCKER)
		line_cure(line, WHERE_START, "docker run %s ...", option);
	else if (machine->container == CONTAINER_PODMAN)
		line_cure(line, WHERE_START, "podman run %s ...", option);
}
