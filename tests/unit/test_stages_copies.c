/* SPDX-License-Identifier: BSD-3-Clause */
/* test_stages_copies.c: stages that make more packets of one, or one of several. */
#include "stages_frame.h"

#include "weir/capture.h"
#include "weir/clone.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- mirror ---- */

static void test_mirror(void)
{
	struct weir_pipeline *pipeline = create("mirror", NULL, "a.copy");

	for (uint32_t i = 0; i < 300; i++)
		give_one(make(17, false, i % SIZE));
	turn_all(pipeline);
	CU_ASSERT_EQUAL_FATAL(kept[0].count, 300);
	CU_ASSERT_EQUAL_FATAL(others.count, 300);
	for (uint32_t i = 0; i < 300; i++) {
		CU_ASSERT_NOT_EQUAL(kept[0].mbufs[i], others.mbufs[i]);
		CU_ASSERT_EQUAL(weir_mbuf_compare(kept[0].mbufs[i], others.mbufs[i]), 0);
		CU_ASSERT_EQUAL(weir_mbuf_data(kept[0].mbufs[i]), weir_mbuf_data(others.mbufs[i]));
	}
	finish(pipeline);
}

/* Take mbufs until the pool has only this many left. */
static uint32_t take_all_but(struct weir_mbuf **mbufs, uint32_t left)
{
	uint32_t taken = 0;

	while ((mbufs[taken] = weir_mbuf_alloc(pool)) != NULL)
		taken++;
	weir_mbuf_free_bulk(mbufs + taken - left, left);
	return taken - left;
}

static void test_mirror_in_a_dry_pool(void)
{
	static struct weir_mbuf *taken[8192];
	struct weir_pipeline *pipeline = create("mirror", NULL, "a.copy");
	uint32_t count;

	give_apart(100, 1);
	count = take_all_but(taken, 40);
	turn_all(pipeline);
	CU_ASSERT_EQUAL(kept[0].count, 100);
	CU_ASSERT_EQUAL(others.count, 40);
	CU_ASSERT_EQUAL(counter(pipeline, "a", 0), 60);
	weir_mbuf_free_bulk(taken, count);
	finish(pipeline);
}

/* ---- fragments ---- */

/* An IPv4 packet with payload bytes of UDP's number, from a host of that number. */
static struct weir_mbuf *make_long(uint32_t payload, uint8_t host, uint8_t id)
{
	uint8_t bytes[14 + 20 + 2048] = {0};
	uint32_t length = 20 + payload;

	memcpy(bytes, frame, 34);
	memcpy(bytes + 16, (uint8_t[]){(uint8_t)(length >> 8), (uint8_t)length, 0, id}, 4);
	bytes[29] = host;
	weir_ipv4_checksum_set(bytes + 14);
	for (uint32_t i = 0; i < payload; i++)
		bytes[34 + i] = (uint8_t)(i * 7 + host);
	return weir_mbuf_from_bytes(pool, bytes, 14 + length);
}

static void test_fragment(void)
{
	struct weir_pipeline *pipeline = create("fragment", "mtu=596", NULL);
	struct weir_mbuf *stubborn = make_long(1480, 1, 2), *arp = make_long(1480, 1, 3);
	uint32_t bytes = 0;

	weir_mbuf_data(stubborn)[20] = 0x40; /* don't fragment */
	weir_mbuf_data(arp)[13] = 6;
	give_one(make_long(576, 1, 0)); /* fits */
	give_one(make_long(577, 1, 1)); /* does not */
	give_one(stubborn);
	give_one(arp);
	give_one(make_long(1480, 1, 4));
	turn_all(pipeline);
	CU_ASSERT_EQUAL_FATAL(kept[0].count, 1 + 2 + 1 + 3);
	for (uint32_t i = 0; i < 7; i++) {
		CU_ASSERT(i == 3 || kept[0].mbufs[i]->length <= 14 + 596);
		bytes += kept[0].mbufs[i]->length - 34;
	}
	CU_ASSERT_EQUAL(bytes, 576 + 577 + 1480 + 1480);
	CU_ASSERT_EQUAL(kept[0].mbufs[3], arp);
	CU_ASSERT_EQUAL(counter(pipeline, "a", 0), 2); /* cut */
	CU_ASSERT_EQUAL(counter(pipeline, "a", 1), 1); /* not IP */
	CU_ASSERT_EQUAL(counter(pipeline, "a", 2), 1); /* too big */
	finish(pipeline);
}

static void test_fragment_in_a_dry_pool(void)
{
	static struct weir_mbuf *taken[8192];
	struct weir_pipeline *pipeline = create("fragment", "mtu=596", NULL);
	uint32_t count;

	give_one(make_long(1480, 1, 0));
	count = take_all_but(taken, 0);
	turn_all(pipeline);
	CU_ASSERT_EQUAL(kept[0].count, 0);
	CU_ASSERT_EQUAL(counter(pipeline, "a", 3), 1);
	weir_mbuf_free_bulk(taken, count);
	finish(pipeline);
}

