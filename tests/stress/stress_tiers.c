/* SPDX-License-Identifier: BSD-3-Clause */
/* stress_tiers.c: threads allocate packets of random lengths from small tiers, often dry, hand some
 * to each other, free them, and end and start again; another thread reads the figures all the
 * while. No mbuf is ever in two hands, each has the room that was asked for, and at the end every
 * figure is what the threads have counted themselves. */
#include "stress.h"

#include "weir/chain.h"
#include "weir/ring.h"
#include "weir/tiers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define THREADS   4
#define TIERS     3
#define BURST_MAX 24
#define LIFE      50 /* rounds until a thread ends and another takes its place */
#define LARGEST   400

static struct weir_tiers *tiers;
static struct weir_ring *handed_on; /* packets that another thread shall free */
static atomic_bool done;
static bool with_packets; /* from bytes, beside bursts */

/* What a thread has counted; and the sums of the ended ones. */
struct tally {
	uint64_t asked[TIERS], given[TIERS], failed[TIERS];
};
static struct tally sums;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static uint32_t tier_of(struct weir_mbuf *mbuf)
{
	uint32_t index = 0;

	while (index < TIERS && weir_tiers_pool(tiers, index) != weir_mbuf_pool(mbuf))
		index++;
	stress_check(index < TIERS, "an mbuf of no tier");
	return index;
}

/* Mark them as ours, give others a chance to do the same, and look. */
static void hold(struct weir_mbuf **mbufs, uint32_t count, uint32_t mark)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t *word = weir_mbuf_private(mbufs[i]);

		stress_check(*word == 0, "an mbuf was handed out twice");
		*word = mark;
	}
	stress_wait();
	for (uint32_t i = 0; i < count; i++) {
		uint32_t *word = weir_mbuf_private(mbufs[i]);

		stress_check(*word == mark, "somebody else has our mbuf");
		*word = 0;
	}
}

/* Hand the last one to whoever dequeues it, and free the others. */
static void give_up(struct weir_mbuf **mbufs, uint32_t count)
{
	if (weir_ring_enqueue_bulk_mpmc(handed_on, &mbufs[count - 1], sizeof(*mbufs), 1) == 0)
		count--;
	weir_mbuf_free_bulk(mbufs, count);
}

static void burst(struct tally *tally, uint64_t *random, uint32_t mark)
{
	struct weir_mbuf *mbufs[BURST_MAX];
	uint32_t length = stress_random(random, LARGEST + 1);
	uint32_t count = 1 + stress_random(random, BURST_MAX);
	uint32_t index = weir_tiers_index(tiers, length);

	if (weir_tiers_alloc_bulk(tiers, length, mbufs, count)) {
		tally->failed[index] += count;
		stress_wait();
		return;
	}
	tally->asked[index] += count;
	for (uint32_t i = 0; i < count; i++) {
		tally->given[tier_of(mbufs[i])]++;
		stress_check(weir_mbuf_tailroom(mbufs[i]) >= length, "too little room");
	}
	hold(mbufs, count, mark);
	give_up(mbufs, count);
}

/* One packet, mostly a chain. */
static void packet(uint64_t *random, uint32_t mark)
{
	uint8_t bytes[3 * LARGEST], back[3 * LARGEST];
	uint32_t length = 1 + stress_random(random, sizeof(bytes));
	struct weir_mbuf *mbuf;

	memset(bytes, (int)mark, sizeof(bytes));
	mbuf = weir_tiers_from_bytes(tiers, bytes, length);
	stress_wait();
	if (!mbuf)
		return;
	stress_check(weir_mbuf_check(mbuf) == 0, "%s", weir_last_error());
	stress_check(weir_mbuf_read(mbuf, 0, back, length) == 0, "a packet is too short");
	stress_check(memcmp(bytes, back, length) == 0, "somebody else has our packet");
	give_up(&mbuf, 1);
}

static void add_up(const struct tally *tally)
{
	pthread_mutex_lock(&lock);
	for (uint32_t i = 0; i < TIERS; i++) {
		sums.asked[i] += tally->asked[i];
		sums.given[i] += tally->given[i];
		sums.failed[i] += tally->failed[i];
	}
	pthread_mutex_unlock(&lock);
}

