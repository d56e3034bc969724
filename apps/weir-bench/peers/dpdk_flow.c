/* SPDX-License-Identifier: BSD-3-Clause */
/* dpdk_flow.c: DPDK's rte_hash as a table of flows, with its own CRC32c as the hash. It has no call
 * to insert several keys. */
#include "../harness/work_flows.h"
#include "dpdk_calls.h"

#include <rte_hash.h>
#include <rte_hash_crc.h>

static void *create(const struct options *options, uint32_t count)
{
	struct rte_hash_parameters parameters = {.name = "flows",
		.entries = count,
		.key_len = WORK_KEY,
		.hash_func = rte_hash_crc,
		.socket_id = dpdk_socket(options)};

	return rte_hash_create(&parameters);
}

static void destroy(void *table)
{
	rte_hash_free(table);
}

/* The value is any pointer but NULL; the key's own will do. */
static bool insert(void *table, const void *key)
{
	return rte_hash_add_key_data(table, key, (void *)(uintptr_t)key) == 0;
}

static inline void lookup_burst(struct work_flows *work, uint32_t at)
{
	void *values[WORK_FLOWS_BURST_MAX];
	uint64_t found = 0, sum = 0;

	rte_hash_lookup_bulk_data(work->table, work->pointers + at, work->burst, &found, values);
	for (uint32_t i = 0; i < work->burst; i++)
		if (found >> i & 1)
			sum += (uintptr_t)values[i];
	work_flows_found(work, found, sum);
}

static inline void insert_each(struct work_flows *work, uint32_t at)
{
	if (at == 0)
		rte_hash_reset(work->table);
	for (uint32_t i = 0; i < work->burst; i++)
		work->wrong += !insert(work->table, work->pointers[at + i]);
}

static uint64_t run_lookup(void *work, uint64_t rounds)
{
	return work_flows_run(lookup_burst, work, rounds);
}

static uint64_t run_insert(void *work, uint64_t rounds)
{
	return work_flows_run(insert_each, work, rounds);
}

static const struct flow_subject subject = {.create = create,
	.destroy = destroy,
	.pages = dpdk_pages,
	.insert = insert,
	.lookup = run_lookup,
	.insert_one = run_insert,
	.insert_bulk = run_insert,
	.enter = dpdk_enter,
	.leave = dpdk_leave};

const struct bench dpdk_bench_flow = {
	"flow", "find flows in a hash of a million, and insert them", bench_flows, &subject};
