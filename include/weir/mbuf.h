/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/mbuf.h: the packet buffer.
 *
 * An mbuf is one line of metadata and, behind it in the same object, its buffer:
 *
 *	| 64 bytes metadata | private area | headroom | data ... | tailroom |
 *	^ struct weir_mbuf                 ^ buffer   ^ buffer + offset
 *
 * A packet is a chain of one or more mbufs, its segments, linked by next. The first carries what
 * holds for the packet: its length, port, time and the rest.
 *
 * Ownership: whoever allocates or receives an mbuf owns it, until the mbuf is freed or handed to a
 * call that says it takes it. Freeing the first segment frees the chain. An mbuf that several hold
 * (weir_mbuf_ref) may only be read. One whose buffer others use too (weir/clone.h) is its owner's,
 * but for the bytes. One with a part of a block, as read from a file, has its bytes to itself.
 *
 * What one does with packets of several segments is in weir/chain.h.
 *
 * Threads: alloc and free from any; everything else on an mbuf only by its owner.
 */
#ifndef WEIR_MBUF_H
#define WEIR_MBUF_H

#include "weir/base.h"
#include "weir/mbuf_pool.h"
#include "weir/mempool.h"
#include "weir/refcount.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weir_mbuf {
	/* bits 0-14 references, 15 has a next segment, 16 uses a buffer that is not its own, 17
	 * its buffer is frozen, 18 has a part of a block, 19-31 pool number. So a plain mbuf, held
	 * once, alone in its chain and on its own buffer, has 1 in its lower 19 bits. Kept clean.
	 */
	WEIR_ATOMIC(uint32_t) state;
	uint16_t link_type; /* set with WEIR_MBUF_LINK_TYPE: weir_mbuf_link_type() */
	uint16_t port;      /* for the application; a capture's interface when it comes from one */
	uint8_t *buffer;    /* its start: the headroom's first byte */

	/* These 16 bytes are all that alloc writes. */
	uint32_t offset;      /* of the data in the buffer: the headroom */
	uint32_t data_length; /* bytes in this segment */
	uint32_t length;      /* bytes in the packet; first segment only */
	uint32_t flags;       /* WEIR_MBUF_*: which of the fields below are set */

	struct weir_mbuf *next; /* NULL in the last segment; set by weir_mbuf_set_next() */
	uint64_t timestamp_ns;  /* since 1970 */
	union {
		uint32_t wire_length; /* bytes it had on the wire, when more or fewer than length */
		uint32_t segment_size; /* with WEIR_MBUF_SEGMENT: payload of each */
	};
	uint32_t hash; /* of the flow */
	uint16_t vlan_tci;
	uint16_t packet_type; /* and the lengths of its layers, bytes */
	uint16_t l3_length;
	uint8_t l2_length;
	uint8_t l4_length;
};

static_assert(sizeof(struct weir_mbuf) == WEIR_CACHE_LINE, "an mbuf's metadata is one line");
static_assert(offsetof(struct weir_mbuf, offset) == 16, "alloc writes one vector");
static_assert(offsetof(struct weir_mbuf, next) == 32, "alloc writes one vector");

/* flags */
#define WEIR_MBUF_LINK_TYPE   (1u << 0)
#define WEIR_MBUF_TIMESTAMP   (1u << 1)
#define WEIR_MBUF_WIRE_LENGTH (1u << 2)
#define WEIR_MBUF_HASH        (1u << 3)
#define WEIR_MBUF_VLAN        (1u << 4)
#define WEIR_MBUF_LAYERS      (1u << 5)
#define WEIR_MBUF_FIELDS      (1u << 6) /* weir/field.h */
/* which way it went on the interface it was captured on, where that is known */
#define WEIR_MBUF_INBOUND  (1u << 11)
#define WEIR_MBUF_OUTBOUND (1u << 12)
/* what is still to be done when it is sent (weir/offload.h) */
#define WEIR_MBUF_L3_CHECKSUM (1u << 8)
#define WEIR_MBUF_L4_CHECKSUM (1u << 9)
#define WEIR_MBUF_SEGMENT     (1u << 10)
/* these bits are the application's; the library copies them with the packet and no more */
#define WEIR_MBUF_USER_FLAGS 0xff000000u