static void *live(void *argument)
{
	uint32_t mark = (uint32_t)(uintptr_t)argument;
	uint64_t random = stress_random_start(mark);
	struct tally tally = {0};

	for (uint32_t round = 0; round < LIFE; round++) {
		struct weir_mbuf *received[64]; /* 8 at a time */
		uint32_t count;

		if (with_packets && round % 2)
			packet(&random, mark);
		else
			burst(&tally, &random, mark);
		count = weir_ring_dequeue_burst_mpmc(handed_on, received, sizeof(*received), 8);
		weir_mbuf_free_bulk(received, count);
	}
	add_up(&tally);
	return NULL;
}

/* THREADS at a time, the oldest replaced when it has ended. */
static void live_on(void)
{
	pthread_t threads[THREADS];
	uintptr_t born = 0, ended = 0;

	while (born < THREADS || born * LIFE < stress_count) {
		if (born >= THREADS)
			pthread_join(threads[ended++ % THREADS], NULL);
		pthread_create(&threads[born % THREADS], NULL, live, (void *)(born + 1));
		born++;
	}
	while (ended < born)
		pthread_join(threads[ended++ % THREADS], NULL);
}

/* What was counted never becomes less. */
static void *watch(void *argument)
{
	uint64_t served[TIERS] = {0};

	while (!atomic_load(&done)) {
		for (uint32_t i = 0; i < TIERS; i++) {
			struct weir_tiers_stats stats;

			weir_tiers_stats(tiers, i, &stats);
			stress_check(stats.served >= served[i], "served went back");
			stress_check(stats.peak <= stats.count, "a peak above the count");
			served[i] = stats.served;
		}
		stress_wait();
	}
	return argument;
}

static void check_figures(void)
{
	for (uint32_t i = 0; i < TIERS; i++) {
		struct weir_tiers_stats stats;

		weir_tiers_stats(tiers, i, &stats);
		stress_check(stats.in_use == 0, "tier %u: %u were lost", i, stats.in_use);
		stress_check(stats.freed == stats.served + stats.stepped_in, "tier %u: freed", i);
		if (with_packets)
			continue; /* what a packet had when the tiers ran dry is not known here */
		stress_check(stats.served + stats.fell_up == sums.asked[i],
			"tier %u counted %llu allocations, its users %llu", i,
			(unsigned long long)(stats.served + stats.fell_up),
			(unsigned long long)sums.asked[i]);
		stress_check(stats.served + stats.stepped_in == sums.given[i], "tier %u: given", i);
		stress_check(stats.failed == sums.failed[i], "tier %u: failed", i);
	}
}

static void run(uint32_t count, uint32_t cache, bool packets)
{
	struct weir_tiers_conf conf = {.name = "stress",
		.tiers = {{100, count}, {200, count}, {LARGEST, count}},
		.common = {.private_size = 4, .cache = cache, .pages = WEIR_PAGES_4K}};
	pthread_t watcher;
	struct weir_mbuf *mbuf;

	with_packets = packets;
	memset(&sums, 0, sizeof(sums));
	atomic_store(&done, false);
	tiers = weir_tiers_create(&conf);
	handed_on = weir_ring_create(32, sizeof(void *), WEIR_RING_MPMC);
	stress_check(tiers && handed_on, "%s", weir_last_error());
	pthread_create(&watcher, NULL, watch, NULL);
	live_on();
	atomic_store(&done, true);
	pthread_join(watcher, NULL);
	while (weir_ring_dequeue_burst_mpmc(handed_on, &mbuf, sizeof(mbuf), 1))
		weir_mbuf_free(mbuf);
	weir_ring_destroy(handed_on);
	check_figures();
	stress_check(weir_tiers_destroy(tiers) == 0, "%s", weir_last_error());
}

int main(int argc, char **argv)
{
	stress_begin("tiers", argc, argv, 100000);
	run(60, 16, false);                      /* often dry */
	run(60, 16, true);                       /* chains, cut off half made */
	run(60, WEIR_MEMPOOL_CACHE_NONE, false); /* threads without a slot share their counts */
	return 0;
}
