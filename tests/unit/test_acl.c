/* SPDX-License-Identifier: BSD-3-Clause */
/* test_acl.c: every way to look up rules against one that is written down here and knows nothing of
 * bytes: random rules over few values, so that many match.
 *
 * WEIR_ACL_RULES sets the size of the largest set, 900 by default; with 100,000 it takes minutes.
 */
#include "random.h"
#include "unit.h"

#include "weir/acl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KEYS 500

/* Addresses, ports and protocol, as numbers. */
struct tuple {
	uint32_t source, target;
	uint16_t from_port, to_port;
	uint8_t protocol;
};

struct rule {
	struct tuple value;
	uint32_t source_mask, target_mask;
	uint16_t from_end, to_end;
	uint8_t protocol_mask;
};

static const struct weir_acl_field fields[] = {{WEIR_ACL_MASK, 4}, {WEIR_ACL_MASK, 4},
	{WEIR_ACL_RANGE, 2}, {WEIR_ACL_RANGE, 2}, {WEIR_ACL_MASK, 1}};

static bool expect(const struct rule *rule, const struct tuple *key)
{
	return ((key->source ^ rule->value.source) & rule->source_mask) == 0 &&
	       ((key->target ^ rule->value.target) & rule->target_mask) == 0 &&
	       key->from_port >= rule->value.from_port && key->from_port <= rule->from_end &&
	       key->to_port >= rule->value.to_port && key->to_port <= rule->to_end &&
	       ((key->protocol ^ rule->value.protocol) & rule->protocol_mask) == 0;
}

static void put(uint8_t *bytes, uint32_t size, uint32_t number)
{
	while (size-- > 0) {
		bytes[size] = (uint8_t)number;
		number >>= 8;
	}
}

static void put_tuple(uint8_t *bytes, const struct tuple *tuple)
{
	put(bytes, 4, tuple->source);
	put(bytes + 4, 4, tuple->target);
	put(bytes + 8, 2, tuple->from_port);
	put(bytes + 10, 2, tuple->to_port);
	put(bytes + 12, 1, tuple->protocol);
}

/* Of values that lie close together in pieces of 16 bits, so that rules overlap. */
static struct tuple random_tuple(void)
{
	return (struct tuple){.source = below(4) << 24 | below(4) << 14 | below(1024),
		.target = below(3) << 16 | below(300),
		.from_port = (uint16_t)below(2000),
		.to_port = (uint16_t)(below(4) ? below(100) : 65535),
		.protocol = (uint8_t)(below(2) ? 6 : 17)};
}

static uint32_t random_mask(bool odd)
{
	uint32_t length = below(33);

	if (odd && below(50) == 0)
		return below(UINT32_MAX);
	return length ? UINT32_MAX << (32 - length) : 0;
}

static struct rule random_rule(bool odd)
{
	struct rule rule = {.value = random_tuple(),
		.source_mask = random_mask(odd),
		.target_mask = random_mask(odd),
		.protocol_mask = below(3) ? 0xff : 0};

	rule.from_end = (uint16_t)(rule.value.from_port + below(100));
	rule.to_end = below(2) ? rule.value.to_port : 65535;
	if (below(3) == 0) {
		rule.value.from_port = 0;
		rule.from_end = 65535;
	}
	return rule;
}

static struct weir_acl *make(
	const struct rule *rules, uint32_t count, enum weir_acl_way way, const char *sentence)
{
	struct weir_acl_rule *packed = calloc(count + 1, sizeof(*packed));
	struct weir_acl_conf conf = {.fields = fields,
		.field_count = 5,
		.rules = packed,
		.count = count,
		.way = way,
		.pages = WEIR_PAGES_4K};
	struct weir_acl *acl;

	for (uint32_t i = 0; i < count; i++) {
		struct tuple to = {rules[i].source_mask, rules[i].target_mask, rules[i].from_end,
			rules[i].to_end, rules[i].protocol_mask};

		put_tuple(packed[i].from, &rules[i].value);
		put_tuple(packed[i].to, &to);
	}
	acl = weir_acl_create(&conf);
	free(packed);
	CU_ASSERT_PTR_NOT_NULL_FATAL(acl);
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_acl_describe(acl), sentence));
	return acl;
}

