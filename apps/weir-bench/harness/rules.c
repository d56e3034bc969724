/* SPDX-License-Identifier: BSD-3-Clause */
/* rules.c: the bench acl: keys are looked up in a thousand rules, made ones or those of a file in
 * the format of ClassBench (D. Taylor and J. Turner, 2005). Before a subject is measured its
 * answers are compared with those of a walk over the rules. */
#include "bench.h"
#include "work_rules.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MADE      1000
#define RULES_MAX 65536
#define KEYS      16384

static const uint32_t default_bursts[] = {32, 256, 0};

struct rules {
	struct work_rule *rules;
	uint32_t count;
	uint8_t *keys;
	const uint8_t **pointers;
	uint32_t *expected;
	uint64_t state;
};

/* A generator of G. Marsaglia, "Xorshift RNGs", 2003. */
static uint32_t random_below(struct rules *rules, uint64_t below)
{
	rules->state ^= rules->state << 13;
	rules->state ^= rules->state >> 7;
	rules->state ^= rules->state << 17;
	return (uint32_t)((rules->state >> 32) % below);
}

static uint32_t mask_of(uint32_t length)
{
	return length ? UINT32_MAX << (32 - length) : 0;
}

/* ---- rules ---- */

/* As an access list of a site: services on its hosts and networks, for parts of the world. */
static struct work_rule make_rule(struct rules *rules)
{
	static const uint8_t lengths[] = {0, 0, 8, 12, 16, 20, 24, 24, 28, 32};
	struct work_rule rule = {.source = random_below(rules, UINT64_C(1) << 32),
		.target = 10u << 24 | random_below(rules, 64) << 16 | random_below(rules, 65536),
		.source_length = lengths[random_below(rules, sizeof(lengths))],
		.target_length = (uint8_t)(16 + 4 * random_below(rules, 5)),
		.from_end = 65535,
		.to_port = (uint16_t)(1 + random_below(rules, 1024)),
		.protocol = random_below(rules, 3) ? 6 : 17,
		.protocol_mask = 0xff};

	rule.to_end = rule.to_port;
	if (random_below(rules, 4) == 0) {
		rule.to_port = 1024;
		rule.to_end = 65535;
	}
	return rule;
}

static bool parse_rule(const char *line, struct work_rule *rule)
{
	unsigned int a[4], b[4], n[2];

	if (sscanf(line,
		    "@%u.%u.%u.%u/%" SCNu8 " %u.%u.%u.%u/%" SCNu8 " %" SCNu16 " : %" SCNu16
		    " %" SCNu16 " : %" SCNu16 " %x/%x",
		    &a[0], &a[1], &a[2], &a[3], &rule->source_length, &b[0], &b[1], &b[2], &b[3],
		    &rule->target_length, &rule->from_port, &rule->from_end, &rule->to_port,
		    &rule->to_end, &n[0], &n[1]) != 16 ||
		rule->source_length > 32 || rule->target_length > 32)
		return false;
	rule->source = a[0] << 24 | a[1] << 16 | a[2] << 8 | a[3];
	rule->target = b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
	rule->protocol = (uint8_t)n[0];
	rule->protocol_mask = (uint8_t)n[1];
	return true;
}

static bool read_rules(struct rules *rules, const char *path)
{
	FILE *file = fopen(path, "r");
	char line[256];

	while (file && rules->count < RULES_MAX && fgets(line, sizeof(line), file))
		rules->count += parse_rule(line, &rules->rules[rules->count]);
	if (file)
		fclose(file);
	return rules->count > 0;
}

/* ---- keys ---- */

static void put(uint8_t *bytes, uint32_t size, uint32_t number)
{
	while (size-- > 0) {
		bytes[size] = (uint8_t)number;
		number >>= 8;
	}
}

static uint16_t port_in(struct rules *rules, uint16_t from, uint16_t to)
{
	return (uint16_t)(from + random_below(rules, (uint64_t)to - from + 1));
}

/* A key that a rule matches, so that all rules are used. */
static void make_key(struct rules *rules, const struct work_rule *rule, uint8_t *key)
{
	uint32_t source = mask_of(rule->source_length), target = mask_of(rule->target_length);
	uint32_t any = random_below(rules, UINT64_C(1) << 32);

	key[0] = (uint8_t)((rule->protocol & rule->protocol_mask) | (any & ~rule->protocol_mask));
	put(key + 1, 4, (rule->source & source) | (any & ~source));
	put(key + 5, 4, (rule->target & target) | (~any & ~target));
	put(key + 9, 2, port_in(rules, rule->from_port, rule->from_end));
	put(key + 11, 2, port_in(rules, rule->to_port, rule->to_end));
}

