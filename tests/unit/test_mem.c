/* SPDX-License-Identifier: BSD-3-Clause */
/* test_mem.c: regions; each rung is compared with what the kernel says of the mapping. */
#include "unit.h"

#include "os/os_impl.h"
#include "weir/mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* KernelPageSize of the mapping that holds address, in KiB, from smaps. */
static unsigned long page_kib(const void *address)
{
	FILE *file = fopen("/proc/self/smaps", "r");
	unsigned long start, end, kib = 0, at = (unsigned long)address;
	bool inside = false;
	char line[512];

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = at >= start && at < end;
		else if (inside && sscanf(line, "KernelPageSize: %lu kB", &kib) == 1)
			break;
	}
	fclose(file);
	return kib;
}

/* Does the kernel get our advice on pages? qemu-user takes the call and does nothing. */
static bool advice_arrives(void)
{
	size_t size = WEIR__OS_HUGE_SIZE;
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char line[512], flags[512] = "";
	FILE *file = fopen("/proc/self/smaps", "r");
	unsigned long start, end;
	bool inside = false;

	CU_ASSERT_NOT_EQUAL_FATAL(page, MAP_FAILED);
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	madvise(page, size, MADV_NOHUGEPAGE);
	rewind(file);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = (uintptr_t)page >= start && (uintptr_t)page < end;
		else if (inside && strncmp(line, "VmFlags:", 8) == 0)
			snprintf(flags, sizeof(flags), "%s", line);
	}
	fclose(file);
	munmap(page, size);
	return strstr(flags, " nh") || weir__os_thp_never(false);
}

static void test_4k(void)
{
	struct weir_region_conf conf = {.size = 5 << 20, .pages = WEIR_PAGES_4K};
	struct weir_region *region = weir_region_create(&conf);
	uint8_t *base;

	CU_ASSERT_PTR_NOT_NULL_FATAL(region);
	base = weir_region_base(region);
	CU_ASSERT_EQUAL(weir_region_pages(region), WEIR_PAGES_4K);
	CU_ASSERT_EQUAL(page_kib(base), weir__os_page_size() >> 10);
	if (advice_arrives()) {
		CU_ASSERT_EQUAL(weir__os_thp_bytes(base, 5 << 20), 0);
	} else {
		fprintf(stderr,
			"not checked, madvise() does nothing here: small pages stay small\n");
	}
	CU_ASSERT_STRING_EQUAL(weir_region_describe(region), "5 MiB on 4 KiB pages");
	for (size_t i = 0; i < weir_region_size(region); i += 4096)
		CU_ASSERT_FATAL(base[i] == 0);
	weir_region_destroy(region);
}

static void test_any_says_what_it_got(void)
{
	struct weir_region_conf conf = {.size = 4 << 20};
	struct weir_region *region = weir_region_create(&conf);

	CU_ASSERT_PTR_NOT_NULL_FATAL(region);
	CU_ASSERT_NOT_EQUAL(weir_region_pages(region), WEIR_PAGES_ANY);
	if (weir_region_pages(region) == WEIR_PAGES_2M) {
		CU_ASSERT_EQUAL(page_kib(weir_region_base(region)), 2048);
	} else {
		CU_ASSERT_PTR_NOT_NULL(
			strstr(weir_region_describe(region), "2 MiB hugepages: wanted 2"));
	}
	memset(weir_region_base(region), 1, weir_region_size(region));
	weir_region_destroy(region);
}

static void test_small(void)
{
	struct weir_region_conf conf = {.size = 64 << 10};
	struct weir_region *region = weir_region_create(&conf);

	CU_ASSERT_PTR_NOT_NULL_FATAL(region);
	if (weir__os_huge_sizes() >> 21 & 1)
		CU_ASSERT_PTR_NOT_NULL(
			strstr(weir_region_describe(region), "too small for a 2 MiB hugepage"));
	weir_region_destroy(region);
}

static void test_thp(void)
{
	struct weir_region_conf conf = {.size = 8 << 20, .pages = WEIR_PAGES_THP};
	struct weir_region *region = weir_region_create(&conf);

	if (weir__os_thp_never(false)) {
		CU_ASSERT_PTR_NULL(region);
		CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), "transparent hugepages are off"));
		return;
	}
	CU_ASSERT_PTR_NOT_NULL_FATAL(region);
	CU_ASSERT_EQUAL((uintptr_t)weir_region_base(region) % WEIR__OS_HUGE_SIZE, 0);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(weir_region_describe(region), "8 MiB on transparent hugepages"));
	weir_region_destroy(region);
}

