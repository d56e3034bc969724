/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_replay.c: receive a capture file from a port, once or again and again, and free what comes
 * or send it to another file. */
#include "benches.h"

#include <weir/mbuf.h>
#include <weir/port.h>

#include <sched.h>
#include <stdlib.h>
#include <string.h>

/* What stands behind the path in the port that is received from, by bench. */
static const struct way {
	const char *bench, *keys;
	bool sends; /* to a file beside the one read */
} ways[] = {
	{"replay", "", false},
	{"readahead", ",reader=thread", false},
	{"loop", ",loop=0,preload=attach", false},
	{"loopcopy", ",loop=0,preload=copy", false},
	{"convert", "", true},
	{"convertahead", ",reader=thread", true},
	{0},
};

struct reader {
	const struct way *way;
	struct weir_mempool *pool;
	struct weir_port *port, *out;
};

static struct weir_port *open_spec(
	const char *before, const char *path, const char *behind, struct weir_mempool *pool)
{
	struct weir_port *port;
	char *spec;

	if (asprintf(&spec, "%s%s%s", before, path, behind) < 0)
		return NULL;
	port = weir_port_open(spec, pool);
	free(spec);
	return port;
}

static int open_ports(struct reader *reader, const char *path)
{
	if (reader->way->sends) {
		reader->out = open_spec("pcap:tx=", path, ".out", NULL);
		if (!reader->out)
			return -1;
	}
	reader->port = open_spec("pcap:rx=", path, reader->way->keys, reader->pool);
	return reader->port ? 0 : -1;
}

static int close_ports(struct reader *reader)
{
	int failed = reader->port && weir_port_state(reader->port) < 0;

	if (failed)
		fprintf(stderr, "weir-bench: %s\n", weir_port_error(reader->port));
	weir_port_close(reader->port);
	if (weir_port_close(reader->out) != 0) {
		fprintf(stderr, "weir-bench: %s\n", weir_last_error());
		failed = 1;
	}
	reader->port = reader->out = NULL;
	return failed ? -1 : 0;
}

static void destroy(void *arg)
{
	struct reader *reader = arg;

	close_ports(reader);
	benches_destroy(reader->pool);
	free(reader);
}

static void *create(const struct options *options, const char *path, const char *bench)
{
	struct reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return NULL;
	reader->way = ways;
	while (strcmp(reader->way->bench, bench) != 0)
		reader->way++;
	reader->pool = mbuf_subject.create(options);
	if (!reader->pool || open_ports(reader, path) != 0) {
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
		struct weir_mbuf *mbufs[BENCH_REPLAY_BURST];
		uint32_t got = weir_port_rx(reader->port, 0, mbufs, BENCH_REPLAY_BURST);

		/* a thread that reads may be behind */
		while (got == 0 && weir_port_state(reader->port) == WEIR_PORT_UP) {
			sched_yield();
			got = weir_port_rx(reader->port, 0, mbufs, BENCH_REPLAY_BURST);
		}
		if (got == 0)
			break;
		if (reader->out)
			weir_port_tx_or_drop(reader->out, 0, mbufs, got);
		else
			weir_mbuf_free_bulk(mbufs, got);
		packets += got;
	}
	return packets;
}

static int again(void *arg, const char *path)
{
	struct reader *reader = arg;
	int failed = close_ports(reader);

	return open_ports(reader, path) != 0 || failed ? -1 : 0;
}

static const char *pages(void *arg)
{
	return benches_pages_of(((struct reader *)arg)->pool);
}

static const struct replay_subject subject = {
	.open = create,
	.run = run,
	.rewind = again,
	.close = destroy,
	.pages = pages,
};

const struct bench bench_replay = {
	"replay", "read a capture file to drop", bench_replays, &subject};
const struct bench bench_readahead = {
	"readahead", "the same with a thread that reads", bench_replays, &subject};
const struct bench bench_loop = {
	"loop", "packets of a capture in memory to drop, unread", bench_replays, &subject};
const struct bench bench_loopcopy = {
	"loopcopy", "packets of a capture in memory, copied", bench_replays, &subject};
const struct bench bench_convert = {
	"convert", "read a capture file and write another", bench_replays, &subject};
const struct bench bench_convertahead = {
	"convertahead", "the same with a thread that reads", bench_replays, &subject};
