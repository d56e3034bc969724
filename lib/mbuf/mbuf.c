/* SPDX-License-Identifier: BSD-3-Clause */
/* mbuf.c: what is not on the fast path of alloc and free, and the check of an mbuf.
 *
 * A free mbuf is clean: held once, no next, on its own buffer, so that alloc need not look.
 * clean() is the one place that makes a used one clean again.
 */
#include "mbuf_impl.h"

#include "base/base_impl.h"
#include "mempool/track_impl.h"

int weir__mbuf_alloc_slow(struct weir_mempool *pool, struct weir_mbuf **mbufs, uint32_t count)
{
	const weir__mbuf_empty empty = {weir__mempool_head(pool)->mbuf_headroom, 0, 0, 0};
	int error = weir__mempool_take(pool, (void **)(void *)mbufs, count);

	if (error)
		return error;
	if (weir_unlikely(pool->track != NULL))
		weir__track_get(
			pool, (void *const *)(void *)mbufs, count, __builtin_return_address(0));
	for (uint32_t i = 0; i < count; i++)
		weir__mbuf_reset(mbufs[i], empty);
	return 0;
}

struct weir_mbuf *weir__mbuf_reserve(struct weir_mempool *pool, uint32_t count)
{
	struct weir_mbuf *chain = NULL;

	while (count--) {
		struct weir_mbuf *mbuf = weir_mbuf_alloc(pool);

		if (!mbuf) {
			weir_mbuf_free(chain);
			return NULL;
		}
		weir_mbuf_set_next(mbuf, chain);
		chain = mbuf;
	}
	return chain;
}

/* Mbufs on their way home: clean ones, those of one pool together, and the owners of what they
 * borrowed. The owners wait for the end of a burst, since giving up a reference is a fence: what is
 * read behind it waits for it. */
#define AT_ONCE 64 /* a batch */

struct returns {
	struct weir_mempool *pool;
	uint32_t plain; /* the state of its mbufs when they are clean; 0: there is no pool yet */
	uint32_t count, owed;
	void *address; /* where the call returns to, for tracking */
	struct weir_mbuf *mbufs[AT_ONCE], *owners[AT_ONCE];
};

