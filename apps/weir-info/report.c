/* SPDX-License-Identifier: BSD-3-Clause */
/* report.c: figures as text, as a line of a table, and as JSON. */
#include "apps/weir-info/report.h"

#include "apps/common/json.h"
#include "apps/common/units.h"

#include <weir/base.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NS_PER_SECOND 1000000000u

/* The link types that one meets, by their numbers on www.tcpdump.org/linktypes.html. */
static const char *link_name(int type, char buffer[32])
{
	static const struct {
		int type;
		const char *name;
	} names[] = {{0, "BSD loopback"}, {1, "Ethernet"}, {9, "PPP"}, {101, "Raw IP"},
		{105, "IEEE 802.11"}, {113, "Linux cooked v1"}, {127, "802.11 with radiotap"},
		{189, "USB"}, {220, "USB mmapped"}, {228, "IPv4"}, {229, "IPv6"}, {239, "NFLOG"},
		{276, "Linux cooked v2"}};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].type == type)
			return names[i].name;
	snprintf(buffer, 32, type < 0 ? "several" : "link type %d", type);
	return buffer;
}

/* A time of the file in this machine's zone, with its nanoseconds. */
static const char *time_text(uint64_t ns, char buffer[64])
{
	time_t seconds = (time_t)(ns / NS_PER_SECOND);
	struct tm tm;
	size_t used;

	if (!localtime_r(&seconds, &tm))
		return "?";
	used = strftime(buffer, 64, "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(buffer + used, 64 - used, ".%09" PRIu64, ns % NS_PER_SECOND);
	return buffer;
}

static double per_second(const struct figures *figures, double count)
{
	double duration = figures_duration(figures);

	return duration > 0 ? count / duration : 0;
}

static double mean_size(const struct figures *figures)
{
	return figures->packets ? (double)figures->wire_bytes / (double)figures->packets : 0;
}

/* A text of several lines has the later ones under the first. */
static void print_text(const char *label, const char *text)
{
	if (!text)
		return;
	printf("%-15s", label);
	for (; *text; text++) {
		putchar(*text);
		if (*text == '\n')
			printf("%15s", "");
	}
	putchar('\n');
}

static void print_times(const struct figures *figures)
{
	char buffer[64], human[APP_HUMAN_SIZE];

	if (figures->timed == 0)
		return;
	printf("duration       %.9f s\n", figures_duration(figures));
	printf("first packet   %s\n", time_text(figures->first_ns, buffer));
	printf("last packet    %s\n", time_text(figures->last_ns, buffer));
	if (figures_duration(figures) > 0) {
		printf("packet rate    %spackets/s\n",
			app_human(per_second(figures, (double)figures->packets), human));
		printf("data rate      %sbit/s\n",
			app_human(per_second(figures, 8 * (double)figures->wire_bytes), human));
	}
	if (figures->backwards)
		printf("time order     %" PRIu64 " packets are earlier than the one in front\n",
			figures->backwards);
	else
		printf("time order     strict\n");
}

static void print_interface(const struct figures *figures, uint32_t number)
{
	const struct interface *interface = &figures->interfaces[number];
	char buffer[32];

	printf("interface %-5" PRIu32 "%s%s%s, %" PRIu64 " packets", number,
		interface->name ? interface->name : "", interface->name ? ", " : "",
		link_name(interface->link_type, buffer), interface->packets);
	if (interface->snaplen)
		printf(", at most %" PRIu32 " bytes", interface->snaplen);
	putchar('\n');
	print_text("  description", interface->description);
	print_text("  comment", interface->comment);
	print_text("  hardware", interface->hardware);
	print_text("  system", interface->system);
}

void report_text(const struct figures *figures)
{
	const struct hashes *hashes = &figures->hashes;
	char buffer[32];

	print_text("file", figures->path);
	print_text("type", figures->type);
	print_text("packets of", link_name(figures_link_type(figures), buffer));
	printf("packets        %" PRIu64 "\n", figures->packets);
	printf("file size      %" PRIu64 " bytes\n", figures->file_bytes);
	printf("data size      %" PRIu64 " bytes on the wire", figures->wire_bytes);
	if (figures->cut)
		printf(", %" PRIu64 " in the file; %" PRIu64 " packets are cut", figures->bytes,
			figures->cut);
	printf("\nmean size      %.2f bytes\n", mean_size(figures));
	print_times(figures);
	print_text("SHA256", *hashes->sha256 ? hashes->sha256 : NULL);
	print_text("RIPEMD160", *hashes->ripemd160 ? hashes->ripemd160 : NULL);
	print_text("SHA1", *hashes->sha1 ? hashes->sha1 : NULL);
	print_text("comment", figures->comment);
	print_text("hardware", figures->hardware);
	print_text("system", figures->system);
	print_text("application", figures->application);
	for (uint32_t i = 0; i < figures->interface_count; i++)
		print_interface(figures, i);
	print_text("damaged", figures->damage);
}

void report_table_head(void)
{
	printf("%12s %14s %14s %18s %10s %12s  %s\n", "packets", "file bytes", "data bytes",
		"duration s", "mean size", "bit/s", "file");
}

void report_table_line(const struct figures *figures)
{
	char human[APP_HUMAN_SIZE];

	printf("%12" PRIu64 " %14" PRIu64 " %14" PRIu64 " %18.9f %10.2f %12s  %s%s\n",
		figures->packets, figures->file_bytes, figures->wire_bytes,
		figures_duration(figures), mean_size(figures),
		app_human(per_second(figures, 8 * (double)figures->wire_bytes), human),
		figures->path, figures->damage ? " (damaged)" : "");
}

/* A time as a string, since a double does not hold its nanoseconds. */
static json_t *json_time(const struct figures *figures, uint64_t ns)
{
	char text[48];

	if (figures->timed == 0)
		return json_null();
	snprintf(text, sizeof(text), "%" PRIu64 ".%09" PRIu64, ns / NS_PER_SECOND,
		ns % NS_PER_SECOND);
	return json_string(text);
}

static json_t *json_interface(const struct interface *interface)
{
	return json_pack("{s:o, s:i, s:I, s:I, s:o, s:o, s:o, s:o}", "name",
		app_json_text(interface->name), "link_type", interface->link_type, "packets",
		(json_int_t)interface->packets, "snaplen", (json_int_t)interface->snaplen,
		"description", app_json_text(interface->description), "comment",
		app_json_text(interface->comment), "hardware", app_json_text(interface->hardware),
		"system", app_json_text(interface->system));
}

static void add_hashes(json_t *report, const struct hashes *hashes)
{
	if (!*hashes->sha256)
		return;
	json_object_set_new(report, "sha256", json_string(hashes->sha256));
	json_object_set_new(report, "ripemd160", json_string(hashes->ripemd160));
	json_object_set_new(report, "sha1", json_string(hashes->sha1));
}

json_t *report_json(const struct figures *figures)
{
	json_t *interfaces = json_array(), *report;
	int link_type = figures_link_type(figures);

	for (uint32_t i = 0; i < figures->interface_count; i++)
		json_array_append_new(interfaces, json_interface(&figures->interfaces[i]));
	report = json_pack("{s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:f, s:o, s:o, s:f, s:f,"
			   " s:f, s:b, s:I, s:o, s:o, s:o, s:o, s:o}",
		"file", app_json_text(figures->path), "type", app_json_text(figures->type),
		"damage", app_json_text(figures->damage), "link_type",
		link_type < 0 ? json_null() : json_integer(link_type), "packets",
		(json_int_t)figures->packets, "file_bytes", (json_int_t)figures->file_bytes,
		"wire_bytes", (json_int_t)figures->wire_bytes, "bytes", (json_int_t)figures->bytes,
		"cut_packets", (json_int_t)figures->cut, "duration", figures_duration(figures),
		"first", json_time(figures, figures->first_ns), "last",
		json_time(figures, figures->last_ns), "packets_per_second",
		per_second(figures, (double)figures->packets), "bytes_per_second",
		per_second(figures, (double)figures->wire_bytes), "mean_size", mean_size(figures),
		"strict_time_order", figures->backwards == 0, "backwards",
		(json_int_t)figures->backwards, "comment", app_json_text(figures->comment),
		"hardware", app_json_text(figures->hardware), "system",
		app_json_text(figures->system), "application", app_json_text(figures->application),
		"interfaces", interfaces);
	add_hashes(report, &figures->hashes);
	return report;
}
