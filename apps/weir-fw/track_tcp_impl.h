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

/* Where a segment lies to what both sides allow. */
enum fw_place {
	FW_OUTSIDE,
	FW_INSIDE,
	FW_PASSES, /* late, or a little too far: it is let through, and changes no state */
};

/* Seconds that an established connection lives, and one where the same segment came more than so
 * often once more, or data was sent and is not acknowledged. */
#define FW_TCP_LIVES   432000
#define FW_TCP_DOUBTED 300
#define FW_TCP_AGAIN   3

/* track_segment.c: false for what no stack sends. */
bool fw_segment_read(const struct fw_packet *packet, struct fw_segment *segment);
/* What a SYN offers. */
void fw_segment_offers(const struct fw_segment *segment, struct fw_tcp_side *side);
/* The end of the last block that arrived counts as acknowledged. */
void fw_segment_sack(struct fw_segment *segment);

/* track_window.c: where a segment of a side lies. What it says of the windows is kept. */
enum fw_place fw_tcp_window(struct fw_tcp *tcp, struct fw_segment *segment, uint32_t side);

#endif
