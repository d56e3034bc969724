/* SPDX-License-Identifier: BSD-3-Clause */
/* process.c: what this process is allowed: processors, nodes, capabilities, limits. The kernel is
 * asked where it is this machine; /proc may be missing there. */
#include "machine.h"

#include "apps/common/files.h"
#include "apps/common/units.h"

#include <assert.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <numaif.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool read_status(const struct machine *machine, const char *key, char *text, size_t size)
{
	return app_read_line(machine_path(machine, "/proc/self/status"), key, text, size);
}

static uint64_t read_hexadecimal(const struct machine *machine, const char *key)
{
	char text[64];

	return read_status(machine, key, text, sizeof(text)) ? strtoull(text, NULL, 16) : 0;
}

static void read_processors(struct machine *machine)
{
	char text[4096];

	machine_list(machine, "/sys/devices/system/cpu/online", &machine->online);
	machine_list(machine, "/sys/devices/system/cpu/isolated", &machine->isolated);
	if (machine->live)
		sched_getaffinity(0, sizeof(machine->allowed), &machine->allowed);
	else if (!read_status(machine, "Cpus_allowed_list", text, sizeof(text)) ||
		 !app_parse_lcores(text, &machine->allowed))
		machine->allowed = machine->online;
	if (CPU_COUNT(&machine->online) == 0)
		machine->online = machine->allowed;
}

/* All nodes where nobody says. */
static void read_mems(struct machine *machine)
{
	unsigned long mask[NODE_MAX / (8 * sizeof(long))] = {0};
	char text[4096];

	static_assert(sizeof(mask) == sizeof(machine->mems), "a bit for each node, as for CPUs");
	if (read_status(machine, "Mems_allowed_list", text, sizeof(text)) &&
		app_parse_lcores(text, &machine->mems))
		return;
	if (!machine->live || get_mempolicy(NULL, mask, NODE_MAX, NULL, MPOL_F_MEMS_ALLOWED))
		memset(mask, 0xff, sizeof(mask));
	memcpy(&machine->mems, mask, sizeof(mask));
}

static void read_capabilities(struct machine *machine)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

	if (!machine->live) {
		machine->capabilities = read_hexadecimal(machine, "CapEff");
		machine->bounding = read_hexadecimal(machine, "CapBnd");
		machine->no_new_privileges = read_hexadecimal(machine, "NoNewPrivs") == 1;
		machine->seccomp = read_hexadecimal(machine, "Seccomp:");
		return;
	}
	if (syscall(SYS_capget, &header, data) == 0)
		machine->capabilities = (uint64_t)data[1].effective << 32 | data[0].effective;
	for (int capability = 0; capability < 64; capability++)
		if (prctl(PR_CAPBSET_READ, capability) == 1)
			machine->bounding |= CAP_BIT(capability);
	machine->no_new_privileges = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
	/* the strict mode, in which the call kills, would have killed before */
	machine->seccomp = prctl(PR_GET_SECCOMP) == SECCOMP_MODE_FILTER ? SECCOMP_MODE_FILTER : 0;
}

bool machine_has(const struct machine *machine, int capability)
{
	/* the kernel asks for these in the namespace of the network, which may be a process' own */
	bool network = capability == CAP_NET_RAW || capability == CAP_NET_ADMIN;

	return machine->capabilities & CAP_BIT(capability) && (network || !machine->user_namespace);
}

/* A line of /proc/self/limits: soft, then hard. */
static void parse_limit(const char *text, uint64_t *soft, uint64_t *hard)
{
	char words[2][32];

	if (sscanf(text, "%31s %31s", words[0], words[1]) != 2)
		return;
	app_parse_number(words[0], 0, UINT64_MAX, soft);
	app_parse_number(words[1], 0, UINT64_MAX, hard);
}

static void read_limit(const struct machine *machine, int resource, const char *key, uint64_t *soft,
	uint64_t *hard)
{
	struct rlimit limit;
	char text[128];

	*soft = UINT64_MAX;
	*hard = UINT64_MAX;
	if (!machine->live) {
		if (app_read_line(
			    machine_path(machine, "/proc/self/limits"), key, text, sizeof(text)))
			parse_limit(text, soft, hard);
	} else if (getrlimit((unsigned int)resource, &limit) == 0) {
		*soft = limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
		*hard = limit.rlim_max == RLIM_INFINITY ? UINT64_MAX : limit.rlim_max;
	}
}

void read_process(struct machine *machine)
{
	read_processors(machine);
	read_mems(machine);
	read_capabilities(machine);
	read_limit(machine, RLIMIT_MEMLOCK, "Max locked memory", &machine->memlock,
		&machine->memlock_hard);
	read_limit(machine, RLIMIT_AS, "Max address space", &machine->address_space,
		&machine->address_space_hard);
}
