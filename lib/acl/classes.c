/* SPDX-License-Identifier: BSD-3-Clause */
/* classes.c: build the steps that find the class of a key.
 *
 * A class is a set of rules, as bits. A piece of the key has a class for each set of rules that
 * match some of its values; two steps joined have one for each set that is the intersection of one
 * of either. Pieces of a field are joined first, since together they say the most, then whichever
 * two steps have the smallest table.
 */
#include "acl/build_impl.h"

#include "weir/mem.h"

#include "base/base_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JOIN_MAX  (1u << 24) /* places of a table: 32 MiB, and a second to fill it */
#define RULES_MAX 16384      /* a set of them is 2 KiB */

/* ---- pieces ---- */

struct piece {
	uint32_t offset, size;
	enum weir_acl_kind kind;
};

/* What changes where, on the way from the first value of a piece to the last. */
struct sweep {
	uint32_t *begins, *ends;         /* by value: a rule, or WEIR_ACL_NONE */
	uint32_t *begin_next, *end_next; /* by rule: the next one there */
	uint32_t *odd, odd_count;        /* rules whose values are no interval */
};

static uint32_t number_at(const uint8_t *key, struct piece piece)
{
	return piece.size == 1 ? key[piece.offset]
			       : (uint32_t)key[piece.offset] << 8 | key[piece.offset + 1];
}

/* The values of a piece that a rule matches, as an interval; false when they are no interval. */
static bool interval_of(
	const struct weir_acl_rule *rule, struct piece piece, uint32_t *from, uint32_t *to)
{
	uint32_t last = (1u << 8 * piece.size) - 1, rest;

	*from = number_at(rule->from, piece);
	*to = number_at(rule->to, piece);
	if (piece.kind == WEIR_ACL_RANGE)
		return true;
	rest = last & ~*to;
	*from &= *to;
	*to = *from | rest;
	return (rest & (rest + 1)) == 0;
}

static void plan_sweep(
	const struct weir_acl *acl, struct sweep *sweep, struct piece piece, uint32_t values)
{
	memset(sweep->begins, 0xff, values * sizeof(*sweep->begins));
	memset(sweep->ends, 0xff, (values + 1) * sizeof(*sweep->ends));
	sweep->odd_count = 0;
	for (uint32_t i = 0; i < acl->count; i++) {
		uint32_t from, to;

		if (!interval_of(&acl->rules[i], piece, &from, &to)) {
			sweep->odd[sweep->odd_count++] = i;
			continue;
		}
		sweep->begin_next[i] = sweep->begins[from];
		sweep->begins[from] = i;
		sweep->end_next[i] = sweep->ends[to + 1];
		sweep->ends[to + 1] = i;
	}
}

/* The set at hand becomes that of this value. False when it stays the same. */
static bool move_to(struct weir__acl_build *build, const struct sweep *sweep, struct piece piece,
	uint32_t value)
{
	for (uint32_t i = sweep->ends[value]; i != WEIR_ACL_NONE; i = sweep->end_next[i])
		weir__acl_put(build, i, false);
	for (uint32_t i = sweep->begins[value]; i != WEIR_ACL_NONE; i = sweep->begin_next[i])
		weir__acl_put(build, i, true);
	for (uint32_t i = 0; i < sweep->odd_count; i++) {
		const struct weir_acl_rule *rule = &build->acl->rules[sweep->odd[i]];

		weir__acl_put(build, sweep->odd[i],
			((value ^ number_at(rule->from, piece)) & number_at(rule->to, piece)) == 0);
	}
	return value == 0 || sweep->odd_count || sweep->ends[value] != WEIR_ACL_NONE ||
	       sweep->begins[value] != WEIR_ACL_NONE;
}

static int classify_values(struct weir__acl_build *build, struct weir__acl_building *step,
	const struct sweep *sweep, struct piece piece)
{
	int class = 0;

	memset(build->set, 0, build->set_size);
	for (uint32_t value = 0; value < step->places; value++) {
		if (move_to(build, sweep, piece, value))
			class = weir__acl_class_of(build, step);
		if (class < 0)
			return class;
		step->table[value] = (uint16_t) class;
	}
	return 0;
}

