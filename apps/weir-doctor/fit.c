/* SPDX-License-Identifier: BSD-3-Clause */
/* fit.c: does a pool fit?
 *
 * The pools are taken one by one out of what the machine has free, so that the second sees what the
 * first left. One that does not fit is taken as cured: the number in the command for the next pool
 * includes its pages.
 */
#include "need.h"

#include "apps/common/units.h"

#include <string.h>

/* Hugepages below 2 MiB are for other things. */
#define USUAL_SIZE (UINT64_C(2) << 20)

/* How a pool could lie on hugepages of one size, and what keeps it from that. */
struct attempt {
	uint64_t want; /* pages */
	uint64_t have;
	bool allowed; /* by the control group */
	bool memory;  /* enough is there to make the pages that are missing */
	bool fits;
};

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* May this node's memory be used for it? */
static bool is_possible(const struct node *node, const struct need *need)
{
	return node->allowed && node->memory > 0 && (need->node < 0 || node->number == need->node);
}

static uint64_t available(const struct machine *machine, const struct need *need)
{
	return need->node < 0 ? machine->available : machine_node(machine, need->node)->available;
}

static void take_memory(struct machine *machine, const struct need *need, uint64_t bytes)
{
	machine->available -= smaller(bytes, machine->available);
	for (uint32_t i = 0; i < machine->node_count && bytes > 0; i++) {
		struct node *node = &machine->nodes[i];
		uint64_t taken = is_possible(node, need) ? smaller(bytes, node->available) : 0;

		node->available -= taken;
		bytes -= taken;
	}
}

/* ---- reserved hugepages ---- */

static struct attempt try_huge(
	const struct machine *machine, const struct need *need, uint32_t size)
{
	uint64_t page = machine->huge_sizes[size];
	const struct limit *limit = &machine->huge_limits[size];
	struct attempt attempt = {
		.want = (need->bytes + page - 1) / page,
		.have = huge_usable(machine, size, need->node),
	};

	attempt.allowed = !limit->set || limit->room / page >= attempt.want;
	attempt.memory = attempt.have >= attempt.want ||
			 attempt.want - attempt.have <= available(machine, need) / page;
	attempt.fits = attempt.allowed && attempt.have >= attempt.want;
	return attempt;
}

/* Which of several nodes the kernel takes them from is its affair: here it is the first. */
static void take_huge(
	struct machine *machine, const struct need *need, uint32_t size, uint64_t pages)
{
	struct limit *limit = &machine->huge_limits[size];

	limit->room -= smaller(pages * machine->huge_sizes[size], limit->room);
	machine->huge[size].free -= smaller(pages, machine->huge[size].free);
	for (uint32_t i = 0; i < machine->node_count && pages > 0; i++) {
		struct huge *huge = &machine->nodes[i].huge[size];
		uint64_t taken = 0;

		if (is_possible(&machine->nodes[i], need))
			taken = smaller(pages, huge->free);
		huge->free -= taken;
		pages -= taken;
	}
}

/* The first node it may lie on; the callers have made sure that there is one. */
static struct node *first_possible(struct machine *machine, const struct need *need)
{
	uint32_t i = 0;

	while (i + 1 < machine->node_count && !is_possible(&machine->nodes[i], need))
		i++;
	return &machine->nodes[i];
}

/* Is the number of hugepages of one node to be raised? That of all nodes the kernel spreads over
 * all, also those that are not allowed. */
static bool raises_one(const struct machine *machine, const struct need *need)
{
	bool all = true;

	for (uint32_t i = 0; i < machine->node_count; i++)
		all &= machine->nodes[i].allowed || machine->nodes[i].memory == 0;
	return machine->numa && (need->node >= 0 || !all);
}

/* The command that makes the missing pages, and the pages. */
static void raise_pages(struct machine *machine, const struct need *need, uint32_t size,
	uint64_t missing, struct line *line)
{
	struct node *node = first_possible(machine, need);
	struct huge *all = &machine->huge[size], *its = &node->huge[size];
	bool one = raises_one(machine, need);
	char path[PATH_MAX_TEXT];

	huge_file(machine->huge_sizes[size], one ? node->number : -1, path);
	line_cure(line, where_to_write(machine, path), "echo %llu > %s",
		(unsigned long long)((one ? its : all)->total + missing), path);
	take_memory(machine, need, missing * machine->huge_sizes[size]);
	all->total += missing;
	all->free += missing;
	its->total += missing;
	its->free += missing;
}

/* Raise a limit of the control group to leave as many bytes; or say which option of docker sets it,
 * where there is one. Inside a container the file is another one than outside. */
