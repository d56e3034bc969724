/* SPDX-License-Identifier: BSD-3-Clause */
/* list.c: a rule set as text, in the layout of `nft list ruleset`, so that nft reads it again. */
#include "apps/weir-fw/value.h"

#include <stdlib.h>
#include <string.h>

static void verdict_print(FILE *out, const struct fw_verdict *verdict)
{
	static const char *const names[] = {"continue", "accept", "drop", "return", "jump", "goto"};

	fputs(names[verdict->kind], out);
	if (verdict->name)
		fprintf(out, " %s", verdict->name);
}

void fw_list_counter(FILE *out, const struct fw_tally *tally)
{
	const struct fw_counter counter = fw_counted(tally);

	fprintf(out, "counter packets %llu bytes %llu", (unsigned long long)counter.packets,
		(unsigned long long)counter.bytes);
}

static void data_print(FILE *out, const struct fw_set *set, const struct fw_element *element)
{
	fputs(" : ", out);
	if (set->data->id == FW_TYPE_VERDICT) {
		verdict_print(out, &element->verdict);
	} else if (!element->value) {
		fprintf(out, "0x%08x", element->data);
	} else {
		fw_value_print(out, set->data, set->data->size, element->value);
		if (set->data_port)
			fprintf(out, " . %llu",
				(unsigned long long)fw_bytes_number(element->value + FW_VALUE, 2));
	}
}

static void element_print(FILE *out, const struct fw_set *set, const struct fw_element *element)
{
	uint32_t at = 0;

	if (element->any)
		fputc('*', out);
	for (uint32_t i = 0; !element->any && i < set->parts; at += set->sizes[i++]) {
		fputs(i ? " . " : "", out);
		fw_range_print(out, set->types[i], set->sizes[i], element->low + at,
			element->high + at, true);
	}
	if (set->counted) {
		fputc(' ', out);
		fw_list_counter(out, &element->counter);
	}
	if (element->comment)
		fprintf(out, " comment \"%s\"", element->comment);
	if (set->data)
		data_print(out, set, element);
}

/* How many stand in a line of a set with a name, as nft has it. */
static uint32_t per_line(const struct fw_set *set)
{
	if (set->parts > 1 || set->counted)
		return 1;
	switch (set->types[0]->id) {
	case FW_TYPE_SERVICE:
	case FW_TYPE_PROTO:
	case FW_TYPE_MARK:
		return 5;
	case FW_TYPE_IPV4:
	case FW_TYPE_ETHER:
		return 2;
	default:
		return 1;
	}
}

/* nft sorts names and keys of several parts by their last byte first. */
static int compare(const void *a, const void *b, void *context)
{
	const uint8_t *first = (*(const struct fw_element *const *)a)->low;
	const uint8_t *second = (*(const struct fw_element *const *)b)->low;

	for (uint32_t i = *(uint32_t *)context; i-- > 0;)
		if (first[i] != second[i])
			return first[i] < second[i] ? -1 : 1;
	return 0;
}

static const struct fw_element **in_order(const struct fw_set *set)
{
	const struct fw_element **order = calloc(set->count + 1, sizeof(*order));
	uint32_t size = set->key_size;

	if (!order)
		abort();
	for (uint32_t i = 0; i < set->count; i++)
		order[i] = &set->elements[i];
	if (set->parts > 1 || set->types[0]->id == FW_TYPE_IFNAME)
		qsort_r(order, set->count, sizeof(*order), compare, &size);
	order[set->count] = set->any;
	return order;
}

void fw_list_elements(FILE *out, const struct fw_set *set)
{
	uint32_t line = per_line(set), count = set->count + (set->any != NULL);
	const struct fw_element **order = in_order(set);

	fputs("{ ", out);
	for (uint32_t i = 0; i < count; i++) {
		if (i)
			fputs(set->name && i % line == 0 ? ",\n\t\t\t     " : ", ", out);
		element_print(out, set, order[i]);
	}
	free(order);
	fputs(" }", out);
}

static void fields_print(FILE *out, const struct fw_field *const *fields, uint32_t parts)
{
	for (uint32_t i = 0; i < parts; i++) {
		fputs(i ? " . " : "", out);
		fw_field_print(out, fields[i]);
	}
}