static int add_piece(struct weir__acl_build *build, struct piece piece)
{
	struct weir__acl_building *step = &build->steps[build->count];
	uint32_t values = 1u << 8 * piece.size, rules = build->acl->count;
	uint32_t *memory = malloc((2 * values + 1 + 3 * (size_t)rules) * sizeof(*memory));
	struct sweep sweep = {
		.begins = memory, .ends = memory + values, .begin_next = memory + 2 * values + 1};
	int error;

	build->acl->classes.steps[build->count++] =
		(struct weir__acl_step){.first = piece.offset, .second = piece.size};
	step->places = values;
	step->table = malloc(values * sizeof(*step->table));
	if (memory && step->table) {
		sweep.end_next = sweep.begin_next + rules;
		sweep.odd = sweep.end_next + rules;
		plan_sweep(build->acl, &sweep, piece, values);
		error = classify_values(build, step, &sweep, piece);
	} else {
		error = weir__acl_no_memory(build);
	}
	free(memory);
	return error;
}

/* ---- joins ---- */

static int join_sets(const struct weir__acl_build *build, struct weir__acl_building *to,
	const struct weir__acl_building *a, const struct weir__acl_building *b)
{
	uint16_t *table = to->table;

	for (uint32_t i = 0; i < a->count; i++)
		for (uint32_t j = 0; j < b->count; j++) {
			int class;

			weir__acl_intersect(build, weir__acl_set_of(build, a, i),
				weir__acl_set_of(build, b, j));
			class = weir__acl_class_of(build, to);
			if (class < 0)
				return class;
			*table++ = (uint16_t) class;
		}
	return 0;
}

static uint64_t places_of(const struct weir__acl_build *build, uint32_t first, uint32_t second)
{
	return (uint64_t)build->steps[first].count * build->steps[second].count;
}

static int join(struct weir__acl_build *build, uint32_t first, uint32_t second)
{
	struct weir__acl_building *to = &build->steps[build->count];
	struct weir__acl_building *a = &build->steps[first], *b = &build->steps[second];

	to->places = places_of(build, first, second);
	if (to->places > JOIN_MAX)
		return weir__acl_too_many(build);
	build->acl->classes.steps[build->count++] =
		(struct weir__acl_step){.first = first, .second = second, .width = b->count};
	a->joined = b->joined = true;
	to->table = malloc(to->places * sizeof(*to->table));
	return to->table ? join_sets(build, to, a, b) : weir__acl_no_memory(build);
}

/* Join neighbours of the steps from first on until there is one. */
static int join_field(struct weir__acl_build *build, uint32_t first)
{
	uint32_t end = build->count;
	int error = 0;

	while (!error && end - first > 1) {
		for (uint32_t i = first; !error && i + 1 < end; i += 2)
			error = join(build, i, i + 1);
		/* fields are of 1, 2, 4, ... pieces: none is left over */
		first = end;
		end = build->count;
	}
	return error;
}

static int add_fields(struct weir__acl_build *build)
{
	const struct weir_acl *acl = build->acl;
	uint32_t offset = 0;
	int error = 0;

	for (uint32_t i = 0; !error && i < acl->field_count; i++) {
		uint32_t size = acl->fields[i].size, piece = size < 2 ? size : 2;
		uint32_t first = build->count;

		for (uint32_t at = 0; !error && at < size; at += piece)
			error = add_piece(
				build, (struct piece){offset + at, piece, acl->fields[i].kind});
		if (!error)
			error = join_field(build, first);
		offset += size;
	}
	return error;
}

/* The two steps that are not joined whose table would be the smallest. False when there is one. */
static bool choose(const struct weir__acl_build *build, uint32_t *first, uint32_t *second)
{
	uint64_t least = UINT64_MAX;

	for (uint32_t i = 0; i < build->count; i++)
		for (uint32_t j = i + 1; j < build->count; j++)
			if (!build->steps[i].joined && !build->steps[j].joined &&
				places_of(build, i, j) < least) {
				least = places_of(build, i, j);
				*first = i;
				*second = j;
			}
	return least < UINT64_MAX;
}

/* ---- the result ---- */

