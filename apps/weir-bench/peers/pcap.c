/* SPDX-License-Identifier: BSD-3-Clause */
/* pcap.c: libpcap reading a capture file: each packet is looked at no further. */
#include "../harness/bench.h"

#include <pcap/pcap.h>

#include <stdlib.h>

static char reason[PCAP_ERRBUF_SIZE];

struct reader {
	pcap_t *pcap;
};

static int open_file(struct reader *reader, const char *path)
{
	reader->pcap = pcap_open_offline(path, reason);
	return reader->pcap ? 0 : -1;
}

static void *create(const struct options *options, const char *path)
{
	struct reader *reader = calloc(1, sizeof(*reader));

	(void)options;
	if (reader && open_file(reader, path) != 0) {
		free(reader);
		reader = NULL;
	}
	return reader;
}

static void destroy(void *arg)
{
	struct reader *reader = arg;

	if (reader->pcap)
		pcap_close(reader->pcap);
	free(reader);
}

static uint64_t run(void *arg, uint64_t rounds)
{
	struct reader *reader = arg;
	struct pcap_pkthdr *header;
	const u_char *data;
	uint64_t packets = 0;

	while (packets < rounds * BENCH_REPLAY_BURST &&
		pcap_next_ex(reader->pcap, &header, &data) == 1) {
		__asm__ __volatile__("" : : "r"(data) : "memory");
		packets++;
	}
	return packets;
}

static int again(void *arg, const char *path)
{
	struct reader *reader = arg;

	pcap_close(reader->pcap);
	return open_file(reader, path);
}

static const struct replay_subject subject = {
	.open = create, .run = run, .rewind = again, .close = destroy};

static const struct bench bench_replay = {
	"replay", "read a capture file to drop", bench_replays, &subject};

static const char *why(void)
{
	return reason;
}

static const struct bench *const benches[] = {&bench_replay, NULL};

static const struct bench_program program = {
	.impl = "pcap",
	.doc = "Measure libpcap as weir-bench measures weir's ports.\vWhat can be measured:",
	.benches = benches,
	.why = why,
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, &program);
}
