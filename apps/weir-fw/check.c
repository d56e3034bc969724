/* SPDX-License-Identifier: BSD-3-Clause */
/* check.c: from text to a rule set that can be judged by: every name found, no loop of jumps. */
#include "apps/weir-fw/index.h"
#include "apps/weir-fw/syntax.h"

#include <errno.h>
#include <stdlib.h>
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

enum { UNSEEN, OPEN, DONE };

static bool follow(struct fw_ruleset *rules, struct fw_chain *chain, struct fw_where where);

/* To where a verdict of a chain leads. */
static bool follow_verdict(struct fw_ruleset *rules, struct fw_chain *from,
	const struct fw_verdict *verdict, struct fw_where where)
{
	if (!verdict->chain)
		return true;
	if (!follow(rules, verdict->chain, where))
		return false;
	if (verdict->chain->rejects)
		from->rejects = verdict->chain->rejects;
	if (verdict->chain->source_nat)
		from->source_nat = verdict->chain->source_nat;
	if (verdict->chain->destination_nat)
		from->destination_nat = verdict->chain->destination_nat;
	if (from->height <= verdict->chain->height)
		from->height = verdict->chain->height + 1;
	return true;
}

static bool follow_set(struct fw_ruleset *rules, struct fw_chain *from, const struct fw_set *set)
{
	if (set->any && !follow_verdict(rules, from, &set->any->verdict, set->any->where))
		return false;
	for (uint32_t i = 0; i < set->count; i++)
		if (!follow_verdict(rules, from, &set->elements[i].verdict, set->elements[i].where))
			return false;
	return true;
}

static bool follow_statement(
	struct fw_ruleset *rules, struct fw_chain *chain, const struct fw_statement *statement)
{
	switch (statement->kind) {
	case FW_STATEMENT_VERDICT:
		return follow_verdict(rules, chain, &statement->verdict, statement->where);
	case FW_STATEMENT_MAP:
		return follow_set(rules, chain, statement->match.set);
	case FW_STATEMENT_REJECT:
		chain->rejects = statement;
		rules->rejects = true;
		return true;
	case FW_STATEMENT_NAT:
		rules->nat = true;
		if (statement->nat.kind == FW_SNAT || statement->nat.kind == FW_MASQUERADE)
			chain->source_nat = statement;
		else
			chain->destination_nat = statement;
		return true;
	default:
		return true;
	}
}

/* nft says of which hooks and priorities a chain of type nat can be; its priority comes behind the
 * tracker's, NF_IP_PRI_CONNTRACK. */
#define PRIORITY_CONNTRACK (-200)

static bool check_base(struct fw_ruleset *rules, const struct fw_chain *chain)
{
	bool nat = strcmp(chain->type, "nat") == 0;
	const struct fw_statement *wrong =
		!nat || chain->hook != FW_POSTROUTING ? chain->source_nat : NULL;

	if (!wrong && (!nat || (chain->hook != FW_PREROUTING && chain->hook != FW_OUTPUT)))
		wrong = chain->destination_nat;
	if (wrong)
		return fw_error(rules, wrong->where,
			"%s is for chains of type nat at the hook %s, and '%s' is of type %s at %s",
			wrong == chain->source_nat ? "source NAT" : "destination NAT",
			wrong == chain->source_nat ? "postrouting" : "prerouting or output",
			chain->name, chain->type, fw_hook_name(chain->hook));
	if (nat && (chain->hook == FW_FORWARD || chain->hook == FW_INPUT))
		return fw_error(rules, chain->where,
			"a chain of type nat at the hook %s is not supported by weir-fw",
			fw_hook_name(chain->hook));
	if (nat && chain->priority <= PRIORITY_CONNTRACK)
		return fw_error(rules, chain->where, "a chain of type nat has a priority above %d",
			PRIORITY_CONNTRACK);
	if (chain->hook == FW_POSTROUTING && chain->rejects)
		return fw_error(rules, chain->rejects->where,
			"a packet of the hook postrouting, as in the chain '%s', cannot be "
			"rejected",
			chain->name);
	return true;
}

/* Depth first from a chain. One that is still open is jumped to from below itself. */
static bool follow(struct fw_ruleset *rules, struct fw_chain *chain, struct fw_where where)
{
	if (chain->visit == OPEN)
		return fw_error(rules, where, "the jump to '%s' closes a loop", chain->name);
	if (chain->visit == DONE)
		return true;
	chain->visit = OPEN;
	for (struct fw_rule *rule = chain->rules; rule; rule = rule->next)
		for (uint32_t i = 0; i < rule->count; i++)
			if (!follow_statement(rules, chain, &rule->statements[i]))
				return false;
	chain->visit = DONE;
	if (chain->height >= FW_JUMPS)
		return fw_error(rules, chain->where,
			"jumps from '%s' are %u deep, and may be %d at most", chain->name,
			chain->height, FW_JUMPS - 1);
	return !chain->base || check_base(rules, chain);
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
		if (!follow(rules, chain, chain->where))
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

static struct fw_ruleset *create(void)
{
	struct fw_arena *arena = fw_arena_create();
	struct fw_ruleset *rules = fw_alloc(arena, sizeof(*rules));

	rules->arena = arena;
	rules->last_table = &rules->tables;
	return rules;
}

static struct fw_ruleset *load(
	struct fw_ruleset *rules, struct fw_source *source, const char *const *folders)
{
	struct fw_parser parser = {.rules = rules, .arena = rules->arena, .folders = folders};

	if (!fw_scanner_open(&parser) || !fw_scanner_push(&parser, source)) {
		fw_error(rules, (struct fw_where){.source = source}, "out of memory");
		return rules;
	}
	if (fw_parse(&parser) && fw_check(rules))
		fw_tallies_make(rules);
	fw_scanner_close(&parser);
	return rules;
}

struct fw_ruleset *fw_load_file(const char *path, const char *const *folders)
{
	struct fw_ruleset *rules = create();
	struct fw_source *source = fw_source_read(rules->arena, path);

	if (source)
		return load(rules, source, folders);
	if (asprintf(&rules->error, "cannot read '%s': %s\n", path, strerror(errno)) < 0)
		abort();
	return rules;
}

struct fw_ruleset *fw_load_text(
	const char *name, const char *text, size_t length, const char *const *folders)
{
	struct fw_ruleset *rules = create();
	struct fw_source *source = fw_alloc(rules->arena, sizeof(*source));

	*source = (struct fw_source){.name = fw_copy(rules->arena, name, strlen(name)),
		.text = fw_copy(rules->arena, text, length),
		.length = length};
	return load(rules, source, folders);
}

void fw_free(struct fw_ruleset *rules)
{
	if (!rules)
		return;
	free(rules->error);
	fw_index_destroy(rules);
	fw_arena_destroy(rules->arena);
}

void fw_rule_name(const struct fw_rule *rule, char *text, size_t size)
{
	const struct fw_table *table = rule->chain->table;

	snprintf(text, size, "%s %s %s rule %u", fw_family_name(table->family), table->name,
		rule->chain->name, rule->number);
}
