/* SPDX-License-Identifier: BSD-3-Clause */
/* shift.c: other addresses in each pass over a capture. */
#include "stages/headers_impl.h"

#include <errno.h>
#include <string.h>

/* Networks of 16 bits that unicast addresses lie in: 1.0 to 223.255. */
#define FIRST 0x0100u
#define COUNT (0xe000u - FIRST)

/* 0.0.0.0/8 is nobody, 224.0.0.0 and more is multicast, or broadcast. */
static bool shift_ipv4(uint8_t *address, uint64_t pass)
{
	uint32_t network = weir__big16(address);

	if (network < FIRST || network >= FIRST + COUNT)
		return false;
	weir__big16_put(address, FIRST + (uint32_t)((network - FIRST + pass) % COUNT));
	return true;
}

/* Addresses of this link (fe80::/10) and below 1::, such as ::1, stay, and so does multicast. */
static bool shift_ipv6(uint8_t *address, uint64_t pass)
{
	if (weir__big16(address) == 0 || (weir__big16(address) & 0xffc0) == 0xfe80 ||
		address[0] == 0xff)
		return false;
	weir__big16_put(address + 2, (uint32_t)((weir__big16(address + 2) + pass) & 0xffff));
	return true;
}

int weir__shift_addresses(struct weir_mbuf **packet, uint64_t pass)
{
	struct weir__headers headers;

	weir__headers_find(*packet, &headers);
	if (!headers.ipv4 && !headers.ipv6)
		return 0;
	if (weir__headers_prepare(packet, headers.length))
		return -ENOBUFS;
	for (uint32_t side = 0; side < 2; side++) {
		uint8_t *data = weir_mbuf_data(*packet), shifted[16];

		memcpy(shifted, weir__headers_ip(data, &headers, side), headers.ipv4 ? 4 : 16);
		if (headers.ipv4 ? shift_ipv4(shifted, pass) : shift_ipv6(shifted, pass))
			weir__headers_set_ip(data, &headers, side, shifted);
	}
	(*packet)->flags &= ~WEIR_MBUF_HASH;
	return 0;
}