static const char *const ops[] = {[FW_EQ] = "==",
	[FW_NE] = "!=",
	[FW_LT] = "<",
	[FW_GT] = ">",
	[FW_LE] = "<=",
	[FW_GE] = ">="};

static uint32_t bits_in(uint64_t number)
{
	uint32_t count = 0;

	for (; number; number &= number - 1)
		count++;
	return count;
}

/* Flags under a mask, in the words nft has for each case. */
static void masked_flags(
	FILE *out, const struct fw_type *type, uint32_t size, const struct fw_match *match)
{
	uint64_t value = fw_bytes_number(match->low, size);
	uint64_t mask = fw_bytes_number(match->mask, size);
	bool single = bits_in(mask) == 1;

	if (value == 0 && match->op <= FW_NE) {
		fputs(match->op == FW_EQ ? "! " : "", out);
		fw_flags_print(out, type, size, match->mask, ",");
		return;
	}
	if (single) {
		fputs("& ", out);
		fw_flags_print(out, type, size, match->mask, " | ");
		fprintf(out, " %s ", ops[match->op]);
		fw_flags_print(out, type, size, match->low, " | ");
		return;
	}
	fputs(match->op == FW_NE ? "!= " : "", out);
	fw_flags_print(out, type, size, match->low, ",");
	fputs(" / ", out);
	fw_flags_print(out, type, size, match->mask, ",");
}

static void masked(
	FILE *out, const struct fw_type *type, uint32_t size, const struct fw_match *match)
{
	int length = fw_mask_length(match->mask, size);
	bool address = type->id == FW_TYPE_IPV4 || type->id == FW_TYPE_IPV6;

	if (address && length >= 0 && match->op <= FW_NE) {
		fputs(match->op == FW_NE ? "!= " : "", out);
		fw_value_print(out, type, size, match->low);
		fprintf(out, "/%d", length);
		return;
	}
	fputs("& ", out);
	fw_value_print(out, type, size, match->mask);
	fprintf(out, " %s ", ops[match->op]);
	fw_value_print(out, type, size, match->low);
}

static void flags(
	FILE *out, const struct fw_type *type, uint32_t size, const struct fw_match *match)
{
	const char *between = " | ";

	if (match->op == FW_SOME_BITS)
		between = ",";
	else if (match->op == FW_NO_BITS)
		between = ",", fputs("! ", out);
	else if (match->op != FW_EQ || fw_bytes_number(match->low, size))
		fprintf(out, "%s ", ops[match->op]);
	fw_flags_print(out, type, size, match->low, between);
}

static void right_print(FILE *out, const struct fw_match *match)
{
	const struct fw_type *type = fw_type(match->fields[0]->type);
	uint32_t size = fw_field_size(match->fields[0]);

	if (match->set) {
		fputs(match->op == FW_NE ? "!= " : "", out);
		if (match->set->name)
			fprintf(out, "@%s", match->set->name);
		else
			fw_list_elements(out, match->set);
	} else if (match->masked && type->bits) {
		masked_flags(out, type, size, match);
	} else if (match->masked) {
		masked(out, type, size, match);
	} else if (type->bits) {
		flags(out, type, size, match);
	} else {
		if (match->op != FW_EQ)
			fprintf(out, "%s ", ops[match->op]);
		fw_range_print(out, type, size, match->low, match->high, match->prefix);
	}
}

/* nft prints a set of one element as that element, but for what it needs to stay a set. */
static bool is_single(const struct fw_match *match)
{
	return match->set && !match->set->name && match->set->count == 1 && !match->set->any &&
	       match->parts == 1 && !match->set->data;
}

static void match_print(FILE *out, const struct fw_match *match)
{
	struct fw_match single = *match;

	fields_print(out, match->fields, match->parts);
	fputc(' ', out);
	if (is_single(match) && !match->set->ranges && !fw_type(match->fields[0]->type)->bits) {
		single.low = match->set->elements[0].low;
		single.high = match->set->elements[0].high;
		single.set = NULL;
	}
	right_print(out, &single);
}

