/* SPDX-License-Identifier: BSD-3-Clause */
/* list_match.c: what a rule asks of a packet, as nft prints it: fields, operators, flags, masks. */
#include "apps/weir-fw/list_impl.h"
#include "apps/weir-fw/value.h"

#include <string.h>

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

void fw_list_match(FILE *out, const struct fw_match *match)
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
