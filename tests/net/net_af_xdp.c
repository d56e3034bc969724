/* SPDX-License-Identifier: BSD-3-Clause */
/* net_af_xdp.c: af_xdp between the two ends of a veth: what is sent arrives, whatever mbufs it is
 * made of and by whatever queue. */
#include "xdp_ports.h"

/* ---- all that is sent arrives ---- */

static void exchange(const char *keys)
{
	struct weir_mbuf *mbufs[BURST];
	char spec[64];
	struct weir_port *a, *b;
	struct weir_port_stats stats;
	uint32_t number = 0;

	snprintf(spec, sizeof(spec), "af_xdp:va,%s", keys);
	a = open_port(spec);
	snprintf(spec, sizeof(spec), "af_xdp:vb,%s", keys);
	b = open_port(spec);
	while (number < 6000) {
		for (uint32_t i = 0; i < BURST; i++)
			mbufs[i] = make_packet(pools[0], number + i, 60 + (number + i) % 1455);
		CU_ASSERT_EQUAL_FATAL(weir_port_tx(a, 0, mbufs, BURST), BURST);
		CU_ASSERT_EQUAL_FATAL(receive(b, 0, mbufs, BURST), BURST);
		for (uint32_t i = 0; i < BURST; i++, number++)
			CU_ASSERT_TRUE(is_packet(mbufs[i], number, 60 + number % 1455));
		weir_mbuf_free_bulk(mbufs, BURST);
	}
	weir_port_stats(a, &stats);
	CU_ASSERT_EQUAL(stats.tx_packets, number);
	weir_port_stats(b, &stats);
	CU_ASSERT_EQUAL(stats.rx_packets, number);
	for (uint32_t i = 0; i < WEIR_DROP_COUNT; i++)
		CU_ASSERT_EQUAL(stats.dropped[i], 0);
	close_ports(a, b);
}

static void test_exchange(void)
{
	exchange("mode=native");
	exchange("mode=generic");
	exchange("busy_poll=20,budget=8");
}

static uint8_t outside[2000];
static uint32_t released;

static void release(struct weir_external *external)
{
	(void)external;
	released++;
}

/* Mbufs that are not plain ones of the port's pool. */
static void send_kinds(struct weir_port *a, struct weir_port *b)
{
	struct weir_mbuf *packet, *other;
	struct weir_external external;

	packet = make_packet(pools[0], 1, 1000); /* held by two, sent twice */
	weir_mbuf_ref(packet, 1);
	send_one(a, 0, packet);
	send_one(a, 0, packet);
	expect(b, 0, 1, 1000);
	expect(b, 0, 1, 1000);

	packet = make_packet(pools[0], 2, 300); /* a clone, and then what it was made of */
	send_one(a, 0, weir_mbuf_clone(packet, pools[1]));
	send_one(a, 0, weir_mbuf_clone(packet, pools[0]));
	send_one(a, 0, packet);
	for (uint32_t i = 0; i < 3; i++)
		expect(b, 0, 2, 300);

	packet = make_packet(pools[1], 3, 700); /* of another pool */
	send_one(a, 0, packet);
	expect(b, 0, 3, 700);

	packet = make_packet(pools[0], 4, 5 * 60); /* five pieces, from both pools, one empty */
	other = weir_mbuf_split(packet, 100);
	CU_ASSERT_EQUAL(weir_mbuf_concat(packet, weir_mbuf_alloc(pools[0])), 0);
	CU_ASSERT_EQUAL(weir_mbuf_concat(packet, other), 0);
	other = weir_mbuf_split(packet, 170);
	send_one(a, 0, packet);
	send_one(a, 0, other);
	expect(b, 0, 4, 170);
	CU_ASSERT_EQUAL(receive(b, 0, &packet, 1), 1);
	CU_ASSERT_EQUAL(packet->length, 130);
	weir_mbuf_free(packet);

	for (uint32_t i = 0; i < sizeof(outside); i++) /* memory that is no mbuf's */
		outside[i] = byte_of(5, i);
	weir_external_init(&external, outside, sizeof(outside), release, NULL);
	packet = weir_mbuf_alloc(pools[0]);
	CU_ASSERT_EQUAL(weir_mbuf_attach(packet, &external, 0, 1200), 0);
	send_one(a, 0, packet);
	expect(b, 0, 5, 1200);
	CU_ASSERT_EQUAL(released, 1);
	released = 0;

	packet = make_packet(pools[0], 6, 400); /* a chain that two hold */
	other = make_packet(pools[0], 7, 200);
	CU_ASSERT_EQUAL(weir_mbuf_concat(packet, other), 0);
	write_packet(packet, 8);
	weir_mbuf_ref(packet, 1);
	send_one(a, 0, packet);
	send_one(a, 0, packet);
	expect(b, 0, 8, 600);
	expect(b, 0, 8, 600);
}

