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

/* Of a connection that is calm. false: look at it by fw_tcp_packet(), nothing has changed. */
static inline bool fw_tcp_plain(struct fw_tcp *tcp, const uint8_t *bytes, uint32_t length,
	uint32_t side, uint64_t *timeout_ns)
{
	static const uint64_t timeouts_ns[] = {
		FW_TCP_LIVES * FW_NS_PER_S, FW_TCP_DOUBTED * FW_NS_PER_S};
	struct fw_tcp_side *sender = &tcp->side[side], *receiver = &tcp->side[side ^ 1];
	const uint32_t header = fw_tcp_plain_header(bytes, length);
	const uint64_t numbers = be64toh(fw_word(bytes + 4));
	const uint32_t sequence = (uint32_t)(numbers >> 32), ack = (uint32_t)numbers;
	const uint32_t end = sequence + length - header, unheard = receiver->end - ack;
	const uint32_t said = fw_big16(bytes + 14), window = said << sender->scale;
	const uint32_t widest = sender->max_window;
	const uint32_t ack_window = widest > FW_ACK_WINDOW ? widest : FW_ACK_WINDOW;
	uint32_t sent, heard, again;

	/* within the bounds of place_of(), and the window is not shut: each of these is 0 or more
	 * then */
	if (!header || (int32_t)((sender->max_end - sequence) | (sender->max_end - end) |
				 (end - sender->end + receiver->max_window) | unheard |
				 (ack_window - unheard) | (window - 1)) < 0)
		return false;
	again = fw_tcp_count_again(tcp, fw_tcp_last(numbers, end, said, side, KIND_ACK));
	sent = sender->unacknowledged | (sender->end - end) >> 31;
	heard = receiver->unacknowledged & (unheard != 0);
	sender->end = fw_later(sender->end, end);
	sender->max_window = widest > window ? widest : window;
	sender->max_ack = fw_later(sender->max_ack, ack);
	receiver->max_end = fw_later(receiver->max_end, ack + window);
	sender->unacknowledged = (uint8_t)sent;
	receiver->unacknowledged = (uint8_t)heard;
	*timeout_ns = timeouts_ns[(again >= FW_TCP_AGAIN) | sent | heard];
	return true;
}

#endif
