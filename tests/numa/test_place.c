/* SPDX-License-Identifier: BSD-3-Clause */
/* test_place.c: a region lies on the nodes it was asked for on, page by page; in a virtual machine.
 *
 *	test_place 4K thp 2M
 *	test_place 1G
 */
#include "vm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KINDS_MAX 4

static enum weir_pages kinds[KINDS_MAX];
static unsigned int kind_count;

static size_t unit(enum weir_pages pages)
{
	return pages > WEIR_PAGES_4K ? (size_t)1 << pages : 4096;
}

/* Does the kernel say that the region lies on such pages? */
static bool lies_on(struct weir_region *region, enum weir_pages pages)
{
	const void *base = weir_region_base(region);
	size_t size = weir_region_size(region), huge = vm_thp(base, size);

	if (pages > WEIR_PAGES_4K)
		return vm_page_size(base) == unit(pages);
	return vm_page_size(base) == 4096 && (pages == WEIR_PAGES_THP ? huge > 0 : huge == 0);
}

static void check_on(struct weir_region *region, enum weir_pages pages, unsigned int node)
{
	CU_ASSERT_EQUAL(weir_region_pages(region), pages);
	CU_ASSERT_TRUE(lies_on(region, pages));
	CU_ASSERT_TRUE(vm_all_on(weir_region_base(region), weir_region_size(region), node));
	CU_ASSERT_EQUAL(weir_region_node_of(region, weir_region_base(region)), (int)node);
}

/* With this conf, on each node with memory and on all kinds of pages. The test runs on another node
 * where there is one, which is where memory would lie that nobody placed. */
static void each(struct weir_region_conf conf,
	void (*check)(struct weir_region *region, enum weir_pages pages, unsigned int node))
{
	for (unsigned int node = 0; node < vm_node_count; node++) {
		if (!vm_nodes[node].mib)
			continue;
		vm_pin((node + 1) % vm_node_count);
		for (unsigned int i = 0; i < kind_count; i++) {
			struct weir_region *region;

			conf.pages = kinds[i];
			conf.node = WEIR_NODE((int)node);
			conf.size = kinds[i] == WEIR_PAGES_1G ? unit(kinds[i]) : 6 * MIB;
			region = weir_region_create(&conf);
			if (!region)
				printf("\n    %s\n", weir_last_error());
			CU_ASSERT_PTR_NOT_NULL_FATAL(region);
			check(region, kinds[i], node);
			weir_region_destroy(region);
		}
	}
	vm_unpin();
}

static void test_plain(void)
{
	each((struct weir_region_conf){.name = "plain"}, check_on);
}

static void touch_and_check(struct weir_region *region, enum weir_pages pages, unsigned int node)
{
	struct vm_count count = vm_count_pages(weir_region_base(region), weir_region_size(region));

	CU_ASSERT_EQUAL(count.absent, pages > WEIR_PAGES_4K ? 0 : count.total);
	memset(weir_region_base(region), 1, weir_region_size(region));
	check_on(region, pages, node);
}

static void test_lazy(void)
{
	each((struct weir_region_conf){.lazy = true}, touch_and_check);
}

static void test_locked(void)
{
	each((struct weir_region_conf){.locked = true}, check_on);
}

static void test_shared(void)
{
	each((struct weir_region_conf){.shared = true}, check_on);
}

/* One chunk more, give another one back, get it again. */
static void grow_and_check(struct weir_region *region, enum weir_pages pages, unsigned int node)
{
	size_t chunk = weir_region_chunk(region), size = weir_region_size(region);
	const char *base = weir_region_base(region);

	CU_ASSERT_EQUAL(weir_region_commit(region, size, chunk), 0);
	CU_ASSERT_TRUE(vm_all_on(base + size, chunk, node));
	CU_ASSERT_EQUAL(weir_region_release(region, 0, chunk), 0);
	CU_ASSERT_EQUAL(vm_count_pages(base, chunk).absent, chunk / 4096);
	CU_ASSERT_EQUAL(weir_region_commit(region, 0, chunk), 0);
	CU_ASSERT_EQUAL(weir_region_size(region), size + chunk);
	check_on(region, pages, node);
}

static void test_elastic(void)
{
	struct weir_region_conf conf = {.max_size = 16 * MIB, .chunk = 1};

	each(conf, grow_and_check);
	conf.shared = true;
	each(conf, grow_and_check);
}

/* Over all nodes with memory. */
static void interleave(enum weir_pages pages, bool shared)
{
	size_t page = pages == WEIR_PAGES_THP ? 2 * MIB : unit(pages);
	struct weir_region_conf conf = {
		.size = page * vm_memory_count() * (pages == WEIR_PAGES_1G ? 1 : 5),
		.nodes = vm_memory_list(),
		.pages = pages,
		.placement = WEIR_PLACE_INTERLEAVE,
		.shared = shared,
	};
	struct weir_region *region;

	if (pages != WEIR_PAGES_1G)
		conf.size += page; /* which makes one node have more */
	region = weir_region_create(&conf);
	if (!region)
		printf("\n    %s\n", weir_last_error());
	CU_ASSERT_PTR_NOT_NULL_FATAL(region);
	CU_ASSERT_TRUE(lies_on(region, pages));
	CU_ASSERT_TRUE(vm_even(weir_region_base(region), weir_region_size(region), page));
	if (vm_memory_count() > 1)
		CU_ASSERT_TRUE(vm_says(weir_region_describe(region), " in turn"));
	weir_region_destroy(region);
}

