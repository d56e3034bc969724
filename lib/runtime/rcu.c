/* SPDX-License-Identifier: BSD-3-Clause */
/* rcu.c: readers and grace periods, on liburcu's QSBR.
 *
 * liburcu decides when a grace period is over. Beside it each reader counts its quiescent moments
 * in an atomic of C11, and who waited for a grace period reads them all: the value read is one that
 * the reader stored at or after the moment that liburcu waited for. So the order "read, quiescent,
 * grace period, free" also exists for the memory model of C, and ThreadSanitizer, which cannot look
 * into liburcu, sees it.
 *
 * Who pairs with whom: pass() of a reader with see_readers() of who waited.
 */
#include "weir/rcu.h"

#include "base/base_impl.h"
#include "runtime/rcu_impl.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <urcu/urcu-qsbr.h>

struct reader {
	WEIR_ATOMIC(uint64_t) passed; /* quiescent moments */
	uint32_t joins;
	struct reader *next, **link; /* in the list, under the lock */
};

static __thread struct reader self __attribute__((tls_model("initial-exec")));
static struct reader *readers;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t exit_key;
static bool have_key;

/* All reads of this thread so far are over. */
static void pass(void)
{
	uint64_t passed = atomic_load_explicit(&self.passed, memory_order_relaxed);

	/* release: pairs with see_readers() */
	atomic_store_explicit(&self.passed, passed + 1, memory_order_release);
}

/* After a grace period. A reader that has left meanwhile took the lock to do so. */
static void see_readers(void)
{
	pthread_mutex_lock(&lock);
	for (const struct reader *reader = readers; reader; reader = reader->next)
		/* acquire: pairs with pass() */
		(void)atomic_load_explicit(&reader->passed, memory_order_acquire);
	pthread_mutex_unlock(&lock);
}

static void unlink_self(void)
{
	pass();
	pthread_mutex_lock(&lock);
	*self.link = self.next;
	if (self.next)
		self.next->link = self.link;
	pthread_mutex_unlock(&lock);
	urcu_qsbr_unregister_thread();
	self.joins = 0;
}

/* A thread ends that has not left. */
static void thread_ends(void *value)
{
	(void)value;
	if (self.joins)
		unlink_self();
}

static void make_key(void)
{
	have_key = pthread_key_create(&exit_key, thread_ends) == 0;
}

int weir_rcu_join(void)
{
	if (self.joins) {
		self.joins++;
		return 0;
	}
	pthread_once(&once, make_key);
	/* without a destructor a thread that ends would hold up all grace periods */
	if (!have_key || pthread_setspecific(exit_key, &self) != 0)
		return weir__fail(ENOMEM, "no thread-specific key left for a reader");
	urcu_qsbr_register_thread();
	self.joins = 1;
	pthread_mutex_lock(&lock);
	self.next = readers;
	self.link = &readers;
	if (readers)
		readers->link = &self.next;
	readers = &self;
	pthread_mutex_unlock(&lock);
	return 0;
}

void weir_rcu_leave(void)
{
	if (self.joins == 1)
		unlink_self();
	else if (self.joins)
		self.joins--;
}

bool weir__rcu_is_reader(void)
{
	return self.joins > 0;
}

void weir_rcu_quiescent(void)
{
	if (weir_unlikely(!self.joins))
		return;
	pass();
	urcu_qsbr_quiescent_state();
}

void weir_rcu_offline(void)
{
	if (!self.joins)
		return;
	pass();
	urcu_qsbr_thread_offline();
}

void weir_rcu_online(void)
{
	if (self.joins)
		urcu_qsbr_thread_online();
}

void weir_rcu_synchronize(void)
{
	if (self.joins)
		pass();
	urcu_qsbr_synchronize_rcu();
	see_readers();
}
