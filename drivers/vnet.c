/* SPDX-License-Identifier: BSD-3-Clause */
/* vnet.c: between the header that the kernel has in front of a packet and the flags of an mbuf.
 *
 * Both leave checksums and segments to whoever needs them. The kernel wants the sum of the pseudo
 * header in the field of such a checksum, and IPv4's own to be right; the flags want nothing.
 */
#include "drivers/vnet_impl.h"

#include "weir/chain.h"
#include "weir/checksum.h"
#include "weir/clone.h"
#include "weir/offload.h"
#include "weir/parse.h"

#include <errno.h>

/* virtio 1.2, 5.1.6: flags, and types of gso_type */
#define NEEDS_CSUM 1
#define GSO_NONE   0
#define GSO_TCPV4  1
#define GSO_TCPV6  4
#define GSO_UDP_L4 5
#define GSO_ECN    0x80

#define TCP_CHECKSUM  16 /* where they are in the headers */
#define TCP_FLAGS     13
#define TCP_CWR       0x80
#define UDP_CHECKSUM  6
#define SCTP_CHECKSUM 8
#define IPV4_HEADER   20
#define IPV6_HEADER   40

static bool is_tcp(const struct weir_mbuf *mbuf)
{
	return (mbuf->packet_type & WEIR_TYPE_L4) == WEIR_L4_TCP;
}

static bool is_ipv6(const struct weir_mbuf *mbuf)
{
	return (mbuf->packet_type & WEIR_TYPE_L3_FAMILY) == WEIR_L3_IPV6;
}

/* ---- received ---- */

/* A checksum that mbufs have no flag for, as in a tunnel: the field holds the sum of what it covers
 * besides the bytes behind start. */
static bool complete(struct weir_mbuf *mbuf, const struct weir__vnet *vnet)
{
	uint32_t start = vnet->csum_start, sum = 0;
	uint16_t checksum;

	if (start >= mbuf->length ||
		weir_mbuf_checksum_add(mbuf, start, mbuf->length - start, &sum))
		return false;
	checksum = weir_checksum_finish(sum);
	if (checksum == 0 && vnet->csum_offset == UDP_CHECKSUM)
		checksum = 0xffff;
	return weir_mbuf_write(mbuf, start + vnet->csum_offset, &checksum, sizeof(checksum)) == 0;
}

/* Are the layers of the packet those the header speaks of? */
static bool is_known(const struct weir_mbuf *mbuf, const struct weir__vnet *vnet)
{
	if (vnet->csum_start != mbuf->l2_length + mbuf->l3_length)
		return false;
	switch (mbuf->packet_type & WEIR_TYPE_L4) {
	case WEIR_L4_TCP:
		return vnet->csum_offset == TCP_CHECKSUM;
	case WEIR_L4_UDP:
		return vnet->csum_offset == UDP_CHECKSUM;
	case WEIR_L4_SCTP: /* its own sum, of which the header does not tell that it is another */
		return vnet->csum_offset == SCTP_CHECKSUM;
	}
	return false;
}

bool weir__vnet_take(struct weir_mbuf *mbuf, const struct weir__vnet *vnet)
{
	bool known;

	if (!(vnet->flags & NEEDS_CSUM))
		return vnet->gso_type == GSO_NONE;
	weir_parse(mbuf);
	known = is_known(mbuf, vnet);
	if (vnet->gso_type == GSO_NONE) {
		if (!known)
			return complete(mbuf, vnet);
		mbuf->flags |= WEIR_MBUF_L4_CHECKSUM;
		return true;
	}
	mbuf->segment_size = vnet->gso_size;
	mbuf->flags |= WEIR_MBUF_SEGMENT;
	return known && vnet->gso_size > 0;
}

/* ---- sent ---- */

static bool is_udp(const struct weir_mbuf *mbuf)
{
	return (mbuf->packet_type & WEIR_TYPE_L4) == WEIR_L4_UDP;
}

/* Write two bytes unless they are there: shared ones that are right need no copy. */
static int put(struct weir_mbuf **packet, uint32_t offset, uint16_t word)
{
	uint32_t headers = (*packet)->l2_length + (*packet)->l3_length + (*packet)->l4_length;
	uint16_t there;
	int error;

	if (weir_mbuf_read(*packet, offset, &there, sizeof(there)) || headers > (*packet)->length)
		return -EINVAL;
	if (there == word)
		return 0;
	error = weir_mbuf_write(*packet, offset, &word, sizeof(word));
	if (error != -EROFS)
		return error;
	error = weir_mbuf_make_writable(packet, 0, headers);
	return error ? error : weir_mbuf_write(*packet, offset, &word, sizeof(word));
}

