/* SPDX-License-Identifier: BSD-3-Clause */
/* free.c: what is not on the fast path of free.
 *
 * A free mbuf is clean: held once, no next, on its own buffer, so that alloc need not look.
 * clean_own(), clean_chain() and give_back() make a used one clean again.
 */
#include "mbuf_impl.h"

#include "base/base_impl.h"
#include "base/block_impl.h"
#include "mempool/guard_impl.h"
#include "mempool/track_impl.h"

/* Mbufs on their way home: clean ones, those of one pool together, and the owners of what they
 * borrowed. The owners wait for the end of a burst, since giving up a reference is a fence: what is
 * read behind it waits for it. */
#define AT_ONCE 64 /* a batch */

struct returns {
	struct weir_mempool *pool;
	uint32_t plain; /* the state of its mbufs when they are clean; 0: there is no pool yet */
	uint32_t count, owed;
	uint32_t parts;            /* of the block, that are owed to it */
	struct weir__block *block; /* NULL: none yet */
	void *address;             /* where the call returns to, for tracking */
	struct weir_mbuf *mbufs[AT_ONCE], *owners[AT_ONCE];
};

/* The arrays are left as they are: clearing them would cost more than freeing an mbuf. */
static void begin(struct returns *returns, void *address)
{
	returns->address = address;
	returns->plain = 0;
	returns->count = 0;
	returns->owed = 0;
	returns->parts = 0;
	returns->block = NULL;
}

static void put(struct weir_mempool *pool, struct weir_mbuf **mbufs, uint32_t count, void *address)
{
	void *const *objects = (void *const *)(void *)mbufs;

	if (weir_unlikely(pool->track != NULL))
		weir__mempool_give(pool, objects, count, address);
	else
		weir_mempool_put_bulk(pool, objects, count);
}

static void hand_in(struct returns *returns)
{
	if (returns->count)
		put(returns->pool, returns->mbufs, returns->count, returns->address);
	returns->count = 0;
}

/* Make ready for an mbuf with this state. */
static inline void choose_pool(struct returns *returns, uint32_t state)
{
	if (weir_likely(((state ^ returns->plain) & ~WEIR__MBUF_SHAPE) == 0 &&
			returns->count < AT_ONCE))
		return;
	hand_in(returns);
	returns->pool = weir__mbuf_state_pool(state);
	returns->plain = returns->pool->head.mbuf_plain;
}

static void settle_parts(struct returns *returns)
{
	if (returns->parts)
		weir__block_drop(returns->block, returns->parts);
	returns->parts = 0;
}

/* Put an mbuf that has a part of a block on its own buffer again. relaxed, here and below: it is
 * ours alone */
static inline void give_back_part(
	struct returns *returns, struct weir_mbuf *mbuf, uint32_t first, uint32_t plain)
{
	uint8_t *own = (uint8_t *)mbuf + first;
	struct weir__block *block = ((struct weir__lender *)(void *)own)->block;

	mbuf->buffer = own;
	atomic_store_explicit(&mbuf->state, plain, memory_order_relaxed);
	if (weir_unlikely(block != returns->block)) {
		settle_parts(returns);
		returns->block = block;
	}
	returns->parts++;
}

/* Nobody holds this mbuf any more, which had this state: make it clean, if it borrows nothing. */
static inline void clean_own(struct returns *returns, struct weir_mbuf *mbuf, uint32_t state)
{
	choose_pool(returns, state);
	mbuf->next = NULL;
	atomic_store_explicit(&mbuf->state, returns->plain, memory_order_relaxed);
	if (weir_unlikely(state & WEIR__MBUF_PART))
		give_back_part(returns, mbuf, returns->pool->head.mbuf_first, returns->plain);
	returns->mbufs[returns->count++] = mbuf;
}

/* Give up the references that are owed. Owners have borrowed nothing themselves. */
static void settle(struct returns *returns)
{
	for (uint32_t i = 0; weir__guards_anybody() && i < returns->owed; i++)
		weir__sharing_ends(returns->owners[i], weir_ref_look(&returns->owners[i]->state));
	for (uint32_t i = 0; i < returns->owed; i++) {
		struct weir_mbuf *owner = returns->owners[i];

		if (weir_ref_drop(&owner->state))
			clean_own(returns, owner, weir_ref_look(&owner->state));
	}
	returns->owed = 0;
}

/* Put an mbuf that uses another's buffer on its own again. One more reference is owed to the other
 * then, or external memory is given up. */
static inline void give_back(struct returns *returns, uint32_t *owed, struct weir_mbuf *mbuf,
	uint32_t first, uint32_t plain)
{
	uint8_t *own = (uint8_t *)mbuf + first;
	struct weir__lender lender = *(struct weir__lender *)(void *)own;

	mbuf->buffer = own;
	atomic_store_explicit(&mbuf->state, plain, memory_order_relaxed);
	if (lender.owner)
		returns->owners[(*owed)++] = lender.owner;
	else
		weir_external_drop(lender.external);
}

