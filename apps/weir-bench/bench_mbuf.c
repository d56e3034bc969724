/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_mbuf.c: allocate and free mbufs. */
#include "benches.h"

#include "calls.h"

static void *create(const struct options *options)
{
	struct weir_mbuf_pool_conf conf = {
		.name = "bench",
		.count = options->count,
		.size = options->size,
		.cache = benches_cache(options->cache),
		.pages = (enum weir_pages)benches_pages(options->pages),
		.node = benches_node(options->node),
	};

	return weir_mbuf_pool_create(&conf);
}

static uint64_t run(void *work, uint64_t rounds)
{
	return work_buffers_run(&call_mbufs, work, rounds);
}

const struct buffers_subject mbuf_subject = {
	.buffers = &call_mbufs,
	.create = create,
	.destroy = benches_destroy,
	.pages = benches_pages_of,
	.run = run,
};

const struct bench bench_mbuf = {"mbuf", "allocate and free mbufs", bench_buffers, &mbuf_subject};
