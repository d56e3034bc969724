/* SPDX-License-Identifier: BSD-3-Clause */
/* statement.c: a rule's tree becomes its statements. */
#include "apps/weir-fw/value.h"

#include <stdlib.h>
#include <string.h>

#define NS_PER_S UINT64_C(1000000000)
/* NFT_LIMIT_PKT_BURST_DEFAULT of the kernel, and what nft sends. */
#define BURST 5
/* NF_LOG_PREFIXLEN of the kernel, with its end. */
#define PREFIX_MAX 127
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

static bool byte_unit(const char *name, uint64_t *bytes)
{
	static const struct fw_symbol units[] = {
		{"bytes", 1}, {"kbytes", 1024}, {"mbytes", 1024 * 1024}};

	for (size_t i = 0; name && i < sizeof(units) / sizeof(*units); i++)
		if (strcmp(units[i].name, name) == 0) {
			*bytes = units[i].value;
			return true;
		}
	return false;
}

static bool time_unit(const char *name, uint64_t *seconds)
{
	static const struct fw_symbol units[] = {
		{"second", 1}, {"minute", 60}, {"hour", 3600}, {"day", 86400}, {"week", 604800}};

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (strcmp(units[i].name, name) == 0) {
			*seconds = units[i].value;
			return true;
		}
	return false;
}

static bool compile_burst(struct fw_context *context, struct fw_node *node, struct fw_limit *limit)
{
	uint64_t unit = 1;

	limit->burst = limit->by_bytes ? 0 : BURST;
	if (!node)
		return true;
	if (limit->by_bytes ? !byte_unit(node->text, &unit) : strcmp(node->text, "packets") != 0)
		return fw_error(context->rules, node->where,
			"the burst of this limit is in %s, not in '%s'",
			limit->by_bytes ? "bytes, kbytes or mbytes" : "packets", node->text);
	limit->burst = node->packets * unit;
	if (limit->burst == 0 && !limit->by_bytes)
		return fw_error(context->rules, node->where, "a burst of 0 packets");
	if (limit->burst > UINT32_MAX || node->packets > UINT32_MAX)
		return fw_error(context->rules, node->where, "a burst is at most %u", UINT32_MAX);
	return true;
}

static bool compile_limit(struct fw_context *context, struct fw_node *tree)
{
	struct fw_statement *statement = fw_statement_add(context, FW_STATEMENT_LIMIT, tree->where);
	struct fw_limit *limit;
	uint64_t unit = 1, period_ns;

	if (!statement)
		return false;
	limit = &statement->limit;
	limit->over = tree->op;
	limit->by_bytes = tree->text != NULL;
	if (limit->by_bytes && !byte_unit(tree->text, &unit))
		return fw_error(context->rules, tree->where,
			"'%s' is no unit of a limit: use bytes, kbytes or mbytes", tree->text);
	if (!time_unit(tree->more, &limit->unit_s))
		return fw_error(context->rules, tree->where,
			"'%s' is no unit of time: use second, minute, hour, day or week",
			tree->more);
	limit->rate = tree->packets * unit;
	if (limit->rate == 0 || tree->packets > UINT32_MAX)
		return fw_error(context->rules, tree->where, "a rate is from 1 to %u", UINT32_MAX);
	if (!compile_burst(context, tree->b, limit))
		return false;
	period_ns = limit->unit_s * NS_PER_S;
	limit->most_ns = limit->by_bytes
				 ? period_ns + (uint64_t)((double)period_ns * (double)limit->burst /
							  (double)limit->rate)
				 : period_ns / limit->rate * limit->burst;
	return true;
}

static bool log_level(struct fw_context *context, struct fw_node *node, const char **level)
{
	static const char *const levels[] = {
		"emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"};

	for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++)
		if (strcmp(levels[i], node->text) == 0) {
			*level = node->text;
			return true;
		}
	return fw_error(context->rules, node->where, "'%s' is no level of a log", node->text);
}

static bool log_argument(
	struct fw_context *context, struct fw_node *argument, struct fw_statement *statement)
{
	const char *name = argument->text;
	struct fw_node *value = argument->a;
	char *end;

	if (strcmp(name, "level") == 0)
		return log_level(context, value, &statement->log.level);
	if (strcmp(name, "prefix") == 0) {
		if (strlen(value->text) > PREFIX_MAX)
			return fw_error(context->rules, value->where,
				"a prefix of a log has at most %d characters", PREFIX_MAX);
		statement->log.prefix = value->text;
		return true;
	}
	if (strcmp(name, "group") == 0) {
		unsigned long group = strtoul(value->text, &end, 10);

		if (*end || value->kind != FW_NODE_ATOM || group > UINT16_MAX)
			return fw_error(context->rules, value->where,
				"a group is a number from 0 to %u", UINT16_MAX);
		statement->log.group = (int32_t)group;
		return true;
	}
	if (strcmp(name, "snaplen") == 0 || strcmp(name, "queue-threshold") == 0)
		return fw_error(context->rules, argument->where,
			"log %s is not supported by weir-fw", name);
	return fw_error(context->rules, argument->where,
		"'%s' is no option of log: use prefix, level or group", name);
}

static bool compile_log(struct fw_context *context, struct fw_node *tree)
{
	struct fw_statement *statement = fw_statement_add(context, FW_STATEMENT_LOG, tree->where);

	if (!statement)
		return false;
	statement->log.group = -1;
	for (struct fw_node *argument = tree->list; argument; argument = argument->next)
		if (!log_argument(context, argument, statement))
			return false;
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
		return compile_limit(context, tree);
	case FW_NODE_LOG:
		return compile_log(context, tree);
	case FW_NODE_REJECT:
		return compile_reject(context, tree);
	case FW_NODE_NAT:
		return fw_compile_nat(context, tree);
	case FW_NODE_VERDICT:
		return compile_verdict(context, tree);
	default: /* a counter */
		statement = fw_statement_add(context, FW_STATEMENT_COUNTER, tree->where);
		if (statement)
			fw_count(&statement->counter, tree->packets, tree->bytes);
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