static void test_kinds(void)
{
	static const char *const modes[] = {"native", "generic"};

	for (uint32_t i = 0; i < 2; i++) {
		char spec[64];
		struct weir_port *a, *b;

		snprintf(spec, sizeof(spec), "af_xdp:va,ring=64,mode=%s", modes[i]);
		a = open_port(spec);
		snprintf(spec, sizeof(spec), "af_xdp:vb,ring=64,mode=%s", modes[i]);
		b = open_port(spec);
		for (uint32_t round = 0; round < 50; round++)
			send_kinds(a, b);
		close_ports(a, b);
	}
}

/* ---- the time at which the kernel received them ---- */

static uint64_t time_of_day(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Of one packet, in one piece or more. The kernel's quick clock may be off by a little. */
static void time_one(struct weir_port *a, struct weir_port *b, uint32_t length, bool timed)
{
	const uint64_t slack = 1000000;
	uint64_t before = time_of_day() - slack;
	struct weir_mbuf *packet;

	send_one(a, 0, make_packet(pools[0], length, length));
	CU_ASSERT_EQUAL_FATAL(receive(b, 0, &packet, 1), 1);
	CU_ASSERT_TRUE(is_packet(packet, length, length));
	CU_ASSERT_EQUAL(packet->flags & WEIR_MBUF_TIMESTAMP, timed ? WEIR_MBUF_TIMESTAMP : 0);
	if (timed) {
		CU_ASSERT_TRUE(packet->timestamp_ns >= before);
		CU_ASSERT_TRUE(packet->timestamp_ns <= time_of_day() + slack);
	}
	weir_mbuf_free(packet);
}

static void test_time(void)
{
	static const char *const specs[] = {"af_xdp:vb,timestamp=1,mode=native",
		"af_xdp:vb,timestamp=1,mode=generic", "af_xdp:vb"};

	CU_ASSERT_EQUAL(run("ip link set va mtu 9000 && ip link set vb mtu 9000"), 0);
	for (uint32_t i = 0; i < 3; i++) {
		struct weir_port *a = open_port("af_xdp:va"), *b = open_port(specs[i]);

		for (uint32_t length = 60; length < 6000; length += 990)
			time_one(a, b, length, i < 2);
		close_ports(a, b);
	}
	CU_ASSERT_EQUAL(run("ip link set va mtu 1500 && ip link set vb mtu 1500"), 0);
}

/* One program for all ports of an interface: with the time or without. */
static void test_time_shared(void)
{
	struct weir_mempool *bare =
		weir_mbuf_pool_create(&(struct weir_mbuf_pool_conf){.name = "bare",
			.count = 512,
			.headroom = WEIR_MBUF_NO_HEADROOM,
			.pages = WEIR_PAGES_4K});
	struct weir_port *port = open_port("af_xdp:vb");

	CU_ASSERT_PTR_NULL(weir_port_open("af_xdp:vb,queue=1,timestamp=1", pools[0]));
	CU_ASSERT_EQUAL(errno, EBUSY);
	CU_ASSERT_EQUAL(weir_port_close(port), 0);
	port = open_port("af_xdp:vb,timestamp=1");
	close_ports(port, open_port("af_xdp:vb,queue=1"));
	port = open_port("af_xdp:vb,timestamp=1");
	CU_ASSERT_PTR_NULL(weir_port_open("af_xdp:vb,queue=1", bare));
	CU_ASSERT_EQUAL(errno, EINVAL);
	CU_ASSERT_EQUAL(weir_port_close(port), 0);
	CU_ASSERT_EQUAL(weir_mempool_destroy(bare), 0);
}

/* Packets of several mbufs, and those that cannot be sent. */
static void test_large(void)
{
	struct weir_port *a, *b;
	struct weir_port_stats stats;

	CU_ASSERT_EQUAL(run("ip link set va mtu 9000 && ip link set vb mtu 9000"), 0);
	a = open_port("af_xdp:va");
	b = open_port("af_xdp:vb");
	for (uint32_t i = 0; i < 200; i++) {
		uint32_t length = 1500 + i * 37;
		struct weir_mbuf *packet = make_packet(pools[i % 2], i, length);

		send_one(a, 0, packet);
		expect(b, 0, i, length);
	}
	send_one(a, 0, make_packet(pools[0], 0, 90000));
	send_one(a, 0, weir_mbuf_alloc(pools[0]));
	weir_port_stats(a, &stats);
	CU_ASSERT_EQUAL(stats.dropped[WEIR_DROP_TX_TOO_LONG], 1);
	CU_ASSERT_EQUAL(stats.dropped[WEIR_DROP_TX_UNFIT], 1);
	CU_ASSERT_EQUAL(stats.tx_packets, 200);
	close_ports(a, b);
	CU_ASSERT_EQUAL(run("ip link set va mtu 1500 && ip link set vb mtu 1500"), 0);
}

/* Queues of one port, and of several. */
static void test_queues(void)
{
	struct weir_port *a = open_port("af_xdp:va,queues=3,ring=256");
	struct weir_port *b = open_port("af_xdp:vb,queues=2,ring=256");
	struct weir_port *c = open_port("af_xdp:vb,queue=2,ring=256");

	for (uint32_t i = 0; i < 300; i++) {
		send_one(a, i % 3, make_packet(pools[0], i, 100));
		expect(i % 3 == 2 ? c : b, i % 3 == 2 ? 0 : i % 3, i, 100);
		send_one(c, 0, make_packet(pools[0], i, 100));
		expect(a, 2, i, 100);
	}
	CU_ASSERT_PTR_NULL(weir_port_open("af_xdp:vb,queue=1", pools[0]));
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), "has an AF_XDP socket already"));
	CU_ASSERT_PTR_NULL(weir_port_open("af_xdp:vb,queue=3,mode=generic", pools[0]));
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), "other mode"));
	CU_ASSERT_PTR_NULL(weir_port_open("af_xdp:vb,queue=4", pools[0]));
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), "ethtool -l vb"));
	CU_ASSERT_PTR_NULL(weir_port_open("af_xdp:vb,queue=3,copy=no", pools[0]));
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), "cannot do without copies"));
	CU_ASSERT_EQUAL(weir_port_close(b), 0);
	/* the program stays for the others */
	send_one(a, 2, make_packet(pools[0], 7, 100));
	expect(c, 0, 7, 100);
	close_ports(a, c);
}

