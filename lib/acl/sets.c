/* SPDX-License-Identifier: BSD-3-Clause */
/* sets.c: sets of rules, each once: the classes of a step. */
#include "acl/build_impl.h"

#include "base/base_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CLASSES_MAX 65535 /* they are 16 bits */

int weir__acl_too_many(const struct weir__acl_build *build)
{
	return weir__fail(E2BIG, "rules '%s': %u rules make too many classes; use tuples",
		build->acl->name, build->acl->count);
}

int weir__acl_no_memory(const struct weir__acl_build *build)
{
	return weir__fail(ENOMEM, "rules '%s': no memory for classes", build->acl->name);
}

/* Where the words of the first of these parts begin. */
static size_t part_of(const struct weir__acl_build *build, uint64_t parts)
{
	return (uint32_t)__builtin_ctzll(parts) * build->part_words;
}

/* Multiply and fold: nobody chooses sets to collide. */
static uint32_t hash_set(const struct weir__acl_build *build, const struct weir__acl_set *set)
{
	uint64_t hash = set->parts;

	for (uint64_t parts = set->parts; parts; parts &= parts - 1) {
		const uint64_t *part = set->words + part_of(build, parts);

		for (uint32_t i = 0; i < build->part_words; i++)
			hash = weir__flow_fold(hash ^ part[i], UINT64_C(0x9e3779b97f4a7c15));
	}
	return (uint32_t)(hash >> 32 ^ hash);
}

static bool is_same(const struct weir__acl_build *build, const struct weir__acl_set *a,
	const struct weir__acl_set *b)
{
	if (a->parts != b->parts)
		return false;
	for (uint64_t parts = a->parts; parts; parts &= parts - 1)
		if (memcmp(a->words + part_of(build, parts), b->words + part_of(build, parts),
			    build->part_words * sizeof(uint64_t)) != 0)
			return false;
	return true;
}

static void enter(
	const struct weir__acl_build *build, struct weir__acl_building *step, uint32_t class)
{
	uint32_t at = hash_set(build, weir__acl_set_of(build, step, class));

	while (step->hash[at & step->hash_mask])
		at++;
	step->hash[at & step->hash_mask] = class + 1;
}

/* Twice the room for classes. */
static int grow(const struct weir__acl_build *build, struct weir__acl_building *step)
{
	uint32_t room = step->room ? 2 * step->room : 64;
	uint8_t *sets = realloc(step->sets, room * build->set_size);
	uint32_t *hash = calloc(4 * (size_t)room, sizeof(*hash));

	if (sets)
		step->sets = sets;
	if (!sets || !hash) {
		free(hash);
		return weir__acl_no_memory(build);
	}
	free(step->hash);
	step->hash = hash;
	step->hash_mask = 4 * room - 1;
	step->room = room;
	for (uint32_t i = 0; i < step->count; i++)
		enter(build, step, i);
	return 0;
}

static int add_class(const struct weir__acl_build *build, struct weir__acl_building *step)
{
	struct weir__acl_set *set;
	int error = 0;

	if (step->count == CLASSES_MAX)
		return weir__acl_too_many(build);
	if (step->count == step->room)
		error = grow(build, step);
	if (error)
		return error;
	set = weir__acl_set_of(build, step, step->count);
	memset(set, 0, build->set_size);
	set->parts = build->set->parts;
	for (uint64_t parts = set->parts; parts; parts &= parts - 1)
		memcpy(set->words + part_of(build, parts),
			build->set->words + part_of(build, parts),
			build->part_words * sizeof(uint64_t));
	enter(build, step, step->count);
	return (int)step->count++;
}

/* The class of the set at hand, or -errno. */
int weir__acl_class_of(const struct weir__acl_build *build, struct weir__acl_building *step)
{
	uint32_t at = hash_set(build, build->set), class;

	for (; step->hash && (class = step->hash[at & step->hash_mask]) != 0; at++)
		if (is_same(build, weir__acl_set_of(build, step, class - 1), build->set))
			return (int)class - 1;
	return add_class(build, step);
}

void weir__acl_put(struct weir__acl_build *build, uint32_t rule, bool in)
{
	uint64_t bit = UINT64_C(1) << rule % 64;
	uint32_t part = rule / 64 / build->part_words;
	uint64_t *words = build->set->words + part * build->part_words, any = 0;

	build->set->words[rule / 64] =
		in ? build->set->words[rule / 64] | bit : build->set->words[rule / 64] & ~bit;
	for (uint32_t i = 0; i < build->part_words; i++)
		any |= words[i];
	build->set->parts = (build->set->parts & ~(UINT64_C(1) << part)) | (uint64_t)(any != 0)
										   << part;
}

/* The set at hand becomes the rules that are in both. */
void weir__acl_intersect(const struct weir__acl_build *build, const struct weir__acl_set *a,
	const struct weir__acl_set *b)
{
	struct weir__acl_set *set = build->set;

	set->parts = 0;
	for (uint64_t parts = a->parts & b->parts; parts; parts &= parts - 1) {
		size_t at = part_of(build, parts), end = at + build->part_words;
		uint64_t any = 0;

		for (; at < end; at++)
			any |= set->words[at] = a->words[at] & b->words[at];
		set->parts |= any ? parts & -parts : 0;
	}
}