/* state */
#define WEIR__MBUF_CHAINED    (1u << 15)
#define WEIR__MBUF_BORROWED   (1u << 16)
#define WEIR__MBUF_FROZEN     (1u << 17)
#define WEIR__MBUF_PART       (1u << 18)
#define WEIR__MBUF_POOL_SHIFT 19
#define WEIR__MBUF_SHAPE      ((1u << WEIR__MBUF_POOL_SHIFT) - 1)
/* these bits are 1 when the bytes of a segment are its holder's alone */
#define WEIR__MBUF_BYTES (WEIR_REF_MASK | WEIR__MBUF_BORROWED | WEIR__MBUF_FROZEN)

/* Take one mbuf, empty, with the pool's headroom. NULL with errno ENOBUFS when the pool is dry. */
static inline struct weir_mbuf *weir_mbuf_alloc(struct weir_mempool *pool);

/* Take count mbufs: all, and 0, or none, and -ENOBUFS. */
static inline int weir_mbuf_alloc_bulk(
	struct weir_mempool *pool, struct weir_mbuf **mbufs, uint32_t count);

/* Give up an mbuf with all that follow it in its chain. Each goes to its own pool when nobody else
 * holds it. NULL is allowed. */
static inline void weir_mbuf_free(struct weir_mbuf *mbuf);

/* Give up count packets, each as by weir_mbuf_free() but NULL; of any pools, in any mixture. Plain
 * ones of one pool in a row are fast. */
static inline void weir_mbuf_free_bulk(struct weir_mbuf **mbufs, uint32_t count);

/* The pool it came from. */
static inline struct weir_mempool *weir_mbuf_pool(const struct weir_mbuf *mbuf);

/* The data of this segment, or a place in it. The place may be the end. */
static inline uint8_t *weir_mbuf_data(const struct weir_mbuf *mbuf)
{
	return mbuf->buffer + mbuf->offset;
}
static inline uint8_t *weir_mbuf_data_at(const struct weir_mbuf *mbuf, uint32_t offset)
{
	return weir_mbuf_data(mbuf) + offset;
}

/* The private area, private_size bytes. The library never touches it after create. */
static inline void *weir_mbuf_private(struct weir_mbuf *mbuf)
{
	return mbuf + 1;
}

/* Are the bytes of this segment the caller's alone, and may it write to them? Not when others hold
 * it, or use its buffer, or it uses another's (weir/clone.h). */
static inline bool weir_mbuf_is_private(const struct weir_mbuf *mbuf)
{
	return (weir_ref_look(&mbuf->state) & WEIR__MBUF_BYTES) == 1;
}

/* Bytes in front of and behind the data of this segment that can be added to it: none when its
 * bytes are shared. */
static inline uint32_t weir_mbuf_headroom(const struct weir_mbuf *mbuf)
{
	return weir_mbuf_is_private(mbuf) ? mbuf->offset : 0;
}
static inline uint32_t weir_mbuf_tailroom(const struct weir_mbuf *mbuf);

/* Add count bytes in front of the packet. Returns the new start of the data, its bytes undefined,
 * or NULL, with the packet as it was, when the headroom is too small or shared:
 * weir_mbuf_extend_head() helps. */
static inline uint8_t *weir_mbuf_prepend(struct weir_mbuf *mbuf, uint32_t count);

/* Add count bytes behind the packet, in its last segment. Returns where they are, undefined, or
 * NULL, with the packet as it was, when the tailroom there is too small or shared:
 * weir_mbuf_extend_tail() helps. */
static inline uint8_t *weir_mbuf_append(struct weir_mbuf *mbuf, uint32_t count);