/* Cut, spread by their addresses over two workers, and whole again. */
static void test_there_and_back(void)
{
	struct weir_pipeline *pipeline = create_text("a: fragment mtu=300\n"
						     "ring: ring workers=2\n"
						     "r: reassemble clock=packet\n"
						     "in -> a -> ring -> r -> kept\n");
	uint32_t whole = 0;

	for (uint32_t i = 0; i < 80; i++)
		give_one(make_long(600 + 10 * i, (uint8_t)i, (uint8_t)i));
	turn_all(pipeline);
	CU_ASSERT(kept[0].count > 0 && kept[1].count > 0);
	for (uint32_t worker = 0; worker < 2; worker++)
		for (uint32_t i = 0; i < kept[worker].count; i++) {
			uint8_t host, id;
			struct weir_mbuf *wanted, *got = kept[worker].mbufs[i];

			weir_mbuf_read(got, 29, &host, 1);
			weir_mbuf_read(got, 19, &id, 1);
			wanted = make_long(600u + 10u * id, host, id);
			CU_ASSERT_EQUAL(weir_mbuf_compare(got, wanted), 0);
			weir_mbuf_free(wanted);
			whole++;
		}
	CU_ASSERT_EQUAL(whole, 80);
	CU_ASSERT_EQUAL(counter(pipeline, "r", 0), 80);
	finish(pipeline);
}

/* What lacks a fragment is given up in time, or at the end; a second copy is dropped. */
static void test_reassemble_counts(void)
{
	struct weir_pipeline *cutter = create("fragment", "mtu=596", NULL), *pipeline;
	struct weir_mbuf *pieces[6];

	give_one(make_long(1480, 1, 0));
	give_one(make_long(1480, 1, 1));
	turn_all(cutter);
	memcpy(pieces, kept[0].mbufs, sizeof(pieces));
	CU_ASSERT_EQUAL_FATAL(kept[0].count, 6);
	kept[0].count = 0;
	CU_ASSERT_EQUAL(weir_pipeline_destroy(cutter), 0);

	pipeline = create("reassemble", "timeout=10ms clock=packet", NULL);
	give_one(pieces[0]);
	give_one(weir_mbuf_copy(pieces[0], pool));
	turn_all(pipeline);
	CU_ASSERT_EQUAL(counter(pipeline, "a", 1), 1); /* duplicate */
	CU_ASSERT_EQUAL(counter(pipeline, "a", 6), 0); /* timeout */
	give_apart(1, 9999999);
	turn_all(pipeline);
	CU_ASSERT_EQUAL(counter(pipeline, "a", 6), 0);
	/* no fragment, and time goes on */
	give_apart(1, 10000000);
	turn_all(pipeline);
	CU_ASSERT_EQUAL(counter(pipeline, "a", 6), 1);
	CU_ASSERT_EQUAL(kept[0].count, 2);
	/* the rest of it comes too late, and another lacks one: both wait at the end */
	for (uint32_t i = 1; i < 5; i++)
		give_one(pieces[i]);
	turn_all(pipeline);
	CU_ASSERT_EQUAL(kept[0].count, 2);
	weir_pipeline_finish(pipeline, 0);
	CU_ASSERT_EQUAL(counter(pipeline, "a", 6), 3);
	CU_ASSERT_EQUAL(counter(pipeline, "a", 0), 0); /* whole */
	weir_mbuf_free(pieces[5]);
	finish(pipeline);
}

/* ---- write ---- */

/* Packets in a file, and how many of them are as make() makes them. */
static uint32_t packets_in(const char *path)
{
	struct weir_capture_reader *reader = weir_capture_open(path);
	struct weir_mbuf *wanted = make(17, false, SIZE);
	struct weir_capture_packet packet;
	uint32_t count = 0;
	uint8_t *data;

	CU_ASSERT_PTR_NOT_NULL_FATAL(reader);
	while (weir_capture_next(reader, &packet, &data) == 1) {
		memcpy(data + 18, frame + 18, 2); /* number_of() */
		CU_ASSERT_EQUAL_FATAL(packet.length, SIZE);
		CU_ASSERT_EQUAL(memcmp(data, weir_mbuf_data(wanted), SIZE), 0);
		count++;
	}
	weir_capture_close(reader);
	weir_mbuf_free(wanted);
	return count;
}

static char directory[] = "/tmp/test_stages_XXXXXX";

/* How often the words are in a file. */
static uint32_t times_in(const char *path, const char *words)
{
	static char bytes[1 << 20];
	FILE *file = fopen(path, "r");
	size_t size = fread(bytes, 1, sizeof(bytes), file);
	uint32_t times = 0;

	fclose(file);
	for (char *at = bytes; (at = memmem(at, size - (size_t)(at - bytes), words, strlen(words)));
		at++)
		times++;
	return times;
}

