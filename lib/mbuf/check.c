/* SPDX-License-Identifier: BSD-3-Clause */
/* check.c: every invariant of a packet. */
#include "mbuf_impl.h"

#include "base/block_impl.h"

/* How far its part of a block goes is kept nowhere: it may not be past the block's end. */
static void find_part(const struct weir__block *block, const struct weir_mbuf *mbuf,
	const uint8_t **start, uint32_t *size)
{
	uint64_t place = (uint64_t)(mbuf->buffer - block->bytes);
	uint64_t left = place <= block->size ? block->size - place : 0;

	*start = place <= block->size ? mbuf->buffer : NULL;
	*size = left < UINT32_MAX ? (uint32_t)left : UINT32_MAX;
}

/* The buffer that the segment's data must lie in. */
static void find_buffer(struct weir_mempool *pool, const struct weir_mbuf *mbuf,
	const uint8_t **start, uint32_t *size)
{
	const struct weir__lender *lender = weir__mbuf_lender(pool, mbuf);

	if (weir_ref_look(&mbuf->state) & WEIR__MBUF_PART) {
		find_part(lender->block, mbuf, start, size);
	} else if (!(weir_ref_look(&mbuf->state) & WEIR__MBUF_BORROWED)) {
		*start = (const uint8_t *)lender;
		*size = pool->head.mbuf_buffer_size;
	} else if (lender->external) {
		*start = lender->external->bytes;
		*size = lender->external->size;
	} else {
		find_buffer(weir_mbuf_pool(lender->owner), lender->owner, start, size);
	}
}

/* What a tracked pool knows of the mbuf beside what it says itself. */
static int check_tracked(const struct weir_mempool *pool, const struct weir_mbuf *mbuf)
{
	uint32_t index = weir_mempool_index(pool, mbuf), place;

	if (!(weir__track_word(&pool->track->words[index]) & WEIR__TRACK_OUT))
		return weir__complain(mbuf, "is free");
	if (!pool->track->guards)
		return 0;
	place = weir__fence_broken(pool, (const uint8_t *)mbuf);
	if (place != UINT32_MAX)
		return weir__complain(mbuf, "was written past its end (byte %u behind it)", place);
	if (weir__sharing_broken(pool, mbuf))
		return weir__complain(mbuf, "was written while its bytes were shared or frozen");
	return 0;
}

static int check_segment(const struct weir_mbuf *mbuf)
{
	uint32_t state = weir_ref_look(&mbuf->state), size;
	struct weir_mempool *pool = weir__mbuf_state_pool(state);
	const uint8_t *buffer;

	if (!pool || weir_mempool_index(pool, mbuf) == UINT32_MAX)
		return weir__complain(
			mbuf, "is no mbuf of the pool that its state says (0x%08x)", state);
	if (weir_ref_count(state) == 0)
		return weir__complain(mbuf, "is held by nobody");
	if (!(state & WEIR__MBUF_CHAINED) != !mbuf->next)
		return weir__complain(mbuf, "has a next that its state does not know of, or none");
	find_buffer(pool, mbuf, &buffer, &size);
	if (mbuf->buffer != buffer)
		return weir__complain(mbuf, "has its buffer elsewhere than it should be");
	if (mbuf->offset > size || mbuf->data_length > size - mbuf->offset)
		return weir__complain(mbuf, "has data outside its buffer");
	return pool->track ? check_tracked(pool, mbuf) : 0;
}

int weir_mbuf_check(const struct weir_mbuf *mbuf)
{
	const struct weir_mbuf *head = mbuf;
	uint64_t sum = 0;

	for (; mbuf; mbuf = mbuf->next) {
		int error = check_segment(mbuf);

		if (error)
			return error;
		sum += mbuf->data_length;
	}
	if (sum != head->length)
		return weir__complain(head, "has length %u, and segments of %llu bytes",
			head->length, (unsigned long long)sum);
	return 0;
}
