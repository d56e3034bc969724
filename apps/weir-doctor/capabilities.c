/* SPDX-License-Identifier: BSD-3-Clause */
/* capabilities.c: what of root's powers this process has, and how a program gets those it misses.
 */
#include "checks.h"

#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef CAP_BPF
#define CAP_BPF 39 /* linux/capability.h since 5.8 */
#endif

struct capability {
	int number;
	bool wanted;      /* by network ports, so that its absence is worth a warning */
	const char *name; /* as setcap writes it */
	const char *add;  /* as docker does */
	const char *use;
};

static const struct capability all[] = {
	{CAP_NET_RAW, true, "cap_net_raw", "--cap-add=NET_RAW",
		"opens AF_PACKET and AF_XDP sockets"},
	{CAP_NET_ADMIN, true, "cap_net_admin", "--cap-add=NET_ADMIN",
		"makes TAP interfaces, attaches XDP programs, sets promiscuous mode"},
	{CAP_BPF, true, "cap_bpf", "--cap-add=BPF", "loads XDP programs, with CAP_NET_ADMIN"},
	{CAP_IPC_LOCK, false, "cap_ipc_lock", "--cap-add=IPC_LOCK",
		"locks memory beyond limit.memlock"},
	{CAP_SYS_NICE, false, "cap_sys_nice", "--cap-add=SYS_NICE",
		"sets real-time priorities; docker's filter lets mbind and move_pages pass with "
		"it"},
};

#define COUNT (sizeof(all) / sizeof(*all))

static bool is_missing(const struct machine *machine, const struct capability *capability)
{
	/* what needed CAP_SYS_ADMIN before Linux 5.8 is allowed by it still */
	if (capability->number == CAP_BPF && machine_has(machine, CAP_SYS_ADMIN))
		return false;
	return !machine_has(machine, capability->number);
}

/* Is it there in name only, as root's in a user namespace is? Nobody can give more of it. */
static bool is_in_name(const struct machine *machine, const struct capability *capability)
{
	return machine->capabilities & CAP_BIT(capability->number);
}

/* Names, or options for docker, of all that are missing and wanted, and can be given. */
static void list_missing(const struct machine *machine, bool options, char *text, size_t size)
{
	size_t used = 0;

	*text = '\0';
	for (size_t i = 0; i < COUNT && used < size; i++)
		if (all[i].wanted && is_missing(machine, &all[i]) && !is_in_name(machine, &all[i]))
			used += (size_t)snprintf(text + used, size - used, "%s%s",
				!used     ? ""
				: options ? " "
					  : ",",
				options ? all[i].add : all[i].name);
}

/* Can a program on disk be given those that are missing? */
static bool can_set(const struct machine *machine)
{
	for (size_t i = 0; i < COUNT; i++)
		if (all[i].wanted && is_missing(machine, &all[i]) &&
			!(machine->bounding & CAP_BIT(all[i].number)))
			return false;
	return !machine->no_new_privileges && machine->container == CONTAINER_NONE;
}

/* A program of weir to give them to: weir-replay beside this one where it is. */
static void find_program(char *path, size_t size)
{
	static const char name[] = "weir-replay";
	ssize_t length = readlink("/proc/self/exe", path, size - sizeof(name));
	char *slash;

	path[length > 0 ? length : 0] = '\0';
	slash = strrchr(path, '/');
	if (!slash) {
		snprintf(path, size, "$(command -v %s)", name);
		return;
	}
	memcpy(slash + 1, name, sizeof(name));
	if (access(path, F_OK))
		path[readlink("/proc/self/exe", path, size - 1)] = '\0';
}

void cure_capabilities(struct line *line, const struct machine *machine)
{
	char program[PATH_MAX_TEXT], list[256];

	if (can_set(machine)) {
		list_missing(machine, false, list, sizeof(list));
		find_program(program, sizeof(program));
		line_cure(
			line, where_to_run(machine, CAP_SETFCAP), "setcap %s+ep %s", list, program);
	} else {
		list_missing(machine, true, list, sizeof(list));
		if (*list)
			cure_at_start(line, machine, list);
	}
}

static const char *why_not(const struct machine *machine, const struct capability *capability)
{
	if (is_in_name(machine, capability))
		return "held in this user namespace only, where it does not count";
	if (machine->no_new_privileges && machine->container == CONTAINER_NONE)
		return "no, and a program cannot be given it: no_new_privs is set";
	if (!(machine->bounding & CAP_BIT(capability->number)))
		return "no, and it is not in the bounding set of this process";
	return "no";
}

static void check_capability(
	const struct machine *machine, struct lines *lines, const struct capability *capability)
{
	struct line *line = line_begin(lines, "%s", capability->name);

	line_why(line, "%s", capability->use);
	if (machine->live || machine->has_proc) {
		if (!is_missing(machine, capability)) {
			line_say(line, STATUS_OK, "%s",
				machine->user_namespace ? "yes, for what this user namespace owns"
							: "yes");
			return;
		}
		line_say(line, capability->wanted ? STATUS_WARN : STATUS_ABSENT, "%s",
			why_not(machine, capability));
		if (capability->wanted)
			cure_capabilities(line, machine);
	} else {
		line_say(line, STATUS_ABSENT, "unknown without /proc");
	}
}

void check_capabilities(const struct machine *machine, struct lines *lines)
{
	for (size_t i = 0; i < COUNT; i++)
		check_capability(machine, lines, &all[i]);
}
