/* SPDX-License-Identifier: BSD-3-Clause */
/* mempool_impl.h: the private half of a mempool, and what its files offer each other and lib/mbuf.
 */
#ifndef WEIR_MEMPOOL_IMPL_H
#define WEIR_MEMPOOL_IMPL_H

#include "weir/mempool.h"

#include "mempool/depot_impl.h"

#include <pthread.h>
#include <semaphore.h>

/* Objects that move between a cache and the depot at a time: one compare-and-swap for each 64 costs
 * about 0.3 ns an object, and a batch of pointers is 8 lines. */
#define WEIR_BATCH_MAX 64

/* Batches that move at a time: half of the default cache. Two cores that take and give 2,048
 * objects in turn would else meet at the depot's line for every 64 (docs/performance.md). */
#define WEIR_BATCHES_MAX 4

/* Where the objects of a pool come from that has no memory of its own (lib/heap). Both may be
 * called by several threads at a time, give also under the pool's lock. */
struct weir__mempool_source {
	/* Up to count new objects; how many. */
	uint32_t (*take)(void *context, void **objects, uint32_t count);
	void (*give)(void *context, void *const *objects, uint32_t count);
	/* Zeroed memory for the cache of the calling thread, which has this slot, or NULL; and back
	 * when a thread ends, in that thread. */
	struct weir__mempool_cache *(*open_cache)(void *context, uint32_t slot);
	void (*close_cache)(void *context, struct weir__mempool_cache *cache);
	void *context;
};

struct weir_mempool {
	struct weir__mempool_head head; /* first: the inline calls see only this */
	uint8_t *objects;
	WEIR_ATOMIC(uint32_t) count; /* objects there are now */
	uint32_t min_count;          /* at birth */
	uint32_t max_count;
	uint32_t size;       /* bytes of an object that are its holder's, */
	uint32_t stride;     /* and from one to the next */
	uint32_t cache_size; /* 0: no caches */
	uint32_t batch;      /* 1 to WEIR_BATCH_MAX */
	uint16_t number;     /* in weir__mempools */
	char name[32];
	struct weir__mempool_cache **caches; /* those in head, or a tracked pool's own */
	struct weir__track *track;           /* NULL: it is not (track_impl.h) */
	struct weir_region *region;
	void *mbuf_fields;                         /* lib/mbuf/field.c; freed with the pool */
	const struct weir__mempool_source *source; /* source.c; NULL: the region */
	struct weir_mempool *previous, *next;      /* of those with a source; slots.c */

	struct weir_depot depot;
	WEIR_ATOMIC(uint32_t) depot_batches; /* while there is a watermark, or a source */
	WEIR_ATOMIC(uint32_t) fresh;         /* the first node that never was in a stack */
	struct weir_region *batch_region;
	void **batches; /* by depot node, batch pointers each; row 0 unused */

	/* Below: under lock. The objects that do not fill a batch, fewer than one; and the sums of
	 * what the caches of ended threads counted. */
	pthread_mutex_t lock __attribute__((aligned(WEIR_CACHE_LINE)));
	void *loose[2 * WEIR_BATCH_MAX];
	uint32_t loose_count;
	int64_t batches_born; /* in the depot at birth, and what shrinking changed */
	uint64_t refills;
	uint64_t flushes;
	uint64_t failures;

	/* Growing and shrinking (grow.c): under grow_lock, which comes before lock. An object
	 * exists when its index is below bound and the chunks it lies in are present. */
	pthread_mutex_t grow_lock;
	WEIR_ATOMIC(uint32_t) bound;
	size_t chunk; /* bytes */
	uint32_t chunk_count;
	WEIR_ATOMIC(uint8_t) * present; /* by chunk */
	enum weir_grow policy;
	uint32_t watermark; /* objects in the depot; 0: nobody looks */
	void (*init)(struct weir_mempool *pool, void *object);
	void *init_context;                     /* for whoever init is of */
	WEIR_ATOMIC(uint64_t) growths, shrinks; /* others read them for figures */
	uint64_t failed_at; /* ns, the last growth for which there was no memory */
	pthread_t helper;
	sem_t helper_wake;
	WEIR_ATOMIC(bool) helper_stops;
	uint32_t pins; /* whoever has pinned its pages: nothing goes meanwhile */
};

