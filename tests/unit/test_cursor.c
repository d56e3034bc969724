/* SPDX-License-Identifier: BSD-3-Clause */
/* test_cursor.c: cursors over packets of any segments, against a flat row of bytes. */
#include "weir/chain.h"
#include "weir/clone.h"
#include "weir/cursor.h"

#include "random.h"
#include "unit.h"

#include <stdlib.h>

#define BYTES_MAX 3000

static struct weir_mempool *make_pool(uint32_t size, uint32_t count)
{
	/* headroom: where a borrower keeps whose bytes it has; with less, size would be larger */
	struct weir_mbuf_pool_conf conf = {.name = "cursor",
		.count = count,
		.size = size,
		.cache = WEIR_MEMPOOL_CACHE_NONE,
		.pages = WEIR_PAGES_4K,
		.headroom = 16};

	return weir_mbuf_pool_create(&conf);
}

static void check_bytes(const struct weir_mbuf *mbuf, const void *bytes, uint32_t length)
{
	static uint8_t found[BYTES_MAX + 64];

	CU_ASSERT_EQUAL(weir_mbuf_check(mbuf), 0);
	CU_ASSERT_EQUAL_FATAL(mbuf->length, length);
	CU_ASSERT_EQUAL(weir_mbuf_read(mbuf, 0, found, length), 0);
	CU_ASSERT_EQUAL(memcmp(found, bytes, length), 0);
}

static const uint8_t numbers[] = {
	0x12, 0x23, 0x45, 0x34, 0x56, 0x78, 0x9a, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23};

static void put_numbers(struct weir_cursor *cursor)
{
	weir_cursor_put_u8(cursor, 0x12);
	weir_cursor_put_u16(cursor, 0x2345);
	weir_cursor_put_u32(cursor, 0x3456789a);
	weir_cursor_put_u64(cursor, 0x456789abcdef0123);
}

/* In segments of every size, from one byte to all in one. */
static void test_numbers(void)
{
	for (uint32_t size = 1; size <= 20; size++) {
		struct weir_mempool *pool = make_pool(size, 64);
		struct weir_mbuf *mbuf = weir_mbuf_alloc(pool);
		struct weir_cursor cursor;

		weir_cursor_start(&cursor, &mbuf, WEIR_CURSOR_REFUSE);
		put_numbers(&cursor);
		CU_ASSERT_EQUAL(weir_cursor_error(&cursor), 0);
		CU_ASSERT_EQUAL(weir_cursor_tell(&cursor), 15);
		check_bytes(mbuf, numbers, sizeof(numbers));
		weir_cursor_read_start(&cursor, mbuf);
		CU_ASSERT_EQUAL(weir_cursor_get_u8(&cursor), 0x12);
		CU_ASSERT_EQUAL(weir_cursor_get_u16(&cursor), 0x2345);
		CU_ASSERT_EQUAL(weir_cursor_get_u32(&cursor), 0x3456789a);
		CU_ASSERT_EQUAL(weir_cursor_left(&cursor), 8);
		CU_ASSERT_EQUAL(weir_cursor_get_u64(&cursor), 0x456789abcdef0123);
		CU_ASSERT_EQUAL(weir_cursor_left(&cursor), 0);
		CU_ASSERT_EQUAL(weir_cursor_error(&cursor), 0);
		weir_mbuf_free(mbuf);
		CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
	}
}

