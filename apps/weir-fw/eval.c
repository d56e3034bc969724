/* SPDX-License-Identifier: BSD-3-Clause */
/* eval.c: rules, one after the other, as nft_do_chain() of the kernel goes through them; those that
 * an index says cannot match are left out. What comes out must be the same without it. */
#include "apps/weir-fw/eval.h"

#include "apps/weir-fw/fields.h"
#include "apps/weir-fw/index.h"
#include "apps/weir-fw/nat.h"
#include "apps/weir-fw/value.h"

#include <string.h>

/* How a statement ends: the next one, the next rule, or a verdict. */
enum outcome { NEXT, BREAK, DECIDED };

struct run {
	struct fw_judge *judge;
	struct fw_packet *packet;
	struct fw_decision *decision;
	const struct fw_verdict *verdict; /* when DECIDED; NULL: reject, or no port is free */
	bool bound;                       /* a rule has said how to translate */
	uint32_t asks;                    /* of indexes that may still be in vain */
};

/* An index that saved less than NEAR rules cost more than it saved. After VAIN of them a base chain
 * is gone through rule by rule: rules that ask for nothing an index knows would else make it
 * slower than without. */
#define NEAR 4
#define VAIN 8

/* A packet of another protocol does not have the field, as all others of its connection. */
static void note_field(
	struct fw_path *path, const struct fw_field *field, const struct fw_packet *packet)
{
	if (field->protocol >= 0 && field->protocol != packet->protocol)
		return;
	path->varies |= !fw_field_is_fixed(field);
}

static bool load_key(const struct run *run, const struct fw_match *match, uint8_t key[FW_KEY])
{
	const struct fw_packet *packet = run->packet;
	struct fw_path *path = run->judge->record;
	uint32_t at = 0;

	if (match->family && match->family != packet->family)
		return false;
	for (uint32_t i = 0; path && i < match->parts; i++)
		note_field(path, match->fields[i], packet);
	/* all at once: what one field needs of the packet must hold for all */
	for (uint32_t i = 0; i < match->parts; i++) {
		if (!fw_field_load(match->fields[i], packet, key + at))
			return false;
		at += fw_field_size(match->fields[i]);
	}
	return true;
}

static void count(const struct run *run, struct fw_tally *counter)
{
	struct fw_path *path = run->judge->record;

	fw_count(counter, 1, run->packet->network_length);
	if (!path)
		return;
	if (path->count < FW_PATH)
		path->counters[path->count++] = counter;
	else
		path->varies = true;
}

/* What the packet meets now may end otherwise for the next one. */
static void note_varies(const struct run *run)
{
	if (run->judge->record)
		run->judge->record->varies = true;
}

static struct fw_element *find(const struct run *run, const struct fw_set *set, const uint8_t *key)
{
	struct fw_element *element = fw_set_find(set, key);

	if (element && set->counted)
		count(run, &element->counter);
	return element;
}

static bool compare(const struct fw_match *match, const uint8_t *key)
{
	uint32_t size = match->key_size;
	int low = memcmp(key, match->low, size);
	bool within = low >= 0 && memcmp(key, match->high, size) <= 0;
	uint64_t bits;

	switch (match->op) {
	case FW_EQ:
		return within;
	case FW_NE:
		return !within;
	case FW_LT:
		return low < 0;
	case FW_GT:
		return low > 0;
	case FW_LE:
		return low <= 0;
	case FW_GE:
		return low >= 0;
	default:
		bits = fw_bytes_number(key, size) & fw_bytes_number(match->low, size);
		return (bits != 0) == (match->op == FW_SOME_BITS);
	}
}

static bool holds(const struct run *run, const struct fw_match *match)
{
	uint8_t key[FW_KEY];

	if (!load_key(run, match, key))
		return false;
	if (match->set)
		return (find(run, match->set, key) != NULL) == (match->op == FW_EQ);
	for (uint32_t i = 0; match->masked && i < match->key_size; i++)
		key[i] &= match->mask[i];
	return compare(match, key);
}

static enum outcome look_up(struct run *run, const struct fw_match *match)
{
	uint8_t key[FW_KEY];
	struct fw_element *element;

	if (!load_key(run, match, key))
		return BREAK;
	element = find(run, match->set, key);
	if (!element)
		return BREAK;
	run->verdict = &element->verdict;
	return element->verdict.kind == FW_CONTINUE ? BREAK : DECIDED;
}

