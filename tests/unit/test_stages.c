/* SPDX-License-Identifier: BSD-3-Clause */
/* test_stages.c: what the stages that ship do to packets. */
#include "stages_frame.h"

#include "weir/clone.h"
#include "weir/parse.h"

#include <errno.h>

/* ---- tests ---- */

#ifdef WEIR_HAVE_PCAP
static void test_match(void)
{
	struct weir_pipeline *pipeline =
		create("match", "\"udp port 53 and net 192.0.2.0/24\"", "a.no");

	for (uint32_t i = 0; i < 100; i++)
		give_one(make(i % 3 ? 17 : 6, false, i < SIZE ? i : SIZE));
	turn_all(pipeline);
	CU_ASSERT_EQUAL(kept[0].count, 66);
	CU_ASSERT_EQUAL(others.count, 34);
	give_one(make(17, false, SIZE)); /* another kind of link */
	weir_mbuf_set_link_type(given.mbufs[0], WEIR_LINK_RAW);
	turn_all(pipeline);
	CU_ASSERT_EQUAL(others.count, 35);
	finish(pipeline);
}

static void test_bad_filter(void)
{
	struct weir_pipeline_conf conf = {.types = weir_stages};
	struct weir_pipeline *pipeline = weir_pipeline_create(&conf);

	CU_ASSERT_EQUAL(weir_pipeline_add(pipeline, "m", "match", NULL, NULL), -EINVAL);
	CU_ASSERT_EQUAL(
		weir_pipeline_add(pipeline, "m", "match", "\"udp prot 53\"", NULL), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), "'m' (match): filter \"udp prot 53\": "));
	CU_ASSERT_EQUAL(weir_pipeline_destroy(pipeline), 0);
}
#endif

/* Every kind of packet, its headers in one segment and in several. */
static void test_rewrite(void)
{
	struct weir_pipeline *pipeline = create("rewrite",
		"src_mac=0a:0:0:0:0:1 dst_mac=0a:0:0:0:0:2 src_ip=10.1.2.3 dst_ip=198.51.100.200 "
		"src_port=65535 dst_port=1",
		NULL);
	uint32_t given_count = 0;

	for (uint32_t first = 1; first <= SIZE; first++)
		for (uint32_t kind = 0; kind < 4; kind++, given_count++)
			give_one(make(kind & 1 ? 17 : 6, kind & 2, first));
	turn_all(pipeline);
	CU_ASSERT_EQUAL_FATAL(kept[0].count, given_count);
	for (uint32_t i = 0; i < given_count; i++) {
		struct weir_mbuf *mbuf = kept[0].mbufs[i];
		uint32_t l3 = i & 2 ? 18 : 14;
		uint8_t bytes[SIZE + 4];

		CU_ASSERT_TRUE(is_right(mbuf, i & 1 ? 17 : 6, l3));
		weir_mbuf_read(mbuf, 0, bytes, mbuf->length);
		CU_ASSERT_EQUAL(
			memcmp(bytes, (uint8_t[]){10, 0, 0, 0, 0, 2, 10, 0, 0, 0, 0, 1}, 12), 0);
		CU_ASSERT_EQUAL(
			memcmp(bytes + l3 + 12,
				(uint8_t[]){10, 1, 2, 3, 198, 51, 100, 200, 255, 255, 0, 1}, 12),
			0);
	}
	finish(pipeline);
}

static void test_rewrite_nothing_of_others(void)
{
	struct weir_pipeline *pipeline = create("rewrite", "dst_ip=10.0.0.1", NULL);
	struct weir_mbuf *mine = make(17, false, SIZE), *fragment = make(17, false, SIZE);
	uint8_t bytes[SIZE];

	give_one(weir_mbuf_clone(mine, pool));
	weir_mbuf_data(fragment)[20] = 0x20; /* more fragments, and no checksum in this one */
	weir_mbuf_trim(fragment, fragment->length - 39);
	give_one(fragment);
	give_one(weir_mbuf_from_bytes(pool, frame, 10)); /* less than Ethernet */
	turn_all(pipeline);
	CU_ASSERT_EQUAL(kept[0].count, 2);
	CU_ASSERT_EQUAL(counter(pipeline, "a", 1), 1);
	weir_mbuf_read(kept[0].mbufs[0], 0, bytes, SIZE);
	CU_ASSERT_EQUAL(bytes[30], 10);
	CU_ASSERT_TRUE(is_right(kept[0].mbufs[0], 17, 14));
	CU_ASSERT_TRUE(is_right(mine, 17, 14));
	CU_ASSERT_EQUAL(weir_mbuf_data(mine)[30], 192);
	weir_mbuf_free(mine);
	finish(pipeline);
}

