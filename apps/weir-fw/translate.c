/* SPDX-License-Identifier: BSD-3-Clause */
/* translate.c: snat, dnat, masquerade and redirect, from the text and back to it. */
#include "apps/weir-fw/list_impl.h"
#include "apps/weir-fw/value.h"

#include <string.h>

static const char *const kinds[] = {[FW_SNAT] = "snat",
	[FW_DNAT] = "dnat",
	[FW_MASQUERADE] = "masquerade",
	[FW_REDIRECT] = "redirect"};

static bool has_ports(int protocol)
{
	enum { TCP = 6, UDP = 17, DCCP = 33, SCTP = 132, UDPLITE = 136 };

	return protocol == TCP || protocol == UDP || protocol == SCTP || protocol == DCCP ||
	       protocol == UDPLITE;
}

/* As nft, any match on the protocol will do when it leaves several. */
static bool asks_protocol(const struct fw_context *context)
{
	for (uint32_t i = 0; context->protocol < 0 && i < context->count; i++)
		if (context->statements[i].kind == FW_STATEMENT_MATCH &&
			context->statements[i].match.fields[0]->type == FW_TYPE_PROTO)
			return true;
	return false;
}

/* Of which family an address is: what the statement says, or the table. */
static bool take_family(struct fw_context *context, struct fw_node *tree, struct fw_nat *nat)
{
	uint8_t table = (uint8_t)context->rule->chain->table->family;

	nat->family = table;
	nat->named = !table;
	if (tree->more && strcmp(tree->more, "ip") != 0 && strcmp(tree->more, "ip6") != 0)
		return fw_error(context->rules, tree->where, "%s %s: use ip or ip6", tree->text,
			tree->more);
	if (tree->more)
		nat->family = strcmp(tree->more, "ip") == 0 ? FW_IP : FW_IP6;
	if (table && nat->family != table)
		return fw_error(context->rules, tree->where, "%s is not of the family of its table",
			tree->more);
	if (!nat->family)
		return fw_error(context->rules, tree->where,
			"in a table of the family inet, write %s ip to or %s ip6 to", tree->text,
			tree->text);
	if (context->family && context->family != nat->family)
		return fw_error(context->rules, tree->where,
			"this address is of another family than the packets that get here");
	return true;
}

static const struct fw_type *address_type(const struct fw_nat *nat)
{
	return fw_type(nat->family == FW_IP ? FW_TYPE_IPV4 : FW_TYPE_IPV6);
}

/* What ports need in front of them. */
static bool can_have_ports(struct fw_context *context, struct fw_where where)
{
	if (has_ports(context->protocol) || asks_protocol(context))
		return true;
	return fw_error(context->rules, where,
		"ports can only be given behind a match on a protocol that has them, as tcp dport "
		"or meta l4proto udp");
}

static bool maps_ports(const struct fw_match *map)
{
	for (uint32_t i = 0; i < map->parts; i++)
		if (has_ports(map->fields[i]->protocol))
			return true;
	return false;
}

static bool take_map(struct fw_context *context, struct fw_node *tree, struct fw_nat *nat)
{
	struct fw_match *map = fw_alloc(context->rules->arena, sizeof(*map));

	if (tree->op)
		return fw_error(context->rules, tree->where,
			"%s prefix to a map is not supported by weir-fw", tree->text);
	if (!fw_compile_map(context, tree->c, tree->a, address_type(nat), map))
		return false;
	nat->map = map;
	nat->has_address = true;
	if (map->set->data_port && tree->b)
		return fw_error(
			context->rules, tree->b->where, "the map has ports, and there is another");
	return !map->set->data_port || maps_ports(map) || can_have_ports(context, tree->c->where);
}

