/* SPDX-License-Identifier: BSD-3-Clause */
/* xdp_ports.h: what the tests of af_xdp do alike: pools, ports, and packets that know their
 * numbers. */
#ifndef XDP_PORTS_H
#define XDP_PORTS_H

#include "veth.h"

#include "unit/unit.h"
#include "weir/weir.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BURST 32

static struct weir_mempool *pools[2]; /* small mbufs; others of another pool */

static inline struct weir_port *open_port(const char *spec)
{
	struct weir_port *port = weir_port_open(spec, pools[0]);

	if (!port)
		printf("\n%s: %s\n", spec, weir_last_error());
	CU_ASSERT_PTR_NOT_NULL_FATAL(port);
	return port;
}

/* Close, and nothing of the pools is missing. */
static inline void close_ports(struct weir_port *a, struct weir_port *b)
{
	CU_ASSERT_EQUAL(weir_port_close(a), 0);
	CU_ASSERT_EQUAL(weir_port_close(b), 0);
	CU_ASSERT_EQUAL(weir_mempool_in_use(pools[0]), 0);
	CU_ASSERT_EQUAL(weir_mempool_in_use(pools[1]), 0);
}

static inline double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Wait for up to count packets on a queue, for so many seconds. How many came. */
static inline uint32_t receive_within(struct weir_port *port, uint32_t queue,
	struct weir_mbuf **mbufs, uint32_t count, double patience)
{
	double end = seconds() + patience;
	uint32_t got = 0;

	while (got < count && seconds() < end)
		got += weir_port_rx(port, queue, mbufs + got, count - got);
	return got;
}

/* The same for packets that come, however late. */
static inline uint32_t receive(
	struct weir_port *port, uint32_t queue, struct weir_mbuf **mbufs, uint32_t count)
{
	return receive_within(port, queue, mbufs, count, 10);
}

static inline uint8_t byte_of(uint32_t number, uint32_t at)
{
	return (uint8_t)(number * 31 + at * 7 + (at >> 8));
}

/* Fill a packet with what its number says, all but the addresses. */
static inline void write_packet(struct weir_mbuf *packet, uint32_t number)
{
	uint8_t byte;

	for (uint32_t i = 0; i < packet->length; i++) {
		byte = byte_of(number, i);
		weir_mbuf_write(packet, i, &byte, 1);
	}
}

static inline bool is_packet(const struct weir_mbuf *packet, uint32_t number, uint32_t length)
{
	uint8_t byte;

	if (packet->length != length)
		return false;
	for (uint32_t i = 0; i < length; i++)
		if (weir_mbuf_read(packet, i, &byte, 1) || byte != byte_of(number, i))
			return false;
	return true;
}

static inline struct weir_mbuf *make_packet(
	struct weir_mempool *pool, uint32_t number, uint32_t length)
{
	static uint8_t zeros[100000];
	struct weir_mbuf *packet = weir_mbuf_from_bytes(pool, zeros, length);

	CU_ASSERT_PTR_NOT_NULL_FATAL(packet);
	write_packet(packet, number);
	return packet;
}

static inline void send_one(struct weir_port *port, uint32_t queue, struct weir_mbuf *packet)
{
	CU_ASSERT_EQUAL(weir_port_tx(port, queue, &packet, 1), 1);
}

/* One packet comes, and is the one with this number. */
static inline void expect(struct weir_port *port, uint32_t queue, uint32_t number, uint32_t length)
{
	struct weir_mbuf *packet;
	uint32_t got = receive(port, queue, &packet, 1);

	CU_ASSERT_EQUAL(got, 1);
	if (!got)
		return;
	CU_ASSERT_TRUE(is_packet(packet, number, length));
	CU_ASSERT_EQUAL(weir_mbuf_check(packet), 0);
	CU_ASSERT_EQUAL(packet->offset, WEIR_MBUF_HEADROOM);
	weir_mbuf_free(packet);
}

/* Run tests in a namespace that has the pair, with 4 queues: the exit status. */
static inline int run_with_veth(const char *suite, CU_TestInfo *tests)
{
	int failed;

	veth_enter();
	if (veth_make(4)) {
		printf("SKIPPED: no veth\n");
		return 77;
	}
	for (uint32_t i = 0; i < 2; i++)
		pools[i] = weir_mbuf_pool_create(
			&(struct weir_mbuf_pool_conf){.name = i ? "other" : "own",
				.count = 8192,
				/* fork() copies what the kernel has pinned, and fails where there
				 * are no hugepages left for that */
				.pages = WEIR_PAGES_4K});
	failed = unit_run(suite, tests);
	for (uint32_t i = 0; i < 2; i++)
		failed |= weir_mempool_destroy(pools[i]) != 0;
	return failed;
}

#endif
