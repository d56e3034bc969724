/* SPDX-License-Identifier: BSD-3-Clause */
/* net_tap.c: tap and tun against the host's own sockets. What the host sends to the far side of its
 * interface comes back to it with the IP addresses exchanged, so one namespace has both ends of a
 * connection, and every byte and checksum goes through weir twice. */
#include "host.h"
#include "long_packet.h"
#include "pool_ports.h"
#include "veth.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#define BURST 32

#define ADDRESSES "address=192.0.2.1/24,fd02::1/64"

/* A port that must not open; its sentence has these words. */
static void refused(const char *spec, int error, const char *words)
{
	struct weir_port *port = weir_port_open(spec, pool);

	CU_ASSERT_PTR_NULL(port);
	CU_ASSERT_EQUAL(errno, error);
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), words));
	if (errno != error || !strstr(weir_last_error(), words))
		printf("\n%s: %d: %s\n", spec, errno, weir_last_error());
	weir_port_close(port);
	CU_ASSERT_EQUAL(weir_mempool_in_use(pool), 0);
}

static uint64_t dropped(struct weir_port *port, enum weir_drop reason)
{
	struct weir_port_stats stats;

	weir_port_stats(port, &stats);
	return stats.dropped[reason];
}

/* The host takes what comes to its IPv6 address only when a worker of the kernel has got round to
 * making the route. And it knows its neighbour, so it need not ask: it may be asking already, for
 * the last segments of a connection of an earlier test. */
static void prepare_host(bool ethernet)
{
	CU_ASSERT_EQUAL(run(UNTIL("ip -6 route show table local | grep -q fd02::1")), 0);
	if (ethernet)
		CU_ASSERT_EQUAL(
			run("ip neigh replace 192.0.2.2 lladdr 02:00:00:00:00:02 dev weir0 nud "
			    "permanent; ip neigh replace fd02::2 lladdr 02:00:00:00:00:02 dev "
			    "weir0 nud permanent"),
			0);
}

/* ---- what comes back ---- */

static void exchange(uint8_t *a, uint8_t *b, size_t size)
{
	uint8_t copy[16];

	memcpy(copy, a, size);
	memcpy(a, b, size);
	memcpy(b, copy, size);
}

/* Make a packet of the host one to the host. False: it is not for our neighbour. */
static bool turn(struct weir_mbuf *mbuf)
{
	uint8_t *bytes = weir_mbuf_data(mbuf), *ip;

	weir_parse(mbuf);
	ip = bytes + mbuf->l2_length;
	if (mbuf->l2_length)
		exchange(bytes, bytes + 6, 6);
	switch (mbuf->packet_type & WEIR_TYPE_L3_FAMILY) {
	case WEIR_L3_IPV4:
		exchange(ip + 12, ip + 16, 4);
		return ip[15] == 2;
	case WEIR_L3_IPV6:
		exchange(ip + 8, ip + 24, 16);
		return ip[8] == 0xfd && ip[23] == 2;
	}
	return false;
}

enum way {
	AS_IT_IS, /* to be cut by the kernel, if at all */
	CUT,      /* by weir_segment(): the kernel checks every checksum */
};

struct loop {
	struct weir_port *port;
	enum way way;
	WEIR_ATOMIC(bool) stop;
	uint64_t packets, large; /* large: of several segments */
	pthread_t thread;
};

static void send_back(struct loop *loop, struct weir_mbuf *mbuf)
{
	struct weir_mbuf *segments[128] = {mbuf};
	int count = 1;

	loop->packets++;
	loop->large += (mbuf->flags & WEIR_MBUF_SEGMENT) != 0;
	if (loop->way == CUT && mbuf->flags & WEIR_MBUF_SEGMENT)
		count = weir_segment(mbuf, segments, 128);
	else if (loop->way == CUT)
		CU_ASSERT_EQUAL(weir_offload_checksums(&segments[0]), 0);
	CU_ASSERT_TRUE(count > 0);
	for (int i = 0; i < count && loop->way == CUT; i++)
		CU_ASSERT_EQUAL(segments[i]->flags & WEIR_OFFLOADS, 0);
	if (count > 0)
		weir_port_tx_or_drop(loop->port, 0, segments, (uint32_t)count);
	else
		weir_mbuf_free(mbuf);
}

