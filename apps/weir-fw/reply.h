/* SPDX-License-Identifier: BSD-3-Clause */
/* reply.h: what a router says of a packet to who sent it: ICMP errors (RFC 792, 1812, 4443), and
 * resets of TCP (RFC 9293, 3.10.7.1). */
#ifndef FW_REPLY_H
#define FW_REPLY_H

#include "apps/weir-fw/packet.h"

/* Bytes of a reply at most: the least packet that every link takes, RFC 1812 and 4443. */
#define FW_REPLY_MAX 1280

enum fw_reply_kind {
	FW_REPLY_RESET,
	FW_REPLY_NO_ROUTE,
	FW_REPLY_NO_HOST,
	FW_REPLY_NO_PORT,
	FW_REPLY_PROHIBITED,
	FW_REPLY_HOPS,    /* none are left */
	FW_REPLY_TOO_BIG, /* for a link of so many bytes */
	FW_REPLY_CODE,    /* unreachable, with this code */
};

/* What a reject statement asks for; *code for FW_REPLY_CODE. */
enum fw_reply_kind fw_reply_of(const struct fw_statement *reject, uint8_t *code);

/* Is nobody to be told of this packet, RFC 1122, 3.2.2, and RFC 4443, 2.4: of an error, a later
 * fragment, one to many or from nobody; a reset of a reset. */
bool fw_reply_is_silent(const struct fw_packet *packet, enum fw_reply_kind kind);

/* Write an IP packet from an address to who sent packet; a reset is from where that one went. The
 * value is the code, or the bytes of the link. How long it is. */
uint32_t fw_reply_write(uint8_t *out, const struct fw_packet *packet, enum fw_reply_kind kind,
	const uint8_t *from, uint32_t value);

#endif
