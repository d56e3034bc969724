/* SPDX-License-Identifier: BSD-3-Clause */
/* test_port.c: ports and the drivers null, pair and pcap, without a network. */
#include "pool.h"
#include "unit.h"

#include "weir/capture.h"
#include "weir/chain.h"
#include "weir/port.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static struct weir_mempool *pool;

static void begin(void)
{
	pool = make_pool(256, 512);
}

static struct weir_port *open_port(const char *spec)
{
	struct weir_port *port = weir_port_open(spec, pool);

	if (!port)
		fprintf(stderr, "%s\n", weir_last_error());
	CU_ASSERT_PTR_NOT_NULL_FATAL(port);
	return port;
}

static void test_null(void)
{
	struct weir_port *port;
	struct weir_port_stats stats;
	struct weir_mbuf *mbufs[32], *held[250];
	uint64_t position, size;

	begin();
	port = open_port("null:size=100,count=50");
	CU_ASSERT_EQUAL(weir_port_rx(port, 0, mbufs, 32), 32);
	CU_ASSERT_EQUAL(mbufs[7]->length, 100);
	CU_ASSERT_EQUAL(weir_mbuf_check(mbufs[7]), 0);
	CU_ASSERT_EQUAL(weir_port_tx(port, 0, mbufs, 32), 32);
	CU_ASSERT_EQUAL(weir_port_state(port), WEIR_PORT_UP);
	CU_ASSERT_EQUAL(weir_port_rx(port, 0, mbufs, 32), 18);
	CU_ASSERT_EQUAL(weir_port_state(port), WEIR_PORT_ENDED);
	CU_ASSERT_EQUAL(weir_port_tx_or_drop(port, 0, mbufs, 18), 18);
	CU_ASSERT_EQUAL(weir_port_rx(port, 0, mbufs, 32), 0);
	CU_ASSERT_EQUAL(weir_port_close(port), 0);
	/* nearly dry: some are better than none */
	CU_ASSERT_EQUAL(weir_mbuf_alloc_bulk(pool, held, 250), 0);
	port = open_port("null:size=100,count=50");
	CU_ASSERT_EQUAL(weir_port_rx(port, 0, mbufs, 32), 4);
	weir_mbuf_free_bulk(held, 250);
	weir_mbuf_free_bulk(mbufs, 4);
	CU_ASSERT_EQUAL(weir_port_rx(port, 0, mbufs, 32), 32);
	weir_mbuf_free_bulk(mbufs, 32);
	CU_ASSERT_EQUAL(weir_port_rx(port, 0, mbufs, 32), 14);
	CU_ASSERT_EQUAL(weir_port_tx(port, 0, mbufs, 14), 14);
	weir_port_progress(port, &position, &size);
	CU_ASSERT_EQUAL(position, 5000);
	CU_ASSERT_EQUAL(size, 5000);
	weir_port_stats(port, &stats);
	CU_ASSERT_EQUAL(stats.rx_packets, 50);
	CU_ASSERT_EQUAL(stats.rx_bytes, 5000);
	CU_ASSERT_EQUAL(stats.tx_packets, 14);
	CU_ASSERT_EQUAL(weir_port_close(port), 0);
	end_pool(pool);
}

