/* SPDX-License-Identifier: BSD-3-Clause */
/* pages.c: reserved hugepages of every size, and transparent ones. */
#include "checks.h"

#include "apps/common/files.h"
#include "apps/common/units.h"

#include <weir/weir.h>

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#define HUGEPAGES "/sys/kernel/mm/hugepages"
#define THP       "/sys/kernel/mm/transparent_hugepage"

#define SIZE_2M (UINT64_C(2) << 20)

/* Advised where there are none: a GiB, a quarter of a million packets; but no more than a quarter
 * of the memory. */
#define ADVISED (UINT64_C(1) << 30)

/* ---- reading ---- */

static int larger_first(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left < right) - (left > right);
}

static void read_sizes(struct machine *machine)
{
	DIR *directory = opendir(machine_path(machine, HUGEPAGES));
	unsigned long long kib;
	struct dirent *entry;

	machine->hugetlb = directory;
	while (directory && (entry = readdir(directory)))
		if (machine->huge_count < HUGE_MAX &&
			sscanf(entry->d_name, "hugepages-%llukB", &kib) == 1)
			machine->huge_sizes[machine->huge_count++] = kib << 10;
	if (directory)
		closedir(directory);
	qsort(machine->huge_sizes, machine->huge_count, sizeof(*machine->huge_sizes), larger_first);
}

static void read_count(const struct machine *machine, const char *directory, uint64_t size,
	const char *what, uint64_t *count)
{
	app_read_number(machine_path(machine, "%s/hugepages-%llukB/%s", directory,
				(unsigned long long)size >> 10, what),
		count);
}

void read_huge(
	const struct machine *machine, const char *directory, uint64_t size, struct huge *huge)
{
	read_count(machine, directory, size, "nr_hugepages", &huge->total);
	read_count(machine, directory, size, "free_hugepages", &huge->free);
	read_count(machine, directory, size, "resv_hugepages", &huge->reserved);
}

void read_pages(struct machine *machine)
{
	read_sizes(machine);
	for (uint32_t i = 0; i < machine->huge_count; i++)
		read_huge(machine, HUGEPAGES, machine->huge_sizes[i], &machine->huge[i]);
}

const char *page_size_name(uint64_t size)
{
	return weir_pages_name(WEIR_PAGES_HUGE(__builtin_ctzll(size)));
}

const char *huge_file(uint64_t size, int node, char buffer[PATH_MAX_TEXT])
{
	unsigned long long kib = size >> 10;

	if (node >= 0)
		snprintf(buffer, PATH_MAX_TEXT,
			"/sys/devices/system/node/node%d/hugepages/hugepages-%llukB/nr_hugepages",
			node, kib);
	else
		snprintf(buffer, PATH_MAX_TEXT, HUGEPAGES "/hugepages-%llukB/nr_hugepages", kib);
	return buffer;
}

uint64_t huge_usable(const struct machine *machine, uint32_t size, int node)
{
	const struct huge *all = &machine->huge[size];
	uint64_t unpromised = all->free > all->reserved ? all->free - all->reserved : 0, sum = 0;

	for (uint32_t i = 0; i < machine->node_count; i++)
		if (machine->nodes[i].allowed && (node < 0 || machine->nodes[i].number == node))
			sum += machine->nodes[i].huge[size].free;
	return sum < unpromised ? sum : unpromised;
}

/* ---- checking ---- */

/* The size that is worth advice: 2 MiB, or what is nearest above where base pages are larger. */
static bool is_usual(const struct machine *machine, uint32_t size)
{
	uint64_t bytes = machine->huge_sizes[size];

	return bytes >= SIZE_2M &&
	       (size + 1 == machine->huge_count || machine->huge_sizes[size + 1] < SIZE_2M);
}

static bool has_workers(const struct machine *machine, const struct node *node)
{
	cpu_set_t both;

	CPU_AND(&both, &node->cpus, &machine->allowed);
	return node->allowed && node->memory > 0 && CPU_COUNT(&both) > 0;
}

static void advise_pages(
	const struct machine *machine, struct line *line, const struct node *node, uint32_t size)
{
	uint64_t bytes = node->available / 4 < ADVISED ? node->available / 4 : ADVISED;
	uint64_t more = bytes / machine->huge_sizes[size];
	char path[PATH_MAX_TEXT];

	huge_file(machine->huge_sizes[size], machine->numa ? node->number : -1, path);
	if (more > 0)
		line_cure(line, where_to_write(machine, path), "echo %llu > %s",
			(unsigned long long)(node->huge[size].total + more), path);
}