static void test_errors_stick(void)
{
	struct weir_mempool *pool = make_pool(4, 64);
	struct weir_mbuf *mbuf = weir_mbuf_from_bytes(pool, "abcdefghij", 10);
	struct weir_cursor cursor;
	uint8_t bytes[16];

	weir_cursor_read_start(&cursor, mbuf);
	weir_cursor_skip(&cursor, 5);
	CU_ASSERT_EQUAL(weir_cursor_get_u64(&cursor), 0);
	CU_ASSERT_EQUAL(weir_cursor_error(&cursor), -ENODATA);
	CU_ASSERT_EQUAL(weir_cursor_tell(&cursor), 5);
	/* bytes are there, but nothing after an error is read, not even elsewhere */
	CU_ASSERT_EQUAL(weir_cursor_get_u16(&cursor), 0);
	weir_cursor_seek(&cursor, 0);
	CU_ASSERT_EQUAL(weir_cursor_get_u8(&cursor), 0);
	memset(bytes, 1, sizeof(bytes));
	weir_cursor_read(&cursor, bytes, 4);
	CU_ASSERT_EQUAL(bytes[0] | bytes[3], 0);
	CU_ASSERT_EQUAL(bytes[4], 1);
	weir_cursor_seek(&cursor, 99);
	CU_ASSERT_EQUAL(weir_cursor_error(&cursor), -ENODATA);

	weir_cursor_read_start(&cursor, mbuf);
	weir_cursor_put_u8(&cursor, 1);
	CU_ASSERT_EQUAL(weir_cursor_error(&cursor), -EROFS);
	CU_ASSERT_PTR_NULL(weir_cursor_claim(&cursor, 1));
	weir_cursor_read_start(&cursor, mbuf);
	weir_cursor_seek(&cursor, 11);
	CU_ASSERT_EQUAL(weir_cursor_error(&cursor), -EINVAL);
	weir_cursor_start(&cursor, &mbuf, WEIR_CURSOR_REFUSE);
	weir_cursor_patch_u16(&cursor, 9, 0);
	CU_ASSERT_EQUAL(weir_cursor_error(&cursor), -EINVAL);
	weir_cursor_read_start(&cursor, mbuf);
	weir_cursor_skip(&cursor, 11);
	CU_ASSERT_EQUAL(weir_cursor_error(&cursor), -ENODATA);
	weir_cursor_read_start(&cursor, mbuf);
	CU_ASSERT_PTR_NULL(weir_cursor_peek(&cursor, 11, bytes));
	CU_ASSERT_EQUAL(weir_cursor_error(&cursor), -ENODATA);
	check_bytes(mbuf, "abcdefghij", 10);
	weir_mbuf_free(mbuf);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
}

/* A length that is known last, in front of what it counts. */
static void test_reserve_and_patch(void)
{
	struct weir_mempool *pool = make_pool(3, 64);
	struct weir_mbuf *mbuf = weir_mbuf_alloc(pool);
	struct weir_cursor cursor;
	uint32_t at;

	weir_cursor_start(&cursor, &mbuf, WEIR_CURSOR_REFUSE);
	weir_cursor_put_u16(&cursor, 0xaabb);
	at = weir_cursor_reserve(&cursor, 2);
	check_bytes(mbuf, "\xaa\xbb\0\0", 4);
	weir_cursor_write(&cursor, "some words", 10);
	weir_cursor_patch_u16(&cursor, at, (uint16_t)(weir_cursor_tell(&cursor) - at - 2));
	weir_cursor_patch_u8(&cursor, 0, 0xcc);
	weir_cursor_put_u8(&cursor, '!');
	CU_ASSERT_EQUAL(weir_cursor_error(&cursor), 0);
	check_bytes(mbuf, "\xcc\xbb\0\x0asome words!", 15);
	weir_cursor_patch_u32(&cursor, 4, 0x53544f50);
	weir_cursor_patch_u64(&cursor, 7, 0x5041525441424c45);
	CU_ASSERT_EQUAL(weir_cursor_error(&cursor), 0);
	check_bytes(mbuf, "\xcc\xbb\0\x0aSTOPARTABLE", 15);
	weir_mbuf_free(mbuf);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
}

