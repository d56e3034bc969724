/* SPDX-License-Identifier: BSD-3-Clause */
/* slots.c: which threads and which pools there are.
 *
 * A thread gets a slot, a small number, when it first comes to a slow path; the destructor of a
 * thread-specific key gives it back when the thread ends, after the thread's caches have gone back
 * to their pools. The number is then another thread's. One lock covers both tables, so that a pool
 * cannot be destroyed while an ending thread is emptying its cache into it.
 */
#include "mempool_impl.h"
#include "track_impl.h"

#include "base/base_impl.h"

__thread struct weir__thread weir__thread __attribute__((tls_model("initial-exec")));
struct weir_mempool *weir__mempools[1 << 13];

static pthread_mutex_t registry = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t exit_key;
static bool have_key;
static bool slot_taken[WEIR_THREAD_MAX]; /* 0 is nobody's */
/* This thread has given its slot back: what still comes, as when libc frees what a thread had, does
 * without one, for nobody would give it back. */
static __thread bool has_ended __attribute__((tls_model("initial-exec")));
static struct weir_mempool *sourced; /* the last of those with a source */
WEIR_ATOMIC(void (*)(bool lock)) weir__fork_hook;

/* The key's value is the slot, so that the destructor runs. */
static void thread_ends(void *value)
{
	uint32_t slot = (uint32_t)(uintptr_t)value;

	pthread_mutex_lock(&registry);
	/* relaxed: only forget() looks from outside, under the lock */
	atomic_store_explicit(&weir__thread.plain, 0, memory_order_relaxed);
	for (uint32_t i = 1; i <= WEIR_MEMPOOL_MAX; i++)
		if (weir__mempools[i])
			weir__mempool_leave(weir__mempools[i], slot);
	for (struct weir_mempool *pool = sourced; pool; pool = pool->previous)
		weir__mempool_leave(pool, slot);
	slot_taken[slot] = false;
	pthread_mutex_unlock(&registry);
	weir__thread.slot = 0;
	has_ended = true;
}

static void hook(bool lock)
{
	/* relaxed: see lib/heap/create.c */
	void (*call)(bool lock) = atomic_load_explicit(&weir__fork_hook, memory_order_relaxed);

	if (call)
		call(lock);
}

static void lock_registry(void)
{
	pthread_mutex_lock(&registry);
	for (struct weir_mempool *pool = sourced; pool; pool = pool->previous)
		pthread_mutex_lock(&pool->lock);
	hook(true);
}

static void unlock_registry(void)
{
	hook(false);
	for (struct weir_mempool *pool = sourced; pool; pool = pool->previous)
		pthread_mutex_unlock(&pool->lock);
	pthread_mutex_unlock(&registry);
}

static void make_key(void)
{
	have_key = pthread_key_create(&exit_key, thread_ends) == 0;
	/* a child must find the tables as no thread is changing them */
	pthread_atfork(lock_registry, unlock_registry, unlock_registry);
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
	if (weir__thread.slot || !have_key || has_ended)
		return;
	pthread_mutex_lock(&registry);
	slot = first_free_slot();
	/* without a destructor the slot would never come back: then rather no cache */
	if (slot && pthread_setspecific(exit_key, (void *)(uintptr_t)slot) == 0) {
		slot_taken[slot] = true;
		weir__thread.slot = slot;
	}
	pthread_mutex_unlock(&registry);
}

int weir__mempool_register(struct weir_mempool *pool)
{
	int result = -ENFILE;

	pthread_once(&once, make_key);
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

void weir__mempool_each(void (*visit)(struct weir_mempool *pool, void *context), void *context)
{
	pthread_mutex_lock(&registry);
	for (uint32_t i = 1; i <= WEIR_MEMPOOL_MAX; i++)
		if (weir__mempools[i])
			visit(weir__mempools[i], context);
	pthread_mutex_unlock(&registry);
}

static void flush(struct weir_mempool *pool, void *unused)
{
	(void)unused;
	weir_mempool_flush(pool);
}

void weir_mempool_flush_all(void)
{
	weir__mempool_each(flush, NULL);
	pthread_mutex_lock(&registry);
	for (struct weir_mempool *pool = sourced; pool; pool = pool->previous)
		weir_mempool_flush(pool);
	pthread_mutex_unlock(&registry);
}

void weir__mempool_enter(struct weir_mempool *pool)
{
	pthread_once(&once, make_key);
	pthread_mutex_lock(&registry);
	pool->previous = sourced;
	if (sourced)
		sourced->next = pool;
	sourced = pool;
	pthread_mutex_unlock(&registry);
}

void weir__mempool_remove(struct weir_mempool *pool)
{
	pthread_mutex_lock(&registry);
	if (pool->previous)
		pool->previous->next = pool->next;
	if (pool->next)
		pool->next->previous = pool->previous;
	else
		sourced = pool->previous;
	pthread_mutex_unlock(&registry);
}

void weir__thread_remember(struct weir_mempool *pool, uint32_t plain)
{
	struct weir__mempool_cache *cache = weir__mempool_cache(pool);

	if (cache == &weir__mempool_no_cache)
		return;
	weir__thread.cache = cache;
	/* relaxed: see forget() */
	atomic_store_explicit(&weir__thread.plain, plain, memory_order_relaxed);
}

/* Clear what the owner of a cache remembers, if it is this pool. The owner may be remembering
 * another one at the same time: whatever the order, plain is then that one's or 0. It is not
 * freeing to this pool, which nobody uses any more, so it does not matter when it sees the 0. */
static void forget(const struct weir_mempool *pool, const struct weir__mempool_cache *cache)
{
	uint32_t plain = atomic_load_explicit(&cache->owner->plain, memory_order_relaxed);

	if (plain && plain == pool->head.mbuf_plain)
		atomic_compare_exchange_strong_explicit(&cache->owner->plain, &plain, 0,
			memory_order_relaxed, memory_order_relaxed);
}

uint32_t weir__mempool_unregister(struct weir_mempool *pool)
{
	uint32_t out;

	pthread_mutex_lock(&registry);
	/* here, since a thread that is ending has objects in its cache and in the depot for a
	 * moment, which would count twice and hide others that are out */
	out = weir_mempool_in_use(pool);
	if (out == 0) {
		weir__mempools[pool->number] = NULL;
		for (uint32_t slot = 1; slot < WEIR_THREAD_MAX; slot++)
			if (pool->caches[slot] != &weir__mempool_no_cache)
				forget(pool, pool->caches[slot]);
	}
	pthread_mutex_unlock(&registry);
	return out;
}
