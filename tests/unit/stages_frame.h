/* SPDX-License-Identifier: BSD-3-Clause */
/* stages_frame.h: packets, and a pipeline around the stage that a test is about. */
#ifndef STAGES_FRAME_H
#define STAGES_FRAME_H

#include "unit.h"

#include "weir/chain.h"
#include "weir/checksum.h"
#include "weir/pipeline.h"
#include "weir/stages.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define SIZE 60 /* of a packet without tag */

static struct weir_mempool *pool;

/* A source that hands out what it is given, and ends that keep what comes. */
struct list {
	struct weir_mbuf *mbufs[1024];
	uint32_t count;
};

static inline int open_list(struct weir_stage_args *args, void *conf)
{
	*(struct list **)conf = weir_stage_data(args);
	return 0;
}

static inline uint32_t poll_list(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	struct list *list = *(struct list **)stage->conf;

	count = count < list->count ? count : list->count;
	memcpy(mbufs, list->mbufs, count * sizeof(*mbufs));
	list->count -= count;
	memmove(list->mbufs, list->mbufs + count, list->count * sizeof(*mbufs));
	return count;
}

static inline bool ended_list(const struct weir_stage *stage)
{
	return (*(struct list **)stage->conf)->count == 0;
}

/* With several workers each keeps its own. */
static inline void run_keep(struct weir_stage *stage, struct weir_mbuf **mbufs, uint32_t count)
{
	struct list *list = *(struct list **)stage->conf + stage->worker;

	memcpy(list->mbufs + list->count, mbufs, count * sizeof(*mbufs));
	list->count += count;
	weir_stage_took(stage, count);
}

static const char *const out[] = {"out", NULL};
static const struct weir_stage_type give = {.name = "give",
	.edges = out,
	.conf_size = sizeof(struct list *),
	.open = open_list,
	.poll = poll_list,
	.ended = ended_list};
static const struct weir_stage_type keep = {
	.name = "keep", .conf_size = sizeof(struct list *), .open = open_list, .run = run_keep};
static const struct weir_stage_type *const own[] = {&give, &keep, NULL};

/* ---- packets ---- */

static const uint8_t frame[SIZE] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 46, 0, 1,
	0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 0, 53, 0, 99, 0, 26, 0, 0, 'a', 'b', 'c'};

/* IPv4 with UDP or TCP from port 53 to 99, checksums set; the first segment has first bytes. */
static inline struct weir_mbuf *make(uint8_t protocol, bool vlan, uint32_t first)
{
	uint8_t bytes[SIZE + 4];
	uint32_t l3 = vlan ? 18 : 14;
	struct weir_mbuf *mbuf, *rest;

	memcpy(bytes, frame, 12);
	memcpy(bytes + 12, (uint8_t[]){0x81, 0, 0, 7}, 4);
	memcpy(bytes + l3 - 2, frame + 12, SIZE - 12);
	bytes[l3 + 9] = protocol;
	if (protocol == 6)
		bytes[l3 + 20 + 12] = 0x50;
	weir_ipv4_checksum_set(bytes + l3);
	mbuf = weir_mbuf_from_bytes(pool, bytes, SIZE + l3 - 14);
	CU_ASSERT_PTR_NOT_NULL_FATAL(mbuf);
	CU_ASSERT_EQUAL(weir_l4_checksum_set(mbuf, l3, l3 + 20, protocol), 0);
	rest = first < mbuf->length ? weir_mbuf_split(mbuf, first) : NULL;
	if (rest)
		weir_mbuf_concat(mbuf, rest);
	return mbuf;
}

static inline bool is_right(const struct weir_mbuf *mbuf, uint8_t protocol, uint32_t l3)
{
	uint8_t header[20];

	return weir_mbuf_read(mbuf, l3, header, 20) == 0 && weir_ipv4_checksum_verify(header) &&
	       weir_l4_checksum_verify(mbuf, l3, l3 + 20, protocol) == WEIR_CHECKSUM_GOOD;
}

/* ---- the frame of a test ---- */

static struct list given, kept[4], others;

/* Only what gives, in, and what keeps. */
static inline struct weir_pipeline *create_ends(void)
{
	struct weir_pipeline_conf conf = {
		.types = weir_stages, .more = own, .pool = pool, .check = true};
	struct weir_pipeline *pipeline = weir_pipeline_create(&conf);

	CU_ASSERT_PTR_NOT_NULL_FATAL(pipeline);
	CU_ASSERT_EQUAL(weir_pipeline_add(pipeline, "in", "give", NULL, &given), 0);
	CU_ASSERT_EQUAL(weir_pipeline_add(pipeline, "kept", "keep", NULL, kept), 0);
	return pipeline;
}

