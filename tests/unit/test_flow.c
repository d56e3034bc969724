/* SPDX-License-Identifier: BSD-3-Clause */
/* test_flow.c: flow tables: the life of a flow, full tables, keys that collide, ageing, the hash
 * and the vectors. test_flow_model.c has anything in any order. */
#include "flow_tables.h"
#include "random.h"
#include "unit.h"

#include <errno.h>

static void test_refused(void)
{
	static const struct weir_flow_conf wrong[] = {{.count = 0, .key_size = 8},
		{.count = WEIR_FLOW_MAX + 1, .key_size = 8}, {.count = 1, .key_size = 0},
		{.count = 1, .key_size = 13}, {.count = 1, .key_size = 72},
		{.count = 1, .key_size = 8, .value_size = 65536},
		{.count = 1, .key_size = 8, .timeout = UINT64_MAX},
		{.count = 1, .key_size = 8, .node = WEIR_NODE(5000)}};

	for (uint32_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		errno = 0;
		CU_ASSERT_PTR_NULL(weir_flow_create(&wrong[i]));
		CU_ASSERT_TRUE(errno == EINVAL || errno == ENODEV);
		CU_ASSERT_TRUE(strlen(weir_last_error()) > 10);
	}
	CU_ASSERT_EQUAL(weir_flow_memory(&wrong[0]), 0);
	weir_flow_destroy(NULL);
}

/* One flow, through all of its life. */
static void test_life(void)
{
	struct weir_flow_table *table = make(10, 16, 100);
	uint64_t key[2] = {1, 2}, other[2] = {2, 1};
	uint32_t index, again;

	CU_ASSERT_EQUAL(weir_flow_lookup(table, key), WEIR_FLOW_NONE);
	CU_ASSERT_EQUAL(weir_flow_insert(table, key, 1000, &index), 1);
	CU_ASSERT_EQUAL(weir_flow_insert(table, key, 2000, &again), 0);
	CU_ASSERT_EQUAL(again, index);
	CU_ASSERT_EQUAL(weir_flow_lookup(table, key), index);
	CU_ASSERT_EQUAL(weir_flow_lookup(table, other), WEIR_FLOW_NONE);
	CU_ASSERT_EQUAL(memcmp(weir_flow_key(table, index), key, 16), 0);
	CU_ASSERT_EQUAL(weir_flow_expires(table, index), 1100);
	CU_ASSERT_EQUAL((uintptr_t)weir_flow_value(table, index) % 8, 0);
	memset(weir_flow_value(table, index), 0xff, 12);
	CU_ASSERT_EQUAL(weir_flow_next(table, 0), index);
	CU_ASSERT_EQUAL(weir_flow_next(table, index + 1), WEIR_FLOW_NONE);
	CU_ASSERT_EQUAL(weir_flow_bound(table), index + 1);
	weir_flow_remove(table, index);
	CU_ASSERT_EQUAL(weir_flow_lookup(table, key), WEIR_FLOW_NONE);
	CU_ASSERT_EQUAL(weir_flow_next(table, 0), WEIR_FLOW_NONE);
	CU_ASSERT_EQUAL(weir_flow_insert(table, other, 0, &again), 1);
	CU_ASSERT_EQUAL(again, index);
	for (uint32_t i = 0; i < 12; i++)
		CU_ASSERT_EQUAL(((uint8_t *)weir_flow_value(table, again))[i], 0);
	CU_ASSERT_EQUAL(stats_of(table).hits, 1);
	CU_ASSERT_EQUAL(stats_of(table).misses, 3);
	CU_ASSERT_EQUAL(stats_of(table).inserted, 2);
	CU_ASSERT_EQUAL(stats_of(table).removed, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_region_describe(weir_flow_region(table)), "4 KiB"));
	weir_flow_destroy(table);
}

