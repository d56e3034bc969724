/* SPDX-License-Identifier: BSD-3-Clause */
/* stress_lane.c: records of all lengths through a small lane of a recorder: each comes once, whole
 * and in order, or was refused when it was put. */
#include "stress.h"

#include "runtime/lane_impl.h"

#include <pthread.h>
#include <stdalign.h>
#include <stddef.h>
#include <string.h>

#define SIZE    8192
#define LENGTHS 1500 /* of records, at most */

static alignas(64) uint8_t memory[SIZE];
static struct weir__lane lane = {.mask = SIZE - 1, .bytes = memory};

/* Its number, and then bytes that tell it from others. */
struct record {
	uint64_t number;
	uint32_t length;
	uint8_t bytes[LENGTHS];
};

static void *write_all(void *argument)
{
	uint64_t random = stress_random_start(1), next = 0;

	(void)argument;
	while (next < stress_count) {
		uint32_t burst = 1 + stress_random(&random, 8);

		for (; burst > 0 && next < stress_count; burst--) {
			uint32_t length = stress_random(&random, LENGTHS);
			struct record *record = weir__lane_put(
				&lane, 1, (uint32_t)offsetof(struct record, bytes) + length);

			if (!record)
				break;
			record->number = next;
			record->length = length;
			memset(record->bytes, (int)(uint8_t)next, length);
			next++;
		}
		weir__lane_publish(&lane);
		if (burst > 0)
			stress_wait();
	}
	return NULL;
}

static void check(const struct weir__lane_header *header, uint64_t expect)
{
	const struct record *record = (const void *)(header + 1);
	size_t size = offsetof(struct record, bytes) + record->length;

	stress_check(record->number == expect, "record %llu came where %llu was due",
		(unsigned long long)record->number, (unsigned long long)expect);
	stress_check(header->size == weir__lane_size((uint32_t)size), "record %llu has %u bytes",
		(unsigned long long)expect, header->size);
	for (uint32_t i = 0; i < record->length; i++)
		stress_check(record->bytes[i] == (uint8_t)expect, "byte %u of record %llu", i,
			(unsigned long long)expect);
}

int main(int argc, char **argv)
{
	struct weir__lane_header *header;
	pthread_t writer;

	stress_begin("lane", argc, argv, 300000);
	stress_check(pthread_create(&writer, NULL, write_all, NULL) == 0, "no thread");
	for (uint64_t next = 0; next < stress_count;) {
		header = weir__lane_peek(&lane);
		if (!header) {
			stress_wait();
			continue;
		}
		check(header, next++);
		weir__lane_pass(&lane, header);
	}
	pthread_join(writer, NULL);
	stress_check(!weir__lane_peek(&lane), "a record more than were written");
	return 0;
}
