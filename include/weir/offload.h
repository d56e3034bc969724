/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/offload.h: what a packet leaves to whoever sends it: its checksums, and being cut into
 * segments.
 *
 *	mbuf->l2_length = 14, mbuf->l3_length = 20, mbuf->l4_length = 20;
 *	mbuf->packet_type = WEIR_L2_ETHERNET | WEIR_L3_IPV4 | WEIR_L4_TCP;
 *	mbuf->segment_size = 1460;
 *	mbuf->flags |= WEIR_MBUF_LAYERS | WEIR_MBUF_SEGMENT;
 *	weir_port_tx(port, 0, &mbuf, 1);
 *
 * The flags, set by an application or by a driver whose kernel left the work undone:
 *
 *	WEIR_MBUF_L3_CHECKSUM	IPv4's header checksum is not right yet
 *	WEIR_MBUF_L4_CHECKSUM	that of TCP, UDP, SCTP, ICMP or ICMPv6 is not
 *	WEIR_MBUF_SEGMENT	TCP or UDP whose payload is to go in packets of segment_size bytes
 *				each, the last with the rest; no checksum is right yet
 *
 * What the field of such a checksum holds does not matter. weir_port_tx() does what the port
 * cannot, so who forwards packets need not look at the flags. Who reads a checksum, writes a packet
 * to somewhere else or cuts it by itself calls weir_offload_checksums() or weir_segment() first.
 *
 * Where the headers are is said by packet_type and the layer lengths; without WEIR_MBUF_LAYERS they
 * are parsed. For a packet in a tunnel they speak of the inner headers, and l2_length is all that
 * lies in front of the inner IP: lengths, identifications and checksums there (IPv4, IPv6, UDP) are
 * put right in every segment. VXLAN, GENEVE, GRE without a checksum and IP in IP are known.
 *
 * wire_length and segment_size are one field: a packet has one of the two flags at most.
 *
 * Threads: a packet belongs to one thread at a time; there is no other state.
 */
#ifndef WEIR_OFFLOAD_H
#define WEIR_OFFLOAD_H

#include "weir/base.h"
#include "weir/mbuf.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_OFFLOADS (WEIR_MBUF_L3_CHECKSUM | WEIR_MBUF_L4_CHECKSUM | WEIR_MBUF_SEGMENT)

/* Write the checksums that the flags leave to be done, and clear those two flags; where the bytes
 * are shared they are copied first, so *packet may be another mbuf afterwards. A packet that is to
 * be cut keeps being so. 0, or with the packet as it was -EINVAL when there is no such header, or
 * -ENOBUFS when its pool is dry. */
WEIR_API int weir_offload_checksums(struct weir_mbuf **packet);

/* Cut a packet with WEIR_MBUF_SEGMENT into the packets it stands for, with right checksums: copies
 * on mbufs of its pool, each in as few as it fits. TCP's sequence numbers go on, PSH and FIN are in
 * the last one only, CWR in the first; IPv4's identifications count up. Bytes behind the end that
 * IP says are left out.
 *
 * How many; they are the caller's, and the packet no longer is. Or, with the packet as it was:
 * -EINVAL    no TCP or UDP, a fragment, not all headers are there or they have more than 512 bytes,
 *            or segment_size is 0 or more than IP can say
 * -EMSGSIZE  there would be more than max
 * -ENOBUFS   its pool is dry */
WEIR_API int weir_segment(struct weir_mbuf *packet, struct weir_mbuf **segments, uint32_t max);

#ifdef __cplusplus
}
#endif

#endif