static void test_pair(void)
{
	struct weir_port *left, *right;
	struct weir_port_stats stats;
	struct weir_mbuf *mbufs[32];

	begin();
	left = open_port("pair:p,ring=16");
	right = open_port("pair:p");
	CU_ASSERT_PTR_NULL(weir_port_open("pair:p", pool));
	CU_ASSERT_EQUAL(errno, EBUSY);
	CU_ASSERT_EQUAL(weir_mbuf_alloc_bulk(pool, mbufs, 32), 0);
	CU_ASSERT_EQUAL(weir_port_tx(left, 0, mbufs, 10), 10);
	CU_ASSERT_EQUAL(weir_port_tx(left, 0, mbufs + 10, 10), 6);
	CU_ASSERT_EQUAL(weir_port_tx_or_drop(left, 0, mbufs + 16, 16), 0);
	weir_port_stats(left, &stats);
	CU_ASSERT_EQUAL(stats.tx_packets, 16);
	CU_ASSERT_EQUAL(stats.dropped[WEIR_DROP_TX_FULL], 16);
	CU_ASSERT_EQUAL(weir_port_rx(right, 0, mbufs + 16, 5), 5);
	CU_ASSERT_PTR_EQUAL(mbufs[16], mbufs[0]);
	CU_ASSERT_EQUAL(weir_port_rx(left, 0, mbufs, 5), 0);
	CU_ASSERT_EQUAL(weir_port_state(left), WEIR_PORT_UP);
	weir_mbuf_free_bulk(mbufs + 16, 5);
	CU_ASSERT_EQUAL(weir_port_close(left), 0);
	CU_ASSERT_EQUAL(weir_port_rx(right, 0, mbufs, 32), 11); /* what was under way */
	CU_ASSERT_EQUAL(weir_port_state(right), WEIR_PORT_UP);
	CU_ASSERT_EQUAL(weir_port_rx(right, 0, mbufs + 11, 1), 0);
	CU_ASSERT_EQUAL(weir_port_state(right), WEIR_PORT_ENDED);
	CU_ASSERT_EQUAL(weir_port_tx(right, 0, mbufs, 1), 0); /* nobody would fetch it */
	weir_mbuf_free_bulk(mbufs, 11);
	CU_ASSERT_EQUAL(weir_port_close(right), 0);
	left = open_port("pair:p,queues=3,ring=4"); /* the name is free again */
	CU_ASSERT_EQUAL(weir_port_queues(left), 3);
	CU_ASSERT_PTR_NULL(weir_port_open("pair:p,queues=2", pool));
	CU_ASSERT_PTR_NULL(weir_port_open("pair:p,ring=8", pool));
	CU_ASSERT_EQUAL(errno, EINVAL);
	CU_ASSERT_EQUAL(weir_mbuf_alloc_bulk(pool, mbufs, 2), 0);
	CU_ASSERT_EQUAL(weir_port_tx(left, 2, mbufs, 2), 2);
	CU_ASSERT_EQUAL(weir_port_close(left), 0); /* frees what nobody fetched */
	end_pool(pool);
}

static char path[] = "/tmp/weir-port-XXXXXX";

/* A capture of count packets of length bytes, each byte its packet's number. */
static void write_capture(uint32_t count, uint32_t length)
{
	struct weir_capture_writer *writer = weir_capture_create(path, WEIR_CAPTURE_PCAP_NS, 0);
	uint8_t *bytes = malloc(length);
	struct iovec iov = {.iov_base = bytes, .iov_len = length};

	CU_ASSERT_PTR_NOT_NULL_FATAL(writer);
	for (uint32_t i = 0; i < count; i++) {
		struct weir_capture_packet packet = {.timestamp_ns = 1000000007ull * i,
			.length = length,
			.wire_length = length + i,
			.link_type = 1};

		memset(bytes, (int)i, length);
		CU_ASSERT_EQUAL(weir_capture_write(writer, &packet, &iov, 1), 0);
	}
	CU_ASSERT_EQUAL(weir_capture_finish(writer), 0);
	free(bytes);
}

static void test_pcap_keeps_everything(void)
{
	struct weir_port *port;
	struct weir_mbuf *mbufs[32];
	uint8_t bytes[3000];

	begin();
	write_capture(5, 3000); /* longer than an mbuf of the pool */
	port = open_port(path); /* a bare path */
	CU_ASSERT_EQUAL(weir_port_rx(port, 0, mbufs, 32), 5);
	for (uint32_t i = 0; i < 5; i++) {
		CU_ASSERT_EQUAL(weir_mbuf_check(mbufs[i]), 0);
		CU_ASSERT_EQUAL(mbufs[i]->length, 3000);
		CU_ASSERT_EQUAL(weir_mbuf_wire_length(mbufs[i]), 3000 + i);
		CU_ASSERT_EQUAL(mbufs[i]->timestamp_ns, 1000000007ull * i);
		CU_ASSERT_EQUAL(weir_mbuf_read(mbufs[i], 0, bytes, 3000), 0);
		CU_ASSERT(bytes[0] == i && bytes[2999] == i);
	}
	CU_ASSERT_EQUAL(weir_port_state(port), WEIR_PORT_ENDED);
	weir_mbuf_free_bulk(mbufs, 5);
	/* it can only receive */
	CU_ASSERT_EQUAL(weir_mbuf_alloc_bulk(pool, mbufs, 1), 0);
	CU_ASSERT_EQUAL(weir_port_tx_or_drop(port, 0, mbufs, 1), 0);
	CU_ASSERT_EQUAL(weir_port_state(port), -EOPNOTSUPP);
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_port_error(port), "no tx=FILE"));
	CU_ASSERT_EQUAL(weir_port_close(port), 0);
	end_pool(pool);
}

