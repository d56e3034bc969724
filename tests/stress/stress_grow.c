/* SPDX-License-Identifier: BSD-3-Clause */
/* stress_grow.c: a pool grows from 1,024 mbufs to COUNT and shrinks back while four threads take,
 * mark, look and give back. No mbuf is ever in two hands, no get fails while there may be more, and
 * at the end the pool and the memory of the process are what they were. */
#include "stress.h"

#include "os/os_impl.h"
#include "weir/mbuf.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS   4
#define BURST_MAX 70 /* more than a batch */
#define BIRTH     1024

/* What threads add to the memory of the process is no part of the question. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define OWN_MEMORY 0
#else
#define OWN_MEMORY 1
#endif

static struct weir_mempool *pool;
static pthread_barrier_t turn; /* of the threads and main */

struct churner {
	pthread_t thread;
	uint32_t mark;
	uint32_t most; /* mbufs to have at the height */
	uint32_t count;
	uint64_t random;
	struct weir_mbuf **mbufs;
};

static uint32_t *mark_of(struct weir_mbuf *mbuf)
{
	return weir_mbuf_private(mbuf);
}

/* Take a burst and mark it. False when the pool is dry at its greatest. */
static bool take(struct churner *churner)
{
	uint32_t count = 1 + stress_random(&churner->random, BURST_MAX);

	if (count > churner->most - churner->count)
		count = churner->most - churner->count;
	if (weir_mbuf_alloc_bulk(pool, churner->mbufs + churner->count, count)) {
		stress_check(weir_mempool_count(pool) == weir_mempool_max_count(pool),
			"a get failed at %u mbufs", weir_mempool_count(pool));
		return false;
	}
	for (uint32_t end = churner->count + count; churner->count < end; churner->count++) {
		struct weir_mbuf *mbuf = churner->mbufs[churner->count];

		stress_check(*mark_of(mbuf) == 0, "an mbuf was handed out twice");
		stress_check(
			weir_mempool_index(pool, mbuf) != UINT32_MAX, "an mbuf does not exist");
		*mark_of(mbuf) = churner->mark;
	}
	return true;
}

/* Look at a burst of any we have, and give it back. */
static void give(struct churner *churner)
{
	uint32_t count = 1 + stress_random(&churner->random, BURST_MAX);
	struct weir_mbuf *mbufs[BURST_MAX];

	if (count > churner->count)
		count = churner->count;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = stress_random(&churner->random, churner->count);

		mbufs[i] = churner->mbufs[at];
		churner->mbufs[at] = churner->mbufs[--churner->count];
		stress_check(*mark_of(mbufs[i]) == churner->mark, "somebody else has our mbuf");
		*mark_of(mbufs[i]) = 0;
	}
	weir_mbuf_free_bulk(mbufs, count);
}

static void *churn(void *argument)
{
	struct churner *churner = argument;

	/* a cache, and every page of ours, before the memory is measured */
	memset(churner->mbufs, 1, churner->most * sizeof(*churner->mbufs));
	take(churner);
	give(churner);
	pthread_barrier_wait(&turn);
	pthread_barrier_wait(&turn);
	/* up: three bursts taken for two given back */
	for (uint32_t step = 0; churner->count < churner->most; step++) {
		if (step % 5 % 2 == 0 ? !take(churner) : false)
			break;
		if (step % 5 % 2)
			give(churner);
	}
	pthread_barrier_wait(&turn);
	/* and down */
	for (uint32_t step = 0; churner->count; step++) {
		if (step % 5 % 2 && churner->count < churner->most)
			take(churner);
		else
			give(churner);
	}
	weir_mempool_flush(pool);
	pthread_barrier_wait(&turn);
	pthread_barrier_wait(&turn);
	return NULL;
}

static size_t resident(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	size_t pages = 0;

	stress_check(file && fscanf(file, "%*u %zu", &pages) == 1, "no /proc/self/statm");
	fclose(file);
	return pages * weir__os_page_size();
}

static void start(struct churner *churners)
{
	for (uint32_t i = 0; i < THREADS; i++) {
		struct churner *churner = &churners[i];

		churner->mark = i + 1;
		churner->most = (uint32_t)stress_count / THREADS;
		churner->random = stress_random_start(churner->mark);
		churner->mbufs = malloc(churner->most * sizeof(*churner->mbufs));
		stress_check(churner->mbufs, "no memory");
		pthread_create(&churner->thread, NULL, churn, churner);
	}
}

/* Give back memory while they do. */
static void shrink_meanwhile(void)
{
	do {
		weir_mempool_shrink(pool);
		usleep(2000);
	} while (weir_mempool_in_use(pool) > stress_count / 8);
}

static void run(enum weir_grow grow, uint32_t size)
{
	struct weir_mbuf_pool_conf conf = {.name = "stress",
		.count = BIRTH,
		.max_count = (uint32_t)stress_count,
		.grow = grow,
		.size = size,
		.private_size = 4,
		.pages = WEIR_PAGES_4K};
	struct churner churners[THREADS] = {0};
	struct weir_mempool_stats stats;
	size_t before, height, after;

	pool = weir_mbuf_pool_create(&conf);
	stress_check(pool, "%s", weir_last_error());
	pthread_barrier_init(&turn, NULL, THREADS + 1);
	start(churners);
	pthread_barrier_wait(&turn);
	before = resident();
	pthread_barrier_wait(&turn);
	pthread_barrier_wait(&turn);
	height = resident();
	weir_mempool_stats(pool, &stats);
	stress_check(stats.count == stress_count, "grew to %u", stats.count);
	shrink_meanwhile();
	pthread_barrier_wait(&turn);
	weir_mempool_shrink(pool);
	after = resident();
	weir_mempool_stats(pool, &stats);
	printf("%u bytes each: grew by %llu chunks, gave back %llu; resident %zu, %zu, %zu KiB\n",
		size, (unsigned long long)stats.growths, (unsigned long long)stats.shrinks,
		before >> 10, height >> 10, after >> 10);
	stress_check(stats.count == BIRTH && stats.in_use == 0, "%u of %u are out", stats.in_use,
		stats.count);
	stress_check(!OWN_MEMORY || after <= before + before / 20, "memory did not return");
	pthread_barrier_wait(&turn);
	for (uint32_t i = 0; i < THREADS; i++) {
		pthread_join(churners[i].thread, NULL);
		free(churners[i].mbufs);
	}
	pthread_barrier_destroy(&turn);
	stress_check(weir_mempool_destroy(pool) == 0, "%s", weir_last_error());
}

int main(int argc, char **argv)
{
	stress_begin("grow", argc, argv, 1048576);
	run(WEIR_GROW_ON_DEMAND, 64);
	run(WEIR_GROW_AHEAD, 300);
	/* as packets have it: 2.3 GB for a million */
	if (OWN_MEMORY && stress_count * 3000 < weir__os_available(WEIR__OS_ALL_NODES))
		run(WEIR_GROW_ON_DEMAND, WEIR_MBUF_SIZE);
	else
		printf("not with buffers of %u bytes: under a sanitizer, or without the memory for "
		       "them\n",
			WEIR_MBUF_SIZE);
	return 0;
}
