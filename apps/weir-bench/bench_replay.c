/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_replay.c: receive a capture file from a port, and free what comes. */
#include "benches.h"

#include <weir/mbuf.h>
#include <weir/port.h>

#include <stdlib.h>

struct reader {
	struct weir_mempool *pool;
	struct weir_port *port;
};

/* A path with a comma or colon is no part of a spec, but a path alone is one. */
static int open_port(struct reader *reader, const char *path)
{
	reader->port = weir_port_open(path, reader->pool);
	return reader->port ? 0 : -1;
}

static void destroy(void *arg)
{
	struct reader *reader = arg;

	weir_port_close(reader->port);
	benches_destroy(reader->pool);
	free(reader);
}

static void *create(const struct options *options, const char *path)
{
	struct reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return NULL;
	reader->pool = mbuf_subject.create(options);
	if (!reader->pool || open_port(reader, path) != 0) {
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

		if (got == 0)
			break;
		weir_mbuf_free_bulk(mbufs, got);
		packets += got;
	}
	return packets;
}

static int again(void *arg, const char *path)
{
	struct reader *reader = arg;
	int failed = weir_port_state(reader->port) < 0;

	if (failed)
		fprintf(stderr, "weir-bench: %s\n", weir_port_error(reader->port));
	weir_port_close(reader->port);
	return open_port(reader, path) != 0 || failed ? -1 : 0;
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
