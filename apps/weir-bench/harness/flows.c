/* SPDX-License-Identifier: BSD-3-Clause */
/* flows.c: the bench flow: a million flows in a table, found in bursts and inserted. An operation
 * is one key. */
#include "bench.h"
#include "work_flows.h"

#include <stdlib.h>
#include <string.h>

/* Flows, in tables made for ROOM: rte_hash, which has as many slots as it is made for, promises no
 * more than 95 %. */
#define FLOWS 1000000
#define ROOM  (1u << 20)
#define HOT   4096

/* It takes longer than a batch of the usual to come around to flows that are in no cache. */
#define BATCH_NS 20000

/* The usual, and as many as both tables take at most. */
static const uint32_t default_bursts[] = {32, 64, 0};

/* A generator of G. Marsaglia, "Xorshift RNGs", 2003. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Addresses, ports and protocol of IPv4: 13 bytes at random, and zeros. */
static void make_keys(uint8_t *keys, uint32_t count, uint64_t *state)
{
	for (uint32_t i = 0; i < count; i++) {
		uint64_t half[2] = {next_random(state), next_random(state) & 0xffffffffff};

		memcpy(keys + (size_t)i * WORK_KEY, half, WORK_KEY);
	}
}

struct sequence {
	uint8_t *keys;
	const void **pointers;
};

static bool reserve(struct sequence *sequence, uint32_t count)
{
	sequence->keys = calloc(count, WORK_KEY);
	sequence->pointers = calloc(count, sizeof(*sequence->pointers));
	for (uint32_t i = 0; sequence->keys && sequence->pointers && i < count; i++)
		sequence->pointers[i] = sequence->keys + (size_t)i * WORK_KEY;
	return sequence->keys && sequence->pointers;
}

/* In another order than that in which they went into the table. */
static void shuffle(uint8_t *keys, uint32_t count, uint64_t *state)
{
	uint8_t key[WORK_KEY];

	for (uint32_t i = count; i > 1; i--) {
		uint8_t *one = keys + (size_t)(i - 1) * WORK_KEY;
		uint8_t *other = keys + next_random(state) % i * WORK_KEY;

		memcpy(key, one, WORK_KEY);
		memcpy(one, other, WORK_KEY);
		memcpy(other, key, WORK_KEY);
	}
}

static const struct variant {
	const char *name;
	uint32_t count; /* keys that are used */
	bool missing;   /* none of them is in the table */
	enum { LOOKUP, INSERT_ONE, INSERT_BULK } what;
} variants[] = {
	{"lookup", FLOWS, false, LOOKUP},
	{"hot", HOT, false, LOOKUP},
	{"miss", FLOWS, true, LOOKUP},
	{"insert", FLOWS, false, INSERT_ONE},
	{"insert-bulk", FLOWS, false, INSERT_BULK},
};

static int measure_burst(struct bench_run *run, const struct bench *bench,
	const struct variant *variant, struct work_flows *work)
{
	const struct flow_subject *subject = bench->subject;
	struct measure_work to_run = {subject->lookup, work};
	struct bench_case measured = {.bench = bench->name,
		.variant = variant->name,
		.burst = work->burst,
		.works = &to_run,
		.workers = 1,
		.batch_ns = BATCH_NS,
		.enter = subject->enter,
		.leave = subject->leave};

	if (variant->what == INSERT_ONE)
		to_run.run = subject->insert_one;
	if (variant->what == INSERT_BULK)
		to_run.run = subject->insert_bulk;
	if (bench_measure(run, &measured) != 0)
		return 1;
	if ((work->wrong > 0) != variant->missing)
		return bench_fail(run, bench->name, variant->name, "flows were not found");
	return 0;
}

static int measure_variant(struct bench_run *run, const struct bench *bench, void *table,
	const struct variant *variant, const struct sequence *sequence)
{
	struct options_list bursts = run->options.bursts;
	struct work_flows work = {.table = table,
		.keys = sequence->keys,
		.pointers = sequence->pointers,
		.count = variant->count};
	int result = 0;

	options_default_bursts(&bursts, default_bursts);
	for (uint32_t i = 0; result == 0 && i < bursts.count; i++) {
		work.burst = bursts.values[i];
		work.at = 0;
		if (work.burst <= WORK_FLOWS_BURST_MAX)
			result = measure_burst(run, bench, variant, &work);
	}
	return result;
}

static int measure_table(struct bench_run *run, const struct bench *bench, void *table,
	const struct sequence *flows, const struct sequence *others)
{
	const struct flow_subject *subject = bench->subject;
	uint64_t state = 2;
	int result = 0;

	run->pages = subject->pages(table);
	for (uint32_t i = 0; i < FLOWS; i++)
		if (!subject->insert(table, flows->pointers[i]))
			return bench_fail(run, bench->name, "a flow", "has no place in the table");
	shuffle(flows->keys, FLOWS, &state);
	for (size_t i = 0; result == 0 && i < sizeof(variants) / sizeof(*variants); i++)
		if (options_has(run->options.variants, variants[i].name))
			result = measure_variant(run, bench, table, &variants[i],
				variants[i].missing ? others : flows);
	return result;
}

int bench_flows(struct bench_run *run, const struct bench *bench)
{
	const struct flow_subject *subject = bench->subject;
	struct sequence flows = {0}, others = {0};
	uint64_t state = 1;
	int result = 1;
	void *table = subject->create(&run->options, ROOM);

	if (!table)
		return bench_fail(run, bench->name, "table", run->why());
	if (reserve(&flows, FLOWS) && reserve(&others, FLOWS)) {
		make_keys(flows.keys, FLOWS, &state);
		make_keys(others.keys, FLOWS, &state);
		result = measure_table(run, bench, table, &flows, &others);
	} else {
		bench_fail(run, bench->name, "keys", "no memory");
	}
	free(flows.keys);
	free(flows.pointers);
	free(others.keys);
	free(others.pointers);
	subject->destroy(table);
	return result;
}
