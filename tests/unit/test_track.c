/* SPDX-License-Identifier: BSD-3-Clause */
/* test_track.c: what a tracked pool knows of its objects, and says. */
#include "unit.h"

#include "weir/clone.h"
#include "weir/mbuf.h"
#include "weir/track.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static struct weir_mempool *make(uint32_t count, uint32_t track)
{
	struct weir_mbuf_pool_conf conf = {.name = "tracked",
		.count = count,
		.size = 100,
		.track = track,
		.pages = WEIR_PAGES_4K};
	struct weir_mempool *pool = weir_mbuf_pool_create(&conf);

	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
	return pool;
}

static bool says(const char *text, const char *what)
{
	bool found = text && strstr(text, what);

	if (!found)
		printf("\nno \"%s\" in: %s\n", what, text ? text : weir_last_error());
	return found;
}

/* Does a report of the pool say so? */
static bool reports(struct weir_mempool *pool, bool json, uint64_t older_than_ns, const char *what)
{
	char *text = weir_mempool_report(pool, json, older_than_ns);
	bool found = says(text, what);

	free(text);
	return found;
}

static void test_an_untracked_pool_has_no_report(void)
{
	struct weir_track_figures figures;
	struct weir_mempool *pool = make(8, 0);

	CU_ASSERT_PTR_NULL(weir_mempool_report(pool, false, 0));
	CU_ASSERT_EQUAL(errno, EINVAL);
	CU_ASSERT(says(weir_last_error(), "WEIR_TRACK=sites"));
	CU_ASSERT_EQUAL(weir_track_figures(pool, &figures, 1), 0);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
}

static void test_figures_by_owner(void)
{
	struct weir_mempool *pool = make(1024, WEIR_TRACK_SITES);
	struct weir_track_figures figures[4];
	struct weir_mbuf *rx[300], *tx[20];

	weir_track_owner("rx");
	CU_ASSERT_EQUAL(weir_mbuf_alloc_bulk(pool, rx, 300), 0);
	weir_mbuf_free_bulk(rx + 40, 260);
	weir_track_owner("tx");
	CU_ASSERT_EQUAL(weir_mbuf_alloc_bulk(pool, tx, 20), 0);
	/* whoever frees it, it was rx's */
	weir_mbuf_free(rx[0]);
	weir_mbuf_free(tx[0]);
	CU_ASSERT_EQUAL_FATAL(weir_track_figures(pool, figures, 4), 3);
	CU_ASSERT_STRING_EQUAL(figures[0].owner, "");
	CU_ASSERT_EQUAL(figures[0].current, 58);
	CU_ASSERT_EQUAL(figures[0].peak, 300);
	CU_ASSERT_EQUAL(figures[0].gets, 320);
	CU_ASSERT_EQUAL(figures[0].puts, 262);
	CU_ASSERT_STRING_EQUAL(figures[1].owner, "rx");
	CU_ASSERT_EQUAL(figures[1].current, 39);
	CU_ASSERT_EQUAL(figures[1].peak, 300);
	CU_ASSERT_STRING_EQUAL(figures[2].owner, "tx");
	CU_ASSERT_EQUAL(figures[2].current, 19);
	CU_ASSERT_EQUAL(figures[2].peak, 20);
	CU_ASSERT_EQUAL(weir_track_figures(pool, figures, 1), 3);
	weir_track_owner(NULL);
	weir_mbuf_free_bulk(rx + 1, 39);
	weir_mbuf_free_bulk(tx + 1, 19);
	weir_track_figures(pool, figures, 1);
	CU_ASSERT_EQUAL(figures[0].current, 0);
	CU_ASSERT_EQUAL(figures[0].peak, 300);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
}

static __attribute__((noinline)) struct weir_mbuf *take_one(struct weir_mempool *pool)
{
	struct weir_mbuf *mbuf = weir_mbuf_alloc(pool);

	__asm__("" : "+r"(mbuf)); /* no tail call: the place would be the caller's */
	return mbuf;
}

static void test_a_report_groups_by_site_and_owner(void)
{
	struct weir_mempool *pool = make(64, WEIR_TRACK_SITES);
	struct weir_mbuf *mbufs[8];

	for (uint32_t i = 0; i < 5; i++)
		mbufs[i] = take_one(pool);
	weir_track_owner("a \"name\"");
	CU_ASSERT_EQUAL(weir_mbuf_alloc_bulk(pool, mbufs + 5, 3), 0);
	weir_track_owner(NULL);
	/* an object of 100 bytes, 128 of headroom and 64 takes 5 lines */
	CU_ASSERT(reports(pool, false, 0, "pool 'tracked': 8 of 64 are out, 2560 bytes; peak 8"));
	CU_ASSERT(reports(pool, false, 0, "\n  5, 1600 bytes, owner -,"));
	CU_ASSERT(reports(pool, false, 0, "\n  3, 960 bytes, owner a \"name\","));
	CU_ASSERT(reports(pool, false, 0, "\n    "));
	CU_ASSERT(reports(pool, true, 0, "{\"pool\":\"tracked\",\"out\":8,\"objects\":64,"));
	CU_ASSERT(reports(pool, true, 0, "\"owner\":\"a \\u0022name\\u0022\""));
	CU_ASSERT(reports(pool, false, 0, "\n  owner -: 5 out, peak 5, gets 5, puts 0\n"));
	CU_ASSERT(reports(pool, true, 0, "\"owners\":[{\"owner\":\"-\",\"current\":5,\"peak\":5,"));
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), -EBUSY);
	CU_ASSERT(says(weir_last_error(), "8 of 64 objects are out (5 of them taken at "));
	weir_mbuf_free_bulk(mbufs, 8);
	CU_ASSERT(reports(pool, false, 0, "0 of 64 are out"));
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
}

