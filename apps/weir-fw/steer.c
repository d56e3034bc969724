/* SPDX-License-Identifier: BSD-3-Clause */
/* steer.c: where packets belong that are not plain. */
#include "apps/weir-fw/steer.h"

bool fw_steer_key(const struct fw_packet *packet, fw_key *of)
{
	struct fw_packet inner = {.family = packet->family};
	bool exchanged;

	if (!packet->has_protocol || !packet->transport || packet->in_fragments)
		return false;
	if (!fw_track_is_error(packet))
		return fw_key_make(packet->network, packet->family, packet->protocol,
			packet->transport, packet->transport_length, of, &exchanged);
	return packet->transport_length >= 8 &&
	       fw_packet_read_quoted(&inner, packet->transport + 8, packet->transport_length - 8) &&
	       fw_key_make(inner.network, inner.family, inner.protocol, inner.transport,
		       inner.transport_length, of, &exchanged);
}

uint32_t fw_steer_packet(const struct fw_packet *packet, uint64_t seed)
{
	static const uint8_t none[4];
	uint8_t ends[36];
	fw_key of;

	if (!fw_steer_key(packet, &of))
		return fw_steer_ends(packet->network + (packet->family == FW_IP ? 12 : 8),
			       packet->family, none, seed) |
		       1;
	if (packet->family == FW_IP) {
		memcpy(ends, of.address[0], 4);
		memcpy(ends + 4, of.address[1], 4);
	} else {
		memcpy(ends, of.address, 32);
	}
	memcpy(ends + 32, of.port, 4);
	return fw_steer_ends(ends, packet->family, ends + 32, seed) | 1;
}
