/* SPDX-License-Identifier: BSD-3-Clause */
/* report.c: what a program says at its end, for people or in JSON. The keys of the JSON are part of
 * the interface (docs/man). */
#include "apps/common/app_impl.h"
#include "apps/common/json.h"
#include "apps/common/units.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All that is reported, summed up. */
struct totals {
	struct weir_port_stats ports;
	struct weir_mempool_stats pool;
	const char *memory;
	double seconds;
};

static struct totals sum(
	const struct app *app, const struct app_port_figures *ports, uint32_t count)
{
	struct totals totals = {
		.memory = weir_region_describe(weir_mempool_region(app->pool)),
		.seconds = (double)(app->ended_ns - app->begun_ns) / 1e9,
	};

	for (uint32_t i = 0; i < count; i++) {
		totals.ports.rx_packets += ports[i].stats.rx_packets;
		totals.ports.rx_bytes += ports[i].stats.rx_bytes;
		totals.ports.rx_no_mbuf += ports[i].stats.rx_no_mbuf;
		totals.ports.tx_packets += ports[i].stats.tx_packets;
		totals.ports.tx_bytes += ports[i].stats.tx_bytes;
		for (int reason = 0; reason < WEIR_DROP_COUNT; reason++)
			totals.ports.dropped[reason] += ports[i].stats.dropped[reason];
	}
	weir_mempool_stats(app->pool, &totals.pool);
	return totals;
}

static double rate(uint64_t count, double seconds)
{
	return seconds > 0 ? (double)count / seconds : 0;
}

/* The reasons as one list: the program's, then the ports'. false at its end. */
static bool drop_at(const struct app *app, const struct weir_port_stats *ports, uint32_t index,
	struct app_count *drop)
{
	if (index < app->drop_count) {
		*drop = app->drops[index];
		return true;
	}
	index -= app->drop_count;
	if (index >= WEIR_DROP_COUNT)
		return false;
	drop->name = weir_drop_name((enum weir_drop)index);
	drop->count = ports->dropped[index];
	return true;
}

static void print_drops(FILE *to, const struct app *app, const struct weir_port_stats *ports)
{
	struct app_count drop;
	bool any = false;

	fputs("dropped  ", to);
	for (uint32_t i = 0; drop_at(app, ports, i, &drop); i++) {
		if (drop.count)
			fprintf(to, "%s %llu %s", any ? "," : "", (unsigned long long)drop.count,
				drop.name);
		any |= drop.count > 0;
	}
	fputs(any ? "\n" : " nothing\n", to);
}

static void print_port(FILE *to, const struct app_port_figures *port)
{
	fprintf(to,
		"port      %s: %llu packets, %llu bytes received; %llu packets, %llu bytes sent\n",
		port->name, (unsigned long long)port->stats.rx_packets,
		(unsigned long long)port->stats.rx_bytes,
		(unsigned long long)port->stats.tx_packets,
		(unsigned long long)port->stats.tx_bytes);
}

static void print_text(FILE *to, const struct app *app, const struct app_port_figures *ports,
	uint32_t count, const struct totals *all)
{
	char packets[APP_HUMAN_SIZE], bits[APP_HUMAN_SIZE];

	for (uint32_t i = 0; app->options.verbose && i < count; i++)
		print_port(to, &ports[i]);
	fprintf(to, "received  %llu packets, %llu bytes\n",
		(unsigned long long)all->ports.rx_packets, (unsigned long long)all->ports.rx_bytes);
	fprintf(to, "sent      %llu packets, %llu bytes\n",
		(unsigned long long)all->ports.tx_packets, (unsigned long long)all->ports.tx_bytes);
	fprintf(to, "time      %.6f s, %spackets/s, %sbit/s received\n", all->seconds,
		app_human(rate(all->ports.rx_packets, all->seconds), packets),
		app_human(rate(all->ports.rx_bytes * 8, all->seconds), bits));
	print_drops(to, app, &all->ports);
	for (uint32_t i = 0; i < app->count_count; i++)
		fprintf(to, "%-9s %llu\n", app->counts[i].name,
			(unsigned long long)app->counts[i].count);
	fprintf(to, "waits     %llu for buffers, %llu for a port to send\n",
		(unsigned long long)all->ports.rx_no_mbuf, (unsigned long long)app->tx_waits);
	fprintf(to, "pool      %u buffers of %u bytes, %u in use at the end\n", all->pool.count,
		weir_mbuf_pool_size(app->pool), all->pool.in_use);
	if (app->options.verbose)
		fprintf(to, "cache     %llu refills, %llu flushes, %llu times too few\n",
			(unsigned long long)all->pool.refills,
			(unsigned long long)all->pool.flushes,
			(unsigned long long)all->pool.failures);
	fprintf(to, "memory    %s\n", all->memory);
	if (app->more_text)
		fprintf(to, "\n%s", app->more_text);
}

