/* SPDX-License-Identifier: BSD-3-Clause */
/* dpdk_acl.c: DPDK's rte_acl, with the widest vectors that it has here. */
#include "../harness/work_rules.h"
#include "dpdk_calls.h"

#include <rte_acl.h>
#include <rte_vect.h>

enum { PROTOCOL, SOURCE, TARGET, FROM_PORT, TO_PORT, FIELDS };

RTE_ACL_RULE_DEF(acl_rule, FIELDS);

/* The ports are one group of four bytes. */
static const struct rte_acl_field_def fields[FIELDS] = {
	{RTE_ACL_FIELD_TYPE_BITMASK, 1, PROTOCOL, 0, 0},
	{RTE_ACL_FIELD_TYPE_MASK, 4, SOURCE, 1, 1},
	{RTE_ACL_FIELD_TYPE_MASK, 4, TARGET, 2, 5},
	{RTE_ACL_FIELD_TYPE_RANGE, 2, FROM_PORT, 3, 9},
	{RTE_ACL_FIELD_TYPE_RANGE, 2, TO_PORT, 3, 11},
};

static struct acl_rule rule_of(const struct work_rule *rule, uint32_t number)
{
	struct acl_rule packed = {.data = {.category_mask = 1,
					  .priority = RTE_ACL_MAX_PRIORITY - (int32_t)number,
					  .userdata = number + 1},
		.field = {
			{.value.u8 = rule->protocol, .mask_range.u8 = rule->protocol_mask},
			{.value.u32 = rule->source, .mask_range.u32 = rule->source_length},
			{.value.u32 = rule->target, .mask_range.u32 = rule->target_length},
			{.value.u16 = rule->from_port, .mask_range.u16 = rule->from_end},
			{.value.u16 = rule->to_port, .mask_range.u16 = rule->to_end},
		}};

	return packed;
}

static void choose_vectors(struct rte_acl_ctx *set)
{
	static const enum rte_acl_classify_alg widest[] = {RTE_ACL_CLASSIFY_AVX512X32,
		RTE_ACL_CLASSIFY_AVX512X16, RTE_ACL_CLASSIFY_AVX2, RTE_ACL_CLASSIFY_NEON,
		RTE_ACL_CLASSIFY_SSE};

	rte_vect_set_max_simd_bitwidth(RTE_VECT_SIMD_512);
	for (size_t i = 0; i < sizeof(widest) / sizeof(*widest); i++)
		if (rte_acl_set_ctx_classify(set, widest[i]) == 0)
			return;
}

static void *create(const struct options *options, const struct work_rule *rules, uint32_t count)
{
	struct rte_acl_param parameters = {.name = "rules",
		.socket_id = dpdk_socket(options),
		.rule_size = RTE_ACL_RULE_SZ(FIELDS),
		.max_rule_num = count};
	struct rte_acl_config config = {.num_categories = 1, .num_fields = FIELDS};
	struct rte_acl_ctx *set = rte_acl_create(&parameters);
	int error = 0;

	memcpy(config.defs, fields, sizeof(fields));
	for (uint32_t i = 0; set && !error && i < count; i++) {
		struct acl_rule rule = rule_of(&rules[i], i);

		error = rte_acl_add_rules(set, (struct rte_acl_rule *)(void *)&rule, 1);
	}
	if (set && !error)
		error = rte_acl_build(set, &config);
	if (set && error) {
		rte_acl_free(set);
		return NULL;
	}
	if (set)
		choose_vectors(set);
	return set;
}

static void destroy(void *set)
{
	rte_acl_free(set);
}

static inline void find(const struct work_rules *work, uint32_t at, uint32_t count, uint32_t *found)
{
	rte_acl_classify(work->set, work->pointers + at, found, count, 1);
	for (uint32_t i = 0; i < count; i++)
		found[i]--;
}

static uint64_t run(void *work, uint64_t rounds)
{
	return work_rules_run(find, work, rounds);
}

static const struct rules_subject subject = {.create = create,
	.destroy = destroy,
	.pages = dpdk_pages,
	.find = find,
	.run = run,
	.enter = dpdk_enter,
	.leave = dpdk_leave};

const struct bench dpdk_bench_acl = {
	"acl", "find the first of a thousand rules that matches", bench_rules, &subject};