static void wait_ms(long ms)
{
	struct timespec time = {.tv_nsec = ms * 1000000};

	nanosleep(&time, NULL);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Take an mbuf, and see at once what is out for 100 ms or more; again when the machine was slow. */
static struct weir_mbuf *take_young(struct weir_mempool *pool, const char *expected)
{
	for (;;) {
		uint64_t start = now_ms();
		struct weir_mbuf *young = weir_mbuf_alloc(pool);
		bool right = reports(pool, false, 100000000, expected);

		if (now_ms() - start < 90) {
			CU_ASSERT(right);
			return young;
		}
		weir_mbuf_free(young);
	}
}

static void test_age(void)
{
	struct weir_mempool *pool = make(64, WEIR_TRACK_SITES);
	struct weir_mbuf *old = weir_mbuf_alloc(pool), *young;

	wait_ms(200);
	young = take_young(pool, "1 of 64 are out");
	CU_ASSERT(reports(pool, false, 0, "2 of 64 are out"));
	CU_ASSERT(reports(pool, false, 60000000000, "0 of 64 are out"));
	weir_mbuf_free(old);
	weir_mbuf_free(young);
	/* taken again it is young */
	young = take_young(pool, "0 of 64 are out");
	weir_mbuf_free(young);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
}

static void test_chains_clones_and_references(void)
{
	struct weir_mempool *pool = make(64, WEIR_TRACK_SITES | WEIR_TRACK_STACKS);
	struct weir_mbuf *mbuf = weir_mbuf_alloc(pool), *clone;

	weir_mbuf_set_next(mbuf, weir_mbuf_alloc(pool));
	clone = weir_mbuf_clone(mbuf, pool);
	CU_ASSERT(reports(pool, false, 0, "4 of 64 are out"));
	weir_mbuf_free(mbuf);
	/* a clone keeps what it borrows from */
	CU_ASSERT(reports(pool, false, 0, "4 of 64 are out"));
	weir_mbuf_ref(clone, 1);
	weir_mbuf_free(clone);
	CU_ASSERT(reports(pool, false, 0, "4 of 64 are out"));
	weir_mbuf_free(clone);
	CU_ASSERT(reports(pool, false, 0, "0 of 64 are out"));
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
}

static void test_plain_objects_bursts_and_growth(void)
{
	struct weir_mempool_conf conf = {.name = "jobs",
		.count = 100,
		.max_count = 30000,
		.size = 200,
		.track = WEIR_TRACK_SITES};
	struct weir_mempool *pool = weir_mempool_create(&conf);
	static void *objects[30000];
	uint32_t got;

	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
	got = weir_mempool_get_burst(pool, objects, 30000);
	CU_ASSERT_EQUAL(got, 30000);
	CU_ASSERT_PTR_NULL(weir_mempool_get(pool));
	CU_ASSERT(reports(pool, false, 0, "30000 of 30000 are out"));
	weir_mempool_put_bulk(pool, objects, got);
	weir_mempool_flush(pool);
	CU_ASSERT(weir_mempool_shrink(pool) > 0);
	CU_ASSERT(reports(pool, false, 0, "0 of"));
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
}

static void *take_and_leave(void *argument)
{
	struct weir_mbuf *mbufs[100], *left = NULL;

	weir_track_owner("thread");
	for (uint32_t round = 0; round < 100; round++) {
		if (weir_mbuf_alloc_bulk(argument, mbufs, 100))
			return NULL;
		left = round == 0 ? mbufs[0] : left;
		weir_mbuf_free_bulk(mbufs + (round == 0), 100 - (round == 0));
	}
	return left;
}

static void test_threads_come_and_go(void)
{
	struct weir_mempool *pool = make(2048, WEIR_TRACK_SITES);
	struct weir_track_figures figures[2];
	pthread_t threads[4];
	void *left[4];

	for (uint32_t i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, take_and_leave, pool);
	for (uint32_t i = 0; i < 4; i++)
		pthread_join(threads[i], &left[i]);
	CU_ASSERT_EQUAL(weir_track_figures(pool, figures, 2), 2);
	CU_ASSERT_EQUAL(figures[0].gets, 40000);
	CU_ASSERT_EQUAL(figures[0].current, 4);
	CU_ASSERT_STRING_EQUAL(figures[1].owner, "thread");
	CU_ASSERT_EQUAL(figures[1].current, 4);
	CU_ASSERT_EQUAL(weir_mempool_in_use(pool), 4);
	CU_ASSERT(reports(pool, false, 0, "\n  4, 1280 bytes, owner thread,"));
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), -EBUSY);
	for (uint32_t i = 0; i < 4; i++)
		weir_mbuf_free(left[i]);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"an untracked pool has no report", test_an_untracked_pool_has_no_report},
		{"figures by owner", test_figures_by_owner},
		{"a report groups by site and owner", test_a_report_groups_by_site_and_owner},
		{"age", test_age},
		{"chains, clones and references", test_chains_clones_and_references},
		{"plain objects, bursts and growth", test_plain_objects_bursts_and_growth},
		{"threads come and go", test_threads_come_and_go},
		CU_TEST_INFO_NULL,
	};

	return unit_run("track", tests);
}
