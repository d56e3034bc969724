/* SPDX-License-Identifier: BSD-3-Clause */
/* report.c: all regions of the process, and what the kernel says of where their pages lie.
 *
 * Lock order: the list's lock, then a region's.
 */
#include "mem_impl.h"

#include "base/base_impl.h"
#include "base/json_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static struct weir_region *first;

static pthread_once_t forks = PTHREAD_ONCE_INIT;

static void lock_list(void)
{
	pthread_mutex_lock(&list_lock);
}

static void unlock_list(void)
{
	pthread_mutex_unlock(&list_lock);
}

/* A child must find the list as no thread is changing it. */
static void watch_forks(void)
{
	pthread_atfork(lock_list, unlock_list, unlock_list);
}

void weir__regions_add(struct weir_region *region)
{
	pthread_once(&forks, watch_forks);
	pthread_mutex_lock(&list_lock);
	region->next = first;
	if (first)
		first->previous = region;
	first = region;
	pthread_mutex_unlock(&list_lock);
}

void weir__regions_remove(struct weir_region *region)
{
	pthread_mutex_lock(&list_lock);
	if (region->next)
		region->next->previous = region->previous;
	if (region->previous)
		region->previous->next = region->next;
	else if (first == region)
		first = region->next;
	pthread_mutex_unlock(&list_lock);
}

/* What is to be said of one region. */
struct figures {
	size_t size;
	size_t kinds[64];              /* bytes by kind of pages */
	size_t nodes[WEIR__NODES_MAX]; /* bytes touched, by node */
	char place[128];
	char words[1024];
	char why[768];
};

/* Bytes between the pages of a region that the kernel is asked for their node, of at most 262,144,
 * which is each of 1 GiB of small ones: it needs up to a microsecond for each, the region is locked
 * meanwhile, and one that a peer has sent may claim terabytes. */
static size_t asking_step(const struct figures *figures, size_t unit)
{
	size_t step = figures->size >> 18;

	return step < unit ? unit : step / unit * unit;
}

static void take_figures(struct weir_region *region, struct figures *figures)
{
	*figures = (struct figures){.size = 0};
	pthread_mutex_lock(&region->lock);
	for (size_t i = 0; i < region->chunk_count; i++) {
		size_t size = region->chunks[i] ? weir__chunk_mapped(region, i) : 0;

		figures->size += size;
		figures->kinds[region->chunks[i]] += size;
	}
	for (size_t i = 0; i < region->chunk_count; i++)
		if (region->chunks[i])
			weir__place_count(region->base + i * region->chunk,
				weir__chunk_mapped(region, i),
				asking_step(figures, weir__pages_unit(region->chunks[i])),
				figures->nodes, WEIR__NODES_MAX);
	weir__place_describe(region, figures->place, sizeof(figures->place));
	weir__region_describe(region, figures->words, sizeof(figures->words));
	weir__region_why(region, figures->why, sizeof(figures->why));
	pthread_mutex_unlock(&region->lock);
}

static void text_row(FILE *out, const struct weir_region *region, const struct figures *figures)
{
	char size[32], max[32], wanted[192], bytes[32];
	bool any = false;

	weir__bytes_describe(figures->size, size, sizeof(size));
	weir__bytes_describe(region->max_size, max, sizeof(max));
	snprintf(wanted, sizeof(wanted), "%s%s", weir_pages_name(region->wanted), figures->place);
	fprintf(out, "%-16s %10s %10s  %-24s ", region->name, size, max, wanted);
	for (unsigned int i = 0; i < WEIR__NODES_MAX; i++) {
		if (!figures->nodes[i])
			continue;
		weir__bytes_describe(figures->nodes[i], bytes, sizeof(bytes));
		fprintf(out, "%s%u: %s", any ? ", " : "", i, bytes);
		any = true;
	}
	fprintf(out, "%s  %s\n", any ? "" : "-", figures->words);
}

static void json_row(FILE *out, const struct weir_region *region, const struct figures *figures)
{
	const char *comma = "";

	fprintf(out, "{\"name\": ");
	weir__json_string(out, region->name);
	fprintf(out, ", \"size\": %zu, \"max_size\": %zu, \"chunk\": %zu, \"wanted\": \"%s\"",
		figures->size, region->max_size, region->chunk, weir_pages_name(region->wanted));
	fprintf(out, ", \"placement\": ");
	weir__json_string(out, figures->place + (figures->place[0] == ' '));
	fprintf(out, ", \"pages\": {");
	for (unsigned int i = 0; i < 64; i++) {
		if (!figures->kinds[i])
			continue;
		fprintf(out, "%s\"%s\": %zu", comma, weir_pages_name((enum weir_pages)i),
			figures->kinds[i]);
		comma = ", ";
	}
	fprintf(out, "}, \"nodes\": {");
	comma = "";
	for (unsigned int i = 0; i < WEIR__NODES_MAX; i++) {
		if (!figures->nodes[i])
			continue;
		fprintf(out, "%s\"%u\": %zu", comma, i, figures->nodes[i]);
		comma = ", ";
	}
	fprintf(out, "}, \"got\": ");
	weir__json_string(out, figures->words);
	fprintf(out, ", \"why\": ");
	weir__json_string(out, figures->why);
	fputc('}', out);
}

static void write_report(FILE *out, bool json)
{
	const char *separator = "\n  ";
	struct figures figures;

	if (json)
		fputc('[', out);
	else
		fprintf(out, "%-16s %10s %10s  %-24s %s\n", "region", "size", "of at most",
			"wanted", "on node, got");
	pthread_mutex_lock(&list_lock);
	for (struct weir_region *region = first; region; region = region->next) {
		take_figures(region, &figures);
		if (json) {
			fputs(separator, out);
			json_row(out, region, &figures);
			separator = ",\n  ";
		} else {
			text_row(out, region, &figures);
		}
	}
	pthread_mutex_unlock(&list_lock);
	if (json)
		fputs("\n]\n", out);
}

char *weir_mem_report(bool json)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return weir__fail_null(ENOMEM, "no memory for a report");
	write_report(out, json);
	if (fclose(out)) {
		int error = errno;

		free(text);
		return weir__fail_null(error, "no report: %s", strerror(error));
	}
	return text;
}
