/* SPDX-License-Identifier: BSD-3-Clause */
/* stress_rcu.c: three readers use an object that a writer replaces as fast as it can.
 *
 * An object holds one number many times. Who frees it overwrites it first, so a reader that is not
 * protected sees two numbers, or ThreadSanitizer a race. Readers come, go, sleep and are quiescent
 * at random. Numbers that a reader sees never go back.
 */
#include "stress.h"

#include "weir/rcu.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define READERS 3
#define WORDS   64

struct object {
	uint64_t words[WORDS];
};

static struct weir_rcu_slot slot;
static _Atomic(bool) over;
static _Atomic(int64_t) objects, most; /* that exist, and existed at once */

static struct object *make(uint64_t number)
{
	struct object *object = malloc(sizeof(*object));
	int64_t now = atomic_fetch_add_explicit(&objects, 1, memory_order_relaxed) + 1;

	stress_check(object, "no memory");
	for (uint32_t i = 0; i < WORDS; i++)
		object->words[i] = number;
	if (now > atomic_load_explicit(&most, memory_order_relaxed))
		atomic_store_explicit(&most, now, memory_order_relaxed); /* one writer */
	return object;
}

static void release(void *object)
{
	memset(object, 0xff, sizeof(struct object));
	free(object);
	atomic_fetch_sub_explicit(&objects, 1, memory_order_relaxed);
}

static uint64_t look(uint64_t least, uint64_t *random)
{
	const struct object *object = weir_rcu_read(&slot);
	uint64_t number = object->words[0];

	stress_check(number >= least, "object %llu came back after %llu",
		(unsigned long long)number, (unsigned long long)least);
	for (uint32_t looks = stress_random(random, 4); looks > 0; looks--)
		stress_wait();
	for (uint32_t i = 0; i < WORDS; i++)
		stress_check(object->words[i] == number, "object %llu was freed while it was read",
			(unsigned long long)number);
	return number;
}

static void *read_main(void *argument)
{
	uint64_t random = stress_random_start((uint64_t)(uintptr_t)argument), number = 0;

	stress_check(weir_rcu_join() == 0, "%s", weir_last_error());
	while (!atomic_load_explicit(&over, memory_order_relaxed)) {
		number = look(number, &random);
		switch (stress_random(&random, 16)) {
		case 0:
			weir_rcu_offline();
			stress_wait();
			weir_rcu_online();
			break;
		case 1:
			weir_rcu_leave();
			stress_check(weir_rcu_join() == 0, "%s", weir_last_error());
			break;
		default:
			weir_rcu_quiescent();
		}
	}
	return NULL; /* the end of a thread leaves, too */
}

int main(int argc, char **argv)
{
	pthread_t threads[READERS];
	uint64_t random;

	stress_begin("rcu", argc, argv, 10000);
	random = stress_random_start(READERS);
	weir_rcu_publish(&slot, make(1));
	for (uintptr_t i = 0; i < READERS; i++)
		pthread_create(&threads[i], NULL, read_main, (void *)i);
	for (uint64_t i = 2; i < stress_count + 2; i++) {
		if (stress_random(&random, 64) == 0) {
			void *old = weir_rcu_publish(&slot, make(i));

			weir_rcu_synchronize();
			release(old);
		} else {
			stress_check(weir_rcu_replace(&slot, make(i), release) == 0, "%s",
				weir_last_error());
		}
	}
	stress_check(weir_rcu_barrier() == 0, "the main thread is a reader");
	stress_check(atomic_load(&objects) == 1, "%lld objects are left", (long long)objects);
	stress_check(atomic_load(&most) <= WEIR_RCU_DEFERRED_MAX + 2,
		"%lld objects existed at once", (long long)most);
	atomic_store_explicit(&over, true, memory_order_relaxed);
	for (uint32_t i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
	release(weir_rcu_publish(&slot, NULL));
	return 0;
}
