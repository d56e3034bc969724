/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/spread.h: which of several cores a packet goes to, so that both directions of a flow go to
 * one.
 *
 * The hash is Toeplitz's over addresses and ports, as network cards make it for receive side
 * scaling, with the key 6d5a repeated, which makes it symmetric (Woo and Park, 2012): a packet and
 * its answer have the same. Packets of TCP, UDP and SCTP are hashed by addresses and ports,
 * fragments and all other IP packets by addresses only, the rest gets 0. Of a tunnel the outer
 * headers count.
 *
 * Threads: an mbuf belongs to one thread at a time; there is no other state.
 */
#ifndef WEIR_SPREAD_H
#define WEIR_SPREAD_H

#include "weir/base.h"
#include "weir/mbuf.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Set mbuf->hash and WEIR_MBUF_HASH of the packets that have none from their port; parses those
 * that were not (weir_parse()). */
WEIR_API void weir_spread_hash(struct weir_mbuf **mbufs, uint32_t count);

/* One of count, at most 65,536, by a hash. With this key its halves are the same: the lower one
 * decides. */
static inline uint32_t weir_spread_pick(uint32_t hash, uint32_t count)
{
	return (hash & 0xffff) * count >> 16;
}

/* The lowest hash by which number is picked of count: for who knows where a packet belongs. */
static inline uint32_t weir_spread_hash_of(uint32_t number, uint32_t count)
{
	return ((number << 16) + count - 1) / count;
}

#ifdef __cplusplus
}
#endif

#endif
