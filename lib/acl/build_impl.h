/* SPDX-License-Identifier: BSD-3-Clause */
/* build_impl.h: what classes are while they are built.
 *
 *	classes.c	pieces, joins, the result		sets.c		sets of rules
 */
#ifndef WEIR_ACL_BUILD_IMPL_H
#define WEIR_ACL_BUILD_IMPL_H

#include "acl/acl_impl.h"

#include <stddef.h>

#define WEIR__ACL_PARTS 64

/* Sets have few rules, mostly in a few words. So beside each lies a word with a bit for each part
 * of it that is not empty, and only these parts are looked at. */
struct weir__acl_set {
	uint64_t parts;
	uint64_t words[];
};

/* A step while it is built. */
struct weir__acl_building {
	uint16_t *table;
	size_t places;
	uint8_t *sets; /* of its classes, set_size bytes each */
	uint32_t count, room;
	uint32_t *hash; /* open addressing: a class + 1, or 0 */
	uint32_t hash_mask;
	bool joined; /* it is part of another */
};

struct weir__acl_build {
	struct weir_acl *acl;
	struct weir__acl_building steps[WEIR__ACL_STEPS];
	uint32_t count, words, part_words; /* of a set, of a part of it */
	size_t set_size;
	struct weir__acl_set *set; /* at hand */
};

/* Fail with the sentence for it. */
int weir__acl_too_many(const struct weir__acl_build *build);
int weir__acl_no_memory(const struct weir__acl_build *build);

/* The set of a class; the class of the set at hand, made if there is none, or -errno. */
static inline struct weir__acl_set *weir__acl_set_of(
	const struct weir__acl_build *build, const struct weir__acl_building *step, uint32_t class)
{
	return (struct weir__acl_set *)(void *)(step->sets + class * build->set_size);
}
int weir__acl_class_of(const struct weir__acl_build *build, struct weir__acl_building *step);

/* The set at hand: put a rule in or out; make it what is in both. */
void weir__acl_put(struct weir__acl_build *build, uint32_t rule, bool in);
void weir__acl_intersect(const struct weir__acl_build *build, const struct weir__acl_set *a,
	const struct weir__acl_set *b);

#endif
