/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/rcu.h: what is read for every packet is replaced without a lock, and the old one freed when
 * nobody reads it any more (read-copy-update, on liburcu's QSBR).
 *
 *	reader, once a packet or burst        writer, now and then
 *	table = weir_rcu_read(&slot)          weir_rcu_replace(&slot, new_table, free_table)
 *	... use table ...
 *	weir_rcu_quiescent()                  free_table(old_table) after a grace period
 *
 * A reader is a thread that has joined. What it read stays valid until it says that it is
 * quiescent, goes offline or leaves. A grace period is over when every reader has done one of these
 * since it began: so a reader that goes silent without going offline holds up all of them. Workers
 * (weir/worker.h) are readers and do all that by themselves.
 *
 *	                who                        waits
 *	read            readers                    never
 *	publish         anybody                    never
 *	quiescent       readers                    never
 *	offline/online  readers                    never
 *	replace         anybody but readers        when too many are deferred
 *	defer           anybody                    a reader never; others as for replace
 *	synchronize     anybody (1)                a grace period
 *	barrier         anybody but readers        for all that was deferred
 *
 * (1) For a reader it is a moment of quiescence: what it read before is not valid after.
 *
 * In the child of a fork() there is no RCU until it calls exec(). A thread that has registered with
 * liburcu's QSBR by itself must not join, too: liburcu would end the program.
 */
#ifndef WEIR_RCU_H
#define WEIR_RCU_H

#include "weir/atomic.h"
#include "weir/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where readers find an object. Of zeros it holds NULL. */
struct weir_rcu_slot {
	WEIR_ATOMIC(void *) object;
};

/* The object of now. */
static inline void *weir_rcu_read(const struct weir_rcu_slot *slot)
{
	/* acquire: what the object points to is as it was when published; pairs with publish */
	return atomic_load_explicit(&slot->object, memory_order_acquire);
}

/* Put another object there; returns the old one, which readers may still be using. */
static inline void *weir_rcu_publish(struct weir_rcu_slot *slot, void *object)
{
	/* release: pairs with weir_rcu_read(); acquire: the old one is ours to look into */
	return atomic_exchange_explicit(&slot->object, object, memory_order_acq_rel);
}

/* Publish object and have release(old) called after a grace period, unless old is NULL. Not for a
 * reader, who may have to keep the old one for a while: 0, or -EDEADLK with nothing done. */
WEIR_API int weir_rcu_replace(struct weir_rcu_slot *slot, void *object, void (*release)(void *old));

/* Have release(context) called by a thread of the library's after a grace period. 0; for a reader
 * also -EAGAIN when WEIR_RCU_DEFERRED_MAX are waiting, and -ENOMEM. Any other thread waits for a
 * grace period instead. */
WEIR_API int weir_rcu_defer(void (*release)(void *context), void *context);
#define WEIR_RCU_DEFERRED_MAX 1024

/* Wait for a grace period: what was unpublished before is nobody's any more. */
WEIR_API void weir_rcu_synchronize(void);

/* Wait until all that was deferred before has been released. Not for a reader: 0, or -EDEADLK. */
WEIR_API int weir_rcu_barrier(void);

/* The calling thread becomes a reader, and ceases to be one; when it ends it has left. Joins
 * nest. 0, or -errno with weir_last_error() when there is no memory for it. */
WEIR_API int weir_rcu_join(void);
WEIR_API void weir_rcu_leave(void);

/* This reader holds nothing that it read before. Once a loop; a few nanoseconds. */
WEIR_API void weir_rcu_quiescent(void);

/* Before and after this reader sleeps or waits; in between it reads nothing. */
WEIR_API void weir_rcu_offline(void);
WEIR_API void weir_rcu_online(void);

#ifdef __cplusplus
}
#endif

#endif
