/* SPDX-License-Identifier: BSD-3-Clause */
/* slots.c: which threads and which pools there are.
 *
 * A thread gets a slot, a small number, when it first comes to a slow path; the destructor of a
 * thread-specific key gives it back when the thread ends, after the thread's caches have gone back
 * to their pools. The number is then another thread's. One lock covers both tables, so that a pool
 * cannot be destroyed while an ending thread is emptying its cache into it.
 */
#include "mempool_impl.h"

#include "base/base_impl.h"

__thread uint32_t weir__thread_slot __attribute__((tls_model("initial-exec")));
struct weir_mempool *weir__mempools[WEIR_MEMPOOL_MAX + 1];

static pthread_mutex_t registry = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t exit_key;
static bool have_key;
static bool slot_taken[WEIR_THREAD_MAX]; /* 0 is nobody's */

/* The key's value is the slot, so that the destructor runs. */
static void thread_ends(void *value)
{
	uint32_t slot = (uint32_t)(uintptr_t)value;

	pthread_mutex_lock(&registry);
	for (uint32_t i = 1; i <= WEIR_MEMPOOL_MAX; i++)
		if (weir__mempools[i])
			weir__mempool_leave(weir__mempools[i], slot);
	slot_taken[slot] = false;
	pthread_mutex_unlock(&registry);
	weir__thread_slot = 0;
}

static void make_key(void)
{
	have_key = pthread_key_create(&exit_key, thread_ends) == 0;
}

static uint32_t first_free_slot(void)
{
	for (uint32_t slot = 1; slot < WEIR_THREAD_MAX; slot++)
		if (!slot_taken[slot])
			return slot;
	return 0;
}

void weir__thread_join(void)
{
	uint32_t slot;

	pthread_once(&once, make_key);
	if (weir__thread_slot || !have_key)
		return;
	pthread_mutex_lock(&registry);
	slot = first_free_slot();
	/* without a destructor the slot would never come back: then rather no cache */
	if (slot && pthread_setspecific(exit_key, (void *)(uintptr_t)slot) == 0) {
		slot_taken[slot] = true;
		weir__thread_slot = slot;
	}
	pthread_mutex_unlock(&registry);
}

int weir__mempool_register(struct weir_mempool *pool)
{
	int result = -ENFILE;

	pthread_mutex_lock(&registry);
	for (uint16_t i = 1; i <= WEIR_MEMPOOL_MAX && result; i++) {
		if (!weir__mempools[i]) {
			weir__mempools[i] = pool;
			pool->number = i;
			result = 0;
		}
	}
	pthread_mutex_unlock(&registry);
	return result;
}

void weir__mempool_unregister(struct weir_mempool *pool)
{
	pthread_mutex_lock(&registry);
	weir__mempools[pool->number] = NULL;
	pthread_mutex_unlock(&registry);
}
