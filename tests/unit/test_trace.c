/* SPDX-License-Identifier: BSD-3-Clause */
/* test_trace.c: packets that stay where they were read: in the blocks of a port, and in a trace. */
#include "pool.h"
#include "unit.h"

#include "weir/capture.h"
#include "weir/chain.h"
#include "weir/clone.h"
#include "weir/port.h"
#include "weir/spread.h"
#include "weir/trace.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define POOL 1024

static char path[] = "/tmp/weir-trace-XXXXXX";
static struct weir_mempool *pool;

static void begin(void)
{
	pool = make_pool(POOL, 2048);
}

/* Byte at of packet number. */
static uint8_t pattern(uint32_t number, uint32_t at)
{
	return (uint8_t)(number * 31 + (number >> 8) + at * 7);
}

static bool is_packet(const struct weir_mbuf *mbuf, uint32_t number, uint32_t length)
{
	const uint8_t *data = weir_mbuf_data(mbuf);

	if (mbuf->length != length || mbuf->timestamp_ns != number * 1000ull)
		return false;
	for (uint32_t i = 0; i < mbuf->data_length; i += 13)
		if (data[i] != pattern(number, i))
			return false;
	return true;
}

static uint32_t length_of(uint32_t number, uint32_t most)
{
	return number % 5 == 0 ? most : number * 13 % most;
}

/* A capture of count packets of up to most bytes. */
static void write_capture(enum weir_capture_format format, uint32_t count, uint32_t most)
{
	struct weir_capture_writer *writer = weir_capture_create(path, format, 0);
	uint8_t *bytes = malloc(most);

	CU_ASSERT_PTR_NOT_NULL_FATAL(writer);
	for (uint32_t i = 0; i < count; i++) {
		struct iovec iov = {.iov_base = bytes, .iov_len = length_of(i, most)};
		const struct weir_capture_packet packet = {.timestamp_ns = i * 1000ull,
			.length = (uint32_t)iov.iov_len,
			.wire_length = (uint32_t)iov.iov_len + (i & 1),
			.link_type = WEIR_LINK_ETHERNET};

		for (uint32_t at = 0; at < packet.length; at++)
			bytes[at] = pattern(i, at);
		CU_ASSERT_EQUAL(weir_capture_write(writer, &packet, &iov, 1), 0);
	}
	CU_ASSERT_EQUAL(weir_capture_finish(writer), 0);
	free(bytes);
}

/* The mbuf is on a part of a block that is its own: what that means to who writes to it. */
static void check_part(struct weir_mbuf *mbuf, uint32_t headroom)
{
	CU_ASSERT_EQUAL(weir_mbuf_check(mbuf), 0);
	CU_ASSERT_TRUE(weir_mbuf_is_private(mbuf));
	CU_ASSERT_TRUE(weir_mbuf_is_writable(mbuf, 0, mbuf->length));
	CU_ASSERT_EQUAL(weir_mbuf_headroom(mbuf), headroom);
	CU_ASSERT_EQUAL(weir_mbuf_tailroom(mbuf), 0);
	CU_ASSERT_PTR_NULL(weir_mbuf_prepend(mbuf, headroom + 1));
	CU_ASSERT_PTR_NULL(weir_mbuf_append(mbuf, 1));
	CU_ASSERT_PTR_NOT_NULL_FATAL(weir_mbuf_prepend(mbuf, headroom));
	memset(weir_mbuf_data(mbuf), 0xee, headroom);
	CU_ASSERT_EQUAL(weir_mbuf_adj(mbuf, headroom), 0);
}

/* Receive all, writing into the headroom of each, and hold every 150th to the end: more blocks than
 * there are, so that the last ones are copies. */
