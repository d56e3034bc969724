/* SPDX-License-Identifier: BSD-3-Clause */
/* checksum_l4.c: the checksums of what is inside IPv4 and IPv6: what they cover, where they are.
 *
 * find_cover() reads from the packet all that the three calls need; no other function here knows an
 * IP header.
 */
#include "weir/checksum.h"

#include "base/big_impl.h"
#include "weir/chain.h"

#include <errno.h>

#define IPV4_HEADER      20
#define IPV4_FRAGMENT    0x3fff /* more fragments, and the offset (RFC 791) */
#define IPV6_HEADER      40
#define IPV6_ADDRESS     16
#define IPV6_DESTINATION 24     /* of it in the header */
#define IPV6_FRAGMENT    0xfff9 /* the offset, and more fragments (RFC 2460) */

/* Headers between IPv6 and what is inside (IANA). */
enum extension {
	EXTENSION_HOP_BY_HOP = 0,
	EXTENSION_ROUTING = 43,
	EXTENSION_FRAGMENT = 44,
	EXTENSION_AH = 51,
	EXTENSION_DESTINATION = 60,
	EXTENSION_MOBILITY = 135,
	EXTENSION_HIP = 139,
	EXTENSION_SHIM6 = 140,
};

/* A protocol: where its checksum is, how long its shortest header; with a pseudo header? */
struct upper {
	uint8_t protocol, field, least;
	bool pseudo;
};

/* What a checksum covers, apart from its own field. */
struct cover {
	const struct upper *upper;
	uint32_t offset, length; /* in the packet */
	uint32_t pseudo;         /* the sum of the pseudo header */
	bool is_ipv6;
};

static const struct upper uppers[] = {
	{WEIR_PROTOCOL_NUMBER_TCP, 16, 20, true},
	{WEIR_PROTOCOL_NUMBER_UDP, 6, 8, true},
	{WEIR_PROTOCOL_NUMBER_ICMP, 2, 4, false},
	{WEIR_PROTOCOL_NUMBER_ICMPV6, 2, 4, true},
	{WEIR_PROTOCOL_NUMBER_SCTP, 8, 12, false},
};

static const struct upper *find_upper(uint8_t protocol)
{
	for (size_t i = 0; i < sizeof(uppers) / sizeof(*uppers); i++)
		if (uppers[i].protocol == protocol)
			return &uppers[i];
	return NULL;
}

/* The protocol and the length as the pseudo headers have them. */
static uint32_t add_pseudo_end(uint32_t sum, uint8_t protocol, uint32_t length)
{
	const uint8_t end[] = {(uint8_t)(length >> 24), (uint8_t)(length >> 16),
		(uint8_t)(length >> 8), (uint8_t)length, 0, protocol};

	return weir_checksum_add(sum, end, sizeof(end));
}

uint32_t weir_ipv4_pseudo_sum(const void *header, uint8_t protocol, uint32_t length)
{
	uint32_t sum = weir_checksum_add(0, (const uint8_t *)header + 12, 8);

	return add_pseudo_end(sum, protocol, length);
}

uint32_t weir_ipv6_pseudo_sum(const void *header, uint8_t protocol, uint32_t length)
{
	uint32_t sum = weir_checksum_add(0, (const uint8_t *)header + 8, 2 * IPV6_ADDRESS);

	return add_pseudo_end(sum, protocol, length);
}

/* Where what is inside ends: length bytes behind start, or with the packet where IP says 0. */
static int set_end(
	struct cover *cover, const struct weir_mbuf *mbuf, uint64_t start, uint32_t length)
{
	uint64_t end = length ? start + length : mbuf->length;

	if (end > mbuf->length || end < cover->offset)
		return -EINVAL;
	cover->length = (uint32_t)(end - cover->offset);
	return 0;
}

/* Put the address for which a routing header (at, with its first 8 bytes) has the packet last into
 * the place of the destination. Types: 0 (RFC 2460), 2 (RFC 6275), 4 (RFC 8754). */
