/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/acl.h: which of many rules a packet matches first.
 *
 * A key is a row of fields in network order, such as addresses, ports and protocol. A rule says for
 * each field a value under a mask, or a range. Rules have an order, and the first that matches
 * counts; those behind it can be asked for as well.
 *
 * How it is looked up depends on the rules (weir_acl_describe() says):
 *
 *	linear   one rule after the other, when they are few
 *	classes  recursive flow classification (P. Gupta, N. McKeown, 1999): each 16 bits of the
 *	         key are a class, two classes together are a class, and so on to the last one, which
 *	         stands for a set of rules: as many loads as there are steps, whatever the rules are
 *	tuples   a hash table for each combination of masks that rules have, with similar masks
 *	         together (TupleMerge: J. Daly and others, 2019), when the classes would be too many
 *
 * A set of rules does not change: make another one and replace it by weir/rcu.h. So any threads may
 * look up at the same time; create and destroy are for one.
 */
#ifndef WEIR_ACL_H
#define WEIR_ACL_H

#include "weir/base.h"
#include "weir/mem.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_ACL_NONE   UINT32_MAX /* no rule's number */
#define WEIR_ACL_KEY    48         /* bytes of a key at most */
#define WEIR_ACL_FIELDS 16         /* of a key at most */
#define WEIR_ACL_RULES  (1u << 20) /* at most */

enum weir_acl_kind {
	WEIR_ACL_MASK,  /* (key & to) == from: 1, 2, 4, 8 or 16 bytes */
	WEIR_ACL_RANGE, /* from <= key <= to: 1 or 2 bytes */
};

struct weir_acl_field {
	enum weir_acl_kind kind;
	uint8_t size; /* bytes; a field lies behind the one before it */
};

/* from and to are laid out like a key: for a MASK field value and mask, for a RANGE field its ends.
 * Bits of a value that its mask does not have are ignored. */
struct weir_acl_rule {
	uint8_t from[WEIR_ACL_KEY], to[WEIR_ACL_KEY];
};

enum weir_acl_way { WEIR_ACL_BEST, WEIR_ACL_LINEAR, WEIR_ACL_CLASSES, WEIR_ACL_TUPLES };

struct weir_acl_conf {
	const char *name; /* for reports; NULL: "rules". Copied. */
	const struct weir_acl_field *fields;
	uint32_t field_count;
	const struct weir_acl_rule *rules; /* copied */
	uint32_t count;                    /* may be 0: nothing matches */
	enum weir_acl_way way;             /* WEIR_ACL_BEST by default; others to compare them */
	enum weir_pages pages;             /* these as in weir_region_conf */
	int node;
};

struct weir_acl;

/* NULL with errno and weir_last_error(): EINVAL for fields that are not allowed, a range whose end
 * is before its beginning, or too many rules; E2BIG for classes that would be too many, when these
 * were asked for; ENOMEM, or as weir_region_create(). */
WEIR_API struct weir_acl *weir_acl_create(const struct weir_acl_conf *conf);

/* NULL is allowed. */
WEIR_API void weir_acl_destroy(struct weir_acl *acl);

/* For each of count keys, which lie one behind the other without gaps, the number of the first rule
 * that matches, from 0, or WEIR_ACL_NONE. */
WEIR_API void weir_acl_lookup_bulk(
	const struct weir_acl *acl, const void *keys, uint32_t count, uint32_t *rules);

/* The first rule that matches one key, of those numbered from and higher: what to ask when a rule
 * that matched does not decide. */
WEIR_API uint32_t weir_acl_next(const struct weir_acl *acl, const void *key, uint32_t from);

/* Bytes of a key, and a sentence about how it is looked up: "1000 rules: 13 steps, 412 classes, 1.2
 * MiB". Valid as long as the set. */
WEIR_API uint32_t weir_acl_key_size(const struct weir_acl *acl);
WEIR_API const char *weir_acl_describe(const struct weir_acl *acl);

#ifdef __cplusplus
}
#endif

#endif
