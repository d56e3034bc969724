/* SPDX-License-Identifier: BSD-3-Clause */
/* timing.c: how well the schedule was kept, and what the cache of files was good for. */
#include "apps/weir-replay/timing.h"

#include "apps/common/json.h"

#include <stdio.h>
#include <stdlib.h>

static double rate(uint64_t packets, uint64_t span_ns)
{
	return packets > 1 && span_ns > 0 ? (double)(packets - 1) * 1e9 / (double)span_ns : 0;
}

static void print_times(FILE *to, const char *name, const struct weir_pace_times *times)
{
	fprintf(to, "%-9s mean %.1f us; %.1f, 90%% %.1f, 99%% %.1f, 99.9%% %.1f, at most %.1f us\n",
		name, (double)times->mean / 1e3, (double)times->p50 / 1e3, (double)times->p90 / 1e3,
		(double)times->p99 / 1e3, (double)times->p999 / 1e3, (double)times->max / 1e3);
}

static void print_timing(FILE *to, const struct weir_pace_figures *figures)
{
	fprintf(to, "schedule  %.6f s of %.6f s, %.1f of %.1f packets/s\n",
		(double)figures->span_ns / 1e9, (double)figures->scheduled_ns / 1e9,
		rate(figures->packets, figures->span_ns),
		rate(figures->packets, figures->scheduled_ns));
	print_times(to, "late", &figures->late);
	print_times(to, "jitter", &figures->jitter);
	if (figures->backwards || figures->cut)
		fprintf(to, "times     %llu went back, %llu gaps were cut\n",
			(unsigned long long)figures->backwards, (unsigned long long)figures->cut);
}

static uint64_t gets(const struct weir_trace_cache_stats *cache)
{
	return cache->hits + cache->misses;
}

static double hit_rate(const struct weir_trace_cache_stats *cache)
{
	return (double)cache->hits / (double)gets(cache);
}

static void print_cache(FILE *to, const struct weir_trace_cache_stats *cache)
{
	fprintf(to,
		"cache     %llu of %llu times a file was there, %.1f%%; %llu files of %.1f MiB "
		"kept, "
		"%llu put away\n",
		(unsigned long long)cache->hits, (unsigned long long)gets(cache),
		100 * hit_rate(cache), (unsigned long long)cache->traces,
		(double)cache->bytes / (1 << 20), (unsigned long long)cache->evictions);
}

static void add_text(struct app *app, const struct weir_stage_play *play, bool paced)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		return;
	if (paced)
		print_timing(to, &play->figures);
	if (gets(&play->cache) > 0)
		print_cache(to, &play->cache);
	if (app->more_text)
		fprintf(to, "\n%s", app->more_text);
	fclose(to);
	free(app->more_text);
	app->more_text = text;
}

static json_t *json_times(const struct weir_pace_times *times)
{
	return json_pack("{sI sI sI sI sI sI}", "mean", (json_int_t)times->mean, "p50",
		(json_int_t)times->p50, "p90", (json_int_t)times->p90, "p99",
		(json_int_t)times->p99, "p999", (json_int_t)times->p999, "max",
		(json_int_t)times->max);
}

static json_t *json_timing(const struct weir_pace_figures *figures)
{
	return json_pack("{sI sf sf sf sf so so sI sI}", "packets", (json_int_t)figures->packets,
		"seconds", (double)figures->span_ns / 1e9, "scheduled_seconds",
		(double)figures->scheduled_ns / 1e9, "packets_per_second",
		rate(figures->packets, figures->span_ns), "scheduled_packets_per_second",
		rate(figures->packets, figures->scheduled_ns), "late_ns",
		json_times(&figures->late), "jitter_ns", json_times(&figures->jitter), "backwards",
		(json_int_t)figures->backwards, "gaps_cut", (json_int_t)figures->cut);
}

static json_t *json_cache(const struct weir_trace_cache_stats *cache)
{
	return json_pack("{sI sI sf sI sI sI}", "hits", (json_int_t)cache->hits, "misses",
		(json_int_t)cache->misses, "hit_rate", hit_rate(cache), "files",
		(json_int_t)cache->traces, "bytes", (json_int_t)cache->bytes, "evictions",
		(json_int_t)cache->evictions);
}

static void add_json(struct app *app, const struct weir_stage_play *play, bool paced)
{
	json_t *more = app->more_json ? json_loads(app->more_json, 0, NULL) : json_object();

	if (paced)
		json_object_set_new(more, "timing", json_timing(&play->figures));
	if (gets(&play->cache) > 0)
		json_object_set_new(more, "cache", json_cache(&play->cache));
	free(app->more_json);
	app->more_json = json_dumps(more, JSON_COMPACT | JSON_REAL_PRECISION(12));
	json_decref(more);
}

void replay_report_play(struct app *app, const struct weir_stage_play *play, bool paced)
{
	if (!paced && gets(&play->cache) == 0)
		return;
	add_text(app, play, paced);
	add_json(app, play, paced);
}
