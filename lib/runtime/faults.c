/* SPDX-License-Identifier: BSD-3-Clause */
/* faults.c: stages that lose packets, free them twice, or do not return. */
#include "runtime/pipeline_impl.h"

#include "weir/mempool.h"

#include "base/base_impl.h"
#include "base/count_impl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

/* Keep the first sentence; all workers end when they see it. */
static void fail(struct weir_pipeline *pipeline, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void fail(struct weir_pipeline *pipeline, const char *format, ...)
{
	va_list more;
	int none = 0;

	if (!atomic_compare_exchange_strong_explicit(
		    &pipeline->failed, &none, 1, memory_order_relaxed, memory_order_relaxed))
		return;
	va_start(more, format);
	vsnprintf(pipeline->error, sizeof(pipeline->error), format, more);
	va_end(more);
	/* release: pairs with weir__has_failed() */
	atomic_store_explicit(&pipeline->failed, 2, memory_order_release);
}

const char *weir_pipeline_error(const struct weir_pipeline *pipeline)
{
	return weir__has_failed(pipeline) ? pipeline->error : "";
}

/* Packets that went on or ended here, less those made here, since the beginning. */
static uint64_t accounted(const struct weir__node *node)
{
	uint64_t sum = weir__counted(&node->stage.took) - weir__counted(&node->stage.made);

	for (uint32_t i = 0; i < node->edge_count; i++)
		sum += weir__counted(&node->stage.edges[i].packets) + node->stage.edges[i].count;
	return sum;
}

/* How often a plain mbuf of pool lies free in this thread's cache. What went on to the depot is not
 * seen. */
static uint32_t times_free(struct weir_mempool *pool, const struct weir_mbuf *mbuf)
{
	const struct weir__mempool_cache *cache = weir__mempool_cache(pool);
	uint32_t count = atomic_load_explicit(&cache->count, memory_order_relaxed), times = 0;

	for (uint32_t i = 0; i < count; i++)
		times += cache->objects[i] == (const void *)mbuf;
	return times;
}

static const char *name_of(const struct weir__node *node)
{
	const struct weir_pipeline *pipeline = node->graph->pipeline;

	return weir__vertex_name(pipeline, pipeline->vertices[node->vertex]);
}

static void check_balance(const struct weir__node *node, uint32_t count, uint64_t out)
{
	struct weir_pipeline *pipeline = node->graph->pipeline;

	if (out < count)
		fail(pipeline, "%s got %u packets and accounted for %llu: it keeps %llu",
			name_of(node), count, (unsigned long long)out,
			(unsigned long long)(count - out));
	else if (out > count)
		fail(pipeline, "%s got %u packets and accounted for %llu: some came twice",
			name_of(node), count, (unsigned long long)out);
}

/* Take a packet off the edges of a node. Was it on one? */
static bool take_back(struct weir__node *node, const struct weir_mbuf *mbuf)
{
	bool found = false;

	for (uint32_t i = 0; i < node->edge_count; i++) {
		struct weir_stage_edge *edge = &node->stage.edges[i];
		uint32_t kept = 0;

		for (uint32_t j = 0; j < edge->count; j++)
			if (edge->vector[j] != mbuf)
				edge->vector[kept++] = edge->vector[j];
		found |= kept < edge->count;
		edge->count = kept;
	}
	return found;
}

static void check_freed(struct weir__node *node, struct weir_mbuf *const *mbufs,
	struct weir_mempool *const *pools, uint32_t count)
{
	struct weir_pipeline *pipeline = node->graph->pipeline;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t times = times_free(pools[i], mbufs[i]);

		if (times > 1)
			fail(pipeline, "%s freed a packet twice", name_of(node));
		if (times > 0 && take_back(node, mbufs[i]))
			fail(pipeline, "%s freed a packet and handed it on", name_of(node));
	}
}

void weir__run_checked(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	struct weir__node *node = (struct weir__node *)(void *)stage;
	struct weir_mbuf *copies[WEIR_STAGE_BURST];
	struct weir_mempool *pools[WEIR_STAGE_BURST];
	uint64_t before = accounted(node);

	for (uint32_t i = 0; i < count; i++) {
		copies[i] = mbufs[i];
		pools[i] = weir_mbuf_pool(mbufs[i]);
	}
	node->graph->pipeline->vertices[node->vertex]->type->run(stage, mbufs, count);
	check_balance(node, count, accounted(node) - before);
	check_freed(node, copies, pools, count);
}

int weir_pipeline_watch(struct weir_pipeline *pipeline, uint32_t within_ms)
{
	uint64_t now = weir__monotonic_ns();

	for (uint32_t i = 0; i < pipeline->graph_count; i++) {
		struct weir__graph *graph = pipeline->graphs[i];
		uint64_t rounds = weir__counted(&graph->rounds);
		const struct weir__node *node =
			atomic_load_explicit(&graph->current, memory_order_relaxed);

		if (rounds != graph->rounds_watched || !node) {
			graph->rounds_watched = rounds;
			graph->since_ns = now;
		} else if (now - graph->since_ns >= within_ms * UINT64_C(1000000)) {
			return weir__fail(ETIMEDOUT, "worker %u has been in %s for %llu ms", i,
				name_of(node),
				(unsigned long long)((now - graph->since_ns) / 1000000));
		}
	}
	return 0;
}
