/* SPDX-License-Identifier: BSD-3-Clause */
/* sets.c: elements of sets and maps, put in order, and found by a key.
 *
 * With one part to a key, or with only single values, elements are sorted and do not overlap, so
 * that a search by halves finds the one that may hold the key. Keys of several parts with ranges
 * are looked through one by one.
 */
#include "apps/weir-fw/syntax.h"

#include <stdlib.h>
#include <string.h>

/* qsort_r() hands the set on. */
static int compare(const void *a, const void *b, void *context)
{
	const struct fw_element *first = a, *second = b;
	const struct fw_set *set = context;

	return memcmp(first->low, second->low, set->key_size);
}

static bool same_data(const struct fw_element *a, const struct fw_element *b)
{
	return a->data == b->data && a->verdict.kind == b->verdict.kind &&
	       (a->value == b->value || memcmp(a->value, b->value, FW_VALUE + 2) == 0) &&
	       (a->verdict.name == b->verdict.name ||
		       (a->verdict.name && b->verdict.name &&
			       strcmp(a->verdict.name, b->verdict.name) == 0));
}

static bool is_same(
	const struct fw_set *set, const struct fw_element *a, const struct fw_element *b)
{
	return memcmp(a->low, b->low, set->key_size) == 0 &&
	       memcmp(a->high, b->high, set->key_size) == 0 && same_data(a, b);
}

/* Is high one below low, as numbers of size bytes? */
static bool is_next(const uint8_t *high, const uint8_t *low, uint32_t size)
{
	uint8_t next[FW_KEY];

	memcpy(next, high, size);
	for (uint32_t i = size; i-- > 0;)
		if (++next[i])
			return memcmp(next, low, size) == 0;
	return false;
}

/* Sorted elements that may be one become one. nft merges in sets without a name, and where
 * auto-merge asks for it. */
static bool merge(struct fw_ruleset *rules, struct fw_set *set)
{
	bool may = !set->data && (!set->name || set->auto_merge);
	uint32_t kept = 0;

	for (uint32_t i = 0; i < set->count; i++) {
		struct fw_element *element = &set->elements[i];
		struct fw_element *before = kept ? &set->elements[kept - 1] : NULL;
		uint32_t size = set->key_size;
		bool inside = before && memcmp(element->low, before->high, size) <= 0;

		if (inside && is_same(set, element, before))
			continue;
		if (inside && !may)
			return fw_error(rules, element->where,
				"this element overlaps the one on line %u, column %u",
				before->where.line, before->where.column);
		if (may && before && set->ranges && set->parts == 1 &&
			(inside || is_next(before->high, element->low, size))) {
			if (memcmp(element->high, before->high, size) > 0)
				before->high = element->high;
			continue;
		}
		set->elements[kept++] = *element;
	}
	set->count = kept;
	return true;
}

/* Is a point in an element, part by part? */
static bool is_in(const struct fw_set *set, const uint8_t *key, const struct fw_element *element)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < set->parts; at += set->sizes[i++])
		if (memcmp(key + at, element->low + at, set->sizes[i]) < 0 ||
			memcmp(key + at, element->high + at, set->sizes[i]) > 0)
			return false;
	return true;
}

/* As nft_pipapo_insert() of the kernel has it: an element that starts or ends in an earlier one is
 * refused, one around it is not. */
static bool overlaps(
	const struct fw_set *set, const struct fw_element *element, const struct fw_element *before)
{
	return (is_in(set, element->low, before) || is_in(set, element->high, before)) &&
	       !is_same(set, element, before);
}

static bool check_parts(struct fw_ruleset *rules, const struct fw_set *set)
{
	for (uint32_t i = 0; i < set->count; i++)
		for (uint32_t j = 0; j < i; j++)
			if (overlaps(set, &set->elements[i], &set->elements[j]))
				return fw_error(rules, set->elements[i].where,
					"this element overlaps the one on line %u, column %u",
					set->elements[j].where.line, set->elements[j].where.column);
	return true;
}

bool fw_set_finish(struct fw_ruleset *rules, struct fw_set *set)
{
	if (!set->parts)
		return fw_error(rules, set->where, "the set '%s' has no type", set->name);
	if (set->size && set->count > set->size)
		return fw_error(rules, set->where, "%u elements are more than its size of %u",
			set->count, set->size);
	rules->sets++;
	rules->elements += set->count;
	if (set->parts > 1 && set->ranges)
		return check_parts(rules, set);
	if (set->count)
		qsort_r(set->elements, set->count, sizeof(*set->elements), compare, set);
	return merge(rules, set);
}

static struct fw_element *find_in_parts(const struct fw_set *set, const uint8_t *key)
{
	for (uint32_t i = 0; i < set->count; i++)
		if (is_in(set, key, &set->elements[i]))
			return &set->elements[i];
	return set->any;
}

struct fw_element *fw_set_find(const struct fw_set *set, const uint8_t *key)
{
	uint32_t low = 0, high = set->count;

	if (set->parts > 1 && set->ranges)
		return find_in_parts(set, key);
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (memcmp(set->elements[middle].low, key, set->key_size) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low && memcmp(set->elements[low - 1].high, key, set->key_size) >= 0)
		return &set->elements[low - 1];
	return set->any;
}
