/* SPDX-License-Identifier: BSD-3-Clause */
/* stress_pipeline.c: a table is replaced again and again while packets pass.
 *
 *	make (numbered, by flow) -> ring -> look up (2 workers) -> delay -> check (2 more)
 *
 * Each packet carries its flow and its place in the flow. A table is overwritten before it is
 * freed, so a worker that is not protected sees something else than its version. At the end no
 * packet is lost, none came twice, each flow came to one worker in order, every table but one has
 * been freed, and there were never more tables than may wait for it.
 *
 * WEIR_STRESS_PACKETS sets packets apart from the count, which is of replacements.
 *
 *	stress_pipeline COUNT SEED lcores=1-8 lcores=node1
 *
 * looks up and checks there, instead of with two workers each that run anywhere.
 */
#include "stress.h"

#include "weir/lcores.h"
#include "weir/pipeline.h"
#include "weir/rcu.h"
#include "weir/stages.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLOWS 1024

struct packet {
	uint32_t flow;
	uint64_t place;
};

struct table {
	uint64_t values[FLOWS]; /* version + flow */
	uint64_t version;
};

static struct weir_mempool *pool;
static struct weir_rcu_slot slot;
static uint64_t packets;
static _Atomic(int64_t) tables, most_tables;
static _Atomic(uint64_t) checked;
static uint64_t expected[FLOWS]; /* place; each is one worker's, once it has come there */
static _Atomic(int) home[FLOWS];

/* Where stages run: the argument, and what it means. */
struct place {
	const char *argument;
	struct weir_lcores lcores;
};
static struct place lookup_place = {.argument = "workers=2"},
		    check_place = {.argument = "workers=2"};

/* ---- tables ---- */

static struct table *make_table(uint64_t version)
{
	struct table *table = malloc(sizeof(*table));
	int64_t now = atomic_fetch_add_explicit(&tables, 1, memory_order_relaxed) + 1;

	stress_check(table, "no memory");
	table->version = version;
	for (uint32_t i = 0; i < FLOWS; i++)
		table->values[i] = version + i;
	if (now > atomic_load_explicit(&most_tables, memory_order_relaxed))
		atomic_store_explicit(&most_tables, now, memory_order_relaxed); /* one writer */
	return table;
}

static void free_table(void *table)
{
	memset(table, 0xff, sizeof(struct table));
	free(table);
	atomic_fetch_sub_explicit(&tables, 1, memory_order_relaxed);
}

/* ---- stages ---- */

struct maker {
	uint64_t made, places[FLOWS], random;
};

static int setup_maker(struct weir_stage *stage)
{
	((struct maker *)stage->state)->random = stress_random_start(7);
	return 0;
}

static uint32_t poll_maker(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	struct maker *maker = stage->state;

	if (count > packets - maker->made)
		count = (uint32_t)(packets - maker->made);
	if (count == 0 || weir_mbuf_alloc_bulk(pool, mbufs, count))
		return 0;
	for (uint32_t i = 0; i < count; i++) {
		struct packet packet = {.flow = stress_random(&maker->random, FLOWS)};

		packet.place = maker->places[packet.flow]++;
		memcpy(weir_mbuf_append(mbufs[i], sizeof(packet)), &packet, sizeof(packet));
		/* in place of a port's hash */
		mbufs[i]->hash = packet.flow * 0x9e3779b1u >> 8;
		mbufs[i]->flags |= WEIR_MBUF_HASH;
	}
	maker->made += count;
	return count;
}

static bool ended_maker(const struct weir_stage *stage)
{
	return ((struct maker *)stage->state)->made == packets;
}

static struct packet packet_of(const struct weir_mbuf *mbuf)
{
	struct packet packet;

	memcpy(&packet, weir_mbuf_data(mbuf), sizeof(packet));
	return packet;
}

static void set_place(struct place *place, const char *argument)
{
	place->argument = argument;
	stress_check(strncmp(argument, "lcores=", 7) == 0 &&
			     weir_lcores_parse(&place->lcores, argument + 7) == 0,
		"%s: %s", argument, weir_last_error());
}

static void check_place_of(const struct place *place)
{
	int core = sched_getcpu();

	stress_check(weir_lcores_count(&place->lcores) == 0 ||
			     weir_lcores_has(&place->lcores, (uint32_t)core),
		"a worker with %s runs on core %d", place->argument, core);
}

static void run_lookup(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	const struct table *table = weir_rcu_read(&slot);
	uint64_t *newest = stage->state;

	check_place_of(&lookup_place);
	stress_check(table->version >= *newest, "table %llu came after %llu",
		(unsigned long long)table->version, (unsigned long long)*newest);
	*newest = table->version;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t flow = packet_of(mbufs[i]).flow;

		stress_check(table->values[flow] == table->version + flow,
			"table %llu was freed while it was read", (unsigned long long)*newest);
	}
	weir_stage_pass(stage, 0, mbufs, count);
}

