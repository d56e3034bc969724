/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/chain.h: packets of any number of segments, as if they were one row of bytes.
 *
 * Offsets and lengths are bytes of the packet, from its first on. Nothing here copies more than it
 * must: a packet is cut and joined by its segments, and a segment is cut by a slice of it
 * (weir/clone.h), so pieces may share bytes afterwards.
 *
 * Calls that may have to put another mbuf in front take struct weir_mbuf **packet and change it.
 * Every call leaves the packet as it was when it fails, by an error or NULL with errno: -ENOBUFS
 * when a pool is dry, or a segment is to be cut whose bytes 31,000 use already (weir/clone.h);
 * -EINVAL when the packet has not so many bytes; -EMSGSIZE when it would have more than 2^32 - 1,
 * or bytes were asked to lie in one segment that no segment of the pool can hold; -EROFS for a
 * write to bytes that are shared. New segments come from the pool of the packet's first.
 *
 * A packet is its owner's: no two threads call these on the same packet at the same time.
 */
#ifndef WEIR_CHAIN_H
#define WEIR_CHAIN_H

#include "weir/base.h"
#include "weir/mbuf.h"

#include <stdint.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How many segments. */
WEIR_API uint32_t weir_mbuf_segments(const struct weir_mbuf *mbuf);

/* ---- longer and shorter ---- */

/* Add count bytes, in one segment, in front of or behind the packet; in a new segment when there is
 * no room. Where they are, undefined, or NULL with errno. */
WEIR_API uint8_t *weir_mbuf_extend_head(struct weir_mbuf **packet, uint32_t count);
WEIR_API uint8_t *weir_mbuf_extend_tail(struct weir_mbuf *mbuf, uint32_t count);

/* Put length bytes behind the packet, on as many segments as it takes. */
WEIR_API int weir_mbuf_append_bytes(struct weir_mbuf *mbuf, const void *bytes, uint32_t length);

/* Remove count bytes from the front, or from the end; segments emptied by trim are freed, those
 * emptied by adj stay with no bytes. */
WEIR_API int weir_mbuf_adj(struct weir_mbuf *mbuf, uint32_t count);
WEIR_API int weir_mbuf_trim(struct weir_mbuf *mbuf, uint32_t count);

/* The last segment, and its state. */
static inline struct weir_mbuf *weir__mbuf_last(struct weir_mbuf *mbuf, uint32_t *state)
{
	*state = weir_ref_look(&mbuf->state);
	while (weir_unlikely(*state & WEIR__MBUF_CHAINED)) {
		mbuf = mbuf->next;
		*state = weir_ref_look(&mbuf->state);
	}
	return mbuf;
}

/* Put the packet tail behind head, which owns it then. */
static inline int weir_mbuf_concat(struct weir_mbuf *head, struct weir_mbuf *tail)
{
	uint32_t length = head->length + tail->length, state;
	struct weir_mbuf *last;

	if (weir_unlikely(length < tail->length))
		return -EMSGSIZE;
	last = weir__mbuf_last(head, &state);
	weir__mbuf_relink(last, state, state | WEIR__MBUF_CHAINED, tail);
	head->length = length;
	return 0;
}

/* Make count packets one, in this order: the first, which owns the others then. Takes less time
 * than so many calls, since nobody looks for the end of what has been joined. */
static inline int weir_mbuf_concat_bulk(struct weir_mbuf **mbufs, uint32_t count)
{
	uint64_t length = 0;
	uint32_t state;

	for (uint32_t i = 0; i < count; i++)
		length += mbufs[i]->length;
	if (weir_unlikely(length > UINT32_MAX))
		return -EMSGSIZE;
	for (uint32_t i = 0; i + 1 < count; i++) {
		struct weir_mbuf *last = weir__mbuf_last(mbufs[i], &state);

		weir__mbuf_relink(last, state, state | WEIR__MBUF_CHAINED, mbufs[i + 1]);
	}
	if (count)
		mbufs[0]->length = (uint32_t)length;
	return 0;
}

