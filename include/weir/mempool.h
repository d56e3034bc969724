/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/mempool.h: pools of objects of one size, for any number of threads.
 *
 *	thread 1   [cache]  \                          fast path: this header, no atomics
 *	thread 2   [cache]   >  depot of batches       slow path: one visit for each batch
 *	thread 3   [cache]  /
 *
 * Every thread that touches a pool gets a cache by itself, a LIFO array, and loses it when it ends:
 * its objects go back. What does not fit moves in batches to and from the depot, which is lock-free
 * and LIFO as well, so that memory still hot in the processor's cache is used first (magazines and
 * depot after Bonwick and Adams, 2001).
 *
 * get and put may be called from any thread at any time between create and destroy.
 */
#ifndef WEIR_MEMPOOL_H
#define WEIR_MEMPOOL_H

#include "weir/atomic.h"
#include "weir/base.h"
#include "weir/mem.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Slots of threads; 0 is nobody's, so one thread fewer has a cache at the same time. Further ones
 * work without, and slower. */
#define WEIR_THREAD_MAX 1024
/* Pools that exist at the same time. */
#define WEIR_MEMPOOL_MAX 4096
/* Objects a cache holds at most, and by default. */
#define WEIR_MEMPOOL_CACHE_MAX     1024
#define WEIR_MEMPOOL_CACHE_DEFAULT 512
/* For weir_mempool_conf.cache: no cache at all. */
#define WEIR_MEMPOOL_CACHE_NONE UINT32_MAX

/* When a pool with room to grow does so: by a chunk of memory at a time. */
enum weir_grow {
	WEIR_GROW_ON_DEMAND, /* in the get that would fail otherwise */
	WEIR_GROW_AHEAD,     /* also in one that finds fewer than watermark in the depot */
	WEIR_GROW_HELPER, /* by a thread of the pool's, woken below watermark: a get never waits for
			      * the kernel, but fails when the helper is late */
	WEIR_GROW_NEVER,  /* only by weir_mempool_grow() */
};

/* What a pool remembers of its objects (weir/track.h); these may be or'ed. 0 is nothing, at no
 * cost. The environment variable WEIR_TRACK, a list such as "stacks,guards", adds to it. */
#define WEIR_TRACK_SITES  (1u << 0) /* who has them, and where they were taken */
#define WEIR_TRACK_STACKS (1u << 1) /* the callers too: a microsecond or more for each call */
/* Guards (weir/guard.h): free objects and the bytes behind an object are looked after, of mbufs
 * also what several share; and a history is kept. 16 bytes or up to two lines more for each object,
 * and time for each of its bytes. What the buffer of a free mbuf has is lost. */
#define WEIR_TRACK_GUARDS (1u << 2)

struct weir_mempool_conf {
	const char *name;      /* for reports and errors; NULL: "pool". Copied. */
	uint32_t count;        /* objects, at least 1 */
	uint32_t max_count;    /* as many as it may grow to; 0: count */
	enum weir_grow grow;   /* WEIR_GROW_ON_DEMAND by default */
	uint32_t watermark;    /* objects; 0: what a growth brings, at least two caches */
	size_t chunk;          /* bytes that a growth adds, about; 0: 2 MiB or an object */
	uint32_t size;         /* bytes of an object, at least 1; objects are 64-byte aligned */
	uint32_t cache;        /* objects a thread may keep; 0: the default, but never more than an
				* eighth of max_count */
	enum weir_pages pages; /* WEIR_PAGES_ANY by default */
	int node;              /* WEIR_NODE(n), or WEIR_NODE_ANY */
	const char *nodes;     /* these as in weir_region_conf */
	enum weir_placement placement;
	bool locked;
	bool shared;
	uint32_t track; /* WEIR_TRACK_*; 0: no tracking */
};

struct weir_mempool_stats {
	uint32_t count; /* objects of the pool now */
	uint32_t max_count;
	uint32_t in_use;   /* taken and not given back */
	uint32_t cached;   /* free, in the caches of threads */
	uint32_t threads;  /* threads that have a cache now */
	uint64_t refills;  /* batches fetched from the depot */
	uint64_t flushes;  /* batches brought to it */
	uint64_t failures; /* gets that found too few */
	uint64_t growths;  /* chunks that came after create */
	uint64_t shrinks;  /* chunks given back */
};

struct weir_mempool;

/* Create a pool; every object is zeroed and its memory present. NULL with errno and
 * weir_last_error(): EINVAL for a conf out of range, ENFILE at the 4,097th pool, EAGAIN when the
 * helper's thread cannot be had, or as weir_region_create(). */
WEIR_API struct weir_mempool *weir_mempool_create(const struct weir_mempool_conf *conf);

