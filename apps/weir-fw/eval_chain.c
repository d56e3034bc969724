/* SPDX-License-Identifier: BSD-3-Clause */
/* eval_chain.c: the rules of a chain, one after the other, as nft_do_chain() of the kernel goes
 * through them; those that an index says cannot match are left out. What comes out must be the same
 * without it. */
#include "apps/weir-fw/eval_impl.h"

#include "apps/weir-fw/index.h"

/* An index that saved less than NEAR rules cost more than it saved. After VAIN of them a base chain
 * is gone through rule by rule: rules that ask for nothing an index knows would else make it
 * slower than without. */
#define NEAR 4
#define VAIN 8

static void trace(const struct fw_way *way, const struct fw_chain *chain,
	const struct fw_rule *rule, const struct fw_statement *failed,
	const struct fw_verdict *verdict)
{
	const struct fw_step step = {
		.chain = chain, .rule = rule, .failed = failed, .verdict = verdict};

	if (way->judge->trace)
		way->judge->trace(way->judge->context, &step);
}

static enum fw_outcome judge_rule(struct fw_way *way, struct fw_rule *rule)
{
	enum fw_outcome outcome;
	uint32_t done = way->said;

	way->verdict = NULL;
	outcome = fw_execute(way, rule, &done);
	/* a continue, or a map that does not decide, is no match that failed */
	if (outcome == FW_BREAK && !way->verdict) {
		trace(way, rule->chain, rule, &rule->statements[done - 1], NULL);
		return FW_BREAK;
	}
	fw_execute_count(way, &rule->hits);
	trace(way, rule->chain, rule, NULL, way->verdict);
	return outcome == FW_DECIDED ? FW_DECIDED : FW_NEXT;
}

/* Where to go on behind a chain that was jumped to. */
struct stack {
	struct fw_rule *rules[FW_JUMPS];
	const struct fw_chain *chains[FW_JUMPS];
	uint32_t count;
};

/* The rule, or the first behind it in its chain that may match. */
static struct fw_rule *skip(struct fw_way *way, struct fw_rule *rule)
{
	struct fw_rule *next;

	way->said = 0;
	if (!rule || !rule->chain->index || !way->asks ||
		rule->open & 1u << (way->packet->family != FW_IP))
		return rule;
	next = fw_index_next(rule->chain->index, way->packet, rule, &way->said);
	if (next && next->number - rule->number < NEAR)
		way->asks--;
	return next;
}

/* Follow a verdict that stays in this base chain: the rule to go on with, or NULL at the end. */
static struct fw_rule *next_rule(struct fw_way *way, struct stack *stack, struct fw_rule *rule,
	const struct fw_chain **chain)
{
	const struct fw_verdict *verdict = way->verdict;
	struct fw_rule *next = rule ? rule->next : NULL;

	if (verdict && (verdict->kind == FW_JUMP || verdict->kind == FW_GOTO)) {
		if (verdict->kind == FW_JUMP && stack->count < FW_JUMPS) {
			stack->rules[stack->count] = next;
			stack->chains[stack->count++] = *chain;
		}
		*chain = verdict->chain;
		next = verdict->chain->rules;
	} else if (verdict && verdict->kind == FW_RETURN) {
		next = NULL;
	}
	way->verdict = NULL;
	next = skip(way, next);
	while (!next && stack->count) {
		trace(way, *chain, NULL, NULL, NULL);
		next = skip(way, stack->rules[--stack->count]);
		*chain = stack->chains[stack->count];
	}
	return next;
}

bool fw_judge_chain(struct fw_way *way, struct fw_chain *base)
{
	struct stack stack = {.count = 0};
	const struct fw_chain *chain = base;
	struct fw_rule *rule;

	way->asks = way->judge->linear || way->judge->trace ? 0 : VAIN;
	rule = skip(way, base->rules);
	way->decision->chain = base;
	way->decision->rule = NULL;
	while (rule) {
		enum fw_outcome outcome = judge_rule(way, rule);

		if (outcome == FW_DECIDED && !way->verdict) {
			way->decision->rule = rule;
			return true;
		}
		if (way->verdict &&
			(way->verdict->kind == FW_ACCEPT || way->verdict->kind == FW_DROP)) {
			way->decision->rule = rule;
			return way->verdict->kind == FW_DROP;
		}
		rule = next_rule(way, &stack, rule, &chain);
	}
	fw_execute_count(way, &base->policy_hits);
	trace(way, base, NULL, NULL, NULL);
	return base->policy == FW_DROP;
}
