/* SPDX-License-Identifier: BSD-3-Clause */
/* segment.c: a packet that stands for many, cut into them.
 *
 * Segments are copies. Sharing the payload would take two mbufs and a reference for each, and most
 * senders copy a chain of two anyway; a segment in one piece is what all of them take.
 *
 *	packet    | outer | IP | TCP | payload .......................... |
 *	segments  | outer | IP | TCP | size | ... | outer | IP | TCP | rest |
 */
#include "segment_impl.h"

#include "mbuf_impl.h"

#include "base/big_impl.h"
#include "weir/checksum.h"
#include "weir/offload.h"

#include <errno.h>

#define IP_MAX 65535u /* what a length field can say */

#define TCP_SEQUENCE 4 /* offsets in its header, RFC 9293 */
#define TCP_FLAGS    13
#define TCP_FIN      0x01u
#define TCP_PSH      0x08u
#define TCP_CWR      0x80u

/* A length that the field cannot say is 0 there, as in a jumbogram. */
static void put_length(uint8_t *bytes, uint32_t length)
{
	weir__big16_put(bytes, length > IP_MAX ? 0 : length);
}

static void add32(uint8_t *bytes, uint32_t more)
{
	uint32_t value = weir__big32(bytes);

	value += more;
	weir__big16_put(bytes, value >> 16);
	weir__big16_put(bytes + 2, value & 0xffff);
}

/* ---- how ---- */

/* Where the transport header ends, by what the header itself says; 0: it is none. */
static uint32_t l4_length(const struct weir__segments *plan)
{
	const uint8_t *l4 = plan->bytes + plan->l4;
	uint32_t length = plan->tcp ? (l4[12] >> 4) * 4u : 8;

	return length < 8 || (plan->tcp && length < 20) ? 0 : length;
}

/* Lengths in outer headers change, too. */
static void find_outer(const struct weir_mbuf *packet, struct weir__segments *plan)
{
	struct weir_layers layers;
	uint32_t l3 = 0;

	plan->outer_count = 0;
	weir_parse_layers(packet, &layers);
	for (uint32_t i = 0; i < layers.count && layers.layer[i].offset < plan->l3; i++) {
		const struct weir_layer *layer = &layers.layer[i];

		if (layer->protocol == WEIR_PROTOCOL_IPV4 || layer->protocol == WEIR_PROTOCOL_IPV6)
			l3 = layer->offset;
		else if (layer->protocol != WEIR_PROTOCOL_UDP)
			continue;
		plan->outer[plan->outer_count++] = (struct weir__segment_outer){
			.offset = layer->offset, .l3 = l3, .protocol = layer->protocol};
	}
}

/* What IP says of the packet; its payload, without padding. */
static int find_payload(const struct weir_mbuf *packet, struct weir__segments *plan)
{
	const uint8_t *l3 = plan->bytes + plan->l3;
	uint32_t total, end = packet->length;

	if (l3[0] >> 4 != (plan->ipv6 ? 6 : 4))
		return -EINVAL;
	if (plan->ipv6)
		total = weir__big16(l3 + 4) ? 40 + weir__big16(l3 + 4) : 0;
	else if (weir__big16(l3 + 6) & 0x3fff) /* a fragment */
		return -EINVAL;
	else
		total = weir__big16(l3 + 2);
	if (total && plan->l3 + total < end)
		end = plan->l3 + total;
	if (end < plan->headers)
		return -EINVAL;
	plan->payload = end - plan->headers;
	return 0;
}

static int read_headers(const struct weir_mbuf *packet, struct weir__segments *plan)
{
	uint32_t least = plan->l4 + (plan->tcp ? 20 : 8), l4;

	if (least > WEIR__SEGMENT_HEADERS || weir_mbuf_read(packet, 0, plan->bytes, least))
		return -EINVAL;
	l4 = l4_length(plan);
	plan->headers = plan->l4 + l4;
	if (l4 == 0 || plan->headers > WEIR__SEGMENT_HEADERS)
		return -EINVAL;
	return weir_mbuf_read(packet, 0, plan->bytes, plan->headers);
}

int weir__segments_plan(struct weir_mbuf *packet, struct weir__segments *plan)
{
	uint32_t l4, family;

	if (!(packet->flags & WEIR_MBUF_LAYERS))
		weir_parse(packet);
	l4 = packet->packet_type & WEIR_TYPE_L4;
	family = packet->packet_type & WEIR_TYPE_L3_FAMILY;
	plan->l3 = packet->l2_length;
	plan->l4 = plan->l3 + packet->l3_length;
	plan->tcp = l4 == WEIR_L4_TCP;
	plan->ipv6 = family == WEIR_L3_IPV6;
	if ((!plan->tcp && l4 != WEIR_L4_UDP) || (!plan->ipv6 && family != WEIR_L3_IPV4) ||
		packet->l3_length < (plan->ipv6 ? 40 : 20) || read_headers(packet, plan) ||
		find_payload(packet, plan))
		return -EINVAL;
	plan->size = packet->segment_size;
	if (plan->size == 0 || plan->size > IP_MAX || plan->headers + plan->size > IP_MAX)
		return -EINVAL;
	plan->count = plan->payload ? (plan->payload - 1) / plan->size + 1 : 1;
	find_outer(packet, plan);
	return 0;
}

/* ---- one ---- */

/* Put into an IP or UDP header what its part of a segment of length bytes is; the checksum of UDP
 * comes last. */
