/* SPDX-License-Identifier: BSD-3-Clause */
/* stress_clone.c: eight threads clone, slice, unshare and free the same packets. Nobody ever sees
 * other bytes than those that were put there, and at the end the pool is full and every piece of
 * external memory was released once. */
#include "stress.h"

#include "weir/chain.h"
#include "weir/clone.h"
#include "weir/ring.h"

#include <pthread.h>
#include <stdlib.h>

#define THREADS 8
#define LENGTH  300 /* three segments */

static struct weir_mempool *pool;
static struct weir_ring *shared; /* packets that everybody has clones of */
static WEIR_ATOMIC(uint32_t) externals;

static void release(struct weir_external *external)
{
	free(external->bytes);
	free(external);
	atomic_fetch_sub_explicit(&externals, 1, memory_order_relaxed);
}

/* Byte i of a packet is first + i, wherever it was made. */
static void check(const struct weir_mbuf *mbuf)
{
	uint8_t bytes[LENGTH];

	stress_check(weir_mbuf_read(mbuf, 0, bytes, mbuf->length) == 0, "shorter than it says");
	for (uint32_t i = 1; i < mbuf->length; i++)
		stress_check(bytes[i] == (uint8_t)(bytes[0] + i), "somebody wrote to our bytes");
}

static struct weir_mbuf *make_external(const uint8_t *bytes)
{
	struct weir_external *external = malloc(sizeof(*external));
	struct weir_mbuf *mbuf = weir_mbuf_alloc(pool);
	uint8_t *copy = malloc(LENGTH);

	memcpy(copy, bytes, LENGTH);
	weir_external_init(external, copy, LENGTH, release, NULL);
	atomic_fetch_add_explicit(&externals, 1, memory_order_relaxed);
	if (mbuf)
		weir_mbuf_attach(mbuf, external, 0, LENGTH);
	else
		weir_external_drop(external);
	return mbuf;
}

static struct weir_mbuf *make(uint64_t *random)
{
	uint8_t bytes[LENGTH], first = (uint8_t)stress_random(random, 256);

	for (uint32_t i = 0; i < LENGTH; i++)
		bytes[i] = (uint8_t)(first + i);
	return stress_random(random, 3) ? weir_mbuf_from_bytes(pool, bytes, LENGTH)
					: make_external(bytes);
}

/* What one does with a packet of one's own. */
static struct weir_mbuf *use(struct weir_mbuf *mbuf, uint64_t *random)
{
	uint32_t offset = stress_random(random, mbuf->length);
	struct weir_mbuf *part;

	switch (stress_random(random, 4)) {
	case 0: /* its own bytes, all moved on by one */
		if (weir_mbuf_make_writable(&mbuf, 0, mbuf->length))
			break;
		for (struct weir_mbuf *segment = mbuf; segment; segment = segment->next)
			for (uint32_t i = 0; i < segment->data_length; i++)
				weir_mbuf_data(segment)[i]++;
		break;
	case 1:
		part = weir_mbuf_slice(mbuf, offset, mbuf->length - offset, pool);
		if (part) {
			weir_mbuf_free(mbuf);
			mbuf = part;
		}
		break;
	case 2:
		weir_mbuf_adj(mbuf, offset);
		break;
	default:
		weir_mbuf_trim(mbuf, offset);
	}
	return mbuf;
}

static void *live(void *argument)
{
	uint64_t random = stress_random_start((uintptr_t)argument);
	struct weir_mbuf *mbuf, *clone;

	for (uint64_t i = 0; i < stress_count / THREADS; i++) {
		mbuf = NULL;
		weir_ring_dequeue_bulk_mpmc(shared, &mbuf, sizeof(mbuf), 1);
		if (!mbuf)
			mbuf = make(&random);
		if (!mbuf)
			continue;
		check(mbuf);
		clone = weir_mbuf_clone(mbuf, pool);
		if (clone && mbuf->length) {
			check(clone);
			clone = use(clone, &random);
			check(clone);
		}
		weir_mbuf_free(clone);
		if (mbuf->length == 0 || stress_random(&random, 8) == 0) {
			weir_mbuf_free(mbuf);
			continue;
		}
		/* the others get clones of what we keep a clone of */
		clone = weir_mbuf_clone(mbuf, pool);
		if (!clone || weir_ring_enqueue_bulk_mpmc(shared, &clone, sizeof(clone), 1))
			weir_mbuf_free(clone);
		if (weir_ring_enqueue_bulk_mpmc(shared, &mbuf, sizeof(mbuf), 1))
			weir_mbuf_free(mbuf);
		if (i % 16 == 0)
			stress_wait();
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct weir_mbuf_pool_conf conf = {
		.name = "stress", .count = 4000, .size = 100, .pages = WEIR_PAGES_4K};
	pthread_t threads[THREADS];
	struct weir_mbuf *mbuf;

	stress_begin("clone", argc, argv, 1000000);
	pool = weir_mbuf_pool_create(&conf);
	shared = weir_ring_create(256, sizeof(void *), WEIR_RING_MPMC);
	stress_check(pool && shared, "%s", weir_last_error());
	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, live, (void *)(i + 1));
	for (uint32_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	while (weir_ring_dequeue_burst_mpmc(shared, &mbuf, sizeof(mbuf), 1))
		weir_mbuf_free(mbuf);
	weir_ring_destroy(shared);
	stress_check(weir_mempool_destroy(pool) == 0, "%s", weir_last_error());
	stress_check(externals == 0, "%u pieces of memory were not released", externals);
	return 0;
}