void fw_list_map(FILE *out, const char *word, const struct fw_match *match)
{
	fields_print(out, match->fields, match->parts);
	fprintf(out, " %s ", word);
	if (match->set->name)
		fprintf(out, "@%s", match->set->name);
	else
		fw_list_elements(out, match->set);
}

static void bytes_print(FILE *out, uint64_t bytes)
{
	static const char *const units[] = {"bytes", "kbytes", "mbytes"};
	int unit = 0;

	for (; unit < 2 && bytes && bytes % 1024 == 0; unit++)
		bytes /= 1024;
	fprintf(out, "%llu %s", (unsigned long long)bytes, units[unit]);
}

static void limit_print(FILE *out, const struct fw_limit *limit)
{
	const char *period = limit->unit_s == 1       ? "second"
			     : limit->unit_s == 60    ? "minute"
			     : limit->unit_s == 3600  ? "hour"
			     : limit->unit_s == 86400 ? "day"
						      : "week";

	fprintf(out, "limit rate %s", limit->over ? "over " : "");
	if (limit->by_bytes)
		bytes_print(out, limit->rate);
	else
		fprintf(out, "%llu", (unsigned long long)limit->rate);
	fprintf(out, "/%s", period);
	if (limit->by_bytes && limit->burst) {
		fputs(" burst ", out);
		bytes_print(out, limit->burst);
	} else if (!limit->by_bytes && limit->burst != 5) {
		fprintf(out, " burst %llu packets", (unsigned long long)limit->burst);
	}
}

static void log_print(FILE *out, const struct fw_statement *statement)
{
	fputs("log", out);
	if (statement->log.prefix)
		fprintf(out, " prefix \"%s\"", statement->log.prefix);
	if (statement->log.group >= 0)
		fprintf(out, " group %d", statement->log.group);
	if (statement->log.level && strcmp(statement->log.level, "warn") != 0)
		fprintf(out, " level %s", statement->log.level);
}

static void reject_print(FILE *out, const struct fw_statement *statement)
{
	static const char *const names[] = {
		"", " with tcp", " with icmp", " with icmpv6", " with icmpx"};
	static const enum fw_type_id codes[] = {[FW_REJECT_ICMP] = FW_TYPE_ICMP_CODE,
		[FW_REJECT_ICMPV6] = FW_TYPE_ICMPV6_CODE,
		[FW_REJECT_ICMPX] = FW_TYPE_ICMPX_CODE};

	/* icmpx port-unreachable is what a bare reject means */
	if (statement->reject.kind == FW_REJECT_ICMPX && statement->reject.code == 1) {
		fputs("reject", out);
		return;
	}
	fprintf(out, "reject%s", names[statement->reject.kind]);
	if (statement->reject.kind == FW_REJECT_TCP)
		fputs(" reset", out);
	else if (statement->reject.kind > FW_REJECT_TCP) {
		fputc(' ', out);
		fw_value_print(
			out, fw_type(codes[statement->reject.kind]), 1, &statement->reject.code);
	}
}

void fw_list_statement(FILE *out, const struct fw_statement *statement)
{
	switch (statement->kind) {
	case FW_STATEMENT_MATCH:
		match_print(out, &statement->match);
		break;
	case FW_STATEMENT_MAP:
		fw_list_map(out, "vmap", &statement->match);
		break;
	case FW_STATEMENT_VERDICT:
		verdict_print(out, &statement->verdict);
		break;
	case FW_STATEMENT_COUNTER:
		fw_list_counter(out, &statement->counter);
		break;
	case FW_STATEMENT_LIMIT:
		limit_print(out, &statement->limit);
		break;
	case FW_STATEMENT_LOG:
		log_print(out, statement);
		break;
	case FW_STATEMENT_REJECT:
		reject_print(out, statement);
		break;
	case FW_STATEMENT_MARK:
		fputs("meta mark set ", out);
		if (statement->match.set)
			fw_list_map(out, "map", &statement->match);
		else
			fprintf(out, "0x%08x", statement->mark);
		break;
	case FW_STATEMENT_NAT:
		fw_list_nat(out, &statement->nat);
		break;
	}
}
