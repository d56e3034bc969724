/* SPDX-License-Identifier: BSD-3-Clause */
/* machine.c: reading the facts in their order, and what the readers share. */
#include "machine.h"

#include "apps/common/files.h"
#include "apps/common/units.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *machine_path(const struct machine *machine, const char *format, ...)
{
	static char path[PATH_MAX_TEXT];
	int length = snprintf(path, sizeof(path), "%s", machine->root);
	va_list arguments;

	if (length < 0 || length >= (int)sizeof(path))
		return "";
	va_start(arguments, format);
	vsnprintf(path + length, sizeof(path) - (size_t)length, format, arguments);
	va_end(arguments);
	return path;
}

void machine_list(const struct machine *machine, const char *path, cpu_set_t *list)
{
	char text[4096];

	CPU_ZERO(list);
	if (app_read_line(machine_path(machine, "%s", path), NULL, text, sizeof(text)))
		app_parse_lcores(text, list);
}

const char *machine_print_list(const cpu_set_t *list, char buffer[LIST_SIZE])
{
	app_print_lcores(list, buffer, LIST_SIZE);
	if (!*buffer)
		snprintf(buffer, LIST_SIZE, "none");
	return buffer;
}

const struct node *machine_node(const struct machine *machine, int number)
{
	for (uint32_t i = 0; i < machine->node_count; i++)
		if (machine->nodes[i].number == number)
			return &machine->nodes[i];
	return NULL;
}

void machine_read(struct machine *machine, const char *root)
{
	machine->root = root;
	machine->live = !*root;
	machine->has_sys = access(machine_path(machine, "/sys/devices"), F_OK) == 0;
	machine->has_proc = access(machine_path(machine, "/proc/self/status"), F_OK) == 0;
	read_surroundings(machine);
	read_process(machine);
	read_pages(machine); /* the nodes have some of each size */
	read_nodes(machine);
	read_cgroups(machine);
}
