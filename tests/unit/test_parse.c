/* SPDX-License-Identifier: BSD-3-Clause */
/* test_parse.c: what headers packets have: whole, cut at each byte, and in segments of every size.
 */
#include "parse_packets.h"
#include "unit.h"

#include "weir/chain.h"
#include "weir/parse.h"

#include <stdlib.h>
#include <string.h>

#define BYTES_MAX 256

static struct weir_mempool *pool, *bytewise;

struct bytes {
	uint8_t data[BYTES_MAX];
	uint32_t length;
};

static void begin(void)
{
	pool = weir_mbuf_pool_create(
		&(struct weir_mbuf_pool_conf){.count = 64, .size = 512, .pages = WEIR_PAGES_4K});
	bytewise = weir_mbuf_pool_create(
		&(struct weir_mbuf_pool_conf){.count = 512, .size = 1, .pages = WEIR_PAGES_4K});
	CU_ASSERT_FATAL(pool && bytewise);
}

static void end(void)
{
	CU_ASSERT_EQUAL(weir_mempool_destroy(pool), 0);
	CU_ASSERT_EQUAL(weir_mempool_destroy(bytewise), 0);
}

static void add_hex(struct bytes *bytes, const char *hex)
{
	for (; *hex; hex += 2) {
		char digits[3] = {hex[0], hex[1], '\0'};

		bytes->data[bytes->length++] = (uint8_t)strtoul(digits, NULL, 16);
	}
}

static struct bytes bytes_of(const struct row *row)
{
	struct bytes bytes = {.length = 0};

	for (uint32_t i = 0; row->headers[i]; i++)
		add_hex(&bytes, row->headers[i]);
	add_hex(&bytes, row->rest);
	return bytes;
}

static struct weir_mbuf *whole(const struct row *row, const struct bytes *bytes)
{
	struct weir_mbuf *mbuf = weir_mbuf_from_bytes(pool, bytes->data, bytes->length);

	weir_mbuf_set_link_type(mbuf, row->link_type);
	return mbuf;
}

/* Segments of size bytes. Those of the pool for it hold one, so larger ones come from the other. */
static struct weir_mbuf *pieces(const struct row *row, const struct bytes *bytes, uint32_t size)
{
	struct weir_mempool *from = size == 1 ? bytewise : pool;
	struct weir_mbuf *head = weir_mbuf_alloc(from);

	for (uint32_t at = 0; at < bytes->length; at += size) {
		uint32_t left = bytes->length - at;

		weir_mbuf_concat(head,
			weir_mbuf_from_bytes(from, bytes->data + at, size < left ? size : left));
	}
	weir_mbuf_set_link_type(head, row->link_type);
	return head;
}

/* The layers are the first ones of the row, as many as lie in its first length bytes. */
static void check_layers(const struct row *row, const struct weir_layers *layers, uint32_t length)
{
	uint32_t offset = 0, i = 0;
	char text[BYTES_MAX];
	bool all, cut;

	for (; row->headers[i]; i++) {
		uint32_t size = (uint32_t)strlen(row->headers[i]) / 2;

		if (offset + size > length)
			break;
		CU_ASSERT_FATAL(i < layers->count);
		CU_ASSERT_EQUAL(layers->layer[i].offset, offset);
		CU_ASSERT_EQUAL(layers->layer[i].length, size);
		offset += size;
	}
	all = !row->headers[i];
	CU_ASSERT_EQUAL(layers->count, i);
	/* with all of them, what is cut may be the header that was not one */
	cut = length < bytes_of(row).length;
	CU_ASSERT((all && layers->end == row->end) ||
		  ((!all || cut) && layers->end == WEIR_PARSE_CUT));
	CU_ASSERT_EQUAL(layers->payload_offset, offset);
	CU_ASSERT_EQUAL(weir_layers_text(layers, text, sizeof(text)), (int)strlen(text));
	CU_ASSERT_EQUAL(strncmp(text, row->layers, strlen(text)), 0);
	CU_ASSERT(!all || strcmp(text, row->layers) == 0);
}

static void check_type(const struct row *row, const struct weir_mbuf *mbuf)
{
	CU_ASSERT_EQUAL(mbuf->packet_type, row->type);
	CU_ASSERT_EQUAL(mbuf->l2_length, row->l2_length);
	CU_ASSERT_EQUAL(mbuf->l3_length, row->l3_length);
	CU_ASSERT_EQUAL(mbuf->l4_length, row->l4_length);
	CU_ASSERT(mbuf->flags & WEIR_MBUF_LAYERS);
}

static bool same_type(const struct weir_mbuf *a, const struct weir_mbuf *b)
{
	return a->packet_type == b->packet_type && a->l2_length == b->l2_length &&
	       a->l3_length == b->l3_length && a->l4_length == b->l4_length;
}

