/* SPDX-License-Identifier: BSD-3-Clause */
/* statement_limit.c: limits of packets or bytes in a time, and of bursts. */
#include "apps/weir-fw/value.h"

#include <string.h>

#define NS_PER_S UINT64_C(1000000000)
/* NFT_LIMIT_PKT_BURST_DEFAULT of the kernel, and what nft sends. */
#define BURST 5

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

bool fw_compile_limit(struct fw_context *context, struct fw_node *tree)
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
