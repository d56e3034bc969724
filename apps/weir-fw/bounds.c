/* SPDX-License-Identifier: BSD-3-Clause */
/* bounds.c: the first matches of a rule bound what it can be for. What follows a statement that
 * counts, logs or decides is not looked at: a packet that fails there has left its trace already.
 *
 * Bounds may be too wide, never too narrow: of a set of values they are from the lowest to the
 * highest, and of a range of addresses the prefix around it. Sets with names are anything, so that
 * their elements may change. How many matches they say exactly is counted, since those need not be
 * asked again.
 */
#include "apps/weir-fw/bounds.h"

#include "apps/weir-fw/fields.h"

#include <string.h>

struct range {
	uint8_t low[FW_VALUE], high[FW_VALUE];
};

void fw_bounds_open(struct fw_bounds *bounds)
{
	memset(bounds, 0, sizeof(*bounds));
	memset(bounds->slots[FW_SLOT_SOURCE_PORT].to, 0xff, 2);
	memset(bounds->slots[FW_SLOT_DESTINATION_PORT].to, 0xff, 2);
}

/* FW_SLOTS: it is none of them. */
static enum fw_slot slot_of(const struct fw_field *field)
{
	if (field->base == FW_BASE_TRANSPORT && field->type == FW_TYPE_SERVICE)
		return field->bit == 0 ? FW_SLOT_SOURCE_PORT : FW_SLOT_DESTINATION_PORT;
	if (field->base == FW_BASE_META && field->number == FW_META_L4PROTO)
		return FW_SLOT_PROTOCOL;
	if (field->base != FW_BASE_NETWORK)
		return FW_SLOTS;
	/* of IPv6, nexthdr may be an extension */
	if (field->type == FW_TYPE_PROTO && field->family == FW_IP)
		return FW_SLOT_PROTOCOL;
	if (field->type != FW_TYPE_IPV4 && field->type != FW_TYPE_IPV6)
		return FW_SLOTS;
	return field->bit == (field->family == FW_IP ? 96 : 64) ? FW_SLOT_SOURCE
								: FW_SLOT_DESTINATION;
}

/* The bits that all from low to high have in common: those in front of the first that differs. */
static uint8_t common_bits(uint8_t low, uint8_t high)
{
	uint8_t differ = low ^ high, mask = 0xff;

	for (; differ; differ >>= 1)
		mask = (uint8_t)(mask << 1);
	return mask;
}

static void narrow_mask(
	struct fw_bound *bound, const struct range *range, const uint8_t *mask, uint32_t size)
{
	bool more = true;

	for (uint32_t i = 0; i < size && more; i++) {
		uint8_t bits = common_bits(range->low[i], range->high[i]);

		more = bits == 0xff;
		if (mask)
			bits &= mask[i];
		bound->from[i] |= range->low[i] & bits & (uint8_t)~bound->to[i];
		bound->to[i] |= bits;
	}
}

static void narrow_range(struct fw_bound *bound, const struct range *range, uint32_t size)
{
	bool below = memcmp(range->low, bound->from, size) < 0;
	bool above = memcmp(range->high, bound->to, size) > 0;
	const uint8_t *low = below ? bound->from : range->low;
	const uint8_t *high = above ? bound->to : range->high;

	/* nothing is in both: the rule matches nothing, but a range cannot say so */
	if (memcmp(low, high, size) > 0)
		return;
	memmove(bound->from, low, size);
	memmove(bound->to, high, size);
}

/* All elements, in one part of the key. */
static bool range_of_set(
	const struct fw_set *set, uint32_t offset, uint32_t size, struct range *range)
{
	if (set->name || set->any || !set->count)
		return false;
	memcpy(range->low, set->elements[0].low + offset, size);
	memcpy(range->high, set->elements[0].high + offset, size);
	for (uint32_t i = 1; i < set->count; i++) {
		if (memcmp(set->elements[i].low + offset, range->low, size) < 0)
			memcpy(range->low, set->elements[i].low + offset, size);
		if (memcmp(set->elements[i].high + offset, range->high, size) > 0)
			memcpy(range->high, set->elements[i].high + offset, size);
	}
	return true;
}