static void test_every_packet_whole(void)
{
	begin();
	for (uint32_t i = 0; i < ROWS; i++) {
		struct bytes bytes = bytes_of(&rows[i]);
		struct weir_mbuf *mbuf = whole(&rows[i], &bytes);
		unsigned failures = CU_get_number_of_failures();
		struct weir_layers layers;

		weir_parse_layers(mbuf, &layers);
		check_layers(&rows[i], &layers, bytes.length);
		CU_ASSERT_EQUAL(weir_parse(mbuf), rows[i].type);
		check_type(&rows[i], mbuf);
		weir_mbuf_free(mbuf);
		if (CU_get_number_of_failures() > failures)
			printf("(%s)", rows[i].name);
	}
	end();
}

static void test_segments_of_every_size(void)
{
	begin();
	for (uint32_t i = 0; i < ROWS; i++) {
		struct bytes bytes = bytes_of(&rows[i]);

		/* 64 mbufs hold what is in pieces of 5 bytes or more */
		for (uint32_t size = 1; size < bytes.length; size += size == 1 ? 4 : 1) {
			struct weir_mbuf *mbuf = pieces(&rows[i], &bytes, size);
			struct weir_layers layers;

			weir_parse_layers(mbuf, &layers);
			check_layers(&rows[i], &layers, bytes.length);
			weir_parse(mbuf);
			check_type(&rows[i], mbuf);
			weir_mbuf_free(mbuf);
		}
	}
	end();
}

/* In one piece the short way is taken where it can be, in pieces never. */
static void test_cut_at_every_byte(void)
{
	begin();
	for (uint32_t i = 0; i < ROWS; i++) {
		struct bytes bytes = bytes_of(&rows[i]);

		for (; bytes.length > 0; bytes.length--) {
			struct weir_mbuf *mbuf = whole(&rows[i], &bytes);
			struct weir_mbuf *other = pieces(&rows[i], &bytes, 1);
			struct weir_layers layers;

			weir_parse_layers(mbuf, &layers);
			check_layers(&rows[i], &layers, bytes.length);
			CU_ASSERT_EQUAL(weir_parse(mbuf), weir_parse(other));
			CU_ASSERT(same_type(mbuf, other));
			CU_ASSERT_EQUAL(mbuf->packet_type & ~rows[i].type & WEIR_TYPE_L4, 0);
			weir_mbuf_free(mbuf);
			weir_mbuf_free(other);
		}
	}
	end();
}

/* Every value of every byte of a plain packet. */
static void test_the_short_way_is_right(void)
{
	uint32_t differ = 0;

	begin();
	for (uint32_t i = 0; i < 2; i++) {
		struct bytes bytes = bytes_of(&rows[i]);

		for (uint32_t at = 0; at < bytes.length; at++) {
			for (uint32_t value = 0; value < 256; value++) {
				struct bytes changed = bytes;
				struct weir_mbuf *mbuf, *other;

				changed.data[at] = (uint8_t)value;
				mbuf = whole(&rows[i], &changed);
				other = pieces(&rows[i], &changed, 1);
				weir_parse(mbuf);
				weir_parse(other);
				differ += !same_type(mbuf, other);
				weir_mbuf_free(mbuf);
				weir_mbuf_free(other);
			}
		}
	}
	CU_ASSERT_EQUAL(differ, 0);
	end();
}

static void test_bursts(void)
{
	struct weir_mbuf *mbufs[64];

	begin();
	for (uint32_t count = 0; count <= 64; count += count < 20 ? 1 : 11) {
		for (uint32_t i = 0; i < count; i++) {
			struct bytes bytes = bytes_of(&rows[(i + count) % ROWS]);

			mbufs[i] = whole(&rows[(i + count) % ROWS], &bytes);
			mbufs[i]->flags |= WEIR_MBUF_HASH;
		}
		weir_parse_burst(mbufs, count);
		for (uint32_t i = 0; i < count; i++) {
			check_type(&rows[(i + count) % ROWS], mbufs[i]);
			CU_ASSERT(mbufs[i]->flags & WEIR_MBUF_HASH);
		}
		weir_mbuf_free_bulk(mbufs, count);
	}
	end();
}

static void test_too_many_layers(void)
{
	struct row row = {.link_type = WEIR_LINK_ETHERNET};
	struct bytes bytes = {.length = 0};
	struct weir_layers layers;
	struct weir_mbuf *mbuf;

	begin();
	add_hex(&bytes, ETH_VLAN);
	for (uint32_t i = 0; i < 40; i++)
		add_hex(&bytes, "00648100");
	mbuf = whole(&row, &bytes);
	weir_parse_layers(mbuf, &layers);
	CU_ASSERT_EQUAL(layers.count, WEIR_LAYERS_MAX);
	CU_ASSERT_EQUAL(layers.end, WEIR_PARSE_FULL);
	CU_ASSERT_EQUAL(weir_parse(mbuf), WEIR_L2_QINQ);
	CU_ASSERT_EQUAL(mbuf->l2_length, 14 + 4 * (WEIR_LAYERS_MAX - 1));
	weir_mbuf_free(mbuf);
	end();
}

static struct weir_layers layers_of(const char *const *headers, const char *rest)
{
	struct row row = {.link_type = WEIR_LINK_ETHERNET, .rest = rest};
	struct weir_layers layers;
	struct weir_mbuf *mbuf;
	struct bytes bytes;

