/* SPDX-License-Identifier: BSD-3-Clause */
/* plans.c: the lives of regions and pools; after each step what the library says must be so. */
#include "plans.h"

#include "inject.h"
#include "kernel.h"

#include "weir/flow.h"
#include "weir/heap.h"
#include "weir/mbuf.h"
#include "weir/mempool.h"

#include <errno.h>
#include <numaif.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK ((size_t)2 << 20)

static void absent_node(void);
static void half_a_message(void);
static void pool_with_threads(void);
static void pool_of_mbufs(void);
static void flow_table(void);
static void heap_that_grows(void);
static void heap_tracked(void);

const struct plan plans[] = {
	{.name = "any", .conf = {.size = 2 * CHUNK}, .warm = true, .report = true},
	{.name = "any, in chunks",
		.conf = {.size = CHUNK, .max_size = 3 * CHUNK, .chunk = 1},
		.grow = true},
	{.name = "thp", .conf = {.size = 2 * CHUNK, .pages = WEIR_PAGES_THP}, .report = true},
	{.name = "4K",
		.conf = {.size = CHUNK, .max_size = 3 * CHUNK, .chunk = 1, .pages = WEIR_PAGES_4K},
		.grow = true,
		.report = true},
	{.name = "2M",
		.conf = {.size = CHUNK, .max_size = 3 * CHUNK, .chunk = 1, .pages = WEIR_PAGES_2M},
		.grow = true},
	{.name = "lazy",
		.conf = {.size = CHUNK, .pages = WEIR_PAGES_4K, .lazy = true},
		.warm = true},
	{.name = "lazy thp",
		.conf = {.size = CHUNK, .pages = WEIR_PAGES_THP, .lazy = true},
		.warm = true},
	{.name = "locked", .conf = {.size = CHUNK, .pages = WEIR_PAGES_4K, .locked = true}},
	{.name = "locked, any", .conf = {.size = 2 * CHUNK, .locked = true}},
	{.name = "on node 0",
		.conf = {.size = CHUNK, .pages = WEIR_PAGES_4K, .node = WEIR_NODE(0)},
		.report = true},
	{.name = "on node 0, any", .conf = {.size = 2 * CHUNK, .node = WEIR_NODE(0)}},
	{.name = "in turn, 4K",
		.conf = {.size = CHUNK,
			.pages = WEIR_PAGES_4K,
			.nodes = "all",
			.placement = WEIR_PLACE_INTERLEAVE}},
	{.name = "in turn, 2M",
		.conf = {.size = CHUNK,
			.pages = WEIR_PAGES_2M,
			.nodes = "all",
			.placement = WEIR_PLACE_INTERLEAVE}},
	{.name = "preferred",
		.conf = {.size = CHUNK, .node = WEIR_NODE(0), .placement = WEIR_PLACE_PREFERRED}},
	{.name = "shared, any",
		.conf = {.size = 2 * CHUNK, .shared = true},
		.send = true,
		.report = true},
	{.name = "shared 4K",
		.conf = {.size = CHUNK,
			.max_size = 3 * CHUNK,
			.chunk = 1,
			.pages = WEIR_PAGES_4K,
			.shared = true},
		.grow = true,
		.send = true},
	{.name = "shared 2M",
		.conf = {.size = CHUNK,
			.max_size = 3 * CHUNK,
			.chunk = 1,
			.pages = WEIR_PAGES_2M,
			.shared = true},
		.grow = true,
		.send = true},
	{.name = "shared, locked",
		.conf = {.size = CHUNK, .pages = WEIR_PAGES_4K, .shared = true, .locked = true}},
	{.name = "a node that is not there", .run = absent_node},
	{.name = "half a message", .run = half_a_message},
	{.name = "pool with threads", .run = pool_with_threads},
	{.name = "pool of mbufs", .run = pool_of_mbufs},
	{.name = "flow table", .run = flow_table},
	{.name = "heap that grows", .run = heap_that_grows},
	{.name = "heap, tracked", .run = heap_tracked},
};

const unsigned int plan_count = sizeof(plans) / sizeof(plans[0]);

static unsigned int failures;

/* What each plan gets when nothing fails. */
static enum weir_pages best[sizeof(plans) / sizeof(plans[0])];

static void note_failure(const char *what, int error)
{
	failures++;
	failed(what, error);
}

