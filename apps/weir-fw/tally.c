/* SPDX-License-Identifier: BSD-3-Clause */
/* tally.c: numbers for counters, and rows of cells. */
#include "apps/weir-fw/fw.h"

#include <weir/base.h>

typedef void each(struct fw_tallies *all, struct fw_tally *tally);

static void each_of_set(struct fw_tallies *all, struct fw_set *set, each *call)
{
	if (!set->counted)
		return;
	for (uint32_t i = 0; i < set->count; i++)
		call(all, &set->elements[i].counter);
	if (set->any)
		call(all, &set->any->counter);
}

static void each_of_rule(struct fw_tallies *all, struct fw_rule *rule, each *call)
{
	call(all, &rule->hits);
	for (uint32_t i = 0; i < rule->count; i++)
		if (rule->statements[i].kind == FW_STATEMENT_COUNTER)
			call(all, &rule->statements[i].counter);
}

static void each_of_rules(struct fw_ruleset *rules, each *call)
{
	struct fw_tallies *all = &rules->tallies;

	for (struct fw_table *table = rules->tables; table; table = table->next) {
		for (struct fw_set *set = table->sets; set; set = set->next)
			each_of_set(all, set, call);
		for (struct fw_chain *chain = table->chains; chain; chain = chain->next) {
			call(all, &chain->policy_hits);
			for (struct fw_rule *rule = chain->rules; rule; rule = rule->next)
				each_of_rule(all, rule, call);
		}
	}
}

static void count_one(struct fw_tallies *all, struct fw_tally *tally)
{
	(void)tally;
	all->count++;
}

static void place(struct fw_tallies *all, struct fw_tally *tally)
{
	const struct fw_counter before = tally->before;

	tally->all = all;
	tally->number = all->count++;
	fw_count(&all->rows[0][tally->number], before.packets, before.bytes);
}

/* Of lines that nobody else writes. */
static struct fw_cell *make_row(struct fw_ruleset *rules)
{
	size_t size = rules->tallies.count * sizeof(struct fw_cell);
	uintptr_t memory = (uintptr_t)fw_alloc(rules->arena, size + 2 * WEIR_CACHE_LINE);

	return (struct fw_cell *)((memory + WEIR_CACHE_LINE - 1) &
				  ~(uintptr_t)(WEIR_CACHE_LINE - 1));
}

void fw_tallies_make(struct fw_ruleset *rules)
{
	each_of_rules(rules, count_one);
	fw_tallies_share(rules, 1);
	rules->tallies.count = 0;
	each_of_rules(rules, place);
}

void fw_tallies_share(struct fw_ruleset *rules, uint32_t workers)
{
	struct fw_tallies *all = &rules->tallies;
	struct fw_cell **rows = fw_alloc(rules->arena, workers * sizeof(*rows));

	for (uint32_t i = 0; i < workers; i++)
		rows[i] = i < all->workers ? all->rows[i] : make_row(rules);
	all->rows = rows;
	all->workers = workers;
}

struct fw_counter fw_counted(const struct fw_tally *tally)
{
	struct fw_counter sum = {0};

	for (uint32_t i = 0; i < tally->all->workers; i++) {
		const struct fw_cell *cell = &tally->all->rows[i][tally->number];

		/* relaxed: figures of about now */
		sum.packets += atomic_load_explicit(&cell->packets, memory_order_relaxed);
		sum.bytes += atomic_load_explicit(&cell->bytes, memory_order_relaxed);
	}
	return sum;
}
