/* SPDX-License-Identifier: BSD-3-Clause */
/* index.c: for each family, the rules of a chain that may be for it, and a classifier (weir/acl.h)
 * of what they ask of addresses, ports and protocol. Its key has only what some rule asks for. */
#include "apps/weir-fw/index.h"

#include "apps/weir-fw/bounds.h"

#include <errno.h>
#include <string.h>

/* A chain of so many rules is gone through: of 5 that ask for addresses and ports, tuples take 85
 * ns a packet instead of 145. */
#define FEW 4
/* Below, tuples are as fast as classes, and built in 20 us instead of 2.5 ms. */
#define MANY 32

/* Of one family. */
struct part {
	uint32_t used;          /* slots of the key, as bits */
	struct weir_acl *acl;   /* NULL: nothing is asked of them */
	struct fw_rule **rules; /* by the acl's number; NULL behind the last */
	uint32_t count;
	uint32_t *places; /* by a rule's place in the chain: it, or the next one, in rules */
};

struct fw_index {
	struct fw_index *next;
	struct part parts[2]; /* IPv4, IPv6 */
};

/* ---- ask ---- */

static inline uint32_t put(uint8_t *key, uint32_t at, const uint8_t *value, uint32_t size)
{
	memcpy(key + at, value, size);
	return at + size;
}

static inline bool uses(const struct part *part, enum fw_slot slot)
{
	return part->used & 1u << slot;
}

/* false: the packet does not have all of it. Places of addresses: RFC 791, RFC 8200. */
static inline bool fill_key(
	const struct part *part, const struct fw_packet *packet, uint8_t *key, uint8_t family)
{
	const uint8_t *addresses = packet->network + (family == FW_IP ? 12 : 8);
	uint32_t size = fw_slot_size(FW_SLOT_SOURCE, family), at = 0;

	if (uses(part, FW_SLOT_SOURCE))
		at = put(key, at, addresses, size);
	if (uses(part, FW_SLOT_DESTINATION))
		at = put(key, at, addresses + size, size);
	if (uses(part, FW_SLOT_SOURCE_PORT) || uses(part, FW_SLOT_DESTINATION_PORT)) {
		if (!packet->transport || packet->transport_length < 4)
			return false;
		if (uses(part, FW_SLOT_SOURCE_PORT))
			at = put(key, at, packet->transport, 2);
		if (uses(part, FW_SLOT_DESTINATION_PORT))
			at = put(key, at, packet->transport + 2, 2);
	}
	if (uses(part, FW_SLOT_PROTOCOL)) {
		if (!packet->has_protocol)
			return false;
		key[at] = packet->protocol;
	}
	return true;
}

struct fw_rule *fw_index_next(const struct fw_index *index, const struct fw_packet *packet,
	struct fw_rule *rule, uint32_t *said)
{
	const uint32_t family = packet->family != FW_IP;
	const struct part *part = &index->parts[family];
	uint32_t at = part->places[rule->number - 1];
	uint8_t key[WEIR_ACL_KEY];
	bool whole;

	*said = 0;
	if (!part->acl)
		return part->rules[at];
	whole = packet->family == FW_IP ? fill_key(part, packet, key, FW_IP)
					: fill_key(part, packet, key, FW_IP6);
	if (!whole)
		return rule;
	at = weir_acl_next(part->acl, key, at);
	if (at == WEIR_ACL_NONE)
		return NULL;
	*said = part->rules[at]->said[family];
	return part->rules[at];
}

/* ---- build ---- */

static uint32_t slots_used(const struct fw_bounds *bounds)
{
	struct fw_bounds open;
	uint32_t used = 0;

	fw_bounds_open(&open);
	for (enum fw_slot i = 0; i < FW_SLOTS; i++)
		if (memcmp(&bounds->slots[i], &open.slots[i], sizeof(open.slots[i])) != 0)
			used |= 1u << i;
	return used;
}

