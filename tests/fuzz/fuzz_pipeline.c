/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz_pipeline.c: any text for a pipeline: refused with a sentence, or built, drawn and run for
 * some rounds. No stage of it opens a file. */
#include "weir/pipeline.h"
#include "weir/stages.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct weir_mempool *pool;

static uint32_t poll(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	(void)stage;
	return weir_mbuf_alloc_bulk(pool, mbufs, count) ? 0 : count;
}

/* Each packet another way than the one before. */
static void run(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		weir_stage_next(stage, i % 3, mbufs[i]);
}

static const char *const out[] = {"out", NULL}, *const ways[] = {"a", "b", "c", NULL};
static const struct weir_stage_type in = {.name = "in", .edges = out, .poll = poll};
static const struct weir_stage_type split = {.name = "split", .edges = ways, .run = run};
static const struct weir_stage_type *const own[] = {&in, &split, NULL};
static const struct weir_stage_type *safe[8];

/* Those of the library that name no port, nor a host, which libpcap asks the network for. */
static void choose_types(void)
{
	static const char *const names[] = {
		"ring", "parse", "count", "rewrite", "callback", "drop"};
	uint32_t count = 0;

	for (uint32_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		for (uint32_t j = 0; weir_stages[j]; j++)
			if (strcmp(weir_stages[j]->name, names[i]) == 0)
				safe[count++] = weir_stages[j];
}

/* Rings that take all memory are no fault. */
static bool is_modest(const char *text)
{
	static const char *const keys[] = {"size=", "workers="};

	for (uint32_t i = 0; i < 2; i++)
		for (const char *at = text; (at = strstr(at, keys[i])); at++)
			if (strtoul(at + strlen(keys[i]), NULL, 10) > 64)
				return false;
	return true;
}

static void use(struct weir_pipeline *pipeline)
{
	for (uint32_t round = 0; round < 4; round++)
		for (uint32_t i = 0; i < weir_pipeline_workers(pipeline); i++)
			weir_pipeline_turn(pipeline, i);
	if (weir_pipeline_error(pipeline)[0])
		abort();
	free(weir_pipeline_draw(pipeline));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct weir_pipeline_conf conf = {.types = safe, .more = own, .burst = 40, .check = true};
	struct weir_mbuf_pool_conf mbufs = {.name = "fuzz", .count = 2048, .size = 64};
	char *text = calloc(1, size + 1);
	struct weir_pipeline *pipeline;

	if (!pool) {
		choose_types();
		pool = weir_mbuf_pool_create(&mbufs);
	}
	conf.pool = pool;
	if (size)
		memcpy(text, data, size);
	if (!is_modest(text)) {
		free(text);
		return 0;
	}
	pipeline = weir_pipeline_create(&conf);
	if (!weir_pipeline_parse(pipeline, text) && !weir_pipeline_build(pipeline))
		use(pipeline);
	else if (!weir_last_error()[0])
		abort();
	if (weir_pipeline_destroy(pipeline) || weir_mempool_in_use(pool))
		abort();
	free(text);
	return 0;
}
