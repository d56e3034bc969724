/* SPDX-License-Identifier: BSD-3-Clause */
/* compare.c: the commands compare and plot. */
#include "compare.h"

#include "harness/machine.h"
#include "harness/rowset.h"
#include "programs.h"

#include <string.h>

/* Every benchmark that peers know. */
static const char *const benches[] = {"mempool", "heap", "mbuf", "create", "packets", "parse",
	"ring", "handoff", "replay", "readahead", "loop", "loopcopy", "convert", "convertahead",
	"checksum", "pipeline", "flow", "acl"};

static json_t *load_rows(const struct bench_run *run, const char *path)
{
	json_error_t error;
	json_t *rows = json_load_file(path, 0, &error);

	if (!rows) {
		bench_fail(run, "json", path, error.text);
	} else if (!json_is_array(rows) || json_array_size(rows) == 0) {
		bench_fail(run, "json", path, "has no rows of weir-bench");
		json_decref(rows);
		rows = NULL;
	}
	return rows;
}

static void print_ratio(
	FILE *out, const char *name, const json_t *work, const struct rowset_ratio *ratio)
{
	fprintf(out, "%-8s %-11s %5d %7d  %-9s %9.2f %9.2f  %6.2f %6zu  %.2f..%.2f\n",
		row_text(work, "bench"), row_text(work, "variant"), row_number(work, "burst"),
		row_number(work, "threads"), name, ratio->ours, ratio->theirs, ratio->median,
		ratio->rounds, ratio->min, ratio->max);
}

static void print_head(FILE *out, const char *who, const char *ours, const char *theirs)
{
	fprintf(out, "%-8s %-11s %5s %7s  %-9s %9.9s %9.9s  %6s %6s  %s\n", "bench", "variant",
		"burst", "threads", who, ours, theirs, "ratio", "rounds", "spread");
}

static bool has_impl(const json_t *rows, const char *impl)
{
	const char *impls[ROWSET_IMPLS_MAX];
	size_t count = rowset_impls(rows, impls);

	for (size_t i = 0; i < count; i++)
		if (strcmp(impls[i], impl) == 0)
			return true;
	return false;
}

/* The rows of one implementation in a, beside the same in b, or beside all of b when it has only
 * others. How many. */
static uint32_t print_impl(const json_t *a, const json_t *b, const char *impl)
{
	const char *other = has_impl(b, impl) ? impl : NULL;
	uint32_t count = 0;

	for (size_t i = 0; i < json_array_size(a); i++) {
		const json_t *work = json_array_get(a, i);
		struct rowset_ratio ratio;

		if (!row_is_first(a, i))
			continue;
		ratio = rowset_ratio(a, impl, b, other, work);
		if (ratio.median > 0) {
			print_ratio(stdout, impl, work, &ratio);
			count++;
		}
	}
	return count;
}

static int print_files(const struct bench_run *run, char **files, const json_t *a, const json_t *b)
{
	const char *impls[ROWSET_IMPLS_MAX];
	size_t count = rowset_impls(a, impls);
	uint32_t common = 0;

	printf("ratio = ns in %s / ns in %s: above 1, the first is faster\n", files[1], files[0]);
	print_head(stdout, "impl", "first", "second");
	for (size_t i = 0; i < count; i++)
		common += print_impl(a, b, impls[i]);
	return common > 0 ? 0 : bench_fail(run, "compare", files[1], "no row in common");
}

static const json_t *machine_of(const json_t *rows)
{
	return json_object_get(json_array_get(rows, 0), "machine");
}

static int compare_files(const struct bench_run *run, char **files)
{
	json_t *a = load_rows(run, files[0]);
	json_t *b = a ? load_rows(run, files[1]) : NULL;
	int result = 1;

	if (b && !machine_same(machine_of(a), machine_of(b)))
		bench_fail(run, "compare", files[1],
			"measured on another machine than the first file; ratios would mean "
			"nothing");
	else if (b)
		result = print_files(run, files, a, b);
	json_decref(b);
	json_decref(a);
	return result;
}

static void print_live(const struct bench_run *run)
{
	const char *impls[ROWSET_IMPLS_MAX];
	size_t count = rowset_impls(run->rows, impls);

	if (!run->table)
		return;
	fprintf(run->table, "ratio = ns of the peer / ns of weir: above 1, weir is faster\n");
	print_head(run->table, "peer", "weir ns", "peer ns");
	for (size_t i = 0; i < json_array_size(run->rows); i++) {
		const json_t *work = json_array_get(run->rows, i);

		if (!row_is_first(run->rows, i))
			continue;
		for (size_t j = 0; j < count; j++) {
			struct rowset_ratio ratio =
				rowset_ratio(run->rows, "weir", run->rows, impls[j], work);

			if (strcmp(impls[j], "weir") != 0 && ratio.median > 0)
				print_ratio(run->table, impls[j], work, &ratio);
		}
	}
}

/* One round of one bench: ours, then each peer's. */
static int run_bench(struct bench_run *run, const char *bench)
{
	if (programs_run(run, NULL, bench) != 0)
		return 1;
	for (const struct program *peer = programs_peers; peer->name; peer++)
		if (options_has(run->options.peers, peer->name) &&
			options_has(peer->benches, bench) && programs_exists(peer) &&
			programs_run(run, peer, bench) != 0)
			return 1;
	return 0;
}

static int compare_live(struct bench_run *run)
{
	if (run->table)
		machine_warn(run->table);
	for (uint32_t round = 0; round < run->options.repeats; round++)
		for (size_t i = 0; i < sizeof(benches) / sizeof(*benches); i++)
			if (options_has(run->options.only, benches[i]) &&
				run_bench(run, benches[i]) != 0)
				return 1;
	print_live(run);
	return bench_write(run);
}

int compare_command(struct bench_run *run, char **files, uint32_t count)
{
	if (count == 2)
		return compare_files(run, files);
	if (count == 0)
		return compare_live(run);
	fprintf(stderr, "%s: compare takes two files, or none to measure now\n", run->program);
	return BENCH_MISUSE;
}

int plot_command(struct bench_run *run, char **files, uint32_t count)
{
	if (count == 0 || !run->options.html) {
		fprintf(stderr, "%s: plot takes files with rows, and --html FILE\n", run->program);
		return BENCH_MISUSE;
	}
	for (uint32_t i = 0; i < count; i++) {
		json_t *rows = load_rows(run, files[i]);
		int failed = rows ? json_array_extend(run->rows, rows) : 1;

		json_decref(rows);
		if (failed)
			return 1;
	}
	return bench_write(run);
}
