/* SPDX-License-Identifier: BSD-3-Clause */
/* stress_ring.c: numbered elements through a small ring, from 1 to 1 and from 2 to 2 threads: each
 * arrives once, whole, and in the order of its producer. */
#include "stress.h"

#include "weir/ring.h"

#include <pthread.h>

#define SIDE_MAX  2
#define BURST_MAX 9

/* 16 bytes, so that a torn or stale slot shows */
struct element {
	uint64_t number; /* producer << 48 | sequence */
	uint64_t complement;
};

static struct weir_ring *ring;
static bool mpmc;
static uint64_t per_producer;
static _Atomic(uint64_t) left; /* to be consumed, all threads together */

static uint32_t enqueue(const struct element *elements, uint32_t count)
{
	return mpmc ? weir_ring_enqueue_burst_mpmc(ring, elements, sizeof(*elements), count)
		    : weir_ring_enqueue_burst_spsc(ring, elements, sizeof(*elements), count);
}

static uint32_t dequeue(struct element *elements, uint32_t count)
{
	return mpmc ? weir_ring_dequeue_burst_mpmc(ring, elements, sizeof(*elements), count)
		    : weir_ring_dequeue_burst_spsc(ring, elements, sizeof(*elements), count);
}

static void *produce(void *argument)
{
	uint64_t thread = (uint64_t)(uintptr_t)argument, next = 0;
	uint64_t random = stress_random_start(thread);
	struct element elements[BURST_MAX];

	while (next < per_producer) {
		uint32_t count = 1 + stress_random(&random, BURST_MAX);
		uint32_t sent;

		if (count > per_producer - next)
			count = (uint32_t)(per_producer - next);
		for (uint32_t i = 0; i < count; i++) {
			elements[i].number = thread << 48 | (next + i);
			elements[i].complement = ~elements[i].number;
		}
		sent = enqueue(elements, count);
		stress_check(sent <= count, "%u of %u enqueued", sent, count);
		next += sent;
		if (sent < count)
			stress_wait();
	}
	return NULL;
}

static void *consume(void *argument)
{
	uint64_t random = stress_random_start(100 + (uint64_t)(uintptr_t)argument);
	uint64_t expect[SIDE_MAX] = {0};
	struct element elements[BURST_MAX];

	while (atomic_load_explicit(&left, memory_order_relaxed)) {
		uint32_t count = dequeue(elements, 1 + stress_random(&random, BURST_MAX));

		for (uint32_t i = 0; i < count; i++) {
			uint64_t thread = elements[i].number >> 48;
			uint64_t sequence = elements[i].number & 0xffffffffffff;

			stress_check(elements[i].complement == ~elements[i].number &&
					     thread < SIDE_MAX && sequence < per_producer,
				"no element of ours: %llx", (unsigned long long)elements[i].number);
			stress_check(mpmc ? sequence >= expect[thread] : sequence == expect[thread],
				"producer %llu: %llu came where %llu was due",
				(unsigned long long)thread, (unsigned long long)sequence,
				(unsigned long long)expect[thread]);
			expect[thread] = sequence + 1;
		}
		atomic_fetch_sub_explicit(&left, count, memory_order_relaxed);
		if (!count)
			stress_wait();
	}
	return NULL;
}

static void run(bool many, uint32_t size)
{
	uint32_t threads = many ? SIDE_MAX : 1;
	pthread_t producers[SIDE_MAX], consumers[SIDE_MAX];

	mpmc = many;
	ring = weir_ring_create(
		size, sizeof(struct element), many ? WEIR_RING_MPMC : WEIR_RING_SPSC);
	stress_check(ring, "%s", weir_last_error());
	per_producer = stress_count / threads;
	atomic_store_explicit(&left, per_producer * threads, memory_order_relaxed);
	for (uintptr_t i = 0; i < threads; i++) {
		pthread_create(&producers[i], NULL, produce, (void *)i);
		pthread_create(&consumers[i], NULL, consume, (void *)i);
	}
	for (uint32_t i = 0; i < threads; i++) {
		pthread_join(producers[i], NULL);
		pthread_join(consumers[i], NULL);
	}
	stress_check(weir_ring_count(ring) == 0, "%u elements left over", weir_ring_count(ring));
	weir_ring_destroy(ring);
}

int main(int argc, char **argv)
{
	static const uint32_t sizes[] = {1, 4, 64};

	stress_begin("ring", argc, argv, 1000000);
	for (uint32_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		run(false, sizes[i]);
		run(true, sizes[i]);
	}
	return 0;
}
