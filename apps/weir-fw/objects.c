/* SPDX-License-Identifier: BSD-3-Clause */
/* objects.c: tables, chains and sets as the grammar finds them. Rules stay trees until all is read:
 * they may name what comes later. */
#include "apps/weir-fw/fields.h"
#include "apps/weir-fw/syntax.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const hooks[] = {"prerouting", "input", "forward", "output", "postrouting"};

const char *fw_hook_name(enum fw_hook hook)
{
	return hooks[hook];
}

const char *fw_family_name(enum fw_family family)
{
	return family == FW_INET ? "inet" : family == FW_IP ? "ip" : "ip6";
}

static bool family_of(
	struct fw_parser *parser, struct fw_where where, const char *name, enum fw_family *family)
{
	if (strcmp(name, "inet") == 0)
		*family = FW_INET;
	else if (strcmp(name, "ip") == 0)
		*family = FW_IP;
	else if (strcmp(name, "ip6") == 0)
		*family = FW_IP6;
	else if (strcmp(name, "arp") == 0 || strcmp(name, "bridge") == 0 ||
		 strcmp(name, "netdev") == 0)
		return fw_error(parser->rules, where,
			"tables of the family %s are not supported by weir-fw: use inet, ip or ip6",
			name);
	else
		return fw_error(parser->rules, where,
			"'%s' is no family of tables: use inet, ip or ip6", name);
	return true;
}

static struct fw_table *find_table(
	const struct fw_ruleset *rules, enum fw_family family, const char *name)
{
	struct fw_table *table = rules->tables;

	while (table && (table->family != family || strcmp(table->name, name) != 0))
		table = table->next;
	return table;
}

bool fw_table_find(
	struct fw_parser *parser, struct fw_where where, const char *family_name, const char *name)
{
	enum fw_family family = FW_INET;

	if (!family_of(parser, where, family_name, &family))
		return false;
	parser->table = find_table(parser->rules, family, name);
	if (!parser->table)
		return fw_error(parser->rules, where, "there is no table %s %s", family_name, name);
	return true;
}

bool fw_table_open(
	struct fw_parser *parser, struct fw_where where, const char *family_name, const char *name)
{
	struct fw_ruleset *rules = parser->rules;
	enum fw_family family = FW_INET;
	struct fw_table *table;

	if (!family_of(parser, where, family_name, &family))
		return false;
	parser->chain = NULL;
	parser->set = NULL;
	parser->table = find_table(rules, family, name);
	if (parser->table)
		return true;
	table = fw_alloc(parser->arena, sizeof(*table));
	*table = (struct fw_table){.family = family, .name = name, .where = where};
	table->last_set = &table->sets;
	table->last_chain = &table->chains;
	*rules->last_table = table;
	rules->last_table = &table->next;
	parser->table = table;
	return true;
}

/* The table just named goes, or, with chains_stay, only its rules; all when none was named. */
void fw_table_delete(struct fw_parser *parser, bool chains_stay)
{
	struct fw_ruleset *rules = parser->rules;
	struct fw_table **link = &rules->tables;

	if (chains_stay) {
		for (struct fw_chain *chain = parser->table->chains; chain; chain = chain->next) {
			chain->rules = NULL;
			chain->last = &chain->rules;
			chain->count = 0;
		}
		return;
	}
	while (*link)
		if (!parser->table || *link == parser->table)
			*link = (*link)->next;
		else
			link = &(*link)->next;
	rules->last_table = link;
	parser->table = NULL;
}

static struct fw_chain *find_chain(const struct fw_table *table, const char *name)
{
	struct fw_chain *chain = table->chains;

	while (chain && strcmp(chain->name, name) != 0)
		chain = chain->next;
	return chain;
}

bool fw_chain_open(struct fw_parser *parser, struct fw_where where, const char *name)
{
	struct fw_chain *chain = find_chain(parser->table, name);

	if (!chain) {
		chain = fw_alloc(parser->arena, sizeof(*chain));
		*chain = (struct fw_chain){
			.table = parser->table, .name = name, .where = where, .policy = FW_ACCEPT};
		chain->last = &chain->rules;
		*parser->table->last_chain = chain;
		parser->table->last_chain = &chain->next;
	}
	parser->chain = chain;
	parser->set = NULL;
	return true;
}

