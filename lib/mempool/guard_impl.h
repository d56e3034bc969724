/* SPDX-License-Identifier: BSD-3-Clause */
/* guard_impl.h: guards, as far as their files and those of mempools and mbufs need each other.
 *
 *	misuse.c	sentences about what was caught	fence.c		what nobody may write
 *	history.c	what was done with an object	poison.c	AddressSanitizer, valgrind
 *
 * An object of a guarded pool:
 *
 *	| what is kept | the buffer of an mbuf | fence |
 *	0              kept                    size    stride
 *
 * While it is free, of what is kept there is a sum, and the buffer is filled with a pattern; so a
 * write to either is seen when the object is taken again. The fence has a pattern for as long as
 * the object is out. The bytes of an mbuf have a sum for as long as several share them
 * (lib/mbuf/sharing.c).
 */
#ifndef WEIR_GUARD_IMPL_H
#define WEIR_GUARD_IMPL_H

#include "weir/guard.h"

#include "mempool/mempool_impl.h"
#include "mempool/track_impl.h"

#define WEIR__HISTORY    13 /* deeds that are remembered: with the rest two lines */
#define WEIR__FENCE_SIZE 16 /* bytes at least; mostly what is left of a line, and a line more */

enum weir__deed {
	WEIR__TAKEN = 1,
	WEIR__PUT,
	WEIR__REFERENCED,
	WEIR__DROPPED,
	WEIR__LENT,
	WEIR__FROZEN
};

/* Of an object. Written by who holds it, and the history by all who do. */
struct weir__guard {
	WEIR_ATOMIC(uint64_t) kept;   /* sum of a free one; 0: it was never taken */
	WEIR_ATOMIC(uint64_t) shared; /* sum of the bytes that several have; 0: nobody looked */
	WEIR_ATOMIC(uint64_t) next;   /* place in the history */
	WEIR_ATOMIC(uint64_t) deeds[WEIR__HISTORY]; /* 60-63 the deed, 32-59 thread, 0-31 site */
};

static inline bool weir__is_guarded(const struct weir_mempool *pool)
{
	return pool->track && pool->track->guards;
}

static inline uint32_t weir__kept_size(const struct weir_mempool *pool)
{
	return pool->head.mbuf_plain ? pool->head.mbuf_first : pool->size;
}

/* Is any pool guarded? For paths that would have to look for the pool. */
extern WEIR_ATOMIC(bool) weir__guarding;

static inline bool weir__guards_anybody(void)
{
	/* relaxed: a pool is made before anything is shared of it */
	return weir_unlikely(atomic_load_explicit(&weir__guarding, memory_order_relaxed));
}

/* fence.c */

/* The pool is guarded from now on, with a table at this place. */
void weir__guards_begin(struct weir_mempool *pool, void *table);

/* Objects are being taken, or were put, by a call from this site: look at them, say what is wrong
 * and mend it. */
void weir__guard_get(
	struct weir_mempool *pool, void *const *objects, uint32_t count, uint32_t site);
void weir__guard_put(
	struct weir_mempool *pool, void *const *objects, uint32_t count, uint32_t site);

/* Nothing is known of these objects any more: their memory is new. */
void weir__guard_forget(struct weir_mempool *pool, uint32_t first, uint32_t end);

/* Look at all that are free, before the pool goes. */
void weir__guard_look_at_free(struct weir_mempool *pool);

/* Where a fence was overwritten, bytes behind the end; UINT32_MAX: nowhere. */
uint32_t weir__fence_broken(const struct weir_mempool *pool, const uint8_t *object);

/* Never 0. */
uint64_t weir__guard_sum(const void *bytes, size_t size);

/* history.c */
void weir__history_add(
	struct weir_mempool *pool, uint32_t index, enum weir__deed deed, uint32_t site);
struct weir__symbols;
void weir__history_text(struct weir_mempool *pool, uint32_t index, struct weir__symbols *symbols,
	char *text, size_t size);

/* poison.c: tell AddressSanitizer and valgrind, if they are there, what may be touched. */
void weir__poison_pool(struct weir_mempool *pool);
void weir__poison_end(struct weir_mempool *pool);
void weir__poison_none(struct weir_mempool *pool, void *object); /* all may be touched, */
void weir__poison_all(struct weir_mempool *pool, void *object);  /* nothing, */
void weir__poison_free(struct weir_mempool *pool, void *object); /* as it goes home, */
void weir__poison_out(struct weir_mempool *pool, void *object);  /* all but the fence */
void weir__poison_fence(const struct weir_mempool *pool, const uint8_t *object, bool closed);

/* A value that depends on bytes which nobody has written: valgrind need not warn. */
uint64_t weir__poison_defined(uint64_t value);

/* misuse.c: an object is misused, by a call from this site if it is not 0: keep, count and hand on
 * a sentence about which one it is, what was done, and of a tracked pool who took it and, with
 * home, who gave it back. */
void weir__misuse(const void *object, uint32_t site, bool home, const char *what, ...)
	__attribute__((format(printf, 4, 5)));

/* misuse.c: the same of what lies in no pool: word says who took it and gave it back, as that of a
 * tracked object does; 0: nobody knows. */
void weir__misuse_of(uint64_t word, uint32_t site, const char *what, ...)
	__attribute__((format(printf, 3, 4)));

/* misuse.c: the same sentence as an error: -EINVAL. */
int weir__complain(const void *object, const char *what, ...) __attribute__((format(printf, 2, 3)));

/* misuse.c: an object may not be put, by a call from this site: say why. */
void weir__misput(struct weir_mempool *pool, const void *object, uint32_t site);

#endif