static void *turn_all(void *context)
{
	struct loop *loop = context;
	struct weir_mbuf *mbufs[BURST];

	while (!atomic_load(&loop->stop)) {
		uint32_t got = weir_port_rx(loop->port, 0, mbufs, BURST);

		if (got == 0)
			weir_port_wait(&loop->port, 1, 10);
		for (uint32_t i = 0; i < got; i++) {
			if (turn(mbufs[i]))
				send_back(loop, mbufs[i]);
			else
				weir_mbuf_free(mbufs[i]);
		}
	}
	return NULL;
}

static void start(struct loop *loop)
{
	CU_ASSERT_EQUAL(pthread_create(&loop->thread, NULL, turn_all, loop), 0);
}

static void stop(struct loop *loop)
{
	atomic_store(&loop->stop, true);
	pthread_join(loop->thread, NULL);
}

/* ---- offload ---- */

static void through(const char *spec, enum way way, bool large)
{
	struct loop loop = {.port = open_port(spec), .way = way};

	prepare_host(true);
	start(&loop);
	pass_stream("192.0.2.1", "192.0.2.2");
	pass_stream("fd02::1", "fd02::2");
	pass_datagrams("192.0.2.1", "192.0.2.2", 1000);
	pass_datagrams("fd02::1", "fd02::2", 1000);
	pass_datagrams("192.0.2.1", "192.0.2.2", 0);
	stop(&loop);
	/* 8 MB of up to 64 KiB, or of 1,448 bytes */
	CU_ASSERT_EQUAL(loop.large > 100, large);
	CU_ASSERT_EQUAL(loop.large == 0, !large);
	CU_ASSERT_TRUE(large || loop.packets > 2 * STREAM / 1500);
	CU_ASSERT_EQUAL(dropped(loop.port, WEIR_DROP_TX_UNFIT), 0);
	CU_ASSERT_EQUAL(dropped(loop.port, WEIR_DROP_TX_REFUSED), 0);
	CU_ASSERT_EQUAL(dropped(loop.port, WEIR_DROP_RX_DAMAGED), 0);
	close_port(loop.port);
}

static void test_offload(void)
{
	through("tap:weir0," ADDRESSES, AS_IT_IS, true);
	through("tap:weir0,mtu=9000," ADDRESSES, CUT, true);
	through("tap:weir0,offload=off," ADDRESSES, AS_IT_IS, false);
}

/* IP without Ethernet. */
static void test_tun(void)
{
	struct loop loop = {.port = open_port("tun:weir0," ADDRESSES)};
	struct weir_mbuf *mbuf = weir_mbuf_from_bytes(pool, "Ethernet", 8);

	CU_ASSERT_EQUAL(weir_port_tx(loop.port, 0, &mbuf, 1), 1);
	CU_ASSERT_EQUAL(dropped(loop.port, WEIR_DROP_TX_REFUSED), 1);
	prepare_host(false);
	start(&loop);
	pass_stream("192.0.2.1", "192.0.2.2");
	pass_datagrams("fd02::1", "fd02::2", 1000);
	stop(&loop);
	CU_ASSERT_TRUE(loop.large > 50);
	close_port(loop.port);
}

/* ---- forwarded by the host ---- */