static void hold_some(const char *spec, uint32_t count, uint32_t most, uint32_t headroom)
{
	struct weir_port *port = weir_port_open(spec, pool);
	struct weir_mbuf *held[POOL], *mbufs[32];
	uint32_t number = 0, hold = 0, got, parts = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(port);
	while (weir_port_state(port) == WEIR_PORT_UP) {
		got = weir_port_rx(port, 0, mbufs, 32);
		if (got == 0) /* with a thread */
			sched_yield();
		for (uint32_t i = 0; i < got; i++, number++) {
			CU_ASSERT_TRUE(is_packet(mbufs[i], number, length_of(number, most)));
			if (weir_ref_look(&mbufs[i]->state) & WEIR__MBUF_PART) {
				check_part(mbufs[i], headroom);
				parts++;
			}
			if (number % 150 != 0)
				weir_mbuf_free(mbufs[i]);
			else
				held[hold++] = mbufs[i];
		}
	}
	CU_ASSERT_EQUAL(weir_port_state(port), WEIR_PORT_ENDED);
	CU_ASSERT_EQUAL(number, count);
	CU_ASSERT_EQUAL(weir_port_close(port), 0);
	CU_ASSERT(parts > count / 2);
	for (uint32_t i = 0; i < hold; i++)
		CU_ASSERT_TRUE(is_packet(held[i], i * 150, length_of(i * 150, most)));
	weir_mbuf_free_bulk(held, hold);
}

static void test_packets_outlive_their_port(void)
{
	char spec[100];

	begin();
	write_capture(WEIR_CAPTURE_PCAP_NS, 40000, 3000);
	hold_some(path, 40000, 3000, 16);
	write_capture(WEIR_CAPTURE_PCAPNG, 8000, 3000);
	hold_some(path, 8000, 3000, 28);
	snprintf(spec, sizeof(spec), "pcap:rx=%s,reader=thread", path);
	hold_some(spec, 8000, 3000, 28); /* with fewer blocks kept than there are */
	/* each above what is moved from block to block */
	write_capture(WEIR_CAPTURE_PCAP_NS, 200, 250000);
	hold_some(path, 200, 250000, 16);
	end_pool(pool);
}

/* A clone, a slice and a chain of packets in a block, freed in any order. */
static void test_parts_are_shared_as_any(void)
{
	struct weir_port *port;
	struct weir_mbuf *mbufs[4], *clone, *slice;
	uint8_t bytes[100];

	begin();
	write_capture(WEIR_CAPTURE_PCAP_NS, 10, 100);
	port = weir_port_open(path, pool);
	CU_ASSERT_EQUAL_FATAL(weir_port_rx(port, 0, mbufs, 4), 4);
	CU_ASSERT_EQUAL(weir_port_close(port), 0);
	clone = weir_mbuf_clone(mbufs[0], pool);
	CU_ASSERT_FALSE(weir_mbuf_is_private(mbufs[0]));
	weir_mbuf_free(mbufs[0]);
	CU_ASSERT_TRUE(is_packet(clone, 0, 100));
	CU_ASSERT_EQUAL(weir_mbuf_check(clone), 0);
	slice = weir_mbuf_slice(clone, 10, 20, pool);
	CU_ASSERT_EQUAL(weir_mbuf_make_writable(&clone, 0, 100), 0);
	memset(weir_mbuf_data(clone), 0, 100);
	CU_ASSERT_EQUAL(*weir_mbuf_data(slice), pattern(0, 10));
	weir_mbuf_free(clone);
	weir_mbuf_freeze(mbufs[1]);
	CU_ASSERT_EQUAL(weir_mbuf_write(mbufs[1], 0, "x", 1), -EROFS);
	CU_ASSERT_EQUAL(weir_mbuf_concat(slice, mbufs[1]), 0);
	CU_ASSERT_EQUAL(weir_mbuf_concat(slice, mbufs[2]), 0);
	CU_ASSERT_EQUAL(weir_mbuf_check(slice), 0);
	CU_ASSERT_EQUAL(weir_mbuf_read(slice, 20, bytes, 13), 0);
	CU_ASSERT_EQUAL(bytes[12], pattern(1, 12));
	weir_mbuf_ref(mbufs[3], 1);
	weir_mbuf_free(mbufs[3]);
	CU_ASSERT_TRUE(is_packet(mbufs[3], 3, length_of(3, 100)));
	weir_mbuf_free(mbufs[3]);
	weir_mbuf_free(slice);
	end_pool(pool);
}

