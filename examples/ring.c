/* SPDX-License-Identifier: BSD-3-Clause */
/* ring.c: one thread sends numbers, another adds them up; a ring is between them.
 *
 *	ring 1000000
 */
#include <weir/weir.h>

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#define BURST 24
#define OVER  UINT64_MAX

struct receiver {
	struct weir_ring *ring;
	uint64_t sum;
};

/* Wait for room until all of the burst is sent. Someone who must not wait counts the rest as lost
 * instead. */
static void send_all(struct weir_ring *ring, const uint64_t *numbers, uint32_t count)
{
	while (count) {
		uint32_t sent =
			weir_ring_enqueue_burst_spsc(ring, numbers, sizeof(*numbers), count);

		if (sent == 0)
			sched_yield(); /* the other side may need this core */
		numbers += sent;
		count -= sent;
	}
}

static void *sum_main(void *argument)
{
	struct receiver *receiver = argument;
	uint64_t numbers[BURST];

	for (;;) {
		uint32_t count = weir_ring_dequeue_burst_spsc(
			receiver->ring, numbers, sizeof(*numbers), BURST);

		if (count == 0)
			sched_yield();
		for (uint32_t i = 0; i < count; i++) {
			if (numbers[i] == OVER)
				return NULL;
			receiver->sum += numbers[i];
		}
	}
}

static void send_numbers(struct weir_ring *ring, uint64_t last)
{
	const uint64_t over = OVER;
	uint64_t numbers[BURST];
	uint32_t count = 0;

	for (uint64_t number = 1; number <= last; number++) {
		numbers[count++] = number;
		if (count == BURST || number == last) {
			send_all(ring, numbers, count);
			count = 0;
		}
	}
	send_all(ring, &over, 1);
}

int main(int argc, char **argv)
{
	struct receiver receiver = {0};
	pthread_t thread;

	if (argc != 2) {
		fprintf(stderr, "usage: ring NUMBER\n");
		return 2;
	}
	receiver.ring = weir_ring_create(256, sizeof(uint64_t), WEIR_RING_SPSC);
	if (!receiver.ring) {
		fprintf(stderr, "ring: %s\n", weir_last_error());
		return 1;
	}
	if (pthread_create(&thread, NULL, sum_main, &receiver) != 0)
		return 1;
	send_numbers(receiver.ring, strtoull(argv[1], NULL, 10));
	pthread_join(thread, NULL);
	printf("%" PRIu64 "\n", receiver.sum);
	weir_ring_destroy(receiver.ring);
	return 0;
}