static int follow_route(
	const struct weir_mbuf *mbuf, uint32_t at, const uint8_t *route, uint8_t *header)
{
	uint8_t type = route[2], segments_left = route[3];
	uint32_t addresses = route[1] / 2u;

	if (segments_left == 0)
		return 0;
	if (addresses == 0 || (type != 0 && type != 2 && type != 4))
		return -ENOTSUP;
	/* type 4 lists them from the last to the first */
	at += 8 + (type == 4 ? 0 : (addresses - 1) * IPV6_ADDRESS);
	return weir_mbuf_read(mbuf, at, header + IPV6_DESTINATION, IPV6_ADDRESS);
}

/* Bytes of an extension header, or 0 when it is none. */
static uint32_t extension_size(uint8_t type, const uint8_t *extension)
{
	switch (type) {
	case EXTENSION_FRAGMENT:
		return 8;
	case EXTENSION_AH:
		return (extension[1] + 2u) * 4; /* RFC 4302 */
	case EXTENSION_HOP_BY_HOP:
	case EXTENSION_ROUTING:
	case EXTENSION_DESTINATION:
	case EXTENSION_MOBILITY:
	case EXTENSION_HIP:
	case EXTENSION_SHIM6:
		return (extension[1] + 1u) * 8;
	}
	return 0;
}

/* What lies between the header of IPv6 and l4_offset. */
static int follow_extensions(
	const struct weir_mbuf *mbuf, uint64_t at, uint32_t l4_offset, uint8_t *header)
{
	uint8_t type = header[6], extension[8];
	int error = 0;

	while (at < l4_offset && !error) {
		uint32_t size;

		if (weir_mbuf_read(mbuf, (uint32_t)at, extension, sizeof(extension)))
			return -EINVAL;
		size = extension_size(type, extension);
		if (size == 0)
			return -EINVAL;
		if (type == EXTENSION_FRAGMENT && weir__big16(extension + 2) & IPV6_FRAGMENT)
			return -ENOTSUP;
		if (type == EXTENSION_ROUTING)
			error = follow_route(mbuf, (uint32_t)at, extension, header);
		type = extension[0];
		at += size;
	}
	return error ? error : at == l4_offset ? 0 : -EINVAL;
}

static int cover_ipv4(struct cover *cover, const struct weir_mbuf *mbuf, uint32_t l3_offset,
	const uint8_t *header)
{
	if ((header[0] & 15) * 4 < IPV4_HEADER || cover->offset < l3_offset ||
		cover->offset - l3_offset < (header[0] & 15u) * 4)
		return -EINVAL;
	if (weir__big16(header + 6) & IPV4_FRAGMENT)
		return -ENOTSUP;
	return set_end(cover, mbuf, l3_offset, weir__big16(header + 2));
}

static int cover_ipv6(
	struct cover *cover, const struct weir_mbuf *mbuf, uint32_t l3_offset, uint8_t *header)
{
	uint64_t start = (uint64_t)l3_offset + IPV6_HEADER;
	int error;

	if (cover->offset < start)
		return -EINVAL;
	cover->is_ipv6 = true;
	error = follow_extensions(mbuf, start, cover->offset, header);
	return error ? error : set_end(cover, mbuf, start, weir__big16(header + 4));
}

/* UDP has a length of its own, 0 in a jumbogram (RFC 2675). */
static int cut_to_udp(struct cover *cover, const struct weir_mbuf *mbuf)
{
	uint8_t bytes[2];
	uint32_t length;

	weir_mbuf_read(mbuf, cover->offset + 4, bytes, sizeof(bytes));
	length = weir__big16(bytes);
	if (length == 0)
		return 0;
	if (length < cover->upper->least || length > cover->length)
		return -EINVAL;
	cover->length = length;
	return 0;
}