/* What a thread has before it has a cache, and where a pool has none: empty, and takes nothing. */
extern struct weir__mempool_cache weir__mempool_no_cache;

/* depot.c */

/* Add to a counter that only this thread writes, and others read. */
void weir__count_up(WEIR_ATOMIC(uint64_t) * counter, uint32_t more);

/* Nodes of the depot, 1 to this: create.c. */
uint32_t weir__node_count(const struct weir_mempool *pool);

/* Where the batch of a node lies. */
void **weir__node_batch(struct weir_mempool *pool, uint32_t node);

/* A chain of count empty nodes, for someone who has as many batches in hand, or none before: why
 * they are there says depot.c. *last is the last one, whose link is open. */
uint32_t weir__take_empty(struct weir_mempool *pool, uint32_t count, uint32_t *last);

/* Loose objects: put count, and get up to count. Under the lock. */
void weir__put_loose(struct weir_mempool *pool, void *const *objects, uint32_t count);
uint32_t weir__get_loose(struct weir_mempool *pool, void **objects, uint32_t count);

/* Up to most batches from the depot to where to points. Returns how many objects that are. */
uint32_t weir__fetch_batches(
	struct weir_mempool *pool, struct weir__mempool_cache *cache, void **to, uint32_t most);

/* count batches, at most WEIR_BATCHES_MAX, to the depot. */
void weir__bring_batches(struct weir_mempool *pool, struct weir__mempool_cache *cache,
	void *const *from, uint32_t count);

/* How many batches count objects make that may move at a time. */
uint32_t weir__batches_of(const struct weir_mempool *pool, uint32_t count);

/* cache.c */

/* Relaxed as in weir__count_up(): a cache is its thread's, others read the count for figures. */
static inline uint32_t weir__cache_count(const struct weir__mempool_cache *cache)
{
	return atomic_load_explicit(&cache->count, memory_order_relaxed);
}

static inline void weir__cache_set(struct weir__mempool_cache *cache, uint32_t count)
{
	atomic_store_explicit(&cache->count, count, memory_order_relaxed);
}

/* This thread's cache, made now if need be; NULL when it can have none. */
struct weir__mempool_cache *weir__own_cache(struct weir_mempool *pool);

/* Bring the coldest of the cache, its bottom, to the depot until at most keep are left or less than
 * a batch could go; or all of it. */
void weir__cache_flush_to(
	struct weir_mempool *pool, struct weir__mempool_cache *cache, uint32_t keep);
void weir__cache_flush(struct weir_mempool *pool, struct weir__mempool_cache *cache);

/* The cache in this slot goes back to the pool, its thread is ending. */
void weir__mempool_leave(struct weir_mempool *pool, uint32_t slot);

void weir__cache_free(struct weir__mempool_cache *cache);

/* Zeroed memory is an empty cache of so many objects from now on. */
void weir__cache_begin(struct weir__mempool_cache *cache, uint32_t size);

/* mempool.c: get all or none, untracked. */
int weir__mempool_take(struct weir_mempool *pool, void **objects, uint32_t count);
void weir__mempool_put_some(struct weir_mempool *pool, void *const *objects, uint32_t count);

/* mempool.c: put, for a call that returns to address. */
void weir__mempool_give(
	struct weir_mempool *pool, void *const *objects, uint32_t count, void *address);

/* mempool.c: ask every other thread to give back what it keeps, with its next put; and how often
 * this was asked, of whatever pool, for workers that have nothing to put. */
void weir__mempool_ask_others(struct weir_mempool *pool);
extern WEIR_ATOMIC(uint32_t) weir__mempool_asks;

