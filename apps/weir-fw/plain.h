/* SPDX-License-Identifier: BSD-3-Clause */
/* plain.h: plain packets, as most are: IP without options or extensions, then TCP or UDP, whole.
 * What rules may ask of such a packet, but for its length and flags, is what the key says.
 *
 * Where its connection is in the table is remembered by the ends as they come, in a hint of 4 bytes
 * (struct fw_tracker). That may be of another connection, or of none that is: whether it is the
 * right one says the key in the table.
 */
#ifndef FW_PLAIN_H
#define FW_PLAIN_H

#include "apps/weir-fw/track_impl.h"

#include <arpa/inet.h>
#include <endian.h>
#include <string.h>

enum { FW_PLAIN_IPV4 = 20, FW_PLAIN_IPV6 = 40, FW_PLAIN_TCP = 6, FW_PLAIN_UDP = 17 };

struct fw_plain {
	const uint8_t *transport;
	struct fw_entry *entry; /* of the connection */
	uint64_t time_ns;
	uint32_t found;  /* the connection: twice its index, and 1 when its ends are exchanged */
	uint32_t hint;   /* where that is remembered */
	uint32_t length; /* of the transport */
	uint32_t total;  /* and of the headers of IP */
	uint8_t kind[4]; /* protocol and family, as in a key; else it is not plain */
};

/* Not plain: no key is of this kind. */
static const uint8_t fw_plain_nothing[FW_PLAIN_IPV6 + 8];
static const struct fw_plain fw_plain_none = {
	.transport = fw_plain_nothing + FW_PLAIN_IPV6, .kind = {0, 0, 0xff, 0xff}};

static inline uint64_t fw_word(const uint8_t *bytes)
{
	uint64_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static inline uint32_t fw_half(const uint8_t *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

/* As weir__big16(), but of 32 bits from the start: of 16, take_run() gets longer. */
static inline uint32_t fw_big16(const uint8_t *bytes)
{
	return (uint32_t)(bytes[0] << 8 | bytes[1]);
}

static inline bool fw_plain_has_ports(uint8_t protocol)
{
	return protocol == FW_PLAIN_TCP || protocol == FW_PLAIN_UDP;
}

/* Where the headers of IP end, and what is behind them; is all of that in left bytes? */
static inline bool fw_plain_set(struct fw_plain *plain, const uint8_t *ip, uint32_t header,
	uint32_t total, uint8_t protocol, uint8_t family, uint32_t left)
{
	const uint32_t kind = htole32(protocol | (uint32_t)family << 8);

	plain->transport = ip + header;
	plain->length = total - header;
	plain->total = total;
	memcpy(plain->kind, &kind, sizeof(kind));
	return total >= header + 8 && total <= left;
}

/* By products with 2^64 over the golden ratio and over its square (Knuth, volume 3, 6.4), of which
 * the upper bits are good. Who makes packets with the same hint makes his own slower. */
#define FW_HASH_ONE UINT64_C(0x9e3779b97f4a7c15)
#define FW_HASH_TWO UINT64_C(0x61c8864680b583eb)

static inline bool fw_plain_read4(
	struct fw_plain *plain, const uint8_t *ip, uint32_t left, uint64_t *hash)
{
	static const uint8_t fragment[4] = {0x3f, 0xff};
	const uint8_t *ports = ip + FW_PLAIN_IPV4;

	if (ip[0] != 0x45 || fw_half(ip + 6) & fw_half(fragment) ||
		!fw_plain_set(plain, ip, FW_PLAIN_IPV4, fw_big16(ip + 2), ip[9], FW_IP, left))
		return false;
	*hash = (fw_word(ports - 8) * FW_HASH_ONE + fw_half(ports)) * FW_HASH_TWO;
	return true;
}

static inline bool fw_plain_read6(
	struct fw_plain *plain, const uint8_t *ip, uint32_t left, uint64_t *hash)
{
	const uint8_t *ports = ip + FW_PLAIN_IPV6;
	uint64_t sum;

	if (left < FW_PLAIN_IPV6 + 8 || ip[0] >> 4 != 6 ||
		!fw_plain_set(plain, ip, FW_PLAIN_IPV6, FW_PLAIN_IPV6 + fw_big16(ip + 4), ip[6],
			FW_IP6, left))
		return false;
	sum = fw_word(ports - 32) * FW_HASH_ONE + fw_word(ports - 24);
	sum = sum * FW_HASH_TWO + fw_word(ports - 16);
	sum = sum * FW_HASH_ONE + fw_word(ports - 8);
	*hash = (sum * FW_HASH_TWO + fw_half(ports)) * FW_HASH_ONE;
	return true;
}

/* Is a frame of Ethernet plain? If so, *hash is of its ends. */
static inline bool fw_plain_read(
	struct fw_plain *plain, const uint8_t *frame, uint32_t length, uint64_t *hash)
{
	enum { ETHERNET = 14 };
	const uint8_t *ip = frame + ETHERNET;
	uint16_t type;

	if (weir_unlikely(length < ETHERNET + FW_PLAIN_IPV4 + 8))
		return false;
	memcpy(&type, frame + 12, sizeof(type));
	if (weir_likely(type == htons(0x0800)))
		return fw_plain_read4(plain, ip, length - ETHERNET, hash);
	return type == htons(0x86dd) && fw_plain_read6(plain, ip, length - ETHERNET, hash);
}

/* Is it the packet's, as fw_key_make() makes it, with its ends exchanged or not? */
static inline bool fw_plain_has_key(const struct fw_plain *plain, const fw_key *key)
{
	const uint8_t *at = plain->transport;
	uint32_t turn = plain->found % 2 * 16, ports = fw_half(at);
	const uint8_t *source = key->address[0] + turn, *to = key->address[0] + (turn ^ 16);
	uint64_t different;

	/* two ports side by side: to exchange them is to turn them around */
	ports = ports << turn | ports >> (-turn & 31);
	different =
		(fw_half(key->port[0]) ^ ports) | (fw_half(&key->protocol) ^ fw_half(plain->kind));
	if (weir_likely(plain->kind[1] != FW_IP6))
		return !(different | (fw_half(source) ^ fw_half(at - 8)) |
			 (fw_half(to) ^ fw_half(at - 4)));
	return !(different | (fw_word(source) ^ fw_word(at - 32)) |
		 (fw_word(source + 8) ^ fw_word(at - 24)) | (fw_word(to) ^ fw_word(at - 16)) |
		 (fw_word(to + 8) ^ fw_word(at - 8)));
}

#endif
