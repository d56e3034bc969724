/* SPDX-License-Identifier: BSD-3-Clause */
/* statement.c: a rule's tree becomes its statements. */
#include "apps/weir-fw/value.h"

#include <string.h>

enum { TCP = 6, ICMP = 1 };

struct fw_statement *fw_statement_add(
	struct fw_context *context, enum fw_statement_kind kind, struct fw_where where)
{
	struct fw_statement *statement = &context->statements[context->count];

	if (context->count == FW_STATEMENTS) {
		fw_error(context->rules, where, "a rule has at most %d statements", FW_STATEMENTS);
		return NULL;
	}
	context->count++;
	*statement = (struct fw_statement){.kind = kind, .where = where};
	return statement;
}

/* A match on one field that nft puts in front of what needs it, written as the user would. */
static bool add_dependency(struct fw_context *context, struct fw_where where, const char *header,
	const char *name, const char *first, const char *second)
{
	struct fw_node field = {
		.kind = FW_NODE_FIELD, .where = where, .field = fw_field_find(header, name)};
	struct fw_node words[2] = {{.kind = FW_NODE_WORD, .where = where, .text = first},
		{.kind = FW_NODE_WORD, .where = where, .text = second}};
	struct fw_node elements[2] = {
		{.kind = FW_NODE_ELEMENT, .where = where, .a = &words[0], .next = &elements[1]},
		{.kind = FW_NODE_ELEMENT, .where = where, .a = &words[1]}};
	struct fw_node set = {.kind = FW_NODE_SET, .where = where, .list = elements};
	struct fw_node tree = {.kind = FW_NODE_MATCH,
		.where = where,
		.list = &field,
		.op = FW_EQ,
		.a = second ? &set : &words[0]};
	struct fw_statement *statement = fw_statement_add(context, FW_STATEMENT_MATCH, where);

	return statement && fw_compile_match(context, &tree, statement);
}

/* The id of an ICMP message is there in an echo only. */
static bool needs_echo(const struct fw_context *context, const struct fw_node *tree)
{
	const struct fw_field *field = tree->list->field;

	if (strcmp(field->header, "icmp") != 0 ||
		(strcmp(field->name, "id") != 0 && strcmp(field->name, "sequence") != 0))
		return false;
	for (uint32_t i = 0; i < context->count; i++)
		if (context->statements[i].kind == FW_STATEMENT_MATCH &&
			context->statements[i].match.fields[0]->type == FW_TYPE_ICMP_TYPE)
			return false;
	return true;
}

static bool compile_match(struct fw_context *context, struct fw_node *tree)
{
	struct fw_statement *statement;

	if (needs_echo(context, tree) &&
		!add_dependency(context, tree->where, "icmp", "type", "echo-reply", "echo-request"))
		return false;
	statement = fw_statement_add(context, FW_STATEMENT_MATCH, tree->where);
	return statement && fw_compile_match(context, tree, statement);
}

static bool compile_map(struct fw_context *context, struct fw_node *tree)
{
	struct fw_statement *statement = fw_statement_add(context, FW_STATEMENT_MAP, tree->where);

	return statement &&
	       fw_compile_map(context, tree, tree->a, fw_type(FW_TYPE_VERDICT), &statement->match);
}

static bool compile_mark(struct fw_context *context, struct fw_node *tree)
{
	const struct fw_field *field = tree->list->field;
	struct fw_statement *statement = fw_statement_add(context, FW_STATEMENT_MARK, tree->where);
	uint8_t mark[4];

	if (!statement)
		return false;
	if (tree->list->next || field->type != FW_TYPE_MARK)
		return fw_error(context->rules, tree->where,
			"setting %s %s is not supported by weir-fw, only meta mark", field->header,
			field->name);
	if (tree->c)
		return fw_compile_map(
			context, tree->c, tree->b, fw_type(FW_TYPE_MARK), &statement->match);
	if (!fw_value_single(context->rules, fw_type(FW_TYPE_MARK), 4, UINT32_MAX, tree->a, mark))
		return false;
	statement->mark = (uint32_t)fw_bytes_number(mark, 4);
	return true;
}

static bool compile_verdict(struct fw_context *context, struct fw_node *tree)
{
	struct fw_statement *statement =
		fw_statement_add(context, FW_STATEMENT_VERDICT, tree->where);

	if (!statement)
		return false;
	statement->verdict =
		(struct fw_verdict){.kind = (enum fw_verdict_kind)tree->op, .name = tree->text};
	context->ended = true;
	return true;
}

