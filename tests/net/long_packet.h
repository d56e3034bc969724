/* SPDX-License-Identifier: BSD-3-Clause */
/* long_packet.h: a packet that is to be cut. */
#ifndef LONG_PACKET_H
#define LONG_PACKET_H

#include "weir/weir.h"

#include <arpa/inet.h>
#include <string.h>

/* 20 KB in segments of 1,000, with checksums left undone: the host has to cut it for an interface
 * that wants what a wire has. */
static inline struct weir_mbuf *long_packet(struct weir_mempool *pool, bool ipv6, bool tcp)
{
	uint8_t bytes[20 * 1000 + 74] = {2, 0, 0, 0, 0, 7, 2, 0, 0, 0, 0, 2, 8, 0},
				  *ip = bytes + 14, *l4;
	uint32_t l4_length = tcp ? 20 : 8, length = (ipv6 ? 40 : 20) + l4_length + 20000;
	struct weir_mbuf *mbuf;

	l4 = ip + (ipv6 ? 40 : 20);
	memcpy(ip, ipv6 ? "\x60" : "\x45", 1);
	ip[ipv6 ? 4 : 2] = (uint8_t)((length - (ipv6 ? 40 : 0)) >> 8);
	ip[ipv6 ? 5 : 3] = (uint8_t)(length - (ipv6 ? 40 : 0));
	ip[ipv6 ? 6 : 9] = tcp ? 6 : 17;
	ip[ipv6 ? 7 : 8] = 64;
	if (ipv6)
		memcpy(bytes + 12, "\x86\xdd", 2);
	inet_pton(ipv6 ? AF_INET6 : AF_INET, ipv6 ? "fd02::2" : "192.0.2.2", ip + (ipv6 ? 8 : 12));
	inet_pton(ipv6 ? AF_INET6 : AF_INET, ipv6 ? "fd03::2" : "198.51.100.2",
		ip + (ipv6 ? 24 : 16));
	memcpy(l4, "\x1b\x58\x1b\x59", 4);
	if (tcp)
		memcpy(l4 + 12, "\x50\x18", 2);
	else
		memcpy(l4 + 4, "\x4e\x28", 2);
	mbuf = weir_mbuf_from_bytes(pool, bytes, 14 + length);
	mbuf->flags |= WEIR_MBUF_SEGMENT;
	mbuf->segment_size = 1000;
	return mbuf;
}

#endif