/* More hugepages than any machine of today has: insisting fails, and says what was wanted. */
static void test_insisting_fails_with_a_sentence(void)
{
	struct weir_region_conf conf = {.size = (size_t)1 << 40, .pages = WEIR_PAGES_2M};

	CU_ASSERT_PTR_NULL(weir_region_create(&conf));
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), "2 MiB hugepages: wanted 524288, free "));
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), "nr_hugepages"));
}

/* Chunks that are too many together: none of them takes memory first. */
static void test_too_many_chunks(void)
{
	struct weir_region_conf conf = {
		.max_size = (size_t)1 << 40, .chunk = 2 << 20, .pages = WEIR_PAGES_4K};
	struct weir_region *region = weir_region_create(&conf);

	CU_ASSERT_PTR_NOT_NULL_FATAL(region);
	CU_ASSERT_EQUAL(weir_region_commit(region, 0, conf.max_size), -ENOMEM);
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), "full: wanted 1 TiB"));
	CU_ASSERT_EQUAL(weir_region_size(region), 0);
	CU_ASSERT_EQUAL(weir_region_commit(region, 0, 4 << 20), 0);
	weir_region_destroy(region);
}

static void test_bad_conf(void)
{
	struct weir_region_conf none = {.size = 0}, huge = {.size = SIZE_MAX};
	struct weir_region_conf pages = {.size = 1, .pages = (enum weir_pages)9};
	struct weir_region_conf node = {.size = 1, .node = WEIR_NODE(4096)};

	CU_ASSERT_PTR_NULL(weir_region_create(&none));
	CU_ASSERT_EQUAL(errno, EINVAL);
	CU_ASSERT_PTR_NULL(weir_region_create(&huge));
	CU_ASSERT_EQUAL(errno, EINVAL);
	CU_ASSERT_PTR_NULL(weir_region_create(&pages));
	CU_ASSERT_EQUAL(errno, EINVAL);
	CU_ASSERT_PTR_NULL(weir_region_create(&node));
	CU_ASSERT_EQUAL(errno, ENODEV);
	weir_region_destroy(NULL);
}

static void test_node_0(void)
{
	struct weir_region_conf conf = {.size = 1 << 20, .node = WEIR_NODE(0)};
	struct weir_region *region = weir_region_create(&conf);

	CU_ASSERT_PTR_NOT_NULL(region);
	weir_region_destroy(region);
}

/* Does an address have pages? */
static bool has_pages(const uint8_t *address)
{
	unsigned char resident;
	size_t page = weir__os_page_size();

	return mincore((void *)(uintptr_t)address, page, &resident) == 0 && resident & 1;
}

static void test_chunks(void)
{
	struct weir_region_conf conf = {
		.size = 3 << 20, .max_size = 9 << 20, .chunk = 1, .pages = WEIR_PAGES_4K};
	struct weir_region *region = weir_region_create(&conf);
	uint8_t *base;

	CU_ASSERT_PTR_NOT_NULL_FATAL(region);
	base = weir_region_base(region);
	CU_ASSERT_EQUAL(weir_region_chunk(region), 2 << 20);
	CU_ASSERT_EQUAL(weir_region_size(region), 4 << 20);
	CU_ASSERT_EQUAL(weir_region_max_size(region), 9 << 20);
	CU_ASSERT_EQUAL(weir_region_pages_at(region, 4 << 20), WEIR_PAGES_ANY);
	CU_ASSERT_FALSE(has_pages(base + (4 << 20)));

	/* the last chunk is half of one */
	CU_ASSERT_EQUAL(weir_region_commit(region, (9 << 20) - 1, 1), 0);
	CU_ASSERT_EQUAL(weir_region_size(region), 5 << 20);
	CU_ASSERT_TRUE(has_pages(base + (9 << 20) - 4096));
	memset(base + (8 << 20), 7, 1 << 20);

	/* only chunks that lie in the range go */
	CU_ASSERT_EQUAL(weir_region_release(region, 1, (9 << 20) - 1), 0);
	CU_ASSERT_EQUAL(weir_region_size(region), 2 << 20);
	CU_ASSERT_FALSE(has_pages(base + (8 << 20)));
	CU_ASSERT_EQUAL(weir_region_release(region, 0, (2 << 20) - 1), 0);
	CU_ASSERT_EQUAL(weir_region_size(region), 2 << 20);

	/* what comes back is zero */
	CU_ASSERT_EQUAL(weir_region_commit(region, 0, 9 << 20), 0);
	CU_ASSERT_EQUAL(weir_region_size(region), 9 << 20);
	CU_ASSERT_EQUAL(base[8 << 20], 0);
	CU_ASSERT_EQUAL(weir_region_commit(region, 9 << 20, 1), -EINVAL);
	CU_ASSERT_EQUAL(weir_region_commit(region, 1, SIZE_MAX), -EINVAL);
	weir_region_destroy(region);
}

