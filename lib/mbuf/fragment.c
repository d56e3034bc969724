/* SPDX-License-Identifier: BSD-3-Clause */
/* fragment.c: what IP says of a packet and its place in a larger one, and cutting it. */
#include "fragment_impl.h"

#include "weir/checksum.h"
#include "weir/parse.h"

/* IANA, "IPv6 Extension Header Types". */
enum {
	HOP_BY_HOP = 0,
	ROUTING = 43,
	FRAGMENT = 44,
	DESTINATION = 60,
};

#define DONT_FRAGMENT 0x4000u /* IPv4's flags, in host order */
#define MORE          0x2000u
#define OFFSET        0x1fffu /* in units of 8 bytes */

static bool read_ipv4(const struct weir_mbuf *mbuf, struct weir__ip *ip)
{
	uint8_t bounce[20];
	const uint8_t *header = weir_mbuf_peek(mbuf, ip->l3, sizeof(bounce), bounce);
	uint32_t place;

	if (!header || header[0] >> 4 != 4)
		return false;
	place = weir__big16(header + 6);
	ip->common = ip->headers = (header[0] & 15u) * 4;
	ip->total = weir__big16(header + 2);
	ip->id = weir__big16(header + 4);
	ip->protocol = header[9];
	ip->ecn = header[1] & 3;
	ip->start = (place & OFFSET) * 8;
	ip->more = place & MORE;
	ip->fragment = place & (MORE | OFFSET);
	ip->whole_only = place & DONT_FRAGMENT;
	return ip->common >= sizeof(bounce) && ip->total >= ip->common;
}

static void read_fragment_header(const uint8_t *bytes, struct weir__ip *ip)
{
	uint32_t place = weir__big16(bytes + 2);

	ip->headers = ip->common + WEIR__FRAGMENT_HEADER;
	ip->protocol = bytes[0];
	ip->start = place & ~7u;
	ip->more = place & 1;
	ip->fragment = place & ~6u;
	ip->id = weir__big32(bytes + 4);
}

/* Go through the headers that every fragment has: those up to the routing header, or the fragment
 * header where there is one. Destination options count when a routing header follows. */
static bool read_extensions(const struct weir_mbuf *mbuf, struct weir__ip *ip, uint8_t next)
{
	uint32_t at = 40, next_at = 6;
	uint8_t bounce[8];

	for (;;) {
		const uint8_t *bytes;

		if (next == FRAGMENT || at == 40) {
			ip->common = ip->headers = at;
			ip->next_at = next_at;
			ip->protocol = next;
		}
		if (next != HOP_BY_HOP && next != ROUTING && next != DESTINATION &&
			next != FRAGMENT)
			return true;
		bytes = weir_mbuf_peek(mbuf, ip->l3 + at, sizeof(bounce), bounce);
		if (!bytes)
			return false;
		if (next == FRAGMENT) {
			read_fragment_header(bytes, ip);
			return true;
		}
		next_at = at;
		at += (bytes[1] + 1u) * 8;
		if (next != DESTINATION) {
			ip->common = ip->headers = at;
			ip->next_at = next_at;
			ip->protocol = bytes[0];
		}
		next = bytes[0];
	}
}

static bool read_ipv6(const struct weir_mbuf *mbuf, struct weir__ip *ip)
{
	uint8_t bounce[40];
	const uint8_t *header = weir_mbuf_peek(mbuf, ip->l3, sizeof(bounce), bounce);

	if (!header || header[0] >> 4 != 6)
		return false;
	ip->ipv6 = true;
	ip->ecn = header[1] >> 4 & 3;
	ip->total = 40 + weir__big16(header + 4);
	return read_extensions(mbuf, ip, header[6]) && ip->total >= ip->headers;
}

bool weir__ip_read(struct weir_mbuf *mbuf, struct weir__ip *ip)
{
	bool right = false;

	if (!(mbuf->flags & WEIR_MBUF_LAYERS))
		weir_parse(mbuf);
	*ip = (struct weir__ip){.l3 = mbuf->l2_length};
	switch (mbuf->packet_type & WEIR_TYPE_L3_FAMILY) {
	case WEIR_L3_IPV4:
		right = read_ipv4(mbuf, ip);
		break;
	case WEIR_L3_IPV6:
		right = read_ipv6(mbuf, ip);
		break;
	}
	return right && ip->total <= mbuf->length - ip->l3;
}

/* ---- cutting ---- */

/* The headers of a fragment, from the link's on: more than any sender makes. */
#define HEADERS_MAX 1024

struct headers {
	uint32_t length;
	uint8_t bytes[HEADERS_MAX];
};

/* Keep of IPv4's options those that are to be in every fragment (RFC 791 section 3.1), and fill up
 * to whole words. */