static bool take_addresses(struct fw_context *context, struct fw_node *tree, struct fw_nat *nat)
{
	struct fw_range range;
	uint32_t size;

	if (nat->kind == FW_MASQUERADE || nat->kind == FW_REDIRECT)
		return fw_error(context->rules, tree->a->where,
			"%s takes the address of the interface: only ports can follow", tree->text);
	if (!take_family(context, tree, nat))
		return false;
	if (tree->c)
		return take_map(context, tree, nat);
	size = nat->family == FW_IP ? 4 : 16;
	if (!fw_value(context->rules, address_type(nat), size, UINT64_MAX, tree->a, &range))
		return false;
	nat->prefix = tree->op;
	if (nat->prefix && tree->list)
		return fw_error(context->rules, tree->list->where,
			"%s prefix with %s is not supported by weir-fw", tree->text,
			tree->list->text);
	if (tree->b && fw_meant(tree->a)->kind == FW_NODE_PREFIX)
		return fw_error(context->rules, tree->b->where, "a prefix takes no ports");
	if (!nat->prefix && memcmp(range.low, range.high, size - 4) != 0)
		return fw_error(context->rules, tree->a->where,
			"a range of more than 2^32 addresses is not supported by weir-fw");
	memcpy(nat->low, range.low, FW_VALUE);
	memcpy(nat->high, range.high, FW_VALUE);
	nat->single = fw_meant(tree->a)->kind == FW_NODE_PREFIX &&
		      memcmp(range.low, range.high, size) == 0;
	nat->has_address = true;
	return true;
}

static bool take_ports(struct fw_context *context, struct fw_node *ports, struct fw_nat *nat)
{
	struct fw_range range;

	if (!(nat->map && maps_ports(nat->map)) && !can_have_ports(context, ports->where))
		return false;
	if (!fw_value(context->rules, fw_type(FW_TYPE_SERVICE), 2, UINT16_MAX, ports, &range))
		return false;
	nat->port_low = (uint16_t)fw_bytes_number(range.low, 2);
	nat->port_high = (uint16_t)fw_bytes_number(range.high, 2);
	if (!nat->port_low)
		return fw_error(context->rules, ports->where, "there is no port 0");
	nat->has_ports = true;
	return true;
}

bool fw_compile_nat(struct fw_context *context, struct fw_node *tree)
{
	struct fw_statement *statement = fw_statement_add(context, FW_STATEMENT_NAT, tree->where);
	struct fw_nat *nat;

	if (!statement)
		return false;
	nat = &statement->nat;
	while (strcmp(kinds[nat->kind], tree->text) != 0)
		nat->kind++;
	if (tree->a && !take_addresses(context, tree, nat))
		return false;
	if (tree->b && !take_ports(context, tree->b, nat))
		return false;
	for (struct fw_node *flag = tree->list; flag; flag = flag->next) {
		nat->random |= strcmp(flag->text, "random") == 0;
		nat->fully_random |= strcmp(flag->text, "fully-random") == 0;
		nat->persistent |= strcmp(flag->text, "persistent") == 0;
	}
	context->ended = true;
	context->rules->stateful = true;
	return true;
}

static void ports_print(FILE *out, const struct fw_nat *nat)
{
	fprintf(out, ":%u", nat->port_low);
	if (nat->port_high != nat->port_low)
		fprintf(out, "-%u", nat->port_high);
}

static void address_print(FILE *out, const struct fw_nat *nat)
{
	const struct fw_type *type = address_type(nat);
	uint32_t size = nat->family == FW_IP ? 4 : 16;
	bool brackets = nat->family == FW_IP6 && nat->has_ports;

	if (nat->map) {
		fw_list_map(out, "map", nat->map);
		return;
	}
	if (!nat->has_ports) {
		fw_range_print(out, type, size, nat->low, nat->high, true);
		if (nat->single)
			fprintf(out, "/%u", size * 8);
		return;
	}
	fputs(brackets ? "[" : "", out);
	fw_value_print(out, type, size, nat->low);
	if (memcmp(nat->low, nat->high, size) != 0) {
		fputs(brackets ? "]-[" : "-", out);
		fw_value_print(out, type, size, nat->high);
	}
	fputs(brackets ? "]" : "", out);
}

void fw_list_nat(FILE *out, const struct fw_nat *nat)
{
	const char *between = " ";
	bool named = nat->has_address && (nat->named || (nat->map && nat->map->set->data_port));

	fputs(kinds[nat->kind], out);
	if (named)
		fputs(nat->family == FW_IP ? " ip" : " ip6", out);
	if (nat->prefix)
		fputs(" prefix", out);
	if (nat->has_address || nat->has_ports)
		fputs(" to ", out);
	if (nat->has_address)
		address_print(out, nat);
	if (nat->has_ports)
		ports_print(out, nat);
	if (nat->random) {
		fprintf(out, "%srandom", between);
		between = ",";
	}
	if (nat->fully_random) {
		fprintf(out, "%sfully-random", between);
		between = ",";
	}
	if (nat->persistent)
		fprintf(out, "%spersistent", between);
}