/* Hugepages that are not there: the kernel takes away what lies at the address before it finds out.
 * The addresses must stay ours all the same, or another thread's memory comes to lie there. */
static void test_failed_commit_keeps_the_addresses(void)
{
	struct weir_region_conf conf = {.max_size = (size_t)1 << 40, .pages = WEIR_PAGES_2M};
	struct weir_region *region = weir_region_create(&conf);
	size_t page = weir__os_page_size();
	unsigned char resident;
	uint8_t *base;

	CU_ASSERT_PTR_NOT_NULL_FATAL(region);
	base = weir_region_base(region);
	CU_ASSERT_EQUAL(weir_region_commit(region, 0, (size_t)1 << 40), -ENOMEM);
	CU_ASSERT_EQUAL(mincore(base, page, &resident), 0);
	CU_ASSERT_EQUAL(mincore(base + conf.max_size - page, page, &resident), 0);
	weir_region_destroy(region);
}

static void test_release_outside(void)
{
	struct weir_region_conf conf = {.size = 2 << 20, .pages = WEIR_PAGES_4K};
	struct weir_region *region = weir_region_create(&conf);

	CU_ASSERT_PTR_NOT_NULL_FATAL(region);
	CU_ASSERT_EQUAL(weir_region_release(region, SIZE_MAX, SIZE_MAX), 0);
	CU_ASSERT_EQUAL(weir_region_release(region, SIZE_MAX - 4096, 4096), 0);
	CU_ASSERT_EQUAL(weir_region_release(region, 0, 0), 0);
	CU_ASSERT_EQUAL(weir_region_size(region), 2 << 20);
	weir_region_destroy(region);
}

static void test_lazy_and_warmup(void)
{
	struct weir_region_conf conf = {.size = 4 << 20, .pages = WEIR_PAGES_4K, .lazy = true};
	struct weir_region *region = weir_region_create(&conf);
	uint8_t *base;

	CU_ASSERT_PTR_NOT_NULL_FATAL(region);
	base = weir_region_base(region);
	CU_ASSERT_FALSE(has_pages(base + (3 << 20)));
	CU_ASSERT_EQUAL(weir_region_warmup(region, 3), 0);
	for (size_t at = 0; at < 4 << 20; at += 4096)
		CU_ASSERT_TRUE_FATAL(has_pages(base + at));
	weir_region_destroy(region);
}

static void test_names(void)
{
	enum weir_pages pages;

	CU_ASSERT_STRING_EQUAL(weir_pages_name(WEIR_PAGES_1G), "1G");
	CU_ASSERT_STRING_EQUAL(weir_pages_name(WEIR_PAGES_HUGE(16)), "64K");
	CU_ASSERT_STRING_EQUAL(weir_pages_name(WEIR_PAGES_16G), "16G");
	CU_ASSERT_EQUAL(weir_pages_parse("1g", &pages), 0);
	CU_ASSERT_EQUAL(pages, WEIR_PAGES_1G);
	CU_ASSERT_EQUAL(weir_pages_parse("4K", &pages), 0);
	CU_ASSERT_EQUAL(pages, WEIR_PAGES_4K);
	CU_ASSERT_EQUAL(weir_pages_parse("any", &pages), 0);
	CU_ASSERT_EQUAL(pages, WEIR_PAGES_ANY);
	CU_ASSERT_EQUAL(weir_pages_parse("3M", &pages), -EINVAL);
	CU_ASSERT_EQUAL(weir_pages_parse("", &pages), -EINVAL);
}

