/* SPDX-License-Identifier: BSD-3-Clause */
/* net_af_packet.c: packet sockets at both ends of a pair of interfaces: what one sends the other
 * receives, byte by byte, by either version of the ring. */
#include "pool_ports.h"
#include "veth.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BURST 32

static void close_ports(struct weir_port *a, struct weir_port *b)
{
	CU_ASSERT_EQUAL(weir_port_close(a), 0);
	CU_ASSERT_EQUAL(weir_port_close(b), 0);
	CU_ASSERT_EQUAL(weir_mempool_in_use(pool), 0);
}

static struct weir_port_stats stats_of(const struct weir_port *port)
{
	struct weir_port_stats stats;

	weir_port_stats(port, &stats);
	return stats;
}

/* Ethernet for experiments (IEEE 802, 0x88b5), its number in it and bytes that follow from it. */
static struct weir_mbuf *make(uint32_t number, uint32_t length, uint16_t tag)
{
	static uint8_t bytes[65536];
	uint8_t *at = bytes + 12;

	memcpy(bytes, "\x02\0\0\0\0\x0b\x02\0\0\0\0\x0a", 12);
	if (tag) {
		memcpy(at, (uint8_t[]){0x81, 0, (uint8_t)(tag >> 8), (uint8_t)tag}, 4);
		at += 4;
	}
	memcpy(at, (uint8_t[]){0x88, 0xb5, (uint8_t)(number >> 8), (uint8_t)number}, 4);
	for (at += 4; at < bytes + length; at++)
		*at = (uint8_t)(number * 31 + (uint32_t)(at - bytes));
	return weir_mbuf_from_bytes(pool, bytes, length);
}

static uint32_t send_some(struct weir_port *port, uint32_t count, uint32_t length)
{
	uint32_t sent = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct weir_mbuf *mbuf = make(i, length, 0);

		CU_ASSERT_PTR_NOT_NULL_FATAL(mbuf);
		sent += weir_port_tx_or_drop(port, 0, &mbuf, 1);
	}
	return sent;
}

/* Packets until count have come and then none for a while: the others may be late. */
static uint32_t receive_all(struct weir_port *port, uint32_t queue, uint32_t count)
{
	struct weir_mbuf *mbufs[BURST];
	uint32_t sum = 0, idle = 0;

	while (idle < (sum < count ? 2000 : 10)) {
		uint32_t got = weir_port_rx(port, queue, mbufs, BURST);

		weir_mbuf_free_bulk(mbufs, got);
		sum += got;
		idle = got ? 0 : idle + 1;
		if (got == 0)
			usleep(5000);
	}
	return sum;
}

static struct weir_mbuf *receive_one(struct weir_port *port)
{
	struct weir_mbuf *mbuf = NULL;

	for (uint32_t i = 0; i < 500 && weir_port_rx(port, 0, &mbuf, 1) == 0; i++)
		weir_port_wait(&port, 1, 20);
	return mbuf;
}

