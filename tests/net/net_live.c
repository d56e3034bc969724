/* SPDX-License-Identifier: BSD-3-Clause */
/* net_live.c: live against tcpdump: the same packets at the same times, whatever is filtered; and
 * what else captures need: other link types, cut packets, interfaces that go. */
#include "xdp_ports.h"

#include <signal.h>

#define COUNT 1000

/* A frame with UDP to port, of so many bytes in segments of at most piece; 0: in one. */
static struct weir_mbuf *datagram(uint16_t port, uint32_t length, uint32_t piece)
{
	uint8_t bytes[1514] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45};
	struct weir_mbuf *mbuf, *more;

	bytes[22] = 64;
	bytes[23] = 17;
	bytes[16] = (uint8_t)((length - 14) >> 8);
	bytes[17] = (uint8_t)(length - 14);
	bytes[36] = (uint8_t)(port >> 8);
	bytes[37] = (uint8_t)port;
	mbuf = weir_mbuf_from_bytes(pools[0], bytes, length);
	while (piece && weir_mbuf_last(mbuf)->data_length > piece) {
		struct weir_mbuf *last = weir_mbuf_last(mbuf);

		more = weir_mbuf_from_bytes(
			pools[0], weir_mbuf_data_at(last, piece), last->data_length - piece);
		weir_mbuf_trim(mbuf, more->length);
		CU_ASSERT_EQUAL(weir_mbuf_concat(mbuf, more), 0);
	}
	return mbuf;
}

/* tcpdump in the background, ready; its process. */
static pid_t start_tcpdump(const char *folder)
{
	pid_t child = fork();
	char path[64];

	snprintf(path, sizeof(path), "%s/seen", folder);
	if (child == 0) {
		execlp("tcpdump", "tcpdump", "-i", "vb", "-Q", "in", "-Z", "root", "-U", "--nano",
			"--immediate-mode", "-s", "2048", "-B", "16384", "-w", path,
			"udp port 7001", NULL);
		_exit(127);
	}
	CU_ASSERT_EQUAL(run(UNTIL("test -s %s"), path), 0);
	return child;
}

/* What tcpdump has written is what came, at the same times. */
static void compare(const char *folder, const uint64_t *times, uint32_t count)
{
	struct weir_capture_packet packet;
	struct weir_capture_reader *reader;
	uint32_t seen = 0, same = 0;
	uint8_t *data;
	char path[64];

	snprintf(path, sizeof(path), "%s/seen", folder);
	reader = weir_capture_open(path);
	CU_ASSERT_PTR_NOT_NULL_FATAL(reader);
	while (weir_capture_peek(reader, &packet, &data) == 1) {
		same += seen < count && packet.timestamp_ns == times[seen];
		seen++;
		weir_capture_advance(reader);
	}
	weir_capture_close(reader);
	CU_ASSERT_EQUAL(seen, COUNT);
	CU_ASSERT_EQUAL(same, COUNT);
}

static void test_filter(void)
{
	char folder[] = "/tmp/weir-live-XXXXXX";
	struct weir_port *in, *out;
	static uint64_t times[COUNT];
	uint64_t bytes = 0, wanted = 0;
	struct weir_mbuf *mbuf;
	uint32_t got = 0;
	pid_t tcpdump;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	in = open_port("live:vb,direction=in,filter=udp port 7001");
	out = open_port("live:va");
	tcpdump = start_tcpdump(folder);
	for (uint32_t i = 0; i < 2 * COUNT; i++) {
		wanted += i % 2 ? 60 + i % 1400 : 0;
		send_one(out, 0, datagram(i % 2 ? 7001 : 7002, 60 + i % 1400, i % 3 * 100));
	}
	while (got < COUNT && weir_port_wait(&in, 1, 10000) == 1) {
		if (!weir_port_rx(in, 0, &mbuf, 1))
			continue;
		times[got++] = mbuf->timestamp_ns;
		bytes += mbuf->length;
		CU_ASSERT_EQUAL(mbuf->flags, WEIR_MBUF_TIMESTAMP);
		weir_mbuf_free(mbuf);
	}
	CU_ASSERT_EQUAL(got, COUNT);
	CU_ASSERT_EQUAL(bytes, wanted);
	CU_ASSERT_EQUAL(weir_port_rx(in, 0, &mbuf, 1), 0);
	/* until tcpdump has written all of it: headers of 24 and 16 bytes */
	CU_ASSERT_EQUAL(run(UNTIL("test $(stat -c %%s %s/seen) -ge %u"), folder,
				24 + 16 * COUNT + (uint32_t)bytes),
		0);
	kill(tcpdump, SIGINT);
	waitpid(tcpdump, NULL, 0);
	compare(folder, times, got);
	run("rm -r %s", folder);
	close_ports(in, out);
}

