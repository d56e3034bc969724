/* SPDX-License-Identifier: BSD-3-Clause */
/* tuples.c: hash tables by the masks of rules.
 *
 * A rule lies in the table of its masks, made coarser so that similar rules lie together: at first
 * whole bytes of masks, and nothing of ranges. What a table found is therefore compared with the
 * whole rule. When too many rules of a table have the same key, the next ones go to a finer one:
 * with ranges of one value; then with their exact masks. Tables are in the order of their first
 * rules: a lookup ends when it has found one that is in front of all that follow.
 */
#include "acl/acl_impl.h"

#include "base/base_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CROWD 8 /* rules with one key in a table that is not the finest */

enum grain { COARSE, FINER, EXACT };

/* The masks of a rule as a table has them. */
static void mask_of(const struct weir_acl *acl, const struct weir_acl_rule *rule, enum grain grain,
	uint64_t mask[WEIR__ACL_WORDS])
{
	uint8_t *bytes = (uint8_t *)mask;
	uint32_t offset = 0;

	memset(mask, 0, WEIR_ACL_KEY);
	for (uint32_t i = 0; i < acl->field_count; i++) {
		uint32_t size = acl->fields[i].size;
		bool one = memcmp(rule->from + offset, rule->to + offset, size) == 0;

		for (uint32_t j = offset; j < offset + size; j++) {
			if (acl->fields[i].kind == WEIR_ACL_RANGE)
				bytes[j] = grain != COARSE && one ? 0xff : 0;
			else
				bytes[j] = grain != EXACT && rule->to[j] != 0xff ? 0 : rule->to[j];
		}
		offset += size;
	}
}

/* A key as words, with zeros behind it. */
static void widen(const struct weir_acl *acl, const uint8_t *key, uint64_t words[WEIR__ACL_WORDS])
{
	memset(words, 0, WEIR_ACL_KEY);
	memcpy(words, key, acl->key_size);
}

static uint32_t hash_masked(
	const struct weir_acl *acl, const struct weir__acl_tuple *tuple, const uint64_t *key)
{
	uint64_t masked[WEIR__ACL_WORDS];

	for (uint32_t i = 0; i < acl->words; i++)
		masked[i] = key[i] & tuple->mask[i];
	return (uint32_t)(weir__flow_hash(&acl->secret, masked, 8 * acl->words) >> 32);
}

static uint32_t *slot_of(
	const struct weir_acl *acl, const struct weir__acl_tuple *tuple, const uint64_t *key)
{
	return &tuple->slots[hash_masked(acl, tuple, key) & tuple->slot_mask];
}

static uint32_t *slot_of_rule(
	const struct weir_acl *acl, const struct weir__acl_tuple *tuple, uint32_t rule)
{
	uint64_t key[WEIR__ACL_WORDS];

	widen(acl, acl->rules[rule].from, key);
	return slot_of(acl, tuple, key);
}

static struct weir__acl_tuple *find_tuple(struct weir_acl *acl, const uint64_t *mask)
{
	struct weir__acl_tuples *all = &acl->tuples;
	struct weir__acl_tuple *grown;