/* Set the next of a segment with this state, which is linked with it. */
static inline void weir__mbuf_relink(
	struct weir_mbuf *mbuf, uint32_t state, uint32_t linked, struct weir_mbuf *next)
{
	mbuf->next = next;
	/* relaxed: nobody but the owner looks at this bit. With clones about, others may be
	 * counting in the same word. */
	if (weir_likely(weir_ref_count(state) == 1))
		atomic_store_explicit(&mbuf->state, linked, memory_order_relaxed);
	else if (state != linked)
		atomic_fetch_xor_explicit(&mbuf->state, WEIR__MBUF_CHAINED, memory_order_relaxed);
}

/* Link two segments, or with NULL cut after mbuf; lengths are the caller's to keep. */
static inline void weir_mbuf_set_next(struct weir_mbuf *mbuf, struct weir_mbuf *next)
{
	uint32_t state = weir_ref_look(&mbuf->state);

	weir__mbuf_relink(
		mbuf, state, next ? state | WEIR__MBUF_CHAINED : state & ~WEIR__MBUF_CHAINED, next);
}

/* The last segment. */
static inline struct weir_mbuf *weir_mbuf_last(struct weir_mbuf *mbuf)
{
	while (mbuf->next)
		mbuf = mbuf->next;
	return mbuf;
}

/* Take count more references to the packet, on each of its segments: it needs as many more frees.
 * Nobody may write to it until one is left. At most 32,767 in all: none is taken otherwise. */
WEIR_API void weir_mbuf_ref(struct weir_mbuf *mbuf, uint32_t count);

/* How many hold this segment. */
static inline uint32_t weir_mbuf_refs(const struct weir_mbuf *mbuf)
{
	return weir_ref_count(weir_ref_look(&mbuf->state));
}

/* The LINKTYPE_ number that says what the data starts with; Ethernet where it is not set. */
static inline uint16_t weir_mbuf_link_type(const struct weir_mbuf *mbuf)
{
	return mbuf->flags & WEIR_MBUF_LINK_TYPE ? mbuf->link_type : WEIR_LINK_ETHERNET;
}
static inline void weir_mbuf_set_link_type(struct weir_mbuf *mbuf, uint16_t link_type)
{
	mbuf->link_type = link_type;
	mbuf->flags |= WEIR_MBUF_LINK_TYPE;
}

/* Bytes the packet had on the wire. */
static inline uint32_t weir_mbuf_wire_length(const struct weir_mbuf *mbuf)
{
	return mbuf->flags & WEIR_MBUF_WIRE_LENGTH ? mbuf->wire_length : mbuf->length;
}

/* Check every invariant of a packet that only the caller holds: 0, or -EINVAL with a sentence. */
WEIR_API int weir_mbuf_check(const struct weir_mbuf *mbuf);

/* ---- the fast path ---- */

WEIR_API int weir__mbuf_alloc_slow(
	struct weir_mempool *pool, struct weir_mbuf **mbufs, uint32_t count);
WEIR_API void weir__mbuf_free_slow(struct weir_mbuf **mbufs, uint32_t count);
WEIR_API uint8_t *weir__mbuf_append_slow(struct weir_mbuf *mbuf, uint32_t count);

/* What alloc writes, as one vector: compilers make it a single store on x86-64 and arm64. */
typedef uint32_t weir__mbuf_empty __attribute__((vector_size(16), aligned(16), may_alias));

/* Make a clean mbuf an empty one. */
static inline void weir__mbuf_reset(struct weir_mbuf *mbuf, weir__mbuf_empty empty)
{
	*(weir__mbuf_empty *)(void *)&mbuf->offset = empty;
}

/* NULL for a state that no mbuf has. */
static inline struct weir_mempool *weir__mbuf_state_pool(uint32_t state)
{
	return weir__mempools[state >> WEIR__MBUF_POOL_SHIFT];
}

static inline struct weir_mempool *weir_mbuf_pool(const struct weir_mbuf *mbuf)
{
	return weir__mbuf_state_pool(atomic_load_explicit(&mbuf->state, memory_order_relaxed));
}

