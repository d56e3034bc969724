/* SPDX-License-Identifier: BSD-3-Clause */
/* refuse.c: errors of the grammar. What nft knows and weir-fw does not is told from what neither
 * does. */
#include "apps/weir-fw/refuse.h"

#include "apps/common/units.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct known {
	const char *word, *why;
};

static const struct known statements[] = {
	{"@", "raw payload expressions and statements on sets"},
	{"add", "adding elements from a rule"},
	{"delete", "deleting elements from a rule"},
	{"dup", NULL},
	{"fib", NULL},
	{"flow", NULL},
	{"fwd", NULL},
	{"ipsec", NULL},
	{"jhash", NULL},
	{"last", NULL},
	{"log flags", NULL},
	{"meter", NULL},
	{"notrack", NULL},
	{"numgen", NULL},
	{"osf", NULL},
	{"queue", NULL},
	{"quota", NULL},
	{"secmark", NULL},
	{"socket", NULL},
	{"symhash", NULL},
	{"synproxy", NULL},
	{"tproxy", NULL},
	{"update", "updating elements from a rule"},
	{"cgroup", "meta cgroup"},
	{"cpu", "meta cpu"},
	{"iifgroup", "meta iifgroup"},
	{"iiftype", "meta iiftype"},
	{"nftrace", "meta nftrace"},
	{"oifgroup", "meta oifgroup"},
	{"oiftype", "meta oiftype"},
	{"pkttype", "pkttype without meta"},
	{"rtclassid", "meta rtclassid"},
	{"skgid", "meta skgid"},
	{"skuid", "meta skuid"},
};
static const struct known objects[] = {
	{"counter", "a named counter"},
	{"ct", "a helper, timeout or expectation of ct"},
	{"devices", "a chain of devices"},
	{"device", "a chain of one device"},
	{"dynamic", NULL},
	{"flags", "flags of a table"},
	{"flowtable", NULL},
	{"gc-interval", NULL},
	{"limit", "a named limit"},
	{"quota", "a named quota"},
	{"secmark", NULL},
	{"synproxy", NULL},
	{"timeout", "a timeout of elements"},
};
static const struct known commands[] = {
	{"destroy", NULL},
	{"describe", NULL},
	{"export", NULL},
	{"get", NULL},
	{"import", NULL},
	{"list", NULL},
	{"monitor", NULL},
	{"rename", NULL},
	{"replace", NULL},
	{"reset", NULL},
};

static void refuse(struct fw_parser *parser, struct fw_where where, const char *word,
	const struct known *known, size_t count, const char *what)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(known[i].word, word) == 0) {
			fw_error(parser->rules, where, "%s is not supported by weir-fw",
				known[i].why ? known[i].why : word);
			return;
		}
	fw_error(parser->rules, where, "'%s' is no %s", word, what);
}

#define COUNT(list) (sizeof(list) / sizeof(*(list)))

void fw_refuse_command(struct fw_parser *parser, struct fw_where where, const char *word)
{
	refuse(parser, where, word, commands, COUNT(commands),
		"command of a rule file: table, add, insert, flush, delete, define, include");
}

void fw_refuse_object(struct fw_parser *parser, struct fw_where where, const char *word)
{
	refuse(parser, where, word, objects, COUNT(objects),
		parser->set && where.line > parser->set->where.line
			? "property of a set"
			: "part of a table: chain, set or map");
}

void fw_refuse_statement(struct fw_parser *parser, struct fw_where where, const char *word)
{
	refuse(parser, where, word, statements, COUNT(statements), "match or statement");
}

void fw_error_syntax(struct fw_parser *parser, struct fw_where where, bool at_end,
	const char *const *expected, int count)
{
	char text[256] = "", seen[64];
	size_t length = 0;

	for (int i = 0; i < count && length < sizeof(text); i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s",
			i == 0 ? "; here may stand " : " or ", expected[i]);
	if (at_end || where.length == 0)
		snprintf(seen, sizeof(seen), "the end of the file");
	else
		fw_where_text(&where, seen, sizeof(seen));
	fw_error(parser->rules, where, "syntax: %s is unexpected%s", seen, text);
}

bool fw_number(struct fw_parser *parser, struct fw_where where, const char *text, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 0);
	if (*end || errno)
		return fw_error(parser->rules, where, "'%s' is no number that can be here", text);
	return true;
}
