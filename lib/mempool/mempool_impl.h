/* SPDX-License-Identifier: BSD-3-Clause */
/* mempool_impl.h: the private half of a mempool, and what its files offer each other and lib/mbuf.
 */
#ifndef WEIR_MEMPOOL_IMPL_H
#define WEIR_MEMPOOL_IMPL_H

#include "weir/mempool.h"

#include "mempool/depot_impl.h"

#include <pthread.h>

/* Objects that move between a cache and the depot at a time: one compare-and-swap for each 64 costs
 * about 0.3 ns an object, and a batch of pointers is 8 lines. */
#define WEIR_BATCH_MAX 64

/* Batches that move at a time: half of the default cache. Two cores that take and give 2,048
 * objects in turn would else meet at the depot's line for every 64 (docs/performance.md). */
#define WEIR_BATCHES_MAX 4

struct weir_mempool {
	struct weir__mempool_head head; /* first: the inline calls see only this */
	uint8_t *objects;
	uint32_t count;
	uint32_t stride;
	uint32_t cache_size; /* 0: no caches */
	uint32_t batch;      /* 1 to WEIR_BATCH_MAX */
	uint16_t number;     /* in weir__mempools */
	char name[32];
	struct weir_region *region;

	struct weir_depot depot;
	void **batches; /* by depot node, batch pointers each; row 0 unused */

	/* Below: under lock. The objects that do not fill a batch, fewer than one; and the sums of
	 * what the caches of ended threads counted. */
	pthread_mutex_t lock __attribute__((aligned(WEIR_CACHE_LINE)));
	void *loose[2 * WEIR_BATCH_MAX];
	uint32_t loose_count;
	uint64_t refills;
	uint64_t flushes;
	uint64_t failures;
};

/* What a thread has before it has a cache, and where a pool has none: empty, and takes nothing. */
extern struct weir__mempool_cache weir__mempool_no_cache;

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

/* Remember the pool for the mbufs this thread frees next: those with this state. */
void weir__thread_remember(struct weir_mempool *pool, uint32_t plain);

/* mempool.c: the cache in this slot goes back to the pool, its thread is ending. */
void weir__mempool_leave(struct weir_mempool *pool, uint32_t slot);

#endif