static bool range_of(
	const struct fw_match *match, uint32_t offset, uint32_t size, struct range *range)
{
	if (match->set)
		return match->op == FW_EQ && range_of_set(match->set, offset, size, range);
	memset(range->low, 0, size);
	memset(range->high, 0xff, size);
	switch (match->op) {
	case FW_EQ:
		memcpy(range->low, match->low, size);
		memcpy(range->high, match->high, size);
		return true;
	case FW_LT:
	case FW_LE:
		memcpy(range->high, match->low, size);
		return !match->masked;
	case FW_GT:
	case FW_GE:
		memcpy(range->low, match->low, size);
		return !match->masked;
	default:
		return false;
	}
}

static void narrow(struct fw_bounds *bounds, const struct fw_match *match,
	const struct fw_field *field, uint32_t offset)
{
	enum fw_slot slot = slot_of(field);
	uint32_t size = fw_field_size(field);
	struct range range;

	if (slot == FW_SLOTS || !range_of(match, offset, size, &range))
		return;
	if (!fw_slot_is_range(slot))
		narrow_mask(&bounds->slots[slot], &range, match->masked ? match->mask : NULL, size);
	else if (!match->masked)
		narrow_range(&bounds->slots[slot], &range, size);
}

/* As fw_field_load() has it: whatever is asked of a field, the packet must be of its family and
 * protocol. */
static bool take_match(const struct fw_match *match, uint8_t family, struct fw_bounds *bounds)
{
	uint32_t offset = 0;

	if (match->family && match->family != family)
		return false;
	for (uint32_t i = 0; i < match->parts; i++) {
		const struct fw_field *field = match->fields[i];
		struct range range = {
			.low = {(uint8_t)field->protocol}, .high = {(uint8_t)field->protocol}};

		if (field->family && field->base != FW_BASE_TRANSPORT && field->family != family)
			return false;
		if (field->protocol >= 0)
			narrow_mask(&bounds->slots[FW_SLOT_PROTOCOL], &range, NULL, 1);
		narrow(bounds, match, field, offset);
		offset += fw_field_size(field);
	}
	return true;
}

/* Is a range all that a prefix stands for? */
static bool is_prefix(const uint8_t *low, const uint8_t *high, uint32_t size)
{
	bool more = true;

	for (uint32_t i = 0; i < size; i++) {
		uint8_t bits = more ? common_bits(low[i], high[i]) : 0;

		if (low[i] & ~bits || (high[i] | bits) != 0xff)
			return false;
		more = bits == 0xff;
	}
	return true;
}

/* Will the bounds, narrowed by this match, say all that it asks? */
static bool can_say(const struct fw_bounds *bounds, const struct fw_match *match)
{
	const struct fw_field *field = match->fields[0];
	const struct fw_bound *protocol = &bounds->slots[FW_SLOT_PROTOCOL];
	const enum fw_slot slot = slot_of(field);
	struct fw_bounds open;

	if (match->parts != 1 || match->set || match->masked || match->op != FW_EQ ||
		slot == FW_SLOTS)
		return false;
	/* what others have said of it may be something else */
	fw_bounds_open(&open);
	if (memcmp(&bounds->slots[slot], &open.slots[slot], sizeof(open.slots[slot])) != 0)
		return false;
	if (field->protocol >= 0 && protocol->to[0] && protocol->from[0] != field->protocol)
		return false;
	return fw_slot_is_range(slot) || is_prefix(match->low, match->high, match->key_size);
}

bool fw_bounds_of(const struct fw_rule *rule, uint8_t family, struct fw_bounds *bounds)
{
	fw_bounds_open(bounds);
	for (uint32_t i = 0; i < rule->count; i++) {
		const struct fw_statement *statement = &rule->statements[i];

		if (statement->kind != FW_STATEMENT_MATCH ||
			(statement->match.set && statement->match.set->counted))
			return true;
		if (bounds->said == i && can_say(bounds, &statement->match))
			bounds->said++;
		if (!take_match(&statement->match, family, bounds))
			return false;
	}
	return true;
}