static void forward(struct weir_port *from, struct weir_port *to, bool ipv6, bool tcp)
{
	struct weir_mbuf *mbuf = long_packet(pool, ipv6, tcp);
	uint32_t count = 0;

	CU_ASSERT_EQUAL(weir_port_tx(from, 0, &mbuf, 1), 1);
	while (count < 20 && weir_port_wait(&to, 1, 10000) == 1) {
		if (!weir_port_rx(to, 0, &mbuf, 1))
			continue;
		weir_parse(mbuf);
		if ((mbuf->packet_type & WEIR_TYPE_L4) == (tcp ? WEIR_L4_TCP : WEIR_L4_UDP)) {
			uint32_t l4 = mbuf->l2_length + mbuf->l3_length;

			CU_ASSERT_EQUAL(mbuf->length, l4 + (tcp ? 20u : 8u) + 1000);
			CU_ASSERT_EQUAL(weir_l4_checksum_verify(mbuf, 14, l4, tcp ? 6 : 17),
				WEIR_CHECKSUM_GOOD);
			count++;
		}
		weir_mbuf_free(mbuf);
	}
	CU_ASSERT_EQUAL(count, 20);
}

static void test_forward(void)
{
	struct weir_port *from = open_port("tap:weir0,mac=02:00:00:00:00:07," ADDRESSES), *to;

	to = open_port("tap:weir1,offload=off,address=198.51.100.1/24,fd03::1/64");
	prepare_host(true);
	CU_ASSERT_EQUAL(
		run("echo 1 > /proc/sys/net/ipv4/ip_forward; "
		    "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding; "
		    "ip neigh replace 198.51.100.2 lladdr 02:00:00:00:00:03 dev weir1 nud "
		    "permanent; "
		    "ip neigh replace fd03::2 lladdr 02:00:00:00:00:03 dev weir1 nud permanent"),
		0);
	for (uint32_t i = 0; i < 4; i++)
		forward(from, to, i & 1, i & 2);
	CU_ASSERT_EQUAL(weir_port_close(to), 0);
	close_port(from);
	run("echo 0 > /proc/sys/net/ipv6/conf/all/forwarding");
}

/* ---- queues and pools ---- */

/* Every flow on its own queue, all of them there, none lost. */
static void test_queues(void)
{
	struct weir_port *port = open_port("tap:weir0,queues=4,offload=off," ADDRESSES);
	uint32_t on[4] = {0}, used = 0, all = 0;
	struct weir_mbuf *mbuf;

	CU_ASSERT_EQUAL(weir_port_queues(port), 4);
	prepare_host(true);
	for (int i = 0; i < 64; i++) {
		int fd = host_socket(SOCK_DGRAM, NULL, "192.0.2.2");

		CU_ASSERT_EQUAL(send(fd, "x", 1, 0), 1);
		close(fd);
	}
	CU_ASSERT_EQUAL(weir_port_wait(&port, 1, 10000), 1);
	for (uint32_t queue = 0; queue < 4; queue++) {
		while (weir_port_rx(port, queue, &mbuf, 1)) {
			on[queue] +=
				turn(mbuf) && (mbuf->packet_type & WEIR_TYPE_L4) == WEIR_L4_UDP;
			weir_mbuf_free(mbuf);
		}
		used += on[queue] > 0;
		all += on[queue];
	}
	CU_ASSERT_EQUAL(all, 64);
	CU_ASSERT_TRUE(used > 1);
	close_port(port);
}

/* With no mbufs packets wait in the kernel, which counts what it has no room for. */
static void test_dry(void)
{
	struct weir_port *port = open_port("tap:weir0,offload=off," ADDRESSES);
	struct weir_mbuf *held[2048], *mbuf;
	uint32_t count = 0, got = 0;
	struct weir_port_stats stats;
	int fd;

	prepare_host(true);
	while ((held[count] = weir_mbuf_alloc(pool)))
		count++;
	fd = host_socket(SOCK_DGRAM, NULL, "192.0.2.2");
	for (int i = 0; i < 3000; i++)
		CU_ASSERT_EQUAL(send(fd, "x", 1, 0), 1);
	close(fd);
	CU_ASSERT_EQUAL(weir_port_rx(port, 0, &mbuf, 1), 0);
	weir_mbuf_free_bulk(held, count);
	while (weir_port_rx(port, 0, &mbuf, 1)) {
		got += turn(mbuf);
		weir_mbuf_free(mbuf);
	}
	weir_port_stats(port, &stats);
	CU_ASSERT_EQUAL(stats.rx_no_mbuf, 1);
	CU_ASSERT_TRUE(got > 100);
	CU_ASSERT_TRUE(stats.dropped[WEIR_DROP_RX_KERNEL] > 100);
	/* beside a few router solicitations */
	CU_ASSERT_TRUE(got + stats.dropped[WEIR_DROP_RX_KERNEL] >= 3000);
	CU_ASSERT_TRUE(got + stats.dropped[WEIR_DROP_RX_KERNEL] < 3100);
	close_port(port);
}

