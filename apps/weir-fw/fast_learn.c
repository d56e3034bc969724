/* SPDX-License-Identifier: BSD-3-Clause */
/* fast_learn.c: a verdict becomes known. A packet of an established connection was judged, and no
 * rule looked at what another packet of it may have otherwise: so the connection keeps, for this
 * direction, which counters moved, by the number of their path.
 */
#include "apps/weir-fw/fast.h"

#include "apps/weir-fw/track_plain_impl.h"

#include <string.h>

/* The number of the recorded way; FW_FAST_PATHS: there are too many. */
static uint32_t path_number(struct fw_fast *fast)
{
	const struct fw_path *path = &fast->path;
	uint32_t i = 0;

	while (i < fast->path_count &&
		(fast->paths[i].count != path->count ||
			memcmp(fast->paths[i].counters, path->counters,
				path->count * sizeof(path->counters[0])) != 0))
		i++;
	if (i == fast->path_count && i < FW_FAST_PATHS)
		fast->paths[fast->path_count++] = *path;
	return i;
}

void fw_fast_learn(struct fw_fast *fast, const struct fw_packet *packet, uint16_t way)
{
	struct fw_asked *asked;
	struct fw_plain plain;
	uint32_t number;
	uint64_t hash;
	bool calm;

	if (fast->path.varies || packet->ct_state != FW_CT_ESTABLISHED || packet->link_broadcast ||
		packet->link_multicast || packet->link_type != WEIR_LINK_ETHERNET)
		return;
	asked = &fast->tracker->asked;
	/* one that has ended with this packet is no longer in the table */
	if (!asked->connection || asked->connection == &fast->tracker->pending_connection ||
		asked->error || asked->connection->nat ||
		!fw_plain_read(&plain, packet->frame, packet->frame_length, &hash) ||
		!fw_plain_has_ports(plain.kind[0]))
		return;
	number = path_number(fast);
	calm = packet->protocol == FW_PLAIN_UDP || fw_tcp_calm(asked->connection);
	if (number < FW_FAST_PATHS)
		asked->connection->known[asked->connection->exchanged != asked->side] =
			fast->generation | (uint64_t)way << FW_KNOWN_WAY |
			(uint64_t)number << FW_KNOWN_PATH | (calm ? FW_KNOWN_CALM : 0);
}