static void test_no_udp_checksum(void)
{
	struct weir_pipeline *pipeline = create("rewrite", "dst_ip=10.0.0.1 src_port=7", NULL);
	struct weir_mbuf *mbuf = make(17, false, SIZE);

	memset(weir_mbuf_data_at(mbuf, 40), 0, 2);
	give_one(mbuf);
	turn_all(pipeline);
	CU_ASSERT_EQUAL(memcmp(weir_mbuf_data_at(mbuf, 40), "\0", 2), 0);
	CU_ASSERT_EQUAL(weir_mbuf_data_at(mbuf, 34)[1], 7);
	finish(pipeline);
}

/* A flow's packets come to one worker, in order. */
static void test_ring_spreads(void)
{
	struct weir_pipeline *pipeline = create("ring", "workers=4", NULL);
	uint32_t home[64], last[64] = {0}, used = 0;

	memset(home, 0xff, sizeof(home));
	for (uint32_t i = 0; i < 500; i++) {
		struct weir_mbuf *mbuf = make(17, false, SIZE);

		weir_mbuf_data_at(mbuf, 34)[0] = (uint8_t)((i * 7) % 64); /* flow, by its port */
		mbuf->timestamp_ns = i + 1;
		give_one(mbuf);
	}
	turn_all(pipeline);
	for (uint32_t worker = 0; worker < 4; worker++) {
		used += kept[worker].count > 0;
		for (uint32_t i = 0; i < kept[worker].count; i++) {
			struct weir_mbuf *mbuf = kept[worker].mbufs[i];
			uint32_t flow = weir_mbuf_data_at(mbuf, 34)[0];

			CU_ASSERT(home[flow] == UINT32_MAX || home[flow] == worker);
			CU_ASSERT(mbuf->timestamp_ns > last[flow]);
			home[flow] = worker;
			last[flow] = (uint32_t)mbuf->timestamp_ns;
		}
	}
	CU_ASSERT_EQUAL(kept[0].count + kept[1].count + kept[2].count + kept[3].count, 500);
	CU_ASSERT_EQUAL(used, 4);
	finish(pipeline);
}

static void see(void *context, struct weir_mbuf **mbufs, uint32_t count)
{
	*(uint32_t *)context += count;
	for (uint32_t i = 0; i < count; i++)
		weir_mbuf_data(mbufs[i])[0] = 0xfe;
}

static void test_callback_and_port(void)
{
	struct weir_pipeline_conf conf = {.types = weir_stages, .more = own, .pool = pool};
	struct weir_pipeline *pipeline = weir_pipeline_create(&conf);
	struct weir_port *near = weir_port_open("pair:stages,ring=16", pool);
	struct weir_port *far = weir_port_open("pair:stages,ring=16", pool);
	struct weir_mbuf *mbufs[32];
	uint32_t seen = 0;
	struct weir_stage_callback callback = {see, &seen};

	CU_ASSERT_FATAL(near && far);
	CU_ASSERT_EQUAL(weir_pipeline_port(pipeline, "near", near), 0);
	CU_ASSERT_EQUAL(weir_pipeline_port(pipeline, "near", near), -EEXIST);
	CU_ASSERT_EQUAL(weir_pipeline_add(pipeline, "in", "give", NULL, &given), 0);
	CU_ASSERT_EQUAL(weir_pipeline_add(pipeline, "a", "callback", NULL, &callback), 0);
	CU_ASSERT_EQUAL(weir_pipeline_add(pipeline, "out", "tx", "near", NULL), 0);
	CU_ASSERT_EQUAL(weir_pipeline_connect(pipeline, "in", "a"), 0);
	CU_ASSERT_EQUAL(weir_pipeline_connect(pipeline, "a", "out"), 0);
	for (uint32_t i = 0; i < 20; i++)
		give_one(make(17, false, SIZE));
	CU_ASSERT_EQUAL(weir_pipeline_build(pipeline), 0);
	turn_all(pipeline);
	CU_ASSERT_EQUAL(seen, 20);
	CU_ASSERT_EQUAL(counter(pipeline, "out", 0), 16); /* sent */
	CU_ASSERT_EQUAL(counter(pipeline, "out", 1), 4);  /* port full */
	CU_ASSERT_EQUAL(weir_port_rx(far, 0, mbufs, 32), 16);
	for (uint32_t i = 0; i < 16; i++)
		CU_ASSERT_EQUAL(weir_mbuf_data(mbufs[i])[0], 0xfe);
	weir_mbuf_free_bulk(mbufs, 16);
	finish(pipeline);
	weir_port_close(near);
	weir_port_close(far);
}

