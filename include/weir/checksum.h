/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/checksum.h: the checksums of IPv4, TCP, UDP, ICMP, ICMPv6 and SCTP, of bytes in a row or
 * over the segments of a packet.
 *
 *	weir_checksum(bytes, length)                 bytes in a row
 *	weir_checksum_add(sum, ...) ... _finish()    pieces that follow each other
 *	weir_mbuf_checksum(mbuf, offset, length)     a part of a packet, wherever its segments end
 *	weir_ipv4_checksum(header)                   an IPv4 header, field left out
 *	weir_l4_checksum(mbuf, l3, l4, protocol)     what is inside IPv4 or IPv6, field left out
 *	weir_checksum_update16(...)                  after a change, without the other bytes
 *	weir_crc32c(crc, bytes, length)              for SCTP
 *
 * Byte order. A checksum is a number as it is stored in the header: copy it there with memcpy(),
 * and compare it with one that was copied from there. To print it use ntohs(). The words given to
 * the updates are of the same kind: copied from the packet, or made by htons().
 *
 * Units. Offsets count from the first byte of the packet, lengths are bytes, both without regard to
 * segments; those may be empty or of odd length.
 *
 * Threads: any; nothing is kept between two calls. Only the calls named _set write to the packet,
 * and only the owner may call them. No call takes an mbuf from its owner.
 *
 * Sources: RFC 1071 (the sum), RFC 1624 (updates), RFC 791, 792, 793, 768, RFC 2460 section 8.1 and
 * RFC 4443 (who covers what), RFC 4960 appendix B and RFC 3309 (SCTP).
 */
#ifndef WEIR_CHECKSUM_H
#define WEIR_CHECKSUM_H

#include "weir/base.h"
#include "weir/mbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Protocol numbers (IANA) that weir_l4_checksum() and its likes know. */
#define WEIR_PROTOCOL_NUMBER_ICMP   1
#define WEIR_PROTOCOL_NUMBER_TCP    6
#define WEIR_PROTOCOL_NUMBER_UDP    17
#define WEIR_PROTOCOL_NUMBER_ICMPV6 58
#define WEIR_PROTOCOL_NUMBER_SCTP   132

/* What verifying finds. */
enum weir_checksum_state {
	WEIR_CHECKSUM_BAD = 0,
	WEIR_CHECKSUM_GOOD = 1,
	WEIR_CHECKSUM_NONE = 2, /* UDP over IPv4 whose sender made none: the field is 0 */
};

/* ---- the sum of RFC 1071 ---- */

/* Add bytes to a sum. A sum starts as 0; pieces are added in the order in which they lie in the
 * packet, and each may have any length, odd ones too. What a sum looks like is private. */
WEIR_API uint32_t weir_checksum_add(uint32_t sum, const void *bytes, size_t length);

/* The checksum of what was added. Of bytes that hold their own checksum it is 0 when that is right,
 * unless all of them are 0, which have 0xffff. */
static inline uint16_t weir_checksum_finish(uint32_t sum)
{
	return (uint16_t)~sum;
}

/* The checksum of bytes in a row; 0xffff of none. */
WEIR_API uint16_t weir_checksum(const void *bytes, size_t length);

/* Add length bytes of the packet, from offset on, to *sum. 0, or -EINVAL, with *sum as it was, when
 * the packet has fewer. */
WEIR_API int weir_mbuf_checksum_add(
	const struct weir_mbuf *mbuf, uint32_t offset, uint32_t length, uint32_t *sum);

/* The checksum of length bytes of the packet, from offset on: 0 to 65,535; or -EINVAL when it has
 * fewer. So an IPv4 header across segments is right when this is 0. */
WEIR_API int weir_mbuf_checksum(const struct weir_mbuf *mbuf, uint32_t offset, uint32_t length);

/* ---- IPv4 headers ---- */

/* The checksum that belongs into an IPv4 header, whatever its field holds. The header is in one
 * piece, as long as its own length field says, and at least 20 bytes whatever that says. */
static inline uint16_t weir_ipv4_checksum(const void *header);

