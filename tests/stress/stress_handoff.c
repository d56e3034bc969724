/* SPDX-License-Identifier: BSD-3-Clause */
/* stress_handoff.c: numbered mbufs of two pools through a small channel to another thread: plain
 * ones, chains, and ones that the sender holds, too, and frees at the same time as the receiver.
 * Each arrives once, whole and in order, and at the end the pools are full. */
#include "stress.h"

#include "weir/chain.h"
#include "weir/handoff.h"

#include <pthread.h>
#include <string.h>

#define BURST_MAX 9

static struct weir_mempool *pools[2];
static struct weir_handoff *handoff;

static struct weir_mbuf *make(struct weir_mempool *pool, uint64_t number, uint64_t *random)
{
	struct weir_mbuf *mbuf = weir_mbuf_from_bytes(pool, &number, sizeof(number));

	stress_check(!mbuf || weir_mbuf_pool(mbuf) == pool, "an mbuf came home to another pool");
	if (mbuf && stress_random(random, 8) == 0) {
		struct weir_mbuf *more = weir_mbuf_from_bytes(pool, &number, sizeof(number));

		if (more)
			weir_mbuf_concat(mbuf, more);
	}
	return mbuf;
}

/* What the sender holds, too. */
struct shared {
	struct weir_mbuf *mbufs[BURST_MAX];
	uint64_t numbers[BURST_MAX];
	uint32_t count;
};

static void share(struct shared *shared, struct weir_mbuf *mbuf, uint64_t number)
{
	weir_mbuf_ref(mbuf, 1);
	shared->mbufs[shared->count] = mbuf;
	shared->numbers[shared->count++] = number;
}

/* Whoever frees last, it is whole until then. */
static void free_shared(struct shared *shared)
{
	for (uint32_t i = 0; i < shared->count; i++) {
		uint64_t number;

		memcpy(&number, weir_mbuf_data(shared->mbufs[i]), sizeof(number));
		stress_check(number == shared->numbers[i], "a held mbuf has changed");
	}
	weir_mbuf_free_bulk(shared->mbufs, shared->count);
	shared->count = 0;
}

/* One burst; some of it is shared, and what was shared of the one before is freed. Returns how many
 * were sent. */
static uint32_t send_some(uint64_t next, uint32_t count, struct shared *shared, uint64_t *random)
{
	struct weir_mbuf *mbufs[BURST_MAX];
	struct shared now = {.count = 0};
	uint32_t made = 0, sent;

	for (; made < count; made++) {
		mbufs[made] = make(pools[stress_random(random, 2)], next + made, random);
		if (!mbufs[made])
			break;
		if (stress_random(random, 4) == 0)
			share(&now, mbufs[made], next + made);
	}
	sent = weir_handoff_send_burst(handoff, mbufs, made);
	weir_mbuf_free_bulk(mbufs + sent, made - sent);
	free_shared(shared);
	*shared = now;
	return sent;
}

static void *send_all(void *argument)
{
	uint64_t random = stress_random_start(1), next = 0;
	struct shared shared = {.count = 0};

	(void)argument;
	while (next < stress_count) {
		uint32_t count = 1 + stress_random(&random, BURST_MAX), sent;

		if (count > stress_count - next)
			count = (uint32_t)(stress_count - next);
		sent = send_some(next, count, &shared, &random);
		next += sent;
		if (sent < count)
			stress_wait();
	}
	free_shared(&shared);
	return NULL;
}

static void check_packet(const struct weir_handed *handed, uint64_t due)
{
	const struct weir_mbuf *mbuf = handed->mbuf;
	uint64_t number;

	memcpy(&number, weir_handed_data(handed), sizeof(number));
	stress_check(number == due, "packet %llu came where %llu was due",
		(unsigned long long)number, (unsigned long long)due);
	stress_check(handed->length == sizeof(number) || handed->pool == 0,
		"packet %llu of %u bytes passed for plain", (unsigned long long)due,
		handed->length);
	if (handed->pool || !mbuf->next)
		return;
	memcpy(&number, weir_mbuf_data(mbuf->next), sizeof(number));
	stress_check(number == due, "the second segment of packet %llu is another's",
		(unsigned long long)due);
}

static void *receive_all(void *argument)
{
	uint64_t random = stress_random_start(2), due = 0;
	struct weir_handed handed[BURST_MAX];

	(void)argument;
	while (due < stress_count) {
		uint32_t wanted = 1 + stress_random(&random, BURST_MAX);
		uint32_t count = weir_handoff_receive_burst(handoff, handed, wanted);

		for (uint32_t i = 0; i < count; i++)
			check_packet(&handed[i], due + i);
		weir_handed_free_bulk(handed, count);
		due += count;
		if (!count)
			stress_wait();
	}
	return NULL;
}

static void run(uint32_t size)
{
	pthread_t sender, receiver;

	handoff = weir_handoff_create(size);
	stress_check(handoff, "%s", weir_last_error());
	pthread_create(&sender, NULL, send_all, NULL);
	pthread_create(&receiver, NULL, receive_all, NULL);
	pthread_join(sender, NULL);
	pthread_join(receiver, NULL);
	weir_handoff_destroy(handoff);
}

int main(int argc, char **argv)
{
	static const uint32_t sizes[] = {1, 16, 256};
	struct weir_mbuf_pool_conf conf = {
		.count = 64, .size = 64, .cache = 4, .pages = WEIR_PAGES_4K};

	stress_begin("handoff", argc, argv, 1000000);
	for (uint32_t i = 0; i < 2; i++) {
		pools[i] = weir_mbuf_pool_create(&conf);
		stress_check(pools[i], "%s", weir_last_error());
	}
	for (uint32_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		run(sizes[i]);
	for (uint32_t i = 0; i < 2; i++)
		stress_check(weir_mempool_destroy(pools[i]) == 0, "%s", weir_last_error());
	return 0;
}