	for (uint32_t i = 0; i < all->count; i++)
		if (memcmp(all->tuples[i].mask, mask, WEIR_ACL_KEY) == 0)
			return &all->tuples[i];
	grown = realloc(all->tuples, (all->count + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	all->tuples = grown;
	grown[all->count] = (struct weir__acl_tuple){.best = WEIR_ACL_NONE};
	memcpy(grown[all->count].mask, mask, WEIR_ACL_KEY);
	return &grown[all->count++];
}

/* Twice the slots, at least as many as rules; they are chained again in order. */
static int spread(struct weir_acl *acl, struct weir__acl_tuple *tuple)
{
	uint32_t slots = tuple->slots ? 2 * (tuple->slot_mask + 1) : 16;
	uint32_t *old = tuple->slots, old_count = old ? tuple->slot_mask + 1 : 0;

	tuple->slots = malloc(slots * sizeof(*tuple->slots));
	if (!tuple->slots) {
		tuple->slots = old;
		return -ENOMEM;
	}
	memset(tuple->slots, 0xff, slots * sizeof(*tuple->slots));
	tuple->slot_mask = slots - 1;
	for (uint32_t i = 0; i < old_count; i++)
		for (uint32_t rule = old[i], next; rule != WEIR_ACL_NONE; rule = next) {
			uint32_t *to = slot_of_rule(acl, tuple, rule);

			next = acl->tuples.next[rule];
			while (*to != WEIR_ACL_NONE)
				to = &acl->tuples.next[*to];
			*to = rule;
			acl->tuples.next[rule] = WEIR_ACL_NONE;
		}
	free(old);
	return 0;
}

/* Put a rule behind those of its slot: false when it is crowded there. */
static bool put(struct weir_acl *acl, struct weir__acl_tuple *tuple, uint32_t rule, uint32_t crowd)
{
	uint32_t *to = slot_of_rule(acl, tuple, rule), length = 0;

	for (; *to != WEIR_ACL_NONE; to = &acl->tuples.next[*to])
		if (++length >= crowd)
			return false;
	*to = rule;
	acl->tuples.next[rule] = WEIR_ACL_NONE;
	if (rule < tuple->best)
		tuple->best = rule;
	tuple->rules++;
	return true;
}

static int add_rule(struct weir_acl *acl, uint32_t rule, enum grain grain)
{
	uint64_t mask[WEIR__ACL_WORDS];
	struct weir__acl_tuple *tuple;

	mask_of(acl, &acl->rules[rule], grain, mask);
	tuple = find_tuple(acl, mask);
	if (!tuple || ((!tuple->slots || tuple->rules > tuple->slot_mask) && spread(acl, tuple)))
		return weir__fail(
			ENOMEM, "rules '%s': no memory for %u rules", acl->name, acl->count);
	if (put(acl, tuple, rule, grain == EXACT ? UINT32_MAX : CROWD))
		return 0;
	return add_rule(acl, rule, grain + 1);
}

static int by_best(const void *a, const void *b)
{
	const struct weir__acl_tuple *x = a, *y = b;

	return (x->best > y->best) - (x->best < y->best);
}

int weir__acl_build_tuples(struct weir_acl *acl)
{
	struct weir__acl_tuples *all = &acl->tuples;
	int error = 0;

	all->next = malloc(acl->count * sizeof(*all->next));
	if (!all->next)
		return weir__fail(
			ENOMEM, "rules '%s': no memory for %u rules", acl->name, acl->count);
	for (uint32_t i = 0; !error && i < acl->count; i++)
		error = add_rule(acl, i, COARSE);
	if (error)
		return error;
	qsort(all->tuples, all->count, sizeof(*all->tuples), by_best);
	snprintf(acl->description, sizeof(acl->description), "%u rules: %u tuples", acl->count,
		all->count);
	return 0;
}

void weir__acl_free_tuples(struct weir_acl *acl)
{
	for (uint32_t i = 0; i < acl->tuples.count; i++)
		free(acl->tuples.tuples[i].slots);
	free(acl->tuples.tuples);
	free(acl->tuples.next);
}

uint32_t weir__acl_next_tuple(const struct weir_acl *acl, const uint8_t *key, uint32_t from)
{
	const struct weir__acl_tuples *all = &acl->tuples;
	uint32_t best = WEIR_ACL_NONE;
	uint64_t words[WEIR__ACL_WORDS];

	widen(acl, key, words);
	for (uint32_t i = 0; i < all->count && all->tuples[i].best < best; i++) {
		uint32_t rule = *slot_of(acl, &all->tuples[i], words);

		for (; rule < best; rule = all->next[rule])
			if (rule >= from && weir__acl_matches(acl, rule, key))
				best = rule;
	}
	return best;
}
