/* SPDX-License-Identifier: BSD-3-Clause */
/* test_flow_model.c: any operations on flow tables in any order, beside a model that knows each
 * flow by its number.
 *
 * WEIR_FLOW_STEPS is how many there are: 10,000,000 for all of it, fewer by default. */
#include "flow_tables.h"
#include "unit.h"

#include <errno.h>

#define STEPS 2000000

struct flow {
	uint32_t index; /* WEIR_FLOW_NONE: not there */
	uint64_t expires;
	uint64_t value;
};

struct model {
	struct weir_flow_table *table;
	struct flow *flows; /* by number */
	uint32_t numbers;   /* keys there are: more than the table has room for */
	uint32_t count, present;
	uint32_t key_size;
	uint64_t now, timeout;
	uint32_t wrong;
};

static void note_new(struct model *model, uint32_t number, uint32_t index)
{
	struct flow *flow = &model->flows[number];
	uint64_t *value = weir_flow_value(model->table, index);

	flow->index = index;
	flow->expires = model->now + model->timeout;
	flow->value = number * 77ull + model->now;
	model->wrong += value[0] != 0 || value[1] != 0;
	value[0] = flow->value;
	value[1] = number;
	model->present++;
}

static void note_gone(struct model *model, uint32_t number)
{
	model->flows[number].index = WEIR_FLOW_NONE;
	model->present--;
}

/* What an insert answered, and what it should have. */
static void judge_insert(struct model *model, uint32_t number, bool made, uint32_t index)
{
	bool there = model->flows[number].index != WEIR_FLOW_NONE;
	bool room = model->present < model->count;

	model->wrong += made != (!there && room);
	model->wrong += !made && index != model->flows[number].index;
	if (made && index < model->count)
		note_new(model, number, index);
}

static void insert_one(struct model *model, uint32_t number)
{
	uint8_t key[WEIR_FLOW_KEY_MAX];
	uint32_t index;
	int result;

	make_key(key, model->key_size, number);
	result = weir_flow_insert(model->table, key, model->now, &index);
	model->wrong += result == 0 && model->flows[number].index == WEIR_FLOW_NONE;
	model->wrong += result < 0 && result != -ENOSPC;
	judge_insert(model, number, result == 1, index);
}

static void look_up(struct model *model, uint32_t number)
{
	const struct flow *flow = &model->flows[number];
	uint8_t key[WEIR_FLOW_KEY_MAX];
	uint32_t index;
	uint64_t value[2];

	make_key(key, model->key_size, number);
	index = weir_flow_lookup(model->table, key);
	model->wrong += index != flow->index;
	if (index == WEIR_FLOW_NONE || index != flow->index)
		return;
	memcpy(value, weir_flow_value(model->table, index), sizeof(value));
	model->wrong += value[0] != flow->value || value[1] != number;
	model->wrong += weir_flow_expires(model->table, index) != flow->expires;
}

/* A burst of any length, of numbers in a row or not; with insert, a number may be in it twice. */
static void bulk(struct model *model, bool insert)
{
	uint8_t keys[WEIR_FLOW_BULK * WEIR_FLOW_KEY_MAX];
	uint32_t numbers[WEIR_FLOW_BULK], indices[WEIR_FLOW_BULK];
	uint32_t count = (uint32_t)rand() % (WEIR_FLOW_BULK + 1);
	uint64_t result, bit;

	for (uint32_t i = 0; i < count; i++) {
		numbers[i] = (uint32_t)rand() % model->numbers;
		if (i > 0 && rand() % 20 == 0)
			numbers[i] = numbers[i - 1];
		make_key(keys + (size_t)i * model->key_size, model->key_size, numbers[i]);
	}
	result = insert ? weir_flow_insert_bulk(model->table, keys, count, model->now, indices)
			: weir_flow_lookup_bulk(model->table, keys, count, indices);
	model->wrong += count < 64 && result >> count != 0;
	for (uint32_t i = 0; i < count; i++) {
		bit = result >> i & 1;
		if (insert) {
			judge_insert(model, numbers[i], bit, indices[i]);
		} else {
			model->wrong += indices[i] != model->flows[numbers[i]].index;
			model->wrong += bit != (indices[i] != WEIR_FLOW_NONE);
		}
	}
}