/* ---- the interface ---- */

static void note(void *context, enum weir_log_level level, const char *line)
{
	(void)level;
	snprintf(context, 200, "%s", line);
}

static void send_frame(struct weir_port *port)
{
	uint8_t frame[60] = {2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 2, 0x88, 0xb5};
	struct weir_mbuf *mbuf = weir_mbuf_from_bytes(pool, frame, sizeof(frame));

	weir_port_tx_or_drop(port, 0, &mbuf, 1);
}

static void test_link(void)
{
	struct weir_port *port = open_port("tap:weir0,mtu=1400,mac=02:00:00:00:00:07");
	struct weir_port_link link;
	char line[200] = "";

	weir_log_set_handler(note, line);
	CU_ASSERT_EQUAL(weir_port_link(port, &link), 0);
	CU_ASSERT_TRUE(link.up && !link.gone);
	CU_ASSERT_EQUAL(link.mtu, 1400);
	CU_ASSERT_EQUAL(link.mac[5], 7);
	send_frame(port);
	CU_ASSERT_EQUAL(run("ip link set weir0 down"), 0);
	send_frame(port);
	CU_ASSERT_EQUAL(dropped(port, WEIR_DROP_TX_DOWN), 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(line, "weir0 is down"));
	CU_ASSERT_EQUAL(weir_port_link(port, &link), 0);
	CU_ASSERT_FALSE(link.up);
	CU_ASSERT_EQUAL(run("ip link set weir0 name other && ip link set other mtu 1300 up"), 0);
	send_frame(port);
	CU_ASSERT_PTR_NOT_NULL(strstr(line, "up again"));
	CU_ASSERT_EQUAL(weir_port_link(port, &link), 0);
	CU_ASSERT_STRING_EQUAL(link.name, "other");
	CU_ASSERT_EQUAL(link.mtu, 1300);
	CU_ASSERT_EQUAL(dropped(port, WEIR_DROP_TX_DOWN), 1);
	CU_ASSERT_EQUAL(weir_port_state(port), WEIR_PORT_UP);
	CU_ASSERT_EQUAL(run("ip link del other"), 0);
	send_frame(port);
	CU_ASSERT_EQUAL(weir_port_state(port), -ENODEV);
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_port_error(port), "was deleted"));
	CU_ASSERT_EQUAL(dropped(port, WEIR_DROP_TX_FAILED), 1);
	CU_ASSERT_EQUAL(weir_port_link(port, &link), 0);
	CU_ASSERT_TRUE(link.gone);
	weir_log_set_handler(NULL, NULL);
	close_port(port);
	/* who waits is told, too */
	port = open_port("tap:weir0");
	CU_ASSERT_EQUAL(run("ip link del weir0"), 0);
	for (int i = 0; i < 10 && weir_port_state(port) == 0; i++) {
		struct weir_mbuf *mbuf;

		CU_ASSERT_EQUAL(weir_port_wait(&port, 1, 10000), 1);
		if (weir_port_rx(port, 0, &mbuf, 1))
			weir_mbuf_free(mbuf);
	}
	CU_ASSERT_EQUAL(weir_port_state(port), -ENODEV);
	close_port(port);
}

