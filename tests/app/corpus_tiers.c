/* SPDX-License-Identifier: BSD-3-Clause */
/* corpus_tiers.c: every packet of the captures of a folder through tiers of mbuf pools.
 *
 *	corpus_tiers DIRECTORY
 *
 * DIRECTORY is the corpus, its captures in pcap/; WEIR_CORPUS names another. The last 256 are kept,
 * as in a queue, and compared with their bytes in the capture when they leave it. For every 7th
 * packet the tier that fits is made dry: it must come from the next one, or not at all when there
 * is none. Prints how much memory the packets took, and what they take in a pool of one size. Exit
 * status 1 when anything is wrong, 77 without a corpus. */
#include "corpus_walk.h"

#include <weir/weir.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SKIPPED 77
#define QUEUE   256
#define DRY     7 /* every how many packets */
#define TIERS   4

static struct weir_tiers *tiers; /* the defaults */
static struct weir_tiers *small; /* the same sizes, 4 mbufs each: soon dry */
static size_t object_size[TIERS], one_size;

static struct kept {
	struct weir_mbuf *mbuf;
	uint8_t *bytes;
	uint32_t length;
} queue[QUEUE];

static uint64_t packets, moved_up, too_large, wrong, in_tiers, in_one_pool;

static void complain(const char *what)
{
	printf("packet %" PRIu64 ": %s\n", packets, what);
	wrong++;
}

static bool is_same(const struct weir_mbuf *mbuf, const uint8_t *bytes, uint32_t length)
{
	uint8_t *back = malloc(length + 1);
	bool same = mbuf->length == length && weir_mbuf_read(mbuf, 0, back, length) == 0 &&
		    memcmp(back, bytes, length) == 0;

	free(back);
	return same && weir_mbuf_check(mbuf) == 0;
}

static void leave(struct kept *kept)
{
	if (kept->mbuf && !is_same(kept->mbuf, kept->bytes, kept->length))
		complain("is not what it was");
	weir_mbuf_free(kept->mbuf);
	free(kept->bytes);
	*kept = (struct kept){0};
}

/* Bytes of memory that a packet's mbufs take. */
static uint64_t memory_of(const struct weir_mbuf *mbuf)
{
	uint64_t sum = 0;

	for (; mbuf; mbuf = mbuf->next)
		for (uint32_t i = 0; i < TIERS; i++)
			if (weir_mbuf_pool(mbuf) == weir_tiers_pool(tiers, i))
				sum += object_size[i];
	return sum;
}

static void keep(const uint8_t *bytes, uint32_t length)
{
	struct kept *kept = &queue[packets % QUEUE];

	leave(kept);
	kept->mbuf = weir_tiers_from_bytes(tiers, bytes, length);
	kept->bytes = malloc(length + 1);
	kept->length = length;
	memcpy(kept->bytes, bytes, length);
	if (!kept->mbuf) {
		complain("there was no mbuf");
		return;
	}
	in_tiers += memory_of(kept->mbuf);
	in_one_pool += one_size * (length ? (length + WEIR_MBUF_SIZE - 1) / WEIR_MBUF_SIZE : 1);
}

/* The tier that fits has nothing left. */
static void through_dry_tier(const uint8_t *bytes, uint32_t length)
{
	uint32_t index = weir_tiers_index(small, length);
	struct weir_mempool *pool = weir_tiers_pool(small, index);
	struct weir_mbuf *taken[4], *mbuf;

	if (weir_mbuf_alloc_bulk(pool, taken, 4))
		complain("a tier was not full");
	mbuf = weir_tiers_from_bytes(small, bytes, length);
	if (index == TIERS - 1) {
		if (mbuf)
			complain("came from a tier that was dry");
	} else if (!mbuf || weir_mbuf_pool(mbuf) != weir_tiers_pool(small, index + 1) ||
		   !is_same(mbuf, bytes, length)) {
		complain("did not move up whole");
	} else {
		moved_up++;
	}
	weir_mbuf_free(mbuf);
	weir_mbuf_free_bulk(taken, 4);
}

static void visit(const char *path, struct weir_capture_packet *packet, uint8_t *bytes)
{
	(void)path;
	keep(bytes, packet->length);
	if (weir_tiers_index(small, packet->length) == TIERS)
		too_large++;
	else if (packets % DRY == 0)
		through_dry_tier(bytes, packet->length);
	packets++;
}

static bool make_tiers(void)
{
	struct weir_tiers_conf conf = {
		.tiers = {{256, 4}, {2048, 4}, {9216, 4}, {65536, 4}},
	};

	tiers = weir_tiers_create(&(struct weir_tiers_conf){.name = "kept"});
	small = weir_tiers_create(&conf);
	for (uint32_t i = 0; i < TIERS; i++)
		object_size[i] = weir_mbuf_pool_memory(
			&(struct weir_mbuf_pool_conf){.size = conf.tiers[i].size, .count = 1});
	one_size = object_size[1];
	return tiers && small;
}

int main(int argc, char **argv)
{
	const char *corpus = getenv("WEIR_CORPUS");
	char directory[2048], *report;

	snprintf(directory, sizeof(directory), "%s/pcap",
		corpus ? corpus : (argc > 1 ? argv[1] : "."));
	if (!make_tiers()) {
		printf("%s\n", weir_last_error());
		return 1;
	}
	corpus_walk(directory, visit);
	for (uint32_t i = 0; i < QUEUE; i++)
		leave(&queue[i]);
	report = weir_tiers_report(tiers, false);
	printf("%s", report);
	free(report);
	if (weir_tiers_destroy(tiers) || weir_tiers_destroy(small)) {
		printf("%s\n", weir_last_error());
		return 1;
	}
	if (!packets) {
		printf("skipped: no corpus; WEIR_CORPUS names its directory\n");
		return SKIPPED;
	}
	printf("%" PRIu64 " packets, %" PRIu64 " moved up, %" PRIu64 " above the largest tier: "
	       "%" PRIu64 " bytes of memory a packet, %" PRIu64 " in a pool of %d; %" PRIu64
	       " wrong\n",
		packets, moved_up, too_large, in_tiers / packets, in_one_pool / packets,
		WEIR_MBUF_SIZE, wrong);
	return wrong > 0 || moved_up == 0;
}
