/* SPDX-License-Identifier: BSD-3-Clause */
/* check.c: is the graph whole, in which order do its stages run, and which parts do rings cut it
 * into.
 *
 * A vertex has an end where packets come out, and a ring another one where they go in. Ends that an
 * edge connects belong to one part. Parts are ranked from the sources on; a ring that leads to a
 * part of the same or a lower rank closes a loop.
 */
#include "runtime/pipeline_impl.h"

#include "base/base_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int complain(
	const struct weir_pipeline *pipeline, const struct weir__vertex *vertex, const char *what)
{
	return weir__fail(EINVAL, "%s: %s", weir__vertex_name(pipeline, vertex), what);
}

static bool leads_to(const struct weir__vertex *from, uint32_t to)
{
	for (uint32_t i = 0; i < from->edge_count; i++)
		if (from->to[i] == to)
			return true;
	return false;
}

static bool is_reached(const struct weir_pipeline *pipeline, uint32_t vertex)
{
	for (uint32_t i = 0; i < pipeline->vertex_count; i++)
		if (leads_to(pipeline->vertices[i], vertex))
			return true;
	return false;
}

static int check_edges(const struct weir_pipeline *pipeline)
{
	bool source = false;

	for (uint32_t i = 0; i < pipeline->vertex_count; i++) {
		const struct weir__vertex *vertex = pipeline->vertices[i];

		for (uint32_t edge = 0; edge < vertex->edge_count; edge++)
			if (vertex->to[edge] == WEIR__NOWHERE)
				return weir__fail(EINVAL,
					"%s: its edge '%s' leads nowhere; connect it, to a stage "
					"of type drop if need be",
					weir__vertex_name(pipeline, vertex),
					vertex->type->edges[edge]);
		if (vertex->type->run && !is_reached(pipeline, i))
			return complain(pipeline, vertex, "nothing leads to it");
		source |= weir__is_source(vertex);
	}
	return source ? 0 : weir__fail(EINVAL, "the pipeline has no source, such as rx");
}

/* Does a vertex have to run before another one in the same round? What polls comes first anyway. */
static bool is_before(const struct weir_pipeline *pipeline, uint32_t from, uint32_t to)
{
	return !pipeline->vertices[from]->type->poll && leads_to(pipeline->vertices[from], to);
}

static bool is_due(const struct weir_pipeline *pipeline, const bool *done, uint32_t vertex)
{
	for (uint32_t i = 0; i < pipeline->vertex_count; i++)
		if (!done[i] && is_before(pipeline, i, vertex))
			return false;
	return true;
}

static uint32_t one_before(const struct weir_pipeline *pipeline, const bool *done, uint32_t vertex)
{
	for (uint32_t i = 0; i < pipeline->vertex_count; i++)
		if (!done[i] && is_before(pipeline, i, vertex))
			return i;
	return vertex;
}

/* Name a loop among those that are not done, each of which has one before it: go backwards until a
 * stage comes again. */
static int complain_of_loop(const struct weir_pipeline *pipeline, const bool *done, uint32_t at)
{
	bool seen[WEIR_PIPELINE_STAGES] = {false};
	uint32_t way[WEIR_PIPELINE_STAGES], count = 0;
	char text[256];

	while (!seen[at]) {
		seen[at] = true;
		way[count++] = at;
		at = one_before(pipeline, done, at);
	}
	snprintf(text, sizeof(text), "%s", pipeline->vertices[at]->name);
	do {
		size_t used = strlen(text);

		snprintf(text + used, sizeof(text) - used, " -> %s",
			pipeline->vertices[way[--count]]->name);
	} while (way[count] != at);
	return weir__fail(EINVAL, "%s: the loop %s needs a ring in it",
		weir__vertex_name(pipeline, pipeline->vertices[at]), text);
}

/* Kahn's order (1962): a stage is due when all before it are done. */
static int find_order(struct weir_pipeline *pipeline)
{
	bool done[WEIR_PIPELINE_STAGES] = {false}, progress = true;

	pipeline->order_count = 0;
	for (uint32_t i = 0; i < pipeline->vertex_count; i++)
		done[i] = !pipeline->vertices[i]->type->run;
	while (progress) {
		progress = false;
		for (uint32_t i = 0; i < pipeline->vertex_count; i++) {
			if (done[i] || !is_due(pipeline, done, i))
				continue;
			pipeline->order[pipeline->order_count++] = i;
			done[i] = progress = true;
		}
	}
	for (uint32_t i = 0; i < pipeline->vertex_count; i++)
		if (!done[i])
			return complain_of_loop(pipeline, done, i);
	return 0;
}

