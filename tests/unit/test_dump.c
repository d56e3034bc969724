/* SPDX-License-Identifier: BSD-3-Clause */
/* test_dump.c: a packet as text, word for word; and the layout tables against the compiler. */
#include "weir/chain.h"
#include "weir/clone.h"
#include "weir/dump.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

/* Ethernet, IPv4, UDP, 4 bytes */
static const uint8_t frame[] = {0x02, 0, 0, 0, 0, 0x01, 0x02, 0, 0, 0, 0, 0x02, 0x08, 0x00, 0x45, 0,
	0, 32, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 198, 51, 100, 2, 0x12, 0x34, 0, 53, 0, 12, 0,
	0, 'w', 'e', 'i', 'r'};

static struct weir_mempool *make_pool(const char *name)
{
	struct weir_mbuf_pool_conf conf = {.name = name,
		.count = 8,
		.size = 64,
		.cache = WEIR_MEMPOOL_CACHE_NONE,
		.pages = WEIR_PAGES_4K};

	return weir_mbuf_pool_create(&conf);
}

/* The text, its addresses and numbers of mbufs made all the same. */
static char *plain(char *text)
{
	char *out = text, *in = text;

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	while (*in) {
		size_t run = strspn(in, "0123456789abcdefx");
		size_t digits =
			strstr(in, "mbuf ") == in ? strspn(strchr(in, ' ') + 1, "0123456789") : 0;

		if (strncmp(in, "0x", 2) == 0 && run > 10) {
			*out++ = '@';
			in += run;
		} else if (digits && in[5 + digits] != 'x') {
			in += 5 + digits;
			memcpy(out, "mbuf N", 6);
			out += 6;
		} else {
			*out++ = *in++;
		}
	}
	*out = 0;
	return text;
}

static void check_text(struct weir_mbuf *mbuf, uint32_t max, const char *wanted)
{
	char *text = plain(weir_mbuf_dump(mbuf, max));

	CU_ASSERT_STRING_EQUAL(text, wanted);
	if (strcmp(text, wanted) != 0)
		printf("\n%s", text);
	free(text);
}

static void test_frame(void)
{
	struct weir_mempool *pool = make_pool("frames");
	struct weir_mbuf *mbuf = weir_mbuf_from_bytes(pool, frame, sizeof(frame));

	mbuf->timestamp_ns = 1700000000000000042;
	mbuf->wire_length = 60;
	mbuf->flags |= WEIR_MBUF_TIMESTAMP | WEIR_MBUF_WIRE_LENGTH;
	check_text(mbuf, UINT32_MAX,
		"mbuf N of pool 'frames' at @: 46 bytes\n"
		"  flags     0x6\n"
		"  time      1700000000.000000042 s\n"
		"  on wire   60 bytes\n"
		"  segment    headroom       data   tailroom\n"
		"  0        |      128 |       46 |       18 |  held by 1, on its own buffer\n"
		"  header      offset     length\n"
		"  eth              0         14    02:00:00:00:00:02 > 02:00:00:00:00:01\n"
		"  ipv4            14         20    192.0.2.1 > 198.51.100.2\n"
		"  udp             34          8    4660 > 53\n"
		"  payload         42          4    done\n"
		"\t0x0000:  0200 0000 0001 0200 0000 0002 0800 4500  ..............E.\n"
		"\t0x0010:  0020 0000 0000 4011 0000 c000 0201 c633  . ....@........3\n"
		"\t0x0020:  6402 1234 0035 000c 0000 7765 6972       d..4.5....weir\n");
	weir_mbuf_free(mbuf);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
}

static void let_go(struct weir_external *external)
{
	external->bytes = NULL;
}

/* Segments on buffers of each kind. */
static void test_chain(void)
{
	struct weir_mempool *pool = make_pool("frames"), *clones = make_pool("clones");
	struct weir_mbuf *mbuf = weir_mbuf_from_bytes(pool, "\1\2\3", 3);
	struct weir_mbuf *clone = weir_mbuf_clone(mbuf, clones), *tail = weir_mbuf_alloc(clones);
	uint8_t bytes[] = "external";
	struct weir_external external;

	weir_external_init(&external, bytes, 8, let_go, NULL);
	CU_ASSERT_EQUAL(weir_mbuf_attach(tail, &external, 2, 5), 0);
	weir_mbuf_freeze(tail);
	weir_mbuf_concat(clone, tail);
	weir_mbuf_concat(clone, weir_mbuf_from_bytes(pool, "end", 3));
	clone->link_type = 147;
	clone->flags |= WEIR_MBUF_LINK_TYPE;
	check_text(clone, 10,
		"mbuf N of pool 'clones' at @: 11 bytes\n"
		"  flags     0x1\n"
		"  link type 147\n"
		"  segment    headroom       data   tailroom\n"
		"  0        |      128 |        3 |       61 |  held by 1, on the buffer of mbuf N "
		"of "
		"pool 'frames', used by 2\n"
		"  |\n"
		"  1        |        2 |        5 |        1 |  held by 1, on external memory, "
		"used by "
		"1, frozen\n"
		"  |\n"
		"  2        |      128 |        3 |       61 |  held by 1, on its own buffer\n"
		"  header      offset     length\n"
		"  payload          0         11    unknown\n"
		"\t0x0000:  0102 0374 6572 6e61 656e                 ...ternaen\n"
		"\t... 1 bytes more\n");
	weir_mbuf_free(clone);
	weir_mbuf_free(mbuf);
	CU_ASSERT_PTR_NULL(external.bytes);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
	CU_ASSERT_EQUAL(weir_mempool_destroy(clones), 0);
}