/* What is read or written by one port is not emptied by another. */
static void test_pcap_spares_open_files(void)
{
	struct weir_port *in, *out;
	char spec[100];
	struct stat before, after;

	begin();
	write_capture(3, 60);
	stat(path, &before);
	in = open_port(path);
	CU_ASSERT_FALSE(weir_port_sends(in));
	snprintf(spec, sizeof(spec), "pcap:tx=%s", path);
	CU_ASSERT_PTR_NULL(weir_port_open(spec, NULL));
	CU_ASSERT_EQUAL(errno, EBUSY);
	snprintf(spec, sizeof(spec), "pcap:rx=%s,tx=%s", path, path);
	CU_ASSERT_PTR_NULL(weir_port_open(spec, pool));
	stat(path, &after);
	CU_ASSERT_EQUAL(before.st_size, after.st_size);
	CU_ASSERT_EQUAL(weir_port_close(in), 0);
	snprintf(spec, sizeof(spec), "pcap:tx=%s", path);
	out = open_port(spec);
	CU_ASSERT_TRUE(weir_port_sends(out));
	CU_ASSERT_PTR_NULL(weir_port_open(spec, NULL));
	CU_ASSERT_PTR_NULL(weir_port_open(path, pool));
	CU_ASSERT_EQUAL(weir_port_close(out), 0);
	end_pool(pool);
}

static void test_pcap_waits_for_a_dry_pool(void)
{
	struct weir_port *port;
	struct weir_port_stats stats;
	struct weir_mbuf *held[256], *mbufs[32];
	uint8_t next = 0;

	begin();
	write_capture(100, 600);
	CU_ASSERT_EQUAL(weir_mbuf_alloc_bulk(pool, held, 251), 0);
	port = open_port(path);
	while (weir_port_state(port) == WEIR_PORT_UP) { /* with 5 mbufs */
		uint32_t count = weir_port_rx(port, 0, mbufs, 32);

		CU_ASSERT_FATAL(count <= 5);
		for (uint32_t i = 0; i < count; i++)
			CU_ASSERT_EQUAL(*weir_mbuf_data(mbufs[i]), next++);
		weir_mbuf_free_bulk(mbufs, count);
	}
	CU_ASSERT_EQUAL(next, 100);
	weir_port_stats(port, &stats);
	CU_ASSERT_EQUAL(stats.rx_packets, 100);
	CU_ASSERT(stats.rx_no_mbuf >= 19);
	CU_ASSERT_EQUAL(weir_port_close(port), 0);
	weir_mbuf_free_bulk(held, 251);
	end_pool(pool);
}

/* A pipe that is open and empty says "not now"; what comes is received; its end is the end. */
static void test_pcap_does_not_wait_for_a_pipe(void)
{
	char fifo[] = "/tmp/weir-port-fifo-XXXXXX", bytes[4096];
	struct weir_mbuf *mbufs[32];
	struct weir_port *port;
	ssize_t size;
	int from, to;

	begin();
	write_capture(3, 60);
	from = open(path, O_RDONLY);
	size = read(from, bytes, sizeof(bytes));
	close(from);
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(fifo));
	rmdir(fifo);
	CU_ASSERT_EQUAL_FATAL(mkfifo(fifo, 0600), 0);
	to = open(fifo, O_RDWR);
	CU_ASSERT_EQUAL(write(to, bytes, 24), 24); /* the header of the file */
	port = open_port(fifo);
	CU_ASSERT_EQUAL(weir_port_rx(port, 0, mbufs, 32), 0);
	CU_ASSERT_EQUAL(weir_port_state(port), WEIR_PORT_UP);
	CU_ASSERT_EQUAL(write(to, bytes + 24, 100), 100); /* a packet and a part of the next */
	CU_ASSERT_EQUAL(weir_port_rx(port, 0, mbufs, 32), 1);
	CU_ASSERT_EQUAL(write(to, bytes + 124, (size_t)size - 124), size - 124);
	CU_ASSERT_EQUAL(weir_port_rx(port, 0, mbufs + 1, 31), 2);
	for (uint32_t i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(*weir_mbuf_data(mbufs[i]), i);
	weir_mbuf_free_bulk(mbufs, 3);
	CU_ASSERT_EQUAL(weir_port_rx(port, 0, mbufs, 32), 0);
	CU_ASSERT_EQUAL(weir_port_state(port), WEIR_PORT_UP);
	close(to);
	CU_ASSERT_EQUAL(weir_port_rx(port, 0, mbufs, 32), 0);
	CU_ASSERT_EQUAL(weir_port_state(port), WEIR_PORT_ENDED);
	CU_ASSERT_EQUAL(weir_port_close(port), 0);
	unlink(fifo);
	end_pool(pool);
}

