/* SPDX-License-Identifier: BSD-3-Clause */
/* draw.c: the graph of a pipeline in graphviz's language. */
#include "runtime/pipeline_impl.h"

#include <stdio.h>

static void draw_stage(
	FILE *out, const struct weir_pipeline *pipeline, const struct weir__vertex *vertex)
{
	const char *shape = weir__is_ring(vertex) ? "cds" : vertex->type->poll ? "invhouse" : "box";

	fprintf(out, "\t\"%s\" [shape=%s label=\"%s\\n%s", vertex->name, shape, vertex->name,
		vertex->type->name);
	if (pipeline->phase != WEIR__DESCRIBED) {
		const struct weir__part *part = &pipeline->parts[vertex->part];

		fprintf(out, part->workers > 1 ? "\\nworkers %u-%u" : "\\nworker %u", part->first,
			part->first + part->workers - 1);
	}
	fprintf(out, "\"];\n");
	for (uint32_t i = 0; i < vertex->edge_count; i++) {
		if (vertex->to[i] == WEIR__NOWHERE)
			continue;
		fprintf(out, "\t\"%s\" -> \"%s\"", vertex->name,
			pipeline->vertices[vertex->to[i]]->name);
		if (vertex->edge_count > 1)
			fprintf(out, " [label=\"%s\"]", vertex->type->edges[i]);
		fprintf(out, ";\n");
	}
}

char *weir_pipeline_draw(const struct weir_pipeline *pipeline)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fprintf(out, "digraph \"%s\" {\n", pipeline->name);
	for (uint32_t i = 0; i < pipeline->vertex_count; i++)
		draw_stage(out, pipeline, pipeline->vertices[i]);
	fprintf(out, "}\n");
	return fclose(out) == 0 ? text : NULL;
}
