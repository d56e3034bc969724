/* SPDX-License-Identifier: BSD-3-Clause */
/* parts.h: packets in fragments, judged as a whole, for who sends on what came: fragments wait
 * until all of a packet are there, and then all of them go on, or none. So does a kernel with
 * connection tracking, and so it is done when rules ask for states. A router, which cuts anew what
 * it sends, puts them together for good: router.c.
 *
 * Threads: belongs to one at a time. */
#ifndef FW_PARTS_H
#define FW_PARTS_H

#include "apps/weir-fw/packet.h"

#include <weir/fragment.h>

#define FW_PARTS_PACKETS    256                   /* that wait at the same time */
#define FW_PARTS_MOST       256                   /* fragments of one */
#define FW_PARTS_TIMEOUT_NS UINT64_C(30000000000) /* of Linux: net.ipv4.ipfrag_time */

/* The longest packet of IPv6, with the header of a fragment, and one of Ethernet with two tags. */
#define FW_PARTS_BYTES (40 + 65535 + 8 + 22)

struct fw_parts {
	struct weir_reassembly *reassembly;
	uint64_t now_ns; /* never goes back, as the times of packets may */
	/* the packet that is whole now */
	struct weir_mbuf *mbufs[FW_PARTS_MOST];
	uint32_t count;
};

/* At most so many fragments wait; what never becomes whole is handed to dropped. 0, or -errno with
 * weir_last_error(). */
int fw_parts_open(struct fw_parts *parts, uint32_t held,
	void (*dropped)(void *context, struct weir_mbuf *fragment), void *context);
/* All that waits goes to dropped before. */
void fw_parts_close(struct fw_parts *parts);

/* Time goes by: those that have waited too long go. */
void fw_parts_pass(struct fw_parts *parts, uint64_t now_ns);

/* Is the packet in view to wait for others? As in Linux, the first of IPv6 that has not all headers
 * (RFC 8200, 4.5) is judged alone, as one that is of no connection. */
bool fw_parts_wants(const struct fw_ruleset *rules, const struct fw_packet *packet);

/* Take the fragment of a packet in view. How many fragments are whole with it now, in mbufs; 0: it
 * waits, or has gone; -EINVAL: it is none that can be put together. */
int fw_parts_add(struct fw_parts *parts, const struct fw_packet *packet, struct weir_mbuf *mbuf);

/* The packet that is whole now, to bytes: its length. */
uint32_t fw_parts_flatten(const struct fw_parts *parts, uint8_t bytes[FW_PARTS_BYTES]);

/* Bring back to its fragments, whose bytes may be written and lie in one piece, what was changed in
 * the packet that is whole. */
void fw_parts_put_back(const struct fw_parts *parts, const struct fw_packet *whole);

#endif
