/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_acl.c: the first rule that a key matches. */
#include "benches.h"
#include "harness/work_rules.h"

#include <weir/acl.h>

#include <stdlib.h>
#include <string.h>

static void put(uint8_t *bytes, uint32_t size, uint32_t number)
{
	while (size-- > 0) {
		bytes[size] = (uint8_t)number;
		number >>= 8;
	}
}

static uint32_t mask_of(uint32_t length)
{
	return length ? UINT32_MAX << (32 - length) : 0;
}

static void pack(const struct work_rule *rule, struct weir_acl_rule *packed)
{
	packed->from[0] = rule->protocol;
	packed->to[0] = rule->protocol_mask;
	put(packed->from + 1, 4, rule->source);
	put(packed->to + 1, 4, mask_of(rule->source_length));
	put(packed->from + 5, 4, rule->target);
	put(packed->to + 5, 4, mask_of(rule->target_length));
	put(packed->from + 9, 2, rule->from_port);
	put(packed->to + 9, 2, rule->from_end);
	put(packed->from + 11, 2, rule->to_port);
	put(packed->to + 11, 2, rule->to_end);
}

static void *create(const struct options *options, const struct work_rule *rules, uint32_t count)
{
	static const struct weir_acl_field fields[] = {{WEIR_ACL_MASK, 1}, {WEIR_ACL_MASK, 4},
		{WEIR_ACL_MASK, 4}, {WEIR_ACL_RANGE, 2}, {WEIR_ACL_RANGE, 2}};
	struct weir_acl_rule *packed = calloc(count, sizeof(*packed));
	struct weir_acl_conf conf = {.name = "bench",
		.fields = fields,
		.field_count = 5,
		.rules = packed,
		.count = count,
		.pages = (enum weir_pages)benches_pages(options->pages),
		.node = benches_node(options->node)};
	struct weir_acl *acl;

	for (uint32_t i = 0; packed && i < count; i++)
		pack(&rules[i], &packed[i]);
	acl = packed ? weir_acl_create(&conf) : NULL;
	free(packed);
	return acl;
}

static void destroy(void *set)
{
	weir_acl_destroy(set);
}

static const char *pages(void *set)
{
	(void)set;
	return "any";
}

static inline void find(const struct work_rules *work, uint32_t at, uint32_t count, uint32_t *found)
{
	weir_acl_lookup_bulk(work->set, work->keys + (size_t)at * WORK_RULE_KEY, count, found);
}

static uint64_t run(void *work, uint64_t rounds)
{
	return work_rules_run(find, work, rounds);
}

static const struct rules_subject subject = {
	.create = create, .destroy = destroy, .pages = pages, .find = find, .run = run};

const struct bench bench_acl = {
	"acl", "find the first of a thousand rules that matches", bench_rules, &subject};
