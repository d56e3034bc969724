/* SPDX-License-Identifier: BSD-3-Clause */
/* clone.c: segments that use another's bytes.
 *
 * Who lends is always an mbuf on its own buffer, or an external: a clone of a clone borrows from
 * where that one did. So an owner has borrowed nothing, and giving back goes one step.
 *
 * A reference to an mbuf is its holder's (alloc, weir_mbuf_ref) or a borrower's; they are counted
 * together. When the holder frees it the mbuf stays, out of any chain, until the last borrower
 * goes.
 */
#include "mbuf_impl.h"

#include <errno.h>

/* The lender of a segment's bytes, the segment itself when they are its own. */
static struct weir__lender lender_of(struct weir_mbuf *mbuf)
{
	if (weir_ref_look(&mbuf->state) & WEIR__MBUF_BORROWED)
		return *weir__mbuf_lender(weir_mbuf_pool(mbuf), mbuf);
	return (struct weir__lender){.owner = mbuf};
}

/* What a pool's mbufs become when they borrow: kept at hand where many do. */
struct borrowers {
	uint32_t first; /* where the lender is written, from the mbuf on */
	uint32_t plain;
};

static inline struct borrowers borrowers_of(const struct weir_mempool *pool)
{
	return (struct borrowers){pool->head.mbuf_first, pool->head.mbuf_plain};
}

/* Let to, such an mbuf in front of next, use a lender's bytes. relaxed: it is ours alone */
static inline void borrow(struct weir_mbuf *to, struct borrowers pool, struct weir__lender lender,
	struct weir_mbuf *next)
{
	uint32_t shape = next ? WEIR__MBUF_BORROWED | WEIR__MBUF_CHAINED : WEIR__MBUF_BORROWED;

	*(struct weir__lender *)(void *)((uint8_t *)to + pool.first) = lender;
	to->next = next;
	atomic_store_explicit(&to->state, pool.plain | shape, memory_order_relaxed);
}

/* Take a reference to the bytes of a segment: of their lender, or of nobody when too many have one.
 * Who holds the only one to the segment is alone with what it has borrowed, if nobody else borrows
 * it. */
static struct weir__lender take_borrowed(struct weir_mbuf *from, uint32_t state)
{
	struct weir__lender lender = *weir__mbuf_lender(weir__mbuf_state_pool(state), from);
	WEIR_ATOMIC(uint32_t) *word = weir__lender_state(&lender);

	if (lender.external && !lender.external->release)
		return lender;
	if (!weir_ref_take_one(word, weir_ref_look(word), weir_ref_count(state) == 1))
		return (struct weir__lender){.owner = NULL};
	return lender;
}

static inline struct weir__lender take_bytes(struct weir_mbuf *from)
{
	uint32_t state = weir_ref_look(&from->state);

	if (weir_unlikely(state & WEIR__MBUF_BORROWED))
		return take_borrowed(from, state);
	if (weir_unlikely(!weir_ref_take_one(&from->state, state, true)))
		return (struct weir__lender){.owner = NULL};
	return (struct weir__lender){.owner = from};
}

static inline bool is_nobody(struct weir__lender lender)
{
	return !lender.owner && !lender.external;
}

/* Guards look at what is going to be lent. Not inline, nor is the test for it in a loop: clones are
 * made in a few dozen instructions. */
static __attribute__((noinline)) void note_lent(struct weir_mbuf *mbuf)
{
	for (; mbuf; mbuf = mbuf->next)
		weir__sharing_note(lender_of(mbuf).owner, WEIR__LENT);
}

bool weir__mbuf_may_share(struct weir_mbuf *from)
{
	const struct weir__lender lender = lender_of(from);

	return weir_ref_count(weir_ref_look(weir__lender_state(&lender))) < WEIR_REF_MOST;
}

void weir__mbuf_share(struct weir_mbuf *to, struct weir_mbuf *from)
{
	struct weir__lender lender;

	if (weir__guards_anybody())
		weir__sharing_note(lender_of(from).owner, WEIR__LENT);
	lender = take_bytes(from);
	if (is_nobody(lender)) {
		lender = lender_of(from);
		weir_ref_take(weir__lender_state(&lender), 1);
	}
	borrow(to, borrowers_of(weir_mbuf_pool(to)), lender, NULL);
	to->buffer = from->buffer;
	to->offset = from->offset;
	to->data_length = from->data_length;
}

