/* SPDX-License-Identifier: BSD-3-Clause */
/* track_plain_impl.h: a segment in the middle of an established connection, as most are.
 *
 * This is fw_tcp_packet() where that has nothing to decide, and leaves to it all the rest. Which
 * side a packet comes from, and whether it says something new, cannot be foretold, and to guess
 * wrong takes a processor longer than all of this. So that is a choice between values, and only
 * what is rare has a branch.
 */
#ifndef FW_TRACK_PLAIN_IMPL_H
#define FW_TRACK_PLAIN_IMPL_H

#include "apps/weir-fw/plain.h"
#include "apps/weir-fw/track_tcp_impl.h"

/* The later of two numbers. */
static inline uint32_t fw_later(uint32_t a, uint32_t b)
{
	return before(a, b) ? b : a;
}

/* The length of a header with an ACK, and with no options or only a time stamp where all stacks put
 * it (RFC 7323, appendix A). Of any other, or one that is cut, 0. */
static inline uint32_t fw_tcp_plain_header(const uint8_t *tcp, uint32_t length)
{
	static const uint8_t stamp[4] = {1, 1, 8, 10};
	enum { SHORT = 20, STAMPED = 32, FLAGS = 0xf000 | FIN | SYN | RST | ACK | URGENT };
	uint32_t flags;

	if (weir_unlikely(length < SHORT))
		return 0;
	flags = fw_big16(tcp + 12) & FLAGS;
	if (weir_likely(flags == (SHORT / 4 << 12 | ACK)))
		return SHORT;
	if (flags != (STAMPED / 4 << 12 | ACK) || length < STAMPED ||
		fw_half(tcp + SHORT) != fw_half(stamp))
		return 0;
	return STAMPED;
}

/* false: look at it by fw_tcp_packet(), nothing has changed. */
static inline bool fw_tcp_plain(struct fw_connection *connection, const uint8_t *bytes,
	uint32_t length, uint32_t side, uint64_t *timeout_ns)
{
	static const uint64_t timeouts_ns[] = {
		FW_TCP_LIVES * FW_NS_PER_S, FW_TCP_DOUBTED * FW_NS_PER_S};
	struct fw_tcp *tcp = &connection->tcp;
	struct fw_tcp_side *sender = &tcp->side[side], *receiver = &tcp->side[side ^ 1];
	uint32_t header = fw_tcp_plain_header(bytes, length), window, widest, unheard;
	struct fw_segment segment = {.kind = KIND_ACK};
	struct fw_tcp_last last;

	if (!header || tcp->state != FW_TCP_ESTABLISHED || !connection->assured ||
		!sender->has_ack || !sender->max_window || !receiver->max_window)
		return false;
	segment.sequence = fw_big32(bytes + 4);
	segment.ack = fw_big32(bytes + 8);
	segment.end = segment.sequence + length - header;
	segment.window = (uint16_t)fw_big16(bytes + 14);
	last = fw_tcp_last_of(&segment, side);
	window = (uint32_t)segment.window << sender->scale;
	widest = sender->max_window;
	unheard = receiver->end - segment.ack;
	/* within the bounds of place_of(), and the window is not shut: each of these is 0 or more
	 * then */
	if ((int32_t)((sender->max_end - segment.sequence) | (sender->max_end - segment.end) |
		      (segment.end - sender->end + receiver->max_window) | unheard |
		      ((widest > FW_ACK_WINDOW ? widest : FW_ACK_WINDOW) - unheard) |
		      (window - 1)) < 0)
		return false;
	fw_tcp_count_again(tcp, &last);
	sender->unacknowledged |= after(segment.end, sender->end);
	sender->end = fw_later(sender->end, segment.end);
	sender->max_window = widest > window ? widest : window;
	sender->max_ack = fw_later(sender->max_ack, segment.ack);
	receiver->max_end = fw_later(receiver->max_end, segment.ack + window);
	receiver->unacknowledged &= unheard != 0;
	*timeout_ns = timeouts_ns[(tcp->again >= FW_TCP_AGAIN) | sender->unacknowledged |
				  receiver->unacknowledged];
	return true;
}

#endif