/* The text says what lies between. */
static inline struct weir_pipeline *create_text(const char *text)
{
	struct weir_pipeline *pipeline = create_ends();

	if (weir_pipeline_parse(pipeline, text) || weir_pipeline_build(pipeline)) {
		fprintf(stderr, "%s\n", weir_last_error());
		CU_FAIL_FATAL("no pipeline");
	}
	return pipeline;
}

/* in -> a, of this type -> kept; what takes its other way, if it has one, goes to others. */
static inline struct weir_pipeline *create(const char *type, const char *args, const char *other)
{
	struct weir_pipeline *pipeline = create_ends();

	if (weir_pipeline_add(pipeline, "a", type, args, NULL)) {
		CU_FAIL("no stage");
		fprintf(stderr, "%s\n", weir_last_error());
	}
	CU_ASSERT_EQUAL(weir_pipeline_connect(pipeline, "in", "a"), 0);
	CU_ASSERT_EQUAL(weir_pipeline_connect(pipeline, "a", "kept"), 0);
	if (other) {
		CU_ASSERT_EQUAL(weir_pipeline_add(pipeline, "others", "keep", NULL, &others), 0);
		CU_ASSERT_EQUAL(weir_pipeline_connect(pipeline, other, "others"), 0);
	}
	CU_ASSERT_EQUAL(weir_pipeline_build(pipeline), 0);
	return pipeline;
}

static inline void give_one(struct weir_mbuf *mbuf)
{
	given.mbufs[given.count++] = mbuf;
}

/* Packets without tag that came a time apart, their number in the IP identification. */
static inline void give_apart(uint32_t count, uint64_t apart_ns)
{
	for (uint32_t i = 0; i < count; i++) {
		struct weir_mbuf *mbuf = make(17, false, SIZE);

		weir_mbuf_data(mbuf)[18] = (uint8_t)(i >> 8);
		weir_mbuf_data(mbuf)[19] = (uint8_t)i;
		mbuf->timestamp_ns = (i + 1) * apart_ns;
		mbuf->flags |= WEIR_MBUF_TIMESTAMP;
		give_one(mbuf);
	}
}

static inline uint32_t number_of(const struct weir_mbuf *mbuf)
{
	return (uint32_t)weir_mbuf_data(mbuf)[18] << 8 | weir_mbuf_data(mbuf)[19];
}

static inline void turn_all(struct weir_pipeline *pipeline)
{
	for (uint32_t round = 0; round < 50; round++)
		for (uint32_t i = 0; i < weir_pipeline_workers(pipeline); i++)
			weir_pipeline_turn(pipeline, i);
	CU_ASSERT_STRING_EQUAL(weir_pipeline_error(pipeline), "");
}

static inline uint64_t counter(
	const struct weir_pipeline *pipeline, const char *name, uint32_t index)
{
	struct weir_stage_stats stats;

	weir_pipeline_stage_stats(pipeline, (uint32_t)weir_pipeline_find(pipeline, name), &stats);
	return stats.counters[index].value;
}

static inline void free_list(struct list *list)
{
	weir_mbuf_free_bulk(list->mbufs, list->count);
	list->count = 0;
}

/* Arguments that a type must refuse, and what the sentence must have in it. */
struct refusal {
	const char *type, *args, *why;
};

static inline void check_refusals(const struct refusal *refusals)
{
	struct weir_pipeline_conf conf = {.types = weir_stages, .pool = pool};
	struct weir_pipeline *pipeline = weir_pipeline_create(&conf);

	for (; refusals->type; refusals++) {
		bool refused = weir_pipeline_add(pipeline, "x", refusals->type, refusals->args,
				       NULL) == -EINVAL &&
			       strstr(weir_last_error(), refusals->why);

		CU_ASSERT_TRUE(refused);
		if (!refused)
			fprintf(stderr, "%s %s: %s\n", refusals->type, refusals->args,
				weir_last_error());
	}
	CU_ASSERT_EQUAL(weir_pipeline_destroy(pipeline), 0);
}

static inline void finish(struct weir_pipeline *pipeline)
{
	CU_ASSERT_EQUAL(weir_pipeline_destroy(pipeline), 0);
	for (uint32_t i = 0; i < 4; i++)
		free_list(&kept[i]);
	free_list(&others);
	CU_ASSERT_EQUAL(weir_mempool_in_use(pool), 0);
}

#endif
