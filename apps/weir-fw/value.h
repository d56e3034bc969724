/* SPDX-License-Identifier: BSD-3-Clause */
/* value.h: constants of the text as ranges of bytes, and back. */
#ifndef FW_VALUE_H
#define FW_VALUE_H

#include "apps/weir-fw/fields.h"
#include "apps/weir-fw/syntax.h"

struct fw_range {
	uint8_t low[FW_VALUE], high[FW_VALUE];
};

/* What a node names: itself, or what a variable stands for. */
struct fw_node *fw_meant(struct fw_node *node);

/* A constant of a type, size bytes and at most max, as a range; false with an error. */
bool fw_value(struct fw_ruleset *rules, const struct fw_type *type, uint32_t size, uint64_t max,
	struct fw_node *node, struct fw_range *range);

/* The same where a single value is wanted: flags joined by | or commas may be one. */
bool fw_value_single(struct fw_ruleset *rules, const struct fw_type *type, uint32_t size,
	uint64_t max, struct fw_node *node, uint8_t *value);

/* Print size bytes as one value, or as a range, as nft writes them. */
void fw_value_print(FILE *out, const struct fw_type *type, uint32_t size, const uint8_t *value);
void fw_range_print(FILE *out, const struct fw_type *type, uint32_t size, const uint8_t *low,
	const uint8_t *high, bool prefixes);

/* The bits of a flags value as "syn,ack" with this between. */
void fw_flags_print(FILE *out, const struct fw_type *type, uint32_t size, const uint8_t *value,
	const char *between);

static inline uint64_t fw_bytes_number(const uint8_t *bytes, uint32_t size)
{
	uint64_t number = 0;

	for (uint32_t i = 0; i < size; i++)
		number = number << 8 | bytes[i];
	return number;
}
static inline void fw_number_bytes(uint64_t number, uint8_t *bytes, uint32_t size)
{
	for (uint32_t i = size; i-- > 0; number >>= 8)
		bytes[i] = (uint8_t)number;
}
/* Length of the prefix that makes this mask; -1: none does. */
int fw_mask_length(const uint8_t *mask, uint32_t size);

#endif