static void test_report(void)
{
	struct weir_region_conf conf = {
		.name = "a \"name\"", .size = 1 << 20, .max_size = 8 << 20, .pages = WEIR_PAGES_4K};
	struct weir_region *region = weir_region_create(&conf);
	char *text = weir_mem_report(false), *json = weir_mem_report(true);

	CU_ASSERT_PTR_NOT_NULL_FATAL(region);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(json);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "8 MiB on 4 KiB pages"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(json, "\"name\": \"a \\u0022name\\u0022\", \"size\": 8388608"));
	CU_ASSERT_PTR_NOT_NULL(strstr(json, "\"pages\": {\"4K\": 8388608}"));
	free(text);
	free(json);
	weir_region_destroy(region);
	json = weir_mem_report(true);
	CU_ASSERT_STRING_EQUAL(json, "[\n]\n");
	free(json);
}

static void test_shared(void)
{
	struct weir_region_conf conf = {.name = "shared",
		.size = 1 << 20,
		.max_size = 6 << 20,
		.chunk = 2 << 20,
		.pages = WEIR_PAGES_4K,
		.shared = true};
	struct weir_region *mine = weir_region_create(&conf), *theirs;
	int ends[2];

	CU_ASSERT_PTR_NOT_NULL_FATAL(mine);
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	strcpy(weir_region_base(mine), "hello");
	CU_ASSERT_EQUAL(weir_region_send(mine, ends[0]), 0);
	theirs = weir_region_receive(ends[1]);
	CU_ASSERT_PTR_NOT_NULL_FATAL(theirs);
	CU_ASSERT_PTR_NOT_EQUAL(weir_region_base(theirs), weir_region_base(mine));
	CU_ASSERT_EQUAL(weir_region_size(theirs), 2 << 20);
	CU_ASSERT_EQUAL(weir_region_max_size(theirs), 6 << 20);
	CU_ASSERT_STRING_EQUAL(weir_region_base(theirs), "hello");
	strcpy(weir_region_base(theirs), "there");
	weir_region_destroy(theirs);
	CU_ASSERT_STRING_EQUAL(weir_region_base(mine), "there");

	/* the end, and nonsense */
	CU_ASSERT_EQUAL(write(ends[0], "nonsense", 8), 8);
	close(ends[0]);
	CU_ASSERT_PTR_NULL(weir_region_receive(ends[1]));
	CU_ASSERT_EQUAL(errno, EPROTO);
	close(ends[1]);
	weir_region_destroy(mine);
}

static void test_placement(void)
{
	struct weir_region_conf both = {.size = 1, .node = WEIR_NODE(0), .nodes = "0"};
	struct weir_region_conf list = {.size = 1, .nodes = "0-"};
	struct weir_region_conf far = {.size = 1, .nodes = "1023"};
	struct weir_region_conf turns = {.size = 4 << 20,
		.nodes = "all",
		.placement = WEIR_PLACE_INTERLEAVE,
		.pages = WEIR_PAGES_4K};
	struct weir_region *region;

	CU_ASSERT_PTR_NULL(weir_region_create(&both));
	CU_ASSERT_EQUAL(errno, EINVAL);
	CU_ASSERT_PTR_NULL(weir_region_create(&list));
	CU_ASSERT_EQUAL(errno, EINVAL);
	CU_ASSERT_PTR_NULL(weir_region_create(&far));
	CU_ASSERT_EQUAL(errno, ENODEV);
	region = weir_region_create(&turns);
	CU_ASSERT_PTR_NOT_NULL_FATAL(region);
	CU_ASSERT_TRUE(weir_region_node_of(region, weir_region_base(region)) >= 0);
	weir_region_destroy(region);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"4 KiB pages", test_4k},
		{"any pages, and which", test_any_says_what_it_got},
		{"too small for a hugepage", test_small},
		{"transparent hugepages", test_thp},
		{"insisting fails with a sentence", test_insisting_fails_with_a_sentence},
		{"too many chunks", test_too_many_chunks},
		{"a bad conf is refused", test_bad_conf},
		{"node 0", test_node_0},
		{"chunks come and go", test_chunks},
		{"a failed commit keeps the addresses", test_failed_commit_keeps_the_addresses},
		{"releasing outside", test_release_outside},
		{"lazy pages and warmup", test_lazy_and_warmup},
		{"names of pages", test_names},
		{"a report of all regions", test_report},
		{"sharing by a socket", test_shared},
		{"placement", test_placement},
		CU_TEST_INFO_NULL,
	};

	return unit_run("mem", tests);
}