bool fw_chain_find(struct fw_parser *parser, struct fw_where where, const char *name)
{
	parser->chain = find_chain(parser->table, name);
	if (!parser->chain)
		return fw_error(parser->rules, where, "there is no chain '%s' in table %s %s", name,
			fw_family_name(parser->table->family), parser->table->name);
	return true;
}

bool fw_chain_hook(
	struct fw_parser *parser, struct fw_where where, const char *type, const char *hook)
{
	struct fw_chain *chain = parser->chain;

	if (strcmp(type, "route") == 0)
		return fw_error(
			parser->rules, where, "chains of type route are not supported by weir-fw");
	if (strcmp(type, "filter") != 0 && strcmp(type, "nat") != 0)
		return fw_error(
			parser->rules, where, "'%s' is no type of chains: use filter or nat", type);
	if (strcmp(hook, "ingress") == 0 || strcmp(hook, "egress") == 0)
		return fw_error(
			parser->rules, where, "the hook %s is not supported by weir-fw", hook);
	for (int i = 0; i < FW_HOOKS; i++)
		if (strcmp(hooks[i], hook) == 0) {
			chain->base = true;
			chain->type = type;
			chain->hook = (enum fw_hook)i;
			return true;
		}
	return fw_error(parser->rules, where,
		"'%s' is no hook: use prerouting, input, forward, output or postrouting", hook);
}

static bool plain_number(const char *text, int32_t *value)
{
	char *end;
	long number;

	errno = 0;
	number = strtol(text, &end, 10);
	*value = (int32_t)number;
	return *text && !*end && !errno && number == *value;
}

/* Of linux/netfilter_ipv4.h. */
static bool named_priority(const char *name, int32_t *value)
{
	static const struct fw_symbol names[] = {{"raw", (uint32_t)-300},
		{"mangle", (uint32_t)-150}, {"dstnat", (uint32_t)-100}, {"filter", 0},
		{"security", 50}, {"srcnat", 100}};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(names[i].name, name) == 0) {
			*value = (int32_t)names[i].value;
			return true;
		}
	return false;
}

bool fw_chain_priority(struct fw_parser *parser, struct fw_where where, struct fw_node *base,
	int sign, struct fw_node *offset)
{
	int32_t value = 0, more = 0;
	enum fw_hook hook = parser->chain->hook;

	while (base && base->kind == FW_NODE_VARIABLE)
		base = base->a;
	if (base && base->kind == FW_NODE_RANGE && !base->a) {
		sign = -1;
		offset = base->b;
		base = NULL;
	}
	if (base && (!base->text || (!named_priority(base->text, &value) &&
					    !plain_number(base->text, &value))))
		return fw_error(parser->rules, where,
			"'%s' is no priority: use a number, raw, mangle, dstnat, filter, security "
			"or srcnat",
			base->text ? base->text : "this");
	if (base && ((strcmp(base->text, "dstnat") == 0 && hook != FW_PREROUTING &&
			     hook != FW_OUTPUT) ||
			    (strcmp(base->text, "srcnat") == 0 && hook != FW_POSTROUTING)))
		return fw_error(parser->rules, where, "the priority %s is not for the hook %s",
			base->text, hooks[hook]);
	if (offset && !plain_number(offset->text, &more))
		return fw_error(parser->rules, where, "'%s' is no number", offset->text);
	parser->chain->priority = value + sign * more;
	return true;
}

bool fw_chain_policy(struct fw_parser *parser, struct fw_where where, enum fw_verdict_kind policy)
{
	if (!parser->chain->base)
		return fw_error(
			parser->rules, where, "a policy needs a chain with a hook in front of it");
	if (policy != FW_ACCEPT && policy != FW_DROP)
		return fw_error(parser->rules, where, "a policy is accept or drop");
	parser->chain->policy = policy;
	parser->chain->policy_set = true;
	return true;
}

bool fw_rule_add(struct fw_parser *parser, struct fw_where where, struct fw_node *tree,
	const char *comment, bool first)
{
	struct fw_rule *rule = fw_alloc(parser->arena, sizeof(*rule));
	struct fw_chain *chain = parser->chain;

	*rule = (struct fw_rule){.chain = chain, .comment = comment, .where = where, .tree = tree};
	if (first) {
		rule->next = chain->rules;
		chain->rules = rule;
		if (chain->last == &chain->rules)
			chain->last = &rule->next;
	} else {
		*chain->last = rule;
		chain->last = &rule->next;
	}
	chain->count++;
	return true;
}
