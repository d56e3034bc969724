/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/tiers.h: mbuf pools of several buffer sizes, used as one.
 *
 *	weir_tiers_alloc(tiers, 300)
 *	                        |
 *	    tier 0   256 bytes  |        too small
 *	    tier 1  2048 bytes  v        the smallest that fits; dry?
 *	    tier 2  9216 bytes  |  up    then the next larger, and so on
 *	    tier 3 65536 bytes  v
 *
 * A packet lies in a buffer that is not much larger than itself, so that packets which are kept, in
 * queues or for being sent again, take the memory they need and not that of the longest frame. The
 * mbufs are ordinary ones: weir_mbuf_free() and weir_mbuf_free_bulk() bring each back to its tier.
 *
 * Which calls may run at the same time, in different threads:
 *
 *	                                      alloc, from_bytes   stats, report   destroy
 *	alloc, alloc_bulk, from_bytes, free          yes                yes          no
 *	stats, report                                yes                yes          no
 *	index, length, count, pool                   yes                yes          no
 */
#ifndef WEIR_TIERS_H
#define WEIR_TIERS_H

#include "weir/atomic.h"
#include "weir/base.h"
#include "weir/mbuf.h"
#include "weir/mempool.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_TIERS_MAX 8

/* Bytes that the default tiers share when the conf does not say. */
#define WEIR_TIERS_MEMORY (32u << 20)

struct weir_tier_conf {
	uint32_t size;  /* bytes of data that fit behind the headroom */
	uint32_t count; /* mbufs; 0: there is no such tier */
};

struct weir_tiers_conf {
	const char *name; /* for reports and errors; NULL: "tiers". Copied. Its pools are called
			   * NAME/SIZE. */
	/* From the smallest size to the largest. When every count is 0: four tiers of 256, 2,048,
	 * 9,216 (9 KiB, a jumbo frame) and 65,536 bytes (64 KiB, what segmentation offload makes),
	 * which get two, four, one and one eighths of memory. */
	struct weir_tier_conf tiers[WEIR_TIERS_MAX];
	size_t memory; /* bytes for the default tiers; 0: WEIR_TIERS_MEMORY. Only for them. */
	/* What the pools of all tiers have in common: headroom, private_size, cache, pages, node.
	 * Its name, count and size are not looked at. */
	struct weir_mbuf_pool_conf common;
};

/* The figures of one tier, in mbufs since create unless it says otherwise. Asked of a tier is what
 * it was the smallest for that fits: served + fell_up + failed. Its hit rate is served / asked. */
struct weir_tiers_stats {
	uint32_t size;       /* bytes of data that fit behind the headroom */
	uint32_t count;      /* mbufs of the tier */
	uint32_t in_use;     /* allocated and not freed */
	uint32_t peak;       /* the most in_use that was seen: by this call, and by alloc at the
			      * first and every 64th time that the tier was dry. What lies between
			      * two looks is not seen. */
	uint64_t served;     /* asked of this tier and allocated from it */
	uint64_t fell_up;    /* asked of this tier and allocated from a larger one */
	uint64_t failed;     /* asked of this tier, and the larger ones were dry, too */
	uint64_t stepped_in; /* asked of a smaller tier and allocated from this one */
	uint64_t freed;      /* served + stepped_in - in_use; 0 if that is negative, as when mbufs
			      * were taken from weir_tiers_pool() directly */
};

struct weir_tiers;

/* Create the tiers, one pool each. NULL with errno and weir_last_error(), and no pool is left:
 * EINVAL for sizes that are 0 or do not rise, for memory beside tiers or too small for one mbuf of
 * each; else as weir_mbuf_pool_create(). */
WEIR_API struct weir_tiers *weir_tiers_create(const struct weir_tiers_conf *conf);

/* Free the pools. Refused with -EBUSY, and a sentence saying how many of which tier, while mbufs
 * are out; all tiers then stay as they are. No other thread may be using them. NULL is allowed and
 * returns 0. */
WEIR_API int weir_tiers_destroy(struct weir_tiers *tiers);

/* How many tiers there are; and the smallest whose mbufs take length bytes in one segment, or that
 * number when none does. From any thread. */
static inline uint32_t weir_tiers_count(const struct weir_tiers *tiers);
static inline uint32_t weir_tiers_index(const struct weir_tiers *tiers, uint32_t length);

/* The pool of a tier, 0 to weir_tiers_count() - 1, for the calls of weir/mempool.h. What is
 * allocated from it directly counts in in_use alone. From any thread. */
WEIR_API struct weir_mempool *weir_tiers_pool(const struct weir_tiers *tiers, uint32_t index);

/* Take one mbuf, empty, with room for length bytes behind the usual headroom: of the smallest tier
 * that has it, of the next larger one that is not dry otherwise. The caller owns it. NULL with
 * errno when all of these are dry, or length is more than the largest tier takes. From any thread.
 */
static inline struct weir_mbuf *weir_tiers_alloc(struct weir_tiers *tiers, uint32_t length);

/* Take count such mbufs, some of them from larger tiers when the smallest has too few: all, and 0,
 * or none, and -ENOBUFS, or -EMSGSIZE when length is more than the largest tier takes. */