static enum outcome set_mark(struct run *run, const struct fw_statement *statement)
{
	uint8_t key[FW_KEY];
	struct fw_element *element;

	if (!statement->match.set) {
		run->packet->mark = statement->mark;
		return NEXT;
	}
	if (!load_key(run, &statement->match, key))
		return BREAK;
	element = find(run, statement->match.set, key);
	if (!element)
		return BREAK;
	run->packet->mark = element->data;
	return NEXT;
}

static enum outcome reject(struct run *run, const struct fw_statement *statement)
{
	uint8_t family = run->packet->family;

	if ((statement->reject.kind == FW_REJECT_ICMP && family != FW_IP) ||
		(statement->reject.kind == FW_REJECT_ICMPV6 && family != FW_IP6))
		return BREAK;
	run->decision->reject = statement;
	run->verdict = NULL;
	return DECIDED;
}

/* Rules of another family, or without a tracker, do nothing, as in the kernel. */
static enum outcome bind_nat(struct run *run, const struct fw_statement *statement)
{
	static const struct fw_verdict accept = {.kind = FW_ACCEPT};
	const struct fw_nat *nat = &statement->nat;

	if (!run->judge->bind || (nat->has_address && nat->family != run->packet->family))
		return BREAK;
	run->bound = true;
	run->verdict = run->judge->bind(run->judge->tracker, run->packet, nat) ? &accept : NULL;
	return DECIDED;
}

static enum outcome execute(
	struct run *run, const struct fw_rule *rule, struct fw_statement *statement)
{
	switch (statement->kind) {
	case FW_STATEMENT_MATCH:
		return holds(run, &statement->match) ? NEXT : BREAK;
	case FW_STATEMENT_MAP:
		return look_up(run, &statement->match);
	case FW_STATEMENT_VERDICT:
		run->verdict = &statement->verdict;
		return statement->verdict.kind == FW_CONTINUE ? BREAK : DECIDED;
	case FW_STATEMENT_COUNTER:
		count(run, &statement->counter);
		return NEXT;
	case FW_STATEMENT_LIMIT:
		note_varies(run);
		return fw_limit_allows(&statement->limit, run->packet) != statement->limit.over
			       ? NEXT
			       : BREAK;
	case FW_STATEMENT_LOG:
		note_varies(run);
		if (run->judge->log)
			run->judge->log(run->judge->context, rule, statement, run->packet);
		return NEXT;
	case FW_STATEMENT_REJECT:
		return reject(run, statement);
	case FW_STATEMENT_MARK:
		return set_mark(run, statement);
	case FW_STATEMENT_NAT:
		return bind_nat(run, statement);
	}
	return BREAK;
}

static void trace(const struct run *run, const struct fw_chain *chain, const struct fw_rule *rule,
	const struct fw_statement *failed, const struct fw_verdict *verdict)
{
	const struct fw_step step = {
		.chain = chain, .rule = rule, .failed = failed, .verdict = verdict};

	if (run->judge->trace)
		run->judge->trace(run->judge->context, &step);
}

static enum outcome judge_rule(struct run *run, struct fw_rule *rule)
{
	enum outcome outcome = NEXT;
	uint32_t i = 0;

	run->verdict = NULL;
	while (i < rule->count && outcome == NEXT)
		outcome = execute(run, rule, &rule->statements[i++]);
	/* a continue, or a map that does not decide, is no match that failed */
	if (outcome == BREAK && !run->verdict) {
		trace(run, rule->chain, rule, &rule->statements[i - 1], NULL);
		return BREAK;
	}
	count(run, &rule->hits);
	trace(run, rule->chain, rule, NULL, run->verdict);
	return outcome == DECIDED ? DECIDED : NEXT;
}

/* Where to go on behind a chain that was jumped to. */
struct stack {
	struct fw_rule *rules[FW_JUMPS];
	const struct fw_chain *chains[FW_JUMPS];
	uint32_t count;
};

/* The rule, or the first behind it in its chain that may match. */
static struct fw_rule *skip(struct run *run, struct fw_rule *rule)
{
	struct fw_rule *next;

	if (!rule || !rule->chain->index || !run->asks ||
		rule->open & 1u << (run->packet->family != FW_IP))
		return rule;
	next = fw_index_next(rule->chain->index, run->packet, rule);
	if (next && next->number - rule->number < NEAR)
		run->asks--;
	return next;
}

