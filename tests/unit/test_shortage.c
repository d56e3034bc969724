/* SPDX-License-Identifier: BSD-3-Clause */
/* test_shortage.c: every call that takes mbufs, on packets of every kind, with 0, 1, 2, ... mbufs
 * left in the pools until it succeeds. Before that it says -ENOBUFS, and everything is as it was:
 * each segment's metadata with its references, each byte, and what is left in the pools.
 */
#include "unit.h"

#include "weir/chain.h"
#include "weir/clone.h"
#include "weir/cursor.h"
#include "weir/mbuf.h"
#include "weir/tiers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNT 256 /* mbufs of a pool */
#define SIZE  64
#define LONG  300 /* bytes that take several of them */

static struct weir_mempool *pool;
static struct weir_tiers *tiers;
static struct weir_mempool *pools[3]; /* that, and those of the tiers */
static uint8_t some[LONG];

/* ---- shortage ---- */

static struct weir_mbuf *kept[3][COUNT];
static uint32_t kept_count[3];

/* Leave so many in each pool. They have no caches, so that all can be taken. */
static void drain(uint32_t left)
{
	for (uint32_t i = 0; i < 3; i++) {
		uint32_t in_use = weir_mempool_in_use(pools[i]);

		kept_count[i] = COUNT - in_use > left ? COUNT - in_use - left : 0;
		CU_ASSERT_EQUAL_FATAL(weir_mbuf_alloc_bulk(pools[i], kept[i], kept_count[i]), 0);
	}
}

static void refill(void)
{
	for (uint32_t i = 0; i < 3; i++)
		weir_mbuf_free_bulk(kept[i], kept_count[i]);
}

/* ---- packets ---- */

static struct weir_external external;
static uint8_t outside[2 * SIZE];

static void release(struct weir_external *released)
{
	CU_ASSERT_PTR_EQUAL(released, &external);
}

/* Segments of so many bytes each. */
static struct weir_mbuf *chain(uint32_t segments, uint32_t each)
{
	struct weir_mbuf *mbuf = NULL;

	for (uint32_t i = 0; i < segments; i++) {
		struct weir_mbuf *segment = weir_mbuf_alloc(pool);

		memcpy(weir_mbuf_append(segment, each), some + i, each);
		if (mbuf)
			weir_mbuf_concat(mbuf, segment);
		else
			mbuf = segment;
	}
	return mbuf;
}

static void one_segment(struct weir_mbuf *made[2])
{
	made[0] = chain(1, 40);
}

static void full_segments(struct weir_mbuf *made[2])
{
	made[0] = chain(3, SIZE);
}

static void short_segments(struct weir_mbuf *made[2])
{
	made[0] = chain(4, 17);
}

static void many_segments(struct weir_mbuf *made[2])
{
	made[0] = chain(70, 1); /* more than are cloned at a time */
}

static void with_a_clone(struct weir_mbuf *made[2])
{
	made[0] = chain(4, 17);
	made[1] = weir_mbuf_clone(made[0], pool);
}

static void a_clone(struct weir_mbuf *made[2])
{
	made[1] = chain(4, 17);
	made[0] = weir_mbuf_clone(made[1], pool);
}

static void frozen(struct weir_mbuf *made[2])
{
	made[0] = chain(4, 17);
	weir_mbuf_freeze(made[0]);
}

static void slices(struct weir_mbuf *made[2])
{
	made[1] = chain(1, 60);
	made[0] = weir_mbuf_slice(made[1], 5, 30, pool);
	weir_mbuf_concat(made[0], weir_mbuf_slice(made[1], 20, 38, pool));
}

static void outside_memory(struct weir_mbuf *made[2])
{
	made[0] = weir_mbuf_alloc(pool);
	weir_external_init(&external, outside, sizeof(outside), release, NULL);
	CU_ASSERT_EQUAL(weir_mbuf_attach(made[0], &external, 0, sizeof(outside)), 0);
	weir_mbuf_freeze(made[0]);
}

static void held_twice(struct weir_mbuf *made[2])
{
	made[0] = made[1] = chain(4, 17);
	weir_mbuf_ref(made[0], 1);
}

