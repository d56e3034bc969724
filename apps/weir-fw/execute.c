/* SPDX-License-Identifier: BSD-3-Clause */
/* execute.c: what the statements of a rule ask of a packet and do with it. */
#include "apps/weir-fw/eval_impl.h"

#include "apps/weir-fw/fields.h"
#include "apps/weir-fw/value.h"

#include <string.h>

/* A packet of another protocol does not have the field, as all others of its connection. */
static void note_field(
	struct fw_path *path, const struct fw_field *field, const struct fw_packet *packet)
{
	if (field->protocol >= 0 && field->protocol != packet->protocol)
		return;
	path->varies |= !fw_field_is_fixed(field);
}

static bool load_key(const struct fw_way *way, const struct fw_match *match, uint8_t key[FW_KEY])
{
	const struct fw_packet *packet = way->packet;
	struct fw_path *path = way->judge->record;
	uint32_t at = 0;

	if (match->family && match->family != packet->family)
		return false;
	for (uint32_t i = 0; path && i < match->parts; i++)
		note_field(path, match->fields[i], packet);
	/* all at once: what one field needs of the packet must hold for all */
	for (uint32_t i = 0; i < match->parts; i++) {
		if (!fw_field_load(match->fields[i], packet, key + at))
			return false;
		at += fw_field_size(match->fields[i]);
	}
	return true;
}

void fw_execute_count(const struct fw_way *way, const struct fw_tally *tally)
{
	struct fw_cell *cell = &way->cells[tally->number];
	struct fw_path *path = way->judge->record;

	fw_count(cell, 1, way->packet->network_length);
	if (!path)
		return;
	if (path->count < FW_PATH)
		path->counters[path->count++] = cell;
	else
		path->varies = true;
}

/* What the packet meets now may end otherwise for the next one. */
static void note_varies(const struct fw_way *way)
{
	if (way->judge->record)
		way->judge->record->varies = true;
}

static struct fw_element *find(
	const struct fw_way *way, const struct fw_set *set, const uint8_t *key)
{
	struct fw_element *element = fw_set_find(set, key);

	if (element && set->counted)
		fw_execute_count(way, &element->counter);
	return element;
}

static inline bool is_within(const struct fw_match *match, const uint8_t *key)
{
	int low = memcmp(key, match->low, match->key_size);

	return low == 0 || (low > 0 && memcmp(key, match->high, match->key_size) <= 0);
}

static bool compare(const struct fw_match *match, const uint8_t *key)
{
	const uint32_t size = match->key_size;
	uint64_t bits;

	switch (match->op) {
	case FW_EQ:
		return is_within(match, key);
	case FW_NE:
		return !is_within(match, key);
	case FW_LT:
		return memcmp(key, match->low, size) < 0;
	case FW_GT:
		return memcmp(key, match->low, size) > 0;
	case FW_LE:
		return memcmp(key, match->low, size) <= 0;
	case FW_GE:
		return memcmp(key, match->low, size) >= 0;
	default:
		bits = fw_bytes_number(key, size) & fw_bytes_number(match->low, size);
		return (bits != 0) == (match->op == FW_SOME_BITS);
	}
}

static bool holds(const struct fw_way *way, const struct fw_match *match)
{
	uint8_t key[FW_KEY];

	if (!load_key(way, match, key))
		return false;
	if (match->set)
		return (find(way, match->set, key) != NULL) == (match->op == FW_EQ);
	for (uint32_t i = 0; match->masked && i < match->key_size; i++)
		key[i] &= match->mask[i];
	return compare(match, key);
}

static enum fw_outcome look_up(struct fw_way *way, const struct fw_match *match)
{
	uint8_t key[FW_KEY];
	struct fw_element *element;

	if (!load_key(way, match, key))
		return FW_BREAK;
	element = find(way, match->set, key);
	if (!element)
		return FW_BREAK;
	way->verdict = &element->verdict;
	return element->verdict.kind == FW_CONTINUE ? FW_BREAK : FW_DECIDED;
}

