/* SPDX-License-Identifier: BSD-3-Clause */
/* segment_impl.h: cutting a packet into segments, some at a time: for a sender whose pool has not
 * all of them, or whose port does not take them at once. */
#ifndef MBUF_SEGMENT_IMPL_H
#define MBUF_SEGMENT_IMPL_H

#include "weir/mbuf.h"
#include "weir/parse.h"

#include <stdbool.h>

#define WEIR__SEGMENT_HEADERS 512

/* An outer header that says a length. */
struct weir__segment_outer {
	uint32_t offset;
	uint32_t l3; /* of UDP: the IP header before it */
	uint8_t protocol;
};

/* How a packet is cut; offsets from its first byte on. */
struct weir__segments {
	uint32_t l3, l4;
	uint32_t headers; /* bytes that every segment begins with */
	uint32_t size;    /* payload of each but the last */
	uint32_t payload;
	uint32_t count;
	bool ipv6, tcp;
	uint32_t outer_count;
	struct weir__segment_outer outer[WEIR_LAYERS_MAX];
	uint8_t bytes[WEIR__SEGMENT_HEADERS];
};

/* 0, or -EINVAL as weir_segment(). Parses the packet if it was not. */
int weir__segments_plan(struct weir_mbuf *packet, struct weir__segments *plan);

/* Make segments first, first + 1, ... of the packet, at most max. How many; when that is fewer than
 * could be, *error is -ENOBUFS for a dry pool, or -EINVAL for headers that contradict each other;
 * else 0. */
uint32_t weir__segments_make(const struct weir_mbuf *packet, const struct weir__segments *plan,
	uint32_t first, struct weir_mbuf **segments, uint32_t max, int *error);

/* Make a packet of which count segments, not all, were sent one of the others. 0, or -ENOBUFS when
 * its headers are shared and the pool is dry: then it is of no use. */
int weir__segments_skip(
	struct weir_mbuf **packet, const struct weir__segments *plan, uint32_t count);

#endif
