/* SPDX-License-Identifier: BSD-3-Clause */
/* test_tap.c: what captures of a pipeline that runs see: ports, edges, drops and their reasons. */
#include "unit.h"

#include "weir/mbuf_pool.h"
#include "weir/stages.h"
#include "weir/tap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct weir_mempool *pool;
static struct weir_pipeline *pipeline;
static char path[] = "/tmp/weir-test-tap-XXXXXX";

/* Endless packets of which one in ten is dropped, in two parts. */
static void run(void)
{
	struct weir_pipeline_conf conf = {.types = weir_stages, .pool = pool};

	pipeline = weir_pipeline_create(&conf);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pipeline);
	CU_ASSERT_EQUAL(weir_pipeline_parse(pipeline, "in: rx null:size=100\n"
						      "cut: ring\n"
						      "some: sample every=10\n"
						      "out: tx null:\n"
						      "bin: drop\n"
						      "in -> cut -> some -> bin\n"
						      "some.no -> out\n"),
		0);
	CU_ASSERT_EQUAL(weir_pipeline_start(pipeline), 0);
}

static void end(void)
{
	CU_ASSERT_EQUAL(weir_pipeline_stop(pipeline, 5000), 0);
	CU_ASSERT_EQUAL(weir_pipeline_destroy(pipeline), 0);
	CU_ASSERT_EQUAL(weir_mempool_in_use(pool), 0);
}

static struct weir_tap *start(struct weir_tap_conf conf, uint64_t packets)
{
	struct weir_tap *tap;

	conf.recorder.series.file.path = path;
	conf.recorder.series.file.format = WEIR_CAPTURE_PCAPNG;
	conf.recorder.packets = packets;
	tap = weir_tap_start(pipeline, &conf);
	if (!tap)
		fprintf(stderr, "%s\n", weir_last_error());
	CU_ASSERT_PTR_NOT_NULL_FATAL(tap);
	return tap;
}

/* Until it has all; then it is stopped. */
static void await(struct weir_tap *tap)
{
	struct weir_recorder *recorder = weir_tap_recorder(tap);

	for (int i = 0; i < 5000 && weir_recorder_state(recorder) == 0; i++)
		usleep(1000);
	CU_ASSERT_EQUAL(weir_recorder_state(recorder), 1);
	CU_ASSERT_EQUAL(weir_tap_stop(tap), 0);
}

/* How many packets of this length the file has, and whether the words are in it as often. */
static void check_file(uint32_t packets, uint32_t length, const char *words)
{
	struct weir_capture_reader *reader = weir_capture_open(path);
	struct weir_capture_packet packet;
	static char bytes[1 << 20];
	uint32_t count = 0, found = 0;
	uint8_t *data;
	size_t size;
	FILE *file;

	CU_ASSERT_PTR_NOT_NULL_FATAL(reader);
	while (weir_capture_next(reader, &packet, &data) == 1)
		count += packet.length == length && packet.wire_length == 100;
	weir_capture_close(reader);
	CU_ASSERT_EQUAL(count, packets);
	if (!words)
		return;
	file = fopen(path, "r");
	size = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	for (char *at = bytes; (at = memmem(at, size - (size_t)(at - bytes), words, strlen(words)));
		at++)
		found++;
	CU_ASSERT_EQUAL(found, packets);
}

static void test_ports(void)
{
	run();
	await(start((struct weir_tap_conf){.port = "null:size=100"}, 100));
	check_file(100, 100, NULL);
	await(start(
		(struct weir_tap_conf){.port = "null:", .recorder.series.file.snaplen = 60}, 1000));
	check_file(1000, 60, NULL);
	await(start((struct weir_tap_conf){.port = "null:", .only_sent = true}, 10));
	check_file(10, 100, NULL);
	end();
}

static void test_edges(void)
{
	run();
	await(start((struct weir_tap_conf){.edge = "some.no"}, 900));
	check_file(900, 100, NULL);
	await(start((struct weir_tap_conf){.edge = "in"}, 50));
	check_file(50, 100, NULL);
	await(start((struct weir_tap_conf){.edge = "cut"}, 50));
	check_file(50, 100, NULL);
	end();
}

static void test_drops(void)
{
	run();
	await(start((struct weir_tap_conf){.drops = "bin"}, 100));
	check_file(100, 100, "stage 'bin' (drop): dropped");
	await(start((struct weir_tap_conf){.drops = "*"}, 200));
	check_file(200, 100, "stage 'bin' (drop): dropped");
	end();
}