static void raise_limit(const struct machine *machine, struct limit *limit, uint64_t bytes,
	const char *option, struct line *line)
{
	unsigned long long max = limit->max + (bytes - limit->room);
	enum where where = where_to_write(machine, limit->file);
	char room[APP_BYTES_SIZE], text[64];

	line_why(line, "the control group leaves %s (%s)", app_bytes(limit->room, room),
		limit->file);
	if (where <= WHERE_ROOT) {
		line_cure(line, where, "echo %llu > %s", max, limit->file);
	} else if (option) {
		snprintf(text, sizeof(text), "%s%llu", option, max);
		cure_at_start(line, machine, text);
	}
	limit->max = max;
	limit->room = bytes;
}

static void say_no_memory(const struct need *need, uint64_t bytes, struct line *line)
{
	char text[APP_BYTES_SIZE];

	line_why(line, "there are %s%s, enough for %llu buffers, and no command makes more",
		app_bytes(bytes, text), need->node < 0 ? "" : " on that node",
		(unsigned long long)(bytes / (need->bytes / need->count)));
}

static void say_missing(
	const struct need *need, uint64_t page, const struct attempt *attempt, struct line *line)
{
	line_why(line, "hugepages of %s%s: wanted %llu, free %llu", page_size_name(page),
		need->node < 0 ? "" : " on that node", (unsigned long long)attempt->want,
		(unsigned long long)attempt->have);
	if (page >= UINT64_C(1) << 30)
		line_why(line, "the kernel finds such large ones only soon after boot");
}

/* Say what keeps it from these pages and what to do, as if that were done. */
static void cure_huge(struct machine *machine, const struct need *need, uint32_t size,
	const struct attempt *attempt, struct line *line)
{
	uint64_t page = machine->huge_sizes[size];

	if (!attempt->memory) {
		say_no_memory(need, (attempt->have + available(machine, need) / page) * page, line);
		return;
	}
	if (!attempt->allowed)
		raise_limit(machine, &machine->huge_limits[size], attempt->want * page, NULL, line);
	if (attempt->have < attempt->want) {
		say_missing(need, page, attempt, line);
		raise_pages(machine, need, size, attempt->want - attempt->have, line);
	}
	take_huge(machine, need, size, attempt->want);
}

static bool fit_huge(
	struct machine *machine, const struct need *need, uint32_t size, struct line *line)
{
	struct attempt attempt = try_huge(machine, need, size);
	char bytes[APP_BYTES_SIZE];

	line_say(line, attempt.fits ? STATUS_OK : STATUS_PROBLEM,
		"%u x %u bytes take %s, %llu hugepages of %s: %s", need->count, need->size,
		app_bytes(need->bytes, bytes), (unsigned long long)attempt.want,
		page_size_name(machine->huge_sizes[size]), attempt.fits ? "fits" : "does not fit");
	if (attempt.fits)
		take_huge(machine, need, size, attempt.want);
	else
		cure_huge(machine, need, size, &attempt, line);
	return attempt.fits;
}

static bool fit_named(struct machine *machine, const struct need *need, struct line *line)
{
	uint64_t page = UINT64_C(1) << need->pages;

	for (uint32_t size = 0; size < machine->huge_count; size++)
		if (machine->huge_sizes[size] == page)
			return fit_huge(machine, need, size, line);
	line_say(line, STATUS_PROBLEM, "no hugepages of %s: does not fit", page_size_name(page));
	line_why(line, "%s",
		machine->has_sys ? "the kernel does not offer this size" : "unknown without /sys");
	return false;
}

/* ---- transparent hugepages and base pages ---- */

static bool fit_memory(
	struct machine *machine, const struct need *need, const char *kind, struct line *line)
{
	uint64_t there = available(machine, need);
	bool allowed = !machine->memory_limit.set || need->bytes <= machine->memory_limit.room;
	bool fits = need->bytes <= there && allowed;
	char bytes[APP_BYTES_SIZE];

	line_say(line, fits ? STATUS_OK : STATUS_PROBLEM, "%u x %u bytes take %s on %s: %s",
		need->count, need->size, app_bytes(need->bytes, bytes), kind,
		fits ? "fits" : "does not fit");
	if (need->bytes > there)
		say_no_memory(need, there, line);
	else if (!allowed)
		raise_limit(machine, &machine->memory_limit, need->bytes, "--memory=", line);
	if (need->bytes <= there) {
		take_memory(machine, need, need->bytes);
		machine->memory_limit.room -= smaller(need->bytes, machine->memory_limit.room);
	}
	return fits;
}