static void test_claim_and_peek(void)
{
	struct weir_mempool *pool = make_pool(16, 64);
	struct weir_mbuf *mbuf = weir_mbuf_from_bytes(pool, "0123456789abcd", 14);
	struct weir_cursor cursor;
	uint8_t bounce[8], *bytes;

	weir_cursor_start(&cursor, &mbuf, WEIR_CURSOR_REFUSE);
	CU_ASSERT_PTR_NULL(weir_cursor_claim(&cursor, 4));
	CU_ASSERT_EQUAL(weir_cursor_error(&cursor), -EINVAL);
	weir_cursor_start(&cursor, &mbuf, WEIR_CURSOR_REFUSE);
	weir_cursor_seek(&cursor, 14);
	bytes = weir_cursor_claim(&cursor, 4);
	CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
	memcpy(bytes, "EFGH", 4);
	weir_cursor_put_u8(&cursor, 'I');
	check_bytes(mbuf, "0123456789abcdEFGHI", 19);
	CU_ASSERT_EQUAL(weir_mbuf_segments(mbuf), 2);
	weir_cursor_seek(&cursor, 12);
	CU_ASSERT_PTR_EQUAL(weir_cursor_peek(&cursor, 2, bounce), weir_mbuf_data_at(mbuf, 12));
	CU_ASSERT_PTR_EQUAL(weir_cursor_peek(&cursor, 4, bounce), bounce);
	CU_ASSERT_EQUAL(memcmp(bounce, "cdEF", 4), 0);
	CU_ASSERT_EQUAL(weir_cursor_tell(&cursor), 12);
	weir_cursor_seek(&cursor, 19);
	CU_ASSERT_PTR_NULL(weir_cursor_claim(&cursor, 33));
	CU_ASSERT_EQUAL(weir_cursor_error(&cursor), -EMSGSIZE);
	weir_mbuf_free(mbuf);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
}

/* Bytes that a clone uses: refused, or made the packet's own; the clone keeps what it had. */
static void test_shared(void)
{
	struct weir_mempool *pool = make_pool(4, 64);
	struct weir_mbuf *mbuf = weir_mbuf_from_bytes(pool, "abcdefghij", 10);
	struct weir_mbuf *clone = weir_mbuf_clone(mbuf, pool);
	struct weir_cursor cursor;

	weir_cursor_start(&cursor, &mbuf, WEIR_CURSOR_REFUSE);
	weir_cursor_skip(&cursor, 3);
	weir_cursor_put_u16(&cursor, 0x5859);
	CU_ASSERT_EQUAL(weir_cursor_error(&cursor), -EROFS);
	/* what hangs over the end is not there afterwards either */
	weir_cursor_start(&cursor, &mbuf, WEIR_CURSOR_REFUSE);
	weir_cursor_skip(&cursor, 9);
	weir_cursor_put_u64(&cursor, 0);
	CU_ASSERT_EQUAL(weir_cursor_error(&cursor), -EROFS);
	check_bytes(mbuf, "abcdefghij", 10);
	weir_cursor_start(&cursor, &mbuf, WEIR_CURSOR_COPY);
	weir_cursor_skip(&cursor, 3);
	weir_cursor_put_u16(&cursor, 0x5859);
	weir_cursor_patch_u8(&cursor, 9, 'Z');
	weir_cursor_put_u8(&cursor, 'F');
	CU_ASSERT_EQUAL(weir_cursor_error(&cursor), 0);
	CU_ASSERT_EQUAL(weir_cursor_tell(&cursor), 6);
	check_bytes(mbuf, "abcXYFghiZ", 10);
	check_bytes(clone, "abcdefghij", 10);
	weir_mbuf_free(clone);
	weir_mbuf_free(mbuf);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
}

