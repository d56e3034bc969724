/* SPDX-License-Identifier: BSD-3-Clause */
/* match.c: a comparison of the text becomes one of bytes, and what it says of the packets that pass
 * it is kept, so that `tcp dport 22 udp dport 53` is refused, as nft does. */
#include "apps/weir-fw/value.h"

#include <string.h>

static const char *family_name(int family)
{
	return family == FW_IP ? "ip" : "ip6";
}

static bool use_family(struct fw_context *context, struct fw_where where, int family)
{
	if (context->family == family)
		return true;
	if (context->family)
		return fw_error(context->rules, where,
			"this is for %s, but only %s gets here: no packet is both",
			family_name(family), family_name(context->family));
	context->family = family;
	return true;
}

static bool use_protocol(struct fw_context *context, struct fw_where where, int protocol)
{
	const char *before;

	if (protocol < 0 || context->protocol == protocol)
		return true;
	if (context->protocol >= 0) {
		before = fw_protocol_name((uint32_t)context->protocol);
		return fw_error(context->rules, where,
			"this is for %s, but only %s gets here: no packet is both",
			fw_protocol_name((uint32_t)protocol), before ? before : "another protocol");
	}
	context->protocol = protocol;
	return true;
}

/* ICMP is of IPv4, unless the rule has said IPv6: nft then looks for that number behind IPv6. */
static bool use_field(
	struct fw_context *context, const struct fw_node *node, struct fw_match *match)
{
	const struct fw_field *field = node->field;
	bool transport = field->base == FW_BASE_TRANSPORT;

	if (field->base == FW_BASE_META && field->number == FW_META_CT_STATE)
		context->rules->stateful = true;
	if (field->type == FW_TYPE_NFPROTO && context->rule->chain->table->family != FW_INET)
		return fw_error(context->rules, node->where,
			"meta nfproto is for tables of the family inet only");
	if (field->family && (!transport || !context->family || context->family == field->family)) {
		match->family = field->family;
		if (!use_family(context, node->where, field->family))
			return false;
	}
	return use_protocol(context, node->where, field->protocol);
}

/* Protocols with fields of their own in nft. It takes `ip protocol gre tcp dport 22`, which no
 * packet is, though not `meta l4proto gre tcp dport 22`. */
static bool has_fields(uint64_t protocol)
{
	static const uint8_t those[] = {1, 2, 6, 17, 33, 50, 51, 58, 108, 132, 136};

	return protocol <= UINT8_MAX && memchr(those, (int)protocol, sizeof(those));
}

/* What `meta l4proto tcp` and its like say of all that follows. */
static void learn(struct fw_context *context, const struct fw_match *match)
{
	const struct fw_field *field = match->fields[0];
	uint32_t size = fw_field_size(field);
	uint64_t value;

	if (match->parts != 1 || match->op != FW_EQ || match->set || match->masked ||
		memcmp(match->low, match->high, size) != 0)
		return;
	value = fw_bytes_number(match->low, size > 8 ? 8 : size);
	if (field->type == FW_TYPE_NFPROTO && !context->family)
		context->family = (int)value;
	if (field->type == FW_TYPE_ETHERTYPE && field->base == FW_BASE_LINK && !context->family)
		context->family = value == 0x0800 ? FW_IP : value == 0x86dd ? FW_IP6 : 0;
	if (field->type == FW_TYPE_PROTO && context->protocol < 0 &&
		(field->base == FW_BASE_META ||
			(field->base == FW_BASE_NETWORK && has_fields(value))))
		context->protocol = (int)value;
}

static bool take_fields(struct fw_context *context, struct fw_node *fields, struct fw_match *match)
{
	for (struct fw_node *node = fields->list; node; node = node->next) {
		if (match->parts == FW_FIELDS)
			return fw_error(context->rules, node->where,
				"a concatenation has at most %d fields", FW_FIELDS);
		if (!use_field(context, node, match))
			return false;
		match->fields[match->parts++] = node->field;
		match->key_size += fw_field_size(node->field);
	}
	if (match->key_size > FW_KEY)
		return fw_error(context->rules, fields->where,
			"a key of %u bytes is longer than %d", match->key_size, FW_KEY);
	return true;
}

static struct fw_set *named_set(struct fw_context *context, struct fw_node *node)
{
	struct fw_set *set = context->rule->chain->table->sets;

	while (set && strcmp(set->name, node->text) != 0)
		set = set->next;
	if (!set)
		fw_error(context->rules, node->where, "there is no set '%s' in this table",
			node->text);
	return set;
}

static bool fits(struct fw_context *context, struct fw_node *node, const struct fw_match *match,
	const struct fw_set *set)
{
	bool same = set->parts == match->parts;

	for (uint32_t i = 0; same && i < match->parts; i++)
		same = set->sizes[i] == fw_field_size(match->fields[i]) &&
		       (set->types[i]->id == match->fields[i]->type ||
			       set->types[i]->id == FW_TYPE_INTEGER);
	if (!same)
		return fw_error(context->rules, node->where,
			"the keys of the set '%s', from line %u, are of another type", node->text,
			set->where.line);
	return true;
}

static struct fw_set *anonymous_set(struct fw_context *context, struct fw_node *node,
	const struct fw_match *match, const struct fw_type *data)
{
	struct fw_set *set = fw_alloc(context->rules->arena, sizeof(*set));

	*set = (struct fw_set){.parts = match->parts, .data = data, .where = node->where};
	for (uint32_t i = 0; i < match->parts; i++) {
		set->fields[i] = match->fields[i];
		set->types[i] = fw_type(match->fields[i]->type);
	}
	fw_set_shape(set);
	if (!fw_set_add(context->rules, set, node) || !fw_set_finish(context->rules, set))
		return NULL;
	if (!set->count && !set->any) {
		fw_error(context->rules, node->where, "a set without elements");
		return NULL;
	}
	return set;
}

static bool take_set(struct fw_context *context, struct fw_node *node, struct fw_match *match,
	const struct fw_type *data)
{
	if (node->kind != FW_NODE_SETREF) {
		match->set = anonymous_set(context, node, match, data);
		return match->set != NULL;
	}
	match->set = named_set(context, node);
	if (!match->set || !fits(context, node, match, match->set))
		return false;
	if (match->set->data != data)
		return fw_error(context->rules, node->where, "'%s' is a %s, not a %s", node->text,
			match->set->data ? "map of other data, or for verdicts" : "set",
			data ? "map for this" : "set");
	return true;
}

bool fw_compile_map(struct fw_context *context, struct fw_node *fields, struct fw_node *set,
	const struct fw_type *data, struct fw_match *match)
{
	struct fw_node *meant = fw_meant(set);

	if (meant->kind != FW_NODE_SET && meant->kind != FW_NODE_SETREF)
		return fw_error(
			context->rules, set->where, "a map is { key : value, ... } or @name");
	return take_fields(context, fields, match) && take_set(context, meant, match, data);
}

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

	return take_set(context, &set, match, NULL);
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
static bool take_right(struct fw_context *context, struct fw_node *tree, struct fw_match *match)
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
		return take_set(context, right, match, NULL);
	if (match->parts > 1)
		return take_key(context, right, match);
	return bits ? take_flags(context, tree, right, match) : take_range(context, right, match);
}

bool fw_compile_match(
	struct fw_context *context, struct fw_node *tree, struct fw_statement *statement)
{
	struct fw_match *match = &statement->match;

	match->op = (enum fw_op)tree->op;
	if (!take_fields(context, tree, match) || !take_right(context, tree, match))
		return false;
	learn(context, match);
	return true;
}