/* Make to, which is clean, the clone of a segment in front of next. Where too many have the bytes
 * it only comes in front, so that the chain is one that can be freed. Returns whether it is. */
static inline bool clone_segment(
	struct weir_mbuf *to, struct borrowers pool, struct weir_mbuf *from, struct weir_mbuf *next)
{
	struct weir__lender lender = take_bytes(from);

	if (weir_unlikely(is_nobody(lender))) {
		weir_mbuf_set_next(to, next);
		return false;
	}
	to->buffer = from->buffer;
	memcpy(&to->offset, &from->offset, sizeof(weir__mbuf_empty));
	borrow(to, pool, lender, next);
	return true;
}

/* The rest of the first one: what holds for the packet, as vectors where it can be. */
static inline void clone_head(struct weir_mbuf *to, const struct weir_mbuf *from)
{
	const size_t behind = offsetof(struct weir_mbuf, timestamp_ns);

	memcpy(&to->link_type, &from->link_type, 4);
	memcpy((uint8_t *)to + behind, (const uint8_t *)from + behind, sizeof(*to) - behind);
	if (weir_unlikely(from->flags & WEIR_MBUF_FIELDS))
		weir__mbuf_copy_fields(to, from);
}

/* Make mbufs the clone of a packet, as many as it has segments: the one behind them. *all becomes
 * false when it is not all of it. */
static inline struct weir_mbuf **clone_packet(
	struct weir_mbuf **to, struct borrowers pool, struct weir_mbuf *from, bool *all)
{
	struct weir_mbuf *head = to[0], *packet = from, *next;

	for (; (next = from->next) != NULL; from = next, to++)
		if (weir_unlikely(!clone_segment(to[0], pool, from, to[1])))
			*all = false;
	if (weir_unlikely(!clone_segment(to[0], pool, from, NULL)))
		*all = false;
	clone_head(head, packet);
	return to + 1;
}

/* Clones that are not all of what they should be are freed. 0, or -EMLINK. */
static int keep(struct weir_mbuf **clones, uint32_t count, bool all)
{
	if (weir_likely(all))
		return 0;
	weir_mbuf_free_bulk(clones, count);
	return -EMLINK;
}

static struct weir_mbuf *keep_one(struct weir_mbuf *clone, bool all)
{
	if (keep(&clone, 1, all)) {
		errno = EMLINK;
		return NULL;
	}
	return clone;
}

/* Mbufs taken at a time; longer chains are cloned in pieces. */
#define AT_ONCE 64

static struct weir_mbuf *clone_long(struct weir_mbuf *mbuf, struct weir_mempool *pool)
{
	struct weir_mbuf *head = weir__mbuf_reserve(pool, weir__mbuf_segments(mbuf));
	struct weir_mbuf *from = mbuf, *next;
	bool all = true;

	if (!head)
		return NULL;
	if (weir__guards_anybody())
		note_lent(mbuf);
	for (struct weir_mbuf *to = head; to; to = next, from = from->next) {
		next = to->next;
		all &= clone_segment(to, borrowers_of(pool), from, next);
	}
	clone_head(head, mbuf);
	return keep_one(head, all);
}

/* Mbufs to be made clones of. They need not be empty. */
static int take(struct weir_mempool *pool, struct weir_mbuf **mbufs, uint32_t count)
{
	return weir_mempool_get_bulk(pool, (void **)(void *)mbufs, count);
}

struct weir_mbuf *weir_mbuf_clone(struct weir_mbuf *mbuf, struct weir_mempool *pool)
{
	struct weir_mbuf *clones[AT_ONCE];
	uint32_t count = weir__mbuf_segments(mbuf);
	bool all = true;

	if (count >= AT_ONCE)
		return clone_long(mbuf, pool);
	if (take(pool, clones, count))
		return NULL;
	if (weir__guards_anybody())
		note_lent(mbuf);
	clone_packet(clones, borrowers_of(pool), mbuf, &all);
	return keep_one(clones[0], all);
}

/* Clones of packets of one segment each. */
static int clone_singles(struct weir_mbuf *const *mbufs, struct weir_mbuf **clones, uint32_t count,
	struct weir_mempool *pool)
{
	const struct borrowers borrowers = borrowers_of(pool);
	bool all = true;

