/* SPDX-License-Identifier: BSD-3-Clause */
/* test_pools.c: a pool lies on its node, object by object, and what a thread keeps of it lies on
 * the node where the thread runs. In a virtual machine. */
#include "vm.h"

#include "weir/weir.h"

#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT 4096

static struct weir_mempool *create(unsigned int node, enum weir_pages pages)
{
	struct weir_mbuf_pool_conf conf = {.name = "placed",
		.count = COUNT,
		.size = 1024,
		.pages = pages,
		.node = WEIR_NODE((int)node)};
	struct weir_mempool *pool = weir_mbuf_pool_create(&conf);

	if (!pool)
		printf("\n    %s\n", weir_last_error());
	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
	return pool;
}

/* The base pages of every object, from the first to the last byte. */
static void check_objects(struct weir_mempool *pool, unsigned int node)
{
	const char *begin = weir_mempool_object(pool, 0);
	const char *end = (const char *)weir_mempool_object(pool, COUNT - 1) + 1024;
	uintptr_t page = (uintptr_t)begin & ~4095ul;

	CU_ASSERT_TRUE((size_t)(end - begin) > COUNT * 1024ul);
	CU_ASSERT_TRUE(
		vm_all_on((const void *)page, ((uintptr_t)end - page + 4095) & ~4095ul, node));
}

static void test_pools(void)
{
	static const enum weir_pages kinds[] = {WEIR_PAGES_4K, WEIR_PAGES_THP, WEIR_PAGES_2M};

	for (unsigned int node = 0; node < vm_node_count; node++) {
		if (!vm_nodes[node].mib)
			continue;
		CU_ASSERT_TRUE_FATAL(vm_reserve(node, WEIR_PAGES_2M, 8));
		vm_pin((node + 1) % vm_node_count);
		for (unsigned int i = 0; i < 3; i++) {
			struct weir_mempool *pool = create(node, kinds[i]);

			CU_ASSERT_EQUAL(weir_region_pages(weir_mempool_region(pool)), kinds[i]);
			check_objects(pool, node);
			CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
		}
		CU_ASSERT_TRUE(vm_reserve(node, WEIR_PAGES_2M, 0));
	}
	vm_unpin();
}

/* What a pool gets later, for a thread on another node, lies there as well. */
static void grow_and_check(unsigned int node)
{
	static void *objects[COUNT];
	struct weir_mempool_conf conf = {.count = 64,
		.max_count = COUNT,
		.size = 1024,
		.pages = WEIR_PAGES_4K,
		.node = WEIR_NODE((int)node)};
	struct weir_mempool *pool = weir_mempool_create(&conf);
	uint32_t taken = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
	while (taken < COUNT && (objects[taken] = weir_mempool_get(pool)))
		taken++;
	CU_ASSERT_EQUAL(taken, COUNT);
	check_objects(pool, node);
	weir_mempool_put_bulk(pool, objects, taken);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
}

static void test_growth(void)
{
	for (unsigned int node = 0; node < vm_node_count; node++) {
		vm_pin((node + 1) % vm_node_count);
		if (vm_nodes[node].mib)
			grow_and_check(node);
	}
	vm_unpin();
}

/* Freed memory that was touched on this node, for malloc() to give again. */
static void used_memory(void)
{
	void *used[64];

	for (unsigned int i = 0; i < 64; i++) {
		used[i] = malloc(16 << 10);
		CU_ASSERT_PTR_NOT_NULL_FATAL(used[i]);
		memset(used[i], 1, 16 << 10);
	}
	for (unsigned int i = 0; i < 64; i++)
		free(used[i]);
}

struct worker {
	struct weir_mempool *pool;
	unsigned int node;
	bool checked;
};

/* All pages of the cache of this thread, once it has one. */
static void *work(void *argument)
{
	struct worker *worker = argument;
	struct weir__mempool_cache *cache;
	uintptr_t page;

	if (!vm_pin(worker->node))
		return NULL;
	weir_mbuf_free(weir_mbuf_alloc(worker->pool));
	cache = weir__mempool_head(worker->pool)->caches[weir__thread.slot];
	page = (uintptr_t)cache & ~4095ul;
	worker->checked = weir__thread.slot && cache->owner == &weir__thread;
	/* a node without memory uses that of another one */
	if (vm_nodes[worker->node].mib)
		worker->checked &= vm_all_on((const void *)page,
			((uintptr_t)(cache + 1) - page) & ~4095ul, worker->node);
	return NULL;
}

/* One after the other, so that a later thread finds what an earlier one has left. */
static void test_caches(void)
{
	for (unsigned int home = 0; home < vm_node_count; home++) {
		struct weir_mempool *pool;

		if (!vm_nodes[home].mib || !vm_pin(home))
			continue;
		used_memory();
		pool = create(home, WEIR_PAGES_4K);
		for (unsigned int node = 0; node < vm_node_count; node++) {
			struct worker worker = {pool, node, false};
			pthread_t thread;

			if (!vm_nodes[node].cpus)
				continue;
			CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, work, &worker), 0);
			pthread_join(thread, NULL);
			CU_ASSERT_TRUE(worker.checked);
		}
		CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
	}
	vm_unpin();
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"objects lie on the node", test_pools},
		{"what a pool grows by lies there too", test_growth},
		{"caches lie where their threads run", test_caches},
		CU_TEST_INFO_NULL,
	};

	if (!vm_init())
		return 77;
	/* all threads get their memory from the same place, as in a program with more threads than
	 * malloc() has arenas */
	mallopt(M_ARENA_MAX, 1);
	return unit_run("pools", tests);
}