/* ---- is it so? ---- */

static void check_chunk(
	struct weir_region *region, const struct plan *plan, size_t offset, const char *words)
{
	enum weir_pages pages = weir_region_pages_at(region, offset);
	const uint8_t *address = (const uint8_t *)weir_region_base(region) + offset;
	struct kernel_mapping is = kernel_mapping(address);
	unsigned long kib = pages > WEIR_PAGES_4K ? 1ul << (pages - 10)
						  : (unsigned long)sysconf(_SC_PAGESIZE) >> 10;
	int policy = -1;

	if (pages == WEIR_PAGES_ANY) {
		if (is.page_kib == 0 || is.accessible)
			complain("a chunk without pages is %s",
				is.accessible ? "there" : "no address of ours any more");
		return;
	}
	if (is.page_kib != kib || !is.accessible)
		complain("said to be on %s, is on pages of %lu KiB", weir_pages_name(pages),
			is.page_kib);
	/* sanitizers make nothing of mlock */
	if (plan->conf.locked && !SANITIZED && words[0] && pages <= WEIR_PAGES_4K && !is.locked)
		complain("said to be locked, is not");
	if (pages == WEIR_PAGES_4K && !plan->conf.shared && !is.no_huge &&
		!strstr(words, "madvise"))
		complain("small pages may become large ones");
	if (strstr(words, " on node") &&
		(get_mempolicy(&policy, NULL, 0, (void *)(uintptr_t)address, MPOL_F_ADDR) ||
			policy == MPOL_DEFAULT))
		complain("said to be placed, is not: %s", words);
}

static void check_truth(struct weir_region *region, const struct plan *plan)
{
	enum weir_pages *expected = &best[plan - plans], got = weir_region_pages(region);
	const char *words;

	inject_pause();
	words = weir_region_describe(region);
	for (size_t at = 0; at < weir_region_max_size(region); at += weir_region_chunk(region))
		check_chunk(region, plan, at, words);
	if (*expected == WEIR_PAGES_ANY)
		*expected = got;
	if (got != *expected)
		must_name_reason("fell to smaller pages", words);
	inject_resume();
}

/* Fresh pages are zero; and every one is there: this would be a SIGBUS otherwise. */
static void use_pages(struct weir_region *region)
{
	uint8_t *base = weir_region_base(region);

	for (size_t at = 0; at < weir_region_max_size(region); at += 4096) {
		if (weir_region_pages_at(region, at) == WEIR_PAGES_ANY)
			continue;
		if (base[at] != 0 && base[at] != 0x5a) {
			complain("a page that was never written is not zero");
			return;
		}
		base[at] = 0x5a;
	}
}

/* ---- steps of a region's life ---- */

static void grow(struct weir_region *region, const struct plan *plan)
{
	int error = weir_region_commit(region, 0, weir_region_max_size(region));

	if (error)
		note_failure("commit", -error);
	else if (weir_region_size(region) != weir_region_max_size(region))
		complain("commit has not committed");
	check_truth(region, plan);
	use_pages(region);
}

static void release(struct weir_region *region, const struct plan *plan)
{
	uint8_t *base = weir_region_base(region);
	enum weir_pages before = weir_region_pages_at(region, CHUNK);
	int error = weir_region_release(region, CHUNK, CHUNK);
	enum weir_pages after = weir_region_pages_at(region, CHUNK);

	if (error)
		note_failure("release", -error);
	if (after != (error ? before : WEIR_PAGES_ANY))
		complain("release: %s became %s", weir_pages_name(before), weir_pages_name(after));
	check_truth(region, plan);
	if (after != WEIR_PAGES_ANY && base[CHUNK] != 0x5a)
		complain("a release failed and the content is gone");
	error = weir_region_commit(region, CHUNK, CHUNK);
	if (error)
		note_failure("commit again", -error);
	else if (after == WEIR_PAGES_ANY && base[CHUNK])
		complain("what was released and committed again is not zero");
	check_truth(region, plan);
}

static void warm(struct weir_region *region)
{
	int error = weir_region_warmup(region, 3);

	if (error)
		note_failure("warmup", -error);
	error = weir_region_warmup(region, 0);
	if (error)
		note_failure("warmup", -error);
}

