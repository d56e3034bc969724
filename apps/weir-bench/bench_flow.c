/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_flow.c: a table of a million flows. */
#include "benches.h"
#include "harness/work_flows.h"

#include <weir/flow.h>

static void *create(const struct options *options, uint32_t count)
{
	struct weir_flow_conf conf = {.name = "bench",
		.count = count,
		.key_size = WORK_KEY,
		.value_size = sizeof(uint64_t),
		.timeout = UINT64_C(1) << 40,
		.pages = (enum weir_pages)benches_pages(options->pages),
		.node = benches_node(options->node)};

	return weir_flow_create(&conf);
}

static void destroy(void *table)
{
	weir_flow_destroy(table);
}

static const char *pages(void *table)
{
	return weir_pages_name(weir_region_pages(weir_flow_region(table)));
}

static inline void set_value(struct weir_flow_table *table, uint32_t index)
{
	uint64_t *value = weir_flow_value(table, index);

	*value = index + 1;
}

static bool insert(void *table, const void *key)
{
	uint32_t index;

	if (weir_flow_insert(table, key, 0, &index) != 1)
		return false;
	set_value(table, index);
	return true;
}

static inline void lookup_burst(struct work_flows *work, uint32_t at)
{
	struct weir_flow_table *table = work->table;
	uint32_t indices[WORK_FLOWS_BURST_MAX];
	uint64_t found = weir_flow_lookup_bulk(
		table, work->keys + (size_t)at * WORK_KEY, work->burst, indices);
	uint64_t sum = 0;

	for (uint32_t i = 0; i < work->burst; i++)
		if (found >> i & 1)
			sum += *(const uint64_t *)weir_flow_value(table, indices[i]);
	work_flows_found(work, found, sum);
}

static inline void insert_each(struct work_flows *work, uint32_t at)
{
	if (at == 0)
		weir_flow_clear(work->table);
	for (uint32_t i = 0; i < work->burst; i++) {
		uint32_t index;

		if (weir_flow_insert(
			    work->table, work->keys + (size_t)(at + i) * WORK_KEY, at, &index) == 1)
			set_value(work->table, index);
		else
			work->wrong++;
	}
}

static inline void insert_burst(struct work_flows *work, uint32_t at)
{
	uint32_t indices[WORK_FLOWS_BURST_MAX];
	uint64_t made;

	if (at == 0)
		weir_flow_clear(work->table);
	made = weir_flow_insert_bulk(
		work->table, work->keys + (size_t)at * WORK_KEY, work->burst, at, indices);
	work->wrong += work->burst - (uint32_t)__builtin_popcountll(made);
	for (; made; made &= made - 1)
		set_value(work->table, indices[__builtin_ctzll(made)]);
}

static uint64_t run_lookup(void *work, uint64_t rounds)
{
	return work_flows_run(lookup_burst, work, rounds);
}

static uint64_t run_insert(void *work, uint64_t rounds)
{
	return work_flows_run(insert_each, work, rounds);
}

static uint64_t run_insert_bulk(void *work, uint64_t rounds)
{
	return work_flows_run(insert_burst, work, rounds);
}

static const struct flow_subject subject = {.create = create,
	.destroy = destroy,
	.pages = pages,
	.insert = insert,
	.lookup = run_lookup,
	.insert_one = run_insert,
	.insert_bulk = run_insert_bulk};

const struct bench bench_flow = {
	"flow", "find flows in a table of a million, and insert them", bench_flows, &subject};
