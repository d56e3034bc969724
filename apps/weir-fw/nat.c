/* SPDX-License-Identifier: BSD-3-Clause */
/* nat.c: which addresses and ports a connection gets. */
#include "apps/weir-fw/nat.h"

#include "apps/weir-fw/places.h"

#include "base/big_impl.h"

#include <weir/checksum.h>

#include <errno.h>
#include <string.h>

/* Ports are tried in rows from one at random on, each half as long as the one before, so that a
 * dense run of used ones is left soon and the work has an end: as nf_nat_l4proto_unique_tuple has
 * it. So few that all can be tried are. */
#define LONGEST_ROW  128
#define SHORTEST_ROW 16
#define TRY_ALL      256

const uint8_t *fw_host_address(const struct fw_host *host, const char *interface, uint8_t family)
{
	for (uint32_t i = 0; host && i < host->count; i++)
		if (host->addresses[i].family == family &&
			strncmp(host->addresses[i].name, interface, FW_IFNAMSIZ) == 0)
			return host->addresses[i].bytes;
	return NULL;
}

/* A step of a linear congruential generator (Knuth, TAOCP 2, 3.3.4: 6364136223846793005); its upper
 * half is well mixed. Who must not guess a port asks for random: the start is the kernel's. */
static uint32_t random32(struct fw_tracker *tracker)
{
	tracker->random = tracker->random * UINT64_C(6364136223846793005) + 1;
	return (uint32_t)(tracker->random >> 32);
}

/* Where a port may be moved to: below 512, below 1024 and above stay among themselves, since
 * servers trust the low ones (as nf_nat_l4proto_unique_tuple has it). */
static void port_range(const struct fw_nat *nat, const fw_key *tuple, uint16_t *low, uint16_t *high)
{
	uint16_t port = weir__big16(tuple->port[1]);

	if (nat && nat->has_ports) {
		*low = nat->port_low;
		*high = nat->port_high;
	} else if (tuple->zero[1]) { /* an identifier of ICMP */
		*low = 0;
		*high = UINT16_MAX;
	} else {
		*low = port < 512 ? 1 : port < 1024 ? 600 : 1024;
		*high = port < 512 ? 511 : port < 1024 ? 1023 : UINT16_MAX;
	}
}

static void set_port(fw_key *tuple, uint32_t end, uint16_t port)
{
	weir__big16_put(tuple->port[end], port);
	if (tuple->zero[1]) /* an identifier is both */
		memcpy(tuple->port[!end], tuple->port[end], 2);
}

int fw_nat_claim(struct fw_tracker *tracker, const fw_key *tuple)
{
	return fw_tuple_taken(tracker, tuple) ? -EEXIST : fw_places_claim(tracker, tuple);
}

/* So many ports in a row, of so many from low on. */
static int try_row(
	struct fw_tracker *tracker, fw_key *answer, uint32_t low, uint32_t count, uint32_t tries)
{
	uint32_t start = random32(tracker) % count;
	int error = -EEXIST;

	for (uint32_t i = 0; i < tries && error == -EEXIST; i++) {
		set_port(answer, 1, (uint16_t)(low + (start + i) % count));
		error = fw_nat_claim(tracker, answer);
	}
	return error;
}

bool fw_nat_port(struct fw_tracker *tracker, const struct fw_nat *nat, fw_key *answer)
{
	bool random = nat && (nat->random || nat->fully_random);
	uint16_t port = weir__big16(answer->port[1]), low, high;
	uint32_t count;
	int error = -EEXIST;

	port_range(nat, answer, &low, &high);
	if (!random && (!nat || !nat->has_ports || (port >= low && port <= high)))
		error = fw_nat_claim(tracker, answer);
	if (error != -EEXIST)
		return !error;
	if (!fw_track_ports(answer->protocol) && !answer->zero[1])
		return !fw_nat_claim(tracker, answer);
	count = (uint32_t)(high - low) + 1;
	if (count <= TRY_ALL)
		return !try_row(tracker, answer, low, count, count);
	for (uint32_t tries = LONGEST_ROW; tries >= SHORTEST_ROW && error == -EEXIST; tries /= 2)
		error = try_row(tracker, answer, low, count, tries);
	return !error;
}

/* An address of the range; the same for the same client, and with persistent whatever it asks. */
static void choose_address(
	const struct fw_nat *nat, const fw_key *tuple, uint8_t family, uint8_t *address)
{
	uint32_t size = family == FW_IP ? 4 : 16, low = weir__big32(nat->low + size - 4);
	uint64_t count = (uint64_t)weir__big32(nat->high + size - 4) - low + 1;
	uint32_t hash = weir_crc32c(0, tuple->address[0], size);

	if (!nat->persistent)
		hash = weir_crc32c(hash, tuple->address[1], size);
	low += (uint32_t)(hash % count);
	memcpy(address, nat->low, size);
	for (uint32_t i = 0; i < 4; i++)
		address[size - 4 + i] = (uint8_t)(low >> (24 - 8 * i));
}

/* NULL: there is none. */
static const uint8_t *address_of(const struct fw_tracker *tracker, const struct fw_packet *packet,
	const struct fw_nat *nat, uint8_t chosen[16])
{
	if (nat->kind == FW_MASQUERADE)
		return fw_host_address(tracker->host, packet->out, packet->family);
	if (nat->kind == FW_REDIRECT)
		return fw_host_address(tracker->host, packet->in, packet->family);
	if (nat->prefix) {
		/* answers still have the address that it is about */
		const uint8_t *own = tracker->asked.tuples[1].address[nat->kind == FW_SNAT];

		for (uint32_t i = 0; i < 16; i++)
			chosen[i] = (uint8_t)((own[i] & (nat->low[i] ^ nat->high[i])) |
					      (nat->low[i] & ~(nat->low[i] ^ nat->high[i])));
		return chosen;
	}
	memset(chosen, 0, 16);
	choose_address(nat, &tracker->asked.tuples[0], packet->family, chosen);
	return chosen;
}

bool fw_nat_bind(void *context, const struct fw_packet *packet, const struct fw_nat *nat)
{
	struct fw_tracker *tracker = context;
	fw_key *answer = &tracker->asked.tuples[1];
	bool source = nat->kind == FW_SNAT || nat->kind == FW_MASQUERADE;
	bool from_host = nat->kind == FW_MASQUERADE || nat->kind == FW_REDIRECT;
	uint8_t chosen[16];
	const uint8_t *address;

	if (nat->has_address || from_host) {
		address = address_of(tracker, packet, nat, chosen);
		if (!address)
			return false;
		memcpy(answer->address[source], address, packet->family == FW_IP ? 4 : 16);
	}
	tracker->pending_connection.nat |=
		(uint8_t)(1u << (source ? FW_NAT_SOURCE : FW_NAT_DESTINATION));
	if (source)
		return fw_nat_port(tracker, nat, answer);
	if (nat->has_ports && fw_track_ports(packet->protocol))
		set_port(answer, 0,
			(uint16_t)(nat->port_low +
				   random32(tracker) %
					   ((uint32_t)(nat->port_high - nat->port_low) + 1)));
	return true;
}