static const struct {
	const char *name;
	void (*make)(struct weir_mbuf *made[2]); /* a packet, and who has its bytes, too */
	bool is_held;                            /* by others: it may only be read */
} kinds[] = {
	{"one segment", one_segment, false},
	{"full segments", full_segments, false},
	{"short segments", short_segments, false},
	{"many segments", many_segments, false},
	{"a packet with a clone", with_a_clone, false},
	{"a clone", a_clone, false},
	{"a frozen packet", frozen, false},
	{"slices of one segment", slices, false},
	{"external memory", outside_memory, false},
	{"a packet that two hold", held_twice, true},
};

/* ---- how it was ---- */

struct snapshot {
	uint32_t count, in_use[3];
	struct weir_mbuf *segments[80];
	uint8_t metadata[80][sizeof(struct weir_mbuf)];
	uint8_t bytes[512];
};

static void snap(struct snapshot *snapshot, struct weir_mbuf *mbuf)
{
	memset(snapshot, 0, sizeof(*snapshot));
	for (uint32_t i = 0; i < 3; i++)
		snapshot->in_use[i] = weir_mempool_in_use(pools[i]);
	weir_mbuf_read(mbuf, 0, snapshot->bytes, mbuf->length);
	for (; mbuf; mbuf = mbuf->next) {
		snapshot->segments[snapshot->count] = mbuf;
		memcpy(snapshot->metadata[snapshot->count++], mbuf, sizeof(*mbuf));
	}
}

static bool is_as_before(const struct snapshot *before, struct weir_mbuf *mbuf)
{
	struct snapshot now;

	snap(&now, mbuf);
	return weir_mbuf_check(mbuf) == 0 && memcmp(&now, before, sizeof(now)) == 0;
}

/* ---- operations ---- */

static int of_pointer(const void *pointer)
{
	CU_ASSERT_FATAL(pointer || errno);
	return pointer ? 0 : -errno;
}

/* A packet that was made of another one: look at it and free it. */
static int of_packet(struct weir_mbuf *mbuf)
{
	int result = of_pointer(mbuf);

	if (mbuf)
		CU_ASSERT_EQUAL(weir_mbuf_check(mbuf), 0);
	weir_mbuf_free(mbuf);
	return result;
}

static int alloc(struct weir_mbuf **packet)
{
	(void)packet;
	return of_packet(weir_mbuf_alloc(pool));
}

static int alloc_bulk(struct weir_mbuf **packet)
{
	struct weir_mbuf *mbufs[7];
	int result = weir_mbuf_alloc_bulk(pool, mbufs, 7);

	(void)packet;
	if (!result)
		weir_mbuf_free_bulk(mbufs, 7);
	return result;
}

static int from_bytes(struct weir_mbuf **packet)
{
	(void)packet;
	return of_packet(weir_mbuf_from_bytes(pool, some, LONG));
}

static int alloc_chain(struct weir_mbuf **packet)
{
	(void)packet;
	return of_packet(weir_mbuf_alloc_chain(pool, LONG, 0));
}

static int tiers_alloc(struct weir_mbuf **packet)
{
	(void)packet;
	return of_packet(weir_tiers_alloc(tiers, 10));
}

static int tiers_alloc_bulk(struct weir_mbuf **packet)
{
	struct weir_mbuf *mbufs[9];
	int result = weir_tiers_alloc_bulk(tiers, 10, mbufs, 9);

	(void)packet;
	if (!result)
		weir_mbuf_free_bulk(mbufs, 9);
	return result;
}

static int tiers_from_bytes(struct weir_mbuf **packet)
{
	(void)packet;
	return of_packet(weir_tiers_from_bytes(tiers, some, LONG));
}

static int clone(struct weir_mbuf **packet)
{
	return of_packet(weir_mbuf_clone(*packet, pool));
}

static int clone_bulk(struct weir_mbuf **packet)
{
	struct weir_mbuf *single = weir_mbuf_alloc(pool), *clones[4];
	struct weir_mbuf *packets[4] = {single, single, *packet, *packet};
	int result = single ? weir_mbuf_clone_bulk(packets, clones, 4, pool) : -ENOBUFS;

	if (!result)
		weir_mbuf_free_bulk(clones, 4);
	weir_mbuf_free(single);
	return result;
}