static bool is_mapped(const uint8_t *address)
{
	uintptr_t page = (uintptr_t)address & ~(uintptr_t)(sysconf(_SC_PAGESIZE) - 1);

	return msync((void *)page, 1, MS_ASYNC) == 0;
}

/* Packets of two traces in runs of 1, 2, ..., with others here and there, freed by one call: each
 * gives up its own trace, whose memory goes with the last of them. */
static void test_parts_of_two_blocks(void)
{
	struct weir_trace *traces[2];
	struct weir_mbuf *mbufs[64];
	const uint8_t *memory[2];
	uint32_t run = 1, got = 0;

	begin();
	write_capture(WEIR_CAPTURE_PCAP_NS, 100, 100);
	for (uint32_t i = 0; i < 2; i++) {
		traces[i] = weir_trace_open(path, NULL);
		CU_ASSERT_PTR_NOT_NULL_FATAL(traces[i]);
		memory[i] = weir_trace_data(traces[i], 0);
	}
	for (; got + run + 2 <= 64; run++) {
		CU_ASSERT_EQUAL_FATAL(
			weir_trace_attach(traces[run % 2], 0, mbufs + got, run, pool), run);
		got += run;
		if (run % 3 == 0)
			mbufs[got++] = weir_mbuf_alloc(pool);
		if (run % 4 == 0)
			mbufs[got++] = weir_mbuf_clone(mbufs[0], pool);
	}
	weir_trace_close(traces[0]);
	weir_trace_close(traces[1]);
	weir_mbuf_free_bulk(mbufs + 1, got - 1);
	CU_ASSERT_TRUE(is_mapped(memory[1]));
	CU_ASSERT_FALSE(is_mapped(memory[0]));
	weir_mbuf_free(mbufs[0]);
	CU_ASSERT_FALSE(is_mapped(memory[1]));
	CU_ASSERT_EQUAL_FATAL(weir_mbuf_alloc_bulk(pool, mbufs, 64), 0);
	for (uint32_t i = 0; i < 64; i++)
		CU_ASSERT_EQUAL(weir_mbuf_check(mbufs[i]), 0);
	weir_mbuf_free_bulk(mbufs, 64);
	end_pool(pool);
}

/* Read-only on the memory of the trace, which outlives it. */
static void check_attached(struct weir_trace *trace, uint32_t count, uint32_t most)
{
	struct weir_mbuf *mbufs[64], *again;
	uint32_t number = 0, got;

	while ((got = weir_trace_attach(trace, number, mbufs, 64, pool)) > 0) {
		for (uint32_t i = 0; i < got; i++, number++) {
			CU_ASSERT_TRUE(is_packet(mbufs[i], number, length_of(number, most)));
			CU_ASSERT_EQUAL(weir_mbuf_wire_length(mbufs[i]),
				length_of(number, most) + (number & 1));
		}
		CU_ASSERT_EQUAL(weir_mbuf_headroom(mbufs[0]) + weir_mbuf_tailroom(mbufs[0]), 0);
		CU_ASSERT_EQUAL(weir_mbuf_check(mbufs[0]), 0);
		weir_mbuf_free_bulk(mbufs, got);
	}
	CU_ASSERT_EQUAL(number, count);
	CU_ASSERT_EQUAL(weir_trace_attach(trace, 0, mbufs, 1, pool), 1);
	CU_ASSERT_EQUAL(weir_mbuf_write(mbufs[0], 0, "x", 1), -EROFS);
	CU_ASSERT_EQUAL(weir_mbuf_make_writable(&mbufs[0], 0, 1), 0);
	*weir_mbuf_data(mbufs[0]) ^= 0xff;
	CU_ASSERT_EQUAL(weir_trace_attach(trace, 0, &again, 1, pool), 1);
	CU_ASSERT_TRUE(is_packet(again, 0, most));
	weir_mbuf_free(mbufs[0]);
	weir_trace_close(trace);
	CU_ASSERT_TRUE(is_packet(again, 0, most));
	weir_mbuf_free(again);
}