static enum fw_outcome set_mark(struct fw_way *way, const struct fw_statement *statement)
{
	uint8_t key[FW_KEY];
	struct fw_element *element;

	if (!statement->match.set) {
		way->packet->mark = statement->mark;
		return FW_NEXT;
	}
	if (!load_key(way, &statement->match, key))
		return FW_BREAK;
	element = find(way, statement->match.set, key);
	if (!element)
		return FW_BREAK;
	way->packet->mark = element->data;
	return FW_NEXT;
}

static enum fw_outcome reject(struct fw_way *way, const struct fw_statement *statement)
{
	uint8_t family = way->packet->family;

	if ((statement->reject.kind == FW_REJECT_ICMP && family != FW_IP) ||
		(statement->reject.kind == FW_REJECT_ICMPV6 && family != FW_IP6))
		return FW_BREAK;
	way->decision->reject = statement;
	way->verdict = NULL;
	return FW_DECIDED;
}

/* The address, and the port, that a map has for the packet. */
static bool map_nat(const struct fw_way *way, struct fw_nat *nat)
{
	uint8_t key[FW_KEY];
	const struct fw_element *element;

	if (!load_key(way, nat->map, key))
		return false;
	element = find(way, nat->map->set, key);
	if (!element)
		return false;
	memcpy(nat->low, element->value, FW_VALUE);
	memcpy(nat->high, element->value, FW_VALUE);
	if (nat->map->set->data_port) {
		nat->has_ports = true;
		nat->port_low = nat->port_high =
			(uint16_t)fw_bytes_number(element->value + FW_VALUE, 2);
	}
	return true;
}

/* Rules of another family, or without a tracker, do nothing, as in the kernel. */
static enum fw_outcome bind_nat(struct fw_way *way, const struct fw_statement *statement)
{
	static const struct fw_verdict accept = {.kind = FW_ACCEPT};
	const struct fw_nat *nat = &statement->nat;
	struct fw_nat mapped;

	if (!way->judge->bind || (nat->has_address && nat->family != way->packet->family))
		return FW_BREAK;
	if (nat->map) {
		mapped = *nat;
		if (!map_nat(way, &mapped))
			return FW_BREAK;
		nat = &mapped;
	}
	way->bound = true;
	way->verdict = way->judge->bind(way->judge->tracker, way->packet, nat) ? &accept : NULL;
	return FW_DECIDED;
}

static enum fw_outcome execute(
	struct fw_way *way, const struct fw_rule *rule, struct fw_statement *statement)
{
	switch (statement->kind) {
	case FW_STATEMENT_MATCH:
		return holds(way, &statement->match) ? FW_NEXT : FW_BREAK;
	case FW_STATEMENT_MAP:
		return look_up(way, &statement->match);
	case FW_STATEMENT_VERDICT:
		way->verdict = &statement->verdict;
		return statement->verdict.kind == FW_CONTINUE ? FW_BREAK : FW_DECIDED;
	case FW_STATEMENT_COUNTER:
		fw_execute_count(way, &statement->counter);
		return FW_NEXT;
	case FW_STATEMENT_LIMIT:
		note_varies(way);
		return fw_limit_allows(&statement->limit, way->packet) != statement->limit.over
			       ? FW_NEXT
			       : FW_BREAK;
	case FW_STATEMENT_LOG:
		note_varies(way);
		if (way->judge->log)
			way->judge->log(way->judge->context, rule, statement, way->packet);
		return FW_NEXT;
	case FW_STATEMENT_REJECT:
		return reject(way, statement);
	case FW_STATEMENT_MARK:
		return set_mark(way, statement);
	case FW_STATEMENT_NAT:
		return bind_nat(way, statement);
	}
	return FW_BREAK;
}

enum fw_outcome fw_execute(struct fw_way *way, const struct fw_rule *rule, uint32_t *done)
{
	enum fw_outcome outcome = FW_NEXT;
	uint32_t i = *done;

	while (i < rule->count && outcome == FW_NEXT)
		outcome = execute(way, rule, &rule->statements[i++]);
	*done = i;
	return outcome;
}
