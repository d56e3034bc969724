/* SPDX-License-Identifier: BSD-3-Clause */
/* fields.h: what can be asked of a packet, and the types of the answers. */
#ifndef FW_FIELDS_H
#define FW_FIELDS_H

#include "apps/weir-fw/fw.h"

enum fw_type_id {
	FW_TYPE_INTEGER,
	FW_TYPE_IPV4,
	FW_TYPE_IPV6,
	FW_TYPE_ETHER,
	FW_TYPE_SERVICE,
	FW_TYPE_PROTO,
	FW_TYPE_MARK,
	FW_TYPE_IFNAME,
	FW_TYPE_IFINDEX,
	FW_TYPE_ICMP_TYPE,
	FW_TYPE_ICMP_CODE,
	FW_TYPE_ICMPV6_TYPE,
	FW_TYPE_ICMPV6_CODE,
	FW_TYPE_ICMPX_CODE,
	FW_TYPE_IGMP_TYPE,
	FW_TYPE_DSCP,
	FW_TYPE_ECN,
	FW_TYPE_TCP_FLAG,
	FW_TYPE_CT_STATE,
	FW_TYPE_ETHERTYPE,
	FW_TYPE_NFPROTO,
	FW_TYPE_PKTTYPE,
	FW_TYPE_EXISTS,
	FW_TYPE_VERDICT,
};

struct fw_symbol {
	const char *name;
	uint32_t value;
};

struct fw_type {
	enum fw_type_id id;
	const char *name; /* as in `type ipv4_addr` */
	const char *what; /* for people */
	uint8_t size;     /* bytes; 0: as the field */
	bool bits;        /* a set of flags */
	uint8_t hex;      /* digits of a number without a name; 0: decimal */
	const struct fw_symbol *symbols;
};

/* Where a field is read. */
enum fw_base {
	FW_BASE_META,
	FW_BASE_LINK,      /* Ethernet */
	FW_BASE_VLAN,      /* the first tag */
	FW_BASE_NETWORK,   /* IPv4 or IPv6 */
	FW_BASE_TRANSPORT, /* what follows it */
	FW_BASE_EXTENSION, /* a header of IPv6, by its number */
	FW_BASE_PRESENT,   /* is there such a header? */
};

enum fw_meta {
	FW_META_LENGTH,
	FW_META_PROTOCOL,
	FW_META_NFPROTO,
	FW_META_L4PROTO,
	FW_META_MARK,
	FW_META_IIF,
	FW_META_OIF,
	FW_META_PKTTYPE,
	FW_META_CT_STATE,
};

struct fw_field {
	const char *header, *name;
	enum fw_type_id type;
	enum fw_base base;
	uint16_t bit, bits; /* in the header */
	uint8_t number;     /* enum fw_meta, or the extension header */
	uint8_t family;     /* only in IPv4 or IPv6: FW_IP, FW_IP6; 0: both. What transports need is
			 * asked by the match: see fw_match */
	int16_t protocol;   /* only in this transport protocol; -1: any */
};

const struct fw_type *fw_type(enum fw_type_id id);
const struct fw_type *fw_type_find(const char *name);

/* NULL: none of that name. */
const struct fw_field *fw_field_find(const char *header, const char *name);
const struct fw_field *fw_field_meta(enum fw_meta meta);
/* The fields of a header as "sport, dport", to text. */
void fw_field_names(const char *header, char *text, size_t size);

/* Bytes of its values. */
static inline uint8_t fw_field_size(const struct fw_field *field)
{
	return (uint8_t)((field->bits + 7) / 8);
}
/* The first bits of its first byte that are not its own. */
static inline uint64_t fw_field_max(const struct fw_field *field)
{
	return field->bits >= 64 ? UINT64_MAX : (UINT64_C(1) << field->bits) - 1;
}

/* Is it the same in all packets of a connection that come from one side, and that have no options
 * and no extensions? */
bool fw_field_is_fixed(const struct fw_field *field);

/* Print as nft writes it: "tcp dport", "iifname". */
void fw_field_print(FILE *out, const struct fw_field *field);

/* A protocol of the transport by its name or number; -1 for neither. NULL: no name. */
int fw_protocol_find(const char *name);
const char *fw_protocol_name(uint32_t number);

#endif