static void change(struct model *model, uint32_t number, int what)
{
	struct flow *flow = &model->flows[number];

	if (flow->index == WEIR_FLOW_NONE)
		return;
	if (what == 0) {
		weir_flow_remove(model->table, flow->index);
		note_gone(model, number);
	} else if (what == 1) {
		flow->expires = model->now + model->timeout;
		weir_flow_touch(model->table, flow->index, model->now);
	} else {
		flow->expires = model->now + (uint64_t)rand() % (4 * model->timeout);
		weir_flow_keep(model->table, flow->index, flow->expires);
		flow->expires = flow->expires ? flow->expires : 1;
	}
}

/* One in eight is kept. Another may be removed while we are at it. */
static void expired(void *context, struct weir_flow_table *table, uint32_t index)
{
	struct model *model = context;
	uint64_t *value = weir_flow_value(table, index);
	uint32_t number = (uint32_t)value[1], other = (number + 1) % model->numbers;
	struct flow *flow = &model->flows[number];

	model->wrong += flow->index != index || flow->expires > model->now;
	if (number % 8 == 0) {
		flow->expires = model->now + 5;
		weir_flow_keep(table, index, flow->expires);
		return;
	}
	note_gone(model, number);
	if (number % 16 == 1)
		change(model, other, 0);
}

static void pass_time(struct model *model)
{
	uint32_t budget = rand() % 4 ? 2 * model->count + 100 : (uint32_t)rand() % 50, looked;

	model->now += (uint64_t)rand() % (model->timeout / 20);
	looked = weir_flow_expire(model->table, model->now, budget, expired, model);
	model->wrong += looked > budget;
	if (looked == budget || rand() % 64)
		return;
	for (uint32_t i = 0; i < model->numbers; i++)
		model->wrong += model->flows[i].index != WEIR_FLOW_NONE &&
				model->flows[i].expires <= model->now;
}

/* The flows that next gives are those of the model. */
static void check_all(struct model *model)
{
	uint32_t seen = 0, i;

	for (i = weir_flow_next(model->table, 0); i != WEIR_FLOW_NONE;
		i = weir_flow_next(model->table, i + 1)) {
		uint64_t *value = weir_flow_value(model->table, i);

		model->wrong += model->flows[value[1]].index != i;
		seen++;
	}
	model->wrong += seen != model->present;
	check_buckets(model->table);
	for (i = 0; i < model->numbers; i++)
		look_up(model, i);
}

static void run_model(uint32_t count, uint32_t key_size, uint64_t steps)
{
	struct model model = {.count = count,
		.numbers = count + count / 4 + 1,
		.key_size = key_size,
		.timeout = 1000 + count};

	model.table = make(count, key_size, model.timeout);
	model.flows = calloc(model.numbers, sizeof(*model.flows));
	CU_ASSERT_PTR_NOT_NULL_FATAL(model.flows);
	for (uint32_t i = 0; i < model.numbers; i++)
		model.flows[i].index = WEIR_FLOW_NONE;
	for (uint64_t step = 0; step < steps && model.wrong == 0; step++) {
		uint32_t number = (uint32_t)rand() % model.numbers, what = (uint32_t)rand() % 100;

		if (what < 40)
			insert_one(&model, number);
		else if (what < 65)
			look_up(&model, number);
		else if (what < 89)
			change(&model, number, (int)what % 3);
		else if (what < 94)
			bulk(&model, what % 2);
		else if (rand() % 20 == 0)
			pass_time(&model);
	}
	check_all(&model);
	CU_ASSERT_EQUAL(model.wrong, 0);
	CU_ASSERT_TRUE(count == 1 || stats_of(model.table).expired > 0);
	free(model.flows);
	weir_flow_destroy(model.table);
}

static void test_model(void)
{
	static const uint32_t counts[] = {1, 40, 3000, 60000};
	const char *given = getenv("WEIR_FLOW_STEPS");
	uint64_t steps = given ? strtoull(given, NULL, 10) : STEPS;

	for (uint32_t c = 0; c < 4; c++)
		for (uint32_t k = 0; k < 5; k++)
			run_model(counts[c], key_sizes[k], steps / 20);
}

int main(void)
{
	static CU_TestInfo tests[] = {{"a model", test_model}, CU_TEST_INFO_NULL};

	return unit_run("flow model", tests);
}
