/* SPDX-License-Identifier: BSD-3-Clause */
/* stress_mempool.c: threads take, mark, hand on and give back mbufs of one small pool, and end and
 * start again all the while. No mbuf is ever in two hands, and at the end the pool is full. */
#include "stress.h"

#include "weir/chain.h"
#include "weir/mbuf.h"
#include "weir/ring.h"

#include <pthread.h>

#define THREADS   4
#define BURST_MAX 70 /* more than a batch */
#define LIFE      50 /* rounds until a thread ends and another takes its place */

static struct weir_mempool *pool;
static struct weir_ring *handed_on; /* mbufs that another thread shall free */

static uint32_t *mark_of(struct weir_mbuf *mbuf)
{
	return weir_mbuf_private(mbuf);
}

/* Mark them as ours, give others a chance to do the same, and look. */
static void hold(struct weir_mbuf **mbufs, uint32_t count, uint32_t mark)
{
	for (uint32_t i = 0; i < count; i++) {
		stress_check(*mark_of(mbufs[i]) == 0, "an mbuf was handed out twice");
		*mark_of(mbufs[i]) = mark;
	}
	stress_wait();
	for (uint32_t i = 0; i < count; i++) {
		stress_check(*mark_of(mbufs[i]) == mark, "somebody else has our mbuf");
		*mark_of(mbufs[i]) = 0;
	}
}

/* Link some, share some: every way of being freed. */
static void shape(struct weir_mbuf **mbufs, uint32_t *count, uint64_t *random)
{
	if (*count >= 4 && stress_random(random, 2)) {
		weir_mbuf_concat(mbufs[0], mbufs[--*count]);
		weir_mbuf_ref(mbufs[1], 1);
		weir_mbuf_free(mbufs[1]);
	}
}

/* Share one packet with whoever dequeues it: two threads then free it at the same time. */
static void hand_on(struct weir_mbuf **mbufs, uint32_t *count)
{
	struct weir_mbuf *shared = mbufs[*count - 1];

	weir_mbuf_ref(shared, 1);
	if (weir_ring_enqueue_bulk_mpmc(handed_on, &shared, sizeof(shared), 1))
		weir_mbuf_free(shared);
}

static void *live(void *argument)
{
	uint32_t mark = (uint32_t)(uintptr_t)argument;
	uint64_t random = stress_random_start(mark);
	struct weir_mbuf *mbufs[BURST_MAX];

	for (uint32_t round = 0; round < LIFE; round++) {
		uint32_t count = 1 + stress_random(&random, BURST_MAX);

		if (weir_mbuf_alloc_bulk(pool, mbufs, count) == 0) {
			hold(mbufs, count, mark);
			shape(mbufs, &count, &random);
			hand_on(mbufs, &count);
			weir_mbuf_free_bulk(mbufs, count);
		} else {
			stress_wait();
		}
		count = weir_ring_dequeue_burst_mpmc(handed_on, mbufs, sizeof(*mbufs), 8);
		weir_mbuf_free_bulk(mbufs, count);
	}
	return NULL;
}

static void *keep_alive(void *argument)
{
	uint32_t number = (uint32_t)(uintptr_t)argument;
	pthread_t thread;

	for (uint64_t done = 0; done < stress_count / THREADS; done += LIFE) {
		uint32_t mark = number + 1 + THREADS * (uint32_t)(done / LIFE);

		pthread_create(&thread, NULL, live, (void *)(uintptr_t)mark);
		pthread_join(thread, NULL);
	}
	return NULL;
}

static void run(uint32_t count, uint32_t cache, uint32_t track)
{
	struct weir_mbuf_pool_conf conf = {.name = "stress",
		.count = count,
		.size = 64,
		.private_size = 4,
		.cache = cache,
		.track = track,
		.pages = WEIR_PAGES_4K};
	pthread_t threads[THREADS];
	struct weir_mbuf *mbuf;

	pool = weir_mbuf_pool_create(&conf);
	handed_on = weir_ring_create(32, sizeof(void *), WEIR_RING_MPMC);
	stress_check(pool && handed_on, "%s", weir_last_error());
	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, keep_alive, (void *)i);
	for (uint32_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	while (weir_ring_dequeue_burst_mpmc(handed_on, &mbuf, sizeof(mbuf), 1))
		weir_mbuf_free(mbuf);
	weir_ring_destroy(handed_on);
	stress_check(weir_mempool_destroy(pool) == 0, "%s", weir_last_error());
}

int main(int argc, char **argv)
{
	stress_begin("mempool", argc, argv, 100000);
	run(200, 64, 0);                      /* often dry */
	run(1000, 128, 0);                    /* batches move */
	run(300, WEIR_MEMPOOL_CACHE_NONE, 0); /* all under the lock */
	run(1000, 128, WEIR_TRACK_SITES);     /* by way of the slow paths */
	return 0;
}
