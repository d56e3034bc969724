/* SPDX-License-Identifier: BSD-3-Clause */
/* defer.c: calls that are made after a grace period, by a thread of the library's.
 *
 * Under one lock lie the calls that wait for a grace period to begin. The thread takes all of them
 * at once, waits for one grace period and makes them; so many cost as little as one. It is started
 * with the first call that is deferred, and never ends.
 */
#include "weir/rcu.h"

#include "runtime/rcu_impl.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

struct deferred {
	void (*release)(void *context);
	void *context;
	struct deferred *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t some = PTHREAD_COND_INITIALIZER; /* the list is not empty any more */
static pthread_cond_t done = PTHREAD_COND_INITIALIZER; /* made has grown */
static struct deferred *first, **last = &first;
static uint64_t taken; /* calls that were deferred */
static uint64_t made;  /* and of these, made */
static bool has_helper;

static void make_all(struct deferred *list)
{
	while (list) {
		struct deferred *next = list->next;

		list->release(list->context);
		free(list);
		list = next;
	}
}

static void *help(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&lock);
	for (;;) {
		struct deferred *list = first;
		uint64_t upto = taken;

		if (!list) {
			pthread_cond_wait(&some, &lock);
			continue;
		}
		first = NULL;
		last = &first;
		pthread_mutex_unlock(&lock);
		weir_rcu_synchronize();
		make_all(list);
		pthread_mutex_lock(&lock);
		made = upto;
		pthread_cond_broadcast(&done);
	}
	return NULL;
}

/* Is there a thread to make calls? Under the lock. */
static bool start_helper(void)
{
	pthread_attr_t attributes;
	pthread_t thread;

	if (has_helper || pthread_attr_init(&attributes) != 0)
		return has_helper;
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	has_helper = pthread_create(&thread, &attributes, help, NULL) == 0;
	pthread_attr_destroy(&attributes);
	return has_helper;
}

/* Put the call on the list: 0, -EAGAIN when that is full, -ENOMEM without a thread. */
static int enlist(struct deferred *deferred)
{
	int error = 0;

	pthread_mutex_lock(&lock);
	if (!start_helper()) {
		error = -ENOMEM;
	} else if (taken - made >= WEIR_RCU_DEFERRED_MAX) {
		error = -EAGAIN;
	} else {
		*last = deferred;
		last = &deferred->next;
		taken++;
		pthread_cond_signal(&some);
	}
	pthread_mutex_unlock(&lock);
	return error;
}

int weir_rcu_defer(void (*release)(void *context), void *context)
{
	struct deferred *deferred = malloc(sizeof(*deferred));
	int error = -ENOMEM;

	if (deferred) {
		*deferred = (struct deferred){.release = release, .context = context};
		error = enlist(deferred);
	}
	if (!error)
		return 0;
	free(deferred);
	if (weir__rcu_is_reader())
		return error;
	weir_rcu_synchronize();
	release(context);
	return 0;
}

int weir_rcu_replace(struct weir_rcu_slot *slot, void *object, void (*release)(void *old))
{
	void *old;

	if (weir__rcu_is_reader())
		return -EDEADLK;
	old = weir_rcu_publish(slot, object);
	return old ? weir_rcu_defer(release, old) : 0;
}

int weir_rcu_barrier(void)
{
	uint64_t upto;

	if (weir__rcu_is_reader())
		return -EDEADLK;
	pthread_mutex_lock(&lock);
	upto = taken;
	while (made < upto)
		pthread_cond_wait(&done, &lock);
	pthread_mutex_unlock(&lock);
	return 0;
}
