/* SPDX-License-Identifier: BSD-3-Clause */
/* value.c: what a constant in the text means for the type that is asked for. */
#include "apps/weir-fw/value.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

struct fw_node *fw_meant(struct fw_node *node)
{
	while (node && node->kind == FW_NODE_VARIABLE)
		node = node->a;
	return node;
}

static bool bad(struct fw_ruleset *rules, const struct fw_node *node, const struct fw_type *type)
{
	return fw_error(
		rules, node->where, "'%s' is not %s", node->text ? node->text : "this", type->what);
}

static bool number(struct fw_ruleset *rules, const struct fw_type *type, uint64_t max,
	const struct fw_node *node, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(node->text, &end, 0);
	if (*node->text < '0' || *node->text > '9' || *end)
		return bad(rules, node, type);
	if (errno || *value > max)
		return fw_error(rules, node->where, "%s is beyond %llu, the most that fits here",
			node->text, (unsigned long long)max);
	return true;
}

static bool symbol(const struct fw_type *type, const char *name, uint64_t *value)
{
	for (const struct fw_symbol *at = type->symbols; at && at->name; at++)
		if (strcmp(at->name, name) == 0) {
			*value = at->value;
			return true;
		}
	return false;
}

static bool service(const char *name, uint64_t *value)
{
	struct servent entry, *found = NULL;
	char buffer[2048];

	if (getservbyname_r(name, NULL, &entry, buffer, sizeof(buffer), &found) || !found)
		return false;
	*value = ntohs((uint16_t)found->s_port);
	return true;
}

static bool mac(const char *text, uint8_t *bytes)
{
	char *end;

	for (int i = 0; i < 6; i++, text = end + 1) {
		bytes[i] = (uint8_t)strtoul(text, &end, 16);
		if (end == text || end > text + 2 || *end != (i < 5 ? ':' : 0))
			return false;
	}
	return true;
}

/* "eth*" is the range of all names that start so. */
static bool interface(struct fw_ruleset *rules, const struct fw_type *type,
	const struct fw_node *node, struct fw_range *range)
{
	size_t length = strlen(node->text);
	bool star = length > 0 && node->text[length - 1] == '*' && type->id == FW_TYPE_IFNAME;

	length -= star;
	if (length >= FW_IFNAMSIZ)
		return fw_error(rules, node->where,
			"'%s' is longer than an interface's name can be, %d characters", node->text,
			FW_IFNAMSIZ - 1);
	if (length == 0)
		return bad(rules, node, type);
	memset(range, 0, sizeof(*range));
	memcpy(range->low, node->text, length);
	memcpy(range->high, node->text, length);
	if (star)
		memset(range->high + length, 0xff, FW_IFNAMSIZ - length);
	return true;
}

/* One word, number or address. */
static bool atom(struct fw_ruleset *rules, const struct fw_type *type, uint32_t size, uint64_t max,
	const struct fw_node *node, struct fw_range *range)
{
	uint64_t value = 0;
	bool good;

	switch (type->id) {
	case FW_TYPE_IPV4:
		good = inet_pton(AF_INET, node->text, range->low) == 1;
		break;
	case FW_TYPE_IPV6:
		good = inet_pton(AF_INET6, node->text, range->low) == 1;
		break;
	case FW_TYPE_ETHER:
		good = mac(node->text, range->low);
		break;
	case FW_TYPE_IFNAME:
	case FW_TYPE_IFINDEX:
		return interface(rules, type, node, range);
	case FW_TYPE_SERVICE:
		good = node->kind != FW_NODE_ATOM && service(node->text, &value);
		if (!good && !number(rules, type, max, node, &value))
			return false;
		good = true;
		fw_number_bytes(value, range->low, size);
		break;
	default:
		if (!symbol(type, node->text, &value) && !number(rules, type, max, node, &value))
			return false;
		good = true;
		fw_number_bytes(value, range->low, size);
	}
	if (!good)
		return bad(rules, node, type);
	memcpy(range->high, range->low, size);
	return true;
}