static void look_at_port(void *context, struct weir_mbuf **mbufs, uint32_t count)
{
	uint32_t *seen = context;

	for (uint32_t i = 0; i < count; i++)
		seen[mbufs[i]->port]++;
}

/* Also when that is 0, whatever the buffer had before. */
static void test_port_number(void)
{
	struct weir_pipeline_conf conf = {.types = weir_stages, .pool = pool};
	struct weir_pipeline *pipeline = weir_pipeline_create(&conf);
	uint32_t seen[10] = {0};
	struct weir_stage_callback callback = {look_at_port, seen};

	CU_ASSERT_EQUAL(weir_pipeline_add(pipeline, "look", "callback", NULL, &callback), 0);
	CU_ASSERT_EQUAL(weir_pipeline_parse(pipeline, "a: rx null:count=700 port=9\n"
						      "b: rx null:count=70,size=65 port=0\n"
						      "end: drop\n"
						      "a -> look -> end\n"
						      "b -> look\n"),
		0);
	CU_ASSERT_EQUAL(weir_pipeline_start(pipeline), 0);
	CU_ASSERT_EQUAL(weir_pipeline_wait(pipeline, 20000), 0);
	CU_ASSERT_EQUAL(seen[9], 700);
	CU_ASSERT_EQUAL(seen[0], 70);
	finish(pipeline);
}

static void test_files(void)
{
	struct weir_pipeline_conf conf = {.types = weir_stages, .pool = pool};
	struct weir_pipeline *pipeline = weir_pipeline_create(&conf);
	struct weir_stage_stats stats;

	CU_ASSERT_EQUAL(weir_pipeline_parse(pipeline, "in: rx null:count=77\n"
						      "n: count\n"
						      "end: drop\n"
						      "in -> n -> end\n"),
		0);
	CU_ASSERT_EQUAL(weir_pipeline_add(pipeline, "x", "tx", "pcap:rx=/nowhere", NULL), -ENOENT);
	CU_ASSERT_EQUAL(weir_pipeline_start(pipeline), 0);
	CU_ASSERT_EQUAL(weir_pipeline_wait(pipeline, 20000), 0);
	weir_pipeline_stage_stats(pipeline, 2, &stats);
	CU_ASSERT_EQUAL(stats.packets, 77);
	CU_ASSERT_EQUAL(stats.counters[0].value, 77);
	CU_ASSERT_STRING_EQUAL(stats.counters[0].name, "dropped");
	finish(pipeline);
}

int main(void)
{
	static CU_TestInfo tests[] = {
#ifdef WEIR_HAVE_PCAP
		{"match", test_match},
		{"a bad filter is refused", test_bad_filter},
#endif
		{"rewrite", test_rewrite},
		{"rewrite leaves the bytes of others", test_rewrite_nothing_of_others},
		{"rewrite leaves out no checksum", test_no_udp_checksum},
		{"ring spreads by flow", test_ring_spreads},
		{"callback and tx", test_callback_and_port},
		{"rx numbers its port", test_port_number},
		{"rx to its end", test_files},
		CU_TEST_INFO_NULL,
	};
	struct weir_mbuf_pool_conf conf = {.name = "stages", .count = 4096, .size = 128};

	pool = weir_mbuf_pool_create(&conf);
	return !pool || unit_run("stages", tests) || weir_mempool_destroy(pool);
}
