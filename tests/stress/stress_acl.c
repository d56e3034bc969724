/* SPDX-License-Identifier: BSD-3-Clause */
/* stress_acl.c: two readers look keys up in sets of rules that a writer replaces as fast as it can.
 *
 * Set number n answers key k with rule (n + k) % RULES, whichever way it is looked up: so all
 * answers of a burst must be those of one set, and sets never go back.
 */
#include "stress.h"

#include "weir/acl.h"
#include "weir/rcu.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define READERS 2
#define RULES   16
#define BURST   32

struct set {
	struct weir_acl *acl;
	uint64_t number;
};

static struct weir_rcu_slot slot;
static _Atomic(bool) over;

static struct set *make(uint64_t number)
{
	static const struct weir_acl_field field = {WEIR_ACL_MASK, 1};
	struct weir_acl_rule rules[RULES] = {0};
	struct weir_acl_conf conf = {.fields = &field,
		.field_count = 1,
		.rules = rules,
		.count = RULES,
		.pages = WEIR_PAGES_4K,
		.way = number % 2 ? WEIR_ACL_CLASSES : WEIR_ACL_TUPLES};
	struct set *set = malloc(sizeof(*set));

	for (uint64_t key = 0; key < RULES; key++) {
		rules[(number + key) % RULES].from[0] = (uint8_t)key;
		rules[(number + key) % RULES].to[0] = RULES - 1;
	}
	stress_check(set, "no memory");
	*set = (struct set){weir_acl_create(&conf), number};
	stress_check(set->acl, "%s", weir_last_error());
	return set;
}

static void release(void *context)
{
	struct set *set = context;

	weir_acl_destroy(set->acl);
	free(set);
}

static void *read_main(void *argument)
{
	uint64_t random = stress_random_start((uint64_t)(uintptr_t)argument), newest = 0;

	stress_check(weir_rcu_join() == 0, "%s", weir_last_error());
	while (!atomic_load_explicit(&over, memory_order_relaxed)) {
		const struct set *set = weir_rcu_read(&slot);
		uint8_t keys[BURST];
		uint32_t found[BURST];

		stress_check(set->number >= newest, "set %llu came back",
			(unsigned long long)set->number);
		newest = set->number;
		for (uint32_t i = 0; i < BURST; i++)
			keys[i] = (uint8_t)stress_random(&random, 256);
		weir_acl_lookup_bulk(set->acl, keys, BURST, found);
		for (uint32_t i = 0; i < BURST; i++)
			stress_check(found[i] == (newest + keys[i]) % RULES,
				"key %u found rule %u in set %llu", keys[i], found[i],
				(unsigned long long)newest);
		weir_rcu_quiescent();
	}
	weir_rcu_leave();
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t readers[READERS];

	stress_begin("acl", argc, argv, 3000);
	weir_rcu_publish(&slot, make(0));
	for (uintptr_t i = 0; i < READERS; i++)
		stress_check(
			pthread_create(&readers[i], NULL, read_main, (void *)i) == 0, "no thread");
	for (uint64_t number = 1; number <= stress_count; number++)
		stress_check(weir_rcu_replace(&slot, make(number), release) == 0, "%s",
			weir_last_error());
	atomic_store_explicit(&over, true, memory_order_relaxed);
	for (uint32_t i = 0; i < READERS; i++)
		pthread_join(readers[i], NULL);
	release(weir_rcu_publish(&slot, NULL));
	stress_check(weir_rcu_barrier() == 0, "the main thread is a reader");
	return 0;
}
