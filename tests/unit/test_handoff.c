/* SPDX-License-Identifier: BSD-3-Clause */
/* test_handoff.c: mbufs handed to another thread: plain ones, chains, shared ones, those of several
 * pools; how much a channel holds, and what becomes of what is left in it. */
#include "unit.h"

#include "weir/chain.h"
#include "weir/clone.h"
#include "weir/handoff.h"

#include <pthread.h>
#include <sched.h>

static struct weir_mempool *make(uint32_t count, uint32_t cache)
{
	struct weir_mbuf_pool_conf conf = {
		.count = count, .size = 100, .cache = cache, .pages = WEIR_PAGES_4K};
	struct weir_mempool *pool = weir_mbuf_pool_create(&conf);

	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
	return pool;
}

static struct weir_handoff *open_channel(uint32_t count)
{
	struct weir_handoff *handoff = weir_handoff_create(count);

	CU_ASSERT_PTR_NOT_NULL_FATAL(handoff);
	return handoff;
}

static void test_every_kind(void)
{
	struct weir_mempool *pool = make(32, 0), *other = make(32, 0);
	struct weir_handoff *handoff = open_channel(8);
	struct weir_mbuf *mbufs[5];
	struct weir_handed handed[5];

	mbufs[0] = weir_mbuf_from_bytes(pool, "plain", 5);
	mbufs[1] = weir_mbuf_alloc(pool); /* a chain */
	weir_mbuf_append(mbufs[1], 100);
	weir_mbuf_concat(mbufs[1], weir_mbuf_from_bytes(pool, "tail", 4));
	mbufs[2] = weir_mbuf_from_bytes(pool, "shared", 6);
	weir_mbuf_ref(mbufs[2], 1);
	mbufs[3] = weir_mbuf_from_bytes(other, "another's", 9);
	mbufs[4] = weir_mbuf_from_bytes(pool, "..moved", 7);
	weir_mbuf_adj(mbufs[4], 2);
	CU_ASSERT_EQUAL(weir_handoff_send_bulk(handoff, mbufs, 5), 0);
	CU_ASSERT_EQUAL(weir_handoff_receive_burst(handoff, handed, 5), 5);
	for (uint32_t i = 0; i < 5; i++) {
		CU_ASSERT_PTR_EQUAL(handed[i].mbuf, mbufs[i]);
		CU_ASSERT_EQUAL(handed[i].length, mbufs[i]->length);
		CU_ASSERT_PTR_EQUAL(weir_handed_data(&handed[i]), weir_mbuf_data(mbufs[i]));
		CU_ASSERT_EQUAL(handed[i].pool == 0, i == 1 || i == 2);
	}
	weir_handed_free_bulk(handed, 5);
	CU_ASSERT_EQUAL(weir_mempool_in_use(other), 0);
	CU_ASSERT_EQUAL(weir_mempool_in_use(pool), 1);
	weir_mbuf_free(mbufs[2]);
	weir_handoff_destroy(handoff);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
	CU_ASSERT_EQUAL(weir_mempool_destroy(other), 0);
}

/* A clone and what it was made of, neither of which may be freed as plain. */
static void test_clone(void)
{
	struct weir_mempool *pool = make(8, 0);
	struct weir_handoff *handoff = open_channel(2);
	struct weir_mbuf *mbufs[2];
	struct weir_handed handed[2];

	mbufs[0] = weir_mbuf_from_bytes(pool, "lender", 6);
	mbufs[1] = weir_mbuf_clone(mbufs[0], pool);
	CU_ASSERT_PTR_NOT_NULL_FATAL(mbufs[1]);
	CU_ASSERT_EQUAL(weir_handoff_send_bulk(handoff, mbufs, 2), 0);
	CU_ASSERT_EQUAL(weir_handoff_receive_burst(handoff, handed, 2), 2);
	for (uint32_t i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(handed[i].pool, 0);
		CU_ASSERT_EQUAL(memcmp(weir_handed_data(&handed[i]), "lender", 6), 0);
	}
	weir_handed_free_bulk(handed, 1);
	CU_ASSERT_EQUAL(memcmp(weir_handed_data(&handed[1]), "lender", 6), 0);
	weir_handed_free_bulk(&handed[1], 1);
	CU_ASSERT_EQUAL(weir_mempool_in_use(pool), 0);
	weir_handoff_destroy(handoff);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
}

/* Data further behind the mbuf than 16 bits can say. */
static void test_far_data(void)
{
	struct weir_mbuf_pool_conf conf = {.count = 1, .size = 70000, .pages = WEIR_PAGES_4K};
	struct weir_mempool *pool = weir_mbuf_pool_create(&conf);
	struct weir_handoff *handoff = open_channel(1);
	struct weir_mbuf *mbuf = weir_mbuf_alloc(pool);
	struct weir_handed handed;

	CU_ASSERT_PTR_NOT_NULL_FATAL(weir_mbuf_append(mbuf, 66000));
	CU_ASSERT_EQUAL(weir_mbuf_adj(mbuf, 65990), 0);
	CU_ASSERT_EQUAL(weir_handoff_send_bulk(handoff, &mbuf, 1), 0);
	CU_ASSERT_EQUAL(weir_handoff_receive_burst(handoff, &handed, 1), 1);
	CU_ASSERT_PTR_EQUAL(weir_handed_data(&handed), weir_mbuf_data(mbuf));
	CU_ASSERT_EQUAL(handed.length, 10);
	weir_handed_free_bulk(&handed, 1);
	weir_handoff_destroy(handoff);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
}