static int put_l3(struct weir_mbuf **packet)
{
	uint8_t header[60];
	uint32_t at = (*packet)->l2_length, length;

	if (weir_mbuf_read(*packet, at, header, IPV4_HEADER))
		return -EINVAL;
	length = (header[0] & 15u) * 4;
	if (length < IPV4_HEADER || weir_mbuf_read(*packet, at, header, length))
		return -EINVAL;
	return put(packet, at + 10, weir_ipv4_checksum(header));
}

/* The sum of the pseudo header where the checksum belongs. */
static int put_l4(struct weir_mbuf **packet, struct weir__vnet *vnet)
{
	uint8_t header[IPV6_HEADER], protocol = is_tcp(*packet) ? 6 : 17;
	uint32_t l3 = (*packet)->l2_length, l4 = l3 + (*packet)->l3_length, sum;
	bool ipv6 = is_ipv6(*packet);

	if ((!is_tcp(*packet) && !is_udp(*packet)) || l4 > (*packet)->length ||
		weir_mbuf_read(*packet, l3, header, ipv6 ? IPV6_HEADER : IPV4_HEADER))
		return -EINVAL;
	sum = ipv6 ? weir_ipv6_pseudo_sum(header, protocol, (*packet)->length - l4)
		   : weir_ipv4_pseudo_sum(header, protocol, (*packet)->length - l4);
	vnet->flags = NEEDS_CSUM;
	vnet->csum_start = (uint16_t)l4;
	vnet->csum_offset = is_tcp(*packet) ? TCP_CHECKSUM : UDP_CHECKSUM;
	return put(packet, l4 + vnet->csum_offset, (uint16_t)~weir_checksum_finish(sum));
}

static int put_segment(struct weir_mbuf *mbuf, struct weir__vnet *vnet)
{
	uint32_t l4 = mbuf->l2_length + mbuf->l3_length;
	uint8_t flags = 0;

	if (mbuf->segment_size == 0 || mbuf->segment_size > UINT16_MAX)
		return -EINVAL;
	vnet->gso_size = (uint16_t)mbuf->segment_size;
	vnet->hdr_len = (uint16_t)(l4 + mbuf->l4_length);
	vnet->gso_type = GSO_UDP_L4;
	if (!is_tcp(mbuf))
		return 0;
	vnet->gso_type = is_ipv6(mbuf) ? GSO_TCPV6 : GSO_TCPV4;
	if (weir_mbuf_read(mbuf, l4 + TCP_FLAGS, &flags, sizeof(flags)))
		return -EINVAL;
	if (flags & TCP_CWR)
		vnet->gso_type |= GSO_ECN;
	return 0;
}

/* Does all its payload fit into one segment? Then the kernel wants no word of segments. */
static bool is_one(const struct weir_mbuf *mbuf)
{
	uint32_t headers = mbuf->l2_length + mbuf->l3_length + mbuf->l4_length;

	return mbuf->length <= headers + mbuf->segment_size;
}

int weir__vnet_make(struct weir_mbuf **packet, struct weir__vnet *vnet)
{
	struct weir_mbuf *mbuf = *packet;
	uint32_t flags = mbuf->flags;
	int error = 0;

	*vnet = (struct weir__vnet){0};
	if (weir_likely(!(flags & WEIR_OFFLOADS)))
		return 0;
	if (!(flags & WEIR_MBUF_LAYERS))
		weir_parse(mbuf);
	if (flags & WEIR_MBUF_SEGMENT) {
		error = is_one(mbuf) ? 0 : put_segment(mbuf, vnet);
		flags |= WEIR_MBUF_L4_CHECKSUM | (is_ipv6(mbuf) ? 0 : WEIR_MBUF_L3_CHECKSUM);
	}
	if (!error && flags & WEIR_MBUF_L3_CHECKSUM)
		error = put_l3(packet);
	if (error || !(flags & WEIR_MBUF_L4_CHECKSUM))
		return error;
	if (is_tcp(mbuf) || is_udp(mbuf) || flags & WEIR_MBUF_SEGMENT)
		return put_l4(packet, vnet);
	/* of SCTP and ICMP the kernel does nothing */
	return weir_offload_checksums(packet);
}
