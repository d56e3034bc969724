/* SPDX-License-Identifier: BSD-3-Clause */
/* tree.c: nodes, and names that are defined in the text. */
#include "apps/weir-fw/fields.h"
#include "apps/weir-fw/syntax.h"

#include <string.h>

struct fw_node *fw_node(
	struct fw_parser *parser, enum fw_node_kind kind, struct fw_where where, const char *text)
{
	struct fw_node *node = fw_alloc(parser->arena, sizeof(*node));

	node->kind = kind;
	node->where = where;
	node->text = text;
	return node;
}

struct fw_node *fw_pair(struct fw_parser *parser, enum fw_node_kind kind, struct fw_where where,
	struct fw_node *a, struct fw_node *b)
{
	struct fw_node *node = fw_node(parser, kind, where, NULL);

	node->a = a;
	node->b = b;
	return node;
}

struct fw_node *fw_append(struct fw_node *list, struct fw_node *item)
{
	if (list->last)
		list->last->next = item;
	else
		list->list = item;
	list->last = item;
	return list;
}

struct fw_node *fw_list_of(struct fw_parser *parser, enum fw_node_kind kind, struct fw_where where,
	struct fw_node *item)
{
	return fw_append(fw_node(parser, kind, where, NULL), item);
}

struct fw_node *fw_join(struct fw_parser *parser, enum fw_node_kind kind, struct fw_where where,
	struct fw_node *node, struct fw_node *item)
{
	if (node->kind != kind)
		node = fw_list_of(parser, kind, where, node);
	node->where = where;
	return fw_append(node, item);
}

void fw_scope_open(struct fw_parser *parser)
{
	if (parser->scope < FW_SCOPES)
		parser->marks[parser->scope] = parser->defines;
	parser->scope++;
}

void fw_scope_close(struct fw_parser *parser)
{
	parser->scope--;
	if (parser->scope < FW_SCOPES)
		parser->defines = parser->marks[parser->scope];
}

static struct fw_define *find(const struct fw_parser *parser, const char *name)
{
	struct fw_define *define = parser->defines;

	while (define && strcmp(define->name, name) != 0)
		define = define->next;
	return define && define->value ? define : NULL;
}

bool fw_define(struct fw_parser *parser, struct fw_where where, const char *name,
	struct fw_node *value, bool again)
{
	struct fw_define *define = find(parser, name);

	if (define && !again)
		return fw_error(parser->rules, where,
			"'%s' is defined already, on line %u; redefine changes it", name,
			define->value->where.line);
	if (!define && !value)
		return fw_error(parser->rules, where, "'%s' is not defined", name);
	define = fw_alloc(parser->arena, sizeof(*define));
	*define = (struct fw_define){.next = parser->defines, .name = name, .value = value};
	parser->defines = define;
	return true;
}

struct fw_node *fw_variable(struct fw_parser *parser, struct fw_where where, const char *name)
{
	struct fw_define *define = find(parser, name);
	struct fw_node *node;

	if (!define) {
		fw_error(parser->rules, where, "the variable '$%s' is not defined", name);
		return NULL;
	}
	node = fw_node(parser, FW_NODE_VARIABLE, where, name);
	node->a = define->value;
	return node;
}

/* Headers and fields that nft has. */
static bool is_known_elsewhere(const char *header, const char *name)
{
	static const char *const known[] = {"ct mark", "ct status", "ct direction", "ct expiration",
		"ct helper", "ct label", "ct original", "ct reply", "ct bytes", "ct packets",
		"ct avgpkt", "ct zone", "ct count", "ct id", "ct l3proto", "ct protocol",
		"ct event", "ct timeout", "ct expectation", "meta cpu", "meta random", "meta time",
		"meta hour", "meta day", "meta skuid", "meta skgid", "meta cgroup", "meta nftrace",
		"meta rtclassid", "meta iiftype", "meta oiftype", "meta iifgroup", "meta oifgroup",
		"meta ibrname", "meta obrname", "meta priority", "meta secpath", "meta sdif",
		"meta iifkind", "meta oifkind", "meta secmark", "tcp option", "ip option",
		"ip6 option", "rt classid", "rt nexthop", "rt mtu", "rt ipsec", "rt seg-left",
		"arp operation", "arp htype", "arp ptype", "mh type", "comp cpi", "tcp urgptr"};
	char text[64];

	snprintf(text, sizeof(text), "%s %s", header, name);
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strcmp(known[i], text) == 0)
			return true;
	return strcmp(header, "arp") == 0 || strcmp(header, "mh") == 0;
}

struct fw_node *fw_field_node(
	struct fw_parser *parser, struct fw_where where, const char *header, const char *name)
{
	const struct fw_field *field = fw_field_find(header, name);
	struct fw_node *node;
	char names[256];

	if (!field && is_known_elsewhere(header, name)) {
		fw_error(parser->rules, where, "%s %s is not supported by weir-fw", header, name);
		return NULL;
	}
	if (!field) {
		fw_field_names(header, names, sizeof(names));
		fw_error(parser->rules, where, "'%s' is no field of %s, which has %s", name, header,
			names);
		return NULL;
	}
	node = fw_node(parser, FW_NODE_FIELD, where, NULL);
	node->field = field;
	return node;
}
