/* SPDX-License-Identifier: BSD-3-Clause */
/* test_field.c: named fields: where they lie, what is refused, and that they go with the packet. */
#include "weir/chain.h"
#include "weir/clone.h"
#include "weir/field.h"

#include "unit.h"

#include <pthread.h>
#include <stdio.h>

static struct weir_mempool *make_pool(uint32_t private_size, uint32_t fields_size)
{
	struct weir_mbuf_pool_conf conf = {.name = "fields",
		.count = 16,
		.size = 64,
		.private_size = private_size,
		.fields_size = fields_size,
		.pages = WEIR_PAGES_4K};

	return weir_mbuf_pool_create(&conf);
}

static void test_places(void)
{
	struct weir_mempool *pool = make_pool(20, 24);
	struct weir_mbuf *mbuf = weir_mbuf_alloc(pool);
	struct weir_field fields[4];

	/* behind the line and 20 bytes, rounded up to 16 */
	CU_ASSERT_EQUAL(weir_mbuf_field(pool, "byte", 1, 1), 96);
	CU_ASSERT_EQUAL(weir_mbuf_field(pool, WEIR_FIELD_MARK, 4, 4), 100);
	CU_ASSERT_EQUAL(weir_mbuf_field(pool, "time", 8, 8), 104);
	CU_ASSERT_EQUAL(weir_mbuf_field(pool, "byte", 1, 1), 96);
	CU_ASSERT_EQUAL(weir_mbuf_field_find(pool, "time"), 104);
	CU_ASSERT_EQUAL(weir_mbuf_field_find(pool, "tim"), -ENOENT);
	CU_ASSERT_EQUAL(weir_mbuf_fields(pool, fields, 4), 3);
	CU_ASSERT_STRING_EQUAL(fields[1].name, "weir.mark");
	CU_ASSERT_EQUAL(fields[1].offset, 100);
	CU_ASSERT_EQUAL(fields[1].size, 4);
	memset(fields, 0, sizeof(fields));
	CU_ASSERT_EQUAL(weir_mbuf_fields(pool, fields, 2), 3);
	CU_ASSERT_EQUAL(fields[2].size, 0);
	/* 24 bytes, rounded up */
	CU_ASSERT_PTR_EQUAL(mbuf->buffer, (uint8_t *)mbuf + 128);
	weir_mbuf_free(mbuf);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
}

static void test_refused(void)
{
	struct weir_mempool *pool = make_pool(0, 12), *none = make_pool(40, 0);

	CU_ASSERT_EQUAL(weir_mbuf_field(pool, "four", 4, 4), 64);
	CU_ASSERT_EQUAL(weir_mbuf_field(pool, "four", 8, 4), -EEXIST);
	CU_ASSERT_EQUAL(weir_mbuf_field(pool, "eight", 8, 8), -ENOSPC);
	CU_ASSERT_STRING_EQUAL(weir_last_error(),
		"pool 'fields': field 'eight' of 8 bytes does not fit: 4 of 12 bytes are used; a "
		"fields_size of 16 in the conf of the pool would do");
	CU_ASSERT_EQUAL(weir_mbuf_field(pool, "eight", 8, 4), 68);
	CU_ASSERT_EQUAL(weir_mbuf_field(none, "x", 2, 2), -ENOSPC);
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), "a fields_size of 2 "));
	CU_ASSERT_EQUAL(weir_mbuf_fields(none, NULL, 0), 0);
	CU_ASSERT_EQUAL(weir_mbuf_field_find(none, "x"), -ENOENT);
	CU_ASSERT_EQUAL(weir_mbuf_field(pool, "", 1, 1), -EINVAL);
	CU_ASSERT_EQUAL(weir_mbuf_field(pool, NULL, 1, 1), -EINVAL);
	CU_ASSERT_EQUAL(
		weir_mbuf_field(pool, "a name of more than thirty-one bytes", 1, 1), -EINVAL);
	CU_ASSERT_EQUAL(weir_mbuf_field(pool, "x", 0, 1), -EINVAL);
	CU_ASSERT_EQUAL(weir_mbuf_field(pool, "x", 1, 3), -EINVAL);
	CU_ASSERT_EQUAL(weir_mbuf_field(pool, "x", 1, 128), -EINVAL);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
	CU_ASSERT_EQUAL(weir_mempool_destroy(none), 0);
}

static void test_too_many(void)
{
	struct weir_mempool *pool = make_pool(0, 100);
	char name[8];

	for (int i = 0; i < WEIR_FIELDS_MAX; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		CU_ASSERT_EQUAL(weir_mbuf_field(pool, name, 1, 1), 64 + i);
	}
	CU_ASSERT_EQUAL(weir_mbuf_field(pool, "one more", 1, 1), -ENOSPC);
	CU_ASSERT_EQUAL(weir_mbuf_field(pool, "f31", 1, 1), 64 + 31);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
}

static uint32_t *u32(struct weir_mbuf *mbuf, int offset)
{
	return weir_mbuf_field_at(mbuf, offset);
}

