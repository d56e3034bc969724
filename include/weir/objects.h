/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/objects.h: pools of objects that are made once and used again: a mempool whose objects are
 * constructed when they come into being and reset when they are given back.
 *
 *	construct	once, when the pool is made or grows
 *	get ... put	reset in each put, so that who gets one finds it as new
 *	destruct	once, when the pool is destroyed
 *
 * get and put may be called from any thread at any time; the callbacks too, for different objects.
 */
#ifndef WEIR_OBJECTS_H
#define WEIR_OBJECTS_H

#include "weir/base.h"
#include "weir/mempool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A variable with it is handed to function, by its address, where its scope ends. */
#define weir_cleanup(function) __attribute__((__cleanup__(function), __unused__))

struct weir_objects_conf {
	/* size and count, and how it grows: an object more when there is none, to max_count */
	struct weir_mempool_conf pool;
	/* each may be NULL; construct finds zeroed memory */
	void (*construct)(void *object, void *context);
	void (*reset)(void *object, void *context);
	void (*destruct)(void *object, void *context);
	void *context;
};

struct weir_objects;

/* NULL with errno and weir_last_error(), as weir_mempool_create(). */
WEIR_API struct weir_objects *weir_objects_create(const struct weir_objects_conf *conf);

/* -EBUSY while objects are out, as weir_mempool_destroy(). NULL is allowed and returns 0. */
WEIR_API int weir_objects_destroy(struct weir_objects *objects);

/* The pool behind: figures, tracking, reports. Objects that weir_mempool_shrink() takes are not
 * destructed. */
WEIR_API struct weir_mempool *weir_objects_pool(const struct weir_objects *objects);

/* Take one, or NULL with errno ENOBUFS; and give it back. */
static inline void *weir_objects_get(struct weir_objects *objects);
static inline void weir_objects_put(struct weir_objects *objects, void *object);

/* ---- a guard: the object goes back when the scope ends ---- */

struct weir_object_guard {
	struct weir_objects *objects;
	void *object; /* NULL when there was none */
};

/* weir_object_guard(session, sessions);
 * if (!session.object) ... */
#define weir_object_guard(name, from) \
	weir_cleanup(weir_object_leave) struct weir_object_guard name = weir_object_enter(from)

WEIR__INLINE struct weir_object_guard weir_object_enter(struct weir_objects *objects)
{
	struct weir_object_guard guard;

	guard.objects = objects;
	guard.object = weir_objects_get(objects);
	return guard;
}

WEIR__INLINE void weir_object_leave(struct weir_object_guard *guard)
{
	if (guard->object)
		weir_objects_put(guard->objects, guard->object);
	guard->object = NULL;
}

/* It is the caller's from now on. */
static inline void *weir_object_keep(struct weir_object_guard *guard)
{
	void *object = guard->object;

	guard->object = NULL;
	return object;
}

/* ---- the fast path ---- */

/* The start of every one; the rest is private (lib/heap/objects.c). */
struct weir__objects_head {
	struct weir_mempool *pool;
	void (*reset)(void *object, void *context);
	void *context;
};

WEIR__INLINE void *weir_objects_get(struct weir_objects *objects)
{
	return weir_mempool_get(((struct weir__objects_head *)(void *)objects)->pool);
}

WEIR__INLINE void weir_objects_put(struct weir_objects *objects, void *object)
{
	struct weir__objects_head *head = (struct weir__objects_head *)(void *)objects;

	if (head->reset)
		head->reset(object, head->context);
	weir_mempool_put(head->pool, object);
}

#ifdef __cplusplus
}
#endif

#endif
