/* SPDX-License-Identifier: BSD-3-Clause */
/* report.c: a heap for people: its figures and classes, and every run of pages. */
#include "heap_impl.h"

#include "base/base_impl.h"
#include "base/json_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

typedef unsigned long long ull;

/* ---- the figures ---- */

static void print_json_figures(
	FILE *out, struct weir_heap *heap, const struct weir_heap_stats *stats)
{
	fputs("{\"heap\":", out);
	weir__json_string(out, heap->name);
	fprintf(out,
		",\"size\":%zu,\"max_size\":%zu,\"used\":%zu,\"free\":%zu,\"cached\":%zu,"
		"\"idle\":%zu,\"largest\":%zu,\"blocks\":%llu,\"large\":%llu,\"growths\":%llu,"
		"\"shrinks\":%llu,\"failures\":%llu,\"allocs\":%llu,\"frees\":%llu,\"asked\":%llu,"
		"\"given\":%llu,\"peak\":%zu,\"peak_blocks\":%llu,\"classes\":[",
		stats->size, stats->max_size, stats->used, stats->free, stats->cached, stats->idle,
		stats->largest, (ull)stats->blocks, (ull)stats->large, (ull)stats->growths,
		(ull)stats->shrinks, (ull)stats->failures, (ull)stats->allocs, (ull)stats->frees,
		(ull)stats->asked, (ull)stats->given, stats->peak, (ull)stats->peak_blocks);
}

static void print_text_figures(
	FILE *out, struct weir_heap *heap, const struct weir_heap_stats *stats)
{
	fprintf(out,
		"heap '%s': %zu of %zu bytes have pages; %zu used by %llu blocks (%llu large), %zu "
		"kept by threads, %zu in free pages, at most %zu in a row; %llu growths, %llu "
		"shrinks, %llu failures\n",
		heap->name, stats->size, stats->max_size, stats->used, (ull)stats->blocks,
		(ull)stats->large, stats->cached, stats->idle, stats->largest, (ull)stats->growths,
		(ull)stats->shrinks, (ull)stats->failures);
	if (heap->counts)
		fprintf(out,
			"  %llu allocs, %llu frees; %llu bytes asked for, %llu given; peak %zu in "
			"%llu blocks\n",
			(ull)stats->allocs, (ull)stats->frees, (ull)stats->asked, (ull)stats->given,
			stats->peak, (ull)stats->peak_blocks);
}

/* Does it have anything? */
static bool print_class(FILE *out, struct weir__class *class, bool json, bool first)
{
	uint64_t kept = weir__class_kept(class), taken;
	uint32_t spans;

	weir__heap_lock(class->heap);
	taken = class->taken;
	spans = class->spans;
	weir__heap_unlock(class->heap);
	if (spans == 0)
		return false;
	fprintf(out,
		json ? "%s{\"size\":%u,\"blocks\":%llu,\"kept\":%llu,\"spans\":%u,\"span\":%u}"
		     : "%s  %5u bytes: %llu blocks, %llu kept by threads, %u spans of %u bytes\n",
		json && !first ? "," : "", class->size, (ull)(taken > kept ? taken - kept : 0),
		(ull)kept, spans, class->units << WEIR__UNIT_LOG2);
	return true;
}

static void print_classes(FILE *out, struct weir_heap *heap, bool json)
{
	bool first = true;

	for (uint32_t i = 1; i < heap->class_count; i++)
		if (print_class(out, &heap->classes[i], json, first))
			first = false;
	if (json)
		fputs("]}\n", out);
}

static char *close_text(FILE *out, char **text)
{
	if (fclose(out) == 0)
		return *text;
	free(*text);
	return weir__fail_null(ENOMEM, "no memory for a report");
}

char *weir_heap_report(struct weir_heap *heap, bool json)
{
	struct weir_heap_stats stats;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return weir__fail_null(ENOMEM, "no memory for a report");
	weir_heap_stats(heap, &stats);
	(json ? print_json_figures : print_text_figures)(out, heap, &stats);
	print_classes(out, heap, json);
	return close_text(out, &text);
}

bool weir_heap_monitor_check(struct weir_heap_monitor *monitor)
{
	uint64_t now = weir__monotonic_ns();
	char *text;

	if (monitor->told_ns && now - monitor->told_ns < monitor->interval_ns)
		return false;
	monitor->told_ns = now;
	text = weir_heap_report(monitor->heap, false);
	monitor->tell(text ? text : weir_last_error(), monitor->context);
	free(text);
	return true;
}

/* ---- every run ---- */

struct dump {
	FILE *out;
	bool json, first;
};

static bool dump_run(struct weir_heap *heap, uint32_t first, void *context)
{
	static const char *const kinds[] = {"none", "free", "large", "span", "inside"};
	const struct weir__unit *run = &heap->units[first];
	struct dump *dump = context;
	const char *kind = run->run <= WEIR__RUN_INSIDE ? kinds[run->run] : "unknown";
	size_t offset = (size_t)first << WEIR__UNIT_LOG2,
	       size = (size_t)run->size << WEIR__UNIT_LOG2;
	const struct weir__class *class = &heap->classes[heap->head.map[first]];

	if (dump->json)
		fprintf(dump->out, "%s{\"offset\":%zu,\"bytes\":%zu,\"kind\":\"%s\"",
			dump->first ? "" : ",", offset, size, kind);
	else
		fprintf(dump->out, "  %12zu %10zu %s", offset, size, kind);
	if (run->run == WEIR__RUN_SPAN)
		fprintf(dump->out,
			dump->json ? ",\"block\":%u,\"taken\":%u,\"blocks\":%u"
				   : " of blocks of %u bytes, %u of %u taken",
			class->size, run->used, class->blocks);
	fputs(dump->json ? "}" : "\n", dump->out);
	dump->first = false;
	return true;
}

char *weir_heap_dump(struct weir_heap *heap, bool json)
{
	char *text = NULL;
	size_t size;
	struct dump dump = {.out = open_memstream(&text, &size), .json = json, .first = true};

	if (!dump.out)
		return weir__fail_null(ENOMEM, "no memory for a report");
	if (json)
		fputs("{\"heap\":", dump.out);
	else
		fputs("heap ", dump.out);
	weir__json_string(dump.out, heap->name);
	fputs(json ? ",\"runs\":[" : ": offset, bytes, what it is\n", dump.out);
	weir__heap_lock(heap);
	weir__heap_walk(heap, dump_run, &dump);
	weir__heap_unlock(heap);
	if (json)
		fputs("]}\n", dump.out);
	return close_text(dump.out, &text);
}