/* Another holder of the very packet does not see it grow. */
static void test_held(void)
{
	struct weir_mempool *pool = make_pool(4, 64);
	struct weir_mbuf *theirs = weir_mbuf_from_bytes(pool, "abcdef", 6), *mine = theirs;
	struct weir_cursor cursor;

	weir_mbuf_ref(theirs, 1);
	weir_cursor_start(&cursor, &mine, WEIR_CURSOR_COPY);
	weir_cursor_seek(&cursor, 6);
	weir_cursor_put_u32(&cursor, 0x67686970);
	CU_ASSERT_EQUAL(weir_cursor_error(&cursor), 0);
	check_bytes(theirs, "abcdef", 6);
	check_bytes(mine, "abcdefghip", 10);
	weir_mbuf_free(theirs);
	weir_mbuf_free(mine);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
}

static uint8_t large[2000];

static void let_go(struct weir_external *external)
{
	external->bytes = NULL;
}

/* Small writes along a segment too large for an mbuf do not cut it at each of them. */
static void test_large_external(void)
{
	struct weir_mempool *pool = make_pool(100, 64);
	struct weir_mbuf *mbuf = weir_mbuf_alloc(pool), *clone;
	struct weir_external external;
	struct weir_cursor cursor;

	weir_external_init(&external, large, sizeof(large), let_go, NULL);
	CU_ASSERT_EQUAL_FATAL(weir_mbuf_attach(mbuf, &external, 0, sizeof(large)), 0);
	clone = weir_mbuf_clone(mbuf, pool);
	weir_cursor_start(&cursor, &clone, WEIR_CURSOR_COPY);
	for (uint32_t i = 0; i < sizeof(large) / 2; i++)
		weir_cursor_put_u16(&cursor, (uint16_t)i);
	CU_ASSERT_EQUAL(weir_cursor_error(&cursor), 0);
	CU_ASSERT_EQUAL(weir_mbuf_segments(clone), sizeof(large) / 100);
	weir_cursor_seek(&cursor, 0);
	for (uint32_t i = 0; i < sizeof(large) / 2; i++)
		CU_ASSERT_EQUAL(weir_cursor_get_u16(&cursor), i);
	CU_ASSERT_EQUAL(large[1999] | large[3], 0);
	weir_mbuf_free(mbuf);
	weir_mbuf_free(clone);
	CU_ASSERT_PTR_NULL(external.bytes);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
}

/* A pool with n mbufs left, for every n: a write is done, or nothing of it. */
static void test_dry(void)
{
	for (uint32_t left = 0; left < 12; left++) {
		struct weir_mempool *pool = make_pool(4, 6 + left);
		struct weir_mbuf *mbuf = weir_mbuf_from_bytes(pool, "abcdefghij", 10);
		struct weir_mbuf *clone = weir_mbuf_clone(mbuf, pool);
		struct weir_cursor cursor;
		uint8_t wanted[27] = "abcde01234567890123456789";

		weir_cursor_start(&cursor, &mbuf, WEIR_CURSOR_COPY);
		weir_cursor_skip(&cursor, 5);
		weir_cursor_write(&cursor, wanted + 5, 20);
		if (weir_cursor_error(&cursor)) {
			CU_ASSERT_EQUAL(weir_cursor_error(&cursor), -ENOBUFS);
			CU_ASSERT_EQUAL(weir_cursor_tell(&cursor), 5);
			weir_cursor_put_u8(&cursor, 0);
			check_bytes(mbuf, "abcdefghij", 10);
			CU_ASSERT(left < 9);
		} else {
			check_bytes(mbuf, wanted, 25);
			/* a head of its own takes 3, the 15 bytes more 4, copies 2 */
			CU_ASSERT(left >= 9);
		}
		check_bytes(clone, "abcdefghij", 10);
		weir_mbuf_free(clone);
		weir_mbuf_free(mbuf);
		CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
	}
}

/* ---- at random ---- */

struct model {
	struct weir_cursor cursor;
	uint32_t length, at;
	uint8_t bytes[BYTES_MAX];
};

