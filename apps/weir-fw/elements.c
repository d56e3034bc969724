/* SPDX-License-Identifier: BSD-3-Clause */
/* elements.c: elements of sets and maps, from the nodes of the grammar: keys as ranges of bytes,
 * and what a map has for them. */
#include "apps/weir-fw/value.h"

#include <string.h>

static uint64_t max_of(const struct fw_set *set, uint32_t part)
{
	if (set->fields[part])
		return fw_field_max(set->fields[part]);
	switch (set->types[part]->id) {
	case FW_TYPE_DSCP:
		return 63;
	case FW_TYPE_ECN:
		return 3;
	default:
		return set->sizes[part] >= 8 ? UINT64_MAX
					     : (UINT64_C(1) << set->sizes[part] * 8) - 1;
	}
}

static struct fw_element *grow(struct fw_ruleset *rules, struct fw_set *set)
{
	if (set->count == set->room) {
		uint32_t room = set->room ? set->room * 2 : 8;
		struct fw_element *more = fw_alloc(rules->arena, room * sizeof(*more));

		if (set->count)
			memcpy(more, set->elements, set->count * sizeof(*more));
		set->elements = more;
		set->room = room;
	}
	return &set->elements[set->count++];
}

static bool key_of(struct fw_ruleset *rules, struct fw_set *set, struct fw_node *key, uint8_t *low,
	uint8_t *high)
{
	struct fw_node *meant = fw_meant(key), *part = meant;
	uint32_t at = 0, count = 0;

	if (meant->kind == FW_NODE_CONCAT)
		part = meant->list;
	for (uint32_t i = 0; i < set->parts && part; i++, count++) {
		struct fw_range range;

		if (!fw_value(rules, set->types[i], set->sizes[i], max_of(set, i), part, &range))
			return false;
		memcpy(low + at, range.low, set->sizes[i]);
		memcpy(high + at, range.high, set->sizes[i]);
		at += set->sizes[i];
		part = meant->kind == FW_NODE_CONCAT ? part->next : NULL;
	}
	if (count != set->parts || part)
		return fw_error(rules, key->where,
			"this key does not have %u part%s, as the set does", set->parts,
			set->parts == 1 ? "" : "s");
	return true;
}

/* An address, and a port if the map has them: as its type says, or its first element. */
static bool address_of(struct fw_ruleset *rules, struct fw_set *set, struct fw_node *data,
	struct fw_element *element)
{
	struct fw_node *address = data->kind == FW_NODE_CONCAT ? data->list : data;
	struct fw_node *port = data->kind == FW_NODE_CONCAT ? address->next : NULL;
	uint8_t *value = fw_alloc(rules->arena, FW_VALUE + 2);

	if (!set->name && !set->count && !set->any)
		set->data_port = port != NULL;
	if (!port != !set->data_port || (port && port->next))
		return fw_error(rules, data->where, "this is not %s%s, as the map has it",
			set->data->what, set->data_port ? " and a port" : "");
	if (address->kind == FW_NODE_RANGE || address->kind == FW_NODE_PREFIX ||
		(port && port->kind == FW_NODE_RANGE))
		return fw_error(rules, data->where,
			"ranges and prefixes in the data of a map are not supported by weir-fw");
	element->value = value;
	if (!fw_value_single(rules, set->data, set->data->size, UINT64_MAX, address, value))
		return false;
	if (!port)
		return true;
	if (!fw_value_single(
		    rules, fw_type(FW_TYPE_SERVICE), 2, UINT16_MAX, port, value + FW_VALUE))
		return false;
	return fw_bytes_number(value + FW_VALUE, 2) != 0 ||
	       fw_error(rules, port->where, "there is no port 0");
}

static bool data_of(struct fw_ruleset *rules, struct fw_set *set, struct fw_node *node,
	struct fw_element *element)
{
	struct fw_node *data = fw_meant(node->b);
	uint8_t mark[4];

	if (!set->data && data)
		return fw_error(rules, data->where, "an element of a set has no data: use a map");
	if (set->data && !data)
		return fw_error(
			rules, node->where, "an element of a map needs data behind a colon");
	if (!data)
		return true;
	if ((set->data->id == FW_TYPE_VERDICT) != (data->kind == FW_NODE_VERDICT))
		return fw_error(
			rules, data->where, "this is not %s, as the map has it", set->data->what);
	if (data->kind == FW_NODE_VERDICT) {
		element->verdict = (struct fw_verdict){
			.kind = (enum fw_verdict_kind)data->op, .name = data->text};
		return true;
	}
	if (set->data->id != FW_TYPE_MARK)
		return address_of(rules, set, data, element);
	if (!fw_value_single(rules, set->data, 4, UINT32_MAX, data, mark))
		return false;
	element->data = (uint32_t)fw_bytes_number(mark, 4);
	return true;
}

static bool add_element(struct fw_ruleset *rules, struct fw_set *set, struct fw_node *node)
{
	uint8_t *low = fw_alloc(rules->arena, 2 * FW_KEY), *high = low + FW_KEY;
	struct fw_element element = {.low = low,
		.high = high,
		.where = node->where,
		.comment = node->text,
		.counter = {.before = {node->packets, node->bytes}}};

	if (node->a->kind == FW_NODE_ANY) {
		if (set->any)
			return fw_error(rules, node->where, "a second element *");
		element.any = true;
	} else if (!key_of(rules, set, node->a, low, high)) {
		return false;
	}
	if (set->name && !set->interval && memcmp(low, high, set->key_size) != 0)
		return fw_error(
			rules, node->where, "ranges and prefixes need a set with `flags interval`");
	if (!data_of(rules, set, node, &element))
		return false;
	if (element.any) {
		set->any = fw_alloc(rules->arena, sizeof(element));
		*set->any = element;
	} else {
		set->ranges |= memcmp(low, high, set->key_size) != 0;
		*grow(rules, set) = element;
	}
	return true;
}

bool fw_set_add(struct fw_ruleset *rules, struct fw_set *set, struct fw_node *elements)
{
	elements = fw_meant(elements);
	if (elements->kind != FW_NODE_SET)
		return fw_error(rules, elements->where, "elements stand in braces: { a, b }");
	for (struct fw_node *node = elements->list; node; node = node->next) {
		struct fw_node *inner = fw_meant(node->a);

		if (inner->kind == FW_NODE_SET ? !fw_set_add(rules, set, inner)
					       : !add_element(rules, set, node))
			return false;
	}
	return true;
}