static bool reject_kind(
	struct fw_context *context, struct fw_node *tree, enum fw_reject *kind, int *family)
{
	*family = 0;
	if (strcmp(tree->text, "tcp") == 0)
		*kind = FW_REJECT_TCP;
	else if (strcmp(tree->text, "icmp") == 0) {
		*kind = FW_REJECT_ICMP;
		*family = FW_IP;
	} else if (strcmp(tree->text, "icmpv6") == 0) {
		*kind = FW_REJECT_ICMPV6;
		*family = FW_IP6;
	} else if (strcmp(tree->text, "icmpx") == 0)
		*kind = FW_REJECT_ICMPX;
	else
		return fw_error(context->rules, tree->where,
			"'%s' is nothing to reject with: use tcp reset, icmp, icmpv6 or icmpx",
			tree->text);
	return true;
}

/* nft puts what a reject needs in front of the whole rule. */
static bool reject_needs(struct fw_context *context, struct fw_node *tree, enum fw_reject kind)
{
	struct fw_statement first;
	uint32_t count = context->count;

	if (kind != FW_REJECT_TCP || context->protocol == TCP)
		return true;
	if (context->protocol >= 0)
		return fw_error(context->rules, tree->where,
			"a reset is for tcp, and another protocol gets here");
	if (!add_dependency(context, tree->where, "meta", "l4proto", "tcp", NULL))
		return false;
	first = context->statements[count];
	memmove(context->statements + 1, context->statements, count * sizeof(first));
	context->statements[0] = first;
	return true;
}

static bool compile_reject(struct fw_context *context, struct fw_node *tree)
{
	static const enum fw_type_id codes[] = {[FW_REJECT_ICMP] = FW_TYPE_ICMP_CODE,
		[FW_REJECT_ICMPV6] = FW_TYPE_ICMPV6_CODE,
		[FW_REJECT_ICMPX] = FW_TYPE_ICMPX_CODE};
	enum fw_reject kind = FW_REJECT_DEFAULT;
	struct fw_statement *statement;
	uint8_t code = 0;
	int family = 0;

	if (tree->text && !reject_kind(context, tree, &kind, &family))
		return false;
	if (kind == FW_REJECT_ICMPX && context->rule->chain->table->family != FW_INET)
		return fw_error(context->rules, tree->where,
			"icmpx is for tables of the family inet only: use icmp or icmpv6");
	if (family && context->family && family != context->family)
		return fw_error(
			context->rules, tree->where, "%s cannot answer what gets here", tree->text);
	if (kind == FW_REJECT_TCP && strcmp(tree->a->text ? tree->a->text : "", "reset") != 0)
		return fw_error(context->rules, tree->where, "tcp is rejected with reset");
	if (kind > FW_REJECT_TCP &&
		!fw_value_single(context->rules, fw_type(codes[kind]), 1, 255, tree->a, &code))
		return false;
	if (!reject_needs(context, tree, kind))
		return false;
	statement = fw_statement_add(context, FW_STATEMENT_REJECT, tree->where);
	if (!statement)
		return false;
	statement->reject.kind = kind;
	statement->reject.code = code;
	context->ended = true;
	return true;
}

static bool compile(struct fw_context *context, struct fw_node *tree)
{
	struct fw_statement *statement;

	if (context->ended)
		return fw_error(
			context->rules, tree->where, "a statement behind a verdict has no effect");
	switch (tree->kind) {
	case FW_NODE_MATCH:
		return compile_match(context, tree);
	case FW_NODE_VMAP:
		return compile_map(context, tree);
	case FW_NODE_ASSIGN:
		return compile_mark(context, tree);
	case FW_NODE_LIMIT:
		return fw_compile_limit(context, tree);
	case FW_NODE_LOG:
		return fw_compile_log(context, tree);
	case FW_NODE_REJECT:
		return compile_reject(context, tree);
	case FW_NODE_NAT:
		return fw_compile_nat(context, tree);
	case FW_NODE_VERDICT:
		return compile_verdict(context, tree);
	default: /* a counter */
		statement = fw_statement_add(context, FW_STATEMENT_COUNTER, tree->where);
		if (statement)
			statement->counter.before = (struct fw_counter){tree->packets, tree->bytes};
		return statement != NULL;
	}
}

bool fw_compile_rule(struct fw_ruleset *rules, struct fw_rule *rule)
{
	struct fw_context context = {.rules = rules, .rule = rule, .protocol = -1};

	context.family = (int)rule->chain->table->family;
	for (struct fw_node *tree = rule->tree->list; tree; tree = tree->next)
		if (!compile(&context, tree))
			return false;
	rule->count = context.count;
	rule->statements = fw_alloc(rules->arena, (context.count + 1) * sizeof(*rule->statements));
	memcpy(rule->statements, context.statements, context.count * sizeof(*rule->statements));
	rule->tree = NULL;
	return true;
}