static void test_trace_attach(void)
{
	struct weir_trace *trace;

	begin();
	write_capture(WEIR_CAPTURE_PCAPNG, 5000, 3000);
	trace = weir_trace_open(path, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(trace);
	CU_ASSERT_EQUAL(weir_trace_count(trace), 5000);
	CU_ASSERT_EQUAL(weir_trace_error(trace), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_trace_describe(trace), "pcapng"));
	check_attached(trace, 5000, 3000);
	end_pool(pool);
}

/* The same where the file is mapped. */
static void test_trace_map(void)
{
	const struct weir_trace_conf conf = {.map = true};
	struct weir_trace *trace;

	begin();
	write_capture(WEIR_CAPTURE_PCAPNG, 5000, 3000);
	trace = weir_trace_open(path, &conf);
	CU_ASSERT_PTR_NOT_NULL_FATAL(trace);
	CU_ASSERT_EQUAL(weir_trace_count(trace), 5000);
	CU_ASSERT_EQUAL(weir_trace_error(trace), 0);
	CU_ASSERT_PTR_NULL(weir_capture_create(path, WEIR_CAPTURE_PCAP_NS, 0));
	CU_ASSERT_EQUAL(errno, EBUSY);
	check_attached(trace, 5000, 3000);
	end_pool(pool);
}

/* A mapped file becomes shorter: what is there comes, what is gone does not, what was given out and
 * is gone reads as zeros; and the port says what happened. */
static void test_trace_map_shortened(void)
{
	struct weir_mbuf *mbufs[32], *last;
	struct weir_trace_conf conf = {.map = true};
	struct weir_trace *trace;
	struct weir_port *port;
	uint32_t number = 0, got;
	char spec[100];

	begin();
	write_capture(WEIR_CAPTURE_PCAP_NS, 1000, 3000);
	trace = weir_trace_open(path, &conf);
	snprintf(spec, sizeof(spec), "pcap:rx=%s,mmap=1", path);
	port = weir_port_open(spec, pool);
	CU_ASSERT_PTR_NOT_NULL_FATAL(port);
	CU_ASSERT_EQUAL(weir_trace_attach(trace, 999, &last, 1, pool), 1);
	CU_ASSERT_EQUAL(truncate(path, (off_t)weir_trace_packets(trace)[500].offset + 1), 0);
	while ((got = weir_port_rx(port, 0, mbufs, 32)) > 0) {
		for (uint32_t i = 0; i < got; i++, number++)
			CU_ASSERT_TRUE(is_packet(mbufs[i], number, length_of(number, 3000)));
		weir_mbuf_free_bulk(mbufs, got);
	}
	CU_ASSERT_EQUAL(number, 500);
	CU_ASSERT_EQUAL(weir_port_state(port), -EBADMSG);
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_port_error(port), "the last 500 are gone"));
	CU_ASSERT_EQUAL(weir_port_close(port), 0);
	CU_ASSERT_EQUAL(*weir_mbuf_data(last), 0);
	weir_mbuf_free(last);
	CU_ASSERT_EQUAL(weir_trace_attach(trace, 499, mbufs, 32, pool), 1);
	weir_mbuf_free(mbufs[0]);
	CU_ASSERT_EQUAL(weir_trace_error(trace), -EBADMSG);
	weir_trace_close(trace);
	end_pool(pool);
}

