/* SPDX-License-Identifier: BSD-3-Clause */
/* maps_impl.h: addresses by prefix and ports by range become others. */
#ifndef WEIR_MAPS_IMPL_H
#define WEIR_MAPS_IMPL_H

#include "weir/stage.h"

#include <stdbool.h>
#include <stdint.h>

#define WEIR__MAPS 64

/* Sides of a packet that a map is for. */
#define WEIR__SOURCE      1u
#define WEIR__DESTINATION 2u
#define WEIR__ARP         4u
#define WEIR__ARP_SIDE    2

struct weir__ip_map {
	uint32_t sides;
	bool ipv6;
	uint8_t from_bits, to_bits;
	uint8_t from[16], to[16];
};

struct weir__port_map {
	uint32_t sides;
	uint16_t first, last, to;
};

struct weir__maps {
	uint32_t ip_count, port_count;
	struct weir__ip_map ip[WEIR__MAPS];
	struct weir__port_map port[WEIR__MAPS];
};

/* Take an argument: an address, which all become, or "10.0.0.0/8:172.16.0.0/12,[fd00::/8]:...".
 * 0, or -EINVAL with a sentence. */
int weir__arg_ip_maps(
	struct weir_stage_args *args, const char *key, uint32_t sides, struct weir__maps *maps);

/* A port, which all become, or "80:8080,6000-6063:22". */
int weir__arg_port_maps(
	struct weir_stage_args *args, const char *key, uint32_t sides, struct weir__maps *maps);

/* What an address of this side becomes by the first map that it is in, into mapped. false: it
 * stays. */
bool weir__map_ip(const struct weir__maps *maps, uint32_t side, bool ipv6, const uint8_t *address,
	uint8_t *mapped);
bool weir__map_port(const struct weir__maps *maps, uint32_t side, uint16_t *port);

/* "10.0.0.0/8" or "fd00::/8", or an address, with all its bits: from text up to end. */
bool weir__prefix_parse(
	const char *text, const char *end, bool *ipv6, uint8_t *address, uint8_t *bits);

/* Is the address in the prefix? */
bool weir__prefix_has(const uint8_t *prefix, uint8_t bits, const uint8_t *address);

#endif