static uint32_t expect_next(
	const struct rule *rules, uint32_t count, const struct tuple *key, uint32_t from)
{
	while (from < count && !expect(&rules[from], key))
		from++;
	return from < count ? from : WEIR_ACL_NONE;
}

/* All matches of each key, in order; and the first ones in bursts of any size. */
static uint32_t count_wrong(const struct weir_acl *acl, const struct rule *rules, uint32_t count)
{
	static uint8_t bytes[KEYS * 13];
	struct tuple keys[KEYS];
	uint32_t found[KEYS], wrong = 0;

	CU_ASSERT_EQUAL_FATAL(weir_acl_key_size(acl), 13);
	for (uint32_t i = 0; i < KEYS; i++) {
		keys[i] = random_tuple();
		put_tuple(bytes + i * 13, &keys[i]);
	}
	for (uint32_t done = 0, some; done < KEYS; done += some) {
		some = 1 + below(KEYS - done);
		weir_acl_lookup_bulk(acl, bytes + done * 13, some, found + done);
	}
	for (uint32_t i = 0; i < KEYS; i++) {
		uint32_t next = expect_next(rules, count, &keys[i], 0);

		wrong += found[i] != next;
		for (uint32_t from = 0; next != WEIR_ACL_NONE; from = next + 1) {
			next = expect_next(rules, count, &keys[i], from);
			wrong += weir_acl_next(acl, bytes + i * 13, from) != next;
			if (next != WEIR_ACL_NONE && below(8) == 0)
				break;
		}
	}
	return wrong;
}

static void check_all_ways(uint32_t count, bool odd)
{
	static const struct {
		enum weir_acl_way way;
		const char *sentence;
	} ways[] = {{WEIR_ACL_LINEAR, "one after the other"}, {WEIR_ACL_TUPLES, "tuples"},
		{WEIR_ACL_BEST, "rules"}};
	struct rule *rules = calloc(count + 1, sizeof(*rules));

	for (uint32_t i = 0; i < count; i++)
		rules[i] = random_rule(odd);
	for (uint32_t i = count ? 0 : 2; i < 3; i++) {
		struct weir_acl *acl = make(rules, count, ways[i].way, ways[i].sentence);

		CU_ASSERT_EQUAL(count_wrong(acl, rules, count), 0);
		weir_acl_destroy(acl);
	}
	free(rules);
}

static void test_random(void)
{
	for (uint32_t i = 0; i < 30; i++)
		check_all_ways(below(i < 15 ? 8 : 200), i % 4 == 0);
	check_all_ways(64, false);
	check_all_ways(65, true);
}

/* Classes are too many sooner or later; whichever way it is then must be right. */
static void test_large(void)
{
	const char *more = getenv("WEIR_ACL_RULES");
	uint32_t most = more ? (uint32_t)strtoul(more, NULL, 10) : 900;

	check_all_ways(most / 3, false);
	check_all_ways(most, false);
}

/* Small sets are classes; rules for single bits make a class of each value. */
static void test_ways(void)
{
	struct rule rules[300];
	struct weir_acl *acl;

	for (uint32_t i = 0; i < 300; i++)
		rules[i] = random_rule(false);
	acl = make(rules, 50, WEIR_ACL_BEST, "classes");
	weir_acl_destroy(acl);
	acl = make(rules, 3, WEIR_ACL_BEST, "one after the other");
	weir_acl_destroy(acl);
	for (uint32_t i = 0; i < 300; i++)
		rules[i] = (struct rule){
			.value = {.from_port = (uint16_t)i, .to_port = (uint16_t)(i * 7 % 300)},
			.source_mask = 1u << i % 32,
			.target_mask = 1u << i / 2 % 32,
			.from_end = (uint16_t)(i + 300),
			.to_end = (uint16_t)(i * 7 % 300 + 300)};
	acl = make(rules, 300, WEIR_ACL_BEST, "tuples");
	CU_ASSERT_EQUAL(count_wrong(acl, rules, 300), 0);
	weir_acl_destroy(acl);
}