static void look(struct weir_region *region)
{
	for (int json = 0; json < 2; json++) {
		char *text = weir_mem_report(json);

		if (!text)
			note_failure("report", errno);
		else if (!strstr(text, "under test"))
			complain("a region is missing in the report: %s", text);
		free(text);
	}
	if (weir_region_node_of(region, weir_region_base(region)) < -4095)
		complain("a node that is neither one nor an error");
	if (!weir_region_describe(region)[0])
		complain("nothing to say of a region");
}

static void receive(struct weir_region *mine, int socket, const struct plan *plan)
{
	struct weir_region *theirs = weir_region_receive(socket);

	if (!theirs) {
		note_failure("receive", errno);
		return;
	}
	inject_pause();
	for (size_t at = 0; at < weir_region_max_size(mine); at += weir_region_chunk(mine)) {
		check_chunk(theirs, plan, at, "");
		if (weir_region_pages_at(theirs, at) != weir_region_pages_at(mine, at))
			complain("other pages were received");
	}
	inject_resume();
	((uint8_t *)weir_region_base(theirs))[0] = 0x77;
	if (((uint8_t *)weir_region_base(mine))[0] != 0x77)
		complain("what was received is not what was sent");
	weir_region_destroy(theirs);
}

static void pass_on(struct weir_region *region, const struct plan *plan)
{
	int ends[2], error;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)) {
		complain("no socketpair: %s", strerror(errno));
		return;
	}
	error = weir_region_send(region, ends[0]);
	if (error)
		note_failure("send", -error); /* what a receiver says then is of other reasons */
	else
		receive(region, ends[1], plan);
	inject_pause();
	close(ends[0]);
	close(ends[1]);
	inject_resume();
}

static void live(const struct plan *plan)
{
	struct weir_region_conf conf = plan->conf;
	struct weir_region *region;

	conf.name = "under test";
	region = weir_region_create(&conf);
	if (!region) {
		note_failure("create", errno);
		return;
	}
	check_truth(region, plan);
	if (plan->warm)
		warm(region);
	use_pages(region);
	if (plan->grow) {
		grow(region, plan);
		if (weir_region_pages_at(region, CHUNK) != WEIR_PAGES_ANY)
			release(region, plan);
	}
	if (plan->report)
		look(region);
	if (plan->send)
		pass_on(region, plan);
	weir_region_destroy(region);
}

/* 1,000 is below the kernel's limit and above any machine. */
static void absent_node(void)
{
	struct weir_region_conf conf = {.size = CHUNK, .node = WEIR_NODE(1000)};
	struct weir_region *region = weir_region_create(&conf);

	if (region)
		complain("a region on node 1000");
	else if (errno != ENODEV)
		note_failure("create", errno);
	else if (!strstr(weir_last_error(), "node 1000 "))
		complain("no word of node 1000: %s", weir_last_error());
	weir_region_destroy(region);
}

/* The peer dies while it sends: that is refused, whatever else fails. */
static void half_a_message(void)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) ||
		write(ends[0], "half", 4) != 4) {
		complain("no socketpair: %s", strerror(errno));
		return;
	}
	inject_pause();
	close(ends[0]);
	inject_resume();
	if (weir_region_receive(ends[1]))
		complain("half a message is a region");
	else if (errno != EPROTO)
		note_failure("receive", errno);
	inject_pause();
	close(ends[1]);
	inject_resume();
}

/* ---- pools ---- */

static void *take_and_give(void *argument)
{
	struct weir_mempool *pool = argument;
	void *objects[100];

	for (unsigned int i = 0; i < 20; i++) {
		uint32_t got = weir_mempool_get_burst(pool, objects, 1 + i * 5);

		for (uint32_t j = 0; j < got; j++)
			memset(objects[j], 1, 64);
		weir_mempool_put_bulk(pool, objects, got);
	}
	return NULL;
}

/* Whatever failed, every object can be had, once. */
static void take_all(struct weir_mempool *pool)
{
	void *objects[2000];
	uint32_t count = 0, got;

	do
		count += got = weir_mempool_get_burst(pool, objects + count, 64);
	while (got);
	if (count != weir_mempool_count(pool))
		complain("%u of %u objects are left", count, weir_mempool_count(pool));
	weir_mempool_put_bulk(pool, objects, count);
}