static int slice(struct weir_mbuf **packet)
{
	return of_packet(weir_mbuf_slice(*packet, 3, (*packet)->length - 5, pool));
}

static int copy(struct weir_mbuf **packet)
{
	return of_packet(weir_mbuf_copy(*packet, pool));
}

static int make_writable(struct weir_mbuf **packet)
{
	return weir_mbuf_make_writable(packet, 0, (*packet)->length);
}

static int make_some_writable(struct weir_mbuf **packet)
{
	return weir_mbuf_make_writable(packet, 10, 20);
}

static int extend_head(struct weir_mbuf **packet)
{
	return of_pointer(weir_mbuf_extend_head(packet, SIZE));
}

static int extend_tail(struct weir_mbuf **packet)
{
	return of_pointer(weir_mbuf_extend_tail(*packet, SIZE));
}

static int append_bytes(struct weir_mbuf **packet)
{
	return weir_mbuf_append_bytes(*packet, some, LONG);
}

static int split(struct weir_mbuf **packet)
{
	return of_packet(weir_mbuf_split(*packet, 10));
}

static int insert(struct weir_mbuf **packet)
{
	return of_pointer(weir_mbuf_insert(packet, 10, 30));
}

static int insert_in_front(struct weir_mbuf **packet)
{
	return of_pointer(weir_mbuf_insert(packet, 0, 30));
}

static int insert_behind(struct weir_mbuf **packet)
{
	return of_pointer(weir_mbuf_insert(packet, (*packet)->length, 60));
}

static int remove_some(struct weir_mbuf **packet)
{
	return weir_mbuf_remove(*packet, 3, 5);
}

static int pull_up(struct weir_mbuf **packet)
{
	return weir_mbuf_pull_up(packet, 40);
}

static int linearize(struct weir_mbuf **packet)
{
	return weir_mbuf_linearize(packet);
}

/* A cursor that may copy, at a place of the packet. */
static struct weir_cursor cursor_at(struct weir_mbuf **packet, uint32_t offset)
{
	struct weir_cursor cursor;

	weir_cursor_start(&cursor, packet, WEIR_CURSOR_COPY);
	weir_cursor_seek(&cursor, offset);
	return cursor;
}

static int of_cursor(const struct weir_cursor *cursor, uint32_t before)
{
	if (weir_cursor_error(cursor))
		CU_ASSERT_EQUAL(weir_cursor_tell(cursor), before);
	return weir_cursor_error(cursor);
}

static int cursor_write(struct weir_mbuf **packet)
{
	struct weir_cursor cursor = cursor_at(packet, 5);

	weir_cursor_write(&cursor, some, 30);
	return of_cursor(&cursor, 5);
}

static int cursor_write_past_the_end(struct weir_mbuf **packet)
{
	struct weir_cursor cursor = cursor_at(packet, 5);

	weir_cursor_write(&cursor, some, LONG);
	return of_cursor(&cursor, 5);
}

static int cursor_put(struct weir_mbuf **packet)
{
	uint32_t end = (*packet)->length;
	struct weir_cursor cursor = cursor_at(packet, end);

	weir_cursor_put_u64(&cursor, 1);
	return of_cursor(&cursor, end);
}

static int cursor_patch(struct weir_mbuf **packet)
{
	struct weir_cursor cursor = cursor_at(packet, 1);

	weir_cursor_patch(&cursor, 8, some, 20);
	CU_ASSERT_EQUAL(weir_cursor_tell(&cursor), 1);
	return weir_cursor_error(&cursor);
}

static int cursor_reserve(struct weir_mbuf **packet)
{
	uint32_t end = (*packet)->length;
	struct weir_cursor cursor = cursor_at(packet, end);

	weir_cursor_reserve(&cursor, LONG);
	return of_cursor(&cursor, end);
}

static int cursor_claim(struct weir_mbuf **packet)
{
	uint32_t end = (*packet)->length;
	struct weir_cursor cursor = cursor_at(packet, end);

	weir_cursor_claim(&cursor, SIZE);
	return of_cursor(&cursor, end);
}

