/* SPDX-License-Identifier: BSD-3-Clause */
/* corpus_checksum.c: the half of corpus_checksum.py that calls the library.
 *
 *	corpus_checksum merge DIRECTORY FILE    every packet of the captures there into one pcapng
 *	corpus_checksum verify FILE             answer questions about it
 *
 * A question is a line "NUMBER L3 L4 PROTOCOL" on standard input: the packet, counted from 1 and
 * never falling, the offsets of its headers, and what is at L4; protocol 0 asks for the IPv4 header
 * at L3. The answer is a line with what verifying found: 0 to 2, or -errno. Packets are cut into
 * segments of random lengths. What is found bad is set and must be good then; what is good must be
 * what computing gives. Exit status 1 when that is not so, or a packet cannot be had.
 */
#include "corpus_walk.h"

#include <weir/weir.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>

#define SEGMENT 300 /* the longest, bytes */

static struct weir_capture_writer *merged;
static struct weir_mempool *pool;
static uint64_t wrong;

static void visit(const char *path, struct weir_capture_packet *packet, uint8_t *bytes)
{
	struct iovec piece = {bytes, packet->length};

	(void)path;
	packet->timestamp_ns = 0; /* some are out of what pcapng holds, and none matters */
	if (weir_capture_write(merged, packet, &piece, 1))
		wrong++;
}

static int merge(const char *directory, const char *file)
{
	merged = weir_capture_create(file, WEIR_CAPTURE_PCAPNG, 0);
	if (!merged)
		return 1;
	corpus_walk(directory, visit);
	return weir_capture_finish(merged) != 0 || wrong > 0;
}

/* The packet on segments of 0 to SEGMENT bytes; half of them have a first one that is longer. */
static struct weir_mbuf *cut(const uint8_t *bytes, uint32_t length)
{
	struct weir_mbuf *head = weir_mbuf_alloc(pool);
	uint32_t most = rand() % 2 ? SEGMENT : WEIR_MBUF_SIZE;

	for (uint32_t done = 0, part; head && done < length; done += part) {
		struct weir_mbuf *segment = weir_mbuf_alloc(pool);

		if (!segment)
			return NULL;
		part = (uint32_t)rand() % (most + 1);
		part = part < length - done ? part : length - done;
		memcpy(weir_mbuf_append(segment, part), bytes + done, part);
		weir_mbuf_concat(head, segment);
		most = SEGMENT;
	}
	return head;
}

struct question {
	uint64_t number;
	uint32_t l3, l4;
	uint8_t protocol;
};

static int verify_ipv4(const struct weir_mbuf *mbuf, const struct question *question)
{
	uint8_t first = 0;
	int checksum;

	if (weir_mbuf_read(mbuf, question->l3, &first, 1))
		return -EINVAL;
	checksum = weir_mbuf_checksum(mbuf, question->l3, (first & 15u) * 4);
	return checksum < 0 ? checksum : checksum == 0;
}

/* Where the 16-bit field is. */
static uint32_t field_of(const struct question *question)
{
	switch (question->protocol) {
	case WEIR_PROTOCOL_NUMBER_TCP:
		return question->l4 + 16;
	case WEIR_PROTOCOL_NUMBER_UDP:
		return question->l4 + 6;
	}
	return question->l4 + 2;
}

static void complain(const struct question *question, const char *what)
{
	fprintf(stderr, "packet %" PRIu64 ", l4 %u: %s\n", question->number, question->l4, what);
	wrong++;
}

/* A good one is what computing gives; 0 and 0xffff are the same to a receiver. A bad one can be
 * made good. */
static void check(struct weir_mbuf *mbuf, const struct question *question, int state)
{
	uint32_t l3 = question->l3, l4 = question->l4;
	int computed = weir_l4_checksum(mbuf, l3, l4, question->protocol);
	uint16_t field;

	weir_mbuf_read(mbuf, field_of(question), &field, sizeof(field));
	if (question->protocol != WEIR_PROTOCOL_NUMBER_SCTP && state == WEIR_CHECKSUM_GOOD &&
		field % 0xffff != computed % 0xffff)
		complain(question, "good, but not what was computed");
	if (weir_l4_checksum_set(mbuf, l3, l4, question->protocol) ||
		weir_l4_checksum_verify(mbuf, l3, l4, question->protocol) != WEIR_CHECKSUM_GOOD)
		complain(question, "set, but not good");
}

static int answer(const struct question *question, const uint8_t *bytes, uint32_t length)
{
	struct weir_mbuf *mbuf = cut(bytes, length);
	int state;

	if (!mbuf) {
		complain(question, "no mbuf for it");
		return -ENOBUFS;
	}
	if (question->protocol == 0) {
		state = verify_ipv4(mbuf, question);
	} else {
		state = weir_l4_checksum_verify(
			mbuf, question->l3, question->l4, question->protocol);
		if (state >= 0)
			check(mbuf, question, state);
	}
	weir_mbuf_free(mbuf);
	return state;
}

static int verify(const char *file)
{
	struct weir_mbuf_pool_conf conf = {.name = "verify", .count = 16384};
	struct weir_capture_reader *reader = weir_capture_open(file);
	struct weir_capture_packet packet;
	struct question question;
	uint64_t number = 0;
	uint8_t *bytes = NULL;

	pool = weir_mbuf_pool_create(&conf);
	if (!reader || !pool)
		return 1;
	while (scanf("%" SCNu64 " %u %u %" SCNu8, &question.number, &question.l3, &question.l4,
		       &question.protocol) == 4) {
		for (; number < question.number; number++)
			if (weir_capture_next(reader, &packet, &bytes) != 1)
				return 1;
		printf("%d\n", answer(&question, bytes, packet.length));
	}
	weir_capture_close(reader);
	return weir_mempool_destroy(pool) != 0 || wrong > 0;
}

int main(int argc, char **argv)
{
	int result = 2;

	if (argc == 4 && strcmp(argv[1], "merge") == 0)
		result = merge(argv[2], argv[3]);
	else if (argc == 3 && strcmp(argv[1], "verify") == 0)
		result = verify(argv[2]);
	if (result)
		fprintf(stderr, "corpus_checksum: %s\n", weir_last_error());
	return result;
}
