/* SPDX-License-Identifier: BSD-3-Clause */
/* setparts.c: sets with names as the grammar finds them: their types, flags and elements. */
#include "apps/weir-fw/fields.h"
#include "apps/weir-fw/syntax.h"

#include <string.h>

static struct fw_set *find_set(const struct fw_table *table, const char *name)
{
	struct fw_set *set = table->sets;

	while (set && strcmp(set->name, name) != 0)
		set = set->next;
	return set;
}

bool fw_set_open(struct fw_parser *parser, struct fw_where where, const char *name, bool map)
{
	struct fw_set *set = find_set(parser->table, name);

	if (set)
		return fw_error(parser->rules, where, "the set '%s' is there already, on line %u",
			name, set->where.line);
	set = fw_alloc(parser->arena, sizeof(*set));
	*set = (struct fw_set){.name = name, .where = where};
	/* until its types come; a map without them is refused by them */
	set->data = map ? fw_type(FW_TYPE_VERDICT) : NULL;
	*parser->table->last_set = set;
	parser->table->last_set = &set->next;
	parser->set = set;
	return true;
}

bool fw_set_find_named(struct fw_parser *parser, struct fw_where where, const char *name)
{
	parser->set = find_set(parser->table, name);
	if (!parser->set)
		return fw_error(parser->rules, where, "there is no set '%s' in table %s %s", name,
			fw_family_name(parser->table->family), parser->table->name);
	return true;
}

void fw_set_shape(struct fw_set *set)
{
	set->key_size = 0;
	for (uint32_t i = 0; i < set->parts; i++) {
		set->sizes[i] =
			set->fields[i] ? fw_field_size(set->fields[i]) : set->types[i]->size;
		set->key_size += set->sizes[i];
	}
}

static bool shape(struct fw_parser *parser, struct fw_where where, struct fw_set *set)
{
	fw_set_shape(set);
	if (set->key_size > FW_KEY)
		return fw_error(parser->rules, where, "a key of %u bytes is longer than %d",
			set->key_size, FW_KEY);
	return true;
}

/* By its type, not by a field. */
static bool is_address(const struct fw_node *node, const struct fw_type *type)
{
	return !node->field && type && (type->id == FW_TYPE_IPV4 || type->id == FW_TYPE_IPV6);
}

static bool is_port(const struct fw_node *node)
{
	const struct fw_type *type = node->field ? NULL : fw_type_find(node->text);

	return type && type->id == FW_TYPE_SERVICE && !node->next;
}

static bool set_data(struct fw_parser *parser, struct fw_node *data)
{
	struct fw_set *set = parser->set;
	struct fw_node *first = data ? data->list : NULL;
	const struct fw_type *type = NULL;

	if (!set->data != !data)
		return fw_error(parser->rules, set->where,
			data ? "a set has no data: use map" : "a map needs the type of its data");
	if (!data)
		return true;
	type = first->field ? fw_type(first->field->type) : fw_type_find(first->text);
	if (is_address(first, type) && (!first->next || is_port(first->next))) {
		set->data = type;
		set->data_port = first->next != NULL;
		return true;
	}
	if (first->next || !type || (type->id != FW_TYPE_VERDICT && type->id != FW_TYPE_MARK))
		return fw_error(parser->rules, first->where,
			"data of a map other than verdict, mark, an address, and an address and a "
			"port by their types is not supported by weir-fw");
	set->data = type;
	return true;
}

bool fw_set_type(struct fw_parser *parser, struct fw_node *names, struct fw_node *data)
{
	struct fw_set *set = parser->set;

	set->parts = 0;
	for (struct fw_node *name = names->list; name; name = name->next) {
		const struct fw_type *type = fw_type_find(name->text);

		if (!type || type->id == FW_TYPE_VERDICT)
			return fw_error(parser->rules, name->where,
				"'%s' is no type of keys that weir-fw knows", name->text);
		if (set->parts == FW_FIELDS)
			return fw_error(parser->rules, name->where, "a key has at most %d parts",
				FW_FIELDS);
		set->types[set->parts++] = type;
	}
	return set_data(parser, data) && shape(parser, names->where, set);
}

bool fw_set_typeof(struct fw_parser *parser, struct fw_node *fields, struct fw_node *data)
{
	struct fw_set *set = parser->set;

	set->parts = 0;
	for (struct fw_node *field = fields->list; field; field = field->next) {
		if (set->parts == FW_FIELDS)
			return fw_error(parser->rules, field->where, "a key has at most %d parts",
				FW_FIELDS);
		set->fields[set->parts] = field->field;
		set->types[set->parts++] = fw_type(field->field->type);
	}
	return set_data(parser, data) && shape(parser, fields->where, set);
}

static bool set_flag(struct fw_parser *parser, struct fw_where where, const char *flag)
{
	if (strcmp(flag, "interval") == 0)
		parser->set->interval = true;
	else if (strcmp(flag, "constant") == 0)
		parser->set->constant = true;
	else
		return fw_error(parser->rules, where,
			strcmp(flag, "dynamic") == 0 || strcmp(flag, "timeout") == 0
				? "sets with the flag %s are not supported by weir-fw"
				: "'%s' is no flag of a set: use interval or constant",
			flag);
	return true;
}

bool fw_set_flags(struct fw_parser *parser, const struct fw_node *words)
{
	for (; words; words = words->next)
		if (!set_flag(parser, words->where, words->text))
			return false;
	return true;
}

bool fw_set_elements(struct fw_parser *parser, struct fw_node *elements)
{
	struct fw_set *set = parser->set;

	if (!set->parts)
		return fw_error(parser->rules, set->where, "the set '%s' has no type", set->name);
	return fw_set_add(parser->rules, set, elements);
}
