/* SPDX-License-Identifier: BSD-3-Clause */
/* tiers_stats.c: the figures of tiers, and their report. */
#include "mbuf/tiers_impl.h"

#include "base/base_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

uint32_t weir__tiers_look_at_use(struct weir_tiers *tiers, uint32_t index)
{
	uint32_t now = weir_mempool_in_use(tiers->pools[index]);
	uint32_t peak = atomic_load_explicit(&tiers->peak[index], memory_order_relaxed);

	while (now > peak) {
		if (atomic_compare_exchange_weak_explicit(&tiers->peak[index], &peak, now,
			    memory_order_relaxed, memory_order_relaxed))
			break;
	}
	return now;
}

static uint64_t sum_of_served(struct weir_tiers *tiers, uint32_t index)
{
	uint64_t sum = 0;

	for (uint32_t slot = 0; slot < WEIR_THREAD_MAX; slot++)
		sum += atomic_load_explicit(
			&tiers->served[slot].mbufs[index], memory_order_relaxed);
	return sum;
}

void weir_tiers_stats(struct weir_tiers *tiers, uint32_t index, struct weir_tiers_stats *stats)
{
	uint64_t given;

	stats->size = tiers->sizes[index];
	stats->count = weir_mempool_count(tiers->pools[index]);
	stats->in_use = weir__tiers_look_at_use(tiers, index);
	stats->peak = atomic_load_explicit(&tiers->peak[index], memory_order_relaxed);
	stats->served = sum_of_served(tiers, index);
	stats->fell_up = atomic_load_explicit(&tiers->fell_up[index], memory_order_relaxed);
	stats->failed = atomic_load_explicit(&tiers->failed[index], memory_order_relaxed);
	stats->stepped_in = atomic_load_explicit(&tiers->stepped_in[index], memory_order_relaxed);
	given = stats->served + stats->stepped_in;
	stats->freed = given > stats->in_use ? given - stats->in_use : 0;
}

/* The hit rate in millionths, so that printing it needs no decimal point of a locale; -1 when
 * nothing was asked of the tier. */
static int32_t hit_rate(const struct weir_tiers_stats *stats)
{
	uint64_t asked = stats->served + stats->fell_up + stats->failed;

	return asked ? (int32_t)(1e6 * (double)stats->served / (double)asked) : -1;
}

static void print_row(FILE *out, const struct weir_tiers_stats *stats)
{
	int32_t rate = hit_rate(stats);

	fprintf(out,
		"%9u %8u %8u %8u %12" PRIu64 " %10" PRIu64 " %10" PRIu64 " %10" PRIu64
		" %12" PRIu64,
		stats->size, stats->count, stats->in_use, stats->peak, stats->served,
		stats->fell_up, stats->failed, stats->stepped_in, stats->freed);
	if (rate < 0)
		fprintf(out, " %9s\n", "-");
	else
		fprintf(out, " %5d.%02d%%\n", rate / 10000, rate / 100 % 100);
}

static void print_table(FILE *out, struct weir_tiers *tiers)
{
	fprintf(out, "tiers '%s'\n%9s %8s %8s %8s %12s %10s %10s %10s %12s %9s\n", tiers->name,
		"size", "count", "in use", "peak", "served", "fell up", "failed", "stepped in",
		"freed", "hit rate");
	for (uint32_t i = 0; i < tiers->count; i++) {
		struct weir_tiers_stats stats;

		weir_tiers_stats(tiers, i, &stats);
		print_row(out, &stats);
	}
}

static void print_string(FILE *out, const char *string)
{
	putc('"', out);
	for (const char *at = string; *at; at++) {
		if (*at == '"' || *at == '\\')
			fprintf(out, "\\%c", *at);
		else if ((unsigned char)*at < ' ')
			fprintf(out, "\\u%04x", (unsigned)*at);
		else
			putc(*at, out);
	}
	putc('"', out);
}

static void print_object(FILE *out, const struct weir_tiers_stats *stats)
{
	int32_t rate = hit_rate(stats);

	fprintf(out,
		"{\"size\": %u, \"count\": %u, \"in_use\": %u, \"peak\": %u, \"served\": %" PRIu64
		", \"fell_up\": %" PRIu64 ", \"failed\": %" PRIu64 ", \"stepped_in\": %" PRIu64
		", \"freed\": %" PRIu64 ", \"hit_rate\": ",
		stats->size, stats->count, stats->in_use, stats->peak, stats->served,
		stats->fell_up, stats->failed, stats->stepped_in, stats->freed);
	if (rate < 0)
		fprintf(out, "null}");
	else
		fprintf(out, "%d.%06d}", rate / 1000000, rate % 1000000);
}

static void print_json(FILE *out, struct weir_tiers *tiers)
{
	fprintf(out, "{\"name\": ");
	print_string(out, tiers->name);
	fprintf(out, ", \"tiers\": [");
	for (uint32_t i = 0; i < tiers->count; i++) {
		struct weir_tiers_stats stats;

		weir_tiers_stats(tiers, i, &stats);
		fprintf(out, i ? ",\n " : "\n ");
		print_object(out, &stats);
	}
	fprintf(out, "\n]}\n");
}

char *weir_tiers_report(struct weir_tiers *tiers, bool json)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	bool failed;

	if (!out)
		return weir__fail_null(ENOMEM, "no memory for a report of tiers '%s'", tiers->name);
	if (json)
		print_json(out, tiers);
	else
		print_table(out, tiers);
	failed = ferror(out) != 0;
	if (fclose(out) != 0 || failed) {
		free(text);
		return weir__fail_null(ENOMEM, "no memory for a report of tiers '%s'", tiers->name);
	}
	return text;
}
