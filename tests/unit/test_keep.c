/* SPDX-License-Identifier: BSD-3-Clause */
/* test_keep.c: packets that go from one capture file to another, where they are written from the
 * block that they were read into: whatever was done to them and their neighbours on the way, the
 * file has what was sent. */
#include "pool.h"
#include "random.h"
#include "unit.h"

#include "weir/capture.h"
#include "weir/chain.h"
#include "weir/clone.h"
#include "weir/port.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

#define PACKETS 20000 /* of 200 bytes, mostly: more than ten blocks */
#define BURST   32
#define KEPT    4 /* clones, to be freed later */

static char in_path[] = "/tmp/weir-keep-in-XXXXXX", out_path[] = "/tmp/weir-keep-out-XXXXXX";
static struct weir_mempool *pool;
static struct weir_port *in, *out;

/* What was sent, in order. */
static struct sent {
	uint64_t timestamp_ns;
	uint32_t length, wire_length;
	uint64_t sum;
} sent[PACKETS];
static uint32_t sent_count;

static uint64_t sum_of(const uint8_t *bytes, uint32_t length)
{
	uint64_t sum = 0xcbf29ce484222325u;

	for (uint32_t i = 0; i < length; i++)
		sum = (sum ^ bytes[i]) * 0x100000001b3u; /* FNV */
	return sum;
}

/* Some seconds of packets; every hundredth was longer on the wire. */
static void write_input(enum weir_capture_format format)
{
	struct weir_capture_writer *writer = weir_capture_create(in_path, format, 0);
	uint8_t bytes[1500];

	CU_ASSERT_PTR_NOT_NULL_FATAL(writer);
	for (uint32_t i = 0; i < PACKETS; i++) {
		struct iovec iov = {bytes, i % 7 ? 60 + i % 200 : 1500};
		const struct weir_capture_packet packet = {
			.timestamp_ns = 1700000000000000000u + i * 250000ull,
			.length = (uint32_t)iov.iov_len,
			.wire_length = (uint32_t)iov.iov_len + (i % 100 == 0 ? 9 : 0),
			.link_type = WEIR_LINK_ETHERNET};

		memset(bytes, (int)i, sizeof(bytes));
		memcpy(bytes, &i, sizeof(i));
		CU_ASSERT_EQUAL(weir_capture_write(writer, &packet, &iov, 1), 0);
	}
	CU_ASSERT_EQUAL(weir_capture_finish(writer), 0);
}

