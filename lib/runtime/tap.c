/* SPDX-License-Identifier: BSD-3-Clause */
/* tap.c: the tables by which workers know who sees their packets, and copying these. */
#include "runtime/tap_impl.h"

#include "base/base_impl.h"
#include "mbuf/filter_impl.h"
#include "runtime/run_impl.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* One change of tables at a time. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- the way of packets ---- */

static void record(const struct weir__tap_entry *entry, const struct weir_recorder_mark *mark,
	struct weir_mbuf *const *mbufs, uint32_t count)
{
	const struct weir_tap *tap = entry->tap;
	uint32_t graph = entry->place->graph, kept = 0;
	struct weir_mbuf *some[WEIR_STAGE_BURST];

	if (!tap->filter) {
		weir_recorder_take(tap->recorder, graph, mark, mbufs, count);
		return;
	}
	for (uint32_t i = 0; i < count; i++)
		if (weir__filter_matches(tap->filter, mbufs[i], tap->copies[graph]))
			some[kept++] = mbufs[i];
	weir_recorder_take(tap->recorder, graph, mark, some, kept);
}

void weir__tap_edge(const struct weir__graph *graph, const struct weir_stage_edge *edge)
{
	const struct weir__tap_table *table = weir_rcu_read(&graph->taps);
	const struct weir__tap_entry *entry = table ? table->edges[edge - graph->edges] : NULL;

	for (; entry; entry = entry->next)
		record(entry, &entry->place->mark, edge->vector, edge->count);
}

void weir__tap_drop(const struct weir__node *node, uint32_t counter, struct weir_mbuf *const *mbufs,
	uint32_t count)
{
	const struct weir__tap_table *table = weir_rcu_read(&node->graph->taps);
	const struct weir__tap_entry *entry =
		table ? table->drops[node - node->graph->nodes] : NULL;

	for (; entry; entry = entry->next) {
		struct weir_recorder_mark mark = entry->place->mark;

		mark.comment = entry->place->comments[counter];
		/* there may be more than the longest burst, of a stage that kept them */
		for (uint32_t i = 0; i < count; i += WEIR_STAGE_BURST)
			record(entry, &mark, mbufs + i,
				count - i < WEIR_STAGE_BURST ? count - i : WEIR_STAGE_BURST);
	}
}

/* ---- tables ---- */

static void free_table(struct weir__tap_table *table)
{
	if (!table)
		return;
	free(table->entries);
	free(table->edges);
	free(table->drops);
	free(table);
}

static struct weir__tap_table *make_table(const struct weir__graph *graph, uint32_t entries)
{
	struct weir__tap_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->entries = calloc(entries, sizeof(*table->entries));
	table->edges = calloc(graph->edge_count + 1, sizeof(*table->edges));
	table->drops = calloc(graph->node_count, sizeof(*table->drops));
	if (table->entries && table->edges && table->drops)
		return table;
	free_table(table);
	return NULL;
}

static void add_entry(
	struct weir__tap_table *table, struct weir_tap *tap, const struct weir__tap_place *place)
{
	struct weir__tap_entry *entry = &table->entries[table->entry_count++];
	struct weir__tap_entry **first =
		place->drops ? &table->drops[place->index] : &table->edges[place->index];

	*entry = (struct weir__tap_entry){.next = *first, .tap = tap, .place = place};
	*first = entry;
}

/* The table of a graph with a tap more, or with one less; *table is NULL for none. */
static int change_table(const struct weir__graph *graph, struct weir_tap *more,
	const struct weir_tap *less, struct weir__tap_table **table)
{
	const struct weir__tap_table *old = weir_rcu_read(&graph->taps);
	uint32_t number = graph->number, count = old ? old->entry_count : 0;

	*table = make_table(graph, count + (more ? more->place_count : 0) + 1);
	if (!*table)
		return weir__fail(ENOMEM, "no memory for a capture");
	for (uint32_t i = 0; i < count; i++)
		if (old->entries[i].tap != less)
			add_entry(*table, old->entries[i].tap, old->entries[i].place);
	for (uint32_t i = 0; more && i < more->place_count; i++)
		if (more->places[i].graph == number)
			add_entry(*table, more, &more->places[i]);
	if ((*table)->entry_count > 0)
		return 0;
	free_table(*table);
	*table = NULL;
	return 0;
}