/* The latest used traces are kept; a file that was written anew is another one. */
static void test_trace_cache(void)
{
	struct weir_trace_cache *cache;
	struct weir_trace_cache_stats stats;
	struct weir_trace *first, *second;
	struct weir_mbuf *mbuf;
	char other[] = "/tmp/weir-trace-other-XXXXXX";
	int fd = mkstemp(other);

	begin();
	write_capture(WEIR_CAPTURE_PCAP_NS, 10, 100);
	cache = weir_trace_cache_create(NULL, 1); /* only what is in use */
	first = weir_trace_cache_get(cache, path);
	CU_ASSERT_PTR_NOT_NULL_FATAL(first);
	CU_ASSERT_PTR_EQUAL(weir_trace_cache_get(cache, path), first);
	weir_trace_cache_put(cache, first);
	CU_ASSERT_PTR_EQUAL(weir_trace_cache_get(cache, path), first);
	CU_ASSERT_EQUAL(weir_trace_attach(first, 0, &mbuf, 1, pool), 1);
	weir_trace_cache_put(cache, first);
	weir_trace_cache_put(cache, first); /* and it is gone */
	weir_trace_cache_stats(cache, &stats);
	CU_ASSERT(stats.hits == 2 && stats.misses == 1 && stats.evictions == 1);
	CU_ASSERT(stats.bytes == 0 && stats.traces == 0);
	CU_ASSERT_TRUE(is_packet(mbuf, 0, 100));
	weir_mbuf_free(mbuf);
	weir_trace_cache_destroy(cache);

	cache = weir_trace_cache_create(NULL, 1 << 20);
	first = weir_trace_cache_get(cache, path);
	weir_trace_cache_put(cache, first);
	CU_ASSERT_EQUAL(truncate(path, 24), 0); /* with the header alone */
	second = weir_trace_cache_get(cache, path);
	CU_ASSERT_EQUAL(weir_trace_count(second), 0);
	weir_trace_cache_put(cache, second);
	CU_ASSERT_PTR_NULL(weir_trace_cache_get(cache, other)); /* empty: no capture */
	CU_ASSERT_EQUAL(errno, EBADMSG);
	weir_trace_cache_stats(cache, &stats);
	CU_ASSERT(stats.hits == 0 && stats.misses == 3 && stats.traces == 1);
	weir_trace_cache_destroy(cache);
	close(fd);
	unlink(other);
	end_pool(pool);
}

/* Ports that share a cache share what it keeps, as long as the file is the same one. */
static void test_trace_cached_ports(void)
{
	struct weir_trace_cache *cache = weir_trace_cache_create(NULL, 1 << 20);
	struct weir_trace_cache_stats stats;
	struct weir_port *ports[2];
	struct weir_mbuf *mbufs[2];

	begin();
	write_capture(WEIR_CAPTURE_PCAP_NS, 10, 100);
	for (uint32_t i = 0; i < 2; i++) {
		ports[i] = weir_port_open_cached(path, pool, cache);
		CU_ASSERT_PTR_NOT_NULL_FATAL(ports[i]);
		CU_ASSERT_EQUAL(weir_port_rx(ports[i], 0, &mbufs[i], 1), 1);
	}
	CU_ASSERT_PTR_EQUAL(weir_mbuf_data(mbufs[0]), weir_mbuf_data(mbufs[1]));
	weir_mbuf_free_bulk(mbufs, 2);
	weir_port_close(ports[1]);
	CU_ASSERT_EQUAL(unlink(path), 0);
	write_capture(WEIR_CAPTURE_PCAP_NS, 1, 200);
	ports[1] = weir_port_open_cached(path, pool, cache);
	CU_ASSERT_EQUAL(weir_port_rx(ports[1], 0, mbufs, 2), 1);
	CU_ASSERT_TRUE(is_packet(mbufs[0], 0, 200));
	weir_port_close(ports[1]);
	CU_ASSERT_EQUAL(weir_port_rewind(ports[0]), 0);
	CU_ASSERT_EQUAL(weir_port_rx(ports[0], 0, &mbufs[1], 1), 1);
	CU_ASSERT_TRUE(is_packet(mbufs[1], 0, 100)); /* the old one, while it is open */
	weir_port_close(ports[0]);
	weir_trace_cache_stats(cache, &stats);
	CU_ASSERT(stats.hits == 1 && stats.misses == 2 && stats.evictions == 0);
	weir_trace_cache_destroy(cache);
	weir_mbuf_free_bulk(mbufs, 2);
	end_pool(pool);
}