/* A pipe that nobody reads takes some, and then no more; nothing waits, nothing is lost. */
static void test_pcap_does_not_wait_for_a_full_pipe(void)
{
	char fifo[] = "/tmp/weir-port-full-XXXXXX", spec[60];
	static uint8_t bytes[1 << 16];
	struct weir_mbuf *mbuf;
	struct weir_port *port;
	struct weir_port_stats stats;
	uint64_t sent = 0, read_bytes = 0;
	ssize_t got;
	int from;

	begin();
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(fifo));
	rmdir(fifo);
	CU_ASSERT_EQUAL_FATAL(mkfifo(fifo, 0600), 0);
	from = open(fifo, O_RDONLY | O_NONBLOCK);
	snprintf(spec, sizeof(spec), "pcap:tx=%s", fifo);
	port = open_port(spec);
	for (;; sent++) {
		mbuf = weir_mbuf_alloc(pool);
		memset(weir_mbuf_append(mbuf, 500), (int)(uint8_t)sent, 500);
		if (weir_port_tx(port, 0, &mbuf, 1) == 0)
			break;
	}
	CU_ASSERT(sent > 2000); /* the writer's buffer of 1 MiB, and the pipe's */
	CU_ASSERT_EQUAL(weir_port_state(port), WEIR_PORT_ENDED); /* of receiving: not failed */
	while ((got = read(from, bytes, sizeof(bytes))) > 0)
		read_bytes += (uint64_t)got;
	CU_ASSERT(read_bytes >= 4096); /* what the smallest pipe holds */
	CU_ASSERT_EQUAL(weir_port_tx(port, 0, &mbuf, 1), 1);
	weir_port_stats(port, &stats);
	CU_ASSERT_EQUAL(stats.tx_packets, sent + 1);
	close(from); /* and the reader goes */
	do {
		mbuf = weir_mbuf_alloc(pool);
		weir_mbuf_append(mbuf, 500);
	} while (weir_port_tx_or_drop(port, 0, &mbuf, 1) == 1);
	CU_ASSERT_EQUAL(weir_port_state(port), -EPIPE);
	CU_ASSERT_EQUAL(weir_port_close(port), -EPIPE);
	unlink(fifo);
	end_pool(pool);
}

static void test_pcap_says_when_a_packet_can_never_fit(void)
{
	char spec[100];
	struct weir_port *port;
	struct weir_mbuf *mbufs[32];

	begin();
	write_capture(1, 256 * 512 + 1);
	snprintf(spec, sizeof(spec), "pcap:rx=%s,preload=copy", path);
	port = open_port(spec);
	CU_ASSERT_EQUAL(weir_port_rx(port, 0, mbufs, 32), 0);
	CU_ASSERT_EQUAL(weir_port_state(port), -ENOBUFS);
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_port_error(port), "larger than all of pool 'test'"));
	CU_ASSERT_EQUAL(weir_port_close(port), 0);
	end_pool(pool);
}

static void test_pcap_loops(void)
{
	struct weir_port *port;
	struct weir_mbuf *mbufs[32];
	char spec[100];
	uint32_t total = 0;

	begin();
	write_capture(7, 60);
	snprintf(spec, sizeof(spec), "pcap:rx=%s,loop=10", path);
	port = open_port(spec);
	while (weir_port_state(port) == WEIR_PORT_UP) {
		uint32_t count = weir_port_rx(port, 0, mbufs, 32);

		for (uint32_t i = 0; i < count; i++)
			CU_ASSERT_EQUAL(*weir_mbuf_data(mbufs[i]), total++ % 7);
		weir_mbuf_free_bulk(mbufs, count);
	}
	CU_ASSERT_EQUAL(total, 70);
	CU_ASSERT_EQUAL(weir_port_close(port), 0);
	write_capture(0, 1); /* nothing to loop over must still end */
	snprintf(spec, sizeof(spec), "pcap:rx=%s,loop=0", path);
	port = open_port(spec);
	CU_ASSERT_EQUAL(weir_port_rx(port, 0, mbufs, 32), 0);
	CU_ASSERT_EQUAL(weir_port_state(port), WEIR_PORT_ENDED);
	CU_ASSERT_EQUAL(weir_port_close(port), 0);
	end_pool(pool);
}

