/* SPDX-License-Identifier: BSD-3-Clause */
/* test_handoff.c: mbufs passed to another thread as handoffs: plain ones, chains, shared ones,
 * those of another pool. */
#include "unit.h"

#include "weir/chain.h"
#include "weir/handoff.h"
#include "weir/ring.h"

#include <pthread.h>
#include <sched.h>

static struct weir_mempool *make(uint32_t count)
{
	struct weir_mbuf_pool_conf conf = {.count = count, .size = 100, .pages = WEIR_PAGES_4K};
	struct weir_mempool *pool = weir_mbuf_pool_create(&conf);

	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
	return pool;
}

static void test_every_kind(void)
{
	struct weir_mempool *pool = make(32), *other = make(32);
	struct weir_mbuf *mbufs[5];
	struct weir_handoff handoffs[5];

	mbufs[0] = weir_mbuf_from_bytes(pool, "plain", 5);
	mbufs[1] = weir_mbuf_alloc(pool); /* a chain */
	weir_mbuf_append(mbufs[1], 100);
	weir_mbuf_concat(mbufs[1], weir_mbuf_from_bytes(pool, "tail", 4));
	mbufs[2] = weir_mbuf_from_bytes(pool, "shared", 6);
	weir_mbuf_ref(mbufs[2], 1);
	mbufs[3] = weir_mbuf_from_bytes(other, "another's", 9);
	mbufs[4] = weir_mbuf_from_bytes(pool, "..moved", 7);
	weir_mbuf_adj(mbufs[4], 2);
	weir_handoff_pack(pool, mbufs, handoffs, 5);
	for (uint32_t i = 0; i < 5; i++) {
		CU_ASSERT_PTR_EQUAL(handoffs[i].mbuf, mbufs[i]);
		CU_ASSERT_EQUAL(handoffs[i].length, mbufs[i]->length);
		CU_ASSERT_PTR_EQUAL(weir_handoff_data(&handoffs[i]), weir_mbuf_data(mbufs[i]));
		CU_ASSERT_EQUAL(handoffs[i].data != 0, i == 0 || i == 4);
	}
	weir_handoff_free_bulk(pool, handoffs, 5);
	CU_ASSERT_EQUAL(weir_mempool_in_use(other), 0);
	CU_ASSERT_EQUAL(weir_mempool_in_use(pool), 1);
	weir_mbuf_free(mbufs[2]);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
	CU_ASSERT_EQUAL(weir_mempool_destroy(other), 0);
}

#define PACKETS 20000
#define BURST   16

struct line {
	struct weir_mempool *pool;
	struct weir_ring *ring;
};

static void *send_numbers(void *argument)
{
	struct line *line = argument;
	struct weir_mbuf *mbufs[BURST];
	struct weir_handoff handoffs[BURST];

	for (uint32_t next = 0; next < PACKETS; next += BURST) {
		while (weir_mbuf_alloc_bulk(line->pool, mbufs, BURST))
			sched_yield();
		for (uint32_t i = 0; i < BURST; i++) {
			uint32_t number = next + i;

			memcpy(weir_mbuf_append(mbufs[i], 4), &number, 4);
			if (number % 7 == 0)
				weir_mbuf_prepend(mbufs[i], 4);
		}
		weir_handoff_pack(line->pool, mbufs, handoffs, BURST);
		while (weir_ring_enqueue_bulk_spsc(line->ring, handoffs, sizeof(*handoffs), BURST))
			sched_yield();
	}
	return NULL;
}

/* What the receiver reads was written before, without a look at the metadata. */
static void test_between_threads(void)
{
	struct line line = {.pool = make(512),
		.ring = weir_ring_create(64, sizeof(struct weir_handoff), WEIR_RING_SPSC)};
	struct weir_handoff handoffs[BURST];
	uint32_t due = 0, number, count, wrong = 0;
	pthread_t thread;

	pthread_create(&thread, NULL, send_numbers, &line);
	while (due < PACKETS) {
		count = weir_ring_dequeue_burst_spsc(line.ring, handoffs, sizeof(*handoffs), BURST);
		for (uint32_t i = 0; i < count; i++, due++) {
			memcpy(&number, weir_handoff_data(&handoffs[i]) + handoffs[i].length - 4,
				4);
			wrong += number != due || handoffs[i].length != (due % 7 ? 4u : 8u);
		}
		weir_handoff_free_bulk(line.pool, handoffs, count);
		if (count == 0)
			sched_yield();
	}
	pthread_join(thread, NULL);
	CU_ASSERT_EQUAL(wrong, 0);
	weir_ring_destroy(line.ring);
	CU_ASSERT_EQUAL(weir_mempool_destroy(line.pool), 0);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"every kind of mbuf", test_every_kind},
		{"between two threads", test_between_threads},
		CU_TEST_INFO_NULL,
	};

	return unit_run("handoff", tests);
}