static void test_broken(void)
{
	struct weir_mempool *pool = make_pool("frames");
	struct weir_mbuf *mbuf = weir_mbuf_from_bytes(pool, frame, sizeof(frame));

	mbuf->data_length = 1000;
	check_text(mbuf, 16,
		"mbuf at @ is broken: pool 'frames': mbuf N has data outside its buffer\n");
	mbuf->data_length = sizeof(frame);
	weir_mbuf_free(mbuf);
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
}

static const struct weir_layout *find(
	const struct weir_layout *table, uint32_t count, const char *name)
{
	for (uint32_t i = 0; i < count; i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	printf("\nno %s", name);
	return NULL;
}

/* The members in order, without a gap, up to the end of the line. */
static void test_mbuf_layout(void)
{
	uint32_t count, end = 0;
	const struct weir_layout *table = weir_mbuf_layout(&count), *entry;

	CU_ASSERT_PTR_NULL(table[count].name);
	for (uint32_t i = 0; i < count && !strchr(table[i].name, '.'); i++) {
		CU_ASSERT_EQUAL(table[i].offset, end);
		end = table[i].offset + table[i].size;
	}
	CU_ASSERT_EQUAL(end, sizeof(struct weir_mbuf));
	CU_ASSERT_EQUAL(find(table, count, "next")->offset, offsetof(struct weir_mbuf, next));
	CU_ASSERT_EQUAL(find(table, count, "timestamp_ns")->size, sizeof(uint64_t));
	CU_ASSERT_EQUAL(
		find(table, count, "l4_length")->offset, offsetof(struct weir_mbuf, l4_length));
	entry = find(table, count, "state.references");
	CU_ASSERT_EQUAL(((1u << entry->size) - 1) << entry->offset, WEIR_REF_MASK);
	CU_ASSERT_EQUAL(1u << find(table, count, "state.chained")->offset, WEIR__MBUF_CHAINED);
	CU_ASSERT_EQUAL(1u << find(table, count, "state.borrowed")->offset, WEIR__MBUF_BORROWED);
	CU_ASSERT_EQUAL(1u << find(table, count, "state.frozen")->offset, WEIR__MBUF_FROZEN);
	CU_ASSERT_EQUAL(1u << find(table, count, "flags.hash")->offset, WEIR_MBUF_HASH);
	CU_ASSERT_EQUAL(1u << find(table, count, "flags.layers")->offset, WEIR_MBUF_LAYERS);
	CU_ASSERT_EQUAL(1u << find(table, count, "flags.fields")->offset, WEIR_MBUF_FIELDS);
	entry = find(table, count, "flags.user");
	CU_ASSERT_EQUAL(((1u << entry->size) - 1) << entry->offset, WEIR_MBUF_USER_FLAGS);
}

/* What a debugger reads by it is what the calls say. */
static void test_mempool_layout(void)
{
	struct weir_mempool *pool = make_pool("the name");
	const uint8_t *raw = (const uint8_t *)pool;
	uint32_t count, value;
	const struct weir_layout *table = weir_mempool_layout(&count), *entry;

	CU_ASSERT_PTR_NULL(table[count].name);
	entry = find(table, count, "name");
	CU_ASSERT_STRING_EQUAL(raw + entry->offset, "the name");
	memcpy(&value, raw + find(table, count, "count")->offset, sizeof(value));
	CU_ASSERT_EQUAL(value, 8);
	memcpy(&value, raw + find(table, count, "mbuf_headroom")->offset, sizeof(value));
	CU_ASSERT_EQUAL(value, WEIR_MBUF_HEADROOM);
	memcpy(&value, raw + find(table, count, "mbuf_buffer_size")->offset, sizeof(value));
	CU_ASSERT_EQUAL(value, WEIR_MBUF_HEADROOM + 64);
	CU_ASSERT_EQUAL(find(table, count, "caches")->size, WEIR_THREAD_MAX * sizeof(void *));
	CU_ASSERT_EQUAL(find(table, count, "cache.flushes")->offset,
		offsetof(struct weir__mempool_cache, flushes));
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
}

int main(void)
{
	static CU_TestInfo tests[] = {{"frame", test_frame}, {"chain", test_chain},
		{"broken", test_broken}, {"mbuf layout", test_mbuf_layout},
		{"mempool layout", test_mempool_layout}, CU_TEST_INFO_NULL};

	return unit_run("dump", tests);
}