static bool is_promiscuous(void)
{
	return run("ip -d link show va | grep -q 'promiscuity 1'") == 0;
}

static void test_promiscuous(void)
{
	struct weir_port *a = open_port("af_xdp:va");

	CU_ASSERT_TRUE(is_promiscuous());
	CU_ASSERT_EQUAL(weir_port_close(a), 0);
	CU_ASSERT_FALSE(is_promiscuous());
	a = open_port("af_xdp:va,promisc=0");
	CU_ASSERT_FALSE(is_promiscuous());
	CU_ASSERT_EQUAL(weir_port_close(a), 0);
}

/* A port without a pool only sends, and any mbufs. */
static void test_send_only(void)
{
	struct weir_port *a = weir_port_open("af_xdp:va", NULL), *b = open_port("af_xdp:vb");

	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	CU_ASSERT_EQUAL(weir_port_state(a), WEIR_PORT_ENDED);
	CU_ASSERT_NOT_EQUAL(run("ip link show va | grep -q xdp"), 0);
	for (uint32_t i = 0; i < 5000; i++) {
		send_one(a, 0, make_packet(pools[i % 2], i, 64));
		expect(b, 0, i, 64);
	}
	close_ports(a, b);
}

/* What a port cannot receive into it asks for again; and the kernel's drops are counted. */
static void test_dry(void)
{
	struct weir_port *a = weir_port_open("af_xdp:va", NULL);
	struct weir_port *b = open_port("af_xdp:vb,ring=64");
	static struct weir_mbuf *mbufs[100000];
	uint32_t count = 0, kept, got = 0;
	struct weir_port_stats stats;

	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	while ((mbufs[count] = weir_mbuf_alloc(pools[0])) != NULL)
		count++;
	kept = count;
	for (uint32_t i = 0; i < 200; i++) {
		send_one(a, 0, make_packet(pools[1], i, 64));
		got += weir_port_rx(b, 0, mbufs + count + got, BURST);
	}
	got += receive_within(b, 0, mbufs + count + got, BURST, 1);
	/* all that were in the ring; one mbuf of a pool cannot be received into */
	CU_ASSERT_TRUE(got == 64 || got == 63);
	weir_port_stats(b, &stats);
	CU_ASSERT_EQUAL(stats.dropped[WEIR_DROP_RX_KERNEL], 200 - got);
	CU_ASSERT_TRUE(stats.rx_no_mbuf > 0);
	weir_mbuf_free_bulk(mbufs, kept + got);
	receive(b, 0, mbufs, 0);
	weir_port_rx(b, 0, mbufs, BURST);
	for (uint32_t i = 0; i < 200; i++) {
		send_one(a, 0, make_packet(pools[1], i, 64));
		expect(b, 0, i, 64);
	}
	close_ports(a, b);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"packets arrive", test_exchange},
		{"mbufs of all kinds", test_kinds},
		{"large packets", test_large},
		{"their time", test_time},
		{"one program", test_time_shared},
		{"queues", test_queues},
		{"promiscuous", test_promiscuous},
		{"only sending", test_send_only},
		{"a dry pool", test_dry},
		CU_TEST_INFO_NULL,
	};

	return run_with_veth("net_af_xdp", tests);
}