/* A name as a key: "tx full" is tx_full. */
static void set_count(json_t *object, const char *name, uint64_t count)
{
	char key[32];

	snprintf(key, sizeof(key), "%s", name);
	for (char *at = key; *at; at++)
		if (*at == ' ')
			*at = '_';
	json_object_set_new(object, key, json_integer((json_int_t)count));
}

static json_t *json_stats(const struct weir_port_stats *stats)
{
	return json_pack("{sI sI sI sI sI}", "rx_packets", (json_int_t)stats->rx_packets,
		"rx_bytes", (json_int_t)stats->rx_bytes, "tx_packets",
		(json_int_t)stats->tx_packets, "tx_bytes", (json_int_t)stats->tx_bytes, "rx_waits",
		(json_int_t)stats->rx_no_mbuf);
}

static json_t *json_ports(const struct app_port_figures *ports, uint32_t count)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < count; i++) {
		json_t *port = json_pack("{so}", "name", app_json_text(ports[i].name));
		json_t *drops = json_object();

		json_object_update_new(port, json_stats(&ports[i].stats));
		for (int reason = 0; reason < WEIR_DROP_COUNT; reason++)
			set_count(drops, weir_drop_name((enum weir_drop)reason),
				ports[i].stats.dropped[reason]);
		json_object_set_new(port, "dropped", drops);
		json_object_set_new(port, "error", app_json_text(ports[i].error));
		json_array_append_new(array, port);
	}
	return array;
}

static json_t *json_drops(const struct app *app, const struct weir_port_stats *ports)
{
	json_t *object = json_object();
	struct app_count drop;

	for (uint32_t i = 0; drop_at(app, ports, i, &drop); i++)
		set_count(object, drop.name, drop.count);
	return object;
}

static json_t *json_pool(const struct app *app, const struct totals *all)
{
	enum weir_pages pages = weir_region_pages(weir_mempool_region(app->pool));

	return json_pack("{sI sI sI sI sI sI ss so}", "count", (json_int_t)all->pool.count, "size",
		(json_int_t)weir_mbuf_pool_size(app->pool), "in_use", (json_int_t)all->pool.in_use,
		"refills", (json_int_t)all->pool.refills, "flushes", (json_int_t)all->pool.flushes,
		"failures", (json_int_t)all->pool.failures, "pages", weir_pages_name(pages),
		"memory", app_json_text(all->memory));
}

static void print_json(FILE *to, const struct app *app, const struct app_port_figures *ports,
	uint32_t count, const struct totals *all)
{
	static const char *const ends[] = {"input", "signal", "limit", "duration", "error"};
	json_t *report = json_pack("{ss ss ss si sf sf sf sI}", "program",
		program_invocation_short_name, "version", weir_version(), "ended_by",
		ends[app->end], "status", app->status, "seconds", all->seconds,
		"packets_per_second", rate(all->ports.rx_packets, all->seconds), "bits_per_second",
		rate(all->ports.rx_bytes * 8, all->seconds), "tx_waits", (json_int_t)app->tx_waits);

	json_object_update_new(report, json_stats(&all->ports));
	for (uint32_t i = 0; i < app->count_count; i++)
		set_count(report, app->counts[i].name, app->counts[i].count);
	json_object_set_new(report, "dropped", json_drops(app, &all->ports));
	json_object_set_new(report, "ports", json_ports(ports, count));
	json_object_set_new(report, "pool", json_pool(app, all));
	if (app->more_json)
		json_object_update_new(report, json_loads(app->more_json, 0, NULL));
	json_dumpf(report, to, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
	json_decref(report);
	fputc('\n', to);
}

void app_report(struct app *app, const struct app_port_figures *ports, uint32_t count)
{
	struct totals all = sum(app, ports, count);
	FILE *to = app->packets_to_stdout ? stderr : stdout;

	if (app->options.json)
		print_json(to, app, ports, count, &all);
	else
		print_text(to, app, ports, count, &all);
}
