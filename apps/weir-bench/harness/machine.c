/* SPDX-License-Identifier: BSD-3-Clause */
/* machine.c: the processor, the kernel, and what else runs. */
#include "machine.h"

#include "apps/common/files.h"
#include "clock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static void cpu_model(char *model, size_t size)
{
	if (app_read_line("/proc/cpuinfo", "model name", model, size))
		return;
	/* arm64 has numbers only: MIDR_EL1 names the core */
	if (!app_read_line(
		    "/sys/devices/system/cpu/cpu0/regs/identification/midr_el1", NULL, model, size))
		snprintf(model, size, "unknown");
}

json_t *machine_describe(void)
{
	struct utsname name;
	char model[256];

	uname(&name);
	cpu_model(model, sizeof(model));
	return json_pack("{s:s, s:s, s:i, s:s, s:s, s:f}", "host", name.nodename, "cpu", model,
		"cpus", (int)sysconf(_SC_NPROCESSORS_ONLN), "architecture", name.machine, "kernel",
		name.release, "tsc_mhz", rint(clock_hz() / 1e5) / 10);
}

int machine_same(const json_t *a, const json_t *b)
{
	static const char *const keys[] = {"host", "cpu", "cpus", "architecture"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const json_t *left = json_object_get(a, keys[i]);

		if (!left || !json_equal(left, json_object_get(b, keys[i])))
			return 0;
	}
	return 1;
}

void machine_warn(FILE *out)
{
	char text[256];
	double load;
	int running;

	if (getloadavg(&load, 1) == 1 && load > 0.5)
		fprintf(out, "note: the load average is %.2f: other work disturbs the figures\n",
			load);
	/* this program is one of those that run */
	if (app_read_line("/proc/loadavg", NULL, text, sizeof(text)) &&
		sscanf(text, "%*f %*f %*f %d/", &running) == 1 && running > 1)
		fprintf(out, "note: tasks running besides this one: %d\n", running - 1);
	if (app_read_line("/sys/devices/system/cpu/smt/active", NULL, text, sizeof(text)) &&
		strcmp(text, "1") == 0)
		fputs("note: hardware threads share cores: choose --lcores of different ones\n",
			out);
	if (app_read_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", NULL, text,
		    sizeof(text)) &&
		strcmp(text, "performance") != 0)
		fprintf(out, "note: the frequency governor is '%s', not 'performance'\n", text);
}
