/* SPDX-License-Identifier: BSD-3-Clause */
/* share.c: numbers to another process and their squares back, through memory that both have.
 *
 *	share 1000
 */
#include <weir/weir.h>

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLOTS 256

/* Where things lie in the region: the same offsets for both, whatever the address. */
struct shared {
	uint64_t questions, answers;
};

static struct weir_ring *ring_at(struct weir_region *region, uint64_t offset)
{
	return (struct weir_ring *)((uint8_t *)weir_region_base(region) + offset);
}

/* Lay out the region: offsets, then two rings. */
static int lay_out(struct weir_region *region)
{
	struct shared *shared = weir_region_base(region);
	size_t size = weir_ring_memory_size(SLOTS, sizeof(uint64_t));

	shared->questions = WEIR_CACHE_LINE;
	shared->answers = shared->questions + size;
	if (!weir_ring_init(
		    ring_at(region, shared->questions), SLOTS, sizeof(uint64_t), WEIR_RING_SPSC) ||
		!weir_ring_init(
			ring_at(region, shared->answers), SLOTS, sizeof(uint64_t), WEIR_RING_SPSC))
		return -1;
	return 0;
}

static uint64_t take(struct weir_ring *ring)
{
	uint64_t number;

	while (weir_ring_dequeue_bulk_spsc(ring, &number, sizeof(number), 1))
		sched_yield();
	return number;
}

static void give(struct weir_ring *ring, uint64_t number)
{
	while (weir_ring_enqueue_bulk_spsc(ring, &number, sizeof(number), 1))
		sched_yield();
}

/* The other process: receive the region, answer until a 0 comes. */
static int answer(int socket)
{
	struct weir_region *region = weir_region_receive(socket);
	struct shared *shared;
	uint64_t number;

	if (!region)
		return 1;
	shared = weir_region_base(region);
	while ((number = take(ring_at(region, shared->questions))))
		give(ring_at(region, shared->answers), number * number);
	weir_region_destroy(region);
	return 0;
}

static uint64_t ask(struct weir_region *region, uint64_t count)
{
	struct shared *shared = weir_region_base(region);
	uint64_t sum = 0;

	for (uint64_t number = 1; number <= count; number++) {
		give(ring_at(region, shared->questions), number);
		sum += take(ring_at(region, shared->answers));
	}
	give(ring_at(region, shared->questions), 0);
	return sum;
}

int main(int argc, char **argv)
{
	struct weir_region_conf conf = {.name = "shared", .size = 64 << 10, .shared = true};
	uint64_t count = argc == 2 ? strtoull(argv[1], NULL, 10) : 1000;
	struct weir_region *region;
	int ends[2], status = 1;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends)) {
		perror("share");
		return 1;
	}
	if (fork() == 0) {
		close(ends[0]);
		return answer(ends[1]);
	}
	close(ends[1]);
	region = weir_region_create(&conf);
	if (!region || lay_out(region) || weir_region_send(region, ends[0])) {
		fprintf(stderr, "share: %s\n", weir_last_error());
		close(ends[0]); /* the other one hears the end */
	} else {
		printf("%lu\n", (unsigned long)ask(region, count));
	}
	wait(&status);
	weir_region_destroy(region);
	return status != 0;
}