/* What the last packet left in the mbuf is not seen behind a field that is set. */
static void test_others_are_zero(void)
{
	struct weir_mempool *pool = make_pool(0, 8);
	int a = weir_mbuf_field(pool, "a", 4, 4), b = weir_mbuf_field(pool, "b", 4, 4);
	struct weir_mbuf *mbuf = weir_mbuf_alloc(pool);

	*(uint32_t *)weir_mbuf_field_set(mbuf, a) = 1;
	*(uint32_t *)weir_mbuf_field_set(mbuf, b) = 2;
	CU_ASSERT_EQUAL(*u32(mbuf, a), 1);
	weir_mbuf_free(mbuf);
	mbuf = weir_mbuf_alloc(pool);
	CU_ASSERT_EQUAL(mbuf->flags & WEIR_MBUF_FIELDS, 0);
	CU_ASSERT_EQUAL(*u32(mbuf, a), 1); /* left over */
	*(uint32_t *)weir_mbuf_field_set(mbuf, b) = 3;
	CU_ASSERT_EQUAL(*u32(mbuf, a), 0);
	weir_mbuf_free(mbuf);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
}

/* To the same pool, to one where they lie elsewhere and some are missing, and to one without. */
static void test_go_with_the_packet(void)
{
	struct weir_mempool *pool = make_pool(0, 16), *other = make_pool(8, 16);
	struct weir_mempool *none = make_pool(0, 0);
	int a = weir_mbuf_field(pool, "a", 4, 4), b = weir_mbuf_field(pool, "b", 4, 4);
	int wide = weir_mbuf_field(other, "a", 8, 8), c = weir_mbuf_field(other, "c", 4, 4);
	int there = weir_mbuf_field(other, "b", 4, 4);
	struct weir_mbuf *mbuf = weir_mbuf_from_bytes(pool, "abcdef", 6), *same, *moved, *bare;

	*(uint32_t *)weir_mbuf_field_set(mbuf, a) = 1;
	*(uint32_t *)weir_mbuf_field_set(mbuf, b) = 2;
	same = weir_mbuf_clone(mbuf, pool);
	CU_ASSERT_EQUAL(*u32(same, a), 1);
	CU_ASSERT_EQUAL(*u32(same, b), 2);
	moved = weir_mbuf_copy(mbuf, other);
	CU_ASSERT_EQUAL(moved->flags & WEIR_MBUF_FIELDS, WEIR_MBUF_FIELDS);
	CU_ASSERT_EQUAL(*u32(moved, there), 2);
	CU_ASSERT_EQUAL(*u32(moved, c), 0);
	CU_ASSERT_EQUAL(*(uint64_t *)weir_mbuf_field_at(moved, wide), 0);
	bare = weir_mbuf_slice(mbuf, 1, 2, none);
	CU_ASSERT_EQUAL(bare->flags & WEIR_MBUF_FIELDS, 0);
	weir_mbuf_free(bare);
	bare = weir_mbuf_clone(mbuf, none); /* a packet without fields to a pool with them */
	weir_mbuf_free(moved);
	moved = weir_mbuf_copy(bare, other);
	CU_ASSERT_EQUAL(moved->flags & WEIR_MBUF_FIELDS, 0);
	/* a new head speaks for the packet */
	CU_ASSERT_PTR_NOT_NULL(weir_mbuf_extend_head(&same, 3));
	CU_ASSERT_EQUAL(weir_mbuf_segments(same), 2);
	CU_ASSERT_EQUAL(*u32(same, b), 2);
	weir_mbuf_free(mbuf);
	weir_mbuf_free(same);
	weir_mbuf_free(moved);
	weir_mbuf_free(bare);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
	CU_ASSERT_EQUAL(weir_mempool_destroy(other), 0);
	CU_ASSERT_EQUAL(weir_mempool_destroy(none), 0);
}

struct racer {
	struct weir_mempool *pool;
	int offsets[16];
	bool lost; /* registered, but not found */
};

static void *race(void *arg)
{
	struct racer *racer = arg;
	char name[8];

	for (int i = 0; i < 16; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		racer->offsets[i] = weir_mbuf_field(racer->pool, name, 4, 4);
		if (weir_mbuf_field_find(racer->pool, name) != racer->offsets[i])
			racer->lost = true;
	}
	return NULL;
}

static void test_threads(void)
{
	struct weir_mempool *pool = make_pool(0, 64);
	struct racer racers[4];
	pthread_t threads[4];

	for (int i = 0; i < 4; i++) {
		racers[i] = (struct racer){.pool = pool};
		pthread_create(&threads[i], NULL, race, &racers[i]);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 4; i++) {
		CU_ASSERT_EQUAL(
			memcmp(racers[i].offsets, racers[0].offsets, sizeof(racers[0].offsets)), 0);
		CU_ASSERT_FALSE(racers[i].lost);
	}
	CU_ASSERT_EQUAL(weir_mbuf_fields(pool, NULL, 0), 16);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
}

int main(void)
{
	static CU_TestInfo tests[] = {{"places", test_places}, {"refused", test_refused},
		{"too many", test_too_many}, {"others are zero", test_others_are_zero},
		{"go with the packet", test_go_with_the_packet}, {"threads", test_threads},
		CU_TEST_INFO_NULL};

	return unit_run("field", tests);
}