/* Files that are mapped are open: a cache leaves some to others. */
static void test_trace_cache_of_few_files(void)
{
	struct weir_trace_cache_stats stats;
	struct weir_trace_cache *cache;
	char names[16][sizeof(path) + 8];
	struct rlimit before, few;

	write_capture(WEIR_CAPTURE_PCAP_NS, 10, 100);
	getrlimit(RLIMIT_NOFILE, &before);
	few = (struct rlimit){.rlim_cur = 16, .rlim_max = before.rlim_max};
	CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &few), 0);
	cache = weir_trace_cache_create(NULL, 1 << 20);
	setrlimit(RLIMIT_NOFILE, &before);
	for (uint32_t i = 0; i < 16; i++) {
		snprintf(names[i], sizeof(names[i]), "%s.%u", path, i);
		CU_ASSERT_EQUAL(link(path, names[i]), 0);
		weir_trace_cache_put(cache, weir_trace_cache_get(cache, names[i]));
		unlink(names[i]);
	}
	weir_trace_cache_stats(cache, &stats);
	CU_ASSERT(stats.traces == 8 && stats.evictions == 8);
	weir_trace_cache_destroy(cache);
}

/* Copies are private, in segments where they are long; a dry pool gives what it has. */
static void test_trace_copy(void)
{
	struct weir_mbuf *mbufs[64], *held[POOL];
	struct weir_trace *trace;
	uint32_t number = 0, got;

	begin();
	write_capture(WEIR_CAPTURE_PCAP_NS, 1000, 5000);
	trace = weir_trace_open(path, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(trace);
	while ((got = weir_trace_copy(trace, number, mbufs, 64, pool)) > 0) {
		for (uint32_t i = 0; i < got; i++, number++) {
			CU_ASSERT_TRUE(is_packet(mbufs[i], number, length_of(number, 5000)));
			CU_ASSERT_EQUAL(weir_mbuf_check(mbufs[i]), 0);
			CU_ASSERT_TRUE(weir_mbuf_is_private(mbufs[i]));
		}
		weir_mbuf_free_bulk(mbufs, got);
	}
	CU_ASSERT_EQUAL(number, 1000);
	CU_ASSERT_EQUAL(weir_mbuf_alloc_bulk(pool, held, POOL - 4), 0);
	got = weir_trace_copy(trace, 1, mbufs, 64, pool); /* packet 5 takes 3 mbufs */
	CU_ASSERT_EQUAL(got, 4);
	weir_mbuf_free_bulk(mbufs, got);
	weir_mbuf_free_bulk(held, POOL - 4);
	weir_trace_close(trace);
	end_pool(pool);
}

/* A file that is cut is a trace of what is whole; a port in a loop says so after the first pass. */
static void test_trace_of_a_damaged_file(void)
{
	struct weir_trace *trace;
	struct weir_port *port;
	struct weir_mbuf *mbufs[32];
	struct stat status;
	char spec[100];

	begin();
	write_capture(WEIR_CAPTURE_PCAP_NS, 10, 100);
	stat(path, &status);
	CU_ASSERT_EQUAL(truncate(path, status.st_size - 1), 0);
	trace = weir_trace_open(path, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(trace);
	CU_ASSERT_EQUAL(weir_trace_count(trace), 9);
	CU_ASSERT_EQUAL(weir_trace_error(trace), -EBADMSG);
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), "the file ends inside"));
	weir_trace_close(trace);
	snprintf(spec, sizeof(spec), "pcap:rx=%s,loop=2,preload=attach", path);
	port = weir_port_open(spec, pool);
	CU_ASSERT_EQUAL(weir_port_rx(port, 0, mbufs, 32), 9);
	weir_mbuf_free_bulk(mbufs, 9);
	CU_ASSERT_EQUAL(weir_port_rx(port, 0, mbufs, 32), 0);
	CU_ASSERT_EQUAL(weir_port_state(port), -EBADMSG);
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_port_error(port), "the file ends inside"));
	CU_ASSERT_EQUAL(weir_port_close(port), 0);
	end_pool(pool);
}