/* Follow a verdict that stays in this base chain: the rule to go on with, or NULL at the end. */
static struct fw_rule *next_rule(
	struct run *run, struct stack *stack, struct fw_rule *rule, const struct fw_chain **chain)
{
	const struct fw_verdict *verdict = run->verdict;
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
	run->verdict = NULL;
	next = skip(run, next);
	while (!next && stack->count) {
		trace(run, *chain, NULL, NULL, NULL);
		next = skip(run, stack->rules[--stack->count]);
		*chain = stack->chains[stack->count];
	}
	return next;
}

/* true: the packet is dropped. */
static bool judge_chain(struct run *run, struct fw_chain *base)
{
	struct stack stack = {.count = 0};
	const struct fw_chain *chain = base;
	struct fw_rule *rule;

	run->asks = run->judge->linear || run->judge->trace ? 0 : VAIN;
	rule = skip(run, base->rules);
	run->decision->chain = base;
	run->decision->rule = NULL;
	while (rule) {
		enum outcome outcome = judge_rule(run, rule);

		if (outcome == DECIDED && !run->verdict) {
			run->decision->rule = rule;
			return true;
		}
		if (run->verdict &&
			(run->verdict->kind == FW_ACCEPT || run->verdict->kind == FW_DROP)) {
			run->decision->rule = rule;
			return run->verdict->kind == FW_DROP;
		}
		rule = next_rule(run, &stack, rule, &chain);
	}
	count(run, &base->policy_hits);
	trace(run, base, NULL, NULL, NULL);
	return base->policy == FW_DROP;
}

static bool is_for(const struct fw_chain *chain, const struct fw_packet *packet)
{
	return chain->table->family == FW_INET || chain->table->family == packet->family;
}

/* The first packet of a connection is judged by the chains of type nat until one has said what to
 * do; that is done with all of its packets. true: the packet is dropped. */
static bool judge_nat(struct run *run, enum fw_hook hook)
{
	struct fw_judge *judge = run->judge;
	struct fw_ruleset *rules = judge->rules;

	if (hook == FW_INPUT || hook == FW_FORWARD || !judge->translate)
		return false;
	if (!run->packet->first && !run->packet->translated)
		return false;
	run->bound = false;
	for (uint32_t i = 0; run->packet->first && !run->bound && i < rules->nat_counts[hook]; i++)
		if (is_for(rules->nats[hook][i], run->packet) &&
			judge_chain(run, rules->nats[hook][i]))
			return true;
	return !judge->translate(judge->tracker, run->packet,
		hook == FW_POSTROUTING ? FW_NAT_SOURCE : FW_NAT_DESTINATION);
}

void fw_judge_hook(struct fw_judge *judge, enum fw_hook hook, struct fw_packet *packet,
	struct fw_decision *decision)
{
	struct run run = {.judge = judge, .packet = packet, .decision = decision};
	struct fw_ruleset *rules = judge->rules;

	if (rules->stateful && judge->state && !packet->ct_state)
		packet->ct_state = judge->state(judge->tracker, packet);
	for (uint32_t i = 0; i <= rules->hook_counts[hook]; i++) {
		bool dropped = i == rules->nat_at[hook] && judge_nat(&run, hook);

		if (!dropped && i < rules->hook_counts[hook] &&
			is_for(rules->hooks[hook][i], packet))
			dropped = judge_chain(&run, rules->hooks[hook][i]);
		if (!dropped)
			continue;
		decision->verdict = FW_DROP;
		return;
	}
}

void fw_judge_way(struct fw_judge *judge, const enum fw_hook *hooks, uint32_t hook_count,
	struct fw_packet *packet, struct fw_decision *decision)
{
	bool forwards = false;
	char out[FW_IFNAMSIZ];

	for (uint32_t i = 0; i < hook_count; i++)
		forwards |= hooks[i] == FW_FORWARD;
	*decision = (struct fw_decision){.verdict = FW_ACCEPT};
	memcpy(out, packet->out, sizeof(out));
	for (uint32_t i = 0; i < hook_count && decision->verdict == FW_ACCEPT; i++) {
		/* before it is routed, nobody knows where it will leave */
		if (hooks[i] == FW_PREROUTING)
			memset(packet->out, 0, sizeof(packet->out));
		else
			memcpy(packet->out, out, sizeof(out));
		packet->routed = forwards && hooks[i] != FW_PREROUTING;
		fw_judge_hook(judge, hooks[i], packet, decision);
	}
	memcpy(packet->out, out, sizeof(out));
}