static void test_write(void)
{
	char path[64], args[96];

	for (uint32_t i = 0; i < 2; i++) {
		struct weir_pipeline *pipeline;

		snprintf(path, sizeof(path), "%s/%s", directory, i ? "a.pcapng" : "a.pcap");
		snprintf(args, sizeof(args), "%s%s", path,
			i ? " note=\"seen here\" comment=whole" : " format=pcap-us");
		pipeline = create("write", args, NULL);
		give_apart(500, 1000);
		turn_all(pipeline);
		CU_ASSERT_EQUAL_FATAL(kept[0].count, 500);
		for (uint32_t j = 0; j < 500; j++) {
			CU_ASSERT_EQUAL(number_of(kept[0].mbufs[j]), j);
			CU_ASSERT_EQUAL(weir_mbuf_check(kept[0].mbufs[j]), 0);
		}
		CU_ASSERT_EQUAL(counter(pipeline, "a", 0), 500);
		finish(pipeline);
		CU_ASSERT_EQUAL(packets_in(path), 500);
		CU_ASSERT_EQUAL(times_in(path, "seen here"), i ? 500 : 0);
		CU_ASSERT_EQUAL(times_in(path, "whole"), i ? 1 : 0);
		unlink(path);
	}
}

/* Copy what comes out of a pipe to a file. */
static void *empty_pipe(void *context)
{
	int from = *(int *)context, to;
	char path[64], bytes[4096];
	ssize_t got;

	snprintf(path, sizeof(path), "%s/emptied", directory);
	to = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	fcntl(from, F_SETFL, 0);
	while ((got = read(from, bytes, sizeof(bytes))) > 0)
		if (write(to, bytes, (size_t)got) != got)
			break;
	close(to);
	return NULL;
}

/* A pipe that nobody reads takes some, and never holds up the rest. */
static void test_write_to_a_pipe(void)
{
	struct weir_pipeline *pipeline;
	uint64_t written, busy;
	pthread_t thread;
	char path[64];
	int from;

	snprintf(path, sizeof(path), "%s/pipe", directory);
	CU_ASSERT_EQUAL_FATAL(mkfifo(path, 0600), 0);
	from = open(path, O_RDONLY | O_NONBLOCK);
	pipeline = create("write", path, NULL);
	/* 3 MB */
	for (uint32_t round = 0; round < 80; round++) {
		give_apart(500, 1000);
		turn_all(pipeline);
		CU_ASSERT_EQUAL(kept[0].count, 500);
		free_list(&kept[0]);
	}
	written = counter(pipeline, "a", 0);
	busy = counter(pipeline, "a", 1);
	CU_ASSERT(written > 0 && busy > 0);
	CU_ASSERT_EQUAL(written + busy, 80 * 500);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, empty_pipe, &from), 0);
	finish(pipeline);
	pthread_join(thread, NULL);
	close(from);
	unlink(path);
	snprintf(path, sizeof(path), "%s/emptied", directory);
	CU_ASSERT_EQUAL(packets_in(path), written);
	unlink(path);
}

/* A file that cannot be written: packets go on, and the counter says it. */
static void test_write_fails(void)
{
	struct weir_pipeline *pipeline;

	if (access("/dev/full", W_OK) != 0)
		return;
	pipeline = create("write", "/dev/full", NULL);
	for (uint32_t round = 0; round < 80; round++) {
		give_apart(500, 1000);
		turn_all(pipeline);
		CU_ASSERT_EQUAL(kept[0].count, 500);
		free_list(&kept[0]);
	}
	CU_ASSERT(counter(pipeline, "a", 2) > 0);
	CU_ASSERT_EQUAL(counter(pipeline, "a", 1), 0);
	finish(pipeline);
}

static void test_refusals(void)
{
	static const struct refusal refusals[] = {
		{"mirror", "x", "unknown argument"},
		{"fragment", "mtu=67", "mtu=67 is not"},
		{"reassemble", "timeout=soon", "timeout=soon is not"},
		{"reassemble", "packets=0", "packets=0 is not"},
		{"write", NULL, "needs a file"},
		{"write", "a.pcap snaplen=big", "snaplen"},
		{"write", "a.pcap format=text", "format"},
		{0},
	};

	check_refusals(refusals);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"mirror", test_mirror},
		{"mirror in a dry pool", test_mirror_in_a_dry_pool},
		{"fragment", test_fragment},
		{"fragment in a dry pool", test_fragment_in_a_dry_pool},
		{"cut and whole again", test_there_and_back},
		{"what reassembly gives up", test_reassemble_counts},
		{"write", test_write},
		{"write to a pipe", test_write_to_a_pipe},
		{"write that fails", test_write_fails},
		{"what is refused", test_refusals},
		CU_TEST_INFO_NULL,
	};
	struct weir_mbuf_pool_conf conf = {.name = "copies", .count = 4096, .size = 128};

	pool = mkdtemp(directory) ? weir_mbuf_pool_create(&conf) : NULL;
	if (!pool || unit_run("stages that copy", tests) || weir_mempool_destroy(pool))
		return 1;
	return rmdir(directory) != 0;
}