static void test_trace_limits(void)
{
	const struct weir_trace_conf conf = {.max_bytes = 1};
	struct weir_trace *trace;

	begin();
	CU_ASSERT_PTR_NULL(weir_trace_open("/nonexistent.pcap", NULL));
	CU_ASSERT_EQUAL(errno, ENOENT);
	write_capture(WEIR_CAPTURE_PCAP_NS, 10000, 3000); /* above the least, 16 MiB */
	CU_ASSERT_PTR_NULL(weir_trace_open(path, &conf));
	CU_ASSERT_EQUAL(errno, EFBIG);
	write_capture(WEIR_CAPTURE_PCAP_NS, 0, 100);
	trace = weir_trace_open(path, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(trace);
	CU_ASSERT_EQUAL(weir_trace_count(trace), 0);
	CU_ASSERT_EQUAL(weir_trace_attach(trace, 0, NULL, 1, pool), 0);
	weir_trace_close(trace);
	end_pool(pool);
}

/* The hash of the index is that of the packets. */
static void test_trace_hash(void)
{
	struct weir_trace *trace;
	struct weir_mbuf *mbufs[2];
	struct weir_capture_writer *writer = weir_capture_create(path, WEIR_CAPTURE_PCAP_NS, 0);
	uint8_t packet[2][42] = {{[12] = 8,
		[14] = 0x45,
		[17] = 28,
		[22] = 64,
		[23] = 17,
		[26] = 10,
		[29] = 1,
		[30] = 10,
		[33] = 2,
		[35] = 7,
		[37] = 9,
		[39] = 8}};
	const struct weir_capture_packet what = {
		.length = 42, .wire_length = 42, .link_type = WEIR_LINK_ETHERNET};

	begin();
	memcpy(packet[1], packet[0], 42);
	packet[1][29] = 2, packet[1][33] = 1, packet[1][35] = 9, packet[1][37] = 7;
	for (uint32_t i = 0; i < 2; i++) {
		const struct iovec iov = {.iov_base = packet[i], .iov_len = 42};

		CU_ASSERT_EQUAL(weir_capture_write(writer, &what, &iov, 1), 0);
	}
	CU_ASSERT_EQUAL(weir_capture_finish(writer), 0);
	trace = weir_trace_open(path, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(trace);
	weir_trace_hash(trace);
	CU_ASSERT_NOT_EQUAL(weir_trace_packets(trace)[0].hash, 0);
	CU_ASSERT_EQUAL(weir_trace_packets(trace)[0].hash, weir_trace_packets(trace)[1].hash);
	CU_ASSERT_EQUAL(weir_trace_attach(trace, 0, mbufs, 2, pool), 2);
	CU_ASSERT(mbufs[0]->flags & WEIR_MBUF_HASH);
	mbufs[1]->flags &= ~WEIR_MBUF_HASH;
	weir_spread_hash(&mbufs[1], 1);
	CU_ASSERT_EQUAL(mbufs[0]->hash, mbufs[1]->hash);
	weir_mbuf_free_bulk(mbufs, 2);
	weir_trace_close(trace);
	end_pool(pool);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"packets outlive their port", test_packets_outlive_their_port},
		{"parts are shared as any", test_parts_are_shared_as_any},
		{"parts of two blocks", test_parts_of_two_blocks},
		{"trace: attach", test_trace_attach},
		{"trace: map", test_trace_map},
		{"trace: a mapped file becomes shorter", test_trace_map_shortened},
		{"trace: cache", test_trace_cache},
		{"trace: ports with a cache", test_trace_cached_ports},
		{"trace: cache of few files", test_trace_cache_of_few_files},
		{"trace: copy", test_trace_copy},
		{"trace: a damaged file", test_trace_of_a_damaged_file},
		{"trace: limits", test_trace_limits},
		{"trace: hash", test_trace_hash},
		CU_TEST_INFO_NULL,
	};
	int failed, fd = mkstemp(path);

	if (fd < 0)
		return 1;
	close(fd);
	failed = unit_run("trace", tests);
	unlink(path);
	return failed;
}