static bool owner_may(void)
{
	struct weir_port *port = weir_port_open("tap:weir0", pool);

	if (!port)
		printf("\n%s\n", weir_last_error());
	return port && weir_port_close(port) == 0;
}

static bool others_may_not(void)
{
	return !weir_port_open("tap:weir1,queues=2", pool) && errno == EPERM &&
	       strstr(weir_last_error(), "setcap cap_net_admin+ep /") &&
	       strstr(weir_last_error(), "ip tuntap add dev weir1 mode tap user 65534 multi_queue");
}

static void test_owner(void)
{
	close_port(open_port("tap:weir0,persist=on,owner=65534"));
	CU_ASSERT_EQUAL(run("ip link show weir0 >/dev/null"), 0);
	CU_ASSERT_TRUE(as_nobody(owner_may));
	CU_ASSERT_TRUE(as_nobody(others_may_not));
	/* one that ip(8) made for several queues is opened with one */
	CU_ASSERT_EQUAL(run("ip tuntap add dev weir1 mode tap multi_queue"), 0);
	close_port(open_port("tap:weir1"));
	close_port(open_port("tap:weir1,persist=off,queues=2"));
	CU_ASSERT_NOT_EQUAL(run("ip link show weir1 >/dev/null 2>&1"), 0);
	close_port(open_port("tap:weir0,persist=off"));
	CU_ASSERT_NOT_EQUAL(run("ip link show weir0 >/dev/null 2>&1"), 0);
}

static bool no_device_file(void)
{
	struct weir_port *port = weir_port_open("tap:weir0", pool);

	return !port && errno == ENOENT && strstr(weir_last_error(), "modprobe tun");
}

static void test_refused(void)
{
	struct weir_port *port = open_port("tap:weir0");
	pid_t child;
	int status = 1;

	refused("tap:", EINVAL, "needs the name of an interface");
	refused("tap:a-name-that-is-long", EINVAL, "at most 15 characters");
	refused("tap:weir1,offload=yes", EINVAL, "there are on and off");
	refused("tap:weir1,mac=03:00:00:00:00:01", EINVAL, "no address of one interface");
	refused("tap:weir1,address=192.0.2.1/33", EINVAL, "one is 192.0.2.1/24");
	refused("tap:weir1,owner=nobody-knows", EINVAL, "there is no user");
	refused("tun:weir1,mac=02:00:00:00:00:01", EINVAL, "no addresses of Ethernet");
	refused("tap:weir1,speed=10", EINVAL, "unknown key 'speed'");
	refused("tap:weir1,queues=64,offload=on", ENOBUFS, "say offload=off");
	close_port(port);
	CU_ASSERT_EQUAL(run("ip tuntap add dev weir0 mode tun"), 0);
	refused("tap:weir0", EINVAL, "is no tap device");
	CU_ASSERT_EQUAL(run("ip link del weir0"), 0);
	child = fork();
	if (child == 0)
		_exit(unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
			mount("none", "/dev/net", "tmpfs", 0, NULL) || !no_device_file());
	waitpid(child, &status, 0);
	CU_ASSERT_EQUAL(status, 0);
}

int main(void)
{
	static CU_TestInfo tests[] = {{"offload", test_offload}, {"tun", test_tun},
		{"forward", test_forward}, {"queues", test_queues}, {"dry", test_dry},
		{"link", test_link}, {"owner", test_owner}, {"refused", test_refused},
		CU_TEST_INFO_NULL};
	struct weir_mbuf_pool_conf conf = {.name = "net", .count = 1024};

	veth_enter();
	if (access("/dev/net/tun", F_OK)) {
		printf("SKIPPED: no /dev/net/tun\n");
		return 77;
	}
	run("echo 0 > /proc/sys/net/ipv6/conf/default/disable_ipv6");
	pool = weir_mbuf_pool_create(&conf);
	return unit_run("net tap", tests);
}
