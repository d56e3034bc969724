/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz_parse.c: libFuzzer on the parser.
 *
 * The input is a link type in two bytes, the size of segments in one, and a packet. It is parsed in
 * one piece, in segments, and cut; each segment is exactly as large as its data, so that the
 * sanitizer sees a read beyond. All must agree, the short way of weir_parse() with the long one,
 * and the layers must lie behind each other inside the packet. */
#include "weir/parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX       3
#define TEXT         300
#define SEGMENTS_MAX 4096

static void check(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

/* No pool: parsing never asks for it. */
static struct weir_mbuf *make(const uint8_t *bytes, uint32_t length, uint16_t link_type)
{
	struct weir_mbuf *mbuf = aligned_alloc(WEIR_CACHE_LINE, sizeof(*mbuf));

	memset(mbuf, 0, sizeof(*mbuf));
	mbuf->buffer = malloc(length ? length : 1);
	if (length)
		memcpy(mbuf->buffer, bytes, length);
	mbuf->data_length = mbuf->length = length;
	weir_mbuf_set_link_type(mbuf, link_type);
	return mbuf;
}

static struct weir_mbuf *make_pieces(
	const uint8_t *bytes, uint32_t length, uint16_t link_type, uint32_t size)
{
	struct weir_mbuf *head = make(bytes, size < length ? size : length, link_type);
	struct weir_mbuf *last = head;

	head->length = length;
	for (uint32_t at = size; at < length; at += size) {
		uint32_t left = length - at;
		struct weir_mbuf *next = make(bytes + at, size < left ? size : left, 0);

		weir_mbuf_set_next(last, next);
		last = next;
	}
	return head;
}

static void destroy(struct weir_mbuf *mbuf)
{
	while (mbuf) {
		struct weir_mbuf *next = mbuf->next;

		free(mbuf->buffer);
		free(mbuf);
		mbuf = next;
	}
}

static void check_layers(const struct weir_layers *layers, uint32_t length)
{
	uint32_t offset = 0;
	char text[TEXT], half[TEXT];
	int whole = weir_layers_text(layers, text, sizeof(text));

	check(layers->count <= WEIR_LAYERS_MAX, "too many layers");
	for (uint32_t i = 0; i < layers->count; i++) {
		check(layers->layer[i].offset == offset, "a hole between layers");
		check(layers->layer[i].length > 0, "an empty layer");
		offset += layers->layer[i].length;
	}
	check(layers->payload_offset == offset, "a hole before the payload");
	check(offset <= length && layers->payload_length <= length - offset, "outside the packet");
	check(whole < TEXT && strlen(text) == (size_t)whole, "the text is too long");
	check(weir_layers_text(layers, half, (size_t)whole / 2) == whole, "the text's length");
	check(layers->end < WEIR_PARSE_END_COUNT, "an unknown end");
}

static bool same_layers(const struct weir_layers *a, const struct weir_layers *b)
{
	return a->count == b->count && a->end == b->end && a->payload_length == b->payload_length &&
	       memcmp(a->layer, b->layer, a->count * sizeof(*a->layer)) == 0;
}

/* Outer lengths are those of the first layers, so that together they end where one ends. */
static void check_type(const struct weir_mbuf *mbuf, const struct weir_layers *layers)
{
	uint32_t outer = (uint32_t)mbuf->l2_length + mbuf->l3_length + mbuf->l4_length, i = 0;
	uint16_t type = mbuf->packet_type;
	char text[TEXT];

	while (i < layers->count && layers->layer[i].offset < outer)
		i++;
	check(outer == (i < layers->count ? layers->layer[i].offset : layers->payload_offset),
		"lengths end inside a layer");
	check(!(type & WEIR_TYPE_L2) == !mbuf->l2_length, "L2 without a length");
	check(!(type & WEIR_TYPE_L3) == !mbuf->l3_length, "L3 without a length");
	check(mbuf->l4_length ? type & WEIR_TYPE_L4 : true, "a length without L4");
	check(weir_packet_type_name(type, text, sizeof(text)) < TEXT && !strchr(text, '?'),
		"a type without a name");
}

/* What a cut leaves is what was there in front of it. */
static void check_cut(
	const uint8_t *bytes, uint32_t length, uint16_t link_type, const struct weir_layers *layers)
{
	struct weir_mbuf *mbuf = make(bytes, length, link_type);
	struct weir_layers cut;

	weir_parse_layers(mbuf, &cut);
	check_layers(&cut, length);
	check(cut.count <= layers->count &&
			memcmp(cut.layer, layers->layer, cut.count * sizeof(*cut.layer)) == 0,
		"a cut packet has other layers");
	weir_parse(mbuf);
	check_type(mbuf, &cut);
	destroy(mbuf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct weir_mbuf *whole, *pieces;
	struct weir_layers layers, same;
	uint32_t length, segment;
	uint16_t link_type;

	if (size < PREFIX || size - PREFIX > SEGMENTS_MAX)
		return 0;
	link_type = (uint16_t)(data[0] << 8 | data[1]);
	segment = data[2] ? data[2] : 1;
	length = (uint32_t)(size - PREFIX);
	data += PREFIX;
	whole = make(data, length, link_type);
	pieces = make_pieces(data, length, link_type, segment);

	weir_parse_layers(whole, &layers);
	weir_parse_layers(pieces, &same);
	check_layers(&layers, length);
	check(same_layers(&layers, &same), "segments have other layers");
	weir_parse_burst(&whole, 1);
	check_type(whole, &layers);
	check(weir_parse(pieces) == whole->packet_type && pieces->l2_length == whole->l2_length &&
			pieces->l3_length == whole->l3_length &&
			pieces->l4_length == whole->l4_length,
		"segments have another type");
	check_cut(data, length * segment / 256, link_type, &layers);
	destroy(whole);
	destroy(pieces);
	return 0;
}
