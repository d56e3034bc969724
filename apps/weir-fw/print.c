/* SPDX-License-Identifier: BSD-3-Clause */
/* print.c: values as text, in the words of nft. */
#include "apps/weir-fw/value.h"

#include <arpa/inet.h>
#include <string.h>

static bool symbol_print(FILE *out, const struct fw_type *type, uint64_t value)
{
	for (const struct fw_symbol *at = type->symbols; at && at->name; at++)
		if (at->value == value) {
			fputs(at->name, out);
			return true;
		}
	return false;
}

void fw_flags_print(FILE *out, const struct fw_type *type, uint32_t size, const uint8_t *value,
	const char *between)
{
	uint64_t bits = fw_bytes_number(value, size);
	const char *separator = "";

	for (const struct fw_symbol *at = type->symbols; at->name; at++)
		if (bits & at->value) {
			fprintf(out, "%s%s", separator, at->name);
			separator = between;
			bits &= ~(uint64_t)at->value;
		}
	if (bits || !*separator)
		fprintf(out, "%s0x%llx", separator, (unsigned long long)bits);
}

static void address(FILE *out, int family, const uint8_t *value)
{
	char text[INET6_ADDRSTRLEN];

	fputs(inet_ntop(family, value, text, sizeof(text)), out);
}

void fw_value_print(FILE *out, const struct fw_type *type, uint32_t size, const uint8_t *value)
{
	uint64_t number = fw_bytes_number(value, size > 8 ? 8 : size);

	switch (type->id) {
	case FW_TYPE_IPV4:
		address(out, AF_INET, value);
		return;
	case FW_TYPE_IPV6:
		address(out, AF_INET6, value);
		return;
	case FW_TYPE_ETHER:
		for (int i = 0; i < 6; i++)
			fprintf(out, "%s%02x", i ? ":" : "", value[i]);
		return;
	case FW_TYPE_IFNAME:
	case FW_TYPE_IFINDEX:
		fprintf(out, "\"%.*s\"", FW_IFNAMSIZ, (const char *)value);
		return;
	default:
		break;
	}
	if (symbol_print(out, type, number))
		return;
	if (type->bits)
		fw_flags_print(out, type, size, value, " | ");
	else if (type->hex)
		fprintf(out, "0x%0*llx", type->hex, (unsigned long long)number);
	else
		fprintf(out, "%llu", (unsigned long long)number);
}

int fw_mask_length(const uint8_t *mask, uint32_t size)
{
	uint32_t bits = 0;

	while (bits < size * 8 && mask[bits / 8] >> (7 - bits % 8) & 1)
		bits++;
	for (uint32_t i = bits; i < size * 8; i++)
		if (mask[i / 8] >> (7 - i % 8) & 1)
			return -1;
	return (int)bits;
}

/* Is low to high all of a prefix? Its length, or -1. */
static int prefix_of(const uint8_t *low, const uint8_t *high, uint32_t size)
{
	uint8_t mask[FW_VALUE];

	for (uint32_t i = 0; i < size; i++) {
		mask[i] = (uint8_t) ~(low[i] ^ high[i]);
		if (low[i] & ~mask[i])
			return -1;
	}
	return fw_mask_length(mask, size);
}

void fw_range_print(FILE *out, const struct fw_type *type, uint32_t size, const uint8_t *low,
	const uint8_t *high, bool prefixes)
{
	int length = prefix_of(low, high, size);
	bool addresses = type->id == FW_TYPE_IPV4 || type->id == FW_TYPE_IPV6;

	if (type->id == FW_TYPE_IFNAME && memcmp(low, high, size) != 0) {
		fprintf(out, "\"%.*s*\"", FW_IFNAMSIZ, (const char *)low);
		return;
	}
	fw_value_print(out, type, size, low);
	if (memcmp(low, high, size) == 0)
		return;
	if (addresses && prefixes && length >= 0) {
		fprintf(out, "/%d", length);
		return;
	}
	fputc('-', out);
	fw_value_print(out, type, size, high);
}