static int find_cover(struct cover *cover, const struct weir_mbuf *mbuf, uint32_t l3_offset,
	uint32_t l4_offset, uint8_t protocol)
{
	uint8_t header[IPV6_HEADER];
	int error;

	*cover = (struct cover){.upper = find_upper(protocol), .offset = l4_offset};
	if (!cover->upper)
		return -EPROTONOSUPPORT;
	if (weir_mbuf_read(mbuf, l3_offset, header, IPV4_HEADER))
		return -EINVAL;
	if (header[0] >> 4 == 4)
		error = cover_ipv4(cover, mbuf, l3_offset, header);
	else if (header[0] >> 4 == 6 && !weir_mbuf_read(mbuf, l3_offset, header, IPV6_HEADER))
		error = cover_ipv6(cover, mbuf, l3_offset, header);
	else
		error = -EINVAL;
	if (!error && cover->length < cover->upper->least)
		error = -EINVAL;
	if (!error && protocol == WEIR_PROTOCOL_NUMBER_UDP)
		error = cut_to_udp(cover, mbuf);
	if (!error && cover->upper->pseudo)
		cover->pseudo = cover->is_ipv6
					? weir_ipv6_pseudo_sum(header, protocol, cover->length)
					: weir_ipv4_pseudo_sum(header, protocol, cover->length);
	return error;
}

/* The checksum, as it should be, of all but SCTP. */
static uint16_t right_checksum(const struct cover *cover, const struct weir_mbuf *mbuf)
{
	uint32_t field = cover->upper->field, behind = field + 2, sum = cover->pseudo;
	uint16_t checksum;

	weir_mbuf_checksum_add(mbuf, cover->offset, field, &sum);
	weir_mbuf_checksum_add(mbuf, cover->offset + behind, cover->length - behind, &sum);
	checksum = weir_checksum_finish(sum);
	return checksum == 0 && cover->upper->protocol == WEIR_PROTOCOL_NUMBER_UDP ? 0xffff
										   : checksum;
}

int weir_l4_checksum(
	const struct weir_mbuf *mbuf, uint32_t l3_offset, uint32_t l4_offset, uint8_t protocol)
{
	struct cover cover;
	int error = find_cover(&cover, mbuf, l3_offset, l4_offset, protocol);

	if (protocol == WEIR_PROTOCOL_NUMBER_SCTP)
		return -EPROTONOSUPPORT;
	return error ? error : right_checksum(&cover, mbuf);
}

static int verify_sctp(const struct cover *cover, const struct weir_mbuf *mbuf)
{
	uint32_t right, there;

	weir_sctp_checksum(mbuf, cover->offset, cover->length, &right);
	weir_mbuf_read(mbuf, cover->offset + cover->upper->field, &there, sizeof(there));
	return there == right ? WEIR_CHECKSUM_GOOD : WEIR_CHECKSUM_BAD;
}

int weir_l4_checksum_verify(
	const struct weir_mbuf *mbuf, uint32_t l3_offset, uint32_t l4_offset, uint8_t protocol)
{
	struct cover cover;
	int error = find_cover(&cover, mbuf, l3_offset, l4_offset, protocol);
	uint16_t there;
	uint32_t sum;

	if (error)
		return error;
	if (protocol == WEIR_PROTOCOL_NUMBER_SCTP)
		return verify_sctp(&cover, mbuf);
	weir_mbuf_read(mbuf, cover.offset + cover.upper->field, &there, sizeof(there));
	if (there == 0 && protocol == WEIR_PROTOCOL_NUMBER_UDP)
		return cover.is_ipv6 ? WEIR_CHECKSUM_BAD : WEIR_CHECKSUM_NONE;
	sum = cover.pseudo;
	weir_mbuf_checksum_add(mbuf, cover.offset, cover.length, &sum);
	return weir_checksum_finish(sum) == 0 ? WEIR_CHECKSUM_GOOD : WEIR_CHECKSUM_BAD;
}

int weir_l4_checksum_set(
	struct weir_mbuf *mbuf, uint32_t l3_offset, uint32_t l4_offset, uint8_t protocol)
{
	struct cover cover;
	int error = find_cover(&cover, mbuf, l3_offset, l4_offset, protocol);
	uint32_t crc, field = l4_offset;
	uint16_t checksum;

	if (error)
		return error;
	field += cover.upper->field;
	if (protocol == WEIR_PROTOCOL_NUMBER_SCTP) {
		weir_sctp_checksum(mbuf, cover.offset, cover.length, &crc);
		return weir_mbuf_write(mbuf, field, &crc, sizeof(crc));
	}
	checksum = right_checksum(&cover, mbuf);
	return weir_mbuf_write(mbuf, field, &checksum, sizeof(checksum));
}