	if (take(pool, clones, count))
		return -ENOBUFS;
	for (uint32_t i = 0; weir__guards_anybody() && i < count; i++)
		note_lent(mbufs[i]);
	for (uint32_t i = 0; i < count; i++) {
		if (weir_unlikely(!clone_segment(clones[i], borrowers, mbufs[i], NULL)))
			all = false;
		clone_head(clones[i], mbufs[i]);
	}
	return keep(clones, count, all);
}

/* Clones of the first packets, those that have AT_ONCE segments together, or of one longer one. How
 * many, or a negative error. */
static int clone_some(struct weir_mbuf *const *mbufs, struct weir_mbuf **clones, uint32_t count,
	struct weir_mempool *pool)
{
	const struct borrowers borrowers = borrowers_of(pool);
	struct weir_mbuf *taken[AT_ONCE], **to = taken;
	uint32_t done = 0, segments = 0;
	bool all = true;
	int error;

	for (; done < count; done++) {
		uint32_t more = weir__mbuf_segments(mbufs[done]);

		if (segments + more > AT_ONCE)
			break;
		segments += more;
	}
	if (done == 0)
		return (clones[0] = weir_mbuf_clone(mbufs[0], pool)) != NULL ? 1 : -errno;
	if (take(pool, taken, segments))
		return -ENOBUFS;
	for (uint32_t i = 0; weir__guards_anybody() && i < done; i++)
		note_lent(mbufs[i]);
	for (uint32_t i = 0; i < done; i++) {
		clones[i] = *to;
		to = clone_packet(to, borrowers, mbufs[i], &all);
	}
	error = keep(clones, done, all);
	return error ? error : (int)done;
}

int weir_mbuf_clone_bulk(struct weir_mbuf *const *mbufs, struct weir_mbuf **clones, uint32_t count,
	struct weir_mempool *pool)
{
	uint32_t done = 0;
	int more = 0;

	while (done < count && !mbufs[done]->next)
		done++;
	if (done)
		more = clone_singles(mbufs, clones, done, pool);
	if (more)
		return more;
	for (; done < count; done += (uint32_t)more) {
		more = clone_some(mbufs + done, clones + done, count - done, pool);
		if (more > 0)
			continue;
		weir_mbuf_free_bulk(clones, done);
		return more;
	}
	return 0;
}

struct weir_mbuf *weir_mbuf_slice(
	struct weir_mbuf *mbuf, uint32_t offset, uint32_t length, struct weir_mempool *pool)
{
	struct weir_mbuf *segment, *head, *last, *reserve;
	uint32_t count = 1, place = offset, left = length;

	if (!weir__mbuf_has(mbuf, offset, length)) {
		errno = EINVAL;
		return NULL;
	}
	segment = weir__mbuf_seek(mbuf, &place);
	for (const struct weir_mbuf *at = segment; left > at->data_length - place; at = at->next) {
		left -= at->data_length - place;
		place = 0;
		count++;
	}
	reserve = weir__mbuf_reserve(pool, count);
	if (!reserve)
		return NULL;
	head = last = reserve;
	weir__mbuf_copy_metadata_of_part(head, mbuf);
	head->length = length;
	place = offset;
	segment = weir__mbuf_seek(mbuf, &place);
	for (left = length; reserve; segment = segment->next) {
		last = reserve;
		reserve = last->next;
		if (!weir__mbuf_may_share(segment))
			return keep_one(head, false);
		weir__mbuf_share(last, segment);
		weir_mbuf_set_next(last, reserve);
		last->offset += place;
		last->data_length -= place;
		if (last->data_length > left)
			last->data_length = left;
		left -= last->data_length;
		place = 0;
	}
	return head;
}

void weir_mbuf_freeze(struct weir_mbuf *mbuf)
{
	for (; mbuf; mbuf = mbuf->next) {
		struct weir__lender lender = lender_of(mbuf);

		weir__sharing_note(lender.owner, WEIR__FROZEN);
		/* relaxed: whoever is to see it gets the packet from here */
		atomic_fetch_or_explicit(
			weir__lender_state(&lender), WEIR__MBUF_FROZEN, memory_order_relaxed);
	}
}