/* Tables of any size take what was promised, and then no more; again after a clear. */
static void fill(struct weir_flow_table *table, uint32_t count, uint32_t key_size)
{
	uint8_t key[WEIR_FLOW_KEY_MAX];
	uint32_t index, refused = 0;

	for (uint32_t i = 0; i < count; i++) {
		make_key(key, key_size, i);
		refused += weir_flow_insert(table, key, 0, &index) != 1;
	}
	CU_ASSERT_EQUAL(refused, 0);
	for (uint32_t i = 0; i < 10; i++) {
		make_key(key, key_size, count + i);
		CU_ASSERT_EQUAL(weir_flow_insert(table, key, 0, &index), -ENOSPC);
		CU_ASSERT_EQUAL(index, WEIR_FLOW_NONE);
	}
	make_key(key, key_size, 0);
	CU_ASSERT_EQUAL(weir_flow_insert(table, key, 0, &index), 0);
	check_buckets(table);
}

static void test_full(void)
{
	for (uint32_t count = 1; count < 3000; count += 1 + count / 4) {
		uint32_t key_size = key_sizes[count % 5];
		struct weir_flow_table *table = make(count, key_size, 0);

		fill(table, count, key_size);
		CU_ASSERT_EQUAL(stats_of(table).full, 10);
		weir_flow_clear(table);
		CU_ASSERT_EQUAL(stats_of(table).flows, 0);
		CU_ASSERT_EQUAL(weir_flow_next(table, 0), WEIR_FLOW_NONE);
		check_buckets(table);
		fill(table, count, key_size);
		CU_ASSERT_EQUAL(stats_of(table).crowded, 0);
		weir_flow_destroy(table);
	}
}

/* With a tenth of its buckets a table is filled until a flow finds no place: that is late, and
 * those in it are still found. */
static void test_crowded(void)
{
	struct weir_flow_table *table = make(100000, 16, 0);
	uint32_t index, slots = 1000 * WEIR__FLOW_SLOTS, wrong = 0;
	uint64_t key[2] = {0}, count = 0;

	table->bucket_count = 1000;
	while (weir_flow_insert(table, key, 0, &index) == 1)
		key[0] = ++count;
	CU_ASSERT_TRUE(count > slots * 97 / 100 && count <= slots);
	CU_ASSERT_EQUAL(stats_of(table).crowded, 1);
	CU_ASSERT_EQUAL(stats_of(table).full, 0);
	CU_ASSERT_TRUE(stats_of(table).displaced > 100);
	check_buckets(table);
	for (key[0] = 0; key[0] < count; key[0]++)
		wrong += weir_flow_lookup(table, key) != key[0];
	CU_ASSERT_EQUAL(wrong, 0);
	weir_flow_destroy(table);
}

/* Who knows the secret makes keys that all want the same bucket: the table refuses them when it
 * must, takes others, and loses none. */
static void test_flood(void)
{
	struct weir_flow_table *table = make(4096, 16, 0);
	uint64_t key[2] = {0}, kept[4096];
	uint32_t index, flood = 0, refused = 0, wrong = 0;

	for (; flood < 4096; key[1]++) {
		struct weir__flow_place place =
			weir__flow_place(table, weir__flow_hash(&table->secret, key, sizeof(key)));

		if (place.home != 0)
			continue;
		flood++;
		if (weir_flow_insert(table, key, 0, &index) == 1)
			kept[index] = key[1];
		else
			refused++;
	}
	CU_ASSERT_TRUE(refused > 0 && refused < flood);
	CU_ASSERT_EQUAL(stats_of(table).crowded, refused);
	CU_ASSERT_EQUAL(table->buckets[0].away[0], UINT8_MAX);
	for (uint32_t i = 0; i < stats_of(table).flows; i++) {
		key[1] = kept[i];
		wrong += weir_flow_lookup(table, key) != i;
	}
	check_buckets(table);
	while ((index = weir_flow_next(table, 0)) != WEIR_FLOW_NONE)
		weir_flow_remove(table, index);
	CU_ASSERT_EQUAL(wrong, 0);
	check_buckets(table);
	fill(table, 4096, 16);
	weir_flow_destroy(table);
}

