/* SPDX-License-Identifier: BSD-3-Clause */
/* corpus_parse.c: say which layers every packet of the corpus has; corpus_parse.py compares that
 * with tshark.
 *
 *	corpus_parse DIRECTORY MERGED
 *
 * Reads every capture in DIRECTORY and writes all packets to the file MERGED, so that tshark has to
 * run only once. Prints a line for each file, "= path", and for each packet of it
 *
 *	end protocol:offset:length...
 *
 * What does not depend on tshark is checked here: a packet cut into small segments, and one cut
 * from one, must be what the same bytes in one piece are. Exit status 1 when it is not. */
#include "corpus_walk.h"

#include <weir/weir.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>

/* Segments of so few bytes cut every header; the last one takes what is left. */
#define SMALL  7
#define PIECES 30
#define LARGE  300000

static struct weir_mempool *whole_pool, *small_pool;
static struct weir_capture_writer *writer;
static uint64_t wrong;

static void complain(const char *path, const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", path, what, weir_last_error());
	wrong++;
}

static void print_layers(const struct weir_layers *layers)
{
	printf("%s", weir_parse_end_name(layers->end));
	for (uint32_t i = 0; i < layers->count; i++)
		printf(" %s:%u:%u", weir_protocol_name(layers->layer[i].protocol),
			layers->layer[i].offset, layers->layer[i].length);
	printf("\n");
}

/* Only the front lies in small segments, or the corpus would take long. */
static struct weir_mbuf *in_pieces(const uint8_t *bytes, uint32_t length)
{
	uint32_t front = length < SMALL * PIECES ? length : SMALL * PIECES;
	struct weir_mbuf *head = weir_mbuf_from_bytes(small_pool, bytes, front);
	struct weir_mbuf *rest = weir_mbuf_from_bytes(whole_pool, bytes + front, length - front);

	weir_mbuf_concat(head, rest);
	return head;
}

static bool same_layers(const struct weir_layers *a, const struct weir_layers *b)
{
	return a->count == b->count && a->end == b->end && a->payload_offset == b->payload_offset &&
	       a->payload_length == b->payload_length &&
	       memcmp(a->layer, b->layer, a->count * sizeof(*a->layer)) == 0;
}

static bool same_type(struct weir_mbuf *a, struct weir_mbuf *b)
{
	weir_parse_burst(&a, 1);
	return a->packet_type == weir_parse(b) && a->l2_length == b->l2_length &&
	       a->l3_length == b->l3_length && a->l4_length == b->l4_length;
}

/* Cut the packet inside its last layer: the others stay what they are. */
static bool cut_is_a_prefix(struct weir_mbuf *mbuf, const struct weir_layers *layers)
{
	const struct weir_layer *last = &layers->layer[layers->count - 1];
	struct weir_layers cut;

	weir_mbuf_trim(mbuf, mbuf->length - (last->offset + last->length - 1));
	weir_parse_layers(mbuf, &cut);
	return cut.count == layers->count - 1 && cut.end == WEIR_PARSE_CUT &&
	       memcmp(cut.layer, layers->layer, cut.count * sizeof(*cut.layer)) == 0;
}

static void look_at(const char *path, const uint8_t *bytes, uint32_t length, uint16_t link_type)
{
	struct weir_mbuf *whole = weir_mbuf_from_bytes(whole_pool, bytes, length);
	struct weir_mbuf *pieces = in_pieces(bytes, length);
	struct weir_layers layers, same;

	weir_mbuf_set_link_type(whole, link_type);
	weir_mbuf_set_link_type(pieces, link_type);
	weir_parse_layers(whole, &layers);
	weir_parse_layers(pieces, &same);
	print_layers(&layers);
	if (!same_layers(&layers, &same))
		complain(path, "other layers in pieces");
	if (!same_type(whole, pieces))
		complain(path, "another type in pieces");
	if (layers.count && !cut_is_a_prefix(whole, &layers))
		complain(path, "other layers when cut");
	weir_mbuf_free(whole);
	weir_mbuf_free(pieces);
}

static void visit(const char *path, struct weir_capture_packet *packet, uint8_t *bytes)
{
	static char last[4096];
	struct iovec piece = {bytes, packet->length};

	if (strcmp(path, last) != 0)
		printf("= %s\n", path);
	snprintf(last, sizeof(last), "%s", path);
	look_at(path, bytes, packet->length, packet->link_type);
	if (weir_capture_write(writer, packet, &piece, 1) != 0)
		complain(path, "cannot be written");
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: corpus_parse DIRECTORY MERGED\n");
		return 2;
	}
	whole_pool = weir_mbuf_pool_create(
		&(struct weir_mbuf_pool_conf){.name = "whole", .count = 8, .size = LARGE});
	small_pool = weir_mbuf_pool_create(
		&(struct weir_mbuf_pool_conf){.name = "small", .count = 64, .size = SMALL});
	writer = weir_capture_create(argv[2], WEIR_CAPTURE_PCAPNG, 0);
	if (!whole_pool || !small_pool || !writer) {
		fprintf(stderr, "%s\n", weir_last_error());
		return 1;
	}
	corpus_walk(argv[1], visit);
	if (weir_capture_finish(writer) != 0 || weir_mempool_destroy(whole_pool) != 0 ||
		weir_mempool_destroy(small_pool) != 0)
		complain("at the end", argv[2]);
	return wrong > 0;
}
