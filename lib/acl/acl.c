/* SPDX-License-Identifier: BSD-3-Clause */
/* acl.c: a set of rules: made, taken apart, and looked up one rule after the other. */
#include "acl/acl_impl.h"

#include "base/base_impl.h"
#include "flow/flow_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Rules that take as long one after the other as the steps of classes (docs/acl.md). */
#define LINEAR_MAX 4

static inline uint64_t half(const uint8_t *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static inline uint64_t word(const uint8_t *bytes, uint32_t i)
{
	uint64_t value;

	memcpy(&value, bytes + 8 * i, sizeof(value));
	return value;
}

/* A port, or a byte, as a number. */
static inline uint32_t number(const uint8_t *bytes, uint32_t size)
{
	return size == 1 ? bytes[0] : (uint32_t)(bytes[0] << 8 | bytes[1]);
}

/* Addresses are compared by the word; is_field() says which sizes there are. */
static bool matches_field(
	struct weir_acl_field field, const uint8_t *from, const uint8_t *to, const uint8_t *key)
{
	uint32_t value;

	switch (field.size) {
	case 4:
		return !((half(key) ^ half(from)) & half(to));
	case 8:
		return !((word(key, 0) ^ word(from, 0)) & word(to, 0));
	case 16:
		return !(((word(key, 0) ^ word(from, 0)) & word(to, 0)) |
			 ((word(key, 1) ^ word(from, 1)) & word(to, 1)));
	default:
		value = number(key, field.size);
		if (field.kind == WEIR_ACL_RANGE)
			return number(from, field.size) <= value && value <= number(to, field.size);
		return !((value ^ number(from, field.size)) & number(to, field.size));
	}
}

bool weir__acl_matches(const struct weir_acl *acl, uint32_t rule, const uint8_t *key)
{
	const struct weir_acl_rule *it = &acl->rules[rule];
	uint32_t offset = 0;

	for (uint32_t i = 0; i < acl->field_count; i++) {
		if (!matches_field(
			    acl->fields[i], it->from + offset, it->to + offset, key + offset))
			return false;
		offset += acl->fields[i].size;
	}
	return true;
}

static uint32_t next_linear(const struct weir_acl *acl, const uint8_t *key, uint32_t from)
{
	for (; from < acl->count; from++)
		if (weir__acl_matches(acl, from, key))
			return from;
	return WEIR_ACL_NONE;
}

uint32_t weir_acl_next(const struct weir_acl *acl, const void *key, uint32_t from)
{
	switch (acl->way) {
	case WEIR_ACL_CLASSES:
		return weir__acl_next_class(acl, key, from);
	case WEIR_ACL_TUPLES:
		return weir__acl_next_tuple(acl, key, from);
	default:
		return next_linear(acl, key, from);
	}
}

void weir_acl_lookup_bulk(
	const struct weir_acl *acl, const void *keys, uint32_t count, uint32_t *rules)
{
	const uint8_t *key = keys;

	if (acl->way == WEIR_ACL_CLASSES) {
		weir__acl_lookup_classes(acl, keys, count, rules);
		return;
	}
	for (uint32_t i = 0; i < count; i++, key += acl->key_size)
		rules[i] = weir_acl_next(acl, key, 0);
}

/* ---- create and destroy ---- */

static bool is_field(struct weir_acl_field field)
{
	bool small = field.size == 1 || field.size == 2;

	return small || (field.kind == WEIR_ACL_MASK &&
				(field.size == 4 || field.size == 8 || field.size == 16));
}

static int check_fields(const struct weir_acl_conf *conf)
{
	uint32_t size = 0;

	if (conf->field_count == 0 || conf->field_count > WEIR_ACL_FIELDS)
		return weir__fail(EINVAL, "rules: %u fields are not 1 to %d", conf->field_count,
			WEIR_ACL_FIELDS);
	for (uint32_t i = 0; i < conf->field_count; i++) {
		if (!is_field(conf->fields[i]))
			return weir__fail(EINVAL,
				"rules: field %u has %u bytes: masks are for 1, 2, 4, 8 or 16, "
				"ranges for 1 or 2",
				i, conf->fields[i].size);
		size += conf->fields[i].size;
	}
	if (size > WEIR_ACL_KEY)
		return weir__fail(
			EINVAL, "rules: keys of %u bytes: at most %d", size, WEIR_ACL_KEY);
	return (int)size;
}

static int check_rules(const struct weir_acl_conf *conf)
{
	if (conf->count > WEIR_ACL_RULES)
		return weir__fail(
			EINVAL, "rules: %u are more than %u", conf->count, WEIR_ACL_RULES);
	for (uint32_t i = 0; i < conf->count; i++) {
		uint32_t offset = 0;

		for (uint32_t j = 0; j < conf->field_count; offset += conf->fields[j++].size)
			if (conf->fields[j].kind == WEIR_ACL_RANGE &&
				memcmp(conf->rules[i].from + offset, conf->rules[i].to + offset,
					conf->fields[j].size) > 0)
				return weir__fail(EINVAL,
					"rules: field %u of rule %u ends before it begins", j, i);
	}
	return 0;
}

static int copy_conf(struct weir_acl *acl, const struct weir_acl_conf *conf)
{
	acl->count = conf->count;
	acl->field_count = conf->field_count;
	memcpy(acl->fields, conf->fields, conf->field_count * sizeof(*conf->fields));
	snprintf(acl->name, sizeof(acl->name), "%s", conf->name ? conf->name : "rules");
	acl->rules = malloc((conf->count + 1) * sizeof(*acl->rules));
	if (!acl->rules)
		return weir__fail(
			ENOMEM, "rules '%s': no memory for %u rules", acl->name, conf->count);
	if (conf->count)
		memcpy(acl->rules, conf->rules, conf->count * sizeof(*acl->rules));
	return weir__flow_choose_secret(acl->name, &acl->secret);
}

static int build(struct weir_acl *acl, const struct weir_acl_conf *conf)
{
	int error;

	acl->way = conf->way;
	if (acl->way == WEIR_ACL_BEST || acl->count == 0)
		acl->way = acl->count <= LINEAR_MAX ? WEIR_ACL_LINEAR : WEIR_ACL_CLASSES;
	snprintf(acl->description, sizeof(acl->description), "%u rules: one after the other",
		acl->count);
	if (acl->way == WEIR_ACL_LINEAR)
		return 0;
	if (acl->way == WEIR_ACL_TUPLES)
		return weir__acl_build_tuples(acl);
	error = weir__acl_build_classes(acl, conf);
	if (error != -E2BIG || conf->way == WEIR_ACL_CLASSES)
		return error;
	acl->way = WEIR_ACL_TUPLES;
	return weir__acl_build_tuples(acl);
}

struct weir_acl *weir_acl_create(const struct weir_acl_conf *conf)
{
	int size = check_fields(conf), error;
	struct weir_acl *acl;

	if (size < 0 || check_rules(conf))
		return NULL;
	acl = calloc(1, sizeof(*acl));
	if (!acl)
		return weir__fail_null(ENOMEM, "no memory for a set of rules");
	acl->key_size = (uint32_t)size;
	acl->words = (acl->key_size + 7) / 8;
	error = copy_conf(acl, conf);
	if (!error)
		error = build(acl, conf);
	if (!error)
		return acl;
	weir_acl_destroy(acl);
	errno = -error;
	return NULL;
}

void weir_acl_destroy(struct weir_acl *acl)
{
	if (!acl)
		return;
	weir__acl_free_tuples(acl);
	free(acl->classes.lists);
	free(acl->classes.matches);
	weir_region_destroy(acl->region);
	free(acl->rules);
	free(acl);
}

uint32_t weir_acl_key_size(const struct weir_acl *acl)
{
	return acl->key_size;
}

const char *weir_acl_describe(const struct weir_acl *acl)
{
	return acl->description;
}