static const struct {
	const char *name;
	int (*do_it)(struct weir_mbuf **packet);
	bool on_held; /* also for a packet that others hold */
} operations[] = {
	{"alloc", alloc, true},
	{"alloc_bulk", alloc_bulk, true},
	{"from_bytes", from_bytes, true},
	{"alloc_chain", alloc_chain, true},
	{"tiers_alloc", tiers_alloc, true},
	{"tiers_alloc_bulk", tiers_alloc_bulk, true},
	{"tiers_from_bytes", tiers_from_bytes, true},
	{"clone", clone, true},
	{"clone_bulk", clone_bulk, true},
	{"slice", slice, true},
	{"copy", copy, true},
	{"make_writable", make_writable, true},
	{"make_writable of a part", make_some_writable, true},
	{"extend_head", extend_head, false},
	{"extend_tail", extend_tail, false},
	{"append_bytes", append_bytes, false},
	{"split", split, false},
	{"insert", insert, false},
	{"insert in front", insert_in_front, false},
	{"insert behind", insert_behind, false},
	{"remove", remove_some, false},
	{"pull_up", pull_up, false},
	{"linearize", linearize, false},
	{"cursor_write", cursor_write, true},
	{"cursor_write past the end", cursor_write_past_the_end, true},
	{"cursor_put", cursor_put, true},
	{"cursor_patch", cursor_patch, true},
	{"cursor_reserve", cursor_reserve, true},
	{"cursor_claim", cursor_claim, true},
};

/* Once, with so many mbufs left. Returns whether there were enough. */
static bool try(size_t kind, size_t operation, uint32_t left)
{
	struct weir_mbuf *made[2] = {NULL, NULL};
	struct snapshot before, others;
	int result;

	kinds[kind].make(made);
	drain(left);
	snap(&before, made[0]);
	if (made[1])
		snap(&others, made[1]);
	errno = 0;
	result = operations[operation].do_it(&made[0]);
	if (result == -ENOBUFS && !is_as_before(&before, made[0])) {
		printf("\n%s of %s with %u left\n", operations[operation].name, kinds[kind].name,
			left);
		CU_FAIL("the packet is not as it was");
	}
	if (result == -ENOBUFS && made[1])
		CU_ASSERT(is_as_before(&others, made[1]));
	CU_ASSERT_EQUAL(weir_mbuf_check(made[0]), 0);
	refill();
	weir_mbuf_free(made[0]);
	weir_mbuf_free(made[1]);
	for (uint32_t i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(weir_mempool_in_use(pools[i]), 0);
	return result != -ENOBUFS;
}

static void test_every_call_at_every_mbuf(void)
{
	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++) {
		uint32_t most = 0;

		for (size_t kind = 0; kind < sizeof(kinds) / sizeof(*kinds); kind++) {
			uint32_t left = 0;

			if (kinds[kind].is_held && !operations[i].on_held)
				continue;
			while (!try(kind, i, left) && left < COUNT)
				left++;
			CU_ASSERT(left < COUNT);
			most = left > most ? left : most;
		}
		if (most == 0)
			printf("\n%s needs no mbuf\n", operations[i].name);
		CU_ASSERT(most > 0);
	}
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"every call at every mbuf", test_every_call_at_every_mbuf},
		CU_TEST_INFO_NULL,
	};
	struct weir_mbuf_pool_conf conf = {.name = "short",
		.count = COUNT,
		.size = SIZE,
		.headroom = 16,
		.cache = WEIR_MEMPOOL_CACHE_NONE,
		.pages = WEIR_PAGES_4K};
	struct weir_tiers_conf tiers_conf = {.tiers = {{SIZE, COUNT}, {2 * SIZE, COUNT}},
		.common = {.cache = WEIR_MEMPOOL_CACHE_NONE, .pages = WEIR_PAGES_4K}};
	int failed;

	pool = weir_mbuf_pool_create(&conf);
	tiers = weir_tiers_create(&tiers_conf);
	if (!pool || !tiers) {
		fprintf(stderr, "%s\n", weir_last_error());
		return 1;
	}
	pools[0] = pool;
	pools[1] = weir_tiers_pool(tiers, 0);
	pools[2] = weir_tiers_pool(tiers, 1);
	for (uint32_t i = 0; i < LONG; i++)
		some[i] = (uint8_t)(i * 7);
	failed = unit_run("shortage", tests);
	return failed || weir_mempool_destroy(pool) || weir_tiers_destroy(tiers);
}