/* Keys of one home and one tag, which only their bytes tell apart: 16 have a place. */
static void test_equal_tags(void)
{
	struct weir_flow_table *table = make(100, 8, 0);
	uint64_t keys[17];
	uint32_t indices[17], found = 0;

	for (uint64_t key = 0; found < 17; key++) {
		struct weir__flow_place place =
			weir__flow_place(table, weir__flow_hash(&table->secret, &key, 8));

		if (place.home == 3 && place.tag == (WEIR__FLOW_TAKEN | 7))
			keys[found++] = key;
	}
	if (weir__flow_other(table, 3, 7) != 3) {
		for (uint32_t i = 0; i < 16; i++)
			CU_ASSERT_EQUAL(weir_flow_insert(table, &keys[i], 0, &indices[i]), 1);
		CU_ASSERT_EQUAL(weir_flow_insert(table, &keys[16], 0, &indices[16]), -ENOSPC);
		for (uint32_t i = 0; i < 17; i++)
			CU_ASSERT_EQUAL(weir_flow_lookup(table, &keys[i]), indices[i]);
		CU_ASSERT_EQUAL(weir_flow_lookup_bulk(table, keys, 17, indices), 0xffff);
		check_buckets(table);
	}
	weir_flow_destroy(table);
}

/* ---- time ---- */

/* Expected indices, in order. */
struct order {
	uint32_t indices[1000];
	uint32_t count;
};

static void note_expired(void *context, struct weir_flow_table *table, uint32_t index)
{
	struct order *order = context;

	(void)table;
	order->indices[order->count++ % 1000] = index;
}

/* Flows that nobody touches go in the order in which they came, each at its time; with a small
 * budget as with a large one. */
static void test_order(void)
{
	static struct order order;

	for (uint32_t budget = 1; budget <= 1000; budget *= 10) {
		struct weir_flow_table *table = make(1000, 8, 5000);
		uint32_t index, calls = 0, wrong = 0;

		order.count = 0;
		for (uint64_t key = 0; key < 1000; key++)
			weir_flow_insert(table, &key, key * 10, &index);
		weir_flow_expire(table, 4999, 5000, note_expired, &order);
		CU_ASSERT_EQUAL(order.count, 0);
		weir_flow_expire(table, 5000, 5000, note_expired, &order);
		CU_ASSERT_EQUAL(order.count, 1);
		while (weir_flow_expire(table, 14991, budget, note_expired, &order) == budget)
			calls++;
		CU_ASSERT_TRUE(calls >= 999 / budget);
		for (uint32_t i = 0; i < 1000; i++)
			wrong += order.indices[i] != i;
		CU_ASSERT_EQUAL(wrong, 0);
		CU_ASSERT_EQUAL(order.count, 1000);
		CU_ASSERT_EQUAL(stats_of(table).expired, 1000);
		CU_ASSERT_EQUAL(stats_of(table).flows, 0);
		weir_flow_destroy(table);
	}
}

/* Put off, brought forward, and kept at the last moment; and a table without a timeout. */
static void test_keep(void)
{
	struct weir_flow_table *table = make(10, 8, 100), *ever = make(10, 8, 0);
	uint64_t key = 1;
	uint32_t index;

	weir_flow_insert(table, &key, 0, &index);
	weir_flow_touch(table, index, 50);
	weir_flow_expire(table, 149, 10, NULL, NULL);
	CU_ASSERT_EQUAL(weir_flow_lookup(table, &key), index);
	weir_flow_keep(table, index, 1000000);
	weir_flow_touch(table, index, 200);
	CU_ASSERT_EQUAL(weir_flow_expires(table, index), 300);
	weir_flow_expire(table, 299, 10, NULL, NULL);
	CU_ASSERT_EQUAL(weir_flow_lookup(table, &key), index);
	weir_flow_expire(table, 300, 10, NULL, NULL);
	CU_ASSERT_EQUAL(weir_flow_lookup(table, &key), WEIR_FLOW_NONE);
	weir_flow_insert(table, &key, 300, &index);
	weir_flow_keep(table, index, 0);
	CU_ASSERT_EQUAL(weir_flow_next(table, 0), index);
	weir_flow_expire(table, 301, 10, NULL, NULL);
	CU_ASSERT_EQUAL(weir_flow_next(table, 0), WEIR_FLOW_NONE);
	weir_flow_insert(ever, &key, 1, &index);
	weir_flow_touch(ever, index, UINT64_MAX / 2);
	weir_flow_expire(ever, UINT64_MAX / 2 + 1, 10, NULL, NULL);
	CU_ASSERT_EQUAL(weir_flow_lookup(ever, &key), index);
	weir_flow_destroy(table);
	weir_flow_destroy(ever);
}

