/* SPDX-License-Identifier: BSD-3-Clause */
/* track_segment.c: what a TCP header says. */
#include "apps/weir-fw/track_tcp_impl.h"

#include "base/big_impl.h"

/* Flags that a stack sends together; PSH and those of ECN go with any. */
static bool flags_make_sense(uint8_t flags)
{
	switch (flags & (FIN | SYN | RST | ACK | URGENT)) {
	case SYN:
	case SYN | URGENT:
	case SYN | ACK:
	case RST:
	case RST | ACK:
	case FIN | ACK:
	case FIN | ACK | URGENT:
	case ACK:
	case ACK | URGENT:
		return true;
	default:
		return false;
	}
}

static enum fw_kind_of_segment kind_of(uint8_t flags)
{
	if (flags & RST)
		return KIND_RST;
	if (flags & SYN)
		return flags & ACK ? KIND_SYN_ACK : KIND_SYN;
	return flags & FIN ? KIND_FIN : KIND_ACK;
}

bool fw_segment_read(const struct fw_packet *packet, struct fw_segment *segment)
{
	const uint8_t *tcp = packet->transport;
	uint32_t header;

	if (packet->transport_length < 20)
		return false;
	header = (tcp[12] >> 4) * 4u;
	if (header < 20 || header > packet->transport_length || !flags_make_sense(tcp[13]))
		return false;
	*segment = (struct fw_segment){.sequence = weir__big32(tcp + 4),
		.ack = weir__big32(tcp + 8),
		.window = weir__big16(tcp + 14),
		.flags = tcp[13],
		.kind = kind_of(tcp[13]),
		.options = tcp + 20,
		.option_length = header - 20};
	segment->sack = segment->ack;
	segment->end = segment->sequence + packet->transport_length - header +
		       !!(segment->flags & SYN) + !!(segment->flags & FIN);
	return true;
}

/* One option after the other: its kind, or -1 at the end; *at is behind it. */
static int next_option(
	const struct fw_segment *segment, uint32_t *at, const uint8_t **body, uint32_t *length)
{
	while (*at < segment->option_length) {
		const uint8_t *option = segment->options + *at;

		if (*option == 0)
			return -1;
		if (*option == 1) {
			++*at;
			continue;
		}
		if (*at + 2 > segment->option_length || option[1] < 2 ||
			option[1] > segment->option_length - *at)
			return -1;
		*body = option + 2;
		*length = option[1] - 2u;
		*at += option[1];
		return *option;
	}
	return -1;
}

/* What a SYN offers. */
void fw_segment_offers(const struct fw_segment *segment, struct fw_tcp_side *side)
{
	enum { SCALE = 3, SACK_PERMITTED = 4, SCALE_MAX = 14 };
	const uint8_t *body;
	uint32_t at = 0, length;
	int option;

	/* without options a SYN changes nothing of what is known */
	if (segment->option_length == 0)
		return;
	side->scale = 0;
	side->scales = side->sack = side->has_ack = side->closed_first = false;
	side->unacknowledged = 0;
	while ((option = next_option(segment, &at, &body, &length)) >= 0) {
		if (option == SACK_PERMITTED && length == 0)
			side->sack = true;
		if (option == SCALE && length == 1) {
			side->scales = true;
			side->scale = *body > SCALE_MAX ? SCALE_MAX : *body;
		}
	}
}

/* The end of the last block that arrived counts as acknowledged. */
void fw_segment_sack(struct fw_segment *segment)
{
	enum { SACK = 5 };
	const uint8_t *body;
	uint32_t at = 0, length;
	int option;

	while ((option = next_option(segment, &at, &body, &length)) >= 0)
		for (uint32_t i = 0; option == SACK && i + 8 <= length; i += 8)
			if (after(weir__big32(body + i + 4), segment->sack))
				segment->sack = weir__big32(body + i + 4);
}
