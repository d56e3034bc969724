/* SPDX-License-Identifier: BSD-3-Clause */
/* dpdk_lookup.c: what tools/bench-fw compares weir-fw with. DPDK receives a capture again and
 * again, looks up addresses, ports and protocol of each packet in rte_hash, and sends to net_null.
 *
 *	dpdk-lookup [EAL option]... -- CAPTURE PACKETS
 *
 * Of IPv4 without options and TCP or UDP, 60 bytes at least. Prints nanoseconds of processor
 * time a packet. The first packets, which the figure leaves out, make the flows.
 */
#include <rte_bus_vdev.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BURST       64
#define DESCRIPTORS 512
#define WARM        200000    /* packets */
#define FLOWS       200000    /* as weir-fw is told */
#define MBUFS       (1 << 17) /* infinite_rx keeps each packet of the file in one */

struct key {
	uint32_t address[2];
	uint16_t port[2];
	uint8_t protocol, zero[3];
};

struct loop {
	uint16_t rx, tx;
	struct rte_hash *flows;
};

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "dpdk-lookup: cannot have %s; DPDK's log says why\n", what);
	exit(1);
}

static double processor_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static uint16_t start_port(const char *name, const char *arguments, struct rte_mempool *pool)
{
	static const struct rte_eth_conf conf;
	uint16_t port;

	if (rte_eal_hotplug_add("vdev", name, arguments) ||
		rte_eth_dev_get_port_by_name(name, &port) ||
		rte_eth_dev_configure(port, 1, 1, &conf) ||
		rte_eth_rx_queue_setup(port, 0, DESCRIPTORS, SOCKET_ID_ANY, NULL, pool) ||
		rte_eth_tx_queue_setup(port, 0, DESCRIPTORS, SOCKET_ID_ANY, NULL) ||
		rte_eth_dev_start(port))
		die(name);
	return port;
}

static void start(struct loop *loop, const char *path)
{
	const struct rte_hash_parameters parameters = {.name = "flows",
		.entries = FLOWS,
		.key_len = sizeof(struct key),
		.hash_func = rte_hash_crc,
		.socket_id = SOCKET_ID_ANY};
	struct rte_mempool *pool = rte_pktmbuf_pool_create(
		"packets", MBUFS, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	char arguments[4096 + 64];

	if (!pool)
		die("a pool of mbufs");
	snprintf(arguments, sizeof(arguments), "rx_pcap=%s,infinite_rx=1", path);
	loop->rx = start_port("net_pcap0", arguments, pool);
	loop->tx = start_port("net_null0", "", pool);
	loop->flows = rte_hash_create(&parameters);
	if (!loop->flows)
		die("a hash");
}

static inline void read_key(struct rte_mbuf *mbuf, struct key *key)
{
	const uint8_t *frame = rte_pktmbuf_mtod(mbuf, const uint8_t *);

	memcpy(key->address, frame + 26, sizeof(key->address));
	memcpy(key->port, frame + 34, sizeof(key->port));
	key->protocol = frame[23];
	memset(key->zero, 0, sizeof(key->zero));
}

/* Returns how many packets came. */
static uint32_t turn(struct loop *loop)
{
	struct rte_mbuf *mbufs[BURST];
	struct key keys[BURST];
	const void *pointers[BURST];
	void *values[BURST];
	uint64_t found = 0;
	uint16_t count = rte_eth_rx_burst(loop->rx, 0, mbufs, BURST), sent;

	if (count == 0)
		return 0;
	for (uint16_t i = 0; i < count; i++) {
		read_key(mbufs[i], &keys[i]);
		pointers[i] = &keys[i];
	}
	rte_hash_lookup_bulk_data(loop->flows, pointers, count, &found, values);
	for (uint16_t i = 0; found != UINT64_MAX >> (64 - count) && i < count; i++)
		if (!(found >> i & 1) && rte_hash_add_key_data(loop->flows, &keys[i], loop) < 0)
			die("a flow");
	sent = rte_eth_tx_burst(loop->tx, 0, mbufs, count);
	rte_pktmbuf_free_bulk(mbufs + sent, count - sent);
	return count;
}

static void run(struct loop *loop, uint64_t packets)
{
	for (uint64_t done = 0; done < packets;)
		done += turn(loop);
}

int main(int argc, char **argv)
{
	int used = rte_eal_init(argc, argv);
	uint64_t packets;
	struct loop loop;
	double before;

	if (used < 0)
		die("an EAL");
	if (argc - used != 3 || (packets = strtoull(argv[used + 2], NULL, 10)) == 0) {
		fputs("usage: dpdk-lookup [EAL option]... -- CAPTURE PACKETS\n", stderr);
		return 2;
	}
	start(&loop, argv[used + 1]);
	run(&loop, WARM);
	before = processor_ns();
	run(&loop, packets);
	printf("%.2f\n", (processor_ns() - before) / (double)packets);
	return rte_eal_cleanup();
}
