/* SPDX-License-Identifier: BSD-3-Clause */
/* limits.c: what this process may lock and use. */
#include "checks.h"

#include "apps/common/files.h"
#include "apps/common/units.h"

#include <linux/capability.h>
#include <string.h>

static void cure_memlock(const struct machine *machine, struct line *line)
{
	if (machine->memlock_hard == UINT64_MAX || machine_has(machine, CAP_SYS_RESOURCE))
		line_cure(line, WHERE_HERE, "ulimit -l unlimited");
	else if (machine->container == CONTAINER_NONE)
		line_cure(line, WHERE_ROOT,
			"echo '* - memlock unlimited' > /etc/security/limits.d/weir.conf # then "
			"log in again");
	else
		cure_at_start(line, machine, "--ulimit memlock=-1:-1");
}

static void check_memlock(const struct machine *machine, struct lines *lines)
{
	struct line *line = line_begin(lines, "limit.memlock");
	char bytes[APP_BYTES_SIZE];

	if (machine->memlock == UINT64_MAX) {
		line_say(line, STATUS_OK, "unlimited");
		return;
	}
	app_bytes(machine->memlock, bytes);
	if (machine_has(machine, CAP_IPC_LOCK)) {
		line_say(line, STATUS_OK, "%s, but CAP_IPC_LOCK is held", bytes);
		return;
	}
	line_say(line, STATUS_WARN, "%s", bytes);
	line_why(line, "AF_XDP buffers and memory to be locked cannot be larger than that");
	cure_memlock(machine, line);
}

static void check_address_space(const struct machine *machine, struct lines *lines)
{
	struct line *line = line_begin(lines, "limit.addresses");
	char bytes[APP_BYTES_SIZE];

	if (machine->address_space == UINT64_MAX) {
		line_say(line, STATUS_OK, "unlimited");
		return;
	}
	line_say(line, STATUS_WARN, "%s", app_bytes(machine->address_space, bytes));
	line_why(line, "all memory of a process, and what it reserves to grow, must fit");
	if (machine->address_space_hard == UINT64_MAX || machine_has(machine, CAP_SYS_RESOURCE))
		line_cure(line, WHERE_HERE, "ulimit -v unlimited");
}

/* Where nothing can be read nothing is known to be unlimited. */
static bool is_unknown(const struct machine *machine, struct line *line)
{
	if (machine->has_proc && machine->has_sys)
		return false;
	line_say(line, STATUS_ABSENT, "unknown without /proc and /sys");
	return true;
}

static void check_group(const struct machine *machine, struct lines *lines,
	const struct limit *limit, const char *name)
{
	char max[APP_BYTES_SIZE], room[APP_BYTES_SIZE];
	struct line *line;

	line = line_begin(lines, "cgroup.%s", name);
	if (is_unknown(machine, line))
		return;
	if (!limit->set) {
		line_say(line, STATUS_OK, "no limit");
		return;
	}
	line_say(line, limit->room ? STATUS_OK : STATUS_WARN, "%s, %s left (%s)",
		app_bytes(limit->max, max), app_bytes(limit->room, room), limit->file);
	line_why(line, "a pool that does not fit is refused, or the process is killed");
}

static void check_groups(const struct machine *machine, struct lines *lines)
{
	char name[32];

	check_group(machine, lines, &machine->memory_limit, "memory");
	for (uint32_t i = 0; i < machine->huge_count; i++) {
		snprintf(name, sizeof(name), "hugetlb.%s", page_size_name(machine->huge_sizes[i]));
		check_group(machine, lines, &machine->huge_limits[i], name);
	}
}

static void check_cpu(const struct machine *machine, struct lines *lines)
{
	struct line *line = line_begin(lines, "cgroup.cpu");
	double processors = (double)machine->cpu_limit.max / 100000;

	if (is_unknown(machine, line))
		return;
	if (!machine->cpu_limit.set) {
		line_say(line, STATUS_OK, "no limit");
		return;
	}
	line_say(line, STATUS_OK, "the time of %.4g processors (%s)", processors,
		machine->cpu_limit.file);
	if (processors >= CPU_COUNT(&machine->allowed))
		return;
	line->status = STATUS_WARN;
	line_why(line, "a worker that polls is stopped for the rest of a period when it is used "
		       "up, and loses packets");
	cure_at_start(line, machine, "--cpus=0");
}

/* With 2 the kernel refuses what it could not back by memory and swap. */
static void check_overcommit(const struct machine *machine, struct lines *lines)
{
	static const char path[] = "/proc/sys/vm/overcommit_memory";
	struct line *line = line_begin(lines, "overcommit");
	uint64_t mode;

	if (!app_read_number(machine_path(machine, "%s", path), &mode)) {
		line_say(line, STATUS_ABSENT, "unknown without /proc");
		return;
	}
	line_say(line, mode == 2 ? STATUS_WARN : STATUS_OK, "%llu", (unsigned long long)mode);
	if (mode != 2)
		return;
	line_why(line, "memory beyond CommitLimit in /proc/meminfo is refused even when free");
	line_cure(line, where_to_write(machine, path), "echo 0 > %s", path);
}

void check_limits(const struct machine *machine, struct lines *lines)
{
	check_memlock(machine, lines);
	check_address_space(machine, lines);
	check_groups(machine, lines);
	check_cpu(machine, lines);
	check_overcommit(machine, lines);
}