/* Bytes of memory that the count objects of such a pool take at birth, before the region rounds
 * them up to whole pages: to know beforehand whether they fit. 0 with errno and weir_last_error()
 * for a conf that create refuses. */
WEIR_API size_t weir_mempool_memory(const struct weir_mempool_conf *conf);

/* Free the pool. Refused with -EBUSY, and a sentence saying how many, while objects are out. No
 * other thread may be using it. NULL is allowed and returns 0. */
WEIR_API int weir_mempool_destroy(struct weir_mempool *pool);

/* Take count objects: all, and 0, or none, and -ENOBUFS when the pool has not as many left. What
 * other threads keep in their caches cannot be taken; they are asked to give it back with their
 * next put. */
static inline int weir_mempool_get_bulk(struct weir_mempool *pool, void **objects, uint32_t count);

/* Take up to count objects. Returns how many. */
WEIR_API uint32_t weir_mempool_get_burst(struct weir_mempool *pool, void **objects, uint32_t count);

/* Take one, or NULL with errno ENOBUFS. */
static inline void *weir_mempool_get(struct weir_mempool *pool);

/* Give back count objects, or one. They must be of this pool and taken. */
static inline void weir_mempool_put_bulk(
	struct weir_mempool *pool, void *const *objects, uint32_t count);
static inline void weir_mempool_put(struct weir_mempool *pool, void *object);

/* Grow until the pool has count objects. 0, -ENOSPC, with nothing done, for more than max_count, or
 * why there is no memory as for weir_region_commit(), with weir_last_error(). From any thread,
 * whatever the policy. Objects that come are zero, or as they were when they went; mbufs are made
 * ready. Where a get found no memory to grow, the pool tries again after 10 ms. */
WEIR_API int weir_mempool_grow(struct weir_mempool *pool, uint32_t count);

/* Give back to the kernel the chunks whose objects are all home, but not those of the
 * pool's birth; when all other objects are home they go, too, so that it is as it was born. Others
 * may get and put meanwhile; gets that find their cache empty wait. What other threads keep in
 * their caches is not home: they are asked to bring it with their next put, so a later call may
 * find more. Returns the bytes given back; 0 also when there is no memory for the list of free
 * objects that this needs, and while an af_xdp port has the pool. From any thread, but takes some
 * 10 ns for each free object: not one that handles packets. */
WEIR_API size_t weir_mempool_shrink(struct weir_mempool *pool);

/* Give back what this thread keeps in its cache. Before a long sleep, so that others can use it. */
WEIR_API void weir_mempool_flush(struct weir_mempool *pool);

/* The same of every pool. Takes a lock and some microseconds. */
WEIR_API void weir_mempool_flush_all(void);

/* The figures; exact when no other thread uses the pool, else of about now. From any thread. */
WEIR_API void weir_mempool_stats(struct weir_mempool *pool, struct weir_mempool_stats *stats);

/* Objects taken and not given back. From any thread. */
WEIR_API uint32_t weir_mempool_in_use(struct weir_mempool *pool);

WEIR_API const char *weir_mempool_name(const struct weir_mempool *pool);

/* Objects there are now, and may be at most. */
WEIR_API uint32_t weir_mempool_count(const struct weir_mempool *pool);
WEIR_API uint32_t weir_mempool_max_count(const struct weir_mempool *pool);

/* The object with this index, 0 to max_count - 1, whether taken or not, or NULL when it does not
 * exist now (a shrink may take it away at any time); and the index of an object, or UINT32_MAX when
 * the pointer is not one of this pool's. From any thread. */
WEIR_API void *weir_mempool_object(const struct weir_mempool *pool, uint32_t index);
WEIR_API uint32_t weir_mempool_index(const struct weir_mempool *pool, const void *object);

/* The region it lies in, for weir_region_describe(). */
WEIR_API struct weir_region *weir_mempool_region(const struct weir_mempool *pool);

/* ---- the fast path ---- */

/* What one thread keeps of one pool. Only its thread writes; others read count for figures and may
 * lower limit to ask for the objects back. */
struct weir__mempool_cache {
	WEIR_ATOMIC(uint32_t) count;
	WEIR_ATOMIC(uint32_t) limit; /* a put that would exceed it takes the slow path */
	uint32_t size;               /* what limit is when nobody asks */
	uint32_t spare;              /* the first of the depot nodes this cache brings batches in */
	struct weir__thread *owner;
	WEIR_ATOMIC(uint64_t) refills;
	WEIR_ATOMIC(uint64_t) flushes;
	WEIR_ATOMIC(uint64_t) failures;
	void *objects[WEIR_MEMPOOL_CACHE_MAX] __attribute__((aligned(WEIR_CACHE_LINE)));
};