static uint32_t get(const uint8_t *bytes, uint32_t size)
{
	uint32_t number = 0;

	while (size-- > 0)
		number = number << 8 | *bytes++;
	return number;
}

static bool matches(const struct work_rule *rule, const uint8_t *key)
{
	uint32_t from = get(key + 9, 2), to = get(key + 11, 2);

	return ((key[0] ^ rule->protocol) & rule->protocol_mask) == 0 &&
	       ((get(key + 1, 4) ^ rule->source) & mask_of(rule->source_length)) == 0 &&
	       ((get(key + 5, 4) ^ rule->target) & mask_of(rule->target_length)) == 0 &&
	       rule->from_port <= from && from <= rule->from_end && rule->to_port <= to &&
	       to <= rule->to_end;
}

static void make_keys(struct rules *rules)
{
	for (uint32_t i = 0; i < KEYS; i++) {
		uint8_t *key = rules->keys + (size_t)i * WORK_RULE_KEY;

		make_key(rules, &rules->rules[random_below(rules, rules->count)], key);
		rules->pointers[i] = key;
		while (!matches(&rules->rules[rules->expected[i]], key))
			rules->expected[i]++;
	}
}

/* ---- measure ---- */

static bool answers(const struct rules_subject *subject, const struct work_rules *work,
	const struct rules *rules)
{
	uint32_t found[WORK_RULES_BURST_MAX];

	for (uint32_t at = 0; at < KEYS; at += work->burst) {
		uint32_t some = KEYS - at < work->burst ? KEYS - at : work->burst;

		subject->find(work, at, some, found);
		if (memcmp(found, rules->expected + at, some * sizeof(*found)) != 0)
			return false;
	}
	return true;
}

static int measure_burst(struct bench_run *run, const struct bench *bench,
	const struct rules *rules, struct work_rules *work)
{
	const struct rules_subject *subject = bench->subject;
	struct measure_work to_run = {subject->run, work};
	struct bench_case measured = {.bench = bench->name,
		.variant = run->options.input ? "file" : "made",
		.burst = work->burst,
		.works = &to_run,
		.workers = 1,
		.enter = subject->enter,
		.leave = subject->leave};

	if (!answers(subject, work, rules))
		return bench_fail(run, bench->name, measured.variant, "a wrong rule was found");
	return bench_measure(run, &measured);
}

static int measure_set(struct bench_run *run, const struct bench *bench, const struct rules *rules)
{
	const struct rules_subject *subject = bench->subject;
	struct options_list bursts = run->options.bursts;
	struct work_rules work = {.set = subject->create(&run->options, rules->rules, rules->count),
		.keys = rules->keys,
		.pointers = rules->pointers,
		.count = KEYS};
	int result = 0;

	if (!work.set)
		return bench_fail(run, bench->name, "rules", run->why());
	run->pages = subject->pages(work.set);
	options_default_bursts(&bursts, default_bursts);
	for (uint32_t i = 0; result == 0 && i < bursts.count; i++) {
		work.burst = bursts.values[i];
		work.at = 0;
		if (work.burst <= WORK_RULES_BURST_MAX)
			result = measure_burst(run, bench, rules, &work);
	}
	subject->destroy(work.set);
	return result;
}

int bench_rules(struct bench_run *run, const struct bench *bench)
{
	struct rules rules = {.rules = calloc(RULES_MAX, sizeof(*rules.rules)),
		.keys = calloc(KEYS, WORK_RULE_KEY),
		.pointers = calloc(KEYS, sizeof(*rules.pointers)),
		.expected = calloc(KEYS, sizeof(*rules.expected)),
		.state = 1};
	const char *path = run->options.input;
	int result = 1;

	if (!rules.rules || !rules.keys || !rules.pointers || !rules.expected)
		result = bench_fail(run, bench->name, "rules", "no memory");
	else if (path && !read_rules(&rules, path))
		result = bench_fail(run, bench->name, path, "has no rules in ClassBench's format");
	else {
		while (!path && rules.count < MADE)
			rules.rules[rules.count++] = make_rule(&rules);
		make_keys(&rules);
		result = measure_set(run, bench, &rules);
	}
	free(rules.rules);
	free(rules.keys);
	free(rules.pointers);
	free(rules.expected);
	return result;
}