static void check_huge(
	const struct machine *machine, struct lines *lines, const struct node *node, uint32_t size)
{
	const struct huge *huge = &node->huge[size];
	const struct limit *limit = &machine->huge_limits[size];
	struct line *line;

	line = line_begin(lines, "hugepages.%s.node%d", page_size_name(machine->huge_sizes[size]),
		node->number);
	line_say(line, huge->free ? STATUS_OK : STATUS_ABSENT, "%llu, %llu free",
		(unsigned long long)huge->total, (unsigned long long)huge->free);
	if (limit->set && limit->room < machine->huge_sizes[size]) {
		line->status = huge->free ? STATUS_WARN : STATUS_ABSENT;
		line_why(line, "the control group allows no more of them: %s", limit->file);
		return;
	}
	if (huge->free || !is_usual(machine, size) || !has_workers(machine, node))
		return;
	line->status = STATUS_WARN;
	if (huge_usable(machine, size, -1) > 0)
		line_why(line, "those that are free lie on other nodes than these processors");
	else
		line_why(line, "pools lie on transparent hugepages instead, or on base pages");
	advise_pages(machine, line, node, size);
}

void check_hugepages(const struct machine *machine, struct lines *lines)
{
	struct line *line;

	for (uint32_t size = 0; size < machine->huge_count; size++)
		for (uint32_t i = 0; i < machine->node_count; i++)
			if (machine->nodes[i].memory > 0)
				check_huge(machine, lines, &machine->nodes[i], size);
	if (machine->huge_count > 0)
		return;
	line = line_begin(lines, "hugepages");
	line_say(line, STATUS_ABSENT, "%s",
		machine->has_sys ? "the kernel offers none to reserve" : "unknown without /sys");
	if (machine->has_sys)
		line_why(line, "it is built without CONFIG_HUGETLBFS, or a container hides them");
}

const char *thp_mode(const struct machine *machine, const char *file, char buffer[64])
{
	char line[128], *begin;

	*buffer = '\0';
	if (!app_read_line(machine_path(machine, THP "/%s", file), NULL, line, sizeof(line)))
		return buffer;
	begin = strchr(line, '[');
	if (begin)
		snprintf(buffer, 64, "%.*s", (int)strcspn(begin + 1, "]"), begin + 1);
	return buffer;
}

/* Switched off for this process and its children, whatever the machine has (since Linux 5.0). */
static bool is_disabled_here(const struct machine *machine)
{
	char text[16];

	if (machine->live && !machine->has_proc)
		return prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1;
	return app_read_line(machine_path(machine, "/proc/self/status"), "THP_enabled", text,
		       sizeof(text)) &&
	       strcmp(text, "0") == 0;
}

bool thp_usable(const struct machine *machine)
{
	char mode[64];

	thp_mode(machine, "enabled", mode);
	return *mode && strcmp(mode, "never") != 0 && !is_disabled_here(machine);
}

static void check_mode(const struct machine *machine, struct lines *lines, const char *file,
	const char *bad, const char *better, const char *why)
{
	struct line *line = line_begin(lines, "thp.%s", file);
	char mode[64], path[PATH_MAX_TEXT];

	if (!*thp_mode(machine, file, mode)) {
		line_say(line, STATUS_ABSENT, "%s",
			machine->has_sys ? "the kernel has no transparent hugepages"
					 : "unknown without /sys");
		return;
	}
	line_say(line, STATUS_OK, "%s", mode);
	line_why(line, "%s", why);
	if (strcmp(mode, bad) != 0)
		return;
	snprintf(path, sizeof(path), THP "/%s", file);
	line->status = STATUS_WARN;
	line_cure(line, where_to_write(machine, path), "echo %s > %s", better, path);
}

void check_transparent(const struct machine *machine, struct lines *lines)
{
	struct line *line;

	check_mode(machine, lines, "enabled", "never", "madvise",
		"for pools where no reserved hugepages are free; weir asks for them by madvise");
	check_mode(machine, lines, "defrag", "never", "madvise",
		"whether the kernel moves memory together to make one when a pool asks");
	check_mode(machine, lines, "shmem_enabled", "deny", "advise",
		"for memory that is shared with another process");
	if (!is_disabled_here(machine))
		return;
	line = line_begin(lines, "thp.process");
	line_say(line, STATUS_WARN, "switched off for this process");
	line_why(line, "who started it called prctl(PR_SET_THP_DISABLE), which is inherited");
}
