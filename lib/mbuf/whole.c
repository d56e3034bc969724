/* SPDX-License-Identifier: BSD-3-Clause */
/* whole.c: the packet that fragments are: a chain of what each has of it, under headers of its own;
 * or bytes in a row. */
#include "fragment_impl.h"

#include "weir/chain.h"
#include "weir/checksum.h"
#include "weir/clone.h"
#include "weir/parse.h"

void weir__whole_strip(struct weir_mbuf *mbuf, const struct weir__ip *ip)
{
	weir_mbuf_trim(mbuf, mbuf->length - ip->l3 - ip->headers - weir__ip_payload(ip));
	if (ip->start)
		weir_mbuf_adj(mbuf, ip->l3 + ip->headers);
}

/* length: from the header on. */
static void put_ipv4(uint8_t *header, uint32_t length, uint8_t ecn)
{
	header[1] |= ecn;
	weir__big16_put(header + 2, length);
	weir__big16_put(header + 6, 0);
	weir_ipv4_checksum_set(header);
}

static void mend_ipv4(struct weir_mbuf *mbuf, const struct weir__ip *ip, uint8_t ecn)
{
	uint8_t header[60];

	weir_mbuf_read(mbuf, ip->l3, header, ip->common);
	put_ipv4(header, mbuf->length - ip->l3, ecn);
	weir_mbuf_write(mbuf, ip->l3, header, ip->common);
}

static void put_ipv6(uint8_t *header, uint32_t length, uint8_t ecn)
{
	header[1] |= (uint8_t)(ecn << 4);
	weir__big16_put(header + 4, length - 40);
}

static void mend_ipv6(struct weir_mbuf *mbuf, const struct weir__ip *ip, uint8_t ecn)
{
	uint8_t header[6];

	weir_mbuf_remove(mbuf, ip->l3 + ip->common, WEIR__FRAGMENT_HEADER);
	weir_mbuf_read(mbuf, ip->l3, header, sizeof(header));
	put_ipv6(header, mbuf->length - ip->l3, ecn);
	weir_mbuf_write(mbuf, ip->l3, header, sizeof(header));
	weir_mbuf_write(mbuf, ip->l3 + ip->next_at, &ip->protocol, 1);
}

int weir__whole_mend(struct weir_mbuf **packet, uint8_t ecn)
{
	struct weir_mbuf *mbuf;
	struct weir__ip ip;
	int error;

	/* as it came: so this cannot fail */
	weir__ip_read(*packet, &ip);
	error = weir_mbuf_make_writable(packet, ip.l3, ip.headers);
	if (error)
		return error;
	mbuf = *packet;
	if (ip.ipv6)
		mend_ipv6(mbuf, &ip, ecn);
	else
		mend_ipv4(mbuf, &ip, ecn);
	mbuf->flags &= ~(WEIR_MBUF_LAYERS | WEIR_MBUF_WIRE_LENGTH | WEIR_MBUF_HASH | WEIR_OFFLOADS);
	weir_parse(mbuf);
	return 0;
}

/* The same for bytes that begin with those of the first fragment. How many they are then. */
static uint32_t mend_bytes(uint8_t *bytes, uint32_t length, const struct weir__ip *ip, uint8_t ecn)
{
	uint8_t *header = bytes + ip->l3, *fragment = header + ip->common;

	if (!ip->ipv6) {
		put_ipv4(header, length - ip->l3, ecn);
		return length;
	}
	length -= WEIR__FRAGMENT_HEADER;
	memmove(fragment, fragment + WEIR__FRAGMENT_HEADER, length - ip->l3 - ip->common);
	put_ipv6(header, length - ip->l3, ecn);
	header[ip->next_at] = ip->protocol;
	return length;
}

uint32_t weir_reassembly_flatten(
	struct weir_mbuf *const *fragments, uint32_t count, uint8_t *bytes, uint32_t size)
{
	struct weir__ip first = {0}, ip;
	uint32_t length = 0, ecn = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t skip, some;

		/* as it was gathered: so this cannot fail */
		weir__ip_read(fragments[i], &ip);
		skip = i ? ip.l3 + ip.headers : 0;
		some = ip.l3 + ip.headers + weir__ip_payload(&ip) - skip;
		if (some > size - length)
			return 0;
		weir_mbuf_read(fragments[i], skip, bytes + length, some);
		length += some;
		ecn |= 1u << ip.ecn;
		if (i == 0)
			first = ip;
	}
	return count ? mend_bytes(bytes, length, &first, weir__whole_ecn(ecn)) : 0;
}
