/* SPDX-License-Identifier: BSD-3-Clause */
/* workers.c: the workers of a pipeline: started from the last part to the first, so that who
 * receives is there first, and stopped the other way round, so that what is inside goes its way. */
#include "runtime/pipeline_impl.h"
#include "runtime/stage_impl.h"

#include "base/base_impl.h"
#include "port/wait_impl.h"

#include <errno.h>
#include <stdio.h>

static uint32_t turn(void *context)
{
	struct weir__graph *graph = context;
	uint32_t count = weir__graph_round(graph, false);

	if (weir_unlikely(weir__has_failed(graph->pipeline)))
		return WEIR_WORKER_END;
	return count == 0 && weir__graph_ended(graph) ? WEIR_WORKER_END : count;
}

/* The parts in front have ended: what their rings hold is the rest. */
static uint32_t drain(void *context)
{
	struct weir__graph *graph = context;

	return weir__has_failed(graph->pipeline) ? 0 : weir__graph_round(graph, true);
}

/* An idle worker sleeps until one of the ports that it receives from has something; unless it has
 * other sources, which cannot be waited for. */
static bool wait_for_ports(void *context, int bell, uint64_t timeout_ns)
{
	const struct weir__graph *graph = context;
	struct weir__queue queues[WEIR_PORT_WAIT_MAX];
	bool can_wait;

	if (graph->source_count > WEIR_PORT_WAIT_MAX)
		return false;
	for (uint32_t i = 0; i < graph->source_count; i++) {
		const struct weir__node *node = &graph->nodes[i];
		const struct weir_stage_type *type = graph->pipeline->vertices[node->vertex]->type;

		queues[i].port = type->source ? type->source(&node->stage, &queues[i].queue) : NULL;
		if (!queues[i].port)
			return false;
	}
	return weir__port_wait(queues, graph->source_count, bell, timeout_ns, &can_wait) >= 0 &&
	       can_wait;
}

static void ended(void *context)
{
	weir__graph_finish(context);
}

bool weir__stage_is_told(const struct weir_stage *stage)
{
	const struct weir__graph *graph = ((const struct weir__node *)(const void *)stage)->graph;

	/* relaxed: nothing else is told by it */
	return graph->worker && atomic_load_explicit(&graph->pipeline->told, memory_order_relaxed);
}

uint32_t weir_pipeline_workers(const struct weir_pipeline *pipeline)
{
	return pipeline->graph_count;
}

uint32_t weir_pipeline_turn(struct weir_pipeline *pipeline, uint32_t worker)
{
	return turn(pipeline->graphs[worker]);
}

void weir_pipeline_finish(struct weir_pipeline *pipeline, uint32_t worker)
{
	weir__graph_finish(pipeline->graphs[worker]);
}

static struct weir_worker *make_worker(
	const struct weir_pipeline *pipeline, uint32_t index, int lcore)
{
	struct weir_worker_conf conf = {.lcore = lcore + 1,
		.idle = pipeline->conf.idle,
		.sleep_us = pipeline->conf.sleep_us,
		.turn = turn,
		.drain = drain,
		.wait = wait_for_ports,
		.ended = ended,
		.context = pipeline->graphs[index]};
	char name[32];

	snprintf(name, sizeof(name), "%.12s-%u", pipeline->name, index);
	conf.name = name;
	return weir_worker_create(&conf);
}

static int make_workers(struct weir_pipeline *pipeline)
{
	for (uint32_t i = 0; i < pipeline->part_count; i++) {
		const struct weir__part *part = &pipeline->parts[i];
		int lcore = -1;

		for (uint32_t j = part->first; j < part->first + part->workers; j++) {
			lcore = weir_lcores_next(&part->lcores, lcore);
			pipeline->graphs[j]->worker = make_worker(pipeline, j, lcore);
			if (!pipeline->graphs[j]->worker)
				return -errno;
		}
	}
	return 0;
}

