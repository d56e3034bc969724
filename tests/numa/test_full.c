/* SPDX-License-Identifier: BSD-3-Clause */
/* test_full.c: too little memory where it was wanted: refused or taken elsewhere, and said; nobody
 * is killed. In a virtual machine, on its last node with memory. */
#include "vm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FREE_MIB 96 /* what is left on the full node, and the kernel keeps some of it back */

static unsigned int full;  /* the node */
static unsigned int other; /* one with room, or the same */

/* What became of a region asked for in a child process. */
enum outcome { GOT_IT = 0, REFUSED = 1, OTHER_ERROR = 2 };

static int ask(const void *argument)
{
	const struct weir_region_conf *conf = argument;
	struct weir_region *region = weir_region_create(conf);
	char words[32];

	snprintf(words, sizeof(words), "node %u", full);
	if (region && weir_region_warmup(region, 1) == 0) {
		memset(weir_region_base(region), 1, weir_region_size(region));
		return GOT_IT;
	}
	if (conf->nodes && conf->placement == WEIR_PLACE_BIND)
		snprintf(words, sizeof(words), "nodes %s are full: wanted", conf->nodes);
	return errno == ENOMEM && vm_says(weir_last_error(), words) ? REFUSED : OTHER_ERROR;
}

/* From clearly too much, in small steps, to clearly enough. */
static void ask_for_less_and_less(struct weir_region_conf conf)
{
	static const size_t sizes[] = {128, 104, 96, 80, 72, 64, 56, 48, 40, 24, 8};
	int outcome = OTHER_ERROR;

	conf.node = WEIR_NODE((int)full);
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		conf.size = sizes[i] * MIB;
		outcome = vm_child(ask, &conf);
		/* what is free differs by what processors keep for themselves */
		if (outcome != GOT_IT && outcome != REFUSED)
			printf("\n    %zu MiB, %zu are free: outcome %d\n", sizes[i],
				vm_free_mib(full), outcome);
		CU_ASSERT_TRUE(outcome == GOT_IT || outcome == REFUSED);
		CU_ASSERT_TRUE(i > 0 || outcome == REFUSED);
	}
	CU_ASSERT_EQUAL(outcome, GOT_IT);
}

static void test_bind(void)
{
	vm_fill(full, FREE_MIB);
	ask_for_less_and_less((struct weir_region_conf){.pages = WEIR_PAGES_4K});
	ask_for_less_and_less((struct weir_region_conf){.pages = WEIR_PAGES_THP});
	ask_for_less_and_less((struct weir_region_conf){.pages = WEIR_PAGES_ANY});
	ask_for_less_and_less((struct weir_region_conf){.pages = WEIR_PAGES_4K, .shared = true});
	ask_for_less_and_less((struct weir_region_conf){.pages = WEIR_PAGES_4K, .lazy = true});
	ask_for_less_and_less(
		(struct weir_region_conf){.pages = WEIR_PAGES_4K, .lazy = true, .locked = true});
	vm_give_back();
}

static void test_bind_2m(void)
{
	struct weir_region_conf conf = {
		.size = 10 * MIB, .pages = WEIR_PAGES_2M, .node = WEIR_NODE((int)full)};
	char words[160];

	CU_ASSERT_TRUE_FATAL(vm_reserve(full, WEIR_PAGES_2M, 4));
	CU_ASSERT_EQUAL(vm_child(ask, &conf), REFUSED);
	CU_ASSERT_PTR_NULL(weir_region_create(&conf));
	snprintf(words, sizeof(words),
		"2 MiB hugepages on node %u: wanted 5, free 4 (echo 5 > "
		"/sys/devices/system/node/node%u/hugepages/hugepages-2048kB/nr_hugepages)",
		full, full);
	CU_ASSERT_TRUE(vm_says(weir_last_error(), words));
	/* nothing was kept */
	CU_ASSERT_EQUAL(vm_reserved_free(full, WEIR_PAGES_2M), 4);
	conf.shared = true;
	CU_ASSERT_EQUAL(vm_child(ask, &conf), REFUSED);
	CU_ASSERT_EQUAL(vm_reserved_free(full, WEIR_PAGES_2M), 4);
	conf.size = 8 * MIB;
	CU_ASSERT_EQUAL(vm_child(ask, &conf), GOT_IT);
	CU_ASSERT_TRUE(vm_reserve(full, WEIR_PAGES_2M, 0));
}

static void reserve_everywhere(size_t count)
{
	for (unsigned int i = 0; i < vm_node_count; i++)
		if (vm_nodes[i].mib)
			CU_ASSERT_TRUE_FATAL(vm_reserve(i, WEIR_PAGES_2M, count));
}

