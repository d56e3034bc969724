/* SPDX-License-Identifier: BSD-3-Clause */
/* parts.c: fragments wait for the others of their packet. */
#include "apps/weir-fw/parts.h"

#include "base/big_impl.h"

#include <weir/checksum.h>

#include <errno.h>
#include <string.h>

enum { FRAGMENT = 44, FRAGMENT_HEADER = 8, MORE = 0x20 };
enum { TCP = 6, UDP = 17, ICMPV6 = 58 };

int fw_parts_open(struct fw_parts *parts, uint32_t held,
	void (*dropped)(void *context, struct weir_mbuf *fragment), void *context)
{
	const struct weir_reassembly_conf conf = {.packets = FW_PARTS_PACKETS,
		.fragments = FW_PARTS_MOST,
		.held = held,
		.timeout_ns = FW_PARTS_TIMEOUT_NS,
		.dropped = dropped,
		.context = context};

	parts->reassembly = weir_reassembly_create(&conf);
	return parts->reassembly ? 0 : -errno;
}

void fw_parts_close(struct fw_parts *parts)
{
	weir_reassembly_destroy(parts->reassembly);
	parts->reassembly = NULL;
}

void fw_parts_pass(struct fw_parts *parts, uint64_t now_ns)
{
	if (now_ns > parts->now_ns)
		parts->now_ns = now_ns;
	weir_reassembly_expire(parts->reassembly, parts->now_ns);
}

/* As Linux has it: the fixed parts of these headers, and a byte of others. */
static uint32_t transport_least(const struct fw_packet *packet)
{
	switch (packet->protocol) {
	case TCP:
		return 20;
	case UDP:
	case ICMPV6:
		return 8;
	default:
		return 1;
	}
}

bool fw_parts_wants(const struct fw_ruleset *rules, const struct fw_packet *packet)
{
	if (!packet->in_fragments || !rules->stateful)
		return false;
	return packet->family == FW_IP || packet->fragment ||
	       (packet->has_protocol ? packet->transport_length >= transport_least(packet)
				     : !packet->cut);
}

int fw_parts_add(struct fw_parts *parts, const struct fw_packet *packet, struct weir_mbuf *mbuf)
{
	uint16_t vlan = packet->vlan ? (uint16_t)(weir__big16(packet->vlan) & 0xfff) : 0;
	int count;

	if (packet->time_ns > parts->now_ns)
		parts->now_ns = packet->time_ns;
	count = weir_reassembly_gather(parts->reassembly, mbuf, vlan, parts->now_ns, parts->mbufs);
	parts->count = count > 0 ? (uint32_t)count : 0;
	return count;
}

uint32_t fw_parts_flatten(const struct fw_parts *parts, uint8_t bytes[FW_PARTS_BYTES])
{
	return weir_reassembly_flatten(parts->mbufs, parts->count, bytes, FW_PARTS_BYTES);
}

static uint8_t *bytes_of(const uint8_t *bytes)
{
	return (uint8_t *)(uintptr_t)bytes;
}

/* The part of the payload that a fragment has. */
static uint8_t *payload_of(const struct fw_packet *fragment, uint32_t *length)
{
	const uint8_t *header = fragment->network, *part;
	uint32_t bytes = (header[0] & 15u) * 4;

	if (fragment->family == FW_IP) {
		*length = fragment->network_length - bytes;
		if (header[6] & MORE)
			*length &= ~7u; /* as weir_reassembly_gather() does */
		return bytes_of(header + bytes);
	}
	part = fw_packet_extension(fragment, FRAGMENT, length);
	*length -= FRAGMENT_HEADER;
	return bytes_of(part + FRAGMENT_HEADER);
}

static void put_addresses(const struct fw_packet *whole, const struct fw_packet *fragment)
{
	uint8_t *header = bytes_of(fragment->network);
	uint16_t checksum;

	if (whole->family == FW_IP6) {
		memcpy(header + 8, whole->network + 8, 32);
		return;
	}
	memcpy(&checksum, header + 10, 2);
	checksum = weir_checksum_update(checksum, header + 12, whole->network + 12, 8);
	memcpy(header + 10, &checksum, 2);
	memcpy(header + 12, whole->network + 12, 8);
}

void fw_parts_put_back(const struct fw_parts *parts, const struct fw_packet *whole)
{
	const uint8_t *end = whole->network + whole->network_length;

	for (uint32_t i = parts->count; i-- > 0;) {
		const struct weir_mbuf *mbuf = parts->mbufs[i];
		struct fw_packet fragment;
		uint8_t *payload;
		uint32_t length;

		fw_packet_read(
			&fragment, weir_mbuf_data(mbuf), mbuf->length, weir_mbuf_link_type(mbuf));
		put_addresses(whole, &fragment);
		payload = payload_of(&fragment, &length);
		end -= length;
		memcpy(payload, end, length);
	}
}