/* Is the checksum of a header right? False for one whose length field is below 20 bytes. */
static inline bool weir_ipv4_checksum_verify(const void *header);

/* Write it into the header. */
static inline void weir_ipv4_checksum_set(void *header);

/* ---- what is inside IPv4 and IPv6 ---- */

/* The sum of the pseudo header, with which TCP, UDP and ICMPv6 begin: the two addresses from an IP
 * header of 20 or 40 bytes, the protocol, and length, the bytes of what is inside. The IPv6 one
 * takes the destination from the header: behind a routing header with segments left, the last
 * address there must stand in it instead (RFC 2460 section 8.1). */
WEIR_API uint32_t weir_ipv4_pseudo_sum(const void *header, uint8_t protocol, uint32_t length);
WEIR_API uint32_t weir_ipv6_pseudo_sum(const void *header, uint8_t protocol, uint32_t length);

/* The checksum that belongs to TCP, UDP, ICMP or ICMPv6 at l4_offset, inside the IP header at
 * l3_offset, whatever its field holds; version, addresses, routing header and length are read from
 * the packet. UDP's is never 0: 0xffff stands for it (RFC 768). Bytes behind the end that IP says,
 * such as Ethernet's padding, do not count; where IP says length 0 (segmentation offload,
 * jumbograms) all do. UDP ends where its own length says.
 *
 * 0 to 65,535; or
 * -EINVAL           no IP header there, no room for the fields, or a length that runs out of the
 *                   packet, as when a capture has cut it
 * -ENOTSUP          a fragment: only the whole datagram has a checksum
 * -EPROTONOSUPPORT  another protocol; SCTP has weir_sctp_checksum() */
WEIR_API int weir_l4_checksum(
	const struct weir_mbuf *mbuf, uint32_t l3_offset, uint32_t l4_offset, uint8_t protocol);

/* Is the one in the packet right? An enum weir_checksum_state, or -errno as above; SCTP too. UDP
 * over IPv6 must have one (RFC 2460), so 0 is bad there; who allows it for a tunnel (RFC 6935)
 * looks at the field first. */
WEIR_API int weir_l4_checksum_verify(
	const struct weir_mbuf *mbuf, uint32_t l3_offset, uint32_t l4_offset, uint8_t protocol);

/* Write the right one into the packet. 0, or -errno as above, or -EROFS when the bytes
 * where it lies are shared (weir/clone.h); the packet is then as it was. SCTP too. */
WEIR_API int weir_l4_checksum_set(
	struct weir_mbuf *mbuf, uint32_t l3_offset, uint32_t l4_offset, uint8_t protocol);

/* ---- updates ---- */

/* The checksum after a word that it covers, at an even offset, was changed (RFC 1624, equation 3).
 * It is the one that computing anew gives, unless all that is covered became 0. */
static inline uint16_t weir_checksum_update16(uint16_t checksum, uint16_t before, uint16_t after);
static inline uint16_t weir_checksum_update32(uint16_t checksum, uint32_t before, uint32_t after);

/* The same for UDP: 0, no checksum, stays 0, and one that would become 0 is 0xffff. */
static inline uint16_t weir_udp_checksum_update16(
	uint16_t checksum, uint16_t before, uint16_t after);
static inline uint16_t weir_udp_checksum_update32(
	uint16_t checksum, uint32_t before, uint32_t after);

/* After length bytes were replaced by as many others, from an even offset on: an IPv6 address, say.
 * An odd length is only right at the end of what the checksum covers. */
static inline uint16_t weir_checksum_update(
	uint16_t checksum, const void *before, const void *after, size_t length);

/* ---- SCTP ---- */

/* The CRC32c of RFC 3309 of bytes in a row that continue those with the CRC crc; 0 at the start. A
 * number, not in a packet's order: of "123456789" it is 0xe3069283. Uses the instruction of SSE4.2
 * or ARMv8 where the processor has it. */
WEIR_API uint32_t weir_crc32c(uint32_t crc, const void *bytes, size_t length);

/* The same of length bytes of the packet, from offset on, into *crc. 0, or -EINVAL, with *crc as it
 * was, when the packet has fewer. */