static void pool_with_threads(void)
{
	struct weir_mempool_conf conf = {.name = "under test", .count = 1900, .size = 64};
	struct weir_mempool *pool = weir_mempool_create(&conf);
	pthread_t threads[2];

	if (!pool) {
		note_failure("pool", errno);
		return;
	}
	for (unsigned int i = 0; i < 2; i++)
		if (inject_thread(&threads[i], take_and_give, pool))
			abort();
	take_and_give(pool);
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	take_all(pool);
	if (weir_mempool_destroy(pool))
		complain("the pool cannot be destroyed: %s", weir_last_error());
}

static void pool_of_mbufs(void)
{
	struct weir_mbuf_pool_conf conf = {.name = "under test", .count = 1000};
	struct weir_mempool *pool = weir_mbuf_pool_create(&conf);
	struct weir_mbuf *mbufs[64];
	uint32_t count = 0;

	if (!pool) {
		note_failure("mbuf pool", errno);
		return;
	}
	while (count < 64 && (mbufs[count] = weir_mbuf_alloc(pool)))
		memset(weir_mbuf_append(mbufs[count++], 64), 1, 64);
	if (count < 64)
		complain("a pool of 1000 has %u mbufs", count);
	while (count)
		weir_mbuf_free(mbufs[--count]);
	if (weir_mempool_destroy(pool))
		complain("the pool cannot be destroyed: %s", weir_last_error());
}

static void flow_table(void)
{
	struct weir_flow_conf conf = {.name = "under test", .count = 1000, .key_size = 8};
	struct weir_flow_table *table = weir_flow_create(&conf);
	uint64_t count = 0, made = 0;

	if (!table) {
		note_failure("flow table", errno);
		return;
	}
	for (uint32_t index; count < 1000; count++)
		made += (uint64_t)weir_flow_insert(table, &count, 0, &index);
	if (made != count)
		complain("a table of 1000 flows has %u", (unsigned int)made);
	weir_flow_destroy(table);
}

/* What could be had is whole, the heap is valid, and all goes back, whichever growth failed. */
static void fill_heap(struct weir_heap *heap)
{
	static uint8_t *blocks[8];
	uint32_t count = 0;

	for (; count < 8; count++) {
		size_t size = count % 3 ? 100u << count : 1200000;

		blocks[count] = weir_heap_alloc(heap, size);
		if (!blocks[count]) {
			if (errno != ENOMEM || !*weir_heap_why(heap))
				complain("an alloc failed with errno %d: %s", errno,
					weir_heap_why(heap));
			note_failure("heap", errno);
			break;
		}
		memset(blocks[count], (int)count, size);
	}
	inject_pause();
	if (weir_heap_validate(heap))
		complain("%s", weir_last_error());
	inject_resume();
	for (uint32_t i = 0; i < count; i++) {
		if (blocks[i][0] != i)
			complain("block %u was overwritten", i);
		weir_heap_free(heap, blocks[i]);
	}
}

static void live_in_heap(uint32_t track)
{
	struct weir_heap_conf conf = {.name = "under test",
		.max_size = 16 * CHUNK,
		.chunk = CHUNK,
		.pages = WEIR_PAGES_4K,
		.lazy = track > 0,
		.track = track};
	struct weir_heap *heap = weir_heap_create(&conf);

	if (!heap) {
		note_failure("heap", errno);
		return;
	}
	fill_heap(heap);
	weir_heap_compact(heap);
	inject_pause();
	if (weir_heap_validate(heap) || !weir_heap_is_empty(heap))
		complain("the heap is not as it was: %s", weir_last_error());
	inject_resume();
	weir_heap_destroy(heap);
}

static void heap_that_grows(void)
{
	live_in_heap(0);
}

static void heap_tracked(void)
{
	live_in_heap(WEIR_TRACK_SITES);
}

/* ---- */

unsigned int plan_run(const struct plan *plan)
{
	failures = 0;
	if (plan->run)
		plan->run();
	else
		live(plan);
	return failures;
}

void plan_learn(const struct plan *plan)
{
	best[plan - plans] = WEIR_PAGES_ANY;
	plan_run(plan);
}

bool plan_possible(const struct plan *plan)
{
	struct weir_region *region;

	if (plan->run)
		return true;
	region = weir_region_create(&plan->conf);
	if (!region)
		fprintf(stderr, "not done, '%s': %s\n", plan->name, weir_last_error());
	weir_region_destroy(region);
	return region;
}
