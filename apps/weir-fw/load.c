/* SPDX-License-Identifier: BSD-3-Clause */
/* load.c: a field of a packet, as bytes in network order. */
#include "apps/weir-fw/packet.h"
#include "apps/weir-fw/value.h"

#include <string.h>

/* The compiler knows the sizes that most fields have. */
static inline void copy(uint8_t *to, const uint8_t *from, uint32_t size)
{
	if (size == 4)
		memcpy(to, from, 4);
	else if (size == 2)
		memcpy(to, from, 2);
	else if (size == 1)
		*to = *from;
	else
		memcpy(to, from, size);
}

/* bits from bit on, moved to the right end of size bytes. */
static void cut_bits(
	const uint8_t *header, uint32_t bit, uint32_t bits, uint8_t *value, uint32_t size)
{
	uint64_t number = 0;
	uint32_t end = bit + bits, last = (end + 7) / 8;

	if (bit % 8 == 0 && bits % 8 == 0) {
		copy(value, header + bit / 8, size);
		return;
	}
	for (uint32_t i = bit / 8; i < last; i++)
		number = number << 8 | header[i];
	number >>= last * 8 - end;
	fw_number_bytes(number & ((UINT64_C(1) << bits) - 1), value, size);
}

static bool load_from(
	const struct fw_field *field, const uint8_t *header, uint32_t length, uint8_t *value)
{
	if (!header || length < (field->bit + field->bits + 7u) / 8)
		return false;
	cut_bits(header, field->bit, field->bits, value, fw_field_size(field));
	return true;
}

/* Linux reads 1, 2 or 4 bytes in the place of a transport header before it asks whether the packet
 * is a fragment without one (nft_payload_fast_eval); more bytes it does not. */
static bool load_transport(
	const struct fw_field *field, const struct fw_packet *packet, uint8_t *value)
{
	const uint8_t *header = packet->transport ? packet->transport : packet->mistaken;

	return load_from(field, header, packet->transport_length, value);
}

static uint32_t packet_type(const struct fw_packet *packet)
{
	return packet->link_broadcast ? 1 : packet->link_multicast ? 2 : 0;
}

/* As the hooks see it: routing counts one hop before them. */
static bool load_network(
	const struct fw_field *field, const struct fw_packet *packet, uint8_t *value)
{
	uint32_t hops = packet->family == FW_IP ? 64 : 56;

	if (!load_from(field, packet->network, packet->network_length, value))
		return false;
	if (packet->routed && field->bit == hops && *value)
		--*value;
	return true;
}

static bool load_meta(const struct fw_field *field, const struct fw_packet *packet, uint8_t *value)
{
	uint32_t number = 0;

	switch (field->number) {
	case FW_META_LENGTH:
		number = packet->network_length;
		break;
	case FW_META_PROTOCOL:
		number = packet->family == FW_IP ? 0x0800 : 0x86dd;
		break;
	case FW_META_NFPROTO:
		number = packet->family;
		break;
	case FW_META_L4PROTO:
		if (!packet->has_protocol)
			return false;
		number = packet->protocol;
		break;
	case FW_META_MARK:
		number = packet->mark;
		break;
	case FW_META_IIF:
		memcpy(value, packet->in, FW_IFNAMSIZ);
		return true;
	case FW_META_OIF:
		memcpy(value, packet->out, FW_IFNAMSIZ);
		return true;
	case FW_META_PKTTYPE:
		number = packet_type(packet);
		break;
	default: /* ct state */
		number = packet->ct_state;
	}
	fw_number_bytes(number, value, fw_field_size(field));
	return true;
}

static bool load_extension(
	const struct fw_field *field, const struct fw_packet *packet, uint8_t *value)
{
	uint32_t length = 0;
	const uint8_t *header = fw_packet_extension(packet, field->number, &length);

	if (field->base == FW_BASE_EXTENSION)
		return load_from(field, header, length, value);
	*value = header != NULL;
	return true;
}

bool fw_field_load(const struct fw_field *field, const struct fw_packet *packet, uint8_t *value)
{
	if (field->family && field->base != FW_BASE_TRANSPORT && field->family != packet->family)
		return false;
	if (field->protocol >= 0 && (!packet->has_protocol || packet->protocol != field->protocol))
		return false;
	switch (field->base) {
	case FW_BASE_META:
		return load_meta(field, packet, value);
	case FW_BASE_LINK:
		return load_from(field, packet->link, 14, value);
	case FW_BASE_VLAN:
		return load_from(field, packet->vlan, 4, value);
	case FW_BASE_NETWORK:
		return load_network(field, packet, value);
	case FW_BASE_TRANSPORT:
		return load_transport(field, packet, value);
	default:
		return load_extension(field, packet, value);
	}
}
