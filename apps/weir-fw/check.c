/* SPDX-License-Identifier: BSD-3-Clause */
/* check.c: from what the grammar has read to a rule set that can be judged by: its rules compiled,
 * its chains found by their names and put in order. */
#include "apps/weir-fw/syntax.h"

#include <string.h>

static bool resolve(struct fw_ruleset *rules, struct fw_table *table, struct fw_where where,
	struct fw_verdict *verdict)
{
	struct fw_chain *chain = table->chains;

	if (!verdict->name)
		return true;
	while (chain && strcmp(chain->name, verdict->name) != 0)
		chain = chain->next;
	if (!chain)
		return fw_error(rules, where, "there is no chain '%s' in table %s %s",
			verdict->name, fw_family_name(table->family), table->name);
	if (chain->base)
		return fw_error(rules, where,
			"'%s' has a hook: only chains without one can be jumped to", verdict->name);
	verdict->chain = chain;
	return true;
}

static bool resolve_set(struct fw_ruleset *rules, struct fw_table *table, struct fw_set *set)
{
	if (set->any && !resolve(rules, table, set->any->where, &set->any->verdict))
		return false;
	for (uint32_t i = 0; i < set->count; i++)
		if (!resolve(rules, table, set->elements[i].where, &set->elements[i].verdict))
			return false;
	return true;
}

static bool resolve_rule(struct fw_ruleset *rules, struct fw_rule *rule)
{
	struct fw_table *table = rule->chain->table;

	for (uint32_t i = 0; i < rule->count; i++) {
		struct fw_statement *statement = &rule->statements[i];

		if (statement->kind == FW_STATEMENT_VERDICT &&
			!resolve(rules, table, statement->where, &statement->verdict))
			return false;
		if (statement->kind == FW_STATEMENT_MAP &&
			!resolve_set(rules, table, statement->match.set))
			return false;
	}
	return true;
}

static bool check_chain(struct fw_ruleset *rules, struct fw_chain *chain)
{
	uint32_t number = 0;

	for (struct fw_rule *rule = chain->rules; rule; rule = rule->next) {
		rule->number = ++number;
		rules->rules++;
		if (!fw_compile_rule(rules, rule) || !resolve_rule(rules, rule))
			return false;
	}
	return true;
}

/* Where a kernel translates: NF_IP_PRI_NAT_DST and NF_IP_PRI_NAT_SRC. Of chains of type nat the
 * priority is their order among each other. */
static int32_t nat_priority(enum fw_hook hook)
{
	return hook == FW_POSTROUTING ? 100 : -100;
}

/* In the order they are judged: by priority, then as they were written. */
static void add_hook(struct fw_ruleset *rules, struct fw_chain *chain)
{
	bool nat = strcmp(chain->type, "nat") == 0;
	struct fw_chain ***hook = nat ? &rules->nats[chain->hook] : &rules->hooks[chain->hook];
	uint32_t *of = nat ? rules->nat_counts : rules->hook_counts;
	uint32_t count = of[chain->hook]++, at = count;
	struct fw_chain **more = fw_alloc(rules->arena, (count + 1) * sizeof(*more));

	if (!nat && chain->priority < nat_priority(chain->hook))
		rules->nat_at[chain->hook]++;

	if (count)
		memcpy(more, *hook, count * sizeof(*more));
	for (; at > 0 && more[at - 1]->priority > chain->priority; at--)
		more[at] = more[at - 1];
	more[at] = chain;
	*hook = more;
}

static bool check_table(struct fw_ruleset *rules, struct fw_table *table)
{
	for (struct fw_set *set = table->sets; set; set = set->next)
		if (!fw_set_finish(rules, set) || !resolve_set(rules, table, set))
			return false;
	for (struct fw_chain *chain = table->chains; chain; chain = chain->next)
		if (!check_chain(rules, chain))
			return false;
	for (struct fw_chain *chain = table->chains; chain; chain = chain->next)
		if (!fw_follow(rules, chain))
			return false;
	for (struct fw_chain *chain = table->chains; chain; chain = chain->next)
		if (chain->base)
			add_hook(rules, chain);
	return true;
}

bool fw_check(struct fw_ruleset *rules)
{
	for (struct fw_table *table = rules->tables; table; table = table->next)
		if (!check_table(rules, table))
			return false;
	return true;
}