static size_t count_rules(
	const struct weir__acl_build *build, const struct weir__acl_building *step)
{
	size_t sum = 0;

	for (uint32_t class = 0; class < step->count; class ++)
		for (uint32_t word = 0; word < build->words; word++)
			sum += (size_t)__builtin_popcountll(
				weir__acl_set_of(build, step, class)->words[word]);
	return sum;
}

/* The rules of each class of the last step, in order. */
static int make_lists(struct weir__acl_build *build)
{
	const struct weir__acl_building *last = &build->steps[build->count - 1];
	struct weir__acl_classes *all = &build->acl->classes;
	size_t places = count_rules(build, last) + last->count;
	uint32_t *to;

	all->count = last->count;
	all->lists = malloc(last->count * sizeof(*all->lists));
	all->matches = to = malloc(places * sizeof(*all->matches));
	if (!all->lists || !all->matches)
		return weir__acl_no_memory(build);
	for (uint32_t class = 0; class < last->count; class ++) {
		const uint64_t *words = weir__acl_set_of(build, last, class)->words;

		all->lists[class] = (uint32_t)(to - all->matches);
		for (uint32_t word = 0; word < build->words; word++)
			for (uint64_t left = words[word]; left; left &= left - 1)
				*to++ = 64 * word + (uint32_t)__builtin_ctzll(left);
		*to++ = WEIR_ACL_NONE;
	}
	return 0;
}

static size_t table_size(const struct weir__acl_building *step)
{
	return weir__round_up(step->places * sizeof(*step->table), WEIR_CACHE_LINE);
}

/* Put what every lookup reads into one piece of memory, on large pages where there are some. */
static int place(struct weir__acl_build *build, const struct weir_acl_conf *conf)
{
	struct weir_acl *acl = build->acl;
	struct weir__acl_classes *all = &acl->classes;
	struct weir_region_conf region = {
		.name = acl->name, .pages = conf->pages, .node = conf->node};
	uint32_t *top;
	uint8_t *at;

	region.size = all->count * sizeof(*top);
	for (uint32_t i = 0; i < build->count; i++)
		region.size += table_size(&build->steps[i]);
	acl->region = weir_region_create(&region);
	if (!acl->region)
		return -errno;
	at = weir_region_base(acl->region);
	for (uint32_t i = 0; i < build->count; i++) {
		all->steps[i].table = memcpy(at, build->steps[i].table,
			build->steps[i].places * sizeof(*build->steps[i].table));
		at += table_size(&build->steps[i]);
	}
	all->step_count = build->count;
	all->top = top = (uint32_t *)(void *)at;
	for (uint32_t class = 0; class < all->count; class ++)
		top[class] = all->matches[all->lists[class]];
	snprintf(acl->description, sizeof(acl->description),
		"%u rules: %u steps, %u classes, %.1f MiB", acl->count, build->count, all->count,
		(double)region.size / (1 << 20));
	return 0;
}

static int build_all(struct weir__acl_build *build, const struct weir_acl_conf *conf)
{
	uint32_t first, second;
	int error = add_fields(build);

	while (!error && choose(build, &first, &second))
		error = join(build, first, second);
	if (!error)
		error = make_lists(build);
	return error ? error : place(build, conf);
}

int weir__acl_build_classes(struct weir_acl *acl, const struct weir_acl_conf *conf)
{
	struct weir__acl_build *build = calloc(1, sizeof(*build));
	int error;

	if (!build)
		return weir__fail(ENOMEM, "rules '%s': no memory for classes", acl->name);
	build->acl = acl;
	build->part_words = (acl->count + 64 * WEIR__ACL_PARTS - 1) / (64 * WEIR__ACL_PARTS);
	build->words = (acl->count + 64 * build->part_words - 1) / (64 * build->part_words) *
		       build->part_words;
	build->set_size = sizeof(struct weir__acl_set) + build->words * sizeof(uint64_t);
	build->set = malloc(build->set_size);
	if (!build->set)
		error = weir__acl_no_memory(build);
	else
		error = acl->count <= RULES_MAX ? build_all(build, conf)
						: weir__acl_too_many(build);
	for (uint32_t i = 0; i < WEIR__ACL_STEPS; i++) {
		free(build->steps[i].table);
		free(build->steps[i].sets);
		free(build->steps[i].hash);
	}
	free(build->set);
	free(build);
	return error;
}