/* The rules that may be for this family, and what they ask for. */
static void choose_rules(struct part *part, struct fw_arena *arena, const struct fw_chain *chain,
	uint8_t family, struct fw_bounds *bounds)
{
	uint32_t used;

	part->rules = fw_alloc(arena, (chain->count + 1) * sizeof(struct fw_rule *));
	part->places = fw_alloc(arena, chain->count * sizeof(*part->places));
	for (struct fw_rule *rule = chain->rules; rule; rule = rule->next) {
		part->places[rule->number - 1] = part->count;
		if (!fw_bounds_of(rule, family, &bounds[part->count]))
			continue;
		used = slots_used(&bounds[part->count]);
		part->used |= used;
		rule->said[family != FW_IP] = bounds[part->count].said;
		if (!used)
			rule->open |= family == FW_IP ? 1 : 2;
		part->rules[part->count++] = rule;
	}
}

static void lay_out(const struct part *part, uint8_t family, const struct fw_bounds *bounds,
	struct weir_acl_rule *rule)
{
	uint32_t at = 0;

	memset(rule, 0, sizeof(*rule));
	for (enum fw_slot i = 0; i < FW_SLOTS; i++) {
		uint8_t size = fw_slot_size(i, family);

		if (!uses(part, i))
			continue;
		memcpy(rule->from + at, bounds->slots[i].from, size);
		memcpy(rule->to + at, bounds->slots[i].to, size);
		at += size;
	}
}

static int build_acl(struct part *part, uint8_t family, struct weir_acl_conf conf,
	const struct fw_bounds *bounds, struct fw_arena *scratch)
{
	struct weir_acl_field fields[FW_SLOTS];
	struct weir_acl_rule *rules = fw_alloc(scratch, (part->count + 1) * sizeof(*rules));

	for (enum fw_slot i = 0; i < FW_SLOTS; i++)
		if (uses(part, i))
			fields[conf.field_count++] = (struct weir_acl_field){
				fw_slot_is_range(i) ? WEIR_ACL_RANGE : WEIR_ACL_MASK,
				fw_slot_size(i, family)};
	for (uint32_t i = 0; i < part->count; i++)
		lay_out(part, family, &bounds[i], &rules[i]);
	conf.fields = fields;
	conf.rules = rules;
	conf.count = part->count;
	part->acl = weir_acl_create(&conf);
	return part->acl ? 0 : -errno;
}

static int build_chain(struct fw_ruleset *rules, struct fw_chain *chain, enum weir_acl_way way)
{
	static const uint8_t families[] = {FW_IP, FW_IP6};
	struct weir_acl_conf conf = {.name = chain->name, .way = way};
	struct fw_index *index = fw_alloc(rules->arena, sizeof(*index));
	struct fw_arena *scratch = fw_arena_create();
	struct fw_bounds *bounds = fw_alloc(scratch, chain->count * sizeof(*bounds));
	int error = 0;

	if (way == WEIR_ACL_BEST && chain->count < MANY)
		conf.way = WEIR_ACL_TUPLES;
	index->next = rules->indexes;
	rules->indexes = index;
	for (uint32_t i = 0; !error && i < 2; i++) {
		if (chain->table->family != FW_INET && chain->table->family != families[i])
			continue;
		choose_rules(&index->parts[i], rules->arena, chain, families[i], bounds);
		if (index->parts[i].used)
			error = build_acl(&index->parts[i], families[i], conf, bounds, scratch);
	}
	fw_arena_destroy(scratch);
	if (!error)
		chain->index = index;
	return error;
}

int fw_index_build(struct fw_ruleset *rules, enum weir_acl_way way)
{
	for (struct fw_table *table = rules->tables; table; table = table->next)
		for (struct fw_chain *chain = table->chains; chain; chain = chain->next) {
			int error = chain->count > FEW ? build_chain(rules, chain, way) : 0;

			if (error)
				return error;
		}
	return 0;
}

void fw_index_destroy(struct fw_ruleset *rules)
{
	for (struct fw_index *index = rules->indexes; index; index = index->next)
		for (uint32_t i = 0; i < 2; i++)
			weir_acl_destroy(index->parts[i].acl);
}
