/* SPDX-License-Identifier: BSD-3-Clause */
/* stress_flow_shared.c: four threads insert, find, remove and expire the same few flows.
 *
 * Who makes a flow writes its number into the value many times, and everybody who finds it sees
 * that number, or that it is not written yet, until the next quiescent moment: also when another
 * thread has removed it meanwhile, and its record would be wanted again. Of one key there is one
 * flow at a time: what was made and not forgotten is what is left.
 */
#include "stress.h"

#include "weir/flow_shared.h"
#include "weir/rcu.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define THREADS 4
#define FLOWS   64 /* keys; there is room for half of them */
#define WORDS   6
#define HELD    16 /* values that a thread has between quiescent moments */

struct value {
	_Atomic(uint64_t) words[WORDS];
};

struct held {
	const struct value *value;
	uint64_t number;
};

static struct weir_flow_shared *table;
static _Atomic(int64_t) balance[FLOWS]; /* made less forgotten */
static _Atomic(uint64_t) clock_now;

static void look(const struct value *value, uint64_t number)
{
	for (uint32_t i = 0; i < WORDS; i++) {
		uint64_t word = atomic_load_explicit(&value->words[i], memory_order_relaxed);

		stress_check(word == number + 1 || word == 0, "flow %llu has the value %llu",
			(unsigned long long)number, (unsigned long long)word);
	}
}

static const struct value *insert(uint64_t number, uint64_t now)
{
	void *found;
	int made = weir_flow_shared_insert(table, &number, now, &found);
	struct value *value = found;

	if (made == 1) {
		atomic_fetch_add_explicit(&balance[number], 1, memory_order_relaxed);
		for (uint32_t i = 0; i < WORDS; i++)
			atomic_store_explicit(&value->words[i], number + 1, memory_order_relaxed);
	}
	return value;
}

static void forget(void *context, const void *key, void *value)
{
	uint64_t number = *(const uint64_t *)key;

	(void)context;
	look(value, number);
	atomic_fetch_sub_explicit(&balance[number], 1, memory_order_relaxed);
}

static const struct value *act(uint64_t *random, uint64_t number)
{
	uint64_t now = atomic_fetch_add_explicit(&clock_now, 1, memory_order_relaxed);
	void *value;

	switch (stress_random(random, 8)) {
	case 0:
		value = weir_flow_shared_lookup(table, &number);
		if (value && weir_flow_shared_remove(table, value) == 0)
			forget(NULL, &number, value);
		return value;
	case 1:
		weir_flow_shared_expire(table, now, 16, forget, NULL);
		return NULL;
	case 2:
	case 3:
		return insert(number, now);
	default:
		value = weir_flow_shared_lookup(table, &number);
		if (value)
			weir_flow_shared_touch(table, value, now);
		return value;
	}
}

static void *run(void *argument)
{
	uint64_t random = stress_random_start((uint64_t)(uintptr_t)argument);
	struct held held[HELD];
	uint32_t count = 0;

	stress_check(weir_rcu_join() == 0, "%s", weir_last_error());
	for (uint64_t i = 0; i < stress_count; i++) {
		uint64_t number = stress_random(&random, FLOWS);
		const struct value *value = act(&random, number);

		if (value)
			held[count++] = (struct held){value, number};
		if (count < HELD)
			continue;
		for (uint32_t j = 0; j < count; j++)
			look(held[j].value, held[j].number);
		count = 0;
		weir_rcu_quiescent();
		if (i % 64 == 0)
			stress_wait();
	}
	weir_rcu_leave();
	return NULL;
}

/* Every key has the flow that its balance says. */
static void check_rest(void)
{
	struct weir_flow_shared_stats stats;
	uint32_t left = 0;

	weir_rcu_join();
	for (uint64_t i = 0; i < FLOWS; i++) {
		bool there = weir_flow_shared_lookup(table, &i) != NULL;

		stress_check(atomic_load(&balance[i]) == there, "flow %llu: %lld made, %d there",
			(unsigned long long)i, (long long)balance[i], there);
		left += there;
	}
	weir_rcu_leave();
	weir_flow_shared_stats(table, &stats);
	stress_check(stats.flows == left, "%u flows counted, %u there", stats.flows, left);
	stress_check(
		stats.inserted == stats.removed + stats.expired + left, "figures do not add up");
	stress_check(stats.full > 0 && stats.expired > 0 && stats.removed > 0, "nothing happened");
}

int main(int argc, char **argv)
{
	struct weir_flow_conf conf = {.count = FLOWS / 2,
		.key_size = sizeof(uint64_t),
		.value_size = sizeof(struct value),
		.timeout = 200,
		.pages = WEIR_PAGES_4K};
	pthread_t threads[THREADS];

	stress_begin("flow_shared", argc, argv, 300000);
	table = weir_flow_shared_create(&conf);
	stress_check(table, "%s", weir_last_error());
	for (uintptr_t i = 0; i < THREADS; i++)
		stress_check(pthread_create(&threads[i], NULL, run, (void *)i) == 0, "no thread");
	for (uint32_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	check_rest();
	weir_flow_shared_destroy(table);
	return 0;
}
