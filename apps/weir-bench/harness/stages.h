/* SPDX-License-Identifier: BSD-3-Clause */
/* stages.h: what the stages of the bench pipeline do to the bytes of a packet, for everybody. */
#ifndef STAGES_H
#define STAGES_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define STAGES_PACKET 64
#define STAGES_BURST  256 /* packets at a time, at most */

/* Ethernet, IPv4 and TCP to port 9. */
static const uint8_t stages_packet[STAGES_PACKET] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45,
	0, 0, 50, 0, 1, 0, 0, 64, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 156, 64, 0, 9, 0, 0, 0, 1, 0,
	0, 0, 1, 0x50};

/* Is it for port 9? l4 is where its transport header is. */
static inline bool stages_match(const uint8_t *l4)
{
	uint16_t port;

	memcpy(&port, l4 + 2, sizeof(port));
	return port == htons(9);
}

/* A router's work: new addresses of Ethernet, one hop fewer, the checksum after RFC 1624. */
static inline void stages_rewrite(uint8_t *frame, uint32_t l2)
{
	static const uint8_t macs[12] = {2, 0, 0, 0, 0, 3, 2, 0, 0, 0, 0, 4};
	uint16_t before, after, sum;
	uint32_t folded;

	memcpy(frame, macs, sizeof(macs));
	memcpy(&before, frame + l2 + 8, 2);
	frame[l2 + 8]--;
	memcpy(&after, frame + l2 + 8, 2);
	memcpy(&sum, frame + l2 + 10, 2);
	folded = (uint16_t)~sum + (uint32_t)(uint16_t)~before + after;
	folded = (folded & 0xffff) + (folded >> 16);
	sum = (uint16_t) ~(folded + (folded >> 16));
	memcpy(frame + l2 + 10, &sum, 2);
}

#endif