/* The start of every mempool; the rest is private (lib/mempool/mempool_impl.h). */
struct weir__mempool_head {
	uint32_t mbuf_first; /* these four when it holds mbufs (weir/mbuf.h) */
	uint32_t mbuf_headroom;
	uint32_t mbuf_buffer_size;
	uint32_t mbuf_plain; /* the state of a plain one */
	/* by thread slot; weir__mempool_no_cache for a thread that has none here, and for every one
	 * when the pool is tracked: so each get and put comes to the slow path */
	struct weir__mempool_cache *caches[WEIR_THREAD_MAX];
};

/* What a thread knows of itself. */
struct weir__thread {
	/* Its place in caches[]; 0 until it has one, and there every pool has
	 * weir__mempool_no_cache, which is empty and takes nothing, so that a first touch comes to
	 * the slow path by the usual compare. */
	uint32_t slot;
	/* The pool it last freed an mbuf to: the state that mbufs have which are free to go there,
	 * or 0, and its cache there. Free then needs nothing that it would have to load by way of
	 * the mbuf. Destroying that pool, in whatever thread, clears plain. */
	WEIR_ATOMIC(uint32_t) plain;
	struct weir__mempool_cache *cache;
};

extern WEIR_API __thread struct weir__thread weir__thread
	__attribute__((tls_model("initial-exec")));

/* Pools by number, for mbufs, which carry it in 13 bits. Entry 0 and those above WEIR_MEMPOOL_MAX
 * are NULL for ever. */
extern WEIR_API struct weir_mempool *weir__mempools[1 << 13];

WEIR_API int weir__mempool_get_slow(struct weir_mempool *pool, void **objects, uint32_t count);
WEIR_API void weir__mempool_put_slow(
	struct weir_mempool *pool, void *const *objects, uint32_t count);

static inline struct weir__mempool_head *weir__mempool_head(struct weir_mempool *pool)
{
	return (struct weir__mempool_head *)(void *)pool;
}

static inline struct weir__mempool_cache *weir__mempool_cache(struct weir_mempool *pool)
{
	return weir__mempool_head(pool)->caches[weir__thread.slot];
}

/* Copy pointers, a line at a time where there are as many: vectors once compiled, and no call. */
static inline void weir__copy_pointers(void **to, void *const *from, uint32_t count)
{
	for (; count >= 8; count -= 8, to += 8, from += 8)
		memcpy(to, from, 8 * sizeof(*to));
	for (uint32_t i = 0; i < count; i++)
		to[i] = from[i];
}

/* Take count objects from the top of the cache when it has them: where they lie, or NULL. */
static inline void **weir__mempool_pop(struct weir__mempool_cache *cache, uint32_t count)
{
	/* relaxed, here and below: the count is this thread's; others read it for figures */
	uint32_t have = atomic_load_explicit(&cache->count, memory_order_relaxed);

	if (weir_unlikely(have < count))
		return NULL;
	atomic_store_explicit(&cache->count, have - count, memory_order_relaxed);
	return cache->objects + (have - count);
}

/* Make room for count objects on top of the cache when they fit: where to put them, or NULL. */
static inline void **weir__mempool_push(struct weir__mempool_cache *cache, uint32_t count)
{
	uint32_t have = atomic_load_explicit(&cache->count, memory_order_relaxed);

	/* relaxed: limit is only a request and may be seen late */
	if (weir_unlikely((uint64_t)have + count >
			  atomic_load_explicit(&cache->limit, memory_order_relaxed)))
		return NULL;
	atomic_store_explicit(&cache->count, have + count, memory_order_relaxed);
	return cache->objects + have;
}

WEIR__INLINE int weir_mempool_get_bulk(struct weir_mempool *pool, void **objects, uint32_t count)
{
	void **top = weir__mempool_pop(weir__mempool_cache(pool), count);

	if (weir_unlikely(!top))
		return weir__mempool_get_slow(pool, objects, count);
	weir__copy_pointers(objects, top, count);
	return 0;
}

WEIR__INLINE void *weir_mempool_get(struct weir_mempool *pool)
{
	void *object;

	return weir_mempool_get_bulk(pool, &object, 1) == 0 ? object : NULL;
}

WEIR__INLINE void weir_mempool_put_bulk(
	struct weir_mempool *pool, void *const *objects, uint32_t count)
{
	void **top = weir__mempool_push(weir__mempool_cache(pool), count);

	if (weir_unlikely(!top))
		weir__mempool_put_slow(pool, objects, count);
	else
		weir__copy_pointers(top, objects, count);
}

WEIR__INLINE void weir_mempool_put(struct weir_mempool *pool, void *object)
{
	weir_mempool_put_bulk(pool, &object, 1);
}

#ifdef __cplusplus
}
#endif

#endif
