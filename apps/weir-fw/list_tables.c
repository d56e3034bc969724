/* SPDX-License-Identifier: BSD-3-Clause */
/* list_tables.c: the frame of a listing: tables, sets, chains and their rules. */
#include "apps/weir-fw/fields.h"
#include "apps/weir-fw/list_impl.h"

#include <stdlib.h>
#include <string.h>

/* nft leaves out a match that the next one implies: `meta l4proto tcp` before `tcp dport`. */
static bool is_implied(const struct fw_statement *first, const struct fw_statement *next)
{
	const struct fw_match *match = &first->match;
	const struct fw_field *field, *after;

	if (first->kind != FW_STATEMENT_MATCH || match->parts != 1 || match->op != FW_EQ ||
		match->masked || match->set || fw_field_size(match->fields[0]) > 1 ||
		match->low[0] != match->high[0])
		return false;
	if (next->kind != FW_STATEMENT_MATCH && next->kind != FW_STATEMENT_MAP)
		return false;
	field = match->fields[0];
	after = next->match.fields[0];
	if (field->base == FW_BASE_META && field->number == FW_META_NFPROTO)
		return after->family == match->low[0];
	if (field->base == FW_BASE_META && field->number == FW_META_L4PROTO)
		return after->protocol == match->low[0];
	return strcmp(field->header, "ip") == 0 && strcmp(field->name, "protocol") == 0 &&
	       after->protocol == match->low[0];
}

void fw_list_rule(FILE *out, const struct fw_rule *rule)
{
	bool first = true;

	for (uint32_t i = 0; i < rule->count; i++) {
		if (i + 1 < rule->count &&
			is_implied(&rule->statements[i], &rule->statements[i + 1]))
			continue;
		if (!first)
			fputc(' ', out);
		fw_list_statement(out, &rule->statements[i]);
		first = false;
	}
	if (rule->comment)
		fprintf(out, " comment \"%s\"", rule->comment);
}

/* Of linux/netfilter_ipv4.h; nft names the one that is not further than 10 away. */
static void priority_print(FILE *out, const struct fw_chain *chain)
{
	static const struct {
		const char *name;
		int32_t value;
	} names[] = {{"raw", -300}, {"mangle", -150}, {"dstnat", -100}, {"filter", 0},
		{"security", 50}, {"srcnat", 100}};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		int32_t offset = chain->priority - names[i].value;
		bool right_hook = (names[i].value != -100 || chain->hook == FW_PREROUTING) &&
				  (names[i].value != 100 || chain->hook == FW_POSTROUTING);

		if (!right_hook || abs(offset) > 10)
			continue;
		fputs(names[i].name, out);
		if (offset)
			fprintf(out, " %c %d", offset < 0 ? '-' : '+', abs(offset));
		return;
	}
	fprintf(out, "%d", chain->priority);
}

static void chain_print(FILE *out, const struct fw_chain *chain)
{
	fprintf(out, "\tchain %s {\n", chain->name);
	if (chain->comment)
		fprintf(out, "\t\tcomment \"%s\"\n", chain->comment);
	if (chain->base) {
		fprintf(out, "\t\ttype %s hook %s priority ", chain->type,
			fw_hook_name(chain->hook));
		priority_print(out, chain);
		fprintf(out, "; policy %s;\n", chain->policy == FW_ACCEPT ? "accept" : "drop");
	}
	for (const struct fw_rule *rule = chain->rules; rule; rule = rule->next) {
		fputs("\t\t", out);
		fw_list_rule(out, rule);
		fputc('\n', out);
	}
	fputs("\t}\n", out);
}

static void types_print(FILE *out, const struct fw_set *set)
{
	bool fields = set->fields[0] != NULL;

	fputs(fields ? "\t\ttypeof " : "\t\ttype ", out);
	for (uint32_t i = 0; i < set->parts; i++) {
		fputs(i ? " . " : "", out);
		if (fields)
			fw_field_print(out, set->fields[i]);
		else
			fputs(set->types[i]->name, out);
	}
	if (set->data)
		fprintf(out, " : %s",
			fields && set->data->id == FW_TYPE_MARK ? "meta mark" : set->data->name);
	if (set->data_port)
		fputs(" . inet_service", out);
	fputc('\n', out);
}

static void set_print(FILE *out, const struct fw_set *set)
{
	fprintf(out, "\t%s %s {\n", set->data ? "map" : "set", set->name);
	types_print(out, set);
	if (set->size)
		fprintf(out, "\t\tsize %u\n", set->size);
	if (set->constant || set->interval)
		fprintf(out, "\t\tflags %s%s%s\n", set->constant ? "constant" : "",
			set->constant && set->interval ? "," : "", set->interval ? "interval" : "");
	if (set->counted)
		fputs("\t\tcounter\n", out);
	if (set->auto_merge)
		fputs("\t\tauto-merge\n", out);
	if (set->comment)
		fprintf(out, "\t\tcomment \"%s\"\n", set->comment);
	if (set->count || set->any) {
		fputs("\t\telements = ", out);
		fw_list_elements(out, set);
		fputc('\n', out);
	}
	fputs("\t}\n", out);
}

static void table_print(FILE *out, const struct fw_table *table)
{
	const char *gap = "";

	fprintf(out, "table %s %s {\n", fw_family_name(table->family), table->name);
	if (table->comment)
		fprintf(out, "\tcomment \"%s\"\n", table->comment);
	for (const struct fw_set *set = table->sets; set; set = set->next, gap = "\n") {
		fputs(gap, out);
		set_print(out, set);
	}
	for (const struct fw_chain *chain = table->chains; chain; chain = chain->next, gap = "\n") {
		fputs(gap, out);
		chain_print(out, chain);
	}
	fputs("}\n", out);
}

void fw_list(FILE *out, const struct fw_ruleset *rules)
{
	for (const struct fw_table *table = rules->tables; table; table = table->next)
		table_print(out, table);
}
