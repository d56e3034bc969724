/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/flow_key.h: the five-tuples of packets, as keys of a flow table (weir/flow.h).
 *
 * They are of the outer headers, which weir_parse() must have found. A fragment has no ports, only
 * the first one of a packet would; so the key of every fragment is its addresses alone, with the
 * protocol 0. Packets of protocols without ports have the ports 0. All in the order of the packet:
 * bytes, not numbers.
 *
 * Threads: none of this has state.
 */
#ifndef WEIR_FLOW_KEY_H
#define WEIR_FLOW_KEY_H

#include "weir/base.h"
#include "weir/mbuf.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 0: where the packet comes from; 1: where it goes. */
struct weir_flow_key_ipv4 {
	uint8_t address[2][4];
	uint8_t port[2][2];
	uint8_t protocol;
	uint8_t zero[3];
};

struct weir_flow_key_ipv6 {
	uint8_t address[2][16];
	uint8_t port[2][2];
	uint8_t protocol; /* of a packet with extension headers in front of something that the
			   * parser does not know, 0 */
	uint8_t zero[3];
};

static_assert(sizeof(struct weir_flow_key_ipv4) == 16, "a multiple of 8, without gaps");
static_assert(sizeof(struct weir_flow_key_ipv6) == 40, "a multiple of 8, without gaps");

/* The key of a packet. False, and the key is undefined, when it is not of that kind, or was not
 * parsed. */
WEIR_API bool weir_flow_key_ipv4(const struct weir_mbuf *mbuf, struct weir_flow_key_ipv4 *key);
WEIR_API bool weir_flow_key_ipv6(const struct weir_mbuf *mbuf, struct weir_flow_key_ipv6 *key);

/* Make it the same for both directions: of its two ends the lower one, by address and then by port,
 * comes first. True when they were exchanged: the packet goes the other way. */
WEIR_API bool weir_flow_key_sort_ipv4(struct weir_flow_key_ipv4 *key);
WEIR_API bool weir_flow_key_sort_ipv6(struct weir_flow_key_ipv6 *key);

#ifdef __cplusplus
}
#endif

#endif