static void test_pcap_rewinds(void)
{
	struct weir_port *port;
	struct weir_mbuf *mbufs[32];

	begin();
	write_capture(7, 60);
	port = open_port(path);
	for (uint32_t pass = 0; pass < 3; pass++) {
		CU_ASSERT_EQUAL_FATAL(weir_port_rx(port, 0, mbufs, 32), 7);
		CU_ASSERT_EQUAL(*weir_mbuf_data(mbufs[6]), 6);
		CU_ASSERT_EQUAL(mbufs[6]->port, 0);
		weir_mbuf_free_bulk(mbufs, 7);
		CU_ASSERT_EQUAL(weir_port_rx(port, 0, mbufs, 32), 0);
		CU_ASSERT_EQUAL(weir_port_state(port), WEIR_PORT_ENDED);
		CU_ASSERT_EQUAL(weir_port_rewind(port), 0);
		CU_ASSERT_EQUAL(weir_port_state(port), WEIR_PORT_UP);
	}
	CU_ASSERT_EQUAL(weir_port_close(port), 0);
	port = open_port("null:");
	CU_ASSERT_EQUAL(weir_port_rewind(port), -ENOTSUP);
	CU_ASSERT_EQUAL(weir_port_close(port), 0);
	end_pool(pool);
}

static void test_a_full_disk_is_an_error(void)
{
	struct weir_port *port;
	struct weir_mbuf *mbufs[32];

	begin();
	port = open_port("pcap:tx=/dev/full");
	CU_ASSERT_EQUAL(weir_port_state(port), WEIR_PORT_ENDED); /* nothing to receive */
	CU_ASSERT_EQUAL(weir_mbuf_alloc_bulk(pool, mbufs, 1), 0);
	weir_mbuf_append(mbufs[0], 100);
	CU_ASSERT_EQUAL(weir_port_tx_or_drop(port, 0, mbufs, 1), 1); /* into the buffer */
	CU_ASSERT_EQUAL(weir_port_close(port), -ENOSPC);
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), "/dev/full"));
	end_pool(pool);
}

static void test_bad_specs(void)
{
	static const struct {
		const char *spec, *words;
		int error;
	} table[] = {
		{"nosuch:x=1", "no driver 'nosuch'", ENODEV},
		{"", "no driver ''", ENODEV},
		{"null:size=0", "size=0 is not a number from 1 to 512", EINVAL},
		{"null:size=513", "size=513 is not a number", EINVAL},
		{"null:speed=1", "unknown key 'speed'", EINVAL},
		{"null:fast", "'fast' is not key=value", EINVAL},
		{"pair", "needs a name", EINVAL},
		{"pair:x,ring=0", "ring=0 is not", EINVAL},
		{"pcap:", "needs rx=FILE or tx=FILE", EINVAL},
		{"pcap:rx=/nonexistent/file", "/nonexistent/file", ENOENT},
		{"/nonexistent.pcap", "/nonexistent.pcap", ENOENT},
		{"pcap:rx=/tmp", "/tmp", EISDIR},
		{"pcap:tx=", "needs rx=FILE or tx=FILE", EINVAL},
		{"pcap:tx=/tmp/x.pcap,loop=2", "loop= is for rx=", EINVAL},
		{"pcap:tx=/tmp/x.pcap,format=csv", "format=csv", EINVAL},
		{"pcap:tx=/nonexistent/x.pcap", "/nonexistent/x.pcap", ENOENT},
	};

	begin();
	for (uint32_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		CU_ASSERT_PTR_NULL(weir_port_open(table[i].spec, pool));
		CU_ASSERT_EQUAL(errno, table[i].error);
		CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), table[i].words));
		if (!strstr(weir_last_error(), table[i].words))
			fprintf(stderr, "%s: %s\n", table[i].spec, weir_last_error());
	}
	CU_ASSERT_EQUAL(weir_port_close(NULL), 0);
	end_pool(pool);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"null", test_null},
		{"pair", test_pair},
		{"pcap keeps bytes, times and lengths", test_pcap_keeps_everything},
		{"pcap spares files that are open", test_pcap_spares_open_files},
		{"pcap waits for a dry pool", test_pcap_waits_for_a_dry_pool},
		{"pcap does not wait for a pipe", test_pcap_does_not_wait_for_a_pipe},
		{"pcap does not wait for a full pipe", test_pcap_does_not_wait_for_a_full_pipe},
		{"pcap says when a packet can never fit",
			test_pcap_says_when_a_packet_can_never_fit},
		{"pcap loops", test_pcap_loops},
		{"pcap rewinds", test_pcap_rewinds},
		{"a full disk is an error", test_a_full_disk_is_an_error},
		{"bad specs", test_bad_specs},
		CU_TEST_INFO_NULL,
	};
	int failed, fd = mkstemp(path);

	if (fd < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return 1;
	close(fd);
	failed = unit_run("port", tests);
	unlink(path);
	return failed;
}