static bool fit_transparent(struct machine *machine, const struct need *need, struct line *line)
{
	static const char path[] = "/sys/kernel/mm/transparent_hugepage/enabled";
	bool fits = fit_memory(machine, need, "transparent hugepages", line);

	if (thp_usable(machine) && need->bytes >= USUAL_SIZE)
		return fits;
	line_say(line, STATUS_PROBLEM, "%u x %u bytes on transparent hugepages: does not fit",
		need->count, need->size);
	if (thp_usable(machine)) {
		line_why(line, "it is smaller than one of them");
		return false;
	}
	line_why(line, "they are switched off");
	line_cure(line, where_to_write(machine, path), "echo madvise > %s", path);
	return false;
}

/* ---- any pages ---- */

/* Would more lie idle in the last page than the library allows when it may choose? */
static bool is_wasteful(uint64_t bytes, uint64_t page)
{
	uint64_t idle = (page - bytes % page) % page;

	return idle > bytes / 8 && idle > 1 << 20;
}

/* It fits, but would lie better: on the smallest hugepages of those that the library would take,
 * which are the easiest to have. true when that is advised; the machine then is as if it were done.
 */
static bool advise_huge(struct machine *machine, const struct need *need, struct line *line)
{
	struct attempt attempt;
	uint32_t size = machine->huge_count;

	while (size > 0 && (machine->huge_sizes[size - 1] < USUAL_SIZE ||
				   is_wasteful(need->bytes, machine->huge_sizes[size - 1])))
		size--;
	if (size == 0)
		return false;
	attempt = try_huge(machine, need, size - 1);
	if (!attempt.memory || !attempt.allowed)
		return false;
	line->status = STATUS_WARN;
	cure_huge(machine, need, size - 1, &attempt, line);
	return true;
}

static bool fit_any(struct machine *machine, const struct need *need, struct line *line)
{
	bool transparent = thp_usable(machine) && need->bytes >= USUAL_SIZE, fits;
	static struct machine advised;

	for (uint32_t size = 0; size < machine->huge_count; size++)
		if (!is_wasteful(need->bytes, machine->huge_sizes[size]) &&
			try_huge(machine, need, size).fits)
			return fit_huge(machine, need, size, line);
	advised = *machine;
	fits = fit_memory(
		machine, need, transparent ? "transparent hugepages" : "base pages", line);
	if (fits && advise_huge(&advised, need, line))
		*machine = advised;
	return fits;
}

/* ---- */

/* Can memory lie on the node at all? */
static bool check_node(const struct machine *machine, const struct need *need, struct line *line)
{
	const struct node *node = machine_node(machine, need->node);

	if (need->node < 0 || (node && node->memory > 0 && node->allowed))
		return true;
	line_say(line, STATUS_PROBLEM, "node %d: does not fit", need->node);
	line_why(line, "%s",
		!node            ? "there is no such node"
		: !node->allowed ? "the cpuset of this process does not allow the memory of it"
				 : "it has no memory");
	return false;
}

static bool check_addresses(struct machine *machine, const struct need *need, struct line *line)
{
	char bytes[APP_BYTES_SIZE], limit[APP_BYTES_SIZE];

	if (machine->address_space == UINT64_MAX)
		return true;
	if (need->bytes <= machine->address_space) {
		machine->address_space -= need->bytes;
		return true;
	}
	line_say(line, STATUS_PROBLEM, "%u x %u bytes take %s: does not fit", need->count,
		need->size, app_bytes(need->bytes, bytes));
	line_why(
		line, "the limit of addresses leaves %s", app_bytes(machine->address_space, limit));
	if (machine->address_space_hard == UINT64_MAX)
		line_cure(line, WHERE_HERE, "ulimit -v unlimited");
	return false;
}

static bool fit(struct machine *machine, const struct need *need, struct line *line)
{
	if (!check_node(machine, need, line) || !check_addresses(machine, need, line))
		return false;
	switch (need->pages) {
	case WEIR_PAGES_ANY:
		return fit_any(machine, need, line);
	case WEIR_PAGES_THP:
		return fit_transparent(machine, need, line);
	case WEIR_PAGES_4K:
		return fit_memory(machine, need, "base pages", line);
	default:
		return fit_named(machine, need, line);
	}
}

bool needs_fit(
	struct machine *machine, const struct need *needs, uint32_t count, struct lines *lines)
{
	bool all = true;

	for (uint32_t i = 0; i < count; i++)
		all &= fit(machine, &needs[i],
			count == 1 ? line_begin(lines, "need")
				   : line_begin(lines, "need.%u", i + 1));
	return all;
}
