/* SPDX-License-Identifier: BSD-3-Clause */
/* steer.h: which of several threads a packet is judged by: that which has its connection.
 *
 * The hash is of what a tracker knows connections by, so that two packets which it takes for one
 * connection cannot part: of the two ends, whichever comes first, and for an error of ICMP of those
 * that it quotes. Packets that belong to none go by their addresses, which fragments have, too.
 *
 * Threads: what is here has no state but the seed, chosen once.
 */
#ifndef FW_STEER_H
#define FW_STEER_H

#include "apps/weir-fw/plain.h"

/* A hash whose upper 32 bits are good. Who knows the seed could send all to one thread. */
static inline uint64_t fw_steer_end(uint64_t high, uint64_t low, uint32_t port, uint64_t seed)
{
	uint64_t end = ((high ^ seed) * FW_HASH_ONE + low) * FW_HASH_TWO + port;

	return (end ^ end >> 32) * FW_HASH_ONE;
}

static inline uint32_t fw_steer_ends(
	const uint8_t *address, uint8_t family, const uint8_t *ports, uint64_t seed)
{
	uint64_t one, two;

	if (family == FW_IP) {
		one = fw_steer_end(0, fw_half(address), ports[0] << 8 | ports[1], seed);
		two = fw_steer_end(0, fw_half(address + 4), ports[2] << 8 | ports[3], seed);
	} else {
		one = fw_steer_end(
			fw_word(address), fw_word(address + 8), ports[0] << 8 | ports[1], seed);
		two = fw_steer_end(fw_word(address + 16), fw_word(address + 24),
			ports[2] << 8 | ports[3], seed);
	}
	return (uint32_t)((one + two) * FW_HASH_TWO >> 32);
}

/* The hash of a frame of Ethernet that is plain, as most are, and what of it was found; 0, and a
 * look at it is needed. */
static inline uint32_t fw_steer_plain(
	const uint8_t *frame, uint32_t length, uint64_t seed, struct fw_plain *plain)
{
	uint64_t unused;

	if (!fw_plain_read(plain, frame, length, &unused) || !fw_plain_has_ports(plain->kind[0]))
		return 0;
	return fw_steer_ends(plain->transport - (plain->kind[1] == FW_IP ? 8 : 32), plain->kind[1],
		       plain->transport, seed) |
	       1;
}

/* The key of the connection that a packet of IP in view could belong to; false: it can to none. */
bool fw_steer_key(const struct fw_packet *packet, fw_key *of);

/* The hash of a packet of IP in view: the same as if it were plain. */
uint32_t fw_steer_packet(const struct fw_packet *packet, uint64_t seed);

#endif
