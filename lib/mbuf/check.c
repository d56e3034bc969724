/* SPDX-License-Identifier: BSD-3-Clause */
/* check.c: every invariant of a packet. */
#include "mbuf_impl.h"

#include "base/base_impl.h"

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

/* What a tracked pool knows of the mbuf beside what it says itself. */
static int check_tracked(const struct weir_mempool *pool, const struct weir_mbuf *mbuf)
{
	uint32_t index = weir_mempool_index(pool, mbuf), place;

	if (!(weir__track_word(&pool->track->words[index]) & WEIR__TRACK_OUT))
		return weir__fail(EINVAL, "mbuf %p: it is free", (const void *)mbuf);
	if (!pool->track->guards)
		return 0;
	place = weir__fence_broken(pool, (const uint8_t *)mbuf);
	if (place != UINT32_MAX)
		return weir__fail(EINVAL, "mbuf %p: byte %u behind its end was written",
			(const void *)mbuf, place);
	if (weir__sharing_broken(pool, mbuf))
		return weir__fail(EINVAL, "mbuf %p: bytes that are shared or frozen were written",
			(const void *)mbuf);
	return 0;
}

static int check_segment(const struct weir_mbuf *mbuf)
{
	uint32_t state = weir_ref_look(&mbuf->state);
	uint32_t number = state >> WEIR__MBUF_POOL_SHIFT, size;
	struct weir_mempool *pool = weir__mbuf_state_pool(state);
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
	return pool->track ? check_tracked(pool, mbuf) : 0;
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
