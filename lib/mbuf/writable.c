/* SPDX-License-Identifier: BSD-3-Clause */
/* writable.c: copies of those segments that are shared, of a packet that is going to be written. */
#include "mbuf_impl.h"

bool weir__segment_is_writable(const struct weir_mbuf *mbuf)
{
	uint32_t state = weir_ref_look(&mbuf->state);
	const struct weir__lender *lender;

	if ((state & (WEIR_REF_MASK | WEIR__MBUF_FROZEN)) != 1)
		return false;
	if (!(state & WEIR__MBUF_BORROWED))
		return true;
	lender = weir__mbuf_lender(weir_mbuf_pool(mbuf), mbuf);
	state = weir_ref_look(weir__lender_state(lender));
	return (state & (WEIR_REF_MASK | WEIR__MBUF_FROZEN)) == 1;
}

bool weir_mbuf_is_writable(const struct weir_mbuf *mbuf, uint32_t offset, uint32_t length)
{
	if (!weir__mbuf_has(mbuf, offset, length))
		return false;
	for (; length; mbuf = mbuf->next) {
		uint32_t here = mbuf->data_length > offset ? mbuf->data_length - offset : 0;

		if (here && !weir__segment_is_writable(mbuf))
			return false;
		length -= here < length ? here : length;
		offset -= offset < mbuf->data_length ? offset : mbuf->data_length;
	}
	return true;
}

/* A segment that will be replaced: by slices of what stays shared, and copies of what does not. */
struct cut {
	uint32_t before, copied, after; /* bytes */
	uint32_t copies;                /* mbufs for those copied */
};

/* The bytes [from, to) of a segment are to be writable, where not all of it fits in one mbuf. */
static struct cut plan_cut(const struct weir_mbuf *mbuf, uint32_t from, uint32_t to, uint32_t fits)
{
	struct cut cut = {.copied = mbuf->data_length, .copies = 1};

	if (from >= to)
		return (struct cut){.before = mbuf->data_length};
	if (mbuf->data_length <= fits)
		return cut;
	cut.before = from;
	cut.copied = to - from;
	cut.after = mbuf->data_length - to;
	cut.copies = (cut.copied + fits - 1) / fits;
	return cut;
}

/* Goes through a packet and a range of it. */
struct range {
	uint32_t from, to; /* of the packet, seen from this segment's first byte; may be past it */
};

static struct cut next_cut(struct range *range, const struct weir_mbuf *mbuf, uint32_t fits)
{
	uint32_t length = mbuf->data_length;
	uint32_t from = range->from < length ? range->from : length;
	uint32_t to = range->to < length ? range->to : length;

	range->from -= from;
	range->to -= to;
	return plan_cut(mbuf, from, to, fits);
}

/* Does this segment have to be replaced? When the head is held by others, too, they may hold the
 * whole chain: then every segment that is held by others stays as it is, for them. */
static bool is_replaced(const struct weir_mbuf *mbuf, const struct cut *cut, bool head_is_held)
{
	if (head_is_held && weir_mbuf_refs(mbuf) > 1)
		return true;
	return cut->copied && !weir__segment_is_writable(mbuf);
}

static struct range range_of(uint32_t offset, uint32_t length)
{
	return (struct range){offset, offset + length};
}

uint32_t weir__mbuf_own_count(
	const struct weir_mbuf *mbuf, uint32_t offset, uint32_t length, bool held)
{
	uint32_t fits = weir_mbuf_pool_size(weir_mbuf_pool(mbuf)), count = 0;
	struct range range = range_of(offset, length);

	for (; mbuf; mbuf = mbuf->next) {
		struct cut cut = next_cut(&range, mbuf, fits);

		if (is_replaced(mbuf, &cut, held))
			count += (cut.before || !cut.copied) + cut.copies + (cut.after > 0);
	}
	return count;
}

struct builder {
	struct weir_mbuf *head, *last, *reserve;
};

static void link_segment(struct builder *builder, struct weir_mbuf *mbuf)
{
	if (builder->last)
		weir_mbuf_set_next(builder->last, mbuf);
	else
		builder->head = mbuf;
	builder->last = mbuf;
}

static void link_slice(
	struct builder *builder, struct weir_mbuf *from, uint32_t offset, uint32_t length)
{
	struct weir_mbuf *slice = weir__mbuf_take(&builder->reserve);

	weir__mbuf_share(slice, from);
	slice->offset += offset;
	slice->data_length = length;
	link_segment(builder, slice);
}

static void link_copies(
	struct builder *builder, const uint8_t *bytes, const struct cut *cut, uint32_t fits)
{
	for (uint32_t left = cut->copied; left;) {
		struct weir_mbuf *copy = weir__mbuf_take(&builder->reserve);

		copy->data_length = left < fits ? left : fits;
		memcpy(weir_mbuf_data(copy), bytes, copy->data_length);
		bytes += copy->data_length;
		left -= copy->data_length;
		link_segment(builder, copy);
	}
}

static void replace(
	struct builder *builder, struct weir_mbuf *mbuf, const struct cut *cut, uint32_t fits)
{
	if (cut->before || !cut->copied)
		link_slice(builder, mbuf, 0, cut->before);
	link_copies(builder, weir_mbuf_data(mbuf) + cut->before, cut, fits);
	if (cut->after)
		link_slice(builder, mbuf, cut->before + cut->copied, cut->after);
}

void weir__mbuf_own(
	struct weir_mbuf **packet, uint32_t offset, uint32_t length, struct weir_mbuf **reserve)
{
	struct weir_mbuf *head = *packet, *mbuf = head;
	uint32_t fits = weir_mbuf_pool_size(weir_mbuf_pool(head));
	struct range range = range_of(offset, length);
	struct builder builder = {.reserve = *reserve};
	bool held = weir_mbuf_refs(head) > 1;

	while (mbuf) {
		struct cut cut = next_cut(&range, mbuf, fits);
		struct weir_mbuf *next = mbuf->next;

		if (is_replaced(mbuf, &cut, held)) {
			replace(&builder, mbuf, &cut, fits);
			if (mbuf == head) {
				weir__mbuf_copy_metadata(builder.head, head);
				builder.head->length = head->length;
			}
			/* its next stays for others who may hold the chain */
			weir__mbuf_drop(mbuf);
		} else {
			link_segment(&builder, mbuf);
		}
		mbuf = next;
	}
	*packet = builder.head;
	*reserve = builder.reserve;
}

int weir_mbuf_make_writable(struct weir_mbuf **packet, uint32_t offset, uint32_t length)
{
	struct weir_mbuf *reserve;
	uint32_t count;

	if (!weir__mbuf_has(*packet, offset, length))
		return -EINVAL;
	count = weir__mbuf_own_count(*packet, offset, length, weir_mbuf_refs(*packet) > 1);
	if (count == 0)
		return 0;
	reserve = weir__mbuf_reserve(weir_mbuf_pool(*packet), count);
	if (!reserve)
		return -ENOBUFS;
	weir__mbuf_own(packet, offset, length, &reserve);
	/* some are left when two segments were slices of one: the second has it alone by then */
	weir_mbuf_free(reserve);
	return 0;
}