/* Is it an mbuf that somebody holds? */
static bool is_held(const struct weir_mbuf *mbuf, uint32_t state)
{
	if (weir_likely(weir_ref_count(state) && weir__mbuf_state_pool(state)))
		return true;
	weir__misuse(mbuf, 0, true,
		weir_ref_count(state) ? "is freed, but of no pool (its state is 0x%08x)"
				      : "is freed, but nobody holds it (its state is 0x%08x)",
		state);
	return false;
}

/* Give up the reference to an mbuf with this state, which is held. */
static void drop(struct returns *returns, struct weir_mbuf *mbuf, uint32_t state)
{
	if (weir__guards_anybody())
		weir__sharing_ends(mbuf, state);
	if (weir_ref_count(state) != 1 && !weir_ref_drop_shared(&mbuf->state))
		return;
	if (returns->owed == AT_ONCE)
		settle(returns);
	clean_own(returns, mbuf, state);
	if (state & WEIR__MBUF_BORROWED)
		give_back(returns, &returns->owed, mbuf, returns->pool->head.mbuf_first,
			returns->plain);
}

static void end(struct returns *returns)
{
	if (returns->owed)
		settle(returns);
	settle_parts(returns);
	hand_in(returns);
}

void weir__mbuf_drop(struct weir_mbuf *mbuf)
{
	struct returns returns;

	begin(&returns, __builtin_return_address(0));
	drop(&returns, mbuf, weir_ref_look(&mbuf->state));
	end(&returns);
}

/* Put mbufs on their own buffers again, from the first on, that are as free_single() wants them and
 * have parts of the block that the first has: how many. Of a capture file they come in a row. */
static uint32_t give_back_parts(struct returns *returns, struct weir_mbuf **mbufs, uint32_t count,
	uint32_t first, uint32_t plain)
{
	const uint8_t *head = (const uint8_t *)mbufs[0] + first;
	struct weir__block *block = ((const struct weir__lender *)(const void *)head)->block;
	uint32_t run;

	_Pragma("GCC unroll 4") for (run = 0; run < count; run++)
	{
		uint32_t odd = weir_ref_look(&mbufs[run]->state) ^ (plain | WEIR__MBUF_PART);
		uint8_t *own = (uint8_t *)mbufs[run] + first;

		if (weir_unlikely(odd & ~WEIR__MBUF_FROZEN))
			break;
		if (weir_unlikely(((struct weir__lender *)(void *)own)->block != block))
			break;
		mbufs[run]->buffer = own;
		atomic_store_explicit(&mbufs[run]->state, plain, memory_order_relaxed);
	}
	if (block != returns->block)
		settle_parts(returns);
	returns->block = block;
	returns->parts += run;
	return run;
}

/* What may be set in an mbuf for which free_single() is. */
#define ALONE_ELSEWHERE (WEIR__MBUF_BORROWED | WEIR__MBUF_PART | WEIR__MBUF_FROZEN)

/* Give back the mbufs, from the first on, that are the caller's alone, of one segment and of the
 * first one's pool, on their own buffers or others'; and let the fast path know the pool for the
 * next time. How many. */
static uint32_t free_single(struct returns *returns, struct weir_mbuf **mbufs, uint32_t count)
{
	struct weir_mempool *pool = weir_mbuf_pool(mbufs[0]);
	uint32_t first = pool->head.mbuf_first, plain = pool->head.mbuf_plain, run = 0, owed = 0;

	if (returns->owed)
		settle(returns);
	count = count < AT_ONCE ? count : AT_ONCE; /* as many as can be owed */
	for (; run < count; run++) {
		uint32_t state = weir_ref_look(&mbufs[run]->state);

		if (state == (plain | WEIR__MBUF_BORROWED))
			give_back(returns, &owed, mbufs[run], first, plain);
		else if ((state & ~WEIR__MBUF_FROZEN) == (plain | WEIR__MBUF_PART))
			run += give_back_parts(returns, mbufs + run, count - run, first, plain) - 1;
		else if (state == (plain | WEIR__MBUF_FROZEN))
			atomic_store_explicit(&mbufs[run]->state, plain, memory_order_relaxed);
		else if (state != plain)
			break;
	}
	returns->owed = owed;
	weir_mempool_put_bulk(pool, (void *const *)(void *)mbufs, run);
	weir__thread_remember(pool, plain);
	return run;
}

/* Make segments clean, from this one on, that are the caller's alone and of the pool at hand.
 * Returns the first that is not. */
static inline struct weir_mbuf *clean_chain(struct returns *returns, struct weir_mbuf *mbuf)
{
	const uint32_t plain = returns->plain, first = returns->pool->head.mbuf_first;
	uint32_t count = returns->count, owed = returns->owed;

	while (mbuf && count < AT_ONCE) {
		struct weir_mbuf *next = mbuf->next;
		uint32_t odd = (weir_ref_look(&mbuf->state) ^ plain) & ~WEIR__MBUF_CHAINED;

		if (odd == 0)
			atomic_store_explicit(&mbuf->state, plain, memory_order_relaxed);
		else if (odd == WEIR__MBUF_BORROWED && owed < AT_ONCE)
			give_back(returns, &owed, mbuf, first, plain);
		else if ((odd & ~WEIR__MBUF_FROZEN) == WEIR__MBUF_PART)
			give_back_part(returns, mbuf, first, plain);
		else
			break;
		mbuf->next = NULL;
		returns->mbufs[count++] = mbuf;
		mbuf = next;
	}
	returns->count = count;
	returns->owed = owed;
	return mbuf;
}