static void begin(const char *keys, const char *out_keys)
{
	char spec[200];

	pool = make_pool(1024, 2048);
	snprintf(spec, sizeof(spec), "pcap:rx=%s%s", in_path, keys);
	in = weir_port_open(spec, pool);
	snprintf(spec, sizeof(spec), "pcap:tx=%s%s", out_path, out_keys);
	out = weir_port_open(spec, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(in);
	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	sent_count = 0;
}

static void note(const struct weir_mbuf *mbuf)
{
	uint8_t bytes[2048];

	CU_ASSERT_EQUAL_FATAL(weir_mbuf_read(mbuf, 0, bytes, mbuf->length), 0);
	sent[sent_count++] = (struct sent){mbuf->timestamp_ns, mbuf->length,
		weir_mbuf_wire_length(mbuf), sum_of(bytes, mbuf->length)};
}

/* The file has the first packets that were sent, and nothing else: how many. unit is that of its
 * times. */
static uint32_t check_output(uint32_t unit)
{
	struct weir_capture_reader *reader = weir_capture_open(out_path);
	struct weir_capture_packet packet;
	uint32_t number = 0;
	uint8_t *data;
	int got;

	CU_ASSERT_PTR_NOT_NULL_FATAL(reader);
	while ((got = weir_capture_next(reader, &packet, &data)) > 0 && number < sent_count) {
		const struct sent *as = &sent[number++];

		CU_ASSERT_EQUAL(packet.timestamp_ns, as->timestamp_ns / unit * unit);
		CU_ASSERT_EQUAL(packet.wire_length, as->wire_length);
		CU_ASSERT_EQUAL_FATAL(packet.length, as->length);
		CU_ASSERT_EQUAL(sum_of(data, packet.length), as->sum);
	}
	CU_ASSERT_EQUAL(got, 0);
	weir_capture_close(reader);
	return number;
}

/* Packets that are sent and held as well: who is left as their only holder may write to them. */
static struct weir_mbuf *held[BURST];
static uint32_t held_count;

static void spoil_held(void)
{
	for (; held_count > 0; held_count--) {
		struct weir_mbuf *mbuf = held[held_count - 1];

		CU_ASSERT_TRUE(weir_mbuf_is_private(mbuf));
		memset(weir_mbuf_data(mbuf), 0xcc, mbuf->length);
		weir_mbuf_free(mbuf);
	}
}

/* Send what is received, after change, which may take packets out: how many are left of a burst. */
static void pass(uint32_t (*change)(struct weir_mbuf **mbufs, uint32_t count))
{
	struct weir_mbuf *mbufs[BURST];
	uint32_t got, left;

	while (weir_port_state(in) == WEIR_PORT_UP) {
		got = weir_port_rx(in, 0, mbufs, BURST);
		left = change(mbufs, got);
		for (uint32_t i = 0; i < left; i++)
			note(mbufs[i]);
		weir_port_tx_or_drop(out, 0, mbufs, left);
		spoil_held();
	}
}

static uint32_t nothing(struct weir_mbuf **mbufs, uint32_t count)
{
	(void)mbufs;
	return count;
}

/* Is the whole of both files the same from this byte on? */
static void check_same_bytes(long from)
{
	FILE *a = fopen(in_path, "r"), *b = fopen(out_path, "r");
	int byte;

	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	CU_ASSERT_EQUAL(fseek(a, from, SEEK_SET) + fseek(b, from, SEEK_SET), 0);
	while ((byte = getc(a)) != EOF)
		if (getc(b) != byte)
			break;
	CU_ASSERT_EQUAL(byte, EOF);
	CU_ASSERT_EQUAL(getc(b), EOF);
	fclose(a);
	fclose(b);
}

/* The same packets in the same format are the same bytes; and in others are the same packets. */
static void test_unchanged(void)
{
	static const struct {
		enum weir_capture_format from;
		const char *keys, *to;
		uint32_t unit;
	} ways[] = {
		{WEIR_CAPTURE_PCAP_NS, "", ",format=pcap", 1},
		{WEIR_CAPTURE_PCAP_US, ",reader=thread", ",format=pcap-us", 1000},
		{WEIR_CAPTURE_PCAP_US, "", ",format=pcap", 1},
		{WEIR_CAPTURE_PCAP_NS, "", ",format=pcap-us", 1000},
		{WEIR_CAPTURE_PCAP_NS, ",mmap=1", ",format=pcap", 1},
		{WEIR_CAPTURE_PCAPNG, "", ",format=pcap", 1},
		{WEIR_CAPTURE_PCAP_NS, "", ",format=pcapng", 1},
	};

	for (uint32_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		write_input(ways[i].from);
		begin(ways[i].keys, ways[i].to);
		pass(nothing);
		CU_ASSERT_EQUAL(weir_port_close(in), 0);
		CU_ASSERT_EQUAL(weir_mempool_in_use(pool), 0);
		CU_ASSERT_EQUAL(weir_port_close(out), 0);
		CU_ASSERT_EQUAL(check_output(ways[i].unit), PACKETS);
		if (i < 2)
			check_same_bytes(24); /* behind the header, which has another snaplen */
		end_pool(pool);
	}
}

static struct weir_mbuf *clones[KEPT];
static uint32_t clone_count;

/* Keep the packet and go on with a copy of it. */
static void swap_for_copy(struct weir_mbuf **mbuf, struct weir_mbuf **kept)
{
	struct weir_mbuf *copy;

	weir_mbuf_free(*kept);
	copy = weir_mbuf_copy(*mbuf, pool);
	*kept = copy ? *mbuf : NULL;
	*mbuf = copy ? copy : *mbuf;
}

/* One of what a program may do to a packet. false: it is gone. */
static bool change_one(struct weir_mbuf **mbuf)
{
	struct weir_mbuf **kept = &clones[clone_count++ % KEPT];

	switch (below(64)) {
	case 0:
		weir_mbuf_free(*mbuf);
		return false;
	case 1:
		weir_mbuf_data(*mbuf)[20] ^= 0xff;
		break;
	case 2:
		CU_ASSERT_EQUAL(weir_mbuf_adj(*mbuf, 4), 0);
		break;
	case 3:
		CU_ASSERT_EQUAL(weir_mbuf_trim(*mbuf, 4), 0);
		break;
	case 4: /* into what was the header of its record */
		CU_ASSERT_PTR_NOT_NULL_FATAL(weir_mbuf_prepend(*mbuf, 12));
		memset(weir_mbuf_data(*mbuf), 0xee, 12);
		break;
	case 5:
		weir_mbuf_free(*kept);
		*kept = weir_mbuf_clone(*mbuf, pool);
		break;
	case 6:
		weir_mbuf_freeze(*mbuf);
		break;
	case 7:
		(*mbuf)->timestamp_ns += 5000000000u;
		break;
	case 8:
		swap_for_copy(mbuf, kept);
		break;
	case 9: /* where its header would be wrong in the second only */
		(*mbuf)->timestamp_ns -= 1;
		break;
	case 10:
		weir_mbuf_ref(*mbuf, 1);
		held[held_count++] = *mbuf;
		break;
	default:
		break;
	}
	return true;
}

static uint32_t anything(struct weir_mbuf **mbufs, uint32_t count)
{
	uint32_t left = 0;

	for (uint32_t i = 0; i < count; i++) {
		mbufs[left] = mbufs[i];
		left += change_one(&mbufs[left]);
	}
	if (left > 1 && below(8) == 0) {
		struct weir_mbuf *first = mbufs[0];

		mbufs[0] = mbufs[1];
		mbufs[1] = first;
	}
	return left;
}

static void test_changed(void)
{
	static const char *const formats[] = {",format=pcap", ",format=pcap-us"};

	write_input(WEIR_CAPTURE_PCAP_NS);
	for (uint32_t i = 0; i < 2; i++) {
		begin("", formats[i]);
		pass(anything);
		CU_ASSERT_EQUAL(weir_port_close(in), 0);
		CU_ASSERT_EQUAL(weir_port_close(out), 0);
		CU_ASSERT_EQUAL(check_output(i ? 1000 : 1), sent_count);
		CU_ASSERT(sent_count > PACKETS * 9 / 10 && sent_count < PACKETS);
		for (uint32_t at = 0; at < KEPT; at++) {
			weir_mbuf_free(clones[at]);
			clones[at] = NULL;
		}
		end_pool(pool);
	}
}

/* The file may not have more bytes: whole packets are left, and the others are counted. */
static void fill_up(rlim_t bytes)
{
	struct weir_port_stats stats;
	struct rlimit before, limit;
	uint32_t there;
	const char *words;
	unsigned int lost = 0;

	begin("", ",format=pcap");
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	limit = before;
	limit.rlim_cur = bytes;
	setrlimit(RLIMIT_FSIZE, &limit);
	pass(nothing);
	CU_ASSERT_EQUAL(weir_port_state(out), -EFBIG);
	words = strstr(weir_port_error(out), " packets are not in it");
	CU_ASSERT_PTR_NOT_NULL_FATAL(words);
	while (words[-1] != ' ')
		words--;
	sscanf(words, "%u", &lost);
	CU_ASSERT_EQUAL(weir_port_close(in), 0);
	weir_port_stats(out, &stats);
	weir_port_close(out);
	setrlimit(RLIMIT_FSIZE, &before);
	there = check_output(1);
	CU_ASSERT(there > 2000 && there < PACKETS / 2);
	CU_ASSERT(lost > 100);
	CU_ASSERT_EQUAL(there + lost, stats.tx_packets);
	end_pool(pool);
}

/* In the middle of a run, and in what is in front of it. A run begins some packets behind the start
 * of each block of 256 KiB (capture/source_impl.h), and nothing on the way changes their number. */
static void test_no_room(void)
{
	write_input(WEIR_CAPTURE_PCAP_NS);
	fill_up(1000000);
	fill_up(3 * 262144 + 1000);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"unchanged", test_unchanged},
		{"changed", test_changed},
		{"no room", test_no_room},
		CU_TEST_INFO_NULL,
	};
	int failed, from = mkstemp(in_path), to = mkstemp(out_path);

	if (from < 0 || to < 0)
		return 1;
	close(from);
	close(to);
	failed = unit_run("keep", tests);
	unlink(in_path);
	unlink(out_path);
	return failed;
}
