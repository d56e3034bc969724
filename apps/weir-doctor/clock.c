/* SPDX-License-Identifier: BSD-3-Clause */
/* clock.c: what measuring and keeping pace depend on: the clock, the frequency, shared cores. */
#include "checks.h"

#include "apps/common/files.h"
#include "apps/common/units.h"

#include <string.h>

#define SOURCE "/sys/devices/system/clocksource/clocksource0"

static bool has_word(const char *text, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
		if ((at == text || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
			return true;
	return false;
}

/* Does the counter that user space reads run evenly, also while a core sleeps? */
static void check_counter(const struct machine *machine, struct lines *lines)
{
	struct line *line = line_begin(lines, "clock.counter");
	static char flags[8192];
	bool constant, nonstop;

	if (!app_read_line(machine_path(machine, "/proc/cpuinfo"), "flags", flags, sizeof(flags))) {
		/* arm64's counter is even by its architecture; it has no flags there */
		bool arm = app_read_line(machine_path(machine, "/proc/cpuinfo"), "CPU implementer",
			flags, sizeof(flags));

		line_say(line, arm ? STATUS_OK : STATUS_ABSENT, "%s",
			arm ? "even by the architecture" : "unknown: /proc/cpuinfo does not say");
		return;
	}
	constant = has_word(flags, "constant_tsc");
	nonstop = has_word(flags, "nonstop_tsc");
	line_say(line, constant && nonstop ? STATUS_OK : STATUS_WARN, "TSC %s, %s",
		constant ? "constant" : "changes with the frequency",
		nonstop ? "never stops" : "stops when a core sleeps");
	if (!constant || !nonstop)
		line_why(line, "times taken by it are wrong; the kernel's clock is right");
}

static void check_source(const struct machine *machine, struct lines *lines)
{
	/* read by a system call each time; the others cost some 20 ns without one */
	static const char *const slow[] = {
		"hpet", "acpi_pm", "jiffies", "refined-jiffies", "xen", "pit"};
	struct line *line = line_begin(lines, "clock.source");
	char current[64], available[256];

	if (!app_read_line(machine_path(machine, SOURCE "/current_clocksource"), NULL, current,
		    sizeof(current))) {
		line_say(line, STATUS_ABSENT, "unknown without /sys");
		return;
	}
	line_say(line, STATUS_OK, "%s", current);
	for (size_t i = 0; i < sizeof(slow) / sizeof(*slow); i++)
		if (strcmp(current, slow[i]) == 0)
			line->status = STATUS_WARN;
	if (line->status == STATUS_OK)
		return;
	line_why(line, "each look at the clock is a system call");
	app_read_line(machine_path(machine, SOURCE "/available_clocksource"), NULL, available,
		sizeof(available));
	if (has_word(available, "tsc"))
		line_cure(line, where_to_write(machine, SOURCE "/current_clocksource"),
			"echo tsc > " SOURCE "/current_clocksource");
}

/* The first allowed processor whose governor is another one than performance; -1 without. Sets
 * any when at least one has a governor. */
static int find_governor(const struct machine *machine, char *governor, size_t size, bool *any)
{
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &machine->allowed) ||
			!app_read_line(machine_path(machine,
					       "/sys/devices/system/cpu/cpu%d/cpufreq/"
					       "scaling_governor",
					       cpu),
				NULL, governor, size))
			continue;
		*any = true;
		if (strcmp(governor, "performance") != 0)
			return cpu;
	}
	return -1;
}

static void check_governor(const struct machine *machine, struct lines *lines)
{
	struct line *line = line_begin(lines, "frequency");
	char governor[64], path[PATH_MAX_TEXT];
	bool any = false;
	int cpu = find_governor(machine, governor, sizeof(governor), &any);

	if (!any) {
		line_say(line, STATUS_ABSENT, "%s",
			machine->has_sys ? "no governor here" : "unknown without /sys");
		if (machine->has_sys)
			line_why(line, "a virtual machine runs at what the host decides");
		return;
	}
	if (cpu < 0) {
		line_say(line, STATUS_OK, "performance");
		return;
	}
	line_say(line, STATUS_WARN, "%s on processor %d", governor, cpu);
	line_why(line, "a core that waits for packets is slowed down, and late when they come");
	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_governor", cpu);
	line_cure(line, where_to_write(machine, path),
		"echo performance | tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor");
}

/* The processors of the core that this one is of. */
static void read_siblings(const struct machine *machine, int cpu, cpu_set_t *siblings)
{
	char path[PATH_MAX_TEXT];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list",
		cpu);
	machine_list(machine, path, siblings);
	CPU_AND(siblings, siblings, &machine->allowed);
}

/* Add "0,2" to a text when this is the first of several allowed processors of a core; one is false
 * for those that are to be left out. */
static bool add_core(const struct machine *machine, int cpu, char *text, size_t size)
{
	char list[LIST_SIZE];
	size_t used = strlen(text);
	cpu_set_t siblings;
	int first = 0;

	read_siblings(machine, cpu, &siblings);
	if (CPU_COUNT(&siblings) < 2)
		return true;
	while (!CPU_ISSET(first, &siblings))
		first++;
	if (first != cpu)
		return false;
	machine_print_list(&siblings, list);
	snprintf(text + used, size - used, "%s%s", used ? " and " : "", list);
	return true;
}

static void check_threads(const struct machine *machine, struct lines *lines)
{
	struct line *line = line_begin(lines, "cores");
	char shared[4 * LIST_SIZE] = "", list[LIST_SIZE];
	cpu_set_t one;

	CPU_ZERO(&one);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &machine->allowed) &&
			add_core(machine, cpu, shared, sizeof(shared)))
			CPU_SET(cpu, &one);
	if (!*shared) {
		line_say(line, machine->has_sys ? STATUS_OK : STATUS_ABSENT, "%s",
			machine->has_sys ? "each allowed processor is a core of its own"
					 : "unknown without /sys");
		return;
	}
	line_say(line, STATUS_WARN, "shared by the processors %s", shared);
	line_why(line, "two workers on one core take each other's time: choose one of each");
	line_cure(line, WHERE_HERE, "weir-replay --lcores %s ...", machine_print_list(&one, list));
}

void check_clock(const struct machine *machine, struct lines *lines)
{
	check_counter(machine, lines);
	check_source(machine, lines);
	check_governor(machine, lines);
	check_threads(machine, lines);
}