/* ---- parts ---- */

static void test_tags(void)
{
	uint16_t tags[WEIR__TAGS] __attribute__((aligned(16)));
	uint32_t wrong = 0;

	for (uint32_t round = 0; round < 100000; round++) {
		uint16_t tag = (uint16_t)(below(4) * 0x7fff);
		uint32_t expected = 0;

		for (uint32_t i = 0; i < WEIR__TAGS; i++) {
			tags[i] = (uint16_t)(below(4) * 0x7fff);
			expected += tags[i] == tag ? 1u << i : 0;
		}
		wrong += weir__tags_equal(tags, tag) != expected;
		wrong += weir__tags_equal_plain(tags, tag) != expected;
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

/* Flip a bit of each byte of a key, and count which bits of the hash that changes. */
static void flip_bits(uint32_t (*changed)[64], uint32_t size, uint32_t number)
{
	struct weir__flow_secret secret;
	uint8_t key[WEIR_FLOW_KEY_MAX];
	uint64_t hash, flip;

	for (uint32_t i = 0; i < WEIR__FLOW_WORDS; i++)
		secret.words[i] = random_next();
	secret.last = random_next() | 1;
	make_key(key, size, number);
	hash = weir__flow_hash(&secret, key, size);
	for (uint32_t bit = number % 8; bit < size * 8; bit += 8) {
		key[bit / 8] ^= (uint8_t)(1 << bit % 8);
		flip = hash ^ weir__flow_hash(&secret, key, size);
		key[bit / 8] ^= (uint8_t)(1 << bit % 8);
		for (uint32_t i = 0; i < 64; i++)
			changed[bit][i] += (uint32_t)(flip >> i & 1);
	}
}

/* Each bit of a key changes each of the upper 48 bits of the hash half of the time: 125 of 250,
 * with a deviation of 7.9; there are up to 24,576 pairs. */
static void test_hash(void)
{
	static uint32_t changed[WEIR_FLOW_KEY_MAX * 8][64];

	for (uint32_t s = 0; s < 5; s++) {
		uint32_t bits = key_sizes[s] * 8, wrong = 0;

		memset(changed, 0, sizeof(changed));
		for (uint32_t number = 0; number < 2000; number++)
			flip_bits(changed, key_sizes[s], number);
		for (uint32_t i = 0; i < bits * 64; i++)
			wrong += i % 64 >= 16 &&
				 (changed[i / 64][i % 64] < 70 || changed[i / 64][i % 64] > 180);
		CU_ASSERT_EQUAL(wrong, 0);
	}
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"what is refused", test_refused},
		{"the life of a flow", test_life},
		{"tables of any size, full", test_full},
		{"full buckets", test_crowded},
		{"a flood of keys that collide", test_flood},
		{"keys with the same tag", test_equal_tags},
		{"expiry in order", test_order},
		{"flows put off and brought forward", test_keep},
		{"tags: the vector and the C twin", test_tags},
		{"the hash", test_hash},
		CU_TEST_INFO_NULL,
	};

	return unit_run("flow", tests);
}