WEIR_API int weir_mbuf_crc32c(
	const struct weir_mbuf *mbuf, uint32_t offset, uint32_t length, uint32_t *crc);

/* The checksum that belongs to an SCTP packet of length bytes whose common header is at offset,
 * whatever its field holds: the CRC32c with four zeros there, into *checksum as it is stored in the
 * header (low byte first). 0, or -EINVAL when the packet has fewer bytes or SCTP fewer than 12. */
WEIR_API int weir_sctp_checksum(
	const struct weir_mbuf *mbuf, uint32_t offset, uint32_t length, uint32_t *checksum);

/* ---- the inline part ---- */

/* The 16-bit words of sum added up, the carry going around: twice both halves meet in the upper. */
static inline uint16_t weir__checksum_fold(uint64_t sum)
{
	uint32_t half;

	sum += sum << 32 | sum >> 32;
	half = (uint32_t)(sum >> 32);
	half += half << 16 | half >> 16;
	return (uint16_t)(half >> 16);
}

static inline uint16_t weir_checksum_update16(uint16_t checksum, uint16_t before, uint16_t after)
{
	uint32_t sum = (uint32_t)(uint16_t)~checksum + (uint16_t)~before + after;

	return (uint16_t)~weir__checksum_fold(sum);
}

static inline uint16_t weir_checksum_update32(uint16_t checksum, uint32_t before, uint32_t after)
{
	uint64_t sum = (uint64_t)(uint16_t)~checksum + (uint32_t)~before + after;

	return (uint16_t)~weir__checksum_fold(sum);
}

static inline uint16_t weir_udp_checksum_update16(
	uint16_t checksum, uint16_t before, uint16_t after)
{
	uint16_t updated = weir_checksum_update16(checksum, before, after);

	return checksum == 0 ? 0 : updated == 0 ? 0xffff : updated;
}

static inline uint16_t weir_udp_checksum_update32(
	uint16_t checksum, uint32_t before, uint32_t after)
{
	uint16_t updated = weir_checksum_update32(checksum, before, after);

	return checksum == 0 ? 0 : updated == 0 ? 0xffff : updated;
}

static inline uint16_t weir_checksum_update(
	uint16_t checksum, const void *before, const void *after, size_t length)
{
	uint32_t sum = (uint32_t)(uint16_t)~checksum + weir_checksum(before, length) +
		       (uint16_t)~weir_checksum(after, length);

	return (uint16_t)~weir__checksum_fold(sum);
}

/* The five 32-bit words of an IPv4 header without options. */
static inline uint64_t weir__ipv4_words(const void *header)
{
	uint32_t words[5];

	memcpy(words, header, sizeof(words));
	return (uint64_t)words[0] + words[1] + words[2] + words[3] + words[4];
}

/* The sum of a header, options included. */
static inline uint64_t weir__ipv4_sum(const void *header)
{
	const uint8_t *bytes = (const uint8_t *)header;
	uint32_t length = (bytes[0] & 15u) * 4;
	uint64_t sum = weir__ipv4_words(header);

	if (weir_unlikely(length > 20))
		sum += weir_checksum_add(0, bytes + 20, length - 20);
	return sum;
}

static inline uint16_t weir_ipv4_checksum(const void *header)
{
	uint16_t field;

	memcpy(&field, (const uint8_t *)header + 10, sizeof(field));
	/* ones' complement: adding the inverse takes the field away; the sum of the rest is not 0,
	 * since the version is in it */
	return (uint16_t)~weir__checksum_fold(weir__ipv4_sum(header) + (uint16_t)~field);
}

static inline bool weir_ipv4_checksum_verify(const void *header)
{
	return (*(const uint8_t *)header & 15) >= 5 &&
	       weir__checksum_fold(weir__ipv4_sum(header)) == 0xffff;
}

static inline void weir_ipv4_checksum_set(void *header)
{
	uint16_t checksum = weir_ipv4_checksum(header);

	memcpy((uint8_t *)header + 10, &checksum, sizeof(checksum));
}

#ifdef __cplusplus
}
#endif

#endif
