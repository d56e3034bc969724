/* SPDX-License-Identifier: BSD-3-Clause */
/* test_port_wait.c: what every port has: waiting, filters, figures of a queue, its link; and the
 * log. */
#include "pool.h"
#include "unit.h"

#include "base/base_impl.h"
#include "weir/chain.h"
#include "weir/log.h"
#include "weir/port.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

static struct weir_mempool *pool;

static void begin(void)
{
	pool = make_pool(512, 256);
}

static struct weir_port *open_port(const char *spec)
{
	struct weir_port *port = weir_port_open(spec, pool);

	CU_ASSERT_PTR_NOT_NULL_FATAL(port);
	return port;
}

/* Ethernet, IPv4, UDP to a port, 60 bytes. */
static struct weir_mbuf *make_udp(uint16_t to)
{
	uint8_t bytes[60] = {[12] = 8, [14] = 0x45, [17] = 46, [22] = 64, 17};

	bytes[36] = (uint8_t)(to >> 8);
	bytes[37] = (uint8_t)to;
	return weir_mbuf_from_bytes(pool, bytes, sizeof(bytes));
}

static void send_udp(struct weir_port *port, uint32_t queue, uint16_t to)
{
	struct weir_mbuf *mbuf = make_udp(to);

	CU_ASSERT_PTR_NOT_NULL_FATAL(mbuf);
	CU_ASSERT_EQUAL(weir_port_tx_or_drop(port, queue, &mbuf, 1), 1);
}

static void test_ready_at_once(void)
{
	struct weir_port *ports[2];
	struct weir_mbuf *mbuf;

	begin();
	ports[0] = open_port("pair:wait,queues=2");
	ports[1] = open_port("null:count=1");
	CU_ASSERT_EQUAL(weir_port_wait(ports, 2, -1), 1); /* null is always ready */
	CU_ASSERT_EQUAL(weir_port_rx(ports[1], 0, &mbuf, 1), 1);
	weir_mbuf_free(mbuf);
	CU_ASSERT_EQUAL(weir_port_wait(ports, 2, 5), 0);      /* null has ended */
	CU_ASSERT_EQUAL(weir_port_wait(ports + 1, 1, -1), 1); /* nothing will ever come */
	CU_ASSERT_EQUAL(weir_port_wait(ports, 0, -1), 1);
	weir_port_close(ports[1]);
	ports[1] = open_port("pair:wait");
	send_udp(ports[1], 1, 1);
	CU_ASSERT_EQUAL(weir_port_wait(ports, 1, -1), 1); /* queue 1 has one */
	CU_ASSERT_EQUAL(weir_port_rx(ports[0], 1, &mbuf, 1), 1);
	weir_mbuf_free(mbuf);
	weir_port_close(ports[1]);
	CU_ASSERT_EQUAL(weir_port_wait(ports, 1, -1), 1); /* the other end has closed */
	CU_ASSERT_EQUAL(weir_port_rx(ports[0], 0, &mbuf, 1), 0);
	CU_ASSERT_EQUAL(weir_port_state(ports[0]), WEIR_PORT_ENDED);
	weir_port_close(ports[0]);
	end_pool(pool);
}

#define ROUNDS 3000

/* Send one, now at once, now when the other is asleep; the other end says when to go on. */
static void *send_some(void *argument)
{
	struct weir_port *port = argument;
	struct weir_mbuf *mbuf;

	for (uint32_t i = 0; i < ROUNDS; i++) {
		if (i % 100 == 0)
			usleep(1000);
		send_udp(port, 0, (uint16_t)i);
		while (weir_port_rx(port, 0, &mbuf, 1) == 0)
			weir_port_wait(&port, 1, -1);
		weir_mbuf_free(mbuf);
	}
	weir_port_close(port);
	return NULL;
}

/* No wake-up gets lost: either end would wait for ever. */
static void test_two_ends_wake_each_other(void)
{
	struct weir_port *port, *other;
	struct weir_mbuf *mbuf;
	uint32_t got = 0;
	pthread_t thread;

	begin();
	port = open_port("pair:wake");
	other = open_port("pair:wake");
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, send_some, other), 0);
	while (weir_port_state(port) == WEIR_PORT_UP) {
		if (weir_port_rx(port, 0, &mbuf, 1) == 0)
			weir_port_wait(&port, 1, -1);
		else
			got += weir_port_tx_or_drop(port, 0, &mbuf, 1);
	}
	pthread_join(thread, NULL);
	CU_ASSERT_EQUAL(got, ROUNDS);
	weir_port_close(port);
	end_pool(pool);
}