/* Take count mbufs from the cache of this thread, if it has as many. */
static inline bool weir__mbuf_pop(
	struct weir_mempool *pool, struct weir_mbuf **mbufs, uint32_t count)
{
	const weir__mbuf_empty empty = {weir__mempool_head(pool)->mbuf_headroom, 0, 0, 0};
	void **top = weir__mempool_pop(weir__mempool_cache(pool), count);

	if (weir_unlikely(!top))
		return false;
	_Pragma("GCC unroll 4") for (uint32_t i = 0; i < count; i++)
		weir__mbuf_reset((struct weir_mbuf *)top[i], empty);
	weir__copy_pointers((void **)(void *)mbufs, top, count);
	return true;
}

WEIR__INLINE int weir_mbuf_alloc_bulk(
	struct weir_mempool *pool, struct weir_mbuf **mbufs, uint32_t count)
{
	if (weir_unlikely(!weir__mbuf_pop(pool, mbufs, count)))
		return weir__mbuf_alloc_slow(pool, mbufs, count);
	return 0;
}

WEIR__INLINE struct weir_mbuf *weir_mbuf_alloc(struct weir_mempool *pool)
{
	struct weir_mbuf *mbuf;

	return weir_mbuf_alloc_bulk(pool, &mbuf, 1) == 0 ? mbuf : NULL;
}

WEIR__INLINE void weir_mbuf_free_bulk(struct weir_mbuf **mbufs, uint32_t count)
{
	/* relaxed: only this thread sets it to a pool it uses */
	uint32_t plain = atomic_load_explicit(&weir__thread.plain, memory_order_relaxed);
	void **top;

	_Pragma("GCC unroll 4") for (uint32_t i = 0; i < count; i++)
	{
		if (weir_unlikely(weir_ref_look(&mbufs[i]->state) != plain)) {
			weir__mbuf_free_slow(mbufs, count);
			return;
		}
	}
	top = count ? weir__mempool_push(weir__thread.cache, count) : NULL;
	if (weir_likely(top != NULL))
		weir__copy_pointers(top, (void *const *)(void *)mbufs, count);
	else
		weir__mbuf_free_slow(mbufs, count);
}

WEIR__INLINE void weir_mbuf_free(struct weir_mbuf *mbuf)
{
	if (mbuf)
		weir_mbuf_free_bulk(&mbuf, 1);
}

/* The tailroom of a segment with this state whose bytes are its holder's alone; and of any. */
static inline uint32_t weir__mbuf_room(const struct weir_mbuf *mbuf, uint32_t state)
{
	return weir__mempool_head(weir__mbuf_state_pool(state))->mbuf_buffer_size -
	       (mbuf->offset + mbuf->data_length);
}
static inline uint32_t weir__mbuf_tailroom(const struct weir_mbuf *mbuf, uint32_t state)
{
	if (weir_unlikely((state & (WEIR__MBUF_BYTES | WEIR__MBUF_PART)) != 1))
		return 0;
	return weir__mbuf_room(mbuf, state);
}

static inline uint32_t weir_mbuf_tailroom(const struct weir_mbuf *mbuf)
{
	return weir__mbuf_tailroom(mbuf, weir_ref_look(&mbuf->state));
}

static inline uint8_t *weir_mbuf_prepend(struct weir_mbuf *mbuf, uint32_t count)
{
	if (weir_unlikely(count > weir_mbuf_headroom(mbuf)))
		return NULL;
	mbuf->offset -= count;
	mbuf->data_length += count;
	mbuf->length += count;
	return weir_mbuf_data(mbuf);
}

static inline uint8_t *weir_mbuf_append(struct weir_mbuf *mbuf, uint32_t count)
{
	uint32_t state = weir_ref_look(&mbuf->state), before = mbuf->data_length;

	if (weir_unlikely((state & WEIR__MBUF_SHAPE) != 1))
		return weir__mbuf_append_slow(mbuf, count);
	if (weir_unlikely(count > weir__mbuf_room(mbuf, state)))
		return NULL;
	mbuf->data_length = before + count;
	mbuf->length += count;
	return weir_mbuf_data_at(mbuf, before);
}

#ifdef __cplusplus
}
#endif

#endif