/* The nodes in turn: a full one cannot have its share, and others must not have more. */
static void test_interleave(void)
{
	struct weir_region_conf conf = {.size = 4 * FREE_MIB * MIB,
		.nodes = "all",
		.placement = WEIR_PLACE_INTERLEAVE,
		.pages = WEIR_PAGES_4K};

	vm_fill(full, FREE_MIB);
	CU_ASSERT_EQUAL(vm_child(ask, &conf), REFUSED);
	conf.size = 16 * MIB;
	CU_ASSERT_EQUAL(vm_child(ask, &conf), GOT_IT);
	vm_give_back();

	if (full == other)
		return;
	conf.pages = WEIR_PAGES_2M;
	conf.size = 16 * MIB * vm_memory_count();
	reserve_everywhere(16);
	CU_ASSERT_EQUAL(vm_child(ask, &conf), GOT_IT);
	CU_ASSERT_TRUE(vm_reserve(full, WEIR_PAGES_2M, 2));
	CU_ASSERT_EQUAL(vm_child(ask, &conf), REFUSED);
	reserve_everywhere(0);
}

/* Two nodes that are full while others are not. */
static void test_bind_several(void)
{
	struct weir_region_conf conf = {.size = 4 * FREE_MIB * MIB, .pages = WEIR_PAGES_4K};
	char list[32];

	if (vm_memory_count() < 3)
		return;
	snprintf(list, sizeof(list), "%u,%u", other, full);
	conf.nodes = list;
	vm_fill(full, FREE_MIB);
	vm_fill(other, FREE_MIB);
	CU_ASSERT_EQUAL(vm_child(ask, &conf), REFUSED);
	conf.size = FREE_MIB / 2 * MIB;
	CU_ASSERT_EQUAL(vm_child(ask, &conf), GOT_IT);
	vm_give_back();
}

static void prefer(enum weir_pages pages, const char *words)
{
	struct weir_region_conf conf = {.size = 128 * MIB,
		.node = WEIR_NODE((int)full),
		.placement = WEIR_PLACE_PREFERRED,
		.pages = pages};
	struct weir_region *region = weir_region_create(&conf);
	struct vm_count count;

	if (!region)
		printf("\n    %s\n", weir_last_error());
	CU_ASSERT_PTR_NOT_NULL_FATAL(region);
	count = vm_count_pages(weir_region_base(region), weir_region_size(region));
	CU_ASSERT_EQUAL(count.absent, 0);
	CU_ASSERT_TRUE(count.on[full] < count.total);
	CU_ASSERT_TRUE(vm_says(weir_region_describe(region), " if possible"));
	CU_ASSERT_TRUE(vm_says(weir_region_describe(region), words));
	weir_region_destroy(region);
}

static void test_preferred(void)
{
	char words[64];

	if (full == other)
		return;
	snprintf(words, sizeof(words), "came to lie on node ");
	CU_ASSERT_TRUE_FATAL(vm_reserve(other, WEIR_PAGES_2M, 70));
	prefer(WEIR_PAGES_2M, words);
	CU_ASSERT_TRUE(vm_reserve(other, WEIR_PAGES_2M, 0));
	vm_fill(full, FREE_MIB);
	prefer(WEIR_PAGES_4K, words);
	vm_give_back();
}

/* Down the ladder, with a reason for each rung left out. */
static void test_falling_back(void)
{
	struct weir_region_conf conf = {.size = 10 * MIB, .node = WEIR_NODE((int)full)};
	const char *enabled = "/sys/kernel/mm/transparent_hugepage/enabled";
	struct weir_region *region = weir_region_create(&conf);
	char words[64];

	snprintf(words, sizeof(words), "2 MiB hugepages on node %u: wanted 5, free 0", full);
	CU_ASSERT_PTR_NOT_NULL_FATAL(region);
	CU_ASSERT_EQUAL(weir_region_pages(region), WEIR_PAGES_THP);
	CU_ASSERT_TRUE(vm_says(weir_region_describe(region), words));
	CU_ASSERT_TRUE(vm_all_on(weir_region_base(region), weir_region_size(region), full));
	weir_region_destroy(region);

	CU_ASSERT_TRUE(vm_write(enabled, "never"));
	region = weir_region_create(&conf);
	CU_ASSERT_PTR_NOT_NULL_FATAL(region);
	CU_ASSERT_EQUAL(weir_region_pages(region), WEIR_PAGES_4K);
	CU_ASSERT_TRUE(vm_says(weir_region_describe(region), words));
	CU_ASSERT_TRUE(
		vm_says(weir_region_describe(region), "transparent hugepages are off (echo "));
	CU_ASSERT_TRUE(vm_all_on(weir_region_base(region), weir_region_size(region), full));
	weir_region_destroy(region);
	CU_ASSERT_TRUE(vm_write(enabled, "madvise"));
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"a full node", test_bind},
		{"a full node, reserved hugepages", test_bind_2m},
		{"a full node among several in turn", test_interleave},
		{"several full nodes", test_bind_several},
		{"a full node is preferred", test_preferred},
		{"falling back", test_falling_back},
		CU_TEST_INFO_NULL,
	};

	if (!vm_init())
		return 77;
	for (unsigned int i = 0; i < vm_node_count; i++)
		full = vm_nodes[i].mib ? i : full;
	for (unsigned int i = full; i-- > 0;)
		other = vm_nodes[i].mib ? i : other;
	return unit_run("full", tests);
}