/* Slots come back by the quarter, and all of them when the receiver found no more. */
static void test_full(void)
{
	struct weir_mempool *pool = make(32, 0);
	struct weir_handoff *handoff = open_channel(15); /* 16 */
	struct weir_mbuf *mbufs[17];
	struct weir_handed handed[17];

	CU_ASSERT_EQUAL_FATAL(weir_mbuf_alloc_bulk(pool, mbufs, 17), 0);
	CU_ASSERT_EQUAL(weir_handoff_send_bulk(handoff, mbufs, 17), -ENOBUFS);
	CU_ASSERT_EQUAL(weir_handoff_receive_burst(handoff, handed, 1), 0);
	CU_ASSERT_EQUAL(weir_handoff_send_burst(handoff, mbufs, 17), 16);
	CU_ASSERT_EQUAL(weir_handoff_send_bulk(handoff, &mbufs[16], 1), -ENOBUFS);
	CU_ASSERT_EQUAL(weir_handoff_receive_burst(handoff, handed, 3), 3);
	CU_ASSERT_EQUAL(weir_handoff_send_burst(handoff, &mbufs[16], 1), 0);
	CU_ASSERT_EQUAL(weir_handoff_receive_burst(handoff, &handed[3], 1), 1);
	CU_ASSERT_EQUAL(weir_handoff_send_burst(handoff, mbufs, 5), 4); /* a quarter */
	CU_ASSERT_EQUAL(weir_handoff_receive_burst(handoff, &handed[4], 12), 12);
	for (uint32_t i = 0; i < 16; i++)
		CU_ASSERT_PTR_EQUAL(handed[i].mbuf, mbufs[i]);
	CU_ASSERT_EQUAL(weir_handoff_receive_burst(handoff, handed, 3), 3);
	CU_ASSERT_EQUAL(weir_handoff_receive_burst(handoff, &handed[3], 2), 1);
	CU_ASSERT_EQUAL(weir_handoff_send_bulk(handoff, mbufs, 16), 0);
	weir_mbuf_free(mbufs[16]);
	/* the channel owns what is in it */
	weir_handoff_destroy(handoff);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
}

/* More than the cache takes, of pools in turn: each goes home. */
static void test_free_mixed(void)
{
	struct weir_mempool *pools[2] = {make(64, 16), make(64, 16)};
	struct weir_handoff *handoff = open_channel(64);
	struct weir_mbuf *mbufs[64];
	struct weir_handed handed[64];

	for (uint32_t turn = 1; turn <= 64; turn *= 2) {
		for (uint32_t i = 0; i < 64; i++)
			mbufs[i] = weir_mbuf_alloc(pools[i / turn % 2]);
		CU_ASSERT_EQUAL(weir_handoff_send_bulk(handoff, mbufs, 64), 0);
		CU_ASSERT_EQUAL(weir_handoff_receive_burst(handoff, handed, 64), 64);
		weir_handed_free_bulk(handed, 64);
		weir_handed_free_bulk(handed, 0);
		CU_ASSERT_EQUAL(weir_mempool_in_use(pools[0]), 0);
		CU_ASSERT_EQUAL(weir_mempool_in_use(pools[1]), 0);
	}
	weir_handoff_destroy(handoff);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pools[0]), 0);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pools[1]), 0);
}

static void test_refused(void)
{
	CU_ASSERT_PTR_NULL(weir_handoff_create(0));
	CU_ASSERT_EQUAL(errno, EINVAL);
	CU_ASSERT_PTR_NULL(weir_handoff_create(UINT32_MAX));
	CU_ASSERT_EQUAL(errno, EINVAL);
	weir_handoff_destroy(NULL);
}

#define PACKETS 20000
#define BURST   16

struct line {
	struct weir_mempool *pool;
	struct weir_handoff *handoff;
};

static void *send_numbers(void *argument)
{
	struct line *line = argument;
	struct weir_mbuf *mbufs[BURST];

	for (uint32_t next = 0; next < PACKETS; next += BURST) {
		while (weir_mbuf_alloc_bulk(line->pool, mbufs, BURST))
			sched_yield();
		for (uint32_t i = 0; i < BURST; i++) {
			uint32_t number = next + i;

			memcpy(weir_mbuf_append(mbufs[i], 4), &number, 4);
			if (number % 7 == 0)
				weir_mbuf_prepend(mbufs[i], 4);
		}
		while (weir_handoff_send_bulk(line->handoff, mbufs, BURST))
			sched_yield();
	}
	return NULL;
}

/* What the receiver reads was written before, without a look at the metadata; bursts of 5 end in
 * every place of the ring. */
static void test_between_threads(void)
{
	struct line line = {.pool = make(512, 0), .handoff = open_channel(64)};
	struct weir_handed handed[5];
	uint32_t due = 0, number, count, wrong = 0;
	pthread_t thread;

	pthread_create(&thread, NULL, send_numbers, &line);
	while (due < PACKETS) {
		count = weir_handoff_receive_burst(line.handoff, handed, 5);
		for (uint32_t i = 0; i < count; i++, due++) {
			memcpy(&number, weir_handed_data(&handed[i]) + handed[i].length - 4, 4);
			wrong += number != due || handed[i].length != (due % 7 ? 4u : 8u);
		}
		weir_handed_free_bulk(handed, count);
		if (count == 0)
			sched_yield();
	}
	pthread_join(thread, NULL);
	CU_ASSERT_EQUAL(wrong, 0);
	weir_handoff_destroy(line.handoff);
	CU_ASSERT_EQUAL(weir_mempool_destroy(line.pool), 0);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"every kind of mbuf", test_every_kind},
		{"clones", test_clone},
		{"data far away", test_far_data},
		{"a full channel", test_full},
		{"freeing a mixture", test_free_mixed},
		{"what is refused", test_refused},
		{"between two threads", test_between_threads},
		CU_TEST_INFO_NULL,
	};

	return unit_run("handoff", tests);
}
