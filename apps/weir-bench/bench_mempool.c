/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_mempool.c: take objects from a mempool and give them back. */
#include "benches.h"

#include <weir/mempool.h>

static bool get(void *pool, void **objects, uint32_t count)
{
	return weir_mempool_get_bulk(pool, objects, count) == 0;
}

static void put(void *pool, void **objects, uint32_t count)
{
	weir_mempool_put_bulk(pool, objects, count);
}

static void *get_one(void *pool)
{
	return weir_mempool_get(pool);
}

static void put_one(void *pool, void *object)
{
	weir_mempool_put(pool, object);
}

static const struct work_buffers buffers = {
	.get = get, .put = put, .get_one = get_one, .put_one = put_one};

static void *create(const struct options *options)
{
	struct weir_mempool_conf conf = {
		.name = "bench",
		.count = options->count,
		.size = options->size + OPTIONS_HEADROOM,
		.cache = benches_cache(options->cache),
		.pages = (enum weir_pages)benches_pages(options->pages),
		.node = benches_node(options->node),
	};

	return weir_mempool_create(&conf);
}

static uint64_t run(void *work, uint64_t rounds)
{
	return work_buffers_run(&buffers, work, rounds);
}

static const struct buffers_subject subject = {
	.buffers = &buffers,
	.create = create,
	.destroy = benches_destroy,
	.pages = benches_pages_of,
	.run = run,
};

const struct bench bench_mempool = {
	"mempool", "get objects of a mempool and put them back", bench_buffers, &subject};
