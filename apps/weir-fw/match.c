/* SPDX-License-Identifier: BSD-3-Clause */
/* match.c: a comparison of the text becomes one of bytes, and what it says of the packets that pass
 * it is kept, so that `tcp dport 22 udp dport 53` is refused, as nft does. */
#include "apps/weir-fw/match_impl.h"
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

bool fw_match_set(struct fw_context *context, struct fw_node *node, struct fw_match *match,
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
	return take_fields(context, fields, match) && fw_match_set(context, meant, match, data);
}

bool fw_compile_match(
	struct fw_context *context, struct fw_node *tree, struct fw_statement *statement)
{
	struct fw_match *match = &statement->match;

	match->op = (enum fw_op)tree->op;
	if (!take_fields(context, tree, match) || !fw_match_right(context, tree, match))
		return false;
	learn(context, match);
	return true;
}
