/* SPDX-License-Identifier: BSD-3-Clause */
/* ruleset.c: a rule set, from a file or a text to its end. */
#include "apps/weir-fw/index.h"
#include "apps/weir-fw/syntax.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct fw_ruleset *create(void)
{
	struct fw_arena *arena = fw_arena_create();
	struct fw_ruleset *rules = fw_alloc(arena, sizeof(*rules));

	rules->arena = arena;
	rules->last_table = &rules->tables;
	return rules;
}

static struct fw_ruleset *load(
	struct fw_ruleset *rules, struct fw_source *source, const char *const *folders)
{
	struct fw_parser parser = {.rules = rules, .arena = rules->arena, .folders = folders};

	if (!fw_scanner_open(&parser) || !fw_scanner_push(&parser, source)) {
		fw_error(rules, (struct fw_where){.source = source}, "out of memory");
		return rules;
	}
	if (fw_parse(&parser) && fw_check(rules))
		fw_tallies_make(rules);
	fw_scanner_close(&parser);
	return rules;
}

struct fw_ruleset *fw_load_file(const char *path, const char *const *folders)
{
	struct fw_ruleset *rules = create();
	struct fw_source *source = fw_source_read(rules->arena, path);

	if (source)
		return load(rules, source, folders);
	if (asprintf(&rules->error, "cannot read '%s': %s\n", path, strerror(errno)) < 0)
		abort();
	return rules;
}

struct fw_ruleset *fw_load_text(
	const char *name, const char *text, size_t length, const char *const *folders)
{
	struct fw_ruleset *rules = create();
	struct fw_source *source = fw_alloc(rules->arena, sizeof(*source));

	*source = (struct fw_source){.name = fw_copy(rules->arena, name, strlen(name)),
		.text = fw_copy(rules->arena, text, length),
		.length = length};
	return load(rules, source, folders);
}

void fw_free(struct fw_ruleset *rules)
{
	if (!rules)
		return;
	free(rules->error);
	fw_index_destroy(rules);
	fw_arena_destroy(rules->arena);
}

void fw_rule_name(const struct fw_rule *rule, char *text, size_t size)
{
	const struct fw_table *table = rule->chain->table;

	snprintf(text, size, "%s %s %s rule %u", fw_family_name(table->family), table->name,
		rule->chain->name, rule->number);
}
