/* SPDX-License-Identifier: BSD-3-Clause */
/* statement_log.c: the options of a log statement. */
#include "apps/weir-fw/value.h"

#include <stdlib.h>
#include <string.h>

/* NF_LOG_PREFIXLEN of the kernel, with its end. */
#define PREFIX_MAX 127

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

bool fw_compile_log(struct fw_context *context, struct fw_node *tree)
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