/* Several at a time, begun and ended in another order; none takes another's. */
static void test_many(void)
{
	static char names[4][64];
	static const struct weir_tap_conf confs[4] = {
		{.drops = "bin"}, {.drops = "*"}, {.edge = "in"}, {.port = "null:"}};
	struct weir_tap *taps[4];

	run();
	for (int i = 0; i < 4; i++) {
		struct weir_tap_conf conf = confs[i];

		snprintf(names[i], sizeof(names[i]), "%s-%d", path, i);
		conf.recorder.series.file.path = names[i];
		taps[i] = weir_tap_start(pipeline, &conf);
		CU_ASSERT_PTR_NOT_NULL_FATAL(taps[i]);
	}
	usleep(20000);
	for (int i = 0; i < 4; i++) {
		struct weir_recorder_stats stats;
		int which = (i * 3 + 1) % 4;

		for (int j = 0; j < 5000; j++) {
			weir_recorder_stats(weir_tap_recorder(taps[which]), &stats);
			if (stats.written > 0)
				break;
			usleep(1000);
		}
		CU_ASSERT_TRUE(stats.written > 0);
		CU_ASSERT_EQUAL(weir_tap_stop(taps[which]), 0);
		unlink(names[which]);
	}
	end();
}

#ifdef WEIR_HAVE_PCAP
static void test_filter(void)
{
	static const struct weir_tap_conf none = {
		.edge = "in", .filter = "less 99", .recorder.series.file.path = "/dev/null"};
	struct weir_recorder_stats stats;
	struct weir_tap *tap;

	run();
	tap = weir_tap_start(pipeline, &none);
	CU_ASSERT_PTR_NOT_NULL_FATAL(tap);
	await(start((struct weir_tap_conf){.edge = "in", .filter = "greater 100"}, 100));
	weir_recorder_stats(weir_tap_recorder(tap), &stats);
	CU_ASSERT_EQUAL(stats.taken + stats.lost, 0);
	CU_ASSERT_EQUAL(weir_tap_stop(tap), 0);
	end();
}
#endif

static void check_refused(struct weir_tap_conf conf, int error, const char *words)
{
	if (!conf.recorder.series.file.path)
		conf.recorder.series.file.path = path;
	CU_ASSERT_PTR_NULL(weir_tap_start(pipeline, &conf));
	CU_ASSERT_EQUAL(errno, error);
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), words));
}

static void test_refused(void)
{
	struct weir_pipeline_conf conf = {.types = weir_stages, .pool = pool};
	struct weir_pipeline *idle = weir_pipeline_create(&conf);
	struct weir_tap_conf any = {.drops = "*", .recorder.series.file.path = path};

	CU_ASSERT_PTR_NULL(weir_tap_start(idle, &any));
	CU_ASSERT_EQUAL(errno, EBUSY);
	CU_ASSERT_EQUAL(weir_pipeline_destroy(idle), 0);
	run();
	check_refused(
		(struct weir_tap_conf){.port = "eth0"}, ENOENT, "there are: null:, null:size");
	check_refused((struct weir_tap_conf){.edge = "some.what"}, ENOENT, "no edge what");
	check_refused((struct weir_tap_conf){.edge = "else"}, ENOENT, "no stage 'else'");
	check_refused((struct weir_tap_conf){.edge = "bin"}, ENOENT, "no edge");
	check_refused((struct weir_tap_conf){.drops = "else"}, ENOENT, "no stage 'else'");
	check_refused((struct weir_tap_conf){.drops = "*", .edge = "in"}, EINVAL, "of a port");
	check_refused((struct weir_tap_conf){.port = "null:", .has_queue = true, .queue = 9},
		ENOENT, "nothing goes there");
	check_refused((struct weir_tap_conf){.drops = "*", .recorder.series.file.path = "/no/a"},
		ENOENT, "/no/a");
	end();
}

int main(void)
{
	static CU_TestInfo tests[] = {{"ports", test_ports}, {"edges", test_edges},
		{"drops", test_drops}, {"many", test_many},
#ifdef WEIR_HAVE_PCAP
		{"filter", test_filter},
#endif
		{"refused", test_refused}, CU_TEST_INFO_NULL};
	struct weir_mbuf_pool_conf conf = {.count = 8192};
	int fd = mkstemp(path), status;

	close(fd);
	pool = weir_mbuf_pool_create(&conf);
	if (!pool)
		return 1;
	status = unit_run("tap", tests);
	weir_mempool_destroy(pool);
	unlink(path);
	return status;
}