static bool prefix(struct fw_ruleset *rules, const struct fw_type *type, uint32_t size,
	uint64_t max, struct fw_node *node, struct fw_range *range)
{
	struct fw_node *length = fw_meant(node->b);
	uint64_t bits;

	if (type->id != FW_TYPE_IPV4 && type->id != FW_TYPE_IPV6)
		return fw_error(
			rules, node->where, "only addresses have prefixes, not %s", type->what);
	if (!fw_value(rules, type, size, max, node->a, range))
		return false;
	if (length->kind != FW_NODE_ATOM)
		return fw_error(rules, length->where, "the length of a prefix is a number");
	if (!number(rules, fw_type(FW_TYPE_INTEGER), size * 8, length, &bits))
		return false;
	for (uint32_t i = 0; i < size; i++) {
		uint32_t here = bits > i * 8 ? (uint32_t)bits - i * 8 : 0;
		uint8_t mask = (uint8_t)(here >= 8 ? 0xff : 0xff00u >> here);

		range->low[i] &= mask;
		range->high[i] = (uint8_t)(range->low[i] | (uint8_t)~mask);
	}
	return true;
}

static bool range_of(struct fw_ruleset *rules, const struct fw_type *type, uint32_t size,
	uint64_t max, struct fw_node *node, struct fw_range *range)
{
	struct fw_range high;

	if (type->bits || type->id == FW_TYPE_IFNAME || type->id == FW_TYPE_IFINDEX)
		return fw_error(rules, node->where, "there are no ranges of %s", type->what);
	if (!node->a)
		return fw_error(rules, node->where, "a negative number is not %s", type->what);
	if (!fw_value(rules, type, size, max, node->a, range) ||
		!fw_value(rules, type, size, max, node->b, &high))
		return false;
	if (memcmp(range->low, high.low, size) > 0)
		return fw_error(rules, node->where, "the range ends before it starts");
	memcpy(range->high, high.high, size);
	return true;
}

static bool flags(struct fw_ruleset *rules, const struct fw_type *type, uint32_t size, uint64_t max,
	struct fw_node *node, struct fw_range *range)
{
	struct fw_range second;

	if (!type->bits)
		return fw_error(rules, node->where, "%s cannot be joined by |", type->what);
	if (!fw_value(rules, type, size, max, node->a, range) ||
		!fw_value(rules, type, size, max, node->b, &second))
		return false;
	for (uint32_t i = 0; i < size; i++)
		range->low[i] = range->high[i] |= second.low[i];
	return true;
}

bool fw_value(struct fw_ruleset *rules, const struct fw_type *type, uint32_t size, uint64_t max,
	struct fw_node *node, struct fw_range *range)
{
	struct fw_node *meant = fw_meant(node);

	memset(range, 0, sizeof(*range));
	switch (meant->kind) {
	case FW_NODE_WORD:
	case FW_NODE_ATOM:
	case FW_NODE_STRING:
		return atom(rules, type, size, max, meant, range);
	case FW_NODE_PREFIX:
		return prefix(rules, type, size, max, meant, range);
	case FW_NODE_RANGE:
		return range_of(rules, type, size, max, meant, range);
	case FW_NODE_OR:
		return flags(rules, type, size, max, meant, range);
	case FW_NODE_CONCAT:
		return fw_error(rules, node->where, "a concatenation stands where %s is wanted",
			type->what);
	case FW_NODE_SET:
		return fw_error(rules, node->where, "a set stands where %s is wanted", type->what);
	default:
		return fw_error(rules, node->where, "this is not %s", type->what);
	}
}

bool fw_value_single(struct fw_ruleset *rules, const struct fw_type *type, uint32_t size,
	uint64_t max, struct fw_node *node, uint8_t *value)
{
	struct fw_node *meant = fw_meant(node);
	struct fw_range range;

	if (meant->kind == FW_NODE_LIST) {
		if (!type->bits)
			return fw_error(rules, node->where,
				"several values need braces here, as in { a, b }: %s is no set of "
				"flags",
				type->what);
		memset(value, 0, size);
		for (struct fw_node *item = meant->list; item; item = item->next) {
			if (!fw_value(rules, type, size, max, item, &range))
				return false;
			for (uint32_t i = 0; i < size; i++)
				value[i] |= range.low[i];
		}
		return true;
	}
	if (!fw_value(rules, type, size, max, meant, &range))
		return false;
	if (memcmp(range.low, range.high, size) != 0)
		return fw_error(rules, node->where, "a range stands where one value is wanted");
	memcpy(value, range.low, size);
	return true;
}