static inline int weir_tiers_alloc_bulk(
	struct weir_tiers *tiers, uint32_t length, struct weir_mbuf **mbufs, uint32_t count);

/* Make a packet of length bytes from bytes: in one segment when a tier takes it, else as a chain of
 * the largest tier's and a last one of the smallest that takes the rest. The caller owns it. NULL
 * with errno when the tiers do not have them; nothing is taken then. From any thread. */
WEIR_API struct weir_mbuf *weir_tiers_from_bytes(
	struct weir_tiers *tiers, const void *bytes, uint32_t length);

/* The figures of a tier, 0 to weir_tiers_count() - 1; exact when no other thread uses the tiers,
 * else of about now. Takes a lock and walks over all threads: once a second, not once a packet.
 * From any thread. */
WEIR_API void weir_tiers_stats(
	struct weir_tiers *tiers, uint32_t index, struct weir_tiers_stats *stats);

/* The figures of all tiers as a table, or as a JSON object. The caller frees it with free(). NULL
 * with errno ENOMEM. As slow as stats. From any thread. */
WEIR_API char *weir_tiers_report(struct weir_tiers *tiers, bool json);

/* ---- the fast path ---- */

/* What one thread, by its slot, was served: written by that thread alone, except for slot 0, which
 * all threads without a slot share. */
struct weir__tiers_served {
	WEIR_ATOMIC(uint64_t) mbufs[WEIR_TIERS_MAX];
} __attribute__((aligned(WEIR_CACHE_LINE)));

static_assert(sizeof(struct weir__tiers_served) == WEIR_CACHE_LINE, "one line for each thread");

/* All fields are private. */
struct weir_tiers {
	uint32_t sizes[WEIR_TIERS_MAX]; /* rising; UINT32_MAX behind the last */
	struct weir_mempool *pools[WEIR_TIERS_MAX];
	uint32_t count;
	char name[20]; /* leaves room for a size in a mempool's name, 32 */
	struct weir__tiers_served served[WEIR_THREAD_MAX];

	/* by tier; written on the slow path only, by any thread */
	WEIR_ATOMIC(uint64_t) fell_up[WEIR_TIERS_MAX];
	WEIR_ATOMIC(uint64_t) failed[WEIR_TIERS_MAX];
	WEIR_ATOMIC(uint64_t) stepped_in[WEIR_TIERS_MAX];
	WEIR_ATOMIC(uint32_t) shortages[WEIR_TIERS_MAX];
	WEIR_ATOMIC(uint32_t) peak[WEIR_TIERS_MAX];
};

/* Take count mbufs for a length whose tier is index, from it and those above, and count them. */
WEIR_API int weir__tiers_alloc_slow(
	struct weir_tiers *tiers, uint32_t index, struct weir_mbuf **mbufs, uint32_t count);

static inline uint32_t weir_tiers_count(const struct weir_tiers *tiers)
{
	return tiers->count;
}

/* Without a branch, which mixed lengths would make the processor guess wrong every other time: the
 * sign of the difference is 1 for each tier that is too small. (Of a sum of comparisons gcc 12
 * makes the wrong code on arm64: it adds up -1 for each.) */
static inline uint32_t weir_tiers_index(const struct weir_tiers *tiers, uint32_t length)
{
	uint32_t index = 0;

	_Pragma("GCC unroll 8") for (uint32_t i = 0; i < WEIR_TIERS_MAX; i++)
	{
		index += (uint32_t)(((uint64_t)tiers->sizes[i] - length) >> 63);
	}
	return index;
}

static inline void weir__tiers_count_served(
	struct weir_tiers *tiers, uint32_t index, uint32_t count)
{
	uint32_t slot = weir__thread.slot;
	WEIR_ATOMIC(uint64_t) *served = &tiers->served[slot].mbufs[index];

	/* relaxed: figures only. The slot's next thread comes after this one by the lock under
	 * which slots change hands. */
	if (weir_likely(slot))
		atomic_store_explicit(served,
			atomic_load_explicit(served, memory_order_relaxed) + count,
			memory_order_relaxed);
	else
		atomic_fetch_add_explicit(served, count, memory_order_relaxed);
}

WEIR__INLINE int weir_tiers_alloc_bulk(
	struct weir_tiers *tiers, uint32_t length, struct weir_mbuf **mbufs, uint32_t count)
{
	uint32_t index = weir_tiers_index(tiers, length);

	if (weir_unlikely(
		    index == tiers->count || !weir__mbuf_pop(tiers->pools[index], mbufs, count)))
		return weir__tiers_alloc_slow(tiers, index, mbufs, count);
	weir__tiers_count_served(tiers, index, count);
	return 0;
}

WEIR__INLINE struct weir_mbuf *weir_tiers_alloc(struct weir_tiers *tiers, uint32_t length)
{
	struct weir_mbuf *mbuf;

	return weir_tiers_alloc_bulk(tiers, length, &mbuf, 1) == 0 ? mbuf : NULL;
}

#ifdef __cplusplus
}
#endif

#endif