static void end_workers(struct weir_pipeline *pipeline)
{
	/* relaxed: as in weir_pipeline_stop() */
	atomic_store_explicit(&pipeline->told, true, memory_order_relaxed);
	for (uint32_t i = 0; i < pipeline->graph_count; i++) {
		if (pipeline->graphs[i]->worker)
			weir_worker_stop(pipeline->graphs[i]->worker, UINT32_MAX);
		weir_worker_destroy(pipeline->graphs[i]->worker);
		pipeline->graphs[i]->worker = NULL;
	}
}

int weir_pipeline_start(struct weir_pipeline *pipeline)
{
	char sentence[1024];
	int error;

	if (pipeline->phase == WEIR__RUNNING)
		return weir__fail(EALREADY, "the pipeline was started before");
	error = weir_pipeline_build(pipeline);
	if (error)
		return error;
	pipeline->phase = WEIR__RUNNING;
	error = make_workers(pipeline);
	for (uint32_t i = pipeline->graph_count; !error && i-- > 0;)
		error = weir_worker_start(pipeline->graphs[i]->worker);
	if (!error)
		return 0;
	snprintf(sentence, sizeof(sentence), "%s", weir_last_error());
	end_workers(pipeline);
	return weir__fail(-error, "%s", sentence);
}

int weir_pipeline_call(const struct weir_pipeline *pipeline, uint32_t worker,
	void (*function)(void *context), void *context, uint32_t timeout_ms)
{
	struct weir_worker *thread =
		worker < pipeline->graph_count ? pipeline->graphs[worker]->worker : NULL;

	if (!thread)
		return weir__fail(ESRCH, "the pipeline has started no worker %u", worker);
	return weir_worker_call(thread, function, context, timeout_ms);
}

/* What is left of a time. */
static uint32_t left_ms(uint64_t until_ns)
{
	uint64_t now = weir__monotonic_ns();

	return now < until_ns ? (uint32_t)((until_ns - now + 999999) / 1000000) : 0;
}

/* Where is a worker that does not end? */
static int blame(const struct weir__graph *graph)
{
	const struct weir__node *node = atomic_load_explicit(&graph->current, memory_order_relaxed);
	const struct weir_pipeline *pipeline = graph->pipeline;

	if (!node)
		return weir__fail(
			ETIMEDOUT, "worker '%s' has not ended", weir_worker_name(graph->worker));
	return weir__fail(ETIMEDOUT, "worker '%s' has not ended: it is in %s",
		weir_worker_name(graph->worker),
		weir__vertex_name(pipeline, pipeline->vertices[node->vertex]));
}

int weir_pipeline_wait(struct weir_pipeline *pipeline, uint32_t timeout_ms)
{
	uint64_t until = weir__monotonic_ns() + timeout_ms * UINT64_C(1000000);

	for (uint32_t i = 0; i < pipeline->graph_count; i++) {
		struct weir__graph *graph = pipeline->graphs[i];

		if (graph->worker && weir_worker_wait(graph->worker, left_ms(until)))
			return blame(graph);
	}
	if (weir__has_failed(pipeline))
		return weir__fail(EPROTO, "%s", pipeline->error);
	return 0;
}

int weir_pipeline_stop(struct weir_pipeline *pipeline, uint32_t timeout_ms)
{
	uint64_t until = weir__monotonic_ns() + timeout_ms * UINT64_C(1000000);

	/* at once: those in front may wait for room in a ring, and so for those behind; relaxed:
	 * nothing else is told by it */
	atomic_store_explicit(&pipeline->told, true, memory_order_relaxed);
	for (uint32_t i = 0; i < pipeline->graph_count; i++) {
		struct weir__graph *graph = pipeline->graphs[i];

		if (graph->worker && weir_worker_stop(graph->worker, left_ms(until)))
			return blame(graph);
	}
	return weir_pipeline_wait(pipeline, 0);
}