/* Let all workers see other tables, and wait until none uses the old ones. */
static int change_tables(
	const struct weir_pipeline *pipeline, struct weir_tap *more, const struct weir_tap *less)
{
	struct weir__tap_table *tables[WEIR_PIPELINE_WORKERS] = {NULL};
	int error = 0;

	pthread_mutex_lock(&lock);
	for (uint32_t i = 0; !error && i < pipeline->graph_count; i++)
		error = change_table(pipeline->graphs[i], more, less, &tables[i]);
	for (uint32_t i = 0; !error && i < pipeline->graph_count; i++)
		tables[i] = weir_rcu_publish(&pipeline->graphs[i]->taps, tables[i]);
	if (!error)
		weir_rcu_synchronize();
	for (uint32_t i = 0; i < pipeline->graph_count; i++)
		free_table(tables[i]);
	pthread_mutex_unlock(&lock);
	return error;
}

/* ---- life ---- */

static void destroy(struct weir_tap *tap)
{
	for (uint32_t i = 0; tap->copies && i < tap->pipeline->graph_count; i++)
		free(tap->copies[i]);
	free(tap->copies);
	weir__filter_free(tap->filter);
	free(tap->places);
	free(tap);
}

static int make_filter(struct weir_tap *tap, const char *filter)
{
	uint32_t count = tap->pipeline->graph_count;

	if (!filter)
		return 0;
	tap->filter = weir__filter_compile(filter);
	if (!tap->filter)
		return -errno;
	tap->copies = calloc(count, sizeof(*tap->copies));
	for (uint32_t i = 0; tap->copies && i < count; i++) {
		tap->copies[i] = malloc(WEIR__FILTER_COPIED);
		if (!tap->copies[i])
			return weir__fail(ENOMEM, "no memory for a filter");
	}
	return tap->copies ? 0 : weir__fail(ENOMEM, "no memory for a filter");
}

static int make_recorder(struct weir_tap *tap, const struct weir_tap_conf *conf)
{
	struct weir_recorder_conf recorder = conf->recorder;

	recorder.lanes = tap->pipeline->graph_count;
	tap->recorder = weir_recorder_create(&recorder);
	return tap->recorder ? 0 : -errno;
}

static int prepare(struct weir_tap *tap, const struct weir_tap_conf *conf)
{
	int count, error = make_filter(tap, conf->filter);

	if (error)
		return error;
	count = weir__tap_count(tap->pipeline, conf);
	if (count < 0)
		return count;
	tap->places = calloc((size_t)count, sizeof(*tap->places));
	if (!tap->places)
		return weir__fail(ENOMEM, "no memory for a capture");
	error = make_recorder(tap, conf);
	if (!error)
		error = weir__tap_find(tap, conf);
	return error ? error : weir_recorder_start(tap->recorder);
}

struct weir_tap *weir_tap_start(
	const struct weir_pipeline *pipeline, const struct weir_tap_conf *conf)
{
	struct weir_tap *tap;
	int error;

	if (pipeline->phase != WEIR__RUNNING)
		return weir__fail_null(EBUSY, "only a pipeline that runs can be captured");
	tap = calloc(1, sizeof(*tap));
	if (!tap)
		return weir__fail_null(ENOMEM, "no memory for a capture");
	tap->pipeline = pipeline;
	error = prepare(tap, conf);
	if (!error)
		error = change_tables(pipeline, tap, NULL);
	if (!error)
		return tap;
	weir_recorder_finish(tap->recorder);
	destroy(tap);
	errno = -error;
	return NULL;
}

struct weir_recorder *weir_tap_recorder(const struct weir_tap *tap)
{
	return tap->recorder;
}

int weir_tap_detach(struct weir_tap *tap)
{
	int error = tap->detached ? 0 : change_tables(tap->pipeline, NULL, tap);

	tap->detached = !error;
	return error;
}

int weir_tap_stop(struct weir_tap *tap)
{
	int error;

	if (!tap)
		return 0;
	error = weir_tap_detach(tap);
	if (error) /* workers may be using it: it has to stay */
		return error;
	error = weir_recorder_finish(tap->recorder);
	destroy(tap);
	return error;
}
