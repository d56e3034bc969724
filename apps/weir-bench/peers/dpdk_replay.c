/* SPDX-License-Identifier: BSD-3-Clause */
/* dpdk_replay.c: receive a capture file from DPDK's net_pcap, once or in its endless way, and free
 * what comes or send it to another file. */
#include "dpdk_calls.h"

#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include <stdlib.h>
#include <string.h>

#define DEVICE      "net_pcap0"
#define DESCRIPTORS 512

/* Its endless way keeps each packet of the file in an mbuf of the pool; the made files have so
 * many.
 */
#define LOOP_MBUFS 1000000

struct reader {
	bool sends, loops;
	struct rte_mempool *pool;
	uint16_t port;
	bool plugged;
};

/* The calls of ethdev return -errno; why() reads rte_errno. */
static int checked(int result)
{
	if (result < 0)
		rte_errno = -result;
	return result;
}

static int start_port(struct reader *reader, const char *path)
{
	static const struct rte_eth_conf conf;
	char arguments[2 * 4096 + 64];

	snprintf(arguments, sizeof(arguments), "rx_pcap=%s%s%s%s", path,
		reader->loops ? ",infinite_rx=1" : "", reader->sends ? ",tx_pcap=" : "",
		reader->sends ? path : "");
	if (reader->sends)
		strcat(arguments, ".out");
	if (checked(rte_eal_hotplug_add("vdev", DEVICE, arguments)) != 0)
		return -1;
	reader->plugged = true;
	if (checked(rte_eth_dev_get_port_by_name(DEVICE, &reader->port)) != 0 ||
		checked(rte_eth_dev_configure(reader->port, 1, 1, &conf)) != 0 ||
		checked(rte_eth_rx_queue_setup(
			reader->port, 0, DESCRIPTORS, SOCKET_ID_ANY, NULL, reader->pool)) != 0 ||
		checked(rte_eth_tx_queue_setup(
			reader->port, 0, DESCRIPTORS, SOCKET_ID_ANY, NULL)) != 0)
		return -1;
	return checked(rte_eth_dev_start(reader->port));
}

static void destroy(void *arg)
{
	struct reader *reader = arg;

	if (reader->plugged) {
		rte_eth_dev_stop(reader->port);
		rte_eth_dev_close(reader->port);
		rte_eal_hotplug_remove("vdev", DEVICE);
	}
	rte_mempool_free(reader->pool);
	free(reader);
}

static void *create(const struct options *options, const char *path, const char *bench)
{
	struct reader *reader = calloc(1, sizeof(*reader));
	struct options with = *options;

	if (!reader)
		return NULL;
	reader->sends = strncmp(bench, "convert", 7) == 0;
	reader->loops = strncmp(bench, "loop", 4) == 0;
	if (reader->loops)
		with.count += LOOP_MBUFS;
	reader->pool = dpdk_mbuf_subject.create(&with);
	if (!reader->pool || start_port(reader, path) != 0) {
		destroy(reader);
		return NULL;
	}
	return reader;
}

static uint64_t run(void *arg, uint64_t rounds)
{
	struct reader *reader = arg;
	uint64_t packets = 0;

	for (uint64_t i = 0; i < rounds; i++) {
		struct rte_mbuf *mbufs[BENCH_REPLAY_BURST];
		uint16_t got = rte_eth_rx_burst(reader->port, 0, mbufs, BENCH_REPLAY_BURST);

		uint16_t sent = 0;

		if (got == 0)
			break;
		if (reader->sends)
			sent = rte_eth_tx_burst(reader->port, 0, mbufs, got);
		rte_pktmbuf_free_bulk(mbufs + sent, got - sent);
		packets += got;
	}
	return packets;
}

/* Starting the port opens its file again. */
static int again(void *arg, const char *path)
{
	struct reader *reader = arg;

	(void)path;
	rte_eth_dev_stop(reader->port);
	return checked(rte_eth_dev_start(reader->port));
}

static const struct replay_subject subject = {
	.open = create,
	.run = run,
	.rewind = again,
	.close = destroy,
	.pages = dpdk_pages,
	.enter = dpdk_enter,
	.leave = dpdk_leave,
};

/* With --no-huge there is no memory for that. */
static int bench_loops(struct bench_run *run, const struct bench *bench)
{
	if (strcmp(dpdk_pages(NULL), "2M") == 0)
		return bench_replays(run, bench);
	fprintf(stderr, "peer-dpdk: %s needs 1300 hugepages of 2 MiB\n", bench->name);
	return 0;
}

const struct bench dpdk_bench_replay = {
	"replay", "read a capture file to drop", bench_replays, &subject};
const struct bench dpdk_bench_readahead = {
	"readahead", "the same once more: there is no thread that reads", bench_replays, &subject};
const struct bench dpdk_bench_loop = {
	"loop", "infinite_rx of a capture file to drop", bench_loops, &subject};
const struct bench dpdk_bench_loopcopy = {
	"loopcopy", "the same, which copies", bench_loops, &subject};
const struct bench dpdk_bench_convert = {
	"convert", "read a capture file and write another", bench_replays, &subject};
const struct bench dpdk_bench_convertahead = {
	"convertahead", "the same once more", bench_replays, &subject};