/* The arrays are left as they are: clearing them would cost more than freeing an mbuf. */
static void begin(struct returns *returns, void *address)
{
	returns->address = address;
	returns->plain = 0;
	returns->count = 0;
	returns->owed = 0;
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

/* Nobody holds this mbuf on its own buffer any more, which had this state: make it clean. relaxed,
 * here and below: it is ours alone */
static inline void clean_own(struct returns *returns, struct weir_mbuf *mbuf, uint32_t state)
{
	choose_pool(returns, state);
	mbuf->next = NULL;
	atomic_store_explicit(&mbuf->state, returns->plain, memory_order_relaxed);
	returns->mbufs[returns->count++] = mbuf;
}

/* Give up the references that are owed. Owners have borrowed nothing themselves. */
static void settle(struct returns *returns)
{
	for (uint32_t i = 0; i < returns->owed; i++) {
		struct weir_mbuf *owner = returns->owners[i];

		if (weir_ref_drop(&owner->state))
			clean_own(returns, owner, weir_ref_look(&owner->state));
	}
	returns->owed = 0;
}

/* Put an mbuf that uses another's buffer on its own again. */
static inline void give_back(
	struct returns *returns, struct weir_mbuf *mbuf, uint32_t first, uint32_t plain)
{
	uint8_t *own = (uint8_t *)mbuf + first;
	struct weir__lender lender = *(struct weir__lender *)(void *)own;

	mbuf->buffer = own;
	atomic_store_explicit(&mbuf->state, plain, memory_order_relaxed);
	if (weir_likely(lender.owner != NULL))
		returns->owners[returns->owed++] = lender.owner;
	else
		weir_external_drop(lender.external);
}

/* Give up the reference to an mbuf with this state. */
static void drop(struct returns *returns, struct weir_mbuf *mbuf, uint32_t state)
{
	if (weir_ref_count(state) != 1 && !weir_ref_drop_shared(&mbuf->state))
		return;
	if (returns->owed == AT_ONCE)
		settle(returns);
	clean_own(returns, mbuf, state);
	if (state & WEIR__MBUF_BORROWED)
		give_back(returns, mbuf, returns->pool->head.mbuf_first, returns->plain);
}

static void end(struct returns *returns)
{
	if (returns->owed)
		settle(returns);
	hand_in(returns);
}

void weir__mbuf_drop(struct weir_mbuf *mbuf)
{
	struct returns returns;

	begin(&returns, __builtin_return_address(0));
	drop(&returns, mbuf, weir_ref_look(&mbuf->state));
	end(&returns);
}

/* Give back the mbufs, from the first on, that are the caller's alone, of one segment and of the
 * first one's pool, on their own buffers or others'; and let the fast path know the pool for the
 * next time. How many. */
static uint32_t free_single(struct returns *returns, struct weir_mbuf **mbufs, uint32_t count)
{
	struct weir_mempool *pool = weir_mbuf_pool(mbufs[0]);
	uint32_t first = pool->head.mbuf_first, plain = pool->head.mbuf_plain, run = 0;

	if (returns->owed)
		settle(returns);
	for (; run < count && returns->owed < AT_ONCE; run++) {
		uint32_t state = weir_ref_look(&mbufs[run]->state);

		if (state == (plain | WEIR__MBUF_BORROWED))
			give_back(returns, mbufs[run], first, plain);
		else if (state != plain)
			break;
	}
	weir_mempool_put_bulk(pool, (void *const *)(void *)mbufs, run);
	weir__thread_remember(pool, plain);
	return run;
}

/* Make segments clean, from this one on, that are the caller's alone and of the pool at hand.
 * Returns the first that is not. */
static inline struct weir_mbuf *clean_chain(struct returns *returns, struct weir_mbuf *mbuf)
{
	uint32_t plain = returns->plain, count = returns->count;

	while (mbuf && count < AT_ONCE) {
		struct weir_mbuf *next = mbuf->next;
		uint32_t odd = (weir_ref_look(&mbuf->state) ^ plain) & ~WEIR__MBUF_CHAINED;

		if (weir_likely(odd == 0))
			atomic_store_explicit(&mbuf->state, plain, memory_order_relaxed);
		else if (odd == WEIR__MBUF_BORROWED && returns->owed < AT_ONCE)
			give_back(returns, mbuf, returns->pool->head.mbuf_first, plain);
		else
			break;
		mbuf->next = NULL;
		returns->mbufs[count++] = mbuf;
		mbuf = next;
	}
	returns->count = count;
	return mbuf;
}

/* Our reference to a chain covers each segment; whoever drops the last one to a segment cleans it,
 * so the way on is read first. */
static void free_chain(struct returns *returns, struct weir_mbuf *mbuf, uint32_t state)
{
	choose_pool(returns, state);
	while ((mbuf = clean_chain(returns, mbuf)) != NULL) {
		struct weir_mbuf *next = mbuf->next;

		drop(returns, mbuf, weir_ref_look(&mbuf->state));
		mbuf = next;
	}
}

/* The same for a tracked pool. Returns how many. */
static uint32_t free_tracked(
	struct weir_mempool *pool, struct weir_mbuf **mbufs, uint32_t count, void *address)
{
	uint32_t plain = pool->head.mbuf_plain, done = 0;
	struct weir__marker made;

	weir__marker_for_put(&made, pool, mbufs[0], address);
	const struct weir__marker marker = made; /* in registers */
	while (done < count && weir_ref_look(&mbufs[done]->state) == plain &&
		weir__mark_put(&marker, mbufs[done]))
		done++;
	return weir__marked_put(pool, &marker, (void *const *)(void *)mbufs, done);
}

void weir__mbuf_free_slow(struct weir_mbuf **mbufs, uint32_t count)
{
	struct returns returns;

	begin(&returns, __builtin_return_address(0));
	while (count) {
		uint32_t state = weir_ref_look(&mbufs[0]->state), run = 1;
		struct weir_mempool *pool = weir__mbuf_state_pool(state);

		if (weir_unlikely(pool->track != NULL) && (state & WEIR__MBUF_SHAPE) == 1)
			run = free_tracked(pool, mbufs, count, returns.address);
		else if (!pool->track && (state & WEIR__MBUF_SHAPE & ~WEIR__MBUF_BORROWED) == 1)
			run = free_single(&returns, mbufs, count);
		else
			free_chain(&returns, mbufs[0], state);
		mbufs += run;
		count -= run;
	}
	end(&returns);
}

void weir_mbuf_ref(struct weir_mbuf *mbuf, uint32_t count)
{
	for (; mbuf; mbuf = mbuf->next)
		weir_ref_take(&mbuf->state, count);
}

/* The buffer that the segment's data must lie in. */
static void find_buffer(struct weir_mempool *pool, const struct weir_mbuf *mbuf,
	const uint8_t **start, uint32_t *size)
{
	const struct weir__lender *lender = weir__mbuf_lender(pool, mbuf);

	if (!(weir_ref_look(&mbuf->state) & WEIR__MBUF_BORROWED)) {
		*start = (const uint8_t *)lender;
		*size = pool->head.mbuf_buffer_size;
	} else if (lender->external) {
		*start = lender->external->bytes;
		*size = lender->external->size;
	} else {
		pool = weir_mbuf_pool(lender->owner);
		*start = weir__mbuf_own_buffer(pool, lender->owner);
		*size = pool->head.mbuf_buffer_size;
	}
}

static int check_segment(const struct weir_mbuf *mbuf)
{
	uint32_t state = weir_ref_look(&mbuf->state);
	uint32_t number = state >> WEIR__MBUF_POOL_SHIFT, size;
	struct weir_mempool *pool = number <= WEIR_MEMPOOL_MAX ? weir__mempools[number] : NULL;
	const uint8_t *buffer;

	if (!pool || weir_mempool_index(pool, mbuf) == UINT32_MAX)
		return weir__fail(EINVAL, "mbuf %p: not an object of pool number %u",
			(const void *)mbuf, number);
	if (weir_ref_count(state) == 0)
		return weir__fail(EINVAL, "mbuf %p: nobody holds it", (const void *)mbuf);
	if (!(state & WEIR__MBUF_CHAINED) != !mbuf->next)
		return weir__fail(
			EINVAL, "mbuf %p: next and its state disagree", (const void *)mbuf);
	find_buffer(pool, mbuf, &buffer, &size);
	if (mbuf->buffer != buffer)
		return weir__fail(
			EINVAL, "mbuf %p: buffer is not where it should be", (const void *)mbuf);
	if (mbuf->offset > size || mbuf->data_length > size - mbuf->offset)
		return weir__fail(
			EINVAL, "mbuf %p: data is outside its buffer", (const void *)mbuf);
	return 0;
}

int weir_mbuf_check(const struct weir_mbuf *mbuf)
{
	uint64_t sum = 0;
	uint32_t length = mbuf->length;

	for (; mbuf; mbuf = mbuf->next) {
		int error = check_segment(mbuf);

		if (error)
			return error;
		sum += mbuf->data_length;
	}
	if (sum != length)
		return weir__fail(EINVAL, "packet of length %u has segments of %llu bytes", length,
			(unsigned long long)sum);
	return 0;
}