/* Rules up to 19 are for one key; later ones for the upper halves of its bytes, and two values of
 * the byte with a range. */
static uint32_t expect_wide(uint32_t number)
{
	return number <= 20 || number % 16 == 0 ? number : number - 1;
}

/* Addresses of IPv6, and all sizes of fields. */
static void test_wide_fields(void)
{
	static const struct weir_acl_field wide[] = {{WEIR_ACL_MASK, 16}, {WEIR_ACL_MASK, 16},
		{WEIR_ACL_MASK, 8}, {WEIR_ACL_RANGE, 1}, {WEIR_ACL_MASK, 2}};
	struct weir_acl_rule rules[40] = {0};
	struct weir_acl_conf conf = {.fields = wide, .field_count = 5, .rules = rules, .count = 40};
	uint8_t key[43] = {0};

	for (uint32_t i = 0; i < 40; i++) {
		memset(rules[i].from, (int)i, 43);
		memset(rules[i].to, i < 20 ? 0xff : 0xf0, 43);
		rules[i].to[40] = (uint8_t)(i < 20 ? i : i + 1);
	}
	for (conf.way = WEIR_ACL_BEST; conf.way <= WEIR_ACL_TUPLES; conf.way++) {
		struct weir_acl *acl = weir_acl_create(&conf);

		CU_ASSERT_PTR_NOT_NULL_FATAL(acl);
		for (uint32_t i = 0; i < 41; i++) {
			memset(key, (int)i, 43);
			CU_ASSERT_EQUAL(weir_acl_next(acl, key, 0), expect_wide(i));
		}
		weir_acl_destroy(acl);
	}
}

static void test_refused(void)
{
	static const struct weir_acl_field bad[][1] = {
		{{WEIR_ACL_MASK, 3}}, {{WEIR_ACL_RANGE, 4}}, {{WEIR_ACL_MASK, 0}}};
	static const struct weir_acl_field large[] = {
		{WEIR_ACL_MASK, 16}, {WEIR_ACL_MASK, 16}, {WEIR_ACL_MASK, 16}, {WEIR_ACL_MASK, 1}};
	struct weir_acl_rule rule = {.from = {1}, .to = {0}};
	struct weir_acl_field range = {WEIR_ACL_RANGE, 1};
	struct weir_acl_conf conf = {.field_count = 1};

	for (uint32_t i = 0; i < 3; i++) {
		conf.fields = bad[i];
		CU_ASSERT_PTR_NULL(weir_acl_create(&conf));
		CU_ASSERT_EQUAL(errno, EINVAL);
	}
	conf = (struct weir_acl_conf){.fields = large, .field_count = 4};
	CU_ASSERT_PTR_NULL(weir_acl_create(&conf));
	conf = (struct weir_acl_conf){
		.fields = &range, .field_count = 1, .rules = &rule, .count = 1};
	CU_ASSERT_PTR_NULL(weir_acl_create(&conf));
	CU_ASSERT_STRING_EQUAL(weir_last_error(), "rules: field 0 of rule 0 ends before it begins");
	weir_acl_destroy(NULL);
}

int main(int argc, char **argv)
{
	static CU_TestInfo tests[] = {
		{"random rules, every way", test_random},
		{"large sets", test_large},
		{"which way", test_ways},
		{"wide fields", test_wide_fields},
		{"what is refused", test_refused},
		CU_TEST_INFO_NULL,
	};

	random_begin(argc > 1 ? argv[1] : NULL);
	return unit_run("acl", tests);
}
