/* SPDX-License-Identifier: BSD-3-Clause */
/* stress_pair.c: two pairs of ports bridged, four threads, one pool.
 *
 *	left end  <-- pair:a -->  two bridging threads  <-- pair:b -->  right end
 *
 * Each end sends numbered packets, some of them chains, and checks that the other's arrive once,
 * whole and in order. Every packet is accounted for, and the pool is full at the end.
 */
#include "stress.h"

#include "weir/chain.h"
#include "weir/port.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define BURST 32

static struct weir_mempool *pool;
static struct weir_port *a[2], *b[2]; /* a[0] -- a[1] = bridge = b[0] -- b[1] */
static _Atomic(uint32_t) ends_done;

static void make_packet(struct weir_mbuf *mbuf, uint64_t number, uint64_t *random)
{
	memcpy(weir_mbuf_append(mbuf, sizeof(number)), &number, sizeof(number));
	if (stress_random(random, 50) == 0) {
		struct weir_mbuf *more = weir_mbuf_alloc(pool);

		if (more) {
			memset(weir_mbuf_append(more, 60), (int)(uint8_t)number, 60);
			weir_mbuf_concat(mbuf, more);
		}
	}
}

static void check_packet(const struct weir_mbuf *mbuf, uint64_t expect)
{
	uint64_t number;

	stress_check(weir_mbuf_check(mbuf) == 0, "%s", weir_last_error());
	memcpy(&number, weir_mbuf_data(mbuf), sizeof(number));
	stress_check(number == expect, "packet %llu came where %llu was due",
		(unsigned long long)number, (unsigned long long)expect);
	if (mbuf->next)
		stress_check(*weir_mbuf_data_at(mbuf->next, 59) == (uint8_t)number,
			"the second segment of packet %llu is another's",
			(unsigned long long)number);
}

/* One burst of new packets; those that do not fit the ring are freed and made again. */
static uint64_t send_some(struct weir_port *port, uint64_t next, uint64_t total, uint64_t *random)
{
	struct weir_mbuf *mbufs[BURST];
	uint32_t count = 1 + stress_random(random, BURST), sent;

	if (count > total - next)
		count = (uint32_t)(total - next);
	if (!count || weir_mbuf_alloc_bulk(pool, mbufs, count))
		return 0;
	for (uint32_t i = 0; i < count; i++)
		make_packet(mbufs[i], next + i, random);
	sent = weir_port_tx(port, 0, mbufs, count);
	weir_mbuf_free_bulk(mbufs + sent, count - sent);
	return sent;
}

static uint64_t receive_some(struct weir_port *port, uint64_t expect)
{
	struct weir_mbuf *mbufs[BURST];
	uint32_t count = weir_port_rx(port, 0, mbufs, BURST);

	for (uint32_t i = 0; i < count; i++)
		check_packet(mbufs[i], expect + i);
	weir_mbuf_free_bulk(mbufs, count);
	return count;
}

static void *run_end(void *argument)
{
	struct weir_port *port = argument;
	uint64_t random = stress_random_start(port == a[0]);
	uint64_t total = stress_count / 2, sent = 0, received = 0;

	while (sent < total || received < total) {
		uint64_t out = send_some(port, sent, total, &random);
		uint64_t in = receive_some(port, received);

		sent += out;
		received += in;
		if (!out && !in)
			stress_wait();
	}
	atomic_fetch_add_explicit(&ends_done, 1, memory_order_relaxed);
	return NULL;
}

struct bridge {
	struct weir_port *from, *to;
};

static void *run_bridge(void *argument)
{
	const struct bridge *bridge = argument;
	struct weir_mbuf *mbufs[BURST];

	while (atomic_load_explicit(&ends_done, memory_order_relaxed) < 2) {
		uint32_t count = weir_port_rx(bridge->from, 0, mbufs, BURST), sent = 0;

		while (sent < count) {
			uint32_t more = weir_port_tx(bridge->to, 0, mbufs + sent, count - sent);

			sent += more;
			if (!more)
				stress_wait();
		}
		if (!count)
			stress_wait();
	}
	return NULL;
}

static struct weir_port *open_port(const char *spec)
{
	struct weir_port *port = weir_port_open(spec, pool);

	stress_check(port, "%s", weir_last_error());
	return port;
}

static void close_port(struct weir_port *port, uint64_t sent, uint64_t received)
{
	struct weir_port_stats stats;

	weir_port_stats(port, &stats);
	stress_check(stats.tx_packets == sent && stats.rx_packets == received,
		"%s counts %llu sent and %llu received instead of %llu and %llu",
		weir_port_name(port), (unsigned long long)stats.tx_packets,
		(unsigned long long)stats.rx_packets, (unsigned long long)sent,
		(unsigned long long)received);
	stress_check(weir_port_close(port) == 0, "%s", weir_last_error());
}

int main(int argc, char **argv)
{
	struct weir_mbuf_pool_conf conf = {
		.name = "stress", .count = 4096, .size = 64, .pages = WEIR_PAGES_4K};
	struct bridge there, back;
	pthread_t threads[4];
	uint64_t half;

	stress_begin("pair", argc, argv, 1000000);
	half = stress_count / 2;
	pool = weir_mbuf_pool_create(&conf);
	stress_check(pool, "%s", weir_last_error());
	for (uint32_t i = 0; i < 2; i++) {
		a[i] = open_port("pair:a,ring=256");
		b[i] = open_port("pair:b,ring=256");
	}
	there = (struct bridge){.from = a[1], .to = b[0]};
	back = (struct bridge){.from = b[0], .to = a[1]};
	pthread_create(&threads[0], NULL, run_end, a[0]);
	pthread_create(&threads[1], NULL, run_end, b[1]);
	pthread_create(&threads[2], NULL, run_bridge, &there);
	pthread_create(&threads[3], NULL, run_bridge, &back);
	for (uint32_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	for (uint32_t i = 0; i < 2; i++) {
		close_port(a[i], half, half);
		close_port(b[i], half, half);
	}
	stress_check(weir_mempool_destroy(pool) == 0, "%s", weir_last_error());
	return 0;
}
