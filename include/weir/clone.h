/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/clone.h: several packets on the same bytes, without a copy.
 *
 *	packet --> | metadata | buffer ............ |
 *	                        ^          ^
 *	clone  --> | metadata | lender |   |          its own buffer lies idle, but for who lent
 *	slice  --> | metadata | lender |---'
 *
 * A clone or slice has metadata of its own: it can be shortened, prepended to, chained and freed
 * like any packet, and the original too. The bytes are shared: they may be written by nobody until
 * weir_mbuf_make_writable() has made the packet's own what it is about to change. The last one that
 * uses a buffer gives it back, in whatever thread and order.
 *
 * The same goes for memory that no pool owns: a mapped file, a driver's frame, a template. It is
 * described by a weir_external and lent to an mbuf by weir_mbuf_attach().
 *
 * Calls may be made on packets that are the caller's, from any thread. They return NULL with errno,
 * or the negative of it, with the packet as it was: ENOBUFS when a pool is dry, EMLINK when 31,000
 * use the same bytes already.
 */
#ifndef WEIR_CLONE_H
#define WEIR_CLONE_H

#include "weir/base.h"
#include "weir/mbuf.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Memory that is nobody's mbuf. Lies where the caller likes, until release() is called. */
struct weir_external {
	WEIR_ATOMIC(uint32_t) state; /* references, and whether frozen: as in an mbuf */
	uint8_t *bytes;
	uint32_t size;
	/* called once nobody uses the bytes any more, by the thread that let go of them last; NULL:
	 * the memory is always there, nothing is counted, and nobody may write to it */
	void (*release)(struct weir_external *external);
	void *context; /* the caller's */
};

struct weir__block;

/* Who a segment has its buffer from: one of the two, or the block that it has a part of. Lies at
 * the start of the segment's own buffer, which is idle then. */
struct weir__lender {
	union {
		struct weir_external *external;
		struct weir__block *block;
	};
	struct weir_mbuf *owner;
};

/* Describe size bytes. The caller has one reference. */
static inline void weir_external_init(struct weir_external *external, void *bytes, uint32_t size,
	void (*release)(struct weir_external *external), void *context)
{
	atomic_init(&external->state, release ? 1 : 1 | WEIR__MBUF_FROZEN);
	external->bytes = (uint8_t *)bytes;
	external->size = size;
	external->release = release;
	external->context = context;
}

/* Take a reference, for one more attach or to keep the memory: 0, or -EMLINK when there are 31,000
 * already. And give one up. */
static inline int weir_external_ref(struct weir_external *external)
{
	if (!external->release)
		return 0;
	return weir_ref_take_one(&external->state, weir_ref_look(&external->state), false)
		       ? 0
		       : -EMLINK;
}
static inline void weir_external_drop(struct weir_external *external)
{
	if (external->release && weir_ref_drop(&external->state))
		external->release(external);
}

/* Give an mbuf that is empty, one segment and the caller's alone the bytes [offset, offset +
 * length) of external as its data, and the caller's reference to it. 0, or -EINVAL when they are
 * not inside, or the mbuf is shared, chained or not empty. */
static inline int weir_mbuf_attach(
	struct weir_mbuf *mbuf, struct weir_external *external, uint32_t offset, uint32_t length)
{
	uint32_t state = weir_ref_look(&mbuf->state);
	struct weir__lender *lender;

	if ((state & WEIR__MBUF_SHAPE) != 1 || mbuf->length || offset > external->size ||
		length > external->size - offset)
		return -EINVAL;
	lender = (struct weir__lender *)(void *)((uint8_t *)mbuf +
						 weir__mempool_head(weir__mbuf_state_pool(state))
							 ->mbuf_first);
	lender->external = external;
	lender->owner = NULL;
	/* relaxed: it is ours alone */
	atomic_store_explicit(&mbuf->state, state | WEIR__MBUF_BORROWED, memory_order_relaxed);
	mbuf->buffer = external->bytes;
	mbuf->offset = offset;
	mbuf->data_length = length;
	mbuf->length = length;
	return 0;
}

/* A packet with the same bytes and metadata, on mbufs of pool. The private area is not copied. */
WEIR_API struct weir_mbuf *weir_mbuf_clone(struct weir_mbuf *mbuf, struct weir_mempool *pool);

/* Clones of count packets: all, and 0, or none, and -ENOBUFS or -EMLINK. */
WEIR_API int weir_mbuf_clone_bulk(struct weir_mbuf *const *mbufs, struct weir_mbuf **clones,
	uint32_t count, struct weir_mempool *pool);

/* A packet of the bytes [offset, offset + length) of another, with its metadata; layer lengths and
 * wire length are not set, since they speak of the whole. NULL with errno EINVAL when it has fewer
 * bytes. */
WEIR_API struct weir_mbuf *weir_mbuf_slice(
	struct weir_mbuf *mbuf, uint32_t offset, uint32_t length, struct weir_mempool *pool);

/* Make the packet's bytes read-only for as long as anybody has them: also its owner then writes to
 * a copy only. Metadata stays free. */
WEIR_API void weir_mbuf_freeze(struct weir_mbuf *mbuf);

/* May the bytes [offset, offset + length) be written? */
WEIR_API bool weir_mbuf_is_writable(const struct weir_mbuf *mbuf, uint32_t offset, uint32_t length);

/* Make [offset, offset + length) of *packet writable: segments there that are shared are replaced
 * by copies on mbufs of their pools, the others stay. *packet may be another mbuf afterwards. 0,
 * -ENOBUFS, or -EINVAL when the packet has fewer bytes. */
WEIR_API int weir_mbuf_make_writable(struct weir_mbuf **packet, uint32_t offset, uint32_t length);

#ifdef __cplusplus
}
#endif

#endif
