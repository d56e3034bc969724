/* SPDX-License-Identifier: BSD-3-Clause */
/* steps.c: look up classes: step by step, each over the whole burst, so that the loads of all keys
 * are on their way together. */
#include "acl/acl_impl.h"

#include <string.h>

#define AT_ONCE 64

static inline uint32_t piece_at(const uint8_t *key, uint32_t offset, uint32_t size)
{
	return size == 1 ? key[offset] : (uint32_t)key[offset] << 8 | key[offset + 1];
}

static void take_pieces(const struct weir__acl_step *step, const uint8_t *keys, uint32_t key_size,
	uint32_t count, uint16_t *classes)
{
	for (uint32_t i = 0; i < count; i++)
		classes[i] = step->table[piece_at(
			keys + (size_t)i * key_size, step->first, step->second)];
}

static void join(const struct weir__acl_step *step, const uint16_t *first, const uint16_t *second,
	uint32_t count, uint16_t *classes)
{
	for (uint32_t i = 0; i < count; i++)
		classes[i] = step->table[(size_t)first[i] * step->width + second[i]];
}

/* The last classes of at most AT_ONCE keys. */
static void classify(
	const struct weir_acl *acl, const uint8_t *keys, uint32_t count, uint16_t *last)
{
	const struct weir__acl_classes *all = &acl->classes;
	uint16_t classes[WEIR__ACL_STEPS][AT_ONCE];

	for (uint32_t i = 0; i < all->step_count; i++) {
		const struct weir__acl_step *step = &all->steps[i];
		uint16_t *to = i + 1 < all->step_count ? classes[i] : last;

		if (step->width == 0)
			take_pieces(step, keys, acl->key_size, count, to);
		else
			join(step, classes[step->first], classes[step->second], count, to);
	}
}

void weir__acl_lookup_classes(
	const struct weir_acl *acl, const uint8_t *keys, uint32_t count, uint32_t *rules)
{
	const struct weir__acl_classes *all = &acl->classes;
	uint16_t last[AT_ONCE];

	for (uint32_t done = 0; done < count; done += AT_ONCE) {
		uint32_t some = count - done < AT_ONCE ? count - done : AT_ONCE;

		classify(acl, keys + (size_t)done * acl->key_size, some, last);
		for (uint32_t i = 0; i < some; i++)
			rules[done + i] = all->top[last[i]];
	}
}

uint32_t weir__acl_next_class(const struct weir_acl *acl, const uint8_t *key, uint32_t from)
{
	const struct weir__acl_classes *all = &acl->classes;
	const uint32_t *match;
	uint16_t last;

	classify(acl, key, 1, &last);
	for (match = &all->matches[all->lists[last]]; *match < from; match++)
		;
	return *match;
}
