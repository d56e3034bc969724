/* SPDX-License-Identifier: BSD-3-Clause */
/* list.c: a rule as text, in the layout of `nft list ruleset`, so that nft reads it again. */
#include "apps/weir-fw/list_impl.h"
#include "apps/weir-fw/value.h"

#include <string.h>

void fw_list_verdict(FILE *out, const struct fw_verdict *verdict)
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
		fw_list_match(out, &statement->match);
		break;
	case FW_STATEMENT_MAP:
		fw_list_map(out, "vmap", &statement->match);
		break;
	case FW_STATEMENT_VERDICT:
		fw_list_verdict(out, &statement->verdict);
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
