/* SPDX-License-Identifier: BSD-3-Clause */
/* match_right.c: what fields are compared with: ranges, flags, masks and sets. */
#include "apps/weir-fw/match_impl.h"
#include "apps/weir-fw/value.h"

#include <string.h>

/* `syn / fin,syn,rst,ack`: the grammar has a list whose pieces one slash parts. Before it is the
 * value, behind it the mask. */
static bool value_and_mask(struct fw_context *context, const struct fw_field *field,
	struct fw_node *node, uint8_t *value, uint8_t *mask)
{
	const struct fw_type *type = fw_type(field->type);
	uint32_t size = fw_field_size(field);
	struct fw_node *item = node->kind == FW_NODE_LIST ? node->list : node;
	struct fw_range range;
	bool behind = false;

	memset(value, 0, size);
	memset(mask, 0, size);
	for (; item; item = node->kind == FW_NODE_LIST ? item->next : NULL) {
		bool split = item->kind == FW_NODE_PREFIX;

		if (!fw_value(context->rules, type, size, fw_field_max(field),
			    split ? item->a : item, &range))
			return false;
		for (uint32_t i = 0; i < size; i++)
			(behind ? mask : value)[i] |= range.low[i];
		if (!split)
			continue;
		behind = true;
		if (!fw_value(context->rules, type, size, fw_field_max(field), item->b, &range))
			return false;
		for (uint32_t i = 0; i < size; i++)
			mask[i] |= range.low[i];
	}
	return true;
}

static bool has_slash(const struct fw_node *node)
{
	if (node->kind == FW_NODE_PREFIX)
		return true;
	for (const struct fw_node *item = node->kind == FW_NODE_LIST ? node->list : NULL; item;
		item = item->next)
		if (item->kind == FW_NODE_PREFIX)
			return true;
	return false;
}

/* Flags without an operator, or several of them: is one of these set? */
static bool take_flags(struct fw_context *context, struct fw_node *tree, struct fw_node *right,
	struct fw_match *match)
{
	const struct fw_field *field = match->fields[0];
	uint32_t size = fw_field_size(field);
	uint8_t *value = fw_alloc(context->rules->arena, FW_VALUE);

	match->low = match->high = value;
	if (has_slash(right)) {
		match->masked = true;
		return value_and_mask(context, field, right, value, match->mask);
	}
	if (!fw_value_single(
		    context->rules, fw_type(field->type), size, fw_field_max(field), right, value))
		return false;
	if (match->op == FW_EQ && (tree->packets || right->kind == FW_NODE_LIST) &&
		fw_bytes_number(value, size) != 0)
		match->op = FW_SOME_BITS;
	return true;
}

static bool take_range(struct fw_context *context, struct fw_node *right, struct fw_match *match)
{
	const struct fw_field *field = match->fields[0];
	struct fw_range range;
	uint32_t size = fw_field_size(field);
	uint8_t *low = fw_alloc(context->rules->arena, 2 * FW_VALUE), *high = low + FW_VALUE;

	if (right->kind == FW_NODE_LIST)
		return fw_value_single(context->rules, fw_type(field->type), size,
			fw_field_max(field), right, low);
	if (!fw_value(
		    context->rules, fw_type(field->type), size, fw_field_max(field), right, &range))
		return false;
	memcpy(low, range.low, FW_VALUE);
	memcpy(high, range.high, FW_VALUE);
	match->low = low;
	match->high = high;
	match->prefix = right->kind == FW_NODE_PREFIX;
	if (match->op >= FW_LT && match->op <= FW_GE && memcmp(low, high, size) != 0)
		return fw_error(
			context->rules, right->where, "a range cannot be compared by < or >");
	return true;
}

/* A concatenation against one key: a set of it, as far as the packet can see. */
static bool take_key(struct fw_context *context, struct fw_node *right, struct fw_match *match)
{
	struct fw_node element = {.kind = FW_NODE_ELEMENT, .where = right->where, .a = right};
	struct fw_node set = {.kind = FW_NODE_SET, .where = right->where, .list = &element};

	return fw_match_set(context, &set, match, NULL);
}

static bool take_mask(struct fw_context *context, struct fw_node *mask, struct fw_match *match)
{
	const struct fw_field *field = match->fields[0];

	if (field->type == FW_TYPE_IFNAME || field->type == FW_TYPE_IFINDEX)
		return fw_error(context->rules, mask->where, "names of interfaces have no bits");
	match->masked = true;
	return fw_value_single(context->rules, fw_type(field->type), fw_field_size(field),
		fw_field_max(field), mask, match->mask);
}

/* Fields of less than whole bytes are shifted when nft masks them; that has no other meaning, but
 * is not in the tests. */
bool fw_match_right(struct fw_context *context, struct fw_node *tree, struct fw_match *match)
{
	struct fw_node *right = fw_meant(tree->a);
	bool bits = fw_type(match->fields[0]->type)->bits;
	bool is_set = right->kind == FW_NODE_SET || right->kind == FW_NODE_SETREF;

	if (match->op == FW_NO_BITS && (!bits || is_set))
		return fw_error(
			context->rules, tree->where, "! is for flags; for anything else write !=");
	if ((is_set || match->parts > 1) && match->op != FW_EQ && match->op != FW_NE)
		return fw_error(context->rules, tree->where,
			"with a set or several fields, only == and != can be used");
	if (match->parts > 1 && tree->b)
		return fw_error(context->rules, tree->b->where, "several fields have no mask");
	if (tree->b && is_set)
		return fw_error(context->rules, tree->b->where,
			"a masked field against a set is not supported by weir-fw");
	if (tree->b && !take_mask(context, tree->b, match))
		return false;
	if (is_set)
		return fw_match_set(context, right, match, NULL);
	if (match->parts > 1)
		return take_key(context, right, match);
	return bits ? take_flags(context, tree, right, match) : take_range(context, right, match);
}
