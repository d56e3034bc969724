/* SPDX-License-Identifier: BSD-3-Clause */
/* offload.c: the checksums that a packet leaves to be done. */
#include "mbuf_impl.h"

#include "weir/checksum.h"
#include "weir/offload.h"
#include "weir/parse.h"

#include <errno.h>

#define IPV4_MIN 20
#define IPV4_MAX 60
#define CHECKSUM 10 /* where IPv4's is */

/* IANA's number of the transport header, or 0. */
static uint8_t protocol_of(const struct weir_mbuf *mbuf)
{
	switch (mbuf->packet_type & WEIR_TYPE_L4) {
	case WEIR_L4_TCP:
		return WEIR_PROTOCOL_NUMBER_TCP;
	case WEIR_L4_UDP:
		return WEIR_PROTOCOL_NUMBER_UDP;
	case WEIR_L4_SCTP:
		return WEIR_PROTOCOL_NUMBER_SCTP;
	case WEIR_L4_ICMP:
		return WEIR_PROTOCOL_NUMBER_ICMP;
	case WEIR_L4_ICMPV6:
		return WEIR_PROTOCOL_NUMBER_ICMPV6;
	}
	return 0;
}

static int set_l3(struct weir_mbuf *mbuf)
{
	uint8_t bytes[IPV4_MAX];
	uint32_t length;

	if (weir_mbuf_read(mbuf, mbuf->l2_length, bytes, IPV4_MIN) || bytes[0] >> 4 != 4)
		return -EINVAL;
	length = (bytes[0] & 15u) * 4;
	if (length < IPV4_MIN || weir_mbuf_read(mbuf, mbuf->l2_length, bytes, length))
		return -EINVAL;
	weir_ipv4_checksum_set(bytes);
	return weir_mbuf_write(mbuf, mbuf->l2_length + CHECKSUM, bytes + CHECKSUM, 2);
}

static int set_l4(struct weir_mbuf *mbuf)
{
	uint8_t protocol = protocol_of(mbuf);
	uint32_t l3 = mbuf->l2_length;
	int error;

	if (!protocol)
		return -EINVAL;
	error = weir_l4_checksum_set(mbuf, l3, l3 + mbuf->l3_length, protocol);
	return error == 0 || error == -EROFS ? error : -EINVAL;
}

static int set_both(struct weir_mbuf *mbuf)
{
	int error = 0;

	/* the one inside first: it finds more that is wrong, and nothing is written then */
	if (mbuf->flags & WEIR_MBUF_L4_CHECKSUM)
		error = set_l4(mbuf);
	if (!error && mbuf->flags & WEIR_MBUF_L3_CHECKSUM)
		error = set_l3(mbuf);
	return error;
}

int weir_offload_checksums(struct weir_mbuf **packet)
{
	struct weir_mbuf *mbuf = *packet;
	uint32_t headers;
	int error;

	if (!(mbuf->flags & (WEIR_MBUF_L3_CHECKSUM | WEIR_MBUF_L4_CHECKSUM)))
		return 0;
	if (!(mbuf->flags & WEIR_MBUF_LAYERS))
		weir_parse(mbuf);
	error = set_both(mbuf);
	if (error == -EROFS) {
		headers = mbuf->l2_length + mbuf->l3_length + mbuf->l4_length;
		error = weir_mbuf_make_writable(
			packet, 0, headers < mbuf->length ? headers : mbuf->length);
		if (!error)
			error = set_both(*packet);
	}
	if (!error)
		(*packet)->flags &= ~(WEIR_MBUF_L3_CHECKSUM | WEIR_MBUF_L4_CHECKSUM);
	return error;
}
