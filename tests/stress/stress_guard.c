/* SPDX-License-Identifier: BSD-3-Clause */
/* stress_guard.c: some threads make packets of a guarded pool, share their bytes and pass them on,
 * others write what is theirs and free them. None does anything wrong: no guard may say so, and the
 * figures of every owner add up in the end. */
#include "stress.h"

#include "weir/chain.h"
#include "weir/clone.h"
#include "weir/guard.h"
#include "weir/ring.h"
#include "weir/track.h"

#include <pthread.h>
#include <stdio.h>

#define PAIRS 3 /* of a thread that makes and one that frees */
#define BURST 16

static struct weir_mempool *pool;
static struct weir_ring *ring;
static WEIR_ATOMIC(uint32_t) making = PAIRS;

static void complain(const char *sentence, void *context)
{
	(void)context;
	stress_check(false, "%s", sentence);
}

/* Pass a packet on, or free it. */
static void pass(struct weir_mbuf *mbuf)
{
	if (mbuf && weir_ring_enqueue_bulk_mpmc(ring, &mbuf, sizeof(mbuf), 1))
		weir_mbuf_free(mbuf);
}

/* A packet goes on as itself, as its clone or slice, to two holders, or as several of these. */
static void share(struct weir_mbuf *mbuf, uint64_t *random)
{
	switch (stress_random(random, 5)) {
	case 0:
		pass(weir_mbuf_clone(mbuf, pool));
		break;
	case 1:
		pass(weir_mbuf_clone(mbuf, pool));
		pass(weir_mbuf_slice(mbuf, 1, mbuf->length - 2, pool));
		break;
	case 2:
		weir_mbuf_freeze(mbuf);
		break;
	case 3:
		weir_mbuf_ref(mbuf, 1);
		pass(mbuf);
		break;
	default:
		break;
	}
	pass(mbuf);
}

static void *make(void *argument)
{
	uint64_t random = stress_random_start((uintptr_t)argument);
	struct weir_mbuf *mbufs[BURST];
	char name[16];

	snprintf(name, sizeof(name), "maker %u", (unsigned int)(uintptr_t)argument);
	weir_track_owner(name);
	for (uint64_t i = 0; i < stress_count / PAIRS; i++) {
		uint32_t count = 1 + stress_random(&random, BURST);

		if (weir_mbuf_alloc_bulk(pool, mbufs, count)) {
			stress_wait();
			continue;
		}
		for (uint32_t n = 0; n < count; n++) {
			uint32_t length = 3 + stress_random(&random, 97);

			memset(weir_mbuf_append(mbufs[n], length), (int)n, length);
			share(mbufs[n], &random);
		}
	}
	atomic_fetch_sub_explicit(&making, 1, memory_order_release);
	return NULL;
}

static void *use(void *argument)
{
	struct weir_mbuf *mbufs[BURST];
	uint32_t got, last;

	(void)argument;
	do {
		/* what was passed on before the last one stopped is there then */
		last = atomic_load_explicit(&making, memory_order_acquire);
		got = weir_ring_dequeue_burst_mpmc(ring, mbufs, sizeof(*mbufs), BURST);
		for (uint32_t i = 0; i < got; i++) {
			if (weir_mbuf_is_writable(mbufs[i], 0, mbufs[i]->length))
				memset(weir_mbuf_data(mbufs[i]), 0xff, mbufs[i]->length);
			stress_check(weir_mbuf_check(mbufs[i]) == 0, "%s", weir_last_error());
		}
		weir_mbuf_free_bulk(mbufs, got);
		if (!got)
			stress_wait();
	} while (got || last);
	return NULL;
}

static void check_figures(void)
{
	struct weir_track_figures figures[1 + PAIRS];
	uint64_t gets = 0, puts = 0;

	stress_check(weir_track_figures(pool, figures, 1 + PAIRS) == 1 + PAIRS, "owners are lost");
	for (uint32_t i = 0; i <= PAIRS; i++) {
		stress_check(figures[i].current == 0, "%s has %llu", figures[i].owner,
			(unsigned long long)figures[i].current);
		stress_check(figures[i].gets == figures[i].puts, "%s: gets and puts differ",
			figures[i].owner);
		stress_check(figures[i].peak && figures[i].peak <= weir_mempool_count(pool),
			"%s had %llu at a time", figures[i].owner,
			(unsigned long long)figures[i].peak);
		gets += i ? figures[i].gets : 0;
		puts += i ? figures[i].puts : 0;
	}
	stress_check(gets == figures[0].gets && puts == figures[0].puts, "the sum is another");
}

int main(int argc, char **argv)
{
	struct weir_mbuf_pool_conf conf = {.name = "stress",
		.count = 2000,
		.size = 100,
		.cache = 8, /* so that what is given back is soon another's */
		.track = WEIR_TRACK_GUARDS,
		.pages = WEIR_PAGES_4K};
	pthread_t threads[2 * PAIRS];

	stress_begin("guard", argc, argv, 100000);
	weir_guard_handler(complain, NULL);
	pool = weir_mbuf_pool_create(&conf);
	ring = weir_ring_create(256, sizeof(void *), WEIR_RING_MPMC);
	stress_check(pool && ring, "%s", weir_last_error());
	for (uintptr_t i = 0; i < 2 * PAIRS; i++)
		pthread_create(&threads[i], NULL, i % 2 ? use : make, (void *)(i + 1));
	for (uint32_t i = 0; i < 2 * PAIRS; i++)
		pthread_join(threads[i], NULL);
	weir_ring_destroy(ring);
	check_figures();
	stress_check(weir_mempool_destroy(pool) == 0, "%s", weir_last_error());
	return 0;
}
