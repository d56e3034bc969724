/* SPDX-License-Identifier: BSD-3-Clause */
/* tree_statement.c: statements, of the nodes that the grammar has made of their parts. */
#include "apps/weir-fw/syntax.h"

#include <string.h>

struct fw_node *fw_turn(struct fw_node *node, enum fw_node_kind kind, struct fw_where where)
{
	node->kind = kind;
	node->where = where;
	return node;
}

struct fw_node *fw_compare(struct fw_node *fields, struct fw_where where, enum fw_op op,
	struct fw_node *mask, struct fw_node *value)
{
	fields->where = where;
	fields->op = (int)op;
	fields->b = mask;
	fields->a = value;
	return fields;
}

struct fw_node *fw_nat(struct fw_node *to, struct fw_where where, const char *kind,
	const char *family, bool prefix)
{
	to->where = where;
	to->text = kind;
	to->more = family;
	to->op = prefix;
	return to;
}

struct fw_node *fw_rate(struct fw_parser *parser, struct fw_where where, uint64_t number,
	const char *unit, const char *time)
{
	struct fw_node *rate = fw_node(parser, FW_NODE_LIMIT, where, unit);

	rate->packets = number;
	rate->more = time;
	return rate;
}

struct fw_node *fw_rate_of_word(
	struct fw_parser *parser, struct fw_where where, uint64_t number, const char *word)
{
	const char *slash = strchr(word, '/');
	size_t length = slash ? (size_t)(slash - word) : strlen(word);

	return fw_rate(parser, where, number, fw_copy(parser->arena, word, length),
		slash ? slash + 1 : "");
}