/* Keep the first offset bytes, and return the rest as a packet of its own, with the same metadata,
 * which may be empty. NULL with errno. */
WEIR_API struct weir_mbuf *weir_mbuf_split(struct weir_mbuf *mbuf, uint32_t offset);

/* Make room for count bytes at offset, in one segment: where, or NULL with errno. */
WEIR_API uint8_t *weir_mbuf_insert(struct weir_mbuf **packet, uint32_t offset, uint32_t count);

/* Take count bytes at offset out of the packet. */
WEIR_API int weir_mbuf_remove(struct weir_mbuf *mbuf, uint32_t offset, uint32_t count);

/* ---- in one piece ---- */

/* Make the first count bytes, or all, lie in one segment. */
WEIR_API int weir_mbuf_pull_up(struct weir_mbuf **packet, uint32_t count);
WEIR_API int weir_mbuf_linearize(struct weir_mbuf **packet);

/* ---- bytes ---- */

/* Make a packet of length bytes, undefined, with segment bytes in each segment but the last; 0: as
 * many as fit. NULL with errno ENOBUFS when the pool has too few mbufs, EMSGSIZE when segment bytes
 * do not fit. */
WEIR_API struct weir_mbuf *weir_mbuf_alloc_chain(
	struct weir_mempool *pool, uint32_t length, uint32_t segment);

/* Make a packet of length bytes from bytes, on as many segments of pool as it takes. NULL with
 * errno ENOBUFS when the pool does not have them. */
WEIR_API struct weir_mbuf *weir_mbuf_from_bytes(
	struct weir_mempool *pool, const void *bytes, uint32_t length);

/* Make a copy of a packet, bytes and metadata, on mbufs of pool; the private area is not copied.
 * NULL with errno ENOBUFS when the pool does not have them. */
WEIR_API struct weir_mbuf *weir_mbuf_copy(const struct weir_mbuf *mbuf, struct weir_mempool *pool);

/* Copy length bytes at offset out of the packet, or into it. */
WEIR_API int weir_mbuf_read(
	const struct weir_mbuf *mbuf, uint32_t offset, void *bytes, uint32_t length);
WEIR_API int weir_mbuf_write(
	struct weir_mbuf *mbuf, uint32_t offset, const void *bytes, uint32_t length);

WEIR_API const void *weir__mbuf_peek_slow(
	const struct weir_mbuf *mbuf, uint32_t offset, uint32_t length, void *bounce);
/* Look at length bytes of the packet from offset on: in place when they lie in one segment, else
 * copied to bounce, which has room for them. NULL when the packet has fewer. */
static inline const void *weir_mbuf_peek(
	const struct weir_mbuf *mbuf, uint32_t offset, uint32_t length, void *bounce)
{
	if (weir_likely((uint64_t)offset + length <= mbuf->data_length))
		return weir_mbuf_data_at(mbuf, offset);
	return weir__mbuf_peek_slow(mbuf, offset, length, bounce);
}

/* Compare two packets byte by byte as memcmp() does; of two that begin alike the shorter one is
 * less. Below 0, 0, or above. */
WEIR_API int weir_mbuf_compare(const struct weir_mbuf *a, const struct weir_mbuf *b);

/* The bytes [offset, offset + length) for writev(): up to max pieces. How many there are, which may
 * be more than max; 0 when the packet has fewer bytes. */
WEIR_API uint32_t weir_mbuf_iovec(const struct weir_mbuf *mbuf, uint32_t offset, uint32_t length,
	struct iovec *pieces, uint32_t max);

/* Call visit for each piece of [offset, offset + length), in order, until it returns other than 0.
 * That, 0, or -EINVAL. */
WEIR_API int weir_mbuf_walk(const struct weir_mbuf *mbuf, uint32_t offset, uint32_t length,
	int (*visit)(void *context, const uint8_t *bytes, uint32_t length), void *context);

#ifdef __cplusplus
}
#endif

#endif
