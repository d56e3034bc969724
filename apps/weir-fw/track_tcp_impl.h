/* SPDX-License-Identifier: BSD-3-Clause */
/* track_tcp_impl.h: a segment, and where it lies: what the files about TCP share. */
#ifndef FW_TRACK_TCP_IMPL_H
#define FW_TRACK_TCP_IMPL_H

#include "apps/weir-fw/track_impl.h"

enum { FIN = 0x01, SYN = 0x02, RST = 0x04, PUSH = 0x08, ACK = 0x10, URGENT = 0x20 };

/* What a segment is to the state machine. */
enum fw_kind_of_segment { KIND_SYN, KIND_SYN_ACK, KIND_FIN, KIND_ACK, KIND_RST, KINDS };

/* Numbers that wrap around. */
static inline bool before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}
static inline bool after(uint32_t a, uint32_t b)
{
	return before(b, a);
}

struct fw_segment {
	uint32_t sequence, end, ack, sack;
	uint16_t window;
	uint8_t flags;
	enum fw_kind_of_segment kind;
	const uint8_t *options;
	uint32_t option_length;
};

static inline struct fw_tcp_last fw_tcp_last(uint64_t numbers, uint32_t end, uint32_t window,
	uint32_t side, enum fw_kind_of_segment kind)
{
	return (struct fw_tcp_last){numbers, (uint64_t)end << 32 | window << 16 | side << 8 | kind};
}
static inline struct fw_tcp_last fw_tcp_last_of(const struct fw_segment *segment, uint32_t side)
{
	return fw_tcp_last((uint64_t)segment->sequence << 32 | segment->ack, segment->end,
		segment->window, side, segment->kind);
}
static inline uint32_t fw_tcp_last_end(const struct fw_tcp *tcp)
{
	return (uint32_t)(tcp->last.rest >> 32);
}
static inline uint32_t fw_tcp_last_side(const struct fw_tcp *tcp)
{
	return tcp->last.rest >> 8 & 0xff;
}
static inline uint32_t fw_tcp_last_kind(const struct fw_tcp *tcp)
{
	return tcp->last.rest & 0xff;
}

/* An ACK is the last segment: how often did it come? */
static inline uint32_t fw_tcp_count_again(struct fw_tcp *tcp, struct fw_tcp_last last)
{
	bool same = !((tcp->last.numbers ^ last.numbers) | (tcp->last.rest ^ last.rest) >> 8);

	uint32_t again = (tcp->again << 1 | 1) & (UINT32_C(0) - same);

	tcp->last = last;
	tcp->again = (uint8_t)again;
	return again;
}

/* The middle of a connection, where segments mostly have nothing to decide: both sides have been
 * heard and acknowledged something. What is known of its packets says so, too. */
static inline bool fw_tcp_calm(const struct fw_connection *connection)
{
	const struct fw_tcp *tcp = &connection->tcp;

	return tcp->state == FW_TCP_ESTABLISHED && connection->assured && tcp->side[0].has_ack &&
	       tcp->side[1].has_ack && tcp->side[0].max_window && tcp->side[1].max_window;
}
static inline void fw_tcp_note_calm(struct fw_connection *connection)
{
	const uint64_t calm = fw_tcp_calm(connection) ? FW_KNOWN_CALM : 0;

	for (uint32_t i = 0; i < 2; i++)
		connection->known[i] = (connection->known[i] & ~FW_KNOWN_CALM) | calm;
}

/* Where a segment lies to what both sides allow. */
enum fw_place {
	FW_OUTSIDE,
	FW_INSIDE,
	FW_PASSES, /* late, or a little too far: it is let through, and changes no state */
};

/* An ACK may be so much older than the newest data: more than any unscaled window. */
#define FW_ACK_WINDOW 66000

/* Seconds that an established connection lives, and one where the same segment came three times
 * once more: a bit of again, or data was sent and is not acknowledged. */
#define FW_TCP_LIVES   432000
#define FW_TCP_DOUBTED 300
#define FW_TCP_AGAIN   (1 << 2)

/* track_segment.c: false for what no stack sends. */
bool fw_segment_read(const struct fw_packet *packet, struct fw_segment *segment);
/* What a SYN offers. */
void fw_segment_offers(const struct fw_segment *segment, struct fw_tcp_side *side);
/* The end of the last block that arrived counts as acknowledged. */
void fw_segment_sack(struct fw_segment *segment);

/* No state: the segment does not belong. */
#define FW_TCP_INVALID FW_TCP_STATES

/* track_reset.c: the state after a reset, or FW_TCP_INVALID; state: by the table of states. And
 * does it belong wherever it lies to what both sides allow? */
uint32_t fw_tcp_reset_state(const struct fw_connection *connection,
	const struct fw_segment *segment, uint32_t side, uint32_t state);
bool fw_tcp_reset_is_believed(
	const struct fw_connection *connection, const struct fw_segment *segment, uint32_t side);

/* track_window.c: where a segment of a side lies. What it says of the windows is kept. */
enum fw_place fw_tcp_window(struct fw_tcp *tcp, struct fw_segment *segment, uint32_t side);

#endif
