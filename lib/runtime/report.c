/* SPDX-License-Identifier: BSD-3-Clause */
/* report.c: all figures of a pipeline, as people read them or in JSON. */
#include "runtime/pipeline_impl.h"

#include "base/cycles_impl.h"
#include "base/json_impl.h"

#include <inttypes.h>
#include <stdio.h>

const struct weir_port *weir_pipeline_port_at(const struct weir_pipeline *pipeline, uint32_t index)
{
	const struct weir__port *port = pipeline->ports;

	while (port && index-- > 0)
		port = port->next;
	return port ? port->use.port : NULL;
}

static double part(double some, double all)
{
	return all > 0 ? some / all : 0;
}

/* Of one packet in this stage; 0 before a round was timed. */
static double nanoseconds(const struct weir_stage_stats *stats)
{
	return part((double)stats->timed_ticks * 1e9 / (double)weir__cycles_per_second(),
		(double)stats->timed_packets);
}

/* Columns as wide as names mostly are; a longer one moves its row. */
static void print_stage(FILE *out, const struct weir_stage_stats *stats)
{
	const char *comma = "";

	fprintf(out, "%-12s %-10s %14" PRIu64 " %9.1f  ", stats->name, stats->type, stats->packets,
		nanoseconds(stats));
	for (uint32_t i = 0; i < stats->edge_count; i++) {
		fprintf(out, "%s%s %" PRIu64, comma, stats->edges[i].to ? stats->edges[i].to : "-",
			stats->edges[i].packets);
		comma = ", ";
	}
	for (uint32_t i = 0; i < stats->counter_count; i++) {
		if (stats->counters[i].value == 0)
			continue;
		fprintf(out, "%s%s: %" PRIu64, comma, stats->counters[i].name,
			stats->counters[i].value);
		comma = ", ";
	}
	fputc('\n', out);
}

static void print_worker(FILE *out, uint32_t number, const struct weir_worker_stats *stats)
{
	double busy = (double)stats->busy_ticks, idle = (double)stats->idle_ticks;

	fprintf(out, "worker %-5u %-10s %14" PRIu64 "   %5.1f %% busy, %.1f packets a turn\n",
		number, stats->running ? "runs" : "ended", stats->packets,
		100 * part(busy, busy + idle),
		part((double)stats->packets, (double)stats->busy_turns));
}

static void json_stage(FILE *out, const struct weir_stage_stats *stats)
{
	fputs("{\"name\": ", out);
	weir__json_string(out, stats->name);
	fputs(", \"type\": ", out);
	weir__json_string(out, stats->type);
	fprintf(out,
		", \"packets\": %" PRIu64 ", \"runs\": %" PRIu64
		", \"ns_per_packet\": %.3f, \"edges\": [",
		stats->packets, stats->runs, nanoseconds(stats));
	for (uint32_t i = 0; i < stats->edge_count; i++) {
		fputs(i ? ", {\"name\": " : "{\"name\": ", out);
		weir__json_string(out, stats->edges[i].name);
		fputs(", \"to\": ", out);
		weir__json_string(out, stats->edges[i].to ? stats->edges[i].to : "");
		fprintf(out, ", \"packets\": %" PRIu64 "}", stats->edges[i].packets);
	}
	fputs("], \"counters\": {", out);
	for (uint32_t i = 0; i < stats->counter_count; i++) {
		fputs(i ? ", " : "", out);
		weir__json_string(out, stats->counters[i].name);
		fprintf(out, ": %" PRIu64, stats->counters[i].value);
	}
	fputs("}}", out);
}

static void json_worker(FILE *out, uint32_t number, const struct weir_worker_stats *stats)
{
	double ticks = (double)stats->ticks_per_second;

	fprintf(out,
		"{\"number\": %u, \"running\": %s, \"packets\": %" PRIu64 ", \"turns\": %" PRIu64
		", \"busy_turns\": %" PRIu64 ", \"busy_seconds\": %.6f, \"idle_seconds\": %.6f}",
		number, stats->running ? "true" : "false", stats->packets, stats->turns,
		stats->busy_turns, part((double)stats->busy_ticks, ticks),
		part((double)stats->idle_ticks, ticks));
}

static void write_stages(FILE *out, const struct weir_pipeline *pipeline, bool json)
{
	struct weir_stage_stats stats;

	for (uint32_t i = 0; i < pipeline->vertex_count; i++) {
		weir_pipeline_stage_stats(pipeline, i, &stats);
		if (json && i)
			fputs(", ", out);
		(json ? json_stage : print_stage)(out, &stats);
	}
}

static void write_workers(FILE *out, const struct weir_pipeline *pipeline, bool json)
{
	struct weir_pipeline_worker_stats stats;

	for (uint32_t i = 0; i < pipeline->graph_count; i++) {
		weir_pipeline_worker_stats(pipeline, i, &stats);
		if (json && i)
			fputs(", ", out);
		(json ? json_worker : print_worker)(out, i, &stats.thread);
	}
}

char *weir_pipeline_report(const struct weir_pipeline *pipeline, bool json)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	if (json)
		fputs("{\"stages\": [", out);
	else
		fprintf(out, "%-12s %-10s %14s %9s  %s\n", "stage", "type", "packets", "ns/packet",
			"to");
	write_stages(out, pipeline, json);
	if (json)
		fputs("], \"workers\": [", out);
	write_workers(out, pipeline, json);
	if (json)
		fputs("]}", out);
	return fclose(out) == 0 ? text : NULL;
}