/* What is cut; and what has another link type. */
static void test_kinds(void)
{
	struct weir_port *out = open_port("live:va"), *in = open_port("live:vb,snaplen=64");
	struct weir_port *any = open_port("live:any,filter=udp port 7003");
	struct weir_mbuf *mbuf;

	send_one(out, 0, datagram(7003, 1000, 0));
	CU_ASSERT_EQUAL_FATAL(receive(in, 0, &mbuf, 1), 1);
	CU_ASSERT_EQUAL(mbuf->length, 64);
	CU_ASSERT_EQUAL(weir_mbuf_wire_length(mbuf), 1000);
	weir_mbuf_free(mbuf);
	CU_ASSERT_FALSE(weir_port_sends(any));
	CU_ASSERT_EQUAL_FATAL(receive(any, 0, &mbuf, 1), 1);
	CU_ASSERT_EQUAL(weir_mbuf_link_type(mbuf), WEIR_LINK_SLL);
	CU_ASSERT_EQUAL(weir_parse(mbuf) & WEIR_TYPE_L4, WEIR_L4_UDP);
	/* a frame of another link type is not sent */
	send_one(out, 0, mbuf);
	{
		struct weir_port_stats stats;

		weir_port_stats(out, &stats);
		CU_ASSERT_EQUAL(stats.dropped[WEIR_DROP_TX_UNFIT], 1);
		CU_ASSERT_EQUAL(stats.tx_packets, 1);
	}
	CU_ASSERT_EQUAL(weir_port_close(any), 0);
	close_ports(in, out);
}

/* No mbufs: the packet stays, and comes once there are some. */
static void test_dry(void)
{
	struct weir_port *out = open_port("live:va"), *in = open_port("live:vb,direction=in");
	static struct weir_mbuf *held[8192 + 1];
	struct weir_port_stats stats;
	struct weir_mbuf *mbuf;
	uint32_t count = 0;

	send_one(out, 0, datagram(7004, 100, 0));
	while ((held[count] = weir_mbuf_alloc(pools[0])))
		count++;
	CU_ASSERT_EQUAL(weir_port_wait(&in, 1, 10000), 1);
	CU_ASSERT_EQUAL(weir_port_rx(in, 0, &mbuf, 1), 0);
	weir_mbuf_free_bulk(held, count);
	CU_ASSERT_EQUAL(weir_port_rx(in, 0, &mbuf, 1), 1);
	CU_ASSERT_EQUAL(mbuf->length, 100);
	weir_mbuf_free(mbuf);
	weir_port_stats(in, &stats);
	CU_ASSERT_EQUAL(stats.rx_no_mbuf, 1);
	close_ports(in, out);
}

static void refused(const char *spec, int error, const char *words)
{
	struct weir_port *port = weir_port_open(spec, pools[0]);

	CU_ASSERT_PTR_NULL(port);
	CU_ASSERT_EQUAL(errno, error);
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), words));
	if (!strstr(weir_last_error(), words))
		printf("\n%s: %s\n", spec, weir_last_error());
}

static bool nobody_may_not(void)
{
	return !weir_port_open("live:va", pools[0]) && errno == EPERM &&
	       strstr(weir_last_error(), "setcap cap_net_raw+ep /");
}

static void test_refused(void)
{
	refused("live:", EINVAL, "as in live:eth0");
	refused("live:nowhere", ENODEV, "nothing called 'nowhere'");
	refused("live:va,direction=up", EINVAL, "there are both, in, out");
	refused("live:va,promisc=yes", EINVAL, "there are off, on");
	refused("live:va,filter=no filter", EINVAL, "syntax error");
	refused("live:va,speed=1", EINVAL, "unknown key 'speed'");
	CU_ASSERT_TRUE(as_nobody(nobody_may_not));
}

/* Down and up again, then gone; last, since it takes the pair away. */
static void test_link(void)
{
	struct weir_port *out = open_port("live:va"), *in = open_port("live:vb,direction=in");
	struct weir_port_link link;
	struct weir_port_stats stats;
	struct weir_mbuf *mbuf;

	CU_ASSERT_EQUAL(weir_port_link(in, &link), 0);
	CU_ASSERT_TRUE(link.up);
	CU_ASSERT_STRING_EQUAL(link.name, "vb");
	CU_ASSERT_EQUAL(run("ip link set vb down; ip link set va down"), 0);
	CU_ASSERT_EQUAL(weir_port_rx(in, 0, &mbuf, 1), 0);
	send_one(out, 0, datagram(7005, 100, 0));
	weir_port_stats(out, &stats);
	CU_ASSERT_EQUAL(stats.dropped[WEIR_DROP_TX_DOWN], 1);
	CU_ASSERT_EQUAL(run("ip link set vb up; ip link set va up"), 0);
	CU_ASSERT_EQUAL(weir_port_state(in), WEIR_PORT_UP);
	send_one(out, 0, datagram(7005, 200, 0));
	CU_ASSERT_EQUAL(receive(in, 0, &mbuf, 1), 1);
	CU_ASSERT_EQUAL(mbuf->length, 200);
	weir_mbuf_free(mbuf);
	CU_ASSERT_EQUAL(weir_port_state(in), WEIR_PORT_UP);
	CU_ASSERT_EQUAL(run("ip link del va"), 0);
	CU_ASSERT_EQUAL(receive_within(in, 0, &mbuf, 1, 1), 0);
	CU_ASSERT_EQUAL(weir_port_state(in), -ENODEV);
	CU_ASSERT_EQUAL(weir_port_link(in, &link), 0);
	CU_ASSERT_TRUE(link.gone);
	close_ports(in, out);
}

int main(void)
{
	static CU_TestInfo tests[] = {{"filter", test_filter}, {"kinds", test_kinds},
		{"dry", test_dry}, {"refused", test_refused}, {"link", test_link},
		CU_TEST_INFO_NULL};

	return run_with_veth("net live", tests);
}
