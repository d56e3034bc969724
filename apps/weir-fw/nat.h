/* SPDX-License-Identifier: BSD-3-Clause */
/* nat.h: other addresses and ports for connections (RFC 3022), as the kernel has it.
 *
 * A connection that is translated is known by two tuples: what its first packet came with, and what
 * its answers come with. Rules of chains of type nat are asked for its first packet only; then each
 * packet is changed at the same two places, whichever way it goes:
 *
 *	at prerouting and output   where it goes     becomes where the answers' tuple comes from
 *	at postrouting             where it is from  becomes where the answers' tuple goes
 *
 * with the two tuples exchanged for an answer. ICMP errors are changed outside and, the other way
 * round, in the packet they quote.
 *
 * Bytes of a packet that is asked about must be writable.
 */
#ifndef FW_NAT_H
#define FW_NAT_H

#include "apps/weir-fw/packet.h"
#include "apps/weir-fw/track.h"

/* The addresses of interfaces: what masquerade and redirect choose. */
struct fw_address {
	char name[FW_IFNAMSIZ];
	uint8_t family, length; /* of the prefix */
	uint8_t bytes[16];
};
struct fw_host {
	struct fw_address *addresses;
	uint32_t count;
};

/* The first address of an interface, or NULL. */
const uint8_t *fw_host_address(const struct fw_host *host, const char *interface, uint8_t family);

/* Choose for the connection that the packet last asked about begins; the type is fw_bind. False
 * when there is nothing to choose: no address, no free port. */
bool fw_nat_bind(void *tracker, const struct fw_packet *packet, const struct fw_nat *nat);

/* Change the packet last asked about as its connection says; the type is fw_translate. False when
 * that cannot be done: its ports are another connection's, and no other is free. */
bool fw_nat_apply(void *tracker, struct fw_packet *packet, enum fw_where_nat where);

/* Undo what was done to its destination, for who quotes the packet to its sender. */
void fw_nat_undo(struct fw_tracker *tracker, struct fw_packet *packet);

#endif