static void test_too_many_queues(void)
{
	struct weir_port *port, *ports[5];

	begin();
	port = open_port("null:queues=64");
	for (uint32_t i = 0; i < 5; i++)
		ports[i] = port;
	CU_ASSERT_EQUAL(weir_port_wait(ports, 4, 0), 1);
	CU_ASSERT_EQUAL(weir_port_wait(ports, 5, 0), -E2BIG);
	weir_port_close(port);
	end_pool(pool);
}

#ifdef WEIR_HAVE_PCAP
static void test_filter(void)
{
	struct weir_port *port, *other;
	struct weir_port_stats stats;
	struct weir_mbuf *mbufs[32];

	begin();
	port = open_port("pair:filter,filter=\"udp port 53 and ip[6:2] & 0x1fff = 0\",ring=64");
	other = open_port("pair:filter");
	for (uint16_t i = 51; i < 55; i++)
		send_udp(other, 0, i);
	CU_ASSERT_EQUAL_FATAL(weir_port_rx(port, 0, mbufs, 32), 1);
	CU_ASSERT_EQUAL(weir_mbuf_data(mbufs[0])[37], 53);
	weir_mbuf_free(mbufs[0]);
	CU_ASSERT_EQUAL(weir_port_rx(port, 0, mbufs, 32), 0);
	weir_port_queue_stats(port, 0, &stats);
	CU_ASSERT_EQUAL(stats.rx_packets, 1);
	CU_ASSERT_EQUAL(stats.rx_bytes, 60);
	CU_ASSERT_EQUAL(stats.dropped[WEIR_DROP_RX_FILTERED], 3);
	weir_port_close(port);
	weir_port_close(other);
	/* nothing of it passes, and there is no end of it: a receive ends all the same */
	port = open_port("null:filter=arp");
	CU_ASSERT_EQUAL(weir_port_rx(port, 0, mbufs, 32), 0);
	CU_ASSERT_EQUAL(weir_port_state(port), WEIR_PORT_UP);
	weir_port_close(port);
	CU_ASSERT_PTR_NULL(weir_port_open("null:filter=tcp porl 80", pool));
	CU_ASSERT_EQUAL(errno, EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(weir_last_error(), "tcp porl 80"));
	end_pool(pool);
}
#endif

static void test_queues_and_link(void)
{
	struct weir_port *port, *other;
	struct weir_port_stats stats;
	struct weir_port_link link;

	begin();
	port = open_port("pair:queues,queues=2,ring=2");
	other = open_port("pair:queues");
	send_udp(port, 1, 1);
	weir_port_queue_stats(port, 0, &stats);
	CU_ASSERT_EQUAL(stats.tx_packets, 0);
	weir_port_queue_stats(port, 1, &stats);
	CU_ASSERT_EQUAL(stats.tx_packets, 1);
	CU_ASSERT_EQUAL(stats.tx_bytes, 60);
	CU_ASSERT_EQUAL(weir_port_link(port, &link), 0);
	CU_ASSERT(link.up && !link.gone && link.mtu == 0);
	weir_port_close(other);
	CU_ASSERT_EQUAL(weir_port_link(port, &link), 0);
	CU_ASSERT(!link.up);
	weir_port_close(port);
	for (int i = 0; i < WEIR_DROP_COUNT; i++)
		CU_ASSERT(strncmp(weir_drop_name(i), i < WEIR_DROP_RX_KERNEL ? "tx " : "rx ", 3) ==
			  0);
	end_pool(pool);
}

static void keep_line(void *context, enum weir_log_level level, const char *line)
{
	CU_ASSERT_EQUAL(level, WEIR_LOG_INFO);
	strcpy(context, line);
}

static void test_log(void)
{
	char line[64] = "";

	weir__log(WEIR_LOG_INFO, "to nobody");
	weir_log_set_handler(keep_line, line);
	weir__log(WEIR_LOG_INFO, "%s is %s", "eth0", "down");
	CU_ASSERT_STRING_EQUAL(line, "eth0 is down");
	weir_log_set_handler(NULL, NULL);
	weir__log(WEIR_LOG_INFO, "to nobody again");
	CU_ASSERT_STRING_EQUAL(line, "eth0 is down");
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"ready at once", test_ready_at_once},
		{"two ends wake each other", test_two_ends_wake_each_other},
		{"too many queues", test_too_many_queues},
#ifdef WEIR_HAVE_PCAP
		{"filter", test_filter},
#endif
		{"queues and link", test_queues_and_link},
		{"log", test_log},
		CU_TEST_INFO_NULL,
	};

	return unit_run("port_wait", tests);
}