static void test_interleave(void)
{
	for (unsigned int i = 0; i < kind_count; i++) {
		interleave(kinds[i], false);
		if (kinds[i] != WEIR_PAGES_1G)
			interleave(kinds[i], true);
	}
}

/* Chunks that come in any order are even as well, each for itself. */
static void interleave_chunks(enum weir_pages pages)
{
	struct weir_region_conf conf = {
		.max_size = 2 * MIB * vm_memory_count() * 4,
		.nodes = "all",
		.pages = pages,
		.placement = WEIR_PLACE_INTERLEAVE,
		.chunk = 1,
	};
	struct weir_region *region = weir_region_create(&conf);
	static const unsigned int order[] = {2, 0, 3, 1};
	size_t size;

	CU_ASSERT_PTR_NOT_NULL_FATAL(region);
	size = weir_region_chunk(region);
	CU_ASSERT_EQUAL(size, 2 * MIB * vm_memory_count());
	for (unsigned int i = 0; i < 4; i++) {
		const char *start = (char *)weir_region_base(region) + order[i] * size;

		CU_ASSERT_EQUAL(weir_region_commit(region, order[i] * size, size), 0);
		CU_ASSERT_TRUE(vm_even(start, size, unit(pages)));
	}
	CU_ASSERT_TRUE(vm_even(weir_region_base(region), 4 * size, unit(pages)));
	weir_region_destroy(region);
}

static void test_interleave_chunks(void)
{
	for (unsigned int i = 0; i < kind_count; i++)
		interleave_chunks(kinds[i]);
}

/* Bytes on each node in the report are those that move_pages finds. */
static void report_and_check(struct weir_region *region, enum weir_pages pages, unsigned int node)
{
	size_t size = weir_region_size(region);
	char *text = weir_mem_report(false), *json = weir_mem_report(true), words[128];

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(json);
	snprintf(words, sizeof(words), "%s on node %u", weir_pages_name(pages), node);
	CU_ASSERT_TRUE(vm_says(text, words));
	snprintf(words, sizeof(words), " %u: %zu MiB  %zu MiB on ", node, size / MIB, size / MIB);
	CU_ASSERT_TRUE(vm_says(text, words));
	snprintf(words, sizeof(words), "\"placement\": \"on node %u\"", node);
	CU_ASSERT_TRUE(vm_says(json, words));
	snprintf(words, sizeof(words), "\"pages\": {\"%s\": %zu}, \"nodes\": {\"%u\": %zu}",
		weir_pages_name(pages), size, node, size);
	CU_ASSERT_TRUE(vm_says(json, words));
	free(text);
	free(json);
}

static void test_report(void)
{
	each((struct weir_region_conf){.name = "reported"}, report_and_check);
}

/* A node without reserved pages of its own is refused those of another. */
static void test_reserved_elsewhere(void)
{
	for (unsigned int i = 0; i < kind_count; i++) {
		struct weir_region_conf conf = {.size = 1, .pages = kinds[i]};
		unsigned int node = 0;
		char words[192];

		if (kinds[i] <= WEIR_PAGES_4K || vm_memory_count() < 2)
			continue;
		while (!vm_nodes[node].mib)
			node++;
		CU_ASSERT_TRUE_FATAL(vm_reserve(node, kinds[i], 0));
		conf.node = WEIR_NODE((int)node);
		CU_ASSERT_PTR_NULL(weir_region_create(&conf));
		CU_ASSERT_EQUAL(errno, ENOMEM);
		snprintf(words, sizeof(words),
			"hugepages on node %u: wanted 1, free 0 (echo 1 > "
			"/sys/devices/system/node/node%u/hugepages/hugepages-%zukB/nr_hugepages)",
			node, node, unit(kinds[i]) >> 10);
		CU_ASSERT_TRUE(vm_says(weir_last_error(), words));
	}
}

/* What the tests need of each kind on each node. */
static bool reserve(void)
{
	bool reserved = vm_write("/sys/kernel/mm/transparent_hugepage/shmem_enabled", "advise");

	for (unsigned int node = 0; node < vm_node_count; node++)
		for (unsigned int i = 0; vm_nodes[node].mib && i < kind_count; i++)
			if (kinds[i] > WEIR_PAGES_4K)
				reserved &= vm_reserve(
					node, kinds[i], kinds[i] == WEIR_PAGES_1G ? 1 : 16);
	return reserved;
}

int main(int argc, char **argv)
{
	static CU_TestInfo tests[] = {
		{"plain", test_plain},
		{"lazy", test_lazy},
		{"locked", test_locked},
		{"shared", test_shared},
		{"elastic", test_elastic},
		{"interleaved", test_interleave},
		{"interleaved by the chunk", test_interleave_chunks},
		{"report", test_report},
		{"reserved on another node", test_reserved_elsewhere},
		CU_TEST_INFO_NULL,
	};
	/* an emulated machine clears 1 GiB in 4 s */
	static CU_TestInfo gigantic[] = {
		{"plain", test_plain},
		{"shared", test_shared},
		{"interleaved", test_interleave},
		{"reserved on another node", test_reserved_elsewhere},
		CU_TEST_INFO_NULL,
	};

	if (!vm_init())
		return 77;
	for (int i = 1; i < argc && kind_count < KINDS_MAX; i++)
		if (weir_pages_parse(argv[i], &kinds[kind_count++]))
			return 2;
	if (kind_count == 0 || !reserve()) {
		fprintf(stderr, "the machine has too little memory, or no kinds were named\n");
		return 1;
	}
	return unit_run("place", kinds[0] == WEIR_PAGES_1G ? gigantic : tests);
}