	for (uint32_t i = 0; headers[i]; i++)
		row.headers[i] = headers[i];
	bytes = bytes_of(&row);
	mbuf = whole(&row, &bytes);
	weir_parse_layers(mbuf, &layers);
	weir_mbuf_free(mbuf);
	return layers;
}

/* IPv4_TCP says 4 bytes of data, UDP as many; what follows is padding. */
static void test_padding_is_no_payload(void)
{
	const char *const tcp[] = {ETH_IPV4, IPV4_TCP, TCP, NULL};
	const char *const udp[] = {ETH_IPV6, IPV6_UDP, UDP, NULL};

	begin();
	CU_ASSERT_EQUAL(layers_of(tcp, DATA "000000000000").payload_length, 4);
	CU_ASSERT_EQUAL(layers_of(udp, DATA "000000000000").payload_length, 4);
	CU_ASSERT_EQUAL(layers_of(udp, "6161").payload_length, 2);
	CU_ASSERT_EQUAL(layers_of(udp, "").payload_length, 0);
	end();
}

static void test_fragments_are_marked(void)
{
	static const char *const marked[] = {"fragment-first", "fragment-next", "fragment-first-4",
		"fragment-next-4", "vxlan-of-fragment"};
	uint32_t found = 0;

	begin();
	for (uint32_t i = 0; i < ROWS; i++) {
		struct weir_layers layers = layers_of(rows[i].headers, rows[i].rest);
		bool expected = false, seen = false;

		for (uint32_t j = 0; j < sizeof(marked) / sizeof(*marked); j++)
			expected |= strcmp(rows[i].name, marked[j]) == 0;
		for (uint32_t j = 0; j < layers.count; j++)
			seen |= layers.layer[j].fragment;
		CU_ASSERT_EQUAL(seen, expected);
		found += seen;
	}
	CU_ASSERT_EQUAL(found, 5);
	end();
}

static void test_empty_packets(void)
{
	static const uint16_t links[] = {0, 1, 9, 50, 101, 104, 108, 113, 228, 229, 276};

	begin();
	for (uint32_t i = 0; i < sizeof(links) / sizeof(*links); i++) {
		struct weir_mbuf *mbuf = weir_mbuf_alloc(pool);
		struct weir_layers layers;

		weir_mbuf_set_link_type(mbuf, links[i]);
		weir_parse_layers(mbuf, &layers);
		CU_ASSERT_EQUAL(layers.count, 0);
		CU_ASSERT_EQUAL(layers.end, WEIR_PARSE_CUT);
		CU_ASSERT_EQUAL(weir_parse(mbuf), 0);
		weir_mbuf_free(mbuf);
	}
	end();
}

static void test_names(void)
{
	const char *const headers[] = {ETH_IPV4, IPV4_TCP, TCP, NULL};
	struct weir_layers layers;
	char text[32] = "x";

	begin();
	layers = layers_of(headers, "");
	for (size_t size = 0; size < 14; size++) {
		CU_ASSERT_EQUAL(weir_layers_text(&layers, text, size), 12);
		CU_ASSERT_EQUAL(strlen(text), size ? (size < 13 ? size - 1 : 12) : 1);
	}
	CU_ASSERT_STRING_EQUAL(text, "eth/ipv4/tcp");
	CU_ASSERT_EQUAL(weir_layers_text(&layers, NULL, 0), 12);
	weir_packet_type_name(WEIR_L2_QINQ | WEIR_L3_IPV6_MORE | WEIR_L4_UDP | WEIR_TUNNEL_GENEVE,
		text, sizeof(text));
	CU_ASSERT_STRING_EQUAL(text, "qinq/ipv6+/udp/geneve");
	CU_ASSERT_EQUAL(weir_packet_type_name(0, text, sizeof(text)), 0);
	CU_ASSERT_STRING_EQUAL(text, "");
	CU_ASSERT_EQUAL(weir_packet_type_name(0xffff, text, sizeof(text)), 7);
	CU_ASSERT_STRING_EQUAL(text, "?/?/?/?");
	for (int i = 0; i < WEIR_PROTOCOL_COUNT; i++)
		CU_ASSERT_STRING_NOT_EQUAL(weir_protocol_name((enum weir_protocol)i), "?");
	CU_ASSERT_STRING_EQUAL(weir_protocol_name(WEIR_PROTOCOL_COUNT), "?");
	CU_ASSERT_STRING_EQUAL(weir_parse_end_name(WEIR_PARSE_FULL), "full");
	CU_ASSERT_STRING_EQUAL(weir_parse_end_name(WEIR_PARSE_END_COUNT), "?");
	end();
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"every packet whole", test_every_packet_whole},
		{"segments of every size", test_segments_of_every_size},
		{"cut at every byte", test_cut_at_every_byte},
		{"the short way is right", test_the_short_way_is_right},
		{"bursts", test_bursts},
		{"too many layers", test_too_many_layers},
		{"padding is no payload", test_padding_is_no_payload},
		{"fragments are marked", test_fragments_are_marked},
		{"empty packets", test_empty_packets},
		{"names", test_names},
		CU_TEST_INFO_NULL,
	};

	return unit_run("parse", tests);
}