static void check_packet(const struct weir_stage *stage, struct packet packet)
{
	int worker = (int)stage->worker + 1, nobody = 0;

	atomic_compare_exchange_strong_explicit(
		&home[packet.flow], &nobody, worker, memory_order_relaxed, memory_order_relaxed);
	stress_check(atomic_load_explicit(&home[packet.flow], memory_order_relaxed) == worker,
		"flow %u came to two workers", packet.flow);
	stress_check(packet.place == expected[packet.flow], "packet %llu of flow %u came for %llu",
		(unsigned long long)packet.place, packet.flow,
		(unsigned long long)expected[packet.flow]);
	expected[packet.flow]++;
}

static void run_check(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	check_place_of(&check_place);
	for (uint32_t i = 0; i < count; i++)
		check_packet(stage, packet_of(mbufs[i]));
	weir_mbuf_free_bulk(mbufs, count);
	weir_stage_took(stage, count);
	atomic_fetch_add_explicit(&checked, count, memory_order_relaxed);
}

static const char *const out[] = {"out", NULL};
static const struct weir_stage_type maker = {.name = "make",
	.edges = out,
	.state_size = sizeof(struct maker),
	.setup = setup_maker,
	.poll = poll_maker,
	.ended = ended_maker};
static const struct weir_stage_type lookup = {
	.name = "lookup", .edges = out, .state_size = sizeof(uint64_t), .run = run_lookup};
static const struct weir_stage_type check = {.name = "check", .run = run_check};
static const struct weir_stage_type *const own[] = {&maker, &lookup, &check, NULL};

static struct weir_pipeline *start(void)
{
	struct weir_pipeline_conf conf = {
		.name = "stress", .types = weir_stages, .more = own, .pool = pool};
	struct weir_pipeline *pipeline = weir_pipeline_create(&conf);
	char text[512];

	snprintf(text, sizeof(text),
		"in: make\n"
		"q: ring %s size=256\n"
		"look: lookup\n"
		"late: delay time=50us %s\n"
		"end: check\n"
		"in -> q -> look -> late -> end\n",
		lookup_place.argument, check_place.argument);
	stress_check(
		pipeline && !weir_pipeline_parse(pipeline, text) && !weir_pipeline_start(pipeline),
		"%s", weir_last_error());
	return pipeline;
}

/* Spread the replacements over the time that the packets take. */
static void replace_all(void)
{
	for (uint64_t i = 1; i <= stress_count; i++) {
		uint64_t due = packets / stress_count * i;

		stress_check(weir_rcu_replace(&slot, make_table(i), free_table) == 0, "%s",
			weir_last_error());
		while (atomic_load_explicit(&checked, memory_order_relaxed) < due)
			stress_wait();
	}
}

int main(int argc, char **argv)
{
	const char *more = getenv("WEIR_STRESS_PACKETS");
	struct weir_mbuf_pool_conf conf = {
		.name = "stress", .count = 4096, .size = 128, .pages = WEIR_PAGES_4K};
	struct weir_pipeline *pipeline;

	stress_begin("pipeline", argc, argv, 1000);
	if (argc > 4) {
		set_place(&lookup_place, argv[3]);
		set_place(&check_place, argv[4]);
	}
	packets = more ? strtoull(more, NULL, 10) : stress_count * 1000;
	pool = weir_mbuf_pool_create(&conf);
	stress_check(pool, "%s", weir_last_error());
	weir_rcu_publish(&slot, make_table(0));
	pipeline = start();
	replace_all();
	stress_check(weir_pipeline_wait(pipeline, 120000) == 0, "%s", weir_last_error());
	stress_check(atomic_load(&checked) == packets, "%llu packets of %llu came",
		(unsigned long long)atomic_load(&checked), (unsigned long long)packets);
	stress_check(weir_pipeline_destroy(pipeline) == 0, "%s", weir_last_error());
	stress_check(weir_rcu_barrier() == 0, "the main thread is a reader");
	stress_check(atomic_load(&tables) == 1, "%lld tables are left", (long long)tables);
	stress_check(atomic_load(&most_tables) <= WEIR_RCU_DEFERRED_MAX + 2,
		"%lld tables existed at once", (long long)most_tables);
	free_table(weir_rcu_publish(&slot, NULL));
	stress_check(weir_mempool_destroy(pool) == 0, "%s", weir_last_error());
	return 0;
}
