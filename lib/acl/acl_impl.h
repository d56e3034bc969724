/* SPDX-License-Identifier: BSD-3-Clause */
/* acl_impl.h: a set of rules, and what the ways to look it up are made of.
 *
 *	acl.c		create, destroy, the linear way		classes.c	build classes
 *	tuples.c	hash tables by masks			sets.c		the rules of a class
 *							steps.c		look classes up
 */
#ifndef WEIR_ACL_IMPL_H
#define WEIR_ACL_IMPL_H

#include "weir/acl.h"

#include "flow/hash_impl.h"

#include <stdbool.h>

/* ---- classes ---- */

/* Pieces of 16 bits of a key at most: a field of one byte is one as well. And steps: the pieces,
 * and what joins them two by two. */
#define WEIR__ACL_PIECES WEIR_ACL_KEY
#define WEIR__ACL_STEPS  (2 * WEIR__ACL_PIECES)

struct weir__acl_step {
	const uint16_t *table;
	uint32_t first, second; /* a piece: offset in the key, bytes. A join: two steps */
	uint32_t width;         /* of a join: classes of the second step; 0: a piece */
};

struct weir__acl_classes {
	struct weir__acl_step steps[WEIR__ACL_STEPS];
	uint32_t step_count;
	uint32_t count;      /* of the last step */
	const uint32_t *top; /* by class: its first rule, or WEIR_ACL_NONE */
	uint32_t *lists; /* by class: where its rules begin in matches; WEIR_ACL_NONE ends them */
	uint32_t *matches;
};

/* ---- tuples ---- */

#define WEIR__ACL_WORDS (WEIR_ACL_KEY / 8)

struct weir__acl_tuple {
	uint64_t mask[WEIR__ACL_WORDS];
	uint32_t best;   /* the first of its rules */
	uint32_t *slots; /* by hash: a place in chains, or WEIR_ACL_NONE */
	uint32_t slot_mask, rules;
};

struct weir__acl_tuples {
	struct weir__acl_tuple *tuples; /* by best */
	uint32_t count;
	uint32_t *next; /* by rule: the next one of its slot; they are in order */
};

struct weir_acl {
	enum weir_acl_way way;
	uint32_t count, key_size, field_count;
	uint32_t words; /* of 8 bytes that a key takes */
	struct weir_acl_field fields[WEIR_ACL_FIELDS];
	struct weir_acl_rule *rules;
	struct weir__flow_secret secret; /* of hashes */
	struct weir__acl_classes classes;
	struct weir__acl_tuples tuples;
	struct weir_region *region; /* of the classes' tables */
	char name[32], description[160];
};

/* Does a rule match? Also for the other ways, to make sure. */
bool weir__acl_matches(const struct weir_acl *acl, uint32_t rule, const uint8_t *key);

/* classes.c: 0, -E2BIG for too many, or -errno; with a sentence. */
int weir__acl_build_classes(struct weir_acl *acl, const struct weir_acl_conf *conf);

/* steps.c */
void weir__acl_lookup_classes(
	const struct weir_acl *acl, const uint8_t *keys, uint32_t count, uint32_t *rules);
uint32_t weir__acl_next_class(const struct weir_acl *acl, const uint8_t *key, uint32_t from);

/* tuples.c: 0 or -ENOMEM with a sentence. */
int weir__acl_build_tuples(struct weir_acl *acl);
void weir__acl_free_tuples(struct weir_acl *acl);
uint32_t weir__acl_next_tuple(const struct weir_acl *acl, const uint8_t *key, uint32_t from);

#endif