static void write_some(struct model *model)
{
	uint32_t count = below(below(8) ? 20 : 300), reserved = below(4) == 0;
	uint8_t bytes[300] = {0};

	if (model->at + count > BYTES_MAX)
		return;
	for (uint32_t i = 0; i < count && !reserved; i++)
		bytes[i] = (uint8_t)below(256);
	if (reserved) {
		CU_ASSERT_EQUAL(weir_cursor_reserve(&model->cursor, count), model->at);
	} else {
		weir_cursor_write(&model->cursor, bytes, count);
	}
	memcpy(model->bytes + model->at, bytes, count);
	model->at += count;
	if (model->length < model->at)
		model->length = model->at;
}

static void patch_some(struct model *model)
{
	uint32_t offset = below(model->length + 1), value = below(UINT32_MAX);
	uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
		(uint8_t)value};

	if (offset + 4 > model->length)
		return;
	weir_cursor_patch_u32(&model->cursor, offset, value);
	memcpy(model->bytes + offset, bytes, 4);
}

static void read_some(struct model *model)
{
	uint32_t count = below(model->length - model->at + 1);
	uint8_t bytes[BYTES_MAX];
	const void *found = weir_cursor_peek(&model->cursor, count, bytes);

	CU_ASSERT_EQUAL(memcmp(found, model->bytes + model->at, count), 0);
	weir_cursor_read(&model->cursor, bytes, count);
	CU_ASSERT_EQUAL(memcmp(bytes, model->bytes + model->at, count), 0);
	model->at += count;
}

static void move(struct model *model)
{
	if (below(2) && model->at < model->length) {
		uint32_t count = below(model->length - model->at);

		weir_cursor_skip(&model->cursor, count);
		model->at += count;
	} else {
		model->at = below(model->length + 1);
		weir_cursor_seek(&model->cursor, model->at);
	}
}

/* A packet of a few segments, some of them empty, and sometimes a clone of it. */
static void run_random(struct weir_mempool *pool, struct model *model)
{
	static void (*const steps[])(struct model *) = {write_some, patch_some, read_some, move};
	struct weir_mbuf *mbuf = weir_mbuf_from_bytes(pool, model->bytes, 0), *clone = NULL;

	model->length = model->at = 0;
	for (uint32_t i = below(5); i > 0; i--) {
		uint32_t length = below(40);

		for (uint32_t k = 0; k < length; k++)
			model->bytes[model->length + k] = (uint8_t)below(256);
		weir_mbuf_concat(
			mbuf, weir_mbuf_from_bytes(pool, model->bytes + model->length, length));
		model->length += length;
	}
	if (below(2))
		clone = weir_mbuf_clone(mbuf, pool);
	weir_cursor_start(&model->cursor, &mbuf, WEIR_CURSOR_COPY);
	for (uint32_t i = 0; i < 30; i++) {
		steps[below(4)](model);
		CU_ASSERT_EQUAL_FATAL(weir_cursor_error(&model->cursor), 0);
		CU_ASSERT_EQUAL(weir_cursor_tell(&model->cursor), model->at);
		CU_ASSERT_EQUAL(weir_cursor_left(&model->cursor), model->length - model->at);
		check_bytes(mbuf, model->bytes, model->length);
	}
	weir_mbuf_free(clone);
	weir_mbuf_free(mbuf);
}

static void test_random(void)
{
	static const uint32_t sizes[] = {1, 7, 64, 500};
	static struct model model;

	for (uint32_t i = 0; i < 4; i++) {
		struct weir_mempool *pool = make_pool(sizes[i], 8000);

		for (uint32_t round = 0; round < 500; round++)
			run_random(pool, &model);
		CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
	}
}

int main(void)
{
	static CU_TestInfo tests[] = {{"numbers", test_numbers},
		{"errors stick", test_errors_stick}, {"reserve and patch", test_reserve_and_patch},
		{"claim and peek", test_claim_and_peek}, {"shared", test_shared},
		{"held", test_held}, {"large external", test_large_external}, {"dry", test_dry},
		{"random", test_random}, CU_TEST_INFO_NULL};

	return unit_run("cursor", tests);
}
