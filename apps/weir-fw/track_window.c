/* SPDX-License-Identifier: BSD-3-Clause */
/* track_window.c: is a segment within what both sides allow? */
#include "apps/weir-fw/track_tcp_impl.h"

static void begin_side(struct fw_tcp_side *sender, struct fw_tcp_side *receiver,
	const struct fw_segment *segment, uint32_t side)
{
	sender->end = sender->max_end = segment->end;
	sender->max_window = segment->window ? segment->window : 1;
	fw_segment_offers(segment, sender);
	/* windows scale when both have said so (RFC 7323) */
	if (side == 1 && !(sender->scales && receiver->scales))
		sender->scale = receiver->scale = 0;
}

/* Bounds of a side that has not been heard before. */
static void first_heard(
	struct fw_tcp_side *sender, struct fw_tcp_side *receiver, const struct fw_segment *segment)
{
	uint32_t window = (uint32_t)segment->window << sender->scale;

	sender->end = segment->end;
	sender->max_window = window ? window : 1;
	sender->max_end = segment->end + sender->max_window;
	if (receiver->max_window == 0)
		receiver->end = receiver->max_end = segment->sack;
	else if (segment->sack == receiver->end + 1)
		receiver->end++; /* an answer to a keepalive */
}

/* A segment is within the bounds: move them. */
static inline void advance(struct fw_tcp *tcp, const struct fw_segment *segment, uint32_t side)
{
	struct fw_tcp_side *sender = &tcp->side[side], *receiver = &tcp->side[!side];
	uint32_t window =
		segment->flags & SYN ? segment->window : (uint32_t)segment->window << sender->scale;
	uint32_t reach = window + (segment->sack - segment->ack);

	if (sender->max_window < reach)
		sender->max_window = reach;
	if (after(segment->end, sender->end)) {
		sender->end = segment->end;
		sender->unacknowledged = 1;
	}
	if (segment->flags & ACK && (!sender->has_ack || after(segment->ack, sender->max_ack))) {
		sender->max_ack = segment->ack;
		sender->has_ack = true;
	}
	if (receiver->max_window && after(segment->end, sender->max_end))
		receiver->max_window += segment->end - sender->max_end;
	if (after(segment->sack + window, receiver->max_end - 1)) {
		receiver->max_end = segment->sack + window;
		if (window == 0)
			receiver->max_end++;
	}
	if (segment->ack == receiver->end)
		receiver->unacknowledged = 0;
}

/* A sender that has not heard of the last window goes too far by at most another one. What it sent
 * counts, since it may be acknowledged. */
static bool overshoots(struct fw_tcp_side *sender, const struct fw_tcp_side *receiver,
	const struct fw_segment *segment, bool recent_ack)
{
	if (!receiver->max_window || !after(segment->end, sender->end - receiver->max_window - 1) ||
		!recent_ack || segment->end - sender->max_end + 1 > receiver->max_window ||
		!before(segment->sack, receiver->end + 1))
		return false;
	sender->end = segment->end;
	sender->unacknowledged = 1;
	return true;
}

static enum fw_place place_of(struct fw_tcp *tcp, const struct fw_segment *segment, uint32_t side)
{
	struct fw_tcp_side *sender = &tcp->side[side], *receiver = &tcp->side[!side];
	uint32_t ack_window =
		sender->max_window > FW_ACK_WINDOW ? sender->max_window : FW_ACK_WINDOW;
	bool recent_ack = after(segment->sack, receiver->end - ack_window - 1);
	bool recent = !receiver->max_window ||
		      after(segment->end, sender->end - receiver->max_window - 1);

	if (!before(segment->sequence, sender->max_end + 1)) {
		bool near = overshoots(sender, receiver, segment, recent_ack);

		if (sender->liberal)
			return FW_INSIDE;
		return near ? FW_PASSES : FW_OUTSIDE;
	}
	if (!before(segment->sack, receiver->end + 1))
		return sender->liberal ? FW_INSIDE : FW_OUTSIDE;
	if (!recent || !recent_ack)
		return sender->liberal ? FW_INSIDE : FW_PASSES;
	advance(tcp, segment, side);
	if (segment->kind == KIND_ACK)
		fw_tcp_count_again(tcp, fw_tcp_last_of(segment, side));
	return FW_INSIDE;
}

/* Bounds of sides that are heard for the first time, or once more; then the place of a segment. */
enum fw_place fw_tcp_window(struct fw_tcp *tcp, struct fw_segment *segment, uint32_t side)
{
	struct fw_tcp_side *sender = &tcp->side[side], *receiver = &tcp->side[!side];

	if (receiver->sack)
		fw_segment_sack(segment);
	if (sender->max_window == 0 && segment->flags & SYN) {
		begin_side(sender, receiver, segment, side);
		if (!(segment->flags & ACK))
			return FW_INSIDE; /* both begin at the same time */
	} else if (sender->max_window == 0) {
		first_heard(sender, receiver, segment);
	} else if (segment->flags & SYN && after(segment->end, sender->end) &&
		   (tcp->state == FW_TCP_SYN_SENT || tcp->state == FW_TCP_SYN_RECV)) {
		begin_side(sender, receiver, segment, side);
		if (side == 1 && !(segment->flags & ACK))
			return FW_INSIDE;
	}
	/* without an ACK, or with none in a reset, it counts as a good one */
	if (!(segment->flags & ACK) || (segment->flags & RST && segment->ack == 0))
		segment->ack = segment->sack = receiver->end;
	if (segment->flags & RST && segment->sequence == 0 && tcp->state == FW_TCP_SYN_SENT)
		segment->sequence = segment->end = sender->end; /* it answers a SYN */
	return place_of(tcp, segment, side);
}