/* Give all ends of part from the part to. */
static void join_parts(struct weir_pipeline *pipeline, uint32_t from, uint32_t to)
{
	for (uint32_t i = 0; i < pipeline->vertex_count; i++) {
		struct weir__vertex *vertex = pipeline->vertices[i];

		if (vertex->part == from)
			vertex->part = to;
		if (vertex->part_before == from)
			vertex->part_before = to;
	}
}

/* Each end starts as a part of its own; edges join them; then they are numbered from 0. */
static void find_parts(struct weir_pipeline *pipeline)
{
	const uint32_t count = pipeline->vertex_count, numbered = 2 * count;

	for (uint32_t i = 0; i < count; i++) {
		struct weir__vertex *vertex = pipeline->vertices[i];

		vertex->part = i;
		vertex->part_before = weir__is_ring(vertex) ? count + i : i;
	}
	for (uint32_t i = 0; i < count; i++) {
		const struct weir__vertex *vertex = pipeline->vertices[i];

		for (uint32_t edge = 0; edge < vertex->edge_count; edge++)
			join_parts(pipeline, pipeline->vertices[vertex->to[edge]]->part_before,
				vertex->part);
	}
	pipeline->part_count = 0;
	for (uint32_t i = 0; i < count; i++)
		if (pipeline->vertices[i]->part < numbered)
			join_parts(pipeline, pipeline->vertices[i]->part,
				numbered + pipeline->part_count++);
	for (uint32_t i = 0; i < count; i++) {
		pipeline->vertices[i]->part -= numbered;
		pipeline->vertices[i]->part_before -= numbered;
	}
}

/* Sources of a part must agree on its workers; who says nothing agrees. */
static int place_parts(struct weir_pipeline *pipeline)
{
	for (uint32_t i = 0; i < pipeline->part_count; i++)
		pipeline->parts[i] = (struct weir__part){.workers = 1};
	for (uint32_t i = 0; i < pipeline->vertex_count; i++) {
		const struct weir__vertex *vertex = pipeline->vertices[i];
		struct weir__part *part = &pipeline->parts[vertex->part];

		if (!vertex->placed)
			continue;
		if (part->placed_by &&
			(part->workers != vertex->workers ||
				memcmp(&part->lcores, &vertex->lcores, sizeof(part->lcores)) != 0))
			return weir__fail(EINVAL,
				"%s: the same workers run what is behind '%s', which has other "
				"workers or lcores",
				weir__vertex_name(pipeline, vertex), part->placed_by->name);
		part->placed_by = vertex;
		part->workers = vertex->workers;
		part->lcores = vertex->lcores;
	}
	return 0;
}

/* Do packets come to this part from one that has no rank yet? */
static bool waits_for_rank(const struct weir_pipeline *pipeline, uint32_t part)
{
	for (uint32_t i = 0; i < pipeline->vertex_count; i++) {
		const struct weir__vertex *vertex = pipeline->vertices[i];

		if (weir__is_ring(vertex) && vertex->part == part && vertex->part_before != part &&
			pipeline->parts[vertex->part_before].rank == WEIR__NOWHERE)
			return true;
	}
	return false;
}

/* In a loop, where every part waits for another, the first one goes first. */
static uint32_t next_part(const struct weir_pipeline *pipeline)
{
	uint32_t first = WEIR__NOWHERE;

	for (uint32_t i = pipeline->part_count; i-- > 0;) {
		if (pipeline->parts[i].rank != WEIR__NOWHERE)
			continue;
		if (!waits_for_rank(pipeline, i))
			return i;
		first = i;
	}
	return first;
}

static int rank_parts(struct weir_pipeline *pipeline)
{
	uint32_t workers = 0;

	for (uint32_t i = 0; i < pipeline->part_count; i++)
		pipeline->parts[i].rank = WEIR__NOWHERE;
	for (uint32_t rank = 0; rank < pipeline->part_count; rank++) {
		struct weir__part *part = &pipeline->parts[next_part(pipeline)];

		part->rank = rank;
		part->first = workers;
		workers += part->workers;
	}
	if (workers > WEIR_PIPELINE_WORKERS)
		return weir__fail(
			EINVAL, "%u workers, more than %d", workers, WEIR_PIPELINE_WORKERS);
	pipeline->graph_count = 0;
	return 0;
}

int weir__pipeline_check(struct weir_pipeline *pipeline)
{
	int error = check_edges(pipeline);

	if (!error)
		error = find_order(pipeline);
	if (error)
		return error;
	find_parts(pipeline);
	error = place_parts(pipeline);
	return error ? error : rank_parts(pipeline);
}