/* grow.c */

/* Set up growing by the conf, stride and region being there; and end it. 0 or -errno. */
int weir__grow_init(struct weir_mempool *pool, const struct weir_mempool_conf *conf);
void weir__grow_end(struct weir_mempool *pool);

/* Grow to max_count, and shrink no more until unpinned: the kernel is given the pages there are,
 * and would keep those of a chunk that goes. 0, or -errno as weir_mempool_grow(). */
int weir__mempool_pin(struct weir_mempool *pool);
void weir__mempool_unpin(struct weir_mempool *pool);

/* Does an object with this index exist? */
bool weir__mempool_exists(const struct weir_mempool *pool, uint32_t index);

/* The objects that lie in a chunk, wholly or in part: *first to before *end. */
void weir__chunk_objects(
	const struct weir_mempool *pool, uint32_t chunk, uint32_t *first, uint32_t *end);

/* The pages of a chunk are there: its objects exist, and go into the depot. Under grow_lock. */
void weir__grow_adopt(struct weir_mempool *pool, uint32_t chunk);

/* Take up to count objects, growing until there are as many or nothing more can be had. */
uint32_t weir__get_grown(struct weir_mempool *pool, void **objects, uint32_t count);

/* Has the depot less than the watermark? Then grow, or wake the helper. */
void weir__mempool_watch(struct weir_mempool *pool);

/* Call init for every object there is and for those that come. */
void weir__mempool_init_objects(
	struct weir_mempool *pool, void (*init)(struct weir_mempool *pool, void *object));

/* source.c: pools whose objects are somebody else's. They have no number, no tracking and are in no
 * report; get and put are as ever. */

/* Objects of this size, of which a thread keeps cache at most, and the depot about depot, 0: none;
 * what is more goes back to the source. NULL with errno and weir_last_error(). */
struct weir_mempool *weir__mempool_create_for(const struct weir__mempool_source *source,
	const char *name, uint32_t size, uint32_t cache, uint32_t depot);

/* Nobody uses it; what it holds is not given back, and its caches are the source's to free. */
void weir__mempool_destroy_for(struct weir_mempool *pool);

/* Forget all objects, whoever has them in a cache. Nobody uses the pool. */
void weir__mempool_forget(struct weir_mempool *pool);

/* Give what is in the depot back to the source. */
void weir__mempool_drain(struct weir_mempool *pool);

/* Get up to count objects from the source, and a batch for the cache, which is empty. */
uint32_t weir__source_take(struct weir_mempool *pool, struct weir__mempool_cache *cache,
	void **objects, uint32_t count);

/* The depot has enough: give them to the source. */
void weir__source_give(struct weir_mempool *pool, void *const *objects, uint32_t count);
bool weir__depot_is_full(const struct weir_mempool *pool);

/* slots.c: threads and pools by number.
 *
 * Lock order: the registry's lock, then a pool's. */

/* Give this thread a slot if there is one left; weir__thread.slot is 0 otherwise. */
void weir__thread_join(void);

/* Enter a pool into weir__mempools and set its number. 0 or -ENFILE. */
int weir__mempool_register(struct weir_mempool *pool);

/* Take it out, unless objects are out: returns how many. After 0 no thread will touch it, neither
 * when it ends nor by what it remembers. */
uint32_t weir__mempool_unregister(struct weir_mempool *pool);

/* Enter a pool with a source, and take it out. Threads that end leave it, too. */
void weir__mempool_enter(struct weir_mempool *pool);
void weir__mempool_remove(struct weir_mempool *pool);

/* Called with true before a fork, with the registry's lock and those of pools with a source held;
 * and with false after it. Set it before such a pool is made. */
extern WEIR_ATOMIC(void (*)(bool lock)) weir__fork_hook;

/* Remember the pool for the mbufs this thread frees next: those with this state. */
void weir__thread_remember(struct weir_mempool *pool, uint32_t plain);

#endif
