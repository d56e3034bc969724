/* SPDX-License-Identifier: BSD-3-Clause */
/* checksum.c: set the checksums of IPv4 and of what is in IP, and, where wanted, lengths. What
 * cannot be known stays: the checksum of a fragment, or of a packet that was cut. UDP without a
 * checksum stays without. */
#include "stages/headers_impl.h"
#include "stages/stages_impl.h"

#include "weir/chain.h"
#include "weir/checksum.h"
#include "weir/clone.h"

#include <errno.h>
#include <string.h>

/* Where things lie: RFC 791, 768, 8200. */
#define IPV4_LENGTH 2
#define IPV6_LENGTH 4
#define UDP_LENGTH  4
#define UDP_SUM     6
/* Bytes that a checksum of any of these protocols lies in. */
#define L4_BYTES 18

struct checksum_conf {
	bool lengths;
};

static int open_checksum(struct weir_stage_args *args, void *conf)
{
	static const char *const lengths[] = {"keep", "fix", NULL};
	int what = weir_stage_arg_word(args, "lengths", lengths);

	((struct checksum_conf *)conf)->lengths = what == 1;
	return what < 0 ? what : 0;
}

/* Say length where more is said than there is. */
static void shorten(uint8_t *field, uint32_t length)
{
	if (weir__big16(field) > length)
		weir__big16_put(field, length);
}

static void fix_lengths(const struct weir_mbuf *mbuf, const struct weir__headers *headers)
{
	uint8_t *data = weir_mbuf_data(mbuf), *l3 = data + headers->l3;

	if (headers->ipv4)
		shorten(l3 + IPV4_LENGTH, mbuf->length - headers->l3);
	else
		shorten(l3 + IPV6_LENGTH, mbuf->length - headers->l3 - 40);
	if (headers->udp && headers->checksum && !headers->fragment)
		shorten(data + headers->l4 + UDP_LENGTH, mbuf->length - headers->l4);
}

static int fix_one(const void *conf, struct weir_mbuf **packet)
{
	const struct checksum_conf *checksum = conf;
	struct weir__headers headers;
	uint32_t length;
	uint8_t *data;

	weir__headers_find(*packet, &headers);
	if (!headers.ipv4 && !headers.ipv6)
		return 0;
	length = (headers.l4 ? headers.l4 : headers.length) + L4_BYTES;
	if (length > (*packet)->length)
		length = (*packet)->length;
	if (weir__headers_prepare(packet, length))
		return -ENOBUFS;
	data = weir_mbuf_data(*packet);
	if (checksum->lengths)
		fix_lengths(*packet, &headers);
	if (headers.ipv4 && headers.header <= (*packet)->length)
		weir_ipv4_checksum_set(data + headers.l3);
	if (headers.l4 == 0 || (headers.ipv4 && headers.udp && headers.checksum &&
				       memcmp(data + headers.l4 + UDP_SUM, "\0", 2) == 0))
		return 0;
	/* an error says that it cannot be known */
	weir_l4_checksum_set(*packet, headers.l3, headers.l4, headers.protocol);
	return 0;
}

static void run(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	weir__edit_each(stage, mbufs, count, fix_one);
}

const struct weir_stage_type weir__stage_checksum = {
	.name = "checksum",
	.help = "set checksums",
	.edges = weir__stage_out,
	.counters = weir__edit_counters,
	.conf_size = sizeof(struct checksum_conf),
	.open = open_checksum,
	.run = run,
};