/* Every length that an interface takes, with a tag and without, into mbufs shorter than it. */
static void same_bytes(const char *from, const char *to)
{
	struct weir_port *a = open_port(from), *b = open_port(to);
	uint64_t now = (uint64_t)time(NULL) * UINT64_C(1000000000), wrong = 0;

	for (uint32_t length = 18; length <= 1514; length += 37) {
		for (uint16_t tag = 0; tag < 2; tag++) {
			struct weir_mbuf *sent = make(length, length + 4u * tag, tag * 5);
			struct weir_mbuf *copy = weir_mbuf_copy(sent, pool), *got;

			CU_ASSERT_EQUAL(weir_port_tx_or_drop(a, 0, &sent, 1), 1);
			got = receive_one(b);
			CU_ASSERT_PTR_NOT_NULL_FATAL(got);
			wrong += weir_mbuf_compare(got, copy) != 0 || weir_mbuf_check(got) != 0 ||
				 !(got->flags & WEIR_MBUF_TIMESTAMP) ||
				 got->timestamp_ns < now - UINT64_C(2000000000);
			weir_mbuf_free(got);
			weir_mbuf_free(copy);
		}
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(receive_all(a, 0, 0), 0); /* what it sent itself */
	close_ports(a, b);
}

static void test_version_2(void)
{
	same_bytes("af_packet:va", "af_packet:vb");
	same_bytes("af_packet:va,bypass=1", "af_packet:vb,ring=65536");
}

static void test_version_3(void)
{
	same_bytes("af_packet:va", "af_packet:vb,version=3");
	same_bytes("af_packet:va", "af_packet:vb,version=3,block=65536,ring=131072");
}

/* The kernel drops what does not fit the ring, and says how many. */
static void full_ring(const char *spec)
{
	struct weir_port *a = open_port("af_packet:va"), *b = open_port(spec);
	struct weir_port_stats stats;
	uint32_t sent = send_some(a, 2000, 1000), got;

	stats = stats_of(b);
	got = receive_all(b, 0, sent - (uint32_t)stats.dropped[WEIR_DROP_RX_KERNEL]);
	stats = stats_of(b);
	CU_ASSERT_EQUAL(sent, 2000);
	CU_ASSERT(got > 0 && got < sent);
	CU_ASSERT_EQUAL(got + stats.dropped[WEIR_DROP_RX_KERNEL], sent);
	CU_ASSERT_EQUAL(stats_of(b).dropped[WEIR_DROP_RX_KERNEL], sent - got); /* and again */
	CU_ASSERT_EQUAL(stats.rx_packets, got);
	close_ports(a, b);
}

static void test_full_ring(void)
{
	full_ring("af_packet:vb,ring=131072");
	full_ring("af_packet:vb,ring=131072,version=3,block=65536");
}

/* Without mbufs packets stay in the ring. */
static void test_dry_pool(void)
{
	struct weir_port *a = open_port("af_packet:va"), *b = open_port("af_packet:vb");
	struct weir_mbuf *held[1024], *mbufs[BURST];
	uint32_t count = 0;

	CU_ASSERT_EQUAL(send_some(a, 100, 600), 100); /* three mbufs each */
	while (count < 1024 && (held[count] = weir_mbuf_alloc(pool)))
		count++;
	CU_ASSERT_EQUAL(weir_port_wait(&b, 1, 10000), 1);
	CU_ASSERT_EQUAL(weir_port_rx(b, 0, mbufs, BURST), 0);
	CU_ASSERT(stats_of(b).rx_no_mbuf > 0);
	weir_mbuf_free(held[--count]);
	CU_ASSERT_EQUAL(weir_port_rx(b, 0, mbufs, BURST), 0); /* one is not enough */
	weir_mbuf_free_bulk(held, count);
	CU_ASSERT_EQUAL(receive_all(b, 0, 100), 100);
	close_ports(a, b);
}

static void test_filter(void)
{
	struct weir_port *a = open_port("af_packet:va");
	struct weir_port *b = open_port("af_packet:vb,filter=\"ether[14:2] = 7 or vlan 12\"");
	struct weir_mbuf *mbuf;

	CU_ASSERT_EQUAL(send_some(a, 20, 100), 20);
	CU_ASSERT_EQUAL(receive_all(b, 0, 1), 1);
	CU_ASSERT_EQUAL(stats_of(b).dropped[WEIR_DROP_RX_FILTERED], 0); /* the kernel did */
	for (uint16_t tag = 10; tag < 15; tag++) {
		mbuf = make(1, 100, tag);
		weir_port_tx_or_drop(a, 0, &mbuf, 1);
	}
	CU_ASSERT_EQUAL(receive_all(b, 0, 1), 1);
	CU_ASSERT_EQUAL(stats_of(b).dropped[WEIR_DROP_RX_FILTERED], 4);
	CU_ASSERT_EQUAL(stats_of(b).rx_packets, 2);
	close_ports(a, b);
}

static void test_queues(void)
{
	struct weir_port *a = open_port("af_packet:va"), *b, *c;
	uint32_t first, second;

	b = open_port("af_packet:vb,queues=2,mode=lb");
	CU_ASSERT_EQUAL(weir_port_queues(b), 2);
	CU_ASSERT_EQUAL(send_some(a, 100, 100), 100);
	first = receive_all(b, 0, 50);
	second = receive_all(b, 1, 50);
	CU_ASSERT_EQUAL(first, 50);
	CU_ASSERT_EQUAL(second, 50);
	weir_port_close(b);
	/* two ports of one group */
	b = open_port("af_packet:vb,fanout=77,mode=lb");
	c = open_port("af_packet:vb,fanout=77,mode=lb");
	CU_ASSERT_EQUAL(send_some(a, 100, 100), 100);
	first = receive_all(b, 0, 50);
	second = receive_all(c, 0, 50);
	CU_ASSERT_EQUAL(first + second, 100);
	CU_ASSERT(first > 0 && second > 0);
	weir_port_close(c);
	close_ports(a, b);
}

static void test_link_and_bad_sends(void)
{
	struct weir_port *a = open_port("af_packet:va"), *b = open_port("af_packet:vb");
	struct weir_port_link link;
	struct weir_mbuf *mbuf;

	CU_ASSERT_EQUAL(weir_port_link(a, &link), 0);
	CU_ASSERT(link.up && !link.gone && link.mtu == 1500 && strcmp(link.name, "va") == 0);
	CU_ASSERT_EQUAL(link.ifindex, if_nametoindex("va"));
	send_some(a, 3, 1515); /* taken, and dropped */
	CU_ASSERT_EQUAL(stats_of(a).dropped[WEIR_DROP_TX_TOO_LONG], 3);
	mbuf = weir_mbuf_from_bytes(pool, "short", 5);
	CU_ASSERT_EQUAL(weir_port_tx(a, 0, &mbuf, 1), 1);
	CU_ASSERT_EQUAL(stats_of(a).dropped[WEIR_DROP_TX_UNFIT], 1);
	CU_ASSERT_EQUAL(run("ip link set va down"), 0);
	CU_ASSERT_EQUAL(send_some(a, 2, 100), 0);
	CU_ASSERT_EQUAL(stats_of(a).dropped[WEIR_DROP_TX_DOWN], 2);
	CU_ASSERT_EQUAL(weir_port_link(a, &link), 0);
	CU_ASSERT(!link.up);
	CU_ASSERT_EQUAL(run("ip link set va up"), 0);
	CU_ASSERT_EQUAL(send_some(a, 2, 100), 2);
	CU_ASSERT_EQUAL(receive_all(b, 0, 2), 2);
	close_ports(a, b);
}

/* An interface that has been down wakes who waits for it, and then lets him sleep. */
static void test_waiting(void)
{
	struct weir_port *a = open_port("af_packet:va"), *b = open_port("af_packet:vb");
	struct weir_mbuf *mbuf;
	uint32_t woken = 0;

	CU_ASSERT_EQUAL(weir_port_wait(&b, 1, 20), 0);
	CU_ASSERT_EQUAL(run("ip link set vb down && ip link set vb up"), 0);
	CU_ASSERT_EQUAL(run(UNTIL("ip link show va | grep -q 'state UP'")), 0);
	/* a packet socket is told of each, and the watch as often */
	while (woken < 100 && weir_port_wait(&b, 1, 100) == 1) {
		CU_ASSERT_EQUAL(weir_port_rx(b, 0, &mbuf, 1), 0);
		woken++;
	}
	CU_ASSERT(woken < 100);
	CU_ASSERT_EQUAL(send_some(a, 1, 100), 1);
	CU_ASSERT_EQUAL(weir_port_wait(&b, 1, 10000), 1);
	CU_ASSERT_EQUAL(receive_all(b, 0, 1), 1);
	close_ports(a, b);
}

static void test_bad_specs(void)
{
	static const struct {
		const char *spec, *words;
		int error;
	} table[] = {
		{"af_packet", "needs an interface", EINVAL},
		{"af_packet:nosuch0", "no interface nosuch0", ENODEV},
		{"af_packet:a-name-that-is-too-long", "no name of an interface", ENODEV},
		{"af_packet:va,version=1", "version=1 is not", EINVAL},
		{"af_packet:va,mode=any", "mode=any", EINVAL},
		{"af_packet:va,block=5000", "not a power of two", EINVAL},
		{"af_packet:va,frame=1000", "not a multiple of 16", EINVAL},
		{"af_packet:va,speed=1", "unknown key 'speed'", EINVAL},
		{"af_packet:va,filter=tcp porl", "tcp porl", EINVAL},
	};

	for (uint32_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		CU_ASSERT_PTR_NULL(weir_port_open(table[i].spec, pool));
		CU_ASSERT_EQUAL(errno, table[i].error);
		if (!strstr(weir_last_error(), table[i].words))
			CU_FAIL(weir_last_error());
	}
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"version 2", test_version_2},
		{"version 3", test_version_3},
		{"a full ring", test_full_ring},
		{"a dry pool", test_dry_pool},
		{"filter", test_filter},
		{"queues and groups", test_queues},
		{"link, and what cannot be sent", test_link_and_bad_sends},
		{"waiting", test_waiting},
		{"bad specs", test_bad_specs},
		CU_TEST_INFO_NULL,
	};
	struct weir_mbuf_pool_conf conf = {
		.name = "af_packet", .count = 1024, .size = 256, .pages = WEIR_PAGES_4K};
	int failed;

	veth_enter();
	pool = weir_mbuf_pool_create(&conf);
	if (!pool || veth_make(1))
		return 1;
	failed = unit_run("af_packet", tests);
	weir_mempool_destroy(pool);
	return failed;
}