static void finish_header(
	uint8_t *bytes, uint32_t offset, uint8_t protocol, uint32_t length, uint32_t number)
{
	uint8_t *header = bytes + offset;

	switch (protocol) {
	case WEIR_PROTOCOL_IPV4:
		put_length(header + 2, length - offset);
		weir__big16_put(header + 4, (weir__big16(header + 4) + number) & 0xffff);
		weir_ipv4_checksum_set(header);
		break;
	case WEIR_PROTOCOL_IPV6:
		put_length(header + 4, length - offset - 40);
		break;
	case WEIR_PROTOCOL_UDP:
		put_length(header + 4, length - offset);
		break;
	}
}

static void finish_tcp(const struct weir__segments *plan, uint8_t *header, uint32_t number)
{
	add32(header + TCP_SEQUENCE, number * plan->size);
	if (number + 1 < plan->count)
		header[TCP_FLAGS] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	if (number > 0)
		header[TCP_FLAGS] &= (uint8_t)~TCP_CWR;
}

/* The headers of a segment with part bytes of payload. */
static void make_headers(
	const struct weir__segments *plan, uint8_t *bytes, uint32_t number, uint32_t part)
{
	uint32_t length = plan->headers + part;

	memcpy(bytes, plan->bytes, plan->headers);
	for (uint32_t i = 0; i < plan->outer_count; i++)
		finish_header(
			bytes, plan->outer[i].offset, plan->outer[i].protocol, length, number);
	finish_header(bytes, plan->l3, plan->ipv6 ? WEIR_PROTOCOL_IPV6 : WEIR_PROTOCOL_IPV4, length,
		number);
	if (plan->tcp)
		finish_tcp(plan, bytes + plan->l4, number);
	else
		finish_header(bytes, plan->l4, WEIR_PROTOCOL_UDP, length, number);
}

/* The inner one first: the outer ones cover it. Those that are 0 say that there is none. */
static int set_checksums(struct weir_mbuf *segment, const struct weir__segments *plan)
{
	int error = weir_l4_checksum_set(segment, plan->l3, plan->l4,
		plan->tcp ? WEIR_PROTOCOL_NUMBER_TCP : WEIR_PROTOCOL_NUMBER_UDP);

	for (uint32_t i = plan->outer_count; i-- > 0 && !error;) {
		const struct weir__segment_outer *outer = &plan->outer[i];

		if (outer->protocol == WEIR_PROTOCOL_UDP &&
			weir__big16(plan->bytes + outer->offset + 6))
			error = weir_l4_checksum_set(
				segment, outer->l3, outer->offset, WEIR_PROTOCOL_NUMBER_UDP);
	}
	return error;
}

static int append_piece(void *context, const uint8_t *bytes, uint32_t length)
{
	return weir_mbuf_append_bytes(context, bytes, length);
}

/* Put headers and payload into an empty mbuf. */
static int fill(struct weir_mbuf *segment, const struct weir_mbuf *packet,
	const struct weir__segments *plan, uint32_t number)
{
	uint32_t place = number * plan->size, left = plan->payload - place;
	uint32_t part = left < plan->size ? left : plan->size;
	uint8_t bytes[WEIR__SEGMENT_HEADERS];

	make_headers(plan, bytes, number, part);
	if (weir_mbuf_append_bytes(segment, bytes, plan->headers) ||
		weir_mbuf_walk(packet, plan->headers + place, part, append_piece, segment))
		return -ENOBUFS;
	weir__mbuf_copy_metadata(segment, packet);
	segment->flags &= ~(WEIR_MBUF_WIRE_LENGTH | WEIR_OFFLOADS);
	return set_checksums(segment, plan) ? -EINVAL : 0;
}

uint32_t weir__segments_make(const struct weir_mbuf *packet, const struct weir__segments *plan,
	uint32_t first, struct weir_mbuf **segments, uint32_t max, int *error)
{
	uint32_t made = 0;

	*error = 0;
	while (made < max && first + made < plan->count) {
		struct weir_mbuf *segment = weir_mbuf_alloc(weir_mbuf_pool(packet));

		*error = segment ? fill(segment, packet, plan, first + made) : -ENOBUFS;
		if (*error) {
			weir_mbuf_free(segment);
			break;
		}
		segments[made++] = segment;
	}
	return made;
}

/* ---- all ---- */

int weir__segments_skip(
	struct weir_mbuf **packet, const struct weir__segments *plan, uint32_t count)
{
	uint32_t place = count * plan->size;
	uint8_t bytes[WEIR__SEGMENT_HEADERS], *start;

	make_headers(plan, bytes, count, plan->payload - place);
	if (plan->tcp) /* they were taken away from all but the last */
		bytes[plan->l4 + TCP_FLAGS] |=
			plan->bytes[plan->l4 + TCP_FLAGS] & (TCP_FIN | TCP_PSH);
	/* what was in front of the payload is room for the headers, unless it was cut small */
	weir_mbuf_adj(*packet, plan->headers + place);
	start = weir_mbuf_prepend(*packet, plan->headers);
	if (!start)
		start = weir_mbuf_extend_head(packet, plan->headers);
	if (!start)
		return -ENOBUFS;
	memcpy(start, bytes, plan->headers);
	return 0;
}

int weir_segment(struct weir_mbuf *packet, struct weir_mbuf **segments, uint32_t max)
{
	struct weir__segments plan;
	uint32_t made;
	int error;

	if (!(packet->flags & WEIR_MBUF_SEGMENT) || weir__segments_plan(packet, &plan))
		return -EINVAL;
	if (plan.count > max)
		return -EMSGSIZE;
	made = weir__segments_make(packet, &plan, 0, segments, plan.count, &error);
	if (error) {
		weir_mbuf_free_bulk(segments, made);
		return error;
	}
	weir_mbuf_free(packet);
	return (int)made;
}