static uint32_t copied_options(uint8_t *options, uint32_t length)
{
	const uint8_t copied = 0x80, end = 0, nothing = 1;
	uint32_t kept = 0, at = 0;

	while (at < length && options[at] != end) {
		uint32_t size = 1;

		if (options[at] != nothing)
			size = at + 1 < length ? options[at + 1] : 0;
		if (size == 0 || size > length - at)
			break;
		if (options[at] & copied) {
			memmove(options + kept, options + at, size);
			kept += size;
		}
		at += size;
	}
	for (; kept % 4; kept++)
		options[kept] = end;
	return kept;
}

static void finish_ipv4(const struct weir__ip *ip, struct headers *headers, uint32_t place,
	uint32_t length, bool more)
{
	uint8_t *header = headers->bytes + ip->l3;
	uint32_t bytes = ip->common;

	if (place) {
		bytes = 20 + copied_options(header + 20, ip->common - 20);
		header[0] = (uint8_t)(0x40 | bytes / 4);
	}
	weir__big16_put(header + 2, bytes + length);
	weir__big16_put(header + 6, (ip->start + place) / 8 | (more || ip->more ? MORE : 0));
	weir_ipv4_checksum_set(header);
	headers->length = ip->l3 + bytes;
}

static void finish_ipv6(const struct weir__ip *ip, struct headers *headers, uint32_t place,
	uint32_t length, bool more)
{
	uint8_t *header = headers->bytes + ip->l3, *fragment = header + ip->common;

	header[ip->next_at] = FRAGMENT;
	weir__big16_put(header + 4, ip->common - 40 + WEIR__FRAGMENT_HEADER + length);
	fragment[0] = ip->protocol;
	fragment[1] = 0;
	weir__big16_put(fragment + 2, (ip->start + place) | (more || ip->more));
	weir__big16_put(fragment + 4, ip->id >> 16);
	weir__big16_put(fragment + 6, ip->id & 0xffff);
	headers->length = ip->l3 + ip->common + WEIR__FRAGMENT_HEADER;
}

/* The fragment of the length bytes of payload from place on; NULL when the pool is dry. */
static struct weir_mbuf *cut(struct weir_mbuf *packet, const struct weir__ip *ip, uint32_t place,
	uint32_t length, bool more)
{
	struct weir_mbuf *fragment = weir_mbuf_slice(
		packet, ip->l3 + ip->headers + place, length, weir_mbuf_pool(packet));
	struct headers headers;
	uint8_t *bytes;

	if (!fragment)
		return NULL;
	weir_mbuf_read(packet, 0, headers.bytes, ip->l3 + ip->common);
	if (ip->ipv6)
		finish_ipv6(ip, &headers, place, length, more);
	else
		finish_ipv4(ip, &headers, place, length, more);
	bytes = weir_mbuf_extend_head(&fragment, headers.length);
	if (!bytes) {
		weir_mbuf_free(fragment);
		return NULL;
	}
	memcpy(bytes, headers.bytes, headers.length);
	weir_parse(fragment);
	return fragment;
}

/* A fragment has no checksum of its own, so the packet's must be right by now. */
static bool is_complete(struct weir_mbuf *packet)
{
	uint32_t headers = packet->l2_length + packet->l3_length + packet->l4_length;

	if (!(packet->flags & (WEIR_MBUF_L4_CHECKSUM | WEIR_MBUF_SEGMENT)))
		return true;
	return !(packet->flags & WEIR_MBUF_SEGMENT) && weir_mbuf_is_writable(packet, 0, headers) &&
	       weir_offload_checksums(&packet) == 0;
}

int weir_fragment(struct weir_mbuf *packet, uint32_t mtu, uint32_t id, struct weir_mbuf **fragments,
	uint32_t max)
{
	struct weir__ip ip;
	uint32_t payload, room, headers, count;

	if (!weir__ip_read(packet, &ip) || max == 0)
		return -EINVAL;
	if (ip.total <= mtu) {
		fragments[0] = packet;
		return 1;
	}
	if (!is_complete(packet))
		return -EINVAL;
	headers = ip.ipv6 ? ip.common + WEIR__FRAGMENT_HEADER : ip.common;
	if (ip.whole_only || mtu < headers + 8 || ip.l3 + headers > HEADERS_MAX)
		return -EMSGSIZE;
	if (ip.ipv6 && !ip.fragment)
		ip.id = id;
	room = (mtu - headers) & ~7u;
	payload = ip.total - ip.headers;
	if (payload > room * (uint64_t)max)
		return -EMSGSIZE;
	for (count = 0; count * room < payload; count++) {
		uint32_t left = payload - count * room, length = left < room ? left : room;

		fragments[count] = cut(packet, &ip, count * room, length, left > room);
		if (fragments[count])
			continue;
		weir_mbuf_free_bulk(fragments, count);
		return -ENOBUFS;
	}
	weir_mbuf_free(packet);
	return (int)count;
}
