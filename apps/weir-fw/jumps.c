/* SPDX-License-Identifier: BSD-3-Clause */
/* jumps.c: where the verdicts of a chain lead: in no loop, not too deep, and to nothing that is not
 * for its hook. */
#include "apps/weir-fw/syntax.h"

#include <string.h>

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

bool fw_follow(struct fw_ruleset *rules, struct fw_chain *chain)
{
	return follow(rules, chain, chain->where);
}
