/* SPDX-License-Identifier: BSD-3-Clause */
/* pcap.c: libpcap reading a capture file: each packet is looked at no further, or written. */
#include "../harness/bench.h"

#include <pcap/pcap.h>

#include <stdlib.h>
#include <string.h>

static char reason[PCAP_ERRBUF_SIZE];

struct reader {
	pcap_t *pcap;
	bool writes;
	pcap_dumper_t *out;
};

static int open_files(struct reader *reader, const char *path)
{
	char *out;

	reader->pcap = pcap_open_offline(path, reason);
	if (!reader->pcap || !reader->writes)
		return reader->pcap ? 0 : -1;
	if (asprintf(&out, "%s.out", path) < 0)
		return -1;
	reader->out = pcap_dump_open(reader->pcap, out);
	if (!reader->out)
		snprintf(reason, sizeof(reason), "%s", pcap_geterr(reader->pcap));
	free(out);
	return reader->out ? 0 : -1;
}

static int close_files(struct reader *reader)
{
	int result = 0;

	if (reader->out) {
		result = pcap_dump_flush(reader->out);
		pcap_dump_close(reader->out);
	}
	if (reader->pcap)
		pcap_close(reader->pcap);
	reader->out = NULL;
	reader->pcap = NULL;
	return result;
}

static void destroy(void *arg)
{
	close_files(arg);
	free(arg);
}

static void *create(const struct options *options, const char *path, const char *bench)
{
	struct reader *reader = calloc(1, sizeof(*reader));

	(void)options;
	if (!reader)
		return NULL;
	reader->writes = strncmp(bench, "convert", 7) == 0;
	if (open_files(reader, path) != 0) {
		destroy(reader);
		reader = NULL;
	}
	return reader;
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
		if (reader->out)
			pcap_dump((u_char *)reader->out, header, data);
		packets++;
	}
	return packets;
}

static int again(void *arg, const char *path)
{
	struct reader *reader = arg;

	return close_files(reader) != 0 || open_files(reader, path) != 0 ? -1 : 0;
}

static const struct replay_subject subject = {
	.open = create, .run = run, .rewind = again, .close = destroy};

static const struct bench bench_replay = {
	"replay", "read a capture file to drop", bench_replays, &subject};
static const struct bench bench_readahead = {
	"readahead", "the same once more: there is no thread that reads", bench_replays, &subject};
static const struct bench bench_convert = {
	"convert", "read a capture file and write another", bench_replays, &subject};
static const struct bench bench_convertahead = {
	"convertahead", "the same once more", bench_replays, &subject};

static const char *why(void)
{
	return reason;
}

static const struct bench *const benches[] = {
	&bench_replay, &bench_readahead, &bench_convert, &bench_convertahead, NULL};

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