/* The same of plain segments, straight into the cache of this thread while it has room: most
 * chains are no more than that. */
static inline struct weir_mbuf *free_plain(struct weir_mempool *pool, struct weir_mbuf *mbuf)
{
	struct weir__mempool_cache *cache = weir__mempool_cache(pool);
	/* relaxed: as in weir__mempool_push(), of which this is many */
	uint32_t limit = atomic_load_explicit(&cache->limit, memory_order_relaxed);
	uint32_t have = atomic_load_explicit(&cache->count, memory_order_relaxed);
	uint32_t plain = pool->head.mbuf_plain;

	if (have >= limit) /* as for a thread without a cache, whose count is nobody's to write */
		return mbuf;
	while (mbuf && have < limit) {
		struct weir_mbuf *next = mbuf->next;

		if ((weir_ref_look(&mbuf->state) ^ plain) & ~WEIR__MBUF_CHAINED)
			break;
		atomic_store_explicit(&mbuf->state, plain, memory_order_relaxed);
		mbuf->next = NULL;
		cache->objects[have++] = mbuf;
		mbuf = next;
	}
	atomic_store_explicit(&cache->count, have, memory_order_relaxed);
	return mbuf;
}

/* Our reference to a chain covers each segment; whoever drops the last one to a segment cleans it,
 * so the way on is read first. */
static void free_chain(struct returns *returns, struct weir_mbuf *mbuf, uint32_t state)
{
	if ((state & WEIR__MBUF_SHAPE) == (1 | WEIR__MBUF_CHAINED))
		mbuf = free_plain(weir__mbuf_state_pool(state), mbuf);
	if (!mbuf)
		return;
	choose_pool(returns, state);
	while ((mbuf = clean_chain(returns, mbuf)) != NULL) {
		struct weir_mbuf *next = mbuf->next;

		state = weir_ref_look(&mbuf->state);
		if (weir_unlikely(!is_held(mbuf, state)))
			return;
		drop(returns, mbuf, state);
		mbuf = next;
	}
}

/* Free plain mbufs of a tracked pool, from the first on: how many. Not inline: the loop needs the
 * registers. */
static __attribute__((noinline)) uint32_t free_tracked(
	struct weir_mempool *pool, struct weir_mbuf **mbufs, uint32_t count, void *address)
{
	const struct weir__marker marker = weir__marker_for_put(pool, mbufs[0], address);
	uint32_t plain = pool->head.mbuf_plain, done;

	_Pragma("GCC unroll 4") for (done = 0; done < count; done++)
	{
		struct weir_mbuf *mbuf = mbufs[done];

		if (weir_ref_look(&mbuf->state) != plain || !weir__mark_put(&marker, mbuf))
			break;
	}
	return weir__marked_put(
		pool, marker.owner, marker.site, (void *const *)(void *)mbufs, done);
}

static __attribute__((noinline)) void free_any(
	struct weir_mbuf **mbufs, uint32_t count, void *address)
{
	struct returns returns;

	begin(&returns, address);
	while (count) {
		uint32_t state = weir_ref_look(&mbufs[0]->state), run = 1;
		struct weir_mempool *pool = weir__mbuf_state_pool(state);

		if (weir_unlikely(!pool))
			is_held(mbufs[0], state); /* it is not */
		else if (!pool->track && (state & WEIR__MBUF_SHAPE & ~ALONE_ELSEWHERE) == 1)
			run = free_single(&returns, mbufs, count);
		else if (pool->track && (state & WEIR__MBUF_SHAPE) == 1)
			run = free_tracked(pool, mbufs, count, address);
		else
			free_chain(&returns, mbufs[0], state);
		mbufs += run;
		count -= run;
	}
	end(&returns);
}

static __attribute__((noinline)) void free_from_tracked(
	struct weir_mempool *pool, struct weir_mbuf **mbufs, uint32_t count, void *address)
{
	uint32_t done = free_tracked(pool, mbufs, count, address);

	if (done < count)
		free_any(mbufs + done, count - done, address);
}

/* Of a tracked pool all are plain, mostly; others pay no more than this look. */
void weir__mbuf_free_slow(struct weir_mbuf **mbufs, uint32_t count)
{
	uint32_t state = count ? weir_ref_look(&mbufs[0]->state) : 0;
	struct weir_mempool *pool = weir__mbuf_state_pool(state);

	if (pool && pool->track && (state & WEIR__MBUF_SHAPE) == 1)
		free_from_tracked(pool, mbufs, count, __builtin_return_address(0));
	else
		free_any(mbufs, count, __builtin_return_address(0));
}
